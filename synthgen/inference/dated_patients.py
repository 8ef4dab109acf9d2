"""The dates of patients, and how the rows of other tables find those of theirs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.inference.borne_out import Above
from synthgen.inference.patients import Whose, named_in
from synthgen.reshape.operands import Operand
from synthgen.schema.config import Format
from synthgen.schema.rules.truth import Values
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset
from synthgen.tables.keys import KeyColumns, KeyIndex


def table_of_patients(tables: Mapping[str, TableConfig]) -> str | None:
    """The table that has a row for each patient; ``None`` where there is none."""
    return next((name for name, of in tables.items() if of.patient and of.key_columns == (of.patient,)), None)


def tables_above(name: str, tables: Mapping[str, TableConfig]) -> list[str]:
    """The tables that the rows of one belong to, the nearest first."""
    found: list[str] = []
    while (parent := tables[name].parent) is not None:
        name = parent.table
        found.append(name)
    return found


@dataclass(frozen=True, eq=False)
class DatedPatients:
    """What the table of patients holds of days.

    Attributes:
        name: of the table.
        index: patients by either hash by which tables name them, the second after all of the first.
        dates: of each patient, by column.
        n: how many patients there are.
    """

    name: str
    index: KeyIndex
    dates: Mapping[str, Values]
    n: int

    @classmethod
    def of(
        cls, dataset: Dataset, name: str, table: TableConfig, columns: Sequence[str], marks: Format
    ) -> DatedPatients:
        """The days that some columns hold; ``marks`` are those of tables that have none of their own."""
        (key,) = table.key_columns
        reader = KeyColumns((key,), ((),))
        blocks = list(dataset.tables[name])
        hashes = np.concatenate([of(block) for of in (named_in(key), lambda b: reader.read(b)[0]) for block in blocks])
        dates = {column: _read(blocks, Operand.of(table, column, table.format or marks), column) for column in columns}
        return cls(name, KeyIndex.of(hashes, np.zeros(len(hashes), bool)), dates, len(hashes) // 2)

    def above(self, whose: Whose) -> Above:
        """These as what is above rows of which ``whose`` tells the patients."""
        return Above(self.name, self._finding(whose), self.dates)

    def _finding(self, whose: Whose) -> Callable[[pa.RecordBatch], NDArray[np.int64]]:
        def find(block: pa.RecordBatch) -> NDArray[np.int64]:
            at = self.index.find(whose(block), np.zeros(block.num_rows, bool))
            return np.where(at >= 0, at % max(self.n, 1), at)

        return find


def _read(blocks: Sequence[pa.RecordBatch], operand: Operand, column: str) -> Values:
    read = [operand.read(block.column(column)) for block in blocks]
    numbers, missing = (np.concatenate([getattr(each, part) for each in read]) for part in ("numbers", "missing"))
    return Values(operand.quantity, numbers, missing)
