"""Drawing codes in proportion to their mass, the codes of all rows at a time.

Masses have a row for each code: what is done along the codes then runs over many rows at once, which is several times
faster where codes are few.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED
from synthgen.models.base import Condition, fixes

#: Of fewer rows NumPy's own running totals are faster than one code after another; of many they go from row to row of
#: the memory and are far slower.
_FEW_ROWS: Final = 300


def draw(
    mass: NDArray[np.float32], condition: Condition | None, rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
    """A code per row in proportion to its mass that meets the condition, and the logarithm of all such mass.

    Where the condition has no mass the code is 0 and the logarithm minus infinity.

    Args:
        mass: ``(codes, rows)``; overwritten.
    """
    n: int = mass.shape[1]
    log_met = np.zeros(n)
    if condition is not None:
        whole = mass.sum(axis=0, dtype=np.float64)
        if not fixes(condition):
            mass *= condition[:, None] if condition.ndim == 1 else condition.T
            within = mass.sum(axis=0, dtype=np.float64)
        else:
            fixed = condition != UNOBSERVED
            at = np.where(fixed, condition, 0)
            within = np.where(fixed, mass[at, np.arange(n)], whole)
        with np.errstate(divide="ignore"):  # what cannot be has a logarithm of minus infinity
            log_met = np.log(within) - np.log(whole)
        if fixes(condition) and fixed.all():
            return at.astype(np.int32), log_met
    codes = at_share(mass, rng.random(n, dtype=np.float32))
    if condition is not None:
        codes = np.where(np.isneginf(log_met), 0, codes)
        if fixes(condition):
            codes = np.where(fixed, at, codes)
    return codes.astype(np.int32), log_met


def at_share(mass: NDArray[np.float32], share: NDArray[np.float32]) -> NDArray[np.int32]:
    """The code of each row at which this share of the row's mass is passed; one that has mass, where any has.

    Args:
        mass: ``(codes, rows)``; overwritten.
        share: from 0 to below 1, ``(rows,)``.
    """
    few = len(share) < _FEW_ROWS
    if few:
        np.cumsum(mass, axis=0, out=mass)
    else:
        for before, here in pairwise(mass):
            np.add(here, before, out=here)
    total = mass[-1]
    # Rounded up, a share of less than 1 may be all of the mass, and beyond it stand codes that have none.
    passed = np.minimum(share * total, np.nextafter(total, np.float32(0)))
    if few:
        told: NDArray[np.int32] = (mass[:-1] <= passed).sum(axis=0, dtype=np.int32)
        return told
    codes = np.zeros(len(share), np.int32)
    for here in mass[:-1]:
        codes += here <= passed
    return codes
