"""Rules that an age is that on a date of its row, of a patient whose birth another table has."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from synthgen.inference.borne_out import BorneOut, borne_out, dated
from synthgen.inference.dated_patients import DatedPatients, table_of_patients, tables_above
from synthgen.inference.patients import Whose
from synthgen.reshape.operands import Operand
from synthgen.schema.column import Column, Date, Datetime, Integer
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset


def rules_of_ages(
    dataset: Dataset, tables: Mapping[str, TableConfig], whose: Callable[[str], Whose | None], marks: Format
) -> dict[str, list[BorneOut]]:
    """By table below that of the patients, which whole numbers are the years from a date of theirs to one of the row.

    Of several dates on which a patient is of that age, that which most rows bear out. Where the day of birth is not
    told, as where births are months, it may be any of them.

    Args:
        whose: how to find the patients of a table's rows, ``None`` for tables that are of none.
        marks: of tables that have none of their own.
    """
    patients = table_of_patients(tables)
    if patients is None or not dated(tables[patients]):
        return {}
    of_patients = DatedPatients.of(dataset, patients, tables[patients], dated(tables[patients]), marks)
    found = {}
    for name, table in tables.items():
        days, ages = dated(table), _whole_numbers(table)
        if not (days and ages) or patients not in tables_above(name, tables) or (of := whose(name)) is None:
            continue
        above = of_patients.above(of)
        operands = {column: Operand.of(table, column, table.format or marks) for column in (*days, *ages)}
        columns = tables[patients].columns
        rules = [
            _rule(ex.Column(age), above.column(birth), ex.Column(day), columns[birth])
            for age in ages
            for birth in above.dates
            for day in days
        ]
        found[name] = _best(borne_out(dataset.tables[name], rules, operands, above, of))
    return found


def _rule(age: ex.Column, birth: ex.Column, day: ex.Column, column: Column) -> ex.Compare | ex.Between:
    """That an age is that on a day; of a birth whose day is not told, that it is of any such day."""
    years = ex.Call("years", (birth, day))
    told = column.format if isinstance(column, Date | Datetime) else "%d"
    if any(sign in told for sign in ("%d", "%e", "%j", "%x", "%D", "%F")):
        return ex.Compare("==", age, years)
    last = ex.Sum("+", birth, ex.Number(30.0 if any(sign in told for sign in ("%m", "%b", "%B")) else 365.0))
    return ex.Between(age, ex.Call("years", (last, day)), years)


def _whole_numbers(table: TableConfig) -> list[str]:
    """Columns that may be ages and are not known to follow from others."""
    return [
        name
        for name, column in table.columns.items()
        if isinstance(column, Integer) and (column.computed, column.unit_of, column.determined_by) == (None,) * 3
    ]


def _best(found: list[BorneOut]) -> list[BorneOut]:
    """For each age one rule."""
    best: dict[ex.Expression, BorneOut] = {}
    for each in found:
        assert isinstance(each.rule, ex.Compare | ex.Between)
        age = each.rule.left if isinstance(each.rule, ex.Compare) else each.rule.value
        if age not in best or each.share > best[age].share:
            best[age] = each
    return [*best.values()]
