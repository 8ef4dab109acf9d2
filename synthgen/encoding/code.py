"""Clinical codes: levels with a hierarchy, in which a rare code backs off to a coarser one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.encoding import disclosure
from synthgen.encoding.base import ColumnSummary, Kind, Reading
from synthgen.encoding.clinical import SYSTEMS, category
from synthgen.encoding.leveled import LeveledEncoder, Tokens, read_labels, split_tokens
from synthgen.schema.column import Code


@dataclass(frozen=True)
class CodeEncoder(LeveledEncoder):
    """A rare or unknown code is read as its nearest kept ancestor, else as ``other`` where that is kept."""

    column: Code

    def nearest(self, text: str) -> str | None:
        parent = SYSTEMS[self.column.system][0]
        ancestor = parent(text)
        while ancestor is not None:
            if ancestor in self.codes:
                return ancestor
            ancestor = parent(ancestor)
        return self.column.other if self.column.other in self.levels else None

    def parents(self) -> tuple[tuple[int, ...], ...]:
        if self.column.system == "other":
            return ()
        chapter = SYSTEMS[self.column.system][1]
        codes = ["" if code == self.column.other else code for code in self.levels]  # no code, so of no chapter
        return numbered([chapter(code) for code in codes]), numbered([category(code) for code in codes])


def numbered(groups: Sequence[str]) -> tuple[int, ...]:
    """Group names as numbers in alphabetical order."""
    number = {name: i for i, name in enumerate(sorted(set(groups)))}
    return tuple(number[name] for name in groups)


@dataclass(frozen=True)
class CodeKind(Kind):
    """Any text is a code."""

    column: Code

    @property
    def expected(self) -> str:
        return "a code"

    def read(self, texts: list[str]) -> Reading:
        return read_labels(self, texts)

    def solve(self, summary: ColumnSummary, rare_below: int) -> CodeEncoder:
        values, tokens = split_tokens(self, summary, rare_below)
        parent = SYSTEMS[self.column.system][0]
        levels = disclosure.keep_common(values, rare_below, other=self.column.other, parent=parent)
        return CodeEncoder(self.name, tuple(levels), tokens, self.column)

    def restore(self, learned: dict[str, Any]) -> CodeEncoder:
        tokens = Tokens(self.missing, tuple(learned["tokens"]))
        return CodeEncoder(self.name, tuple(learned["levels"]), tokens, self.column)
