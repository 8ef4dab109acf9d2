"""Which lengths of a flat table last until the data end: those of many rows end on one day, and hardly any after it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.since import DAY
from synthgen.encoding.until import Until
from synthgen.relational.codec import Plan
from synthgen.relational.source import taken
from synthgen.reshape.operands import Operand
from synthgen.schema.column import Column, Date, Datetime, Integer
from synthgen.schema.rules import expression as ex
from synthgen.tables.dataset import Table
from synthgen.tables.split import Split

#: The share of the rows that end on the day on which data end, and what share may end later.
_AT_THE_END: Final = 0.02
_LATER: Final = 0.005


@dataclass(frozen=True)
class Ends:
    """Rows by the day on which a length ends; ``merge`` is exact in any order and grouping.

    Attributes:
        days: since 1970, ascending.
        rows: that end on each.
    """

    days: NDArray[np.int64]
    rows: NDArray[np.int64]

    @classmethod
    def of(cls, starts: NDArray[np.float64], lengths: NDArray[np.float64]) -> Ends:
        """Of moments in seconds and lengths in days; NaN where there is none."""
        both = ~np.isnan(starts) & ~np.isnan(lengths)
        ends = (starts[both] // DAY + lengths[both]).astype(np.int64)
        return cls(*np.unique(ends, return_counts=True))

    def merge(self, other: Ends) -> Ends:
        days, place = np.unique(np.r_[self.days, other.days], return_inverse=True)
        rows = np.bincount(place, np.r_[self.rows, other.rows], len(days)).astype(np.int64)
        return Ends(days, rows)

    def last(self, fewest: int) -> int | None:
        """The day on which the data end; ``None`` where so many rows share none."""
        if not len(self.days):
            return None
        at, total = int(np.argmax(self.rows)), int(self.rows.sum())
        is_end = self.rows[at] >= max(_AT_THE_END * total, fewest) and self.rows[at + 1 :].sum() <= _LATER * total
        return int(self.days[at]) if is_end else None


def lasting_to_the_end(table: Table, plan: Plan, split: Split, rare_below: int) -> dict[str, Until]:
    """The lengths many of which end on the last day of the training rows, with their beginnings.

    Lengths are those that a computed date is a date and a length of, and the follow-up, beside every date. Nothing is
    looked for where patients have several rows.
    """
    # Of several rows of a patient each would be counted.
    pairs = _pairs(plan) if split.patient is None else []
    names = dict.fromkeys(name for pair in pairs for name in pair)
    operands = {name: Operand.of(plan.config, name, plan.format) for name in names}
    found: dict[tuple[str, str], Ends] = {}
    for block, _, held_out in split.blocks(table) if pairs else ():
        kept = taken(block, np.flatnonzero(~held_out))
        values = {name: np.asarray(operands[name].read(kept.column(name)).numbers) for name in names}
        for start, length in pairs:
            ends = Ends.of(values[start], values[length])
            found[start, length] = found[start, length].merge(ends) if (start, length) in found else ends
    until: dict[str, Until] = {}
    for (start, length), ends in found.items():
        if length not in until and (last := ends.last(max(rare_below, 11))) is not None:
            until[length] = Until(start, last)
    return until


def _pairs(plan: Plan) -> list[tuple[str, str]]:
    """Dates and lengths that may go together."""
    columns, found = plan.config.columns, []
    for step in plan.computed.values():
        if isinstance(step.expression, ex.Sum):
            found += [(a, b) for a in step.operands for b in step.operands if a != b]
    if plan.config.survival is not None:
        found += [(name, plan.config.survival.time) for name in columns]
    return [
        (start, length)
        for start, length in dict.fromkeys(found)
        if _is_learned(plan, start, Date, Datetime) and _is_learned(plan, length, Integer) and length not in plan.units
    ]


def _is_learned(plan: Plan, name: str, *kinds: type[Column]) -> bool:
    return isinstance(plan.config.columns[name], kinds) and name in plan.kinds and name not in plan.computed
