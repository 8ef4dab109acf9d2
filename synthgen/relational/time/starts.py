"""How long after (or before) its parent's moment the first row of each parent comes, told with the parent.

So what a patient's rows have in common, such as a time zone by which everything is dated a day early, is one decision.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.quantiser import Quantiser
from synthgen.relational.fold import AFTER, BEFORE, NONE, OTHER

#: Distances that are told as they are: so many at most, each with such a share of the first rows.
_MOST: Final = 8
_COMMON: Final = 0.01
#: The share of a patient's rows that makes a habit.
_USUAL: Final = 0.8


def distances(steps: NDArray[np.int64]) -> NDArray[np.object_]:
    """The labels of first rows: the distance in steps where it is a common one, else its sign."""
    found = np.where(steps < 0, BEFORE, AFTER).astype(object)
    values, counts = np.unique(steps, return_counts=True)
    commonest = np.argsort(-counts, kind="stable")[:_MOST]
    for at in commonest[counts[commonest] >= _COMMON * len(steps)]:
        found[steps == values[at]] = str(values[at])
    return found


def habits(whose: NDArray[np.int64], labels: NDArray[np.object_], n: int) -> NDArray[np.object_]:
    """The label that nearly all rows of each patient have which have any; ``OTHER`` for none, ``NONE`` for no row.

    Args:
        whose: the patient of each row.
        n: the number of patients.
    """
    told = labels != NONE
    distinct, at = np.unique(labels[told].astype(str), return_inverse=True)
    counts = np.zeros((n, len(distinct)), np.int64)
    np.add.at(counts, (whose[told], at), 1)
    found = np.where(counts.any(axis=1), OTHER, NONE).astype(object)
    usual = np.flatnonzero(counts.max(axis=1, initial=0) >= np.maximum(_USUAL * counts.sum(axis=1), 1))
    found[usual] = distinct[counts[usual].argmax(axis=1)]
    return found


def fitting(labels: pa.Array, quantiser: Quantiser) -> NDArray[np.bool_]:
    """Which codes of the first step fit what each parent tells, ``(n_parents + 1, codes)``; the last is for none."""
    encoded = labels if pa.types.is_dictionary(labels.type) else labels.dictionary_encode()
    low, high = quantiser.bounds()
    by_label = [_fits(text, low, high) for text in pc.cast(encoded.dictionary, pa.string()).to_pylist()]
    table = np.array([*by_label, np.ones(len(low), bool)], bool).reshape(len(by_label) + 1, len(low))
    found: NDArray[np.bool_] = table[np.append(np.asarray(encoded.indices), len(by_label))]
    return found


def _fits(label: str, low: NDArray[np.int64], high: NDArray[np.int64]) -> NDArray[np.bool_]:
    anything = np.ones(len(low), bool)
    if label in (BEFORE, AFTER):
        return np.where(low < 0 if label == BEFORE else high > 0, anything, False)
    if not label.removeprefix("-").isdecimal():
        return anything
    # A distance that is told by itself may also lie in the middle of a wide range.
    atom = anything & (low == int(label)) & (high == int(label))
    around = anything & (low <= int(label)) & (high >= int(label))
    return next((fits for fits in (atom, around) if fits.any()), anything)
