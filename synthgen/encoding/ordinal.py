"""Named levels with a declared order; two-valued columns are the smallest case."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthgen.encoding.base import ColumnSummary, Kind, Reading
from synthgen.encoding.domain import Scale
from synthgen.encoding.leveled import LeveledEncoder, Tokens, read_labels, split_tokens
from synthgen.schema.column import Boolean, Ordinal


@dataclass(frozen=True)
class OrdinalEncoder(LeveledEncoder):
    """A level too rare to be kept is read as the nearest kept one, the lower of two equally near.

    Of two levels neither stands for the other: there a rare one is given up.
    """

    order: tuple[str, ...]

    scale: ClassVar[Scale] = Scale.ORDERED

    def nearest(self, text: str) -> str | None:
        if text not in self.order or len(self.order) == 2 or not self.levels:
            return None
        rank = self.order.index(text)
        return min(self.levels, key=lambda level: abs(self.order.index(level) - rank))


@dataclass(frozen=True)
class OrdinalKind(Kind):
    """Levels out of a declared list."""

    column: Ordinal | Boolean

    @property
    def order(self) -> tuple[str, ...]:
        """The declared levels, lowest first; false before true."""
        column = self.column
        return (column.false, column.true) if isinstance(column, Boolean) else column.order

    @property
    def expected(self) -> str:
        return f"one of the {len(self.order)} declared levels"

    def read(self, texts: list[str]) -> Reading:
        reading = read_labels(self, texts)
        known = {*self.order, *self.missing}
        bad = np.array([label not in known for label in reading.labels], bool)
        return Reading(reading.labels, reading.labelled, (), reading.style, bad)

    def solve(self, summary: ColumnSummary, rare_below: int) -> OrdinalEncoder:
        values, tokens = split_tokens(self, summary, rare_below)
        common = set(values.keys[values.patients >= rare_below])
        return OrdinalEncoder(self.name, tuple(level for level in self.order if level in common), tokens, self.order)

    def restore(self, learned: dict[str, Any]) -> OrdinalEncoder:
        return OrdinalEncoder(
            self.name, tuple(learned["levels"]), Tokens(self.missing, tuple(learned["tokens"])), self.order
        )
