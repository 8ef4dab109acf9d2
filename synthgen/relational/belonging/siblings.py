"""The rows of a table parent by parent, and each parent's in the order of time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.numeric import plain_numbers
from synthgen.encoding.temporal import TemporalKind
from synthgen.schema.column import Column, Date, Datetime, Integer, Number, Time
from synthgen.schema.config import Format

_DAY = 86_400
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


@dataclass(frozen=True, eq=False)
class Siblings:
    """Which rows belong to which parent.

    Rows of the same time, and those without one, which come last, stand in the order of the table.

    Attributes:
        of_row: int64 ``(n_rows,)``, the parent's row; negative where a row has none (see ``synthgen.tables.keys``).
        order: int64, the rows that have a parent, parent by parent, each parent's in time.
        starts: int64 ``(n_parents + 1,)``: those of parent ``p`` are ``order[starts[p]:starts[p + 1]]``.
    """

    of_row: NDArray[np.int64]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, of_row: NDArray[np.int64], parents: int, times: NDArray[np.float64] | None) -> Siblings:
        """Group rows.

        Args:
            of_row: the parent's row of each row, negative for none.
            parents: how many parents there are, those without rows included.
            times: of each row, not a number where it has none; ``None`` keeps the order of the table.
        """
        owned = np.flatnonzero(of_row >= 0)
        if times is None:
            order = owned[np.argsort(of_row[owned], kind="stable")]
        else:
            # lexsort is stable, and puts NaN behind all numbers
            order = owned[np.lexsort((times[owned], of_row[owned]))]
        numbers = np.bincount(of_row[owned], minlength=parents)
        return cls(of_row, order, np.r_[0, np.cumsum(numbers)].astype(np.int64))

    @property
    def numbers(self) -> NDArray[np.int64]:
        """Rows per parent, int64 ``(n_parents,)``; 0 for those without."""
        return np.diff(self.starts)

    @property
    def positions(self) -> NDArray[np.int64]:
        """The place of each row among its siblings in time, from 0; -1 for rows without a parent."""
        places = np.full(len(self.of_row), -1, np.int64)
        places[self.order] = np.arange(len(self.order)) - np.repeat(self.starts[:-1], self.numbers)
        return places

    @property
    def previous(self) -> NDArray[np.int64]:
        """The sibling before each row in time; -1 for the first of a parent, and for rows without a parent."""
        before = np.full(len(self.of_row), -1, np.int64)
        before[self.order[1:]] = self.order[:-1]
        first = self.starts[:-1][self.numbers > 0]
        before[self.order[first]] = -1
        return before


def times_of(cells: pa.DictionaryArray, column: Column, missing: tuple[str, ...], marks: Format) -> NDArray[np.float64]:
    """What each cell of a column of times says: seconds since 1970 (of times of day, since midnight), or the number.

    Not a number where the cell is missing, holds a declared text apart, or cannot be read.
    """
    texts: list[str] = cells.dictionary.to_pylist()
    values = np.full(len(texts), np.nan)
    if isinstance(column, Date | Datetime | Time):
        kind = TemporalKind("", column, marks, missing)
        reading = kind.read(texts)
        parts = iter(reading.keys)
        seconds = next(parts) * _DAY if kind.has_days else np.zeros(len(texts), np.int64)
        if kind.has_clock:
            seconds = seconds + next(parts) * kind.tick
        sound = ~(reading.labelled | reading.bad)
        values[sound] = seconds[sound]
    elif isinstance(column, Integer | Number):
        apart = {"", *(text.strip() for text in (*missing, *column.atoms))}
        plain, _ = plain_numbers(texts, marks)
        sound = np.asarray(pc.match_substring_regex(plain, _NUMBER), bool)
        sound &= np.array([text.strip() not in apart for text in texts], bool)
        values[sound] = np.asarray(plain.filter(pa.array(sound)).cast(pa.float64()))
    of_row: NDArray[np.float64] = values[np.asarray(cells.indices)]
    return of_row
