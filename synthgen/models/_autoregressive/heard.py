"""Which columns each column of a wide table is told by: those that say most of it, so that its cost does not grow."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synthgen.models._autoregressive.layout import HEARD, Layout

#: Rows by which it is found, and codes of a column that are told apart there; rarer ones count as one.
_ROWS: Final = 8192
_CODES: Final = 24


def heard(layout: Layout, codes: NDArray[np.integer[Any]]) -> tuple[tuple[int, ...], ...]:
    """For each run of columns the earlier entries that say most of it; empty where there are few enough to hear all.

    What one column says of another is their mutual information in some of the rows, less what chance would give
    (Miller 1955); what it says of a run is the sum.

    Args:
        codes: ``(n, entries)``; the slot behind a column's codes where a cell is unobserved.
    """
    if len(layout.order) - layout.first_own <= HEARD or not len(codes):
        return ()
    some = codes[np.linspace(0, len(codes) - 1, min(len(codes), _ROWS)).astype(np.int64)]
    places = [_common(some[:, e]) for e in range(layout.first_own, len(layout.order))]
    ends = np.cumsum([0, *(of.max() + 1 for of in places)])
    shown = np.zeros((len(some), ends[-1]), np.float32)
    for first, of in zip(ends, places, strict=False):
        shown[np.arange(len(some)), first + of] = 1.0
    entropies = _sums(_surprise(shown.mean(axis=0, dtype=np.float64)), ends)
    freedom = np.diff(ends) - 1
    found: list[tuple[int, ...]] = []
    for run in layout.runs:
        first, last = run.start - layout.first_own, run.stop - layout.first_own
        if first <= HEARD:
            found.append(tuple(range(layout.first_own, run.start)))
            continue
        shares = shown[:, ends[first] : ends[last]].T @ shown[:, : ends[first]] / np.float32(len(some))
        together = _sums(_surprise(shares.astype(np.float64)).sum(axis=0), ends[: first + 1])
        chance = freedom[:first] * freedom[first:last].sum() / (2 * len(some))
        said = len(run) * entropies[:first] + entropies[first:last].sum() - together - chance
        found.append(tuple(sorted((layout.first_own + np.argsort(-said, kind="stable")[:HEARD]).tolist())))
    return tuple(found)


def _common(codes: NDArray[np.integer[Any]]) -> NDArray[np.int64]:
    """The place of each code among the commonest, and one more place for all others."""
    counts = np.bincount(codes)
    place = np.full(len(counts), _CODES, np.int64)
    place[np.argsort(-counts, kind="stable")[:_CODES]] = np.arange(min(len(counts), _CODES))
    found: NDArray[np.int64] = place[codes]
    return found


def _surprise(shares: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(-shares * np.log(np.where(shares > 0, shares, 1.0)), np.float64)


def _sums(values: NDArray[np.float64], ends: NDArray[np.int64]) -> NDArray[np.float64]:
    """The sum of each column's part."""
    return np.asarray(np.add.reduceat(values, ends[:-1]), np.float64)
