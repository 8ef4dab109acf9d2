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
from synthgen.tables.dataset import Dataset, Table
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
    for name, table in dataset.tables.items():
        if (row := find_footer(table)) is not None:
            found.setdefault(name, []).append(
                f"record {row}, the last, looks like a total or a footer and not like a record; remove it if it is one"
            )
    name, people = _people(dataset.tables, schema.tables)
    if people is not None and people < FEW:
        found.setdefault(name, []).append(
            f"{people} patients are few: hardly more than common values can be learned of them, and a report can "
            "hardly tell a leak from chance"
        )
    return found


def find_footer(table: Table) -> int | None:
    """The number of the last row, from 1, where it seems to sum up or to end the table; else ``None``.

    It begins with a word for that, or several columns are blank there and nowhere else; and half of it is blank, or
    that word stands by itself at its head and at no other.
    """
    rows, heads = 0, 0
    blanks = np.zeros(len(table.columns), np.int64)
    last: list[str] = []
    for block in table:
        if block.num_rows:
            rows += block.num_rows
            blanks += [_times(column, r"^\s*$") for column in block.columns]
            heads += _times(block.columns[0], _ALONE)
            last = [column[-1].as_py().strip() for column in block.columns]
    filled = [text for text in last if text]
    if rows < 2 or not filled:
        return None
    named = re.match(rf"{_TOTAL}\b", filled[0], re.IGNORECASE) is not None
    is_blank = np.array([not text for text in last])
    alone = rows >= _ENOUGH_ROWS and int((blanks[is_blank] == 1).sum()) >= _BLANK_THERE_ALONE
    half = 2 * int(is_blank.sum()) >= len(last)
    by_itself = heads == 1 and re.match(_ALONE, last[0], re.IGNORECASE) is not None
    return rows if by_itself or half and (named or alone) else None


def _times(column: pa.DictionaryArray, pattern: str) -> int:
    """How many rows have a text that matches a pattern, in any case."""
    counts = np.bincount(np.asarray(column.indices), minlength=len(column.dictionary))
    found = pc.match_substring_regex(column.dictionary, pattern, ignore_case=True)
    return int(counts @ np.asarray(found, np.int64))


def _people(tables: Mapping[str, Table], configs: Mapping[str, TableConfig]) -> tuple[str, int | None]:
    """The table that tells how many patients there are, and how many; ``None`` where none of several tells."""
    own = [name for name, config in configs.items() if config.patient in config.key_columns]
    naming = [name for name, config in configs.items() if config.patient is not None]
    name = next(iter((*own, *naming, *configs)))
    patient = configs[name].patient
    if patient is None and len(configs) > 1:
        return name, None
    if patient is None or own:
        return name, sum(block.num_rows for block in tables[name])
    reader = KeyColumns((patient,), (configs[name].missing_in(patient),))
    keys = [np.unique(keys[~without]) for keys, without in map(reader.read, tables[name])]
    return name, len(np.unique(np.concatenate([np.zeros(0, np.uint64), *keys])))
