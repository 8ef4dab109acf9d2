"""Conditions for a model that can only draw: draw again whatever does not meet them, so often and no oftener."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain
from synthgen.errors import NotApplicable
from synthgen.models.base import Codes, Given, of_rows

#: How often all rows are drawn before a condition counts as one without support.
_ROUNDS: Final = 300
#: Rows drawn in a round where fewer are asked for.
_AT_LEAST: Final = 256


def draw_until_met(
    draw: Callable[[NDArray[np.int64]], Codes], n: int, given: Given, domains: tuple[Domain, ...]
) -> Codes:
    """Rows of the conditional distribution, by rejection: shape ``(n, len(domains))``.

    Every round draws about as many rows: the fewer are open, the more often each is tried.

    Args:
        draw: fresh rows for the positions it is handed, shape ``(len(positions), len(domains))``; a position fixes
            the row's context.

    Raises:
        NotApplicable: a row's condition was not met in 300 rounds.
    """
    codes = np.zeros((n, len(domains)), np.int32, order="F")
    open_rows = np.arange(n)
    for _ in range(_ROUNDS):
        if not len(open_rows):
            return codes
        tried = np.repeat(open_rows, max(n, _AT_LEAST) // len(open_rows)) if given else open_rows
        drawn = draw(tried)
        met = meets(drawn, of_rows(given, tried))
        found, first = np.unique(tried[met], return_index=True)
        codes[found] = drawn[met][first]
        open_rows = np.setdiff1d(open_rows, found, assume_unique=True)
    if len(open_rows):
        names = ", ".join(sorted({domains[column].owner for column in given}))
        raise NotApplicable(f"the model did not generate what is asked of {names} in {_ROUNDS} rounds of drawing")
    return codes


def meets(codes: Codes, given: Given) -> NDArray[np.bool_]:
    """Which rows meet their condition, shape ``(n,)``."""
    met = np.ones(len(codes), bool)
    for column, condition in given.items():
        own = codes[:, column]
        if condition.dtype == bool:
            allowed = np.broadcast_to(np.atleast_2d(condition), (len(codes), condition.shape[-1]))
            met &= np.take_along_axis(allowed, own[:, None].astype(np.int64), axis=1)[:, 0]
        else:
            met &= (condition == UNOBSERVED) | (condition == own)
    return met
