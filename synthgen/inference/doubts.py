"""What of an extract deserves a word before anything is learned: a row that is no record, and too few patients."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthgen.schema.config import Schema
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset
from synthgen.tables.keys import KeyColumns

#: Of fewer patients than this hardly more than the commonest values can be learned, and hardly a leak can be seen.
FEW: Final = 100
#: The words with which a last row begins that sums up or ends a file, in the languages that column names are read in.
_TOTAL: Final = (
    "(?:summen?|gesamt(?:summe|ergebnis)?|insgesamt|anzahl|(?:datei)?ende|(?:grand |sub)?totals?|sum|count|eof|end of "
    "(?:file|report)|somme|totaux|totaal|som|suma|totales|total general|total général|totalt|summa|i alt)"
)
_ALONE: Final = rf"^\s*{_TOTAL}\s*:?\s*$"
#: So many columns that are blank in the last row alone tell, too, where there are enough other rows.
_BLANK_THERE_ALONE: Final = 3
_ENOUGH_ROWS: Final = 20


def doubts(dataset: Dataset, schema: Schema) -> dict[str, list[str]]:
    """Such words by table; none of them holds a value.

    Raises:
        InputError: a table cannot be read.
    """
    found: dict[str, list[str]] = {}
    naming, column = _naming(schema.tables)
    for name, table in dataset.tables.items():
        footer = Footer(len(table.columns))
        keys = [np.zeros(0, np.uint64)]
        reader = None if column is None or name != naming else _reader(column, schema.tables[name])
        for block in table:
            footer.read(block)
            if reader is not None:
                of_rows, without = reader.read(block)
                keys.append(np.unique(of_rows[~without]))
        if footer.row is not None:
            found.setdefault(name, []).append(
                f"record {footer.row}, the last, looks like a total or a footer and not like a record; remove it if it "
                "is one"
            )
        people = footer.rows if reader is None else len(np.unique(np.concatenate(keys)))
        if name == naming and people < FEW:
            found.setdefault(name, []).append(
                f"{people} patients are few: hardly more than common values can be learned of them, and a report can "
                "hardly tell a leak from chance"
            )
    return found


class Footer:
    """Finds, block by block, whether the last row of a table sums it up or ends it.

    It begins with a word for that, or several columns are blank there and nowhere else; and half of it is blank, or
    that word stands by itself at its head and at no other.

    Attributes:
        rows: how many rows there were.
    """

    def __init__(self, columns: int) -> None:
        self.rows = 0
        self._heads = 0
        self._blanks = np.zeros(columns, np.int64)
        self._last: list[str] = []

    def read(self, block: pa.RecordBatch) -> None:
        """Take the next rows."""
        if block.num_rows:
            self.rows += block.num_rows
            self._blanks += [_times(column, r"^\s*$") for column in block.columns]
            self._heads += _times(block.columns[0], _ALONE)
            self._last = [column[-1].as_py().strip() for column in block.columns]

    @property
    def row(self) -> int | None:
        """The number of the last row, from 1, where it seems to be a footer; else ``None``."""
        filled = [text for text in self._last if text]
        if self.rows < 2 or not filled:
            return None
        named = re.match(rf"{_TOTAL}\b", filled[0], re.IGNORECASE) is not None
        is_blank = np.array([not text for text in self._last])
        alone = self.rows >= _ENOUGH_ROWS and int((self._blanks[is_blank] == 1).sum()) >= _BLANK_THERE_ALONE
        half = 2 * int(is_blank.sum()) >= len(self._last)
        by_itself = self._heads == 1 and re.match(_ALONE, self._last[0], re.IGNORECASE) is not None
        return self.rows if by_itself or half and (named or alone) else None


def _times(column: pa.DictionaryArray, pattern: str) -> int:
    """How many rows have a text that matches a pattern, in any case."""
    counts = np.bincount(np.asarray(column.indices), minlength=len(column.dictionary))
    found = pc.match_substring_regex(column.dictionary, pattern, ignore_case=True)
    return int(counts @ np.asarray(found, np.int64))


def _naming(configs: Mapping[str, TableConfig]) -> tuple[str | None, str | None]:
    """The table that tells how many patients there are, ``None`` where none of several does; and the column that does.

    Without a column its rows do.
    """
    own = [name for name, config in configs.items() if config.patient in config.key_columns]
    naming = [name for name, config in configs.items() if config.patient is not None]
    name = next(iter((*own, *naming, *configs)))
    patient = configs[name].patient
    if patient is None and len(configs) > 1:
        return None, None
    return name, None if own else patient


def _reader(column: str, config: TableConfig) -> KeyColumns:
    return KeyColumns((column,), (config.missing_in(column),))
