"""Dates of a row of which one hardly ever precedes the other: an admission and a discharge."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.inference.header import read_header
from synthgen.inference.values import Values
from synthgen.reshape.operands import Operand
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import truth

#: The share of the rows with both dates in which the order has to hold.
OBEYED: Final = 0.995
#: In so many of them, at least, it would break if the two were drawn apart; else nothing needs to keep it.
WOULD_BREAK: Final = 0.01
#: Rows with both dates that are needed to tell.
_ENOUGH_ROWS: Final = 100
#: So few deaths tell that nobody is seen after one, if nothing says otherwise.
ENOUGH_DEATHS: Final = 5
#: Data end on a day that so many rows have as the last: who was alive then was followed until it.
_END: Final = 0.02


@dataclass(frozen=True)
class Succession:
    """``later`` is not before ``earlier`` in ``share`` of the rows that have both."""

    earlier: str
    later: str
    share: float

    @property
    def rule(self) -> str:
        """In the language of rules."""
        return str(_rule(self.earlier, self.later))


def find_successions(
    batches: Iterable[pa.RecordBatch],
    columns: Sequence[str],
    operands: Mapping[str, Operand],
    held: Mapping[str, Values],
) -> list[Succession]:
    """Which dates succeed which, in the order of the table; none that follows from two others in every row.

    Args:
        columns: of the batches, in order.
        operands: how columns of dates, with or without a time of day, are read.
        held: the distinct texts of these columns.
    """
    names = list(operands)
    both, obeyed = np.zeros((2, len(names), len(names)), np.int64)
    for batch in batches if len(names) > 1 else ():
        moments = {ex.Column(name): operands[name].read(batch.column(columns.index(name))) for name in names}
        for i, j in _pairs(len(names)):
            judged = truth(_rule(names[i], names[j]), moments)
            both[i, j] += int((judged.holds | judged.fails).sum())
            obeyed[i, j] += int(judged.holds.sum())
    found = {
        (i, j): obeyed[i, j] / both[i, j]
        for i, j in _pairs(len(names))
        if (both[i, j] >= _ENOUGH_ROWS and obeyed[i, j] >= OBEYED * both[i, j])
        or (both[i, j] >= ENOUGH_DEATHS and obeyed[i, j] == both[i, j] and read_header(names[j]).is_death)
    }
    found = {(i, j): share for (i, j), share in found.items() if i < j or (j, i) not in found}
    return [
        Succession(names[i], names[j], share)
        for (i, j), share in found.items()
        if not any(
            (i, k) in found and (k, j) in found and min(both[i, k], both[k, j]) >= both[i, j] for k in range(len(names))
        )
        and would_break(*(_weighed(operands[name], held[name]) for name in (names[i], names[j]))) >= WOULD_BREAK
    ]


def last_day(operand: Operand, held: Values, rare_below: int) -> str | None:
    """The last of all days as it is written, where so many rows have it that the data end there; else ``None``.

    Args:
        held: the distinct texts of a column of days.
        rare_below: a day of fewer patients is never named.
    """
    moments = operand.read(held.texts).numbers
    order = np.flatnonzero(moments == np.nanmax(moments, initial=-np.inf))
    rows, people = int(held.counts[order].sum()), int(held.people[order].max(initial=0))
    if not held.complete or people < rare_below or rows < _END * held.rows:
        return None
    return str(held.stripped[int(order[0])].as_py())


def _pairs(n: int) -> list[tuple[int, int]]:
    return [(i, j) for i in range(n) for j in range(n) if i != j]


def _rule(earlier: str, later: str) -> ex.Compare:
    return ex.Compare(">=", ex.Column(later), ex.Column(earlier))


def _weighed(operand: Operand, column: Values) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The moments of a column, ascending, and the rows of each."""
    moments = operand.read(column.texts).numbers
    order = np.argsort(moments)[: int((~np.isnan(moments)).sum())]  # what is no number comes last
    return moments[order], column.counts[order]


def would_break(
    earlier: tuple[NDArray[np.float64], NDArray[np.int64]], later: tuple[NDArray[np.float64], NDArray[np.int64]]
) -> float:
    """How probable it is that a moment of the one column, drawn by itself, is after one of the other."""
    (before, n_before), (after, n_after) = earlier, later
    not_before = np.searchsorted(before, after, side="right")
    smaller = np.r_[0, np.cumsum(n_before)][not_before]
    return 1.0 - float(n_after @ smaller) / (float(n_before.sum()) * float(n_after.sum()))
