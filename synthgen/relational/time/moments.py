"""Moments: dates, times and numbers that rows are ordered by, between text and whole numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.grid import DecimalGrid
from synthgen.encoding.numeric import NumericKind
from synthgen.encoding.temporal import TemporalKind
from synthgen.relational.belonging.siblings import times_of
from synthgen.schema.column import Date, Datetime, Integer, Number, Time
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig

#: Instead of a moment where there is none.
UNKNOWN: Final = np.iinfo(np.int64).min
DAY: Final = 86_400
WEEK: Final = 7
#: 1970-01-01 was a Thursday; Mondays are 0.
_THURSDAY: Final = 3

Moments = NDArray[np.int64]
"""Seconds since 1970 (of times of day, since midnight), or the number in units of its last decimal; or ``UNKNOWN``."""


@dataclass(frozen=True)
class Hand:
    """One column of moments, between text and ``Moments``."""

    name: str
    column: Date | Datetime | Time | Integer | Number
    missing: tuple[str, ...]
    format: Format

    @classmethod
    def of(cls, name: str, config: TableConfig, marks: Format) -> Hand | None:
        """The hand of a column, ``None`` where it is none: another kind, or numbers of no fixed decimals."""
        column = config.columns[name]
        if not isinstance(column, Date | Datetime | Time | Integer | Number):
            return None
        if isinstance(column, Number) and column.decimals is None:
            return None
        return cls(name, column, config.missing_in(name), marks)

    @property
    def dated(self) -> bool:
        """Whether a moment has a date."""
        return isinstance(self.column, Date | Datetime)

    @property
    def clocked(self) -> bool:
        """Whether a moment has a time of day."""
        return isinstance(self.column, Datetime | Time)

    @property
    def kind(self) -> TemporalKind | NumericKind:
        """How a cell is read and written."""
        if isinstance(self.column, Date | Datetime | Time):
            return TemporalKind(self.name, self.column, self.format, self.missing)
        return NumericKind(self.name, self.column, self.format, self.missing)

    @property
    def expected(self) -> str:
        """What a cell holds, in words."""
        return self.kind.expected

    @property
    def tick(self) -> int:
        """The smallest distance of two moments."""
        if isinstance(self.column, Date):
            return DAY
        return TemporalKind(self.name, self.column, self.format).tick if isinstance(self.column, Datetime | Time) else 1

    def read(self, cells: pa.Array) -> Moments:
        """The moments that cells hold."""
        encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
        times = times_of(encoded, self.column, self.missing, self.format)
        scale = 10.0**self.column.decimals if isinstance(self.column, Number) and self.column.decimals else 1.0
        known = ~np.isnan(times)
        moments = np.full(len(times), UNKNOWN, np.int64)
        moments[known] = np.rint(times[known] * scale).astype(np.int64)
        return moments

    def unread(self, cells: pa.DictionaryArray, moments: Moments) -> NDArray[np.bool_]:
        """Which cells are neither moments nor declared texts. Of numbers, which have undeclared texts apart, none."""
        if not self.dated and not self.clocked:
            return np.zeros(len(moments), bool)
        declared = {text.strip() for text in (*self.missing, *self.column.atoms)}
        foreign = np.array([text.strip() not in declared for text in cells.dictionary.to_pylist()], bool)
        return np.asarray((moments == UNKNOWN) & foreign[np.asarray(cells.indices)], bool)

    @property
    def several(self) -> bool:
        """Whether moments are written in more than one format."""
        return isinstance(self.column, Date | Datetime) and len(self.column.formats) > 1

    def forms(self, cells: pa.DictionaryArray) -> NDArray[np.int64]:
        """The place of the format in which each cell is written; of what is no moment any."""
        keys = self.kind.read(cells.dictionary.to_pylist()).keys
        return np.asarray(keys[-1][np.asarray(cells.indices)])

    def texts(self, moments: Moments, forms: NDArray[np.int64] | None = None) -> pa.StringArray:
        """Moments, all of them known, as they are written; in the first format where ``forms`` does not say."""
        if isinstance(self.kind, TemporalKind):
            return self.kind.written(moments, np.zeros(len(moments), np.int64) if forms is None else forms)
        decimals = self.column.decimals or 0 if isinstance(self.column, Number) else 0
        texts = DecimalGrid(decimals).texts(moments, decimals=decimals)
        return texts if self.format.decimal == "." else pc.replace_substring(texts, ".", self.format.decimal)


def or_zero(moments: Moments) -> Moments:
    """Moments, those that are unknown as 0."""
    return np.where(moments == UNKNOWN, 0, moments)


def weekday_of(moments: Moments) -> NDArray[np.int64]:
    """0 for Mondays."""
    return (moments // DAY + _THURSDAY) % WEEK


def integers(cells: pa.Array) -> NDArray[np.int64]:
    """Decoded whole numbers; ``UNKNOWN`` for other texts."""
    texts = pc.cast(cells, pa.string())
    whole = np.asarray(pc.match_substring_regex(texts, r"^-?\d+$"), bool)
    numbers = np.full(len(texts), UNKNOWN, np.int64)
    numbers[whole] = np.asarray(texts.filter(pa.array(whole)).cast(pa.int64()))
    return numbers
