"""What a config says of one table: its columns, whose rows they are, and what they refer to."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, ClassVar

from pydantic import Field

from synthgen.schema.column import Column
from synthgen.schema.part import DataText, Mistake, Part

_DETERMINES = ("category", "code", "ordinal", "boolean", "integer")
_SEX = ("category", "boolean", "integer", "constant")
_NOT_LEARNED = ("id", "fake", "text", "drop")
_GROUPS = ("category", "ordinal", "code", "boolean")
_TIMES = ("integer", "number")
_EVENTS = ("boolean", "integer")


class Survival(Part):
    """How long a patient was followed, and whether what was waited for happened.

    Attributes:
        time: a column of numbers, from the beginning to the event or to the end of follow-up.
        event: whether the event happened, which ends the time; else the patient was censored then.
    """

    time: str = Field(description="The column of follow-up times.")
    event: str = Field(description="The column that says whether the event happened: boolean, or 0 and 1.")


class TableConfig(Part):
    """One table.

    Attributes:
        key: the column, or columns, that tell rows apart; regenerated, never learned.
        patient: the column that says whose row it is; ``None`` makes every row its own patient.
        missing: the texts that mean missing; nothing else does.
        columns: every column of the file, in any order.
        target: the column that the evaluation learns to predict.
        survival: where the rows tell of follow-up, its time and its event.
        groups: columns by which the evaluation asks whether everyone is served alike.
    """

    not_honoured: ClassVar[frozenset[str]] = frozenset({"parent", "foreign_keys", "order", "constraints", "reference"})

    key: str | tuple[str, ...] | None = Field(None, description="The column or columns that tell rows apart.")
    patient: str | None = Field(None, description="The column that says whose row it is.")
    missing: tuple[DataText, ...] = Field(("",), description="Texts that mean missing.")
    columns: dict[str, Column] = Field(min_length=1, description="Every column of the table, with its kind.")
    target: str | None = Field(None, description="The column that the evaluation learns to predict.")
    survival: Survival | None = Field(None, description="Follow-up: its time and its event.")
    groups: tuple[str, ...] = Field((), description="Columns by which fairness is judged.")

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

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterable[Mistake]:
        """References to columns that are not there or cannot serve."""
        columns = raw.get("columns")
        if not isinstance(columns, Mapping):
            return
        yield from _roles(raw, columns)
        yield from _between_columns(columns)
        yield from _missing_levels(raw.get("missing", ("",)), columns)


def _roles(raw: Mapping[str, Any], columns: Mapping[str, Any]) -> Iterator[Mistake]:
    key = raw.get("key")
    if isinstance(key, str):
        yield from _refer(("key",), key, columns, allowed=("id",))
    elif isinstance(key, list | tuple):
        if len(set(map(str, key))) < len(key) or not key:
            yield ("key",), "a composite key needs different columns; name each once"
        for part in key:
            yield from _refer(("key",), part, columns, refused=("drop",))
    yield from _refer(("patient",), raw.get("patient"), columns, allowed=("id",))
    yield from _refer(("target",), raw.get("target"), columns, refused=(*_NOT_LEARNED, "constant"))
    yield from _survival(raw.get("survival"), columns)
    groups = raw.get("groups")
    if isinstance(groups, list | tuple):
        if len(set(map(str, groups))) < len(groups):
            yield ("groups",), "a column stands there twice; name each once"
        for name in groups:
            yield from _refer(("groups",), name, columns, allowed=_GROUPS)


def _survival(survival: Any, columns: Mapping[str, Any]) -> Iterator[Mistake]:
    time, event = _get(survival, "time"), _get(survival, "event")
    yield from _refer(("survival", "time"), time, columns, allowed=_TIMES)
    yield from _refer(("survival", "event"), event, columns, allowed=_EVENTS)
    if isinstance(time, str) and time == event:
        yield ("survival",), f"`{time}` is both time and event; name two columns"


def _between_columns(columns: Mapping[str, Any]) -> Iterator[Mistake]:
    for name, column in columns.items():
        yield from _refer(("columns", name, "sex"), _get(column, "sex"), columns, allowed=_SEX)
        by = _get(column, "determined_by")
        if by is None:
            continue
        where = ("columns", name, "determined_by")
        yield from _refer(where, by, columns, allowed=_DETERMINES)
        if _get(column, "kind") in _NOT_LEARNED:
            yield where, f"a column of kind {_get(column, 'kind')} is not learned; remove determined_by"
        if name in _chain(by, columns):
            yield where, f"`{name}` and `{by}` determine each other in a circle; remove one"


def _chain(name: str, columns: Mapping[str, Any]) -> list[str]:
    """``name``, the column that determines it, and so on."""
    chain: list[str] = []
    while isinstance(name, str) and name not in chain:
        chain.append(name)
        name = _get(columns.get(name), "determined_by")
    return chain


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
    kind = _get(columns[name], "kind")
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
        own = _get(column, "missing")
        tokens = missing if own is None else own
        if not isinstance(tokens, list | tuple):
            continue
        for key in ("order", "atoms", "true", "false", "other"):
            texts = _get(column, key)
            for text in texts if isinstance(texts, list | tuple) else (texts,):
                if text is not None and text in tokens:
                    yield ("columns", name, key), f'"{text}" also means missing; remove it here or from missing'


def _get(column: Any, key: str) -> Any:
    """A key of a column that may be raw, valid or nonsense."""
    return column.get(key) if isinstance(column, Mapping) else getattr(column, key, None)
