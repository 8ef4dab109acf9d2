"""Rules that what happened to a patient is not dated after the death, where the real rows bear them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.inference.borne_out import Above, BorneOut, borne_out, dated
from synthgen.inference.header import read_header
from synthgen.inference.patients import Whose, named_in
from synthgen.reshape.operands import Operand
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Values
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset
from synthgen.tables.keys import KeyColumns, KeyIndex

#: Words that name a death, and how other such words begin, in the languages of the headers.
_DEATH: Final = frozenset("dod tod".split())
_DEATHS: Final = (
    *"death died deceased sterbe verstorben gestorben todes".split(),
    *"deces décès overle overlij fallec defunc muerte død död".split(),
)


def rules_of_death(
    dataset: Dataset, tables: Mapping[str, TableConfig], whose: Callable[[str], Whose | None], marks: Format
) -> dict[str, list[BorneOut]]:
    """By table below that of the patients, which of its dates come no later than the patient's death.

    Args:
        whose: how to find the patients of a table's rows, ``None`` for tables that are of none.
        marks: of tables that have none of their own.
    """
    patients = next((n for n, of in tables.items() if of.patient and of.key_columns == (of.patient,)), None)
    named = [] if patients is None else [n for n in dated(tables[patients]) if _is_death(n)]
    if patients is None or len(named) != 1:
        return {}
    index, deaths = _deaths(dataset, patients, tables[patients], named[0], marks)
    found = {}
    for name, table in tables.items():
        if patients not in _above(name, tables) or (of := whose(name)) is None:
            continue
        above = Above(patients, _finding(index, of, len(deaths.numbers)), {named[0]: deaths})
        operands = {column: Operand.of(table, column, table.format or marks) for column in dated(table)}
        rules = [ex.Compare("<=", ex.Column(column), above.column(named[0])) for column in operands]
        found[name] = borne_out(dataset.tables[name], rules, operands, above, of)
    return found


def _finding(index: KeyIndex, of: Whose, n: int) -> Callable[[pa.RecordBatch], NDArray[np.int64]]:
    """How the patient of each row is found among twice ``n`` hashes."""

    def find(block: pa.RecordBatch) -> NDArray[np.int64]:
        at = index.find(of(block), np.zeros(block.num_rows, bool))
        return np.where(at >= 0, at % max(n, 1), at)

    return find


def _is_death(name: str) -> bool:
    return any(word in _DEATH or word.startswith(_DEATHS) for word in read_header(name).words)


def _above(name: str, tables: Mapping[str, TableConfig]) -> list[str]:
    """The tables above one."""
    found: list[str] = []
    while (parent := tables[name].parent) is not None:
        name = parent.table
        found.append(name)
    return found


def _deaths(dataset: Dataset, name: str, table: TableConfig, column: str, marks: Format) -> tuple[KeyIndex, Values]:
    """When each patient died, and where to find it: by either hash by which tables name patients."""
    operand, (key,) = Operand.of(table, column, table.format or marks), table.key_columns
    reader = KeyColumns((key,), ((),))
    blocks = list(dataset.tables[name])
    read = [operand.read(block.column(column)) for block in blocks]
    hashes = np.concatenate([of(block) for of in (named_in(key), lambda b: reader.read(b)[0]) for block in blocks])
    numbers, missing = (np.concatenate([getattr(each, part) for each in read]) for part in ("numbers", "missing"))
    return KeyIndex.of(hashes, np.zeros(len(hashes), bool)), Values(operand.quantity, numbers, missing)
