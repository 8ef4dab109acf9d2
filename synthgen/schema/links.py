"""What can be wrong between the tables of a config, told from raw tables so that other mistakes do not hide it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from synthgen.schema.part import Mistake
from synthgen.schema.rules import check
from synthgen.schema.rules.expression import Column
from synthgen.schema.rules.grammar import RuleError
from synthgen.schema.rules.quantity import Quantity
from synthgen.schema.table import get, is_true, quantities

#: What a column may be that holds the key of a table which is kept as it is.
_TO_REFERENCE = ("category", "code", "ordinal", "integer", "boolean", "constant")


def between_tables(tables: Mapping[str, Any]) -> Iterator[Mistake]:
    """Every mistake between the tables, each at its place below ``tables``.

    A parent is another table that is there, has a key of as many columns of the same kinds, and does not belong to
    its own child; what belongs to a patient has a parent that does. A foreign key names a table with a key of one
    column. At most one table has a row for each patient and no parent.
    """
    if len(tables) == 1:
        (name,) = tables
        if get(tables[name], "format") is not None:
            yield (name, "format"), "with one table the format stands at the top of the config; move it there"
    for name, table in tables.items():
        yield from _about_parent(name, tables)
        foreign = get(table, "foreign_keys")
        for column, target in foreign.items() if isinstance(foreign, Mapping) else ():
            yield from _about_foreign_key(name, column, target, tables)
        yield from _about_rules(name, tables)
    yield from _about_patients(tables)


def _key_of(table: Any) -> tuple[str, ...] | None:
    """The key columns of a raw table; ``None`` where there is none, or it is nonsense."""
    return _names(get(table, "key"))


def _about_parent(name: str, tables: Mapping[str, Any]) -> Iterator[Mistake]:
    parent = _parent(tables[name])
    if parent is None:
        return
    where = (name, "parent", "table")
    if parent not in tables:
        yield where, f"there is no table `{parent}`; {_the_tables(tables)}"
        return
    if parent == name:
        yield where, "a table is not its own parent; state a link to itself under foreign_keys"
        return
    if name in _ancestors(name, tables):
        yield where, f"`{name}` and `{parent}` belong to each other in a circle; remove one parent"
        return
    if is_true(get(tables[parent], "reference")):
        yield where, f"`{parent}` is a reference table, which nothing belongs to; state it under foreign_keys"
        return
    if get(tables[name], "patient") is not None and not _reaches_patient(parent, tables):
        yield where, f"the rows belong to patients and those of `{parent}` do not; state it under foreign_keys"
    yield from _fits(name, parent, tables)


def _fits(name: str, parent: str, tables: Mapping[str, Any]) -> Iterator[Mistake]:
    """Whether the columns of the link can hold the parent's key."""
    key, columns = _key_of(tables[parent]), _names(get(get(tables[name], "parent"), "column"))
    if get(tables[parent], "key") is None:
        yield (name, "parent", "table"), f"`{parent}` has no key to refer to; give it one"
    if key is None or columns is None:
        return
    where = (name, "parent", "column")
    if len(key) != len(columns):
        yield (
            where,
            f"found {_count(columns)}, but the key of `{parent}` has {len(key)}: {', '.join(key)}; name as many",
        )
        return
    for column, part in zip(columns, key, strict=True):
        kinds = _kind(tables[name], column), _kind(tables[parent], part)
        if len(key) > 1 and None not in kinds and kinds[0] != kinds[1]:
            yield (
                where,
                f"`{column}` is of kind {kinds[0]} and `{part}` of `{parent}` of kind {kinds[1]}; make them one",
            )


def _about_foreign_key(name: str, column: str, target: Any, tables: Mapping[str, Any]) -> Iterator[Mistake]:
    where = (name, "foreign_keys", column)
    if not isinstance(target, str):
        return
    if target not in tables:
        yield where, f"there is no table `{target}`; {_the_tables(tables)}"
        return
    if column == get(tables[name], "patient") and (patients := _of_patients(tables)) and target not in patients:
        yield where, f"`{column}` is the patient, whose row is in `{patients[0]}`; remove it here"
        return
    key = _key_of(tables[target])
    if get(tables[target], "key") is None:
        yield where, f"`{target}` has no key to refer to; give it one"
    elif key is not None and len(key) > 1:
        yield where, f"the key of `{target}` has {len(key)} columns, and a foreign key has one; make it the parent"
    kept = is_true(get(tables[target], "reference"))
    if is_true(get(tables[name], "reference")) and not kept:
        yield where, f"the table is kept as it is and the key of `{target}` made up anew; make `{target}` a reference"
        return
    kind = _kind(tables[name], column)
    allowed = _TO_REFERENCE if kept else ("id",)
    if kind is not None and kind not in allowed and not is_true(get(tables[name], "reference")):
        why = "is kept as it is" if kept else "is regenerated"
        yield where, f"`{target}` {why}, so `{column}` must be {' or '.join(allowed)}; it is of kind {kind}"


def _about_rules(name: str, tables: Mapping[str, Any]) -> Iterator[Mistake]:
    """Rules that speak of the columns of ancestors."""
    texts = get(tables[name], "constraints")
    if not isinstance(texts, list | tuple):
        return
    above = _above(name, tables)

    def resolve(column: Column) -> Quantity:
        table = above[0] if column.table == "parent" and above else column.table
        if column.table is not None and table not in above:
            known = ", ".join(f"`{each}`" for each in above) or "none"
            raise RuleError(
                f"`{table}` is no ancestor of the rows; the ancestors are {known}"
                + ("; write the table's own columns without its name" if column.table == name else "")
            )
        columns = get(tables[table or name], "columns")
        return check.of_columns(quantities(columns if isinstance(columns, Mapping) else {}))(column)

    patient = get(tables[name], "patient") or ("above" if _reaches_patient(name, tables) else None)
    for place, told in check.mistakes(texts, resolve, beyond=True, patient=patient):
        yield (name, "constraints", place), told


def _about_patients(tables: Mapping[str, Any]) -> Iterator[Mistake]:
    of_patients = _of_patients(tables)
    if len(of_patients) > 1:
        for name in of_patients:
            told = ", ".join(f"`{other}`" for other in of_patients)
            yield (name, "patient"), f"{told} each have one row for each patient; give all but one a parent"


def _of_patients(tables: Mapping[str, Any]) -> list[str]:
    """The tables with one row for each patient that belong to no other."""
    return [
        name
        for name, table in tables.items()
        if isinstance(patient := get(table, "patient"), str)
        and _key_of(table) == (patient,)
        and get(table, "parent") is None
    ]


def _reaches_patient(name: str, tables: Mapping[str, Any]) -> bool:
    return any(get(tables[each], "patient") is not None for each in (name, *_ancestors(name, tables)))


def _ancestors(name: str, tables: Mapping[str, Any]) -> list[str]:
    """The parent, its parent, and so on, as far as they are there; in a circle each once."""
    above: list[str] = []
    parent = _parent(tables[name])
    while parent is not None and parent in tables and parent not in above:
        above.append(parent)
        parent = _parent(tables[parent])
    return above


def _above(name: str, tables: Mapping[str, Any]) -> list[str]:
    """The ancestors, the table of the patients among them though no parent leads there, as rows know their patient."""
    above = _ancestors(name, tables)
    implied = [each for each in _of_patients(tables) if each != name and each not in above]
    return [*above, *implied[:1]] if _reaches_patient(name, tables) else above


def _parent(table: Any) -> str | None:
    name = get(get(table, "parent"), "table")
    return name if isinstance(name, str) else None


def _names(columns: Any) -> tuple[str, ...] | None:
    if isinstance(columns, str):
        return (columns,)
    whole = isinstance(columns, list | tuple) and columns and all(isinstance(name, str) for name in columns)
    return tuple(columns) if whole else None


def _kind(table: Any, column: str) -> str | None:
    columns = get(table, "columns")
    kind = get(columns.get(column), "kind") if isinstance(columns, Mapping) else None
    return kind if isinstance(kind, str) else None


def _count(columns: tuple[str, ...]) -> str:
    return "1 column" if len(columns) == 1 else f"{len(columns)} columns"


def _the_tables(tables: Mapping[str, Any]) -> str:
    return f"the tables are {', '.join(tables)}"
