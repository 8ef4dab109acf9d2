"""The texts of a column as values that a rule can compare and compute with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.numeric import plain_numbers
from synthgen.encoding.temporal import read_moments
from synthgen.schema.config import Format
from synthgen.schema.rules.quantity import Quantity
from synthgen.schema.rules.truth import Values
from synthgen.schema.table import TableConfig

_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


@dataclass(frozen=True)
class Operand:
    """How to read a column.

    Attributes:
        quantity: what it is in a rule.
        missing: the texts that mean missing.
        atoms: texts that stand among numbers and moments and are none.
        marks: decimal and thousands marks.
    """

    quantity: Quantity
    missing: tuple[str, ...]
    atoms: tuple[str, ...]
    marks: Format

    @classmethod
    def of(cls, config: TableConfig, name: str, marks: Format) -> Operand:
        """A column of a table."""
        column = config.columns[name]
        return cls(config.quantities[name], config.missing_in(name), getattr(column, "atoms", ()), marks)

    def read(self, cells: pa.Array) -> Values:
        """The value of each cell. What cannot be read is unknown, as a text result is."""
        encoded = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
        texts: list[str] = encoded.dictionary.to_pylist()
        places = np.asarray(encoded.indices)
        missing = self._among(texts, self.missing, as_it_stands=True)
        labels: tuple[str, ...] = ()
        numbers = np.full(len(texts), np.nan)
        if texts and self.quantity.sort == "number":
            numbers = self._numbers(texts)
        elif texts and self.quantity.sort in ("date", "datetime", "time"):
            stripped = pc.utf8_trim_whitespace(pa.array(texts, pa.string()))
            seconds, form = read_moments(stripped, self.quantity.formats)
            numbers = np.where((form < 0) | self._among(texts, self.atoms), np.nan, seconds)
        elif self.quantity.sort == "level":
            place = {level: float(i) for i, level in enumerate(self.quantity.levels)}
            numbers = np.array([place.get(text.strip(), np.nan) for text in texts], np.float64)
        else:
            labels, numbers = tuple(texts), np.arange(len(texts), dtype=np.float64)
        numbers = np.where(missing, np.nan, numbers)
        return Values(self.quantity, numbers[places], missing[places], labels)

    def _among(self, texts: list[str], known: tuple[str, ...], *, as_it_stands: bool = False) -> NDArray[np.bool_]:
        """Which texts are among some, white space around them aside (or not)."""
        if not known:
            return np.zeros(len(texts), bool)
        cells, values = pa.array(texts, pa.string()), pa.array(known, pa.string())
        found = pc.is_in(pc.utf8_trim_whitespace(cells), value_set=values)
        return np.asarray(pc.or_(found, pc.is_in(cells, value_set=values)) if as_it_stands else found, bool)

    def _numbers(self, texts: list[str]) -> NDArray[np.float64]:
        plain, _ = plain_numbers(texts, self.marks)
        sound = np.asarray(pc.match_substring_regex(plain, _NUMBER), bool) & ~self._among(texts, self.atoms)
        numbers = np.full(len(texts), np.nan)
        numbers[sound] = np.asarray(plain.filter(pa.array(sound)).cast(pa.float64()))
        return numbers
