"""Conditions on the values of a column, as ``--where`` takes them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from synthgen.errors import InputError

#: Longer operators first, so that ``<=`` is not read as ``<``.
_OPERATORS: Final = ("!=", "<=", ">=", "=", "<", ">")


@dataclass(frozen=True)
class Condition:
    """One term; several are joined by *and*.

    Attributes:
        operator: one of ``= != < <= > >= in``.
        values: as written in the input; one value except for ``in``.
    """

    column: str
    operator: str
    values: tuple[str, ...]


def parse(expression: str, *, table: str, columns: Sequence[str]) -> Condition:
    """Read ``[table.]column OP value``; ``column=`` asks for missing, ``column in (a, b)`` for one of several.

    >>> parse("age >= 65", table="t", columns=["age", "age group"])
    Condition(column='age', operator='>=', values=('65',))
    >>> parse("t.age group in (old, very old)", table="t", columns=["age", "age group"])
    Condition(column='age group', operator='in', values=('old', 'very old'))

    Raises:
        InputError: no such column, or no operator behind it.
    """
    whole = expression.strip()
    for text in dict.fromkeys([whole, whole.removeprefix(f"{table}.")]):
        for column in sorted(columns, key=len, reverse=True):
            if text.startswith(column) and (found := _behind(column, text[len(column) :])) is not None:
                return found
    raise InputError(
        f"--where {expression!r}: expected COLUMN OP VALUE with OP one of = != < <= > >= in, "
        f"and COLUMN one of {', '.join(columns)}"
    )


def _behind(column: str, rest: str) -> Condition | None:
    """The condition whose operator and value stand behind the column's name."""
    stripped = rest.strip()
    for operator in _OPERATORS:
        if stripped.startswith(operator):
            return Condition(column, operator, (stripped[len(operator) :].strip(),))
    if rest[:1].isspace() and stripped.startswith(("in ", "in(")):
        inside = stripped[2:].strip().removeprefix("(").removesuffix(")")
        return Condition(column, "in", tuple(value.strip() for value in inside.split(",")))
    return None
