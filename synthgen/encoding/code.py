"""Clinical codes: levels with a hierarchy, in which a rare code backs off to a coarser one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from synthgen.encoding import disclosure
from synthgen.encoding.base import ColumnSummary, Encoder, Kind, Reading
from synthgen.encoding.clinical import SYSTEMS
from synthgen.encoding.domain import Domain
from synthgen.encoding.leveled import LeveledEncoder, Tokens, read_labels, split_tokens
from synthgen.schema.column import Code


@dataclass(frozen=True)
class CodeEncoder(LeveledEncoder):
    """A rare or unknown code is read as its nearest kept ancestor, else as ``other`` where that is kept."""

    column: Code

    def nearest(self, text: str) -> str | None:
        parent = SYSTEMS[self.column.system].parent
        ancestor = parent(text)
        while ancestor is not None:
            if ancestor in self.codes:
                return ancestor
            ancestor = parent(ancestor)
        return self.column.other if self.column.other in self.levels else None

    def beneath(self, text: str) -> tuple[str, ...]:
        parent, found = SYSTEMS[self.column.system].parent, []
        for level in self.levels:
            ancestor = parent(level)
            while ancestor is not None and ancestor != text:
                ancestor = parent(ancestor)
            found += [] if ancestor is None else [level]
        return tuple(found)

    def parents(self) -> tuple[tuple[int, ...], ...]:
        return tuple(map(numbered, self.groups))

    @cached_property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """The chapter, the category and the code of each level; nothing where codes have no hierarchy."""
        if self.column.system == "other":
            return ()
        system = SYSTEMS[self.column.system]
        codes = ["" if code == self.column.other else code for code in self.levels]  # no code, so of no chapter
        return tuple(map(system.chapter, codes)), tuple(map(system.category, codes)), tuple(codes)


def numbered(groups: Sequence[str]) -> tuple[int, ...]:
    """Group names as numbers in alphabetical order."""
    number = {name: i for i, name in enumerate(sorted(set(groups)))}
    return tuple(number[name] for name in groups)


def numbered_alike(encoders: Iterable[Encoder]) -> dict[str, Domain]:
    """The domains of the columns that have a coding system, the groups of each system numbered alike in all of them.

    So a model can learn from one column what a code means in another, and that it is not given twice. Missing tokens
    are groups of their own, and the same text means the same in every column.
    """
    domains: dict[str, Domain] = {}
    coded = [encoder for encoder in encoders if isinstance(encoder, CodeEncoder) and encoder.groups]
    for system in sorted({encoder.column.system for encoder in coded}):
        members = [encoder for encoder in coded if encoder.column.system == system]
        tokens = [encoder.tokens.kept for encoder in members]
        levels = zip(*(encoder.groups for encoder in members), strict=True)
        numbers = [_common(list(zip(level, tokens, strict=True))) for level in levels]
        for encoder, own in zip(members, zip(*numbers, strict=True), strict=True):
            (domain,) = encoder.domains
            domains[encoder.name] = replace(domain, parents=own, system=system)
    return domains


def _common(columns: Sequence[tuple[Sequence[str], Sequence[str]]]) -> list[tuple[int, ...]]:
    """Numbers of the groups of several columns, each the groups of its levels and its missing tokens."""
    marked = [[*((0, name) for name in names), *((1, token) for token in tokens)] for names, tokens in columns]
    number = {key: i for i, key in enumerate(sorted({key for keys in marked for key in keys}))}
    return [tuple(number[key] for key in keys) or (0,) for keys in marked]


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
        parent = SYSTEMS[self.column.system].parent
        levels = disclosure.keep_common(values, rare_below, other=self.column.other, parent=parent)
        return CodeEncoder(self.name, tuple(levels), tokens, self.column)

    def restore(self, learned: dict[str, Any]) -> CodeEncoder:
        tokens = Tokens(self.missing, tuple(learned["tokens"]))
        return CodeEncoder(self.name, tuple(learned["levels"]), tokens, self.column)
