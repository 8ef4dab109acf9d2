"""Rules that what belongs to a stay is dated within it, where the real rows bear them out.

So of every row that belongs to another one with a beginning and an end: no result before the admission or after the
discharge, no dose outside the prescription.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.inference.borne_out import Above, BorneOut, borne_out, dated
from synthgen.inference.patients import Whose
from synthgen.inference.sequences import OBEYED, WOULD_BREAK, would_break
from synthgen.reshape.operands import Operand
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Values, truth
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset
from synthgen.tables.keys import KeyColumns, KeyIndex, concatenated

_DAY: Final = 86_400.0


def rules_of_stays(
    dataset: Dataset, tables: Mapping[str, TableConfig], whose: Callable[[str], Whose | None], marks: Format
) -> dict[str, list[BorneOut]]:
    """By table whose rows belong to those of another, which of its dates lie between what dates of that.

    The beginning is what orders the rows above, an end what does not precede it. Of several ends the first is stated,
    and none that says nothing: that would hardly ever be broken by rows of other stays.

    Args:
        whose: how to find the patients of a table's rows, ``None`` for tables that are of none.
        marks: of tables that have none of their own.
    """
    found = {}
    for name, table in tables.items():
        parent = None if table.parent is None else tables[table.parent.table]
        if parent is None or parent.patient in parent.key_columns or (of := whose(name)) is None:
            continue
        assert table.parent is not None
        columns = dated(table)
        if columns and parent.order in dated(parent):
            operands = {column: Operand.of(table, column, table.format or marks) for column in columns}
            above = _above(dataset, name, table, table.parent.table, parent, marks)
            found[name] = _of_table(dataset, name, operands, table.order, above, parent.order, of)
    return found


def _above(dataset: Dataset, name: str, table: TableConfig, parent: str, config: TableConfig, marks: Format) -> Above:
    """The dates of the rows that those of a table belong to."""
    assert table.parent is not None
    operands = {column: Operand.of(config, column, config.format or marks) for column in dated(config)}
    key, link = (
        KeyColumns(columns, tuple(of.missing_in(column) for column in columns))
        for of, columns in ((config, config.key_columns), (table, table.parent.columns))
    )
    blocks = list(dataset.tables[parent])
    index = KeyIndex.of(*concatenated([key.read(block) for block in blocks]))
    read = {column: [operand.read(block.column(column)) for block in blocks] for column, operand in operands.items()}
    dates = {
        column: Values(
            operands[column].quantity,
            np.concatenate([values.numbers for values in parts]),
            np.concatenate([values.missing for values in parts]),
        )
        for column, parts in read.items()
    }

    def find(block: pa.RecordBatch) -> NDArray[np.int64]:
        return index.find(*link.read(block))

    return Above(parent, find, dates)


def _of_table(
    dataset: Dataset,
    name: str,
    operands: Mapping[str, Operand],
    order: str | None,
    above: Above,
    start: str,
    whose: Whose,
) -> list[BorneOut]:
    ends = [column for column in above.dates if column != start and _follows(above.dates, start, column)]
    bounds = [(column, "<=", end) for column in operands for end in ends]
    # What follows the row's own date need not be set beside the start.
    bounds += [(column, ">=", start) for column in operands if column == order]
    rules = {(c, bound): ex.Compare(operator, ex.Column(c), above.column(bound)) for c, operator, bound in bounds}
    found = {each.rule: each for each in borne_out(dataset.tables[name], [*rules.values()], operands, above, whose)}
    kept = [rules[column, start] for column in operands if column == order]
    for column in operands:
        first = _first([end for end in ends if rules[column, end] in found], above.dates)
        kept += [] if first is None else [rules[column, first]]
    said = _said(dataset, name, operands, above, start, [rule for rule in kept if rule.operator == "<="])
    return [found[rule] for rule in kept if rule in found and said.get(rule, 1.0) >= WOULD_BREAK]


def _follows(dates: Mapping[str, Values], earlier: str, later: str) -> bool:
    """Whether of two dates of a row the one does not precede the other, but for few rows."""
    known = {ex.Column(column): dates[column] for column in (earlier, later)}
    judged = truth(ex.Compare(">=", ex.Column(later), ex.Column(earlier)), known)
    both = int((judged.holds | judged.fails).sum())
    return both > 0 and int(judged.holds.sum()) >= OBEYED * both


def _first(ends: Sequence[str], dates: Mapping[str, Values]) -> str | None:
    """Of several ends that rows do not come after the one that most others follow, so that these need not be stated."""
    return max(ends, key=lambda end: sum(_follows(dates, end, other) for other in ends), default=None)


def _said(
    dataset: Dataset, name: str, operands: Mapping[str, Operand], above: Above, start: str, rules: Sequence[ex.Compare]
) -> dict[ex.Compare, float]:
    """How probable it is that a row breaks each rule which comes as long after the start as that of another stay."""
    nothing = [np.zeros(0)]
    pairs = {rule: (list(nothing), list(nothing)) for rule in rules}
    for block in dataset.tables[name] if rules else ():
        at = above.find(block)
        known = np.flatnonzero(at >= 0)
        own = {column: operand.read(block.column(column)).at(known) for column, operand in operands.items()}
        dates = {column: values.at(at[known]) for column, values in above.dates.items()}
        for rule, (since, lasting) in pairs.items():
            day, end = own[_name(rule.left)], dates[_name(rule.right)]
            moments = np.stack([day.numbers, end.numbers, dates[start].numbers])
            if "date" in (day.quantity.sort, end.quantity.sort):
                moments //= _DAY
            moments = moments[:, ~np.isnan(moments).any(axis=0)]
            since.append(moments[0] - moments[2])
            lasting.append(moments[1] - moments[2])
    return {
        rule: would_break(*(np.unique(np.concatenate(each), return_counts=True) for each in both))
        for rule, both in pairs.items()
        if any(map(len, both[0]))
    }


def _name(column: ex.Expression) -> str:
    assert isinstance(column, ex.Column)
    return column.name
