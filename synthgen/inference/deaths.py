"""Rules that what happened to a patient is not dated after the death, where the real rows bear them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.inference.header import read_header
from synthgen.inference.patients import Whose, named_in
from synthgen.inference.sequences import OBEYED
from synthgen.reshape.operands import Operand
from synthgen.schema.column import Date, Datetime
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Values, truth
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset
from synthgen.tables.keys import KeyColumns, KeyIndex

#: Words that name a death, and how other such words begin, in the languages of the headers.
_DEATH: Final = frozenset("dod tod".split())
_DEATHS: Final = (
    *"death died deceased sterbe verstorben gestorben todes".split(),
    *"deces décès overle overlij fallec defunc muerte død död".split(),
)
#: A rule is stated where the rows of so many patients tell of it.
_FEWEST: Final = 30


def rules_of_death(
    dataset: Dataset, tables: Mapping[str, TableConfig], whose: Callable[[str], Whose | None], marks: Format
) -> dict[str, tuple[str, ...]]:
    """By table below that of the patients, which of its dates come no later than the patient's death.

    Args:
        whose: how to find the patients of a table's rows, ``None`` for tables that are of none.
        marks: of tables that have none of their own.
    """
    patients = next((n for n, of in tables.items() if of.patient and of.key_columns == (of.patient,)), None)
    named = [] if patients is None else [n for n in _dated(tables[patients]) if _is_death(n)]
    if patients is None or len(named) != 1:
        return {}
    died = ex.Column(named[0], patients)
    index, deaths = _deaths(dataset, patients, tables[patients], died.name, marks)
    found = {}
    for name, table in tables.items():
        if patients not in _above(name, tables) or (of := whose(name)) is None:
            continue
        rules = {column: ex.Compare("<=", ex.Column(column), died) for column in _dated(table)}
        operands = {column: Operand.of(table, column, table.format or marks) for column in rules}
        rows = dict.fromkeys(rules, 0)
        obeyed = dict(rows)
        tell: dict[str, list[NDArray[np.int64]]] = {column: [] for column in rules}
        for block in dataset.tables[name]:
            at = index.find(of(block), np.zeros(block.num_rows, bool))
            known, patient = np.flatnonzero(at >= 0), at[at >= 0] % max(len(deaths.numbers), 1)
            for column, rule in rules.items():
                own = operands[column].read(block.column(column)).at(known)
                judged = truth(rule, {ex.Column(column): own, died: deaths.at(patient)})
                rows[column] += int((judged.holds | judged.fails).sum())
                obeyed[column] += int(judged.holds.sum())
                tell[column].append(np.unique(patient[judged.holds | judged.fails]))
        found[name] = tuple(
            str(rule)
            for column, rule in rules.items()
            if len(np.unique(np.concatenate([*tell[column], np.zeros(0, np.int64)]))) >= _FEWEST
            and obeyed[column] >= OBEYED * rows[column]
        )
    return found


def _dated(table: TableConfig) -> list[str]:
    return [name for name, column in table.columns.items() if isinstance(column, Date | Datetime)]


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
