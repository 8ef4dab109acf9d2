"""Named levels without an order, and columns that hold one value only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from synthgen.encoding import disclosure
from synthgen.encoding.base import ColumnSummary, Kind, Reading
from synthgen.encoding.leveled import LeveledEncoder, Tokens, read_labels, split_tokens
from synthgen.errors import InputError
from synthgen.schema.column import Category, Constant


@dataclass(frozen=True)
class CategoryEncoder(LeveledEncoder):
    """Rare and unknown levels are read as ``other`` where that has enough patients."""

    other: str | None

    def nearest(self, text: str) -> str | None:
        return self.other if self.other in self.levels else None


@dataclass(frozen=True)
class CategoryKind(Kind):
    """Any text is a level."""

    column: Category

    @property
    def expected(self) -> str:
        return "any text"

    def read(self, texts: list[str]) -> Reading:
        return read_labels(self, texts)

    def solve(self, summary: ColumnSummary, rare_below: int) -> CategoryEncoder:
        values, tokens = split_tokens(self, summary, rare_below)
        levels = disclosure.keep_common(values, rare_below, other=self.column.other)
        return CategoryEncoder(self.name, tuple(levels), tokens, self.column.other)

    def restore(self, learned: dict[str, Any]) -> CategoryEncoder:
        return CategoryEncoder(
            self.name, tuple(learned["levels"]), Tokens(self.missing, tuple(learned["tokens"])), self.column.other
        )


@dataclass(frozen=True)
class ConstantEncoder(LeveledEncoder):
    """The one value, or nothing where too few patients have it."""

    def nearest(self, text: str) -> str | None:
        return None


@dataclass(frozen=True)
class ConstantKind(Kind):
    """One value in every row, or missing."""

    column: Constant

    @property
    def expected(self) -> str:
        return "the same text in every row"

    def read(self, texts: list[str]) -> Reading:
        return read_labels(self, texts)

    def solve(self, summary: ColumnSummary, rare_below: int) -> ConstantEncoder:
        values, tokens = split_tokens(self, summary, rare_below)
        if len(values) > 1:
            raise InputError(
                f"column {self.name}: declared constant, but it holds {len(values)} different values; "
                "declare it as category"
            )
        levels = [str(key) for key in values.keys[values.patients >= rare_below]]
        return ConstantEncoder(self.name, tuple(levels), tokens)

    def restore(self, learned: dict[str, Any]) -> ConstantEncoder:
        return ConstantEncoder(self.name, tuple(learned["levels"]), Tokens(self.missing, tuple(learned["tokens"])))
