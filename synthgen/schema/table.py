"""What a config says of one table: its columns, whose rows they are, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from pydantic import Field

from synthgen.schema.column import Column, Date, Datetime, Time
from synthgen.schema.format import Format
from synthgen.schema.part import DataText, Mistake, Part
from synthgen.schema.rules import check
from synthgen.schema.rules.expression import Column as RuleColumn
from synthgen.schema.rules.expression import Expression, columns_of
from synthgen.schema.rules.grammar import RuleError, parse
from synthgen.schema.rules.quantity import Quantity

_DETERMINES = ("category", "code", "ordinal", "boolean", "integer")
_UNITS = ("category", "code", "ordinal", "boolean", "constant")
_SEX = ("category", "boolean", "integer", "constant")
_NOT_LEARNED = ("id", "fake", "text", "drop")
_GROUPS = ("category", "ordinal", "code", "boolean")
_TIMES = ("integer", "number")
_EVENTS = ("boolean", "integer")
_NO_KEY = ("fake", "text", "drop")
_ORDERED = ("date", "datetime", "time", "integer", "number")
#: What a table that is kept as it is cannot be told.
_NOT_OF_REFERENCES = ("patient", "parent", "order", "target", "survival", "groups", "constraints")
#: How moments are written where a column does not say.
_FORMATS = {
    kind.model_fields["kind"].default: {"format": kind.model_fields["format"].default}
    for kind in (Date, Datetime, Time)
}
#: The texts that pydantic reads as true.
_TRUE = frozenset({"1", "true", "t", "yes", "y", "on"})


class Survival(Part):
    """How long a patient was followed, and whether what was waited for happened.

    Attributes:
        time: a column of numbers, from the beginning to the event or to the end of follow-up.
        event: whether the event happened, which ends the time; else the patient was censored then.
    """

    time: str = Field(description="The column of follow-up times.")
    event: str = Field(description="The column that says whether the event happened: boolean, or 0 and 1.")


class Parent(Part):
    """The table whose rows the rows of this one belong to.

    Attributes:
        table: its name.
        column: the column, or columns, of this table that hold the parent's key, in the order of that key.
    """

    table: str = Field(description="The table that the rows belong to.")
    column: str | tuple[str, ...] = Field(description="The column or columns here that hold its key.")

    @property
    def columns(self) -> tuple[str, ...]:
        """``column`` as a tuple."""
        return (self.column,) if isinstance(self.column, str) else self.column


class TableConfig(Part):
    """One table.

    Attributes:
        key: the column, or columns, that tell rows apart; regenerated, never learned.
        patient: the column that says whose row it is; ``None`` makes every row its own patient, unless the row
            belongs to one of another table, and so to that one's patient.
        parent: what the rows belong to; ``None`` where they belong to nothing.
        foreign_keys: other columns that hold the key of a table, each with that table.
        order: the column that orders the rows of one parent, or of one patient, in time.
        reference: whether the table is public vocabulary, kept as it is.
        format: the dialect of the file, where it is not that of the others.
        missing: the texts that mean missing; nothing else does.
        columns: every column of the file, in any order.
        target: the column that the evaluation learns to predict.
        survival: where the rows tell of follow-up, its time and its event.
        groups: columns by which the evaluation asks whether everyone is served alike.
        constraints: rules that rows obey, in the language of ``synthgen.schema.rules``.
    """

    key: str | tuple[str, ...] | None = Field(None, description="The column or columns that tell rows apart.")
    patient: str | None = Field(None, description="The column that says whose row it is.")
    parent: Parent | None = Field(None, description="The table that the rows belong to, and by which columns.")
    foreign_keys: dict[str, str] = Field({}, description="Other columns that hold a table's key, and that table.")
    order: str | None = Field(None, description="The column that orders the rows of one parent in time.")
    reference: bool = Field(False, description="Public vocabulary, kept as it is.")
    format: Format | None = Field(None, description="The dialect of the file, instead of the config's.")
    missing: tuple[DataText, ...] = Field(("",), description="Texts that mean missing.")
    columns: dict[str, Column] = Field(min_length=1, description="Every column of the table, with its kind.")
    target: str | None = Field(None, description="The column that the evaluation learns to predict.")
    survival: Survival | None = Field(None, description="Follow-up: its time and its event.")
    groups: tuple[str, ...] = Field((), description="Columns by which fairness is judged.")
    constraints: tuple[str, ...] = Field((), description="Rules that rows obey, such as discharged_at >= admitted_at.")

    @property
    def key_columns(self) -> tuple[str, ...]:
        """The key as a tuple, empty where there is none."""
        if self.key is None:
            return ()
        return (self.key,) if isinstance(self.key, str) else self.key

    def missing_in(self, column: str) -> tuple[str, ...]:
        """The texts that mean missing in ``column``."""
        own = self.columns[column].missing
        return self.missing if own is None else own

    @property
    def rules(self) -> tuple[Expression, ...]:
        """``constraints``, parsed."""
        return tuple(map(parse, self.constraints))

    @property
    def quantities(self) -> dict[str, Quantity]:
        """What each column is in a rule."""
        return quantities(self.columns)

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterable[Mistake]:
        """References to columns that are not there or cannot serve."""
        columns = raw.get("columns")
        if not isinstance(columns, Mapping):
            return
        yield from _roles(raw, columns)
        yield from _between_columns(columns)
        yield from _missing_levels(raw.get("missing", ("",)), columns)
        yield from _rules(raw, columns)


def quantities(columns: Mapping[str, Any]) -> dict[str, Quantity]:
    """What each column is in a rule, by declarations that may be raw."""
    keys = ("order", "true", "false", "format", "also", "separator", "min", "max")
    found = {}
    for name, column in columns.items():
        kind = get(column, "kind")
        told = {key: value for key in keys if (value := get(column, key)) is not None}
        found[name] = Quantity.declared(kind, _FORMATS.get(str(kind), {}) | told)
    return found


def _rules(raw: Mapping[str, Any], columns: Mapping[str, Any]) -> Iterator[Mistake]:
    """Rules on the columns of the table; ``synthgen.schema.links`` knows those of its ancestors."""
    texts = raw.get("constraints")
    if isinstance(texts, list | tuple):
        resolve = check.of_columns(quantities(columns))
        for place, told in check.mistakes(
            texts, resolve, beyond=False, patient=raw.get("patient") or raw.get("parent")
        ):
            yield ("constraints", place), told


def _roles(raw: Mapping[str, Any], columns: Mapping[str, Any]) -> Iterator[Mistake]:
    reference = is_true(raw.get("reference"))
    key = raw.get("key")
    if isinstance(key, str) and reference:
        yield from _refer(("key",), key, columns, refused=_NO_KEY)
    elif isinstance(key, str):
        yield from _refer(("key",), key, columns, allowed=("id",))
    else:
        yield from _several(("key",), "a composite key", key, columns)
    yield from _refer(("patient",), raw.get("patient"), columns, allowed=("id",))
    yield from _refer(("target",), raw.get("target"), columns, refused=(*_NOT_LEARNED, "constant"))
    yield from _survival(raw.get("survival"), columns)
    groups = raw.get("groups")
    if isinstance(groups, list | tuple):
        if len(set(map(str, groups))) < len(groups):
            yield ("groups",), "a column stands there twice; name each once"
        for name in groups:
            yield from _refer(("groups",), name, columns, allowed=_GROUPS)
    yield from _refer(("order",), raw.get("order"), columns, allowed=_ORDERED)
    if reference:
        for name in _NOT_OF_REFERENCES:
            if raw.get(name) not in (None, [], ()):
                yield (name,), f"a reference table is kept as it is; remove `{name}` or `reference`"
    elif raw.get("order") is not None and raw.get("patient") is None and raw.get("parent") is None:
        yield ("order",), "it orders the rows of a parent or a patient, and the table names neither; name one"
    yield from _links(raw, columns)


def _survival(survival: Any, columns: Mapping[str, Any]) -> Iterator[Mistake]:
    time, event = get(survival, "time"), get(survival, "event")
    yield from _refer(("survival", "time"), time, columns, allowed=_TIMES)
    yield from _refer(("survival", "event"), event, columns, allowed=_EVENTS)
    if isinstance(time, str) and time == event:
        yield ("survival",), f"`{time}` is both time and event; name two columns"


def _links(raw: Mapping[str, Any], columns: Mapping[str, Any]) -> Iterator[Mistake]:
    """Links as far as the table itself can tell; ``synthgen.schema.links`` knows the other tables."""
    where, parent = ("parent", "column"), get(raw.get("parent"), "column")
    if isinstance(parent, str):
        yield from _refer(where, parent, columns, allowed=("id",))
    else:
        yield from _several(where, "a link of several columns", parent, columns)
    foreign = raw.get("foreign_keys")
    for name in foreign if isinstance(foreign, Mapping) else ():
        yield from _refer(("foreign_keys", name), name, columns)
        if name == parent:
            yield ("foreign_keys", name), f"`{name}` holds the parent's key already; remove it here"


def _several(where: tuple[str, ...], what: str, names: Any, columns: Mapping[str, Any]) -> Iterator[Mistake]:
    if not isinstance(names, list | tuple):
        return
    if len(set(map(str, names))) < len(names) or not names:
        yield where, f"{what} needs different columns; name each once"
    for part in names:
        yield from _refer(where, part, columns, refused=_NO_KEY)


def _between_columns(columns: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, column in columns.items():
        yield from _refer(("columns", name, "sex"), get(column, "sex"), columns, allowed=_SEX)
        yield from _refer(("columns", name, "unit_of"), get(column, "unit_of"), columns, allowed=_UNITS)
        by = get(column, "determined_by")
        if by is None:
            continue
        where = ("columns", name, "determined_by")
        yield from _refer(where, by, columns, allowed=_DETERMINES)
        if get(column, "kind") in _NOT_LEARNED:
            yield where, f"a column of kind {get(column, 'kind')} is not learned; remove determined_by"
        if name in _causes(by, columns):
            yield where, f"`{name}` and `{by}` determine each other in a circle; remove one"
    yield from _computed(columns)


def _causes(name: Any, columns: Mapping[str, Any]) -> set[str]:
    """``name``, the columns that determine it or that it is computed from, theirs, and so on."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if isinstance(each, str) and each not in found:
            found.add(each)
            waiting += [get(columns.get(each), "determined_by"), *_operands(get(columns.get(each), "computed"))]
    return found


def _operands(text: Any) -> tuple[str, ...]:
    try:
        return tuple(column.name for column in columns_of(parse(text))) if isinstance(text, str) else ()
    except RuleError:
        return ()


def _computed(columns: Mapping[str, Any]) -> Iterator[Mistake]:
    """Columns that are computed from what is not there, cannot serve, or is computed from them."""
    resolve = check.of_columns(quantities(columns))
    for name, column in columns.items():
        text, where = get(column, "computed"), ("columns", name, "computed")
        if not isinstance(text, str):
            continue
        try:
            check.require_value(parse(text), resolve(RuleColumn(name)), resolve)
        except RuleError as error:
            yield where, str(error)
            continue
        if get(column, "determined_by") is not None:
            yield where, "the column has determined_by too; remove one"
        if get(column, "kind") == "number" and get(column, "decimals") is None:
            yield where, "the result is rounded to the column's decimals; state `decimals`"
        circle = next((each for each in _operands(text) if name in _causes(each, columns)), None)
        if circle is not None:
            yield where, f"`{name}` and `{circle}` are computed from each other in a circle; remove one"


def _refer(
    where: tuple[str, ...],
    name: Any,
    columns: Mapping[str, Any],
    *,
    allowed: tuple[str, ...] = (),
    refused: tuple[str, ...] = (),
) -> Iterator[Mistake]:
    """Whether ``name`` is a declared column of a fitting kind. What is no text at all is told elsewhere."""
    if not isinstance(name, str):
        return
    if name not in columns:
        yield where, f"there is no column `{name}`; declare it under columns, or correct the name"
        return
    kind = get(columns[name], "kind")
    if kind is None:
        return
    if allowed and kind not in allowed:
        yield where, f"column `{name}` is of kind {kind}; here it must be {' or '.join(allowed)}"
    if kind in refused:
        yield (
            where,
            f"column `{name}` is of kind {kind}, which cannot serve here; name another column or change its kind",
        )


def _missing_levels(missing: Any, columns: Mapping[str, Any]) -> Iterator[Mistake]:
    """Texts that are declared both as a value and as missing."""
    for name, column in columns.items():
        own = get(column, "missing")
        tokens = missing if own is None else own
        if not isinstance(tokens, list | tuple):
            continue
        for key in ("order", "atoms", "true", "false", "other"):
            texts = get(column, key)
            for text in texts if isinstance(texts, list | tuple) else (texts,):
                if text is not None and text in tokens:
                    yield ("columns", name, key), f'"{text}" also means missing; remove it here or from missing'


def get(part: Any, key: str) -> Any:
    """A key of a part that may be raw, valid or nonsense."""
    if isinstance(part, Mapping):
        return part.get(key)
    return getattr(part, key, None) if isinstance(part, Part) else None


def is_true(raw: Any) -> bool:
    """Whether a raw value will be read as true."""
    return raw is True or (isinstance(raw, str) and raw.lower() in _TRUE)
