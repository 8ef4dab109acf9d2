"""Numbers and dates that follow from others leave before the model and are computed again: BMI, age, totals, stays.

What stays with the model is whether there is a value, and of several reasons why not, which. So a result that is
missing though its operands are there, and the other way round, is as common as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.base import N_STYLES, BadCells, ColumnSummary
from synthgen.encoding.levels import LevelCounts
from synthgen.encoding.numeric import NumericEncoder, NumericKind
from synthgen.encoding.temporal import TemporalEncoder, TemporalKind
from synthgen.errors import InputError
from synthgen.reshape.operands import Operand
from synthgen.schema.column import Computable, Integer, Number
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.grammar import parse
from synthgen.schema.rules.truth import Values, values
from synthgen.schema.table import TableConfig

#: What the model learns in the place of a value.
PRESENT: Final = "="
#: The least share of values that must be what is computed.
OBEYING: Final = 0.99
_SLACK: Final = 1e-6
#: Half of what whole numbers are rounded to.
WHOLE: Final = 0.5
_DAY: Final = 86_400.0


@dataclass(frozen=True)
class ComputedCounts:
    """What rows say of a computed column; ``merge`` is exact in any order and grouping.

    Attributes:
        rows: those with a value.
        obeying: those of them whose value is what is computed.
        styles: those of them by style of writing, ``(N_STYLES,)``.
    """

    rows: int
    obeying: int
    styles: tuple[int, ...]

    def merge(self, other: ComputedCounts) -> ComputedCounts:
        both = zip(self.styles, other.styles, strict=True)
        return ComputedCounts(
            self.rows + other.rows, self.obeying + other.obeying, tuple(mine + yours for mine, yours in both)
        )


@dataclass(frozen=True)
class Computed:
    """A declaration: ``column`` is what ``expression`` gives, rounded to what the column keeps.

    Attributes:
        halves: of the operands with a count of decimals, half of what they are rounded to.
    """

    column: str
    expression: ex.Expression
    kind: NumericKind | TemporalKind
    own: Operand
    operands: Mapping[str, Operand]
    halves: Mapping[str, float]

    @classmethod
    def declared(cls, config: TableConfig, name: str, marks: Format) -> Computed:
        """The declaration of a column whose config says how it is computed."""
        column = config.columns[name]
        assert isinstance(column, Computable)
        assert column.computed is not None
        expression = parse(column.computed)
        of = NumericKind if isinstance(column, Integer | Number) else TemporalKind
        kind: NumericKind | TemporalKind = of(name, column, marks, config.missing_in(name))  # type: ignore[arg-type]
        names = dict.fromkeys(each.name for each in ex.columns_of(expression))
        own, others = Operand.of(config, name, marks), {each: Operand.of(config, each, marks) for each in names}
        columns = {each: config.columns[each] for each in names}
        halves = {n: 0.5 * 10.0**-of.decimals for n, of in columns.items() if isinstance(of, Number) and of.decimals}
        return cls(name, expression, kind, own, others, halves)

    def present(self, cells: pa.DictionaryArray) -> pa.DictionaryArray:
        """What the model learns: ``PRESENT``, or the missing token or text result that stands there."""
        texts: list[str] = cells.dictionary.to_pylist()
        reading = self.kind.read(texts)
        told = [str(label) if apart else PRESENT for label, apart in zip(reading.labels, reading.labelled, strict=True)]
        distinct = pa.array(told, pa.string()).dictionary_encode()
        return pa.DictionaryArray.from_arrays(distinct.indices.take(cells.indices), distinct.dictionary)

    def summarise(self, block: pa.RecordBatch) -> ComputedCounts:
        """Count a block. Raises ``BadCells`` where a cell is no value of the declared kind."""
        cells = block.column(self.column)
        texts: list[str] = cells.dictionary.to_pylist()
        places = np.asarray(cells.indices)
        reading = self.kind.read(texts)
        used = np.bincount(places, minlength=len(texts)) > 0
        if (bad := reading.bad & used).any():
            raise BadCells(np.flatnonzero(bad), self.kind.expected)
        there = ~reading.labelled[places]
        styles = np.bincount(reading.style[places[there]], minlength=N_STYLES)
        stated = self.own.read(cells).numbers
        read = self._read({name: block.column(name) for name in self.operands})
        obeying = int((there & self._alike(stated, self._meant(read), read)).sum())
        return ComputedCounts(int(there.sum()), obeying, tuple(styles.tolist()))

    def _read(self, columns: Mapping[str, pa.Array]) -> dict[ex.Column, Values]:
        return {ex.Column(name): self.operands[name].read(columns[name]) for name in columns}

    def _meant(self, read: Mapping[ex.Column, Values]) -> NDArray[np.float64]:
        found = values(self.expression, read)
        return found.whole_days().numbers if self.own.quantity.sort == "date" else found.numbers

    def _alike(
        self, stated: NDArray[np.float64], found: NDArray[np.float64], read: Mapping[ex.Column, Values]
    ) -> NDArray[np.bool_]:
        """Where a value is what is computed, within rounding either way; of a date, of what it is computed from too."""
        column = self.kind.column
        decimals = column.decimals if isinstance(column, Number) else 0
        half = 0.5 * 10.0 ** -(decimals or 0) if isinstance(self.kind, NumericKind) else float(self.kind.tick)
        slack = slack_of(self.expression, read, self.halves) if self.own.quantity.sort == "date" else None
        half += 0.0 if slack is None else slack
        with np.errstate(invalid="ignore"):
            return np.asarray(np.abs(stated - found) <= half + _SLACK * np.maximum(half, np.abs(found) * 1e-6))

    def solve(self, counts: ComputedCounts) -> NumericEncoder | TemporalEncoder:
        """How values are written.

        Raises:
            InputError: too many rows do not obey; with the share of those that do.
        """
        share = counts.obeying / counts.rows if counts.rows else 1.0
        if share < OBEYING:
            raise InputError(
                f"column {self.column}: declared computed, but only {share:.4%} of the values are what "
                f"`{self.expression}` gives; remove `computed` or mend the data"
            )
        return writer_of(self.kind, counts.styles)

    def restore(
        self, present: pa.Array, columns: Mapping[str, pa.Array], writer: NumericEncoder | TemporalEncoder
    ) -> pa.Array:
        """The column for generated operands; missing where there is to be a value and an operand is missing."""
        texts = np.asarray(present.cast(pa.string()).to_numpy(zero_copy_only=False), object).copy()
        found = self._meant(self._read({name: columns[name] for name in self.operands}))
        there = texts == PRESENT
        texts[there] = next(iter(self.kind.missing), "")
        known = there & ~np.isnan(found)
        texts[known] = writer.written(found[known]).to_numpy(zero_copy_only=False)
        return pa.array(texts, pa.string())


def slack_of(rule: ex.Expression, read: Mapping[ex.Column, Values], halves: Mapping[str, float]) -> float | None:
    """How far a date may be from what is computed since its operands are rounded, in seconds; ``None`` for not at all.

    A follow-up of 12.3 months ends within a day or two of what that many months lead to.

    Args:
        halves: by operand half of what it is rounded to; what is rounded to whole numbers or more counts is exact.
    """
    rounded = [column for column in ex.columns_of(rule) if halves.get(column.name, WHOLE) < WHOLE]
    if not rounded:
        return None
    moved = {c: replace(of, numbers=of.numbers + halves[c.name]) if c in rounded else of for c, of in read.items()}
    with np.errstate(invalid="ignore"):
        apart = np.abs(values(rule, moved).numbers - values(rule, read).numbers)
    return float(np.nanmax(apart, initial=0)) + _DAY


def writer_of(kind: NumericKind | TemporalKind, styles: tuple[int, ...]) -> NumericEncoder | TemporalEncoder:
    """What writes values that are known, in the commonest of some styles of writing."""
    nothing = LevelCounts(np.empty(0, np.int64), np.empty(0, np.int64), np.empty((0, 0), np.uint64))
    no_label = LevelCounts(np.empty(0, object), np.empty(0, np.int64), np.empty((0, 0), np.uint64))
    parts = 1 if isinstance(kind, NumericKind) else kind.has_days + kind.has_clock + (len(kind.column.formats) > 1)
    return kind.solve(ColumnSummary(no_label, (nothing,) * parts, styles), 1)
