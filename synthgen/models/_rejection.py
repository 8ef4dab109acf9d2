"""Conditions for what can only be drawn: draw again whatever does not meet them, so often and no oftener."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain
from synthgen.errors import NotApplicable
from synthgen.models.base import Codes, Given, fixes, of_rows

#: How often all rows are drawn before a condition counts as one without support.
_ROUNDS: Final = 300
#: Rows drawn in a round where fewer are asked for.
_AT_LEAST: Final = 256


def draw_until_met(
    draw: Callable[[NDArray[np.int64]], Codes],
    n: int,
    given: Given,
    domains: tuple[Domain, ...],
    rng: np.random.Generator,
) -> Codes:
    """Rows of the conditional distribution, by rejection: shape ``(n, len(domains))``.

    Args:
        draw: fresh rows for the positions it is handed, shape ``(len(positions), len(domains))``; a position fixes
            the row's context.

    Raises:
        NotApplicable: a row's condition was not met in 300 rounds.
    """

    def accepted(drawn: Codes, positions: NDArray[np.int64]) -> NDArray[np.float64]:
        asked = of_rows(given, positions)
        return probability_met(drawn, asked) / _most(asked)

    names = ", ".join(sorted({domains[column].owner for column in given}))
    return draw_until(draw, n, len(domains), accepted, rng, what=f"what is asked of {names}")


def draw_until(
    draw: Callable[[NDArray[np.int64]], Codes],
    n: int,
    width: int,
    accepted: Callable[[Codes, NDArray[np.int64]], NDArray[np.float64]],
    rng: np.random.Generator,
    *,
    what: str,
) -> Codes:
    """Rows drawn until each is accepted (von Neumann 1951), shape ``(n, width)``.

    Every round draws about as many rows: the fewer are open, the more often each is tried.

    Args:
        draw: fresh rows for positions, as in ``draw_until_met``.
        accepted: the probability that each drawn row is accepted, given the rows and their positions.
        what: is being looked for, for the message.

    Raises:
        NotApplicable: none was accepted for some row in 300 rounds.
    """
    codes, open_rows = np.zeros((n, width), np.int32, order="F"), np.arange(n)
    for _ in range(_ROUNDS):
        if not len(open_rows):
            return codes
        tried = np.repeat(open_rows, max(n, _AT_LEAST) // len(open_rows))
        drawn = draw(tried)
        met = rng.random(len(tried)) < accepted(drawn, tried)
        found, first = np.unique(tried[met], return_index=True)
        codes[found] = drawn[met][first]
        open_rows = np.setdiff1d(open_rows, found, assume_unique=True)
    if len(open_rows):
        raise NotApplicable(f"the model did not generate {what} in {_ROUNDS} rounds of drawing")
    return codes


def probability_met(codes: Codes, given: Given) -> NDArray[np.float64]:
    """How probable each row is to meet its condition, shape ``(n,)``; 0 or 1 but where probabilities are given."""
    met = np.ones(len(codes))
    for column, condition in given.items():
        own = codes[:, column]
        if fixes(condition):
            met *= (condition == UNOBSERVED) | (condition == own)
        elif condition.ndim == 1:
            met *= condition[own].astype(np.float64)
        else:
            met *= np.take_along_axis(condition, own[:, None].astype(np.int64), axis=1)[:, 0].astype(np.float64)
    return met


def _most(given: Given) -> NDArray[np.float64] | float:
    """How probable a row is at most to meet its condition: by it no more is rejected than has to be."""
    most: NDArray[np.float64] | float = 1.0
    for condition in given.values():
        if condition.dtype.kind == "f":
            highest = condition.max(axis=-1)
            most = most * np.where(highest > 0, highest, 1.0)
    return most
