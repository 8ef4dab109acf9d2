"""Rules on real rows: how often they are broken, counted mergeably and told without small counts."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.levels import LevelCounts, smallest_hashes
from synthgen.errors import InputError
from synthgen.reshape.operands import Operand
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Values, truth
from synthgen.schema.table import TableConfig

#: Fewer patients than this are never told of.
SMALLEST: Final = 11
#: Rates are told, and kept, to so much, rounded down so that they are never above the real one.
_GRAIN: Final = 1e-4
_BROKEN: Final = 0
_OTHER: Final = 1


@dataclass(frozen=True)
class Rules:
    """The rules of a table, and how to read what they speak of."""

    config: TableConfig
    marks: Format

    @cached_property
    def expressions(self) -> tuple[ex.Expression, ...]:
        return self.config.rules

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns that the rules speak of."""
        return tuple(dict.fromkeys(c.name for rule in self.expressions for c in ex.columns_of(rule)))

    @cached_property
    def operands(self) -> dict[str, Operand]:
        return {name: Operand.of(self.config, name, self.marks) for name in self.columns}

    def read(self, cells: Mapping[str, pa.Array]) -> dict[ex.Column, Values]:
        """The values of columns that the rules speak of."""
        return {ex.Column(name): self.operands[name].read(array) for name, array in cells.items()}

    def summarise(self, block: pa.RecordBatch, hashes: NDArray[np.uint64], *, persons: bool) -> RuleSummary:
        """Count what the rows of a block say of each rule.

        Args:
            hashes: the keyed hash of each row's patient (or of the row).
            persons: whether rows are those of patients; else each is a unit of its own.
        """
        values = self.read({name: block.column(name) for name in self.columns})
        return counted(self.expressions, values, hashes, persons=persons)


@dataclass(frozen=True)
class RuleSummary:
    """What rows say of rules; ``merge`` is exact in any order and grouping.

    Attributes:
        rows: all of them.
        levels: for each rule on single rows, the rows that break it (0) and the others (1); for each rule between rows,
            the rows by what has to be different in each.
    """

    rows: int
    levels: tuple[LevelCounts, ...]

    def merge(self, other: RuleSummary) -> RuleSummary:
        both = zip(self.levels, other.levels, strict=True)
        return RuleSummary(self.rows + other.rows, tuple(mine.merge(yours) for mine, yours in both))

    def rates(self, rules: Sequence[ex.Expression]) -> tuple[float | None, ...]:
        """The share of rows that break each rule; ``None`` where they are those of fewer than eleven patients, if any.

        Raises:
            InputError: all rows, but for those of fewer than eleven patients, break a rule.
        """
        return tuple(self._rate(rule, of) for rule, of in zip(rules, self.levels, strict=True))

    def _rate(self, rule: ex.Expression, levels: LevelCounts) -> float | None:
        if isinstance(rule, ex.BETWEEN_ROWS):
            found = levels.take(levels.counts > 1)
            broken = int(found.counts.sum()) - len(found)
        else:
            found = levels.take(levels.keys == _BROKEN)
            broken = int(found.counts.sum())
        if found.pooled_patients() < SMALLEST:
            return None
        if not isinstance(rule, ex.BETWEEN_ROWS) and levels.take(levels.keys == _OTHER).pooled_patients() < SMALLEST:
            raise InputError(
                f"constraints: `{rule}` is broken by the real rows of all patients but fewer than {SMALLEST}, if any; "
                "correct it, or remove it"
            )
        return round(int(broken / self.rows / _GRAIN + 1e-9) * _GRAIN, 6)


def counted(
    rules: Sequence[ex.Expression], values: Mapping[ex.Column, Values], hashes: NDArray[np.uint64], *, persons: bool
) -> RuleSummary:
    """What rows say of rules, given the values of all columns that these speak of; see ``Rules.summarise``."""
    keys = [_keys(rule, values, hashes) for rule in rules]
    return RuleSummary(len(hashes), tuple(_counted(*each, hashes, persons=persons) for each in keys))


def _keys(
    rule: ex.Expression, values: Mapping[ex.Column, Values], hashes: NDArray[np.uint64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """The level of each row, and which rows have one."""
    if isinstance(rule, ex.Unique):
        parts = [values[column] for column in rule.columns]
        return _combined(parts), ~np.logical_or.reduce([np.isnan(part.numbers) for part in parts])
    if isinstance(rule, ex.AtMostOneOpen):
        return hashes.view(np.int64), is_open(rule, values)
    return np.where(truth(rule, values).fails, _BROKEN, _OTHER).astype(np.int64), np.ones(len(hashes), bool)


def is_open(rule: ex.AtMostOneOpen, values: Mapping[ex.Column, Values]) -> NDArray[np.bool_]:
    """Which rows are episodes that have begun and not ended."""
    return np.asarray(~values[rule.start].missing & values[rule.end].missing)


def _combined(parts: Sequence[Values]) -> NDArray[np.int64]:
    """One integer for the values of each row in several columns, the same in every block."""
    columns = []
    for part in parts:
        known, at = np.unique(part.numbers, return_inverse=True)
        texts = [part.labels[int(i)] for i in known[~np.isnan(known)]] if part.labels else [*map(repr, known.tolist())]
        columns.append(np.array([*map(_digest, texts), 0], np.uint64)[at])
    with np.errstate(over="ignore"):
        mixed = columns[0]
        for column in columns[1:]:
            mixed = mixed * np.uint64(0x9E3779B97F4A7C15) ^ column
    return mixed.view(np.int64)


def _digest(text: str) -> int:
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little")


def _counted(
    keys: NDArray[np.int64], chosen: NDArray[np.bool_], hashes: NDArray[np.uint64], *, persons: bool
) -> LevelCounts:
    names, group, counts = np.unique(keys[chosen], return_inverse=True, return_counts=True)
    width = SMALLEST if persons else 0
    return LevelCounts(names, counts.astype(np.int64), smallest_hashes(group, len(names), hashes[chosen], width))


def told(rules: Sequence[ex.Expression], rates: Sequence[float | None]) -> list[str]:
    """A line for each rule: what it says, and how often the real rows break it."""
    return [f"rule {rule}: {_words(rate)}" for rule, rate in zip(rules, rates, strict=True)]


def _words(rate: float | None) -> str:
    if rate is None:
        return f"broken by real rows of fewer than {SMALLEST} patients or none; synthetic rows obey it"
    return f"broken by {rate:.2%} of the real rows; synthetic rows break it no more often"


def rates_from_json(value: Any, rules: Sequence[ex.Expression]) -> tuple[float | None, ...]:
    """The rates that an artifact holds. Raises ``ValueError`` where they are not those of the rules."""
    if not isinstance(value, list) or len(value) != len(rules):
        raise ValueError("the rates are not those of the rules")
    if not all(rate is None or (isinstance(rate, int | float) and 0 <= rate <= 1) for rate in value):
        raise ValueError("a rate is no share")
    return tuple(value)
