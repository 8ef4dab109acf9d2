"""Rules that what happened to a patient is not dated after the death, where the real rows bear them out."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from synthgen.inference.borne_out import BorneOut, borne_out, dated
from synthgen.inference.dated_patients import DatedPatients, table_of_patients, tables_above
from synthgen.inference.header import read_header
from synthgen.inference.patients import Whose
from synthgen.inference.sequences import ENOUGH_DEATHS
from synthgen.reshape.operands import Operand
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset


def rules_of_death(
    dataset: Dataset, tables: Mapping[str, TableConfig], whose: Callable[[str], Whose | None], marks: Format
) -> dict[str, list[BorneOut]]:
    """By table below that of the patients, which of its dates come no later than the patient's death.

    Args:
        whose: how to find the patients of a table's rows, ``None`` for tables that are of none.
        marks: of tables that have none of their own.
    """
    patients = table_of_patients(tables)
    named = [] if patients is None else [n for n in dated(tables[patients]) if read_header(n).is_death]
    if patients is None or len(named) != 1:
        return {}
    of_patients = DatedPatients.of(dataset, patients, tables[patients], named, marks)
    found = {}
    for name, table in tables.items():
        if patients not in tables_above(name, tables) or (of := whose(name)) is None:
            continue
        above = of_patients.above(of)
        operands = {column: Operand.of(table, column, table.format or marks) for column in dated(table)}
        rules = [ex.Compare("<=", ex.Column(column), above.column(named[0])) for column in operands]
        found[name] = borne_out(dataset.tables[name], rules, operands, above, of, fewest=ENOUGH_DEATHS)
    return found
