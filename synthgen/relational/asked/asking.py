"""Conditions on an extract: on the patients and on the tables of no patient, whose rows are drawn given nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from synthgen.errors import InputError
from synthgen.models.base import Given
from synthgen.relational.asked.balance import Balance
from synthgen.relational.asked.condition import Condition, parse
from synthgen.relational.asked.on_codes import on_codes
from synthgen.relational.flat.table import FlatSynthesizer
from synthgen.relational.frame import FittedTable
from synthgen.relational.rules.bounds import narrowed
from synthgen.schema.column import Integer, Number

if TYPE_CHECKING:
    from synthgen.relational.extract import Extract


@dataclass(frozen=True, eq=False)
class Asked:
    """What is asked of the rows that are drawn given nothing.

    Attributes:
        given: by table, the codes that conditions allow.
        balance: the groups among which patients are shared out; ``None`` where nothing is to be balanced.
    """

    given: Mapping[str, Given] = field(default_factory=dict)
    balance: Balance | None = None

    def of(self, table: str) -> Given:
        """The codes that conditions on a table allow."""
        return self.given.get(table, {})


def conditioned(
    extract: Extract, where: Sequence[str | tuple[str, Condition]], balance: Sequence[str]
) -> tuple[Extract, Asked]:
    """The extract with bins that reach no further than conditions and bounding rules, and the conditions on codes.

    Raises:
        InputError: a condition makes no sense, asks for what the model never generates, or is on the rows of a patient.
    """
    asked: dict[str, list[Condition]] = {}
    for each in where:
        table, condition = _read(extract, each) if isinstance(each, str) else each
        asked.setdefault(table, []).append(condition)
    tables = {name: _bounded(extract, name) for name in extract.tables}
    given = {}
    for name, conditions in asked.items():
        codec, given[name] = on_codes(tables[name].codec, conditions)
        tables[name] = replace(tables[name], codec=codec)
    groups = None
    if balance:
        names = [_own(extract, name) for name in balance]
        groups = _alone(tables[extract.patients]).balanced(names, given.get(extract.patients, {}))
    return replace(extract, tables=tables), Asked(given, groups)


def _bounded(extract: Extract, name: str) -> FittedTable:
    """A table whose bins end where a rule bounds a column."""
    table = extract.tables[name]
    if not table.rates:
        return table
    return replace(table, codec=narrowed(table.codec, extract.configs[name].rules, table.rates))


def _alone(table: FittedTable) -> FlatSynthesizer:
    """A table whose rows are given nothing, as a flat one."""
    return FlatSynthesizer(table.codec, None, (), None, table.model)


def _askable(extract: Extract) -> list[str]:
    """The tables that can be asked of, the patients' first."""
    found = [name for name, table in extract.tables.items() if table.surroundings is None and name in extract.configs]
    return sorted(found, key=lambda name: name != extract.patients)


def _read(extract: Extract, text: str) -> tuple[str, Condition]:
    """The table that a condition speaks of, and the condition."""
    tables = _askable(extract)
    stated = [name for name in extract.configs if text.strip().startswith(f"{name}.")]
    if stated and stated[0] not in tables:
        raise InputError(f"--where: {stated[0]}: {_WHY.format(', '.join(tables))}")
    error: InputError | None = None
    for name in stated or tables:
        config, marks = extract.configs[name], extract.tables[name].codec.plan.format
        marked = ((Number,) if marks.decimal == "," else ()) + ((Number, Integer) if marks.thousands == "," else ())
        with_commas = {column for column, kind in config.columns.items() if isinstance(kind, marked)}
        try:
            condition = parse(
                text,
                table=name,
                columns=tuple(config.columns),
                semicolons=marks.decimal == ",",
                with_commas=with_commas,
            )
        except InputError as refused:
            error = error or refused
            continue
        if condition.column in extract.tables[name].codec.plan.elsewhere:
            raise InputError(f"--where: column {condition.column} is told by its distance from another; name another")
        return name, condition
    others = [name for name, config in extract.configs.items() if name not in tables and _begins(text, config.columns)]
    if others:
        raise InputError(f"--where: {text!r} is on {others[0]}; {_WHY.format(', '.join(tables))}")
    raise error or InputError(f"--where {text!r}: no table can be asked of")


#: What conditions may be on.
_WHY = "conditions are on the patients and on tables of no patient ({}); choose among the rows that come out"


def _begins(text: str, columns: Mapping[str, object]) -> bool:
    return any(text.strip().startswith(column) for column in columns)


def _own(extract: Extract, name: str) -> str:
    """A column of the patients that is to be balanced."""
    if extract.patients not in extract.configs:
        raise InputError("--balance: no table has a row for each patient, among whom to balance")
    own = name.removeprefix(f"{extract.patients}.")
    if own not in extract.configs[extract.patients].columns:
        known = ", ".join(extract.configs[extract.patients].columns)
        raise InputError(f"--balance: {name} is no column of {extract.patients}, whose columns are {known}")
    return own
