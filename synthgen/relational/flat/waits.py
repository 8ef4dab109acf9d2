"""Which dates of a flat table are told by how long they come after another one that a rule puts before them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.since import DAY, Since
from synthgen.encoding.temporal import TemporalKind
from synthgen.relational.codec import Plan
from synthgen.relational.source import taken
from synthgen.reshape.operands import Operand
from synthgen.schema.column import Date, Datetime
from synthgen.schema.rules import expression as ex
from synthgen.tables.dataset import Table
from synthgen.tables.split import Split

#: Waits are spread (interquartile) over so small a share of what the later dates are, or dates are learned as they are.
_CLOSELY: Final = 0.5
#: So many of the rows with the later date have the earlier one.
_NEARLY_ALL: Final = 0.995
#: The ends of the cells in which waits and moments are counted: doubling, from a minute to some thousand years.
_WAITS: Final = 60.0 * 2.0 ** np.arange(0, 31, 0.5)
_ORIGIN: Final = -400 * 366 * DAY
_MONTH: Final = 30 * DAY


@dataclass(frozen=True)
class Counts:
    """How far two dates are apart in the rows of a table; ``merge`` is exact in any order and grouping.

    Attributes:
        later: rows with the later date.
        waits: of those with both, by cell of the wait; those that are too early in the first.
        months: of the same, by the month of the later date.
    """

    later: int
    waits: NDArray[np.int64]
    months: NDArray[np.int64]

    @classmethod
    def of(cls, earlier: NDArray[np.float64], later: NDArray[np.float64]) -> Counts:
        """Of moments in seconds; NaN where there is none."""
        both = ~np.isnan(earlier) & ~np.isnan(later)
        waits = np.searchsorted(_WAITS, later[both] - earlier[both], side="right")
        months = np.maximum(later[both] - _ORIGIN, 0).astype(np.int64) // _MONTH
        return cls(int((~np.isnan(later)).sum()), np.bincount(waits, minlength=len(_WAITS) + 1), np.bincount(months))

    def merge(self, other: Counts) -> Counts:
        longest = max(len(self.months), len(other.months))
        months = [np.pad(each.months, (0, longest - len(each.months))) for each in (self, other)]
        return Counts(self.later + other.later, self.waits + other.waits, months[0] + months[1])

    @property
    def usual(self) -> float:
        """The median wait in seconds; infinite where dates are as well learned as they are."""
        if not self.waits.sum() or self.waits.sum() < _NEARLY_ALL * self.later:
            return np.inf
        low, middle, high = (_quantile(self.waits, share) for share in (0.25, 0.5, 0.75))
        spread = (_quantile(self.months, 0.75) - _quantile(self.months, 0.25)) * _MONTH
        ends = np.r_[0.0, _WAITS]
        return float(ends[middle]) if ends[high] - ends[low] <= _CLOSELY * spread else np.inf


def told_by_waits(table: Table, plan: Plan, split: Split) -> dict[str, Since]:
    """The dates whose waits vary less than they do themselves, as the training rows tell; each by the nearest."""
    pairs = _pairs(plan)
    names = dict.fromkeys(name for pair in pairs for name in pair)
    operands = {name: Operand.of(plan.config, name, plan.format) for name in names}
    found: dict[tuple[str, str], Counts] = {}
    for block, _, held_out in split.blocks(table) if pairs else ():
        kept = taken(block, np.flatnonzero(~held_out))
        moments = {name: _moments(operands[name], kept, name) for name in names}
        for pair in pairs:
            counts = Counts.of(moments[pair[0]], moments[pair[1]])
            found[pair] = found[pair].merge(counts) if pair in found else counts
    since: dict[str, Since] = {}
    for (earlier, later), counts in sorted(found.items(), key=lambda each: each[1].usual):
        if later not in since and np.isfinite(counts.usual) and not _leads_to(later, earlier, since):
            since[later] = Since(earlier, _unit(plan, earlier, later, counts.usual))
    return since


def _pairs(plan: Plan) -> list[tuple[str, str]]:
    """The dates of which a rule says that one is not before the other: the earlier and the later."""
    found = []
    for rule in plan.config.rules:
        if isinstance(rule, ex.Compare) and rule.operator in (">=", ">", "<=", "<"):
            sides: Sequence[ex.Expression] = (rule.right, rule.left)
            earlier, later = sides if rule.operator.startswith(">") else sides[::-1]
            names = [
                side.name for side in (earlier, later) if isinstance(side, ex.Column) and _is_learned(plan, side.name)
            ]
            found += [(names[0], names[1])] if len(names) == 2 else []
    return found


def _is_learned(plan: Plan, name: str) -> bool:
    """Whether a column is a date that is learned, and written in one form."""
    column = plan.config.columns.get(name)
    return isinstance(column, Date | Datetime) and name in plan.kinds and name not in plan.computed and not column.also


def _unit(plan: Plan, earlier: str, later: str, usual: float) -> int:
    """Days; where waits are shorter, the coarser of what the two columns write."""
    kinds = [plan.kinds[name] for name in (earlier, later)]
    ticks = [each.tick for each in kinds if isinstance(each, TemporalKind) and each.has_clock]
    return max(ticks) if len(ticks) == len(kinds) and usual < DAY else DAY


def _leads_to(name: str, other: str, since: dict[str, Since]) -> bool:
    """Whether a date is told, by others or not, by another."""
    while other in since:
        other = since[other].earlier
        if other == name:
            return True
    return False


def _moments(operand: Operand, block: pa.RecordBatch, name: str) -> NDArray[np.float64]:
    return np.asarray(operand.read(block.column(name)).numbers)


def _quantile(counts: NDArray[np.int64], share: float) -> int:
    """The cell in which a quantile lies."""
    return int(np.searchsorted(np.cumsum(counts), share * counts.sum()))
