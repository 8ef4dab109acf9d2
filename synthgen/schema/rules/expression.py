"""A rule as a value: the syntax tree, and the text that reads back as the same tree."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from typing import Any, ClassVar, Final, TypeAlias

#: Names that stand in a rule for something else than a column.
KEYWORDS: Final = frozenset({"and", "or", "not", "in", "is", "missing", "between", "implies"})
_PLAIN: Final = re.compile(r"[^\W\d]\w*")


@dataclass(frozen=True)
class Column:
    """A column of the row itself, or of the row of an ancestor.

    Attributes:
        table: ``parent``, or the name of an ancestor; ``None`` for the row itself.
    """

    name: str
    table: str | None = None

    binds: ClassVar[int] = 9

    def __str__(self) -> str:
        return _name(self.name) if self.table is None else f"{_name(self.table)}.{_name(self.name)}"


@dataclass(frozen=True)
class Number:
    """A number, written with a decimal point whatever the file has."""

    value: float

    binds: ClassVar[int] = 9

    def __str__(self) -> str:
        return str(int(self.value)) if self.value.is_integer() and self.value < 1e15 else repr(self.value)


@dataclass(frozen=True)
class Text:
    """A value as it is written in the file: a level, a code, a date."""

    value: str

    binds: ClassVar[int] = 9

    def __str__(self) -> str:
        return "'" + self.value.replace("'", "''") + "'"


@dataclass(frozen=True)
class Call:
    """A function of moments."""

    function: str
    arguments: tuple[Expression, ...]

    binds: ClassVar[int] = 9

    def __str__(self) -> str:
        return f"{self.function}({', '.join(map(str, self.arguments))})"


@dataclass(frozen=True)
class Power:
    """``base ** exponent``."""

    base: Expression
    exponent: Expression

    binds: ClassVar[int] = 8

    def __str__(self) -> str:
        return f"{_inside(self.base, self.binds + 1)} ** {_inside(self.exponent, 7)}"


@dataclass(frozen=True)
class Negative:
    """``-operand``."""

    operand: Expression

    binds: ClassVar[int] = 7

    def __str__(self) -> str:
        return f"-{_inside(self.operand, self.binds)}"


@dataclass(frozen=True)
class Product:
    """``left * right`` or ``left / right``."""

    operator: str
    left: Expression
    right: Expression

    binds: ClassVar[int] = 6

    def __str__(self) -> str:
        return f"{_inside(self.left, self.binds)} {self.operator} {_inside(self.right, self.binds + 1)}"


@dataclass(frozen=True)
class Sum:
    """``left + right`` or ``left - right``: a moment and days give a moment, two moments the days between."""

    operator: str
    left: Expression
    right: Expression

    binds: ClassVar[int] = 5

    def __str__(self) -> str:
        return f"{_inside(self.left, self.binds)} {self.operator} {_inside(self.right, self.binds + 1)}"


@dataclass(frozen=True)
class Compare:
    """Two values compared by one of ``== != < <= > >=``."""

    operator: str
    left: Expression
    right: Expression

    binds: ClassVar[int] = 4

    def __str__(self) -> str:
        return f"{_inside(self.left, self.binds + 1)} {self.operator} {_inside(self.right, self.binds + 1)}"


@dataclass(frozen=True)
class Between:
    """``low <= value <= high``."""

    value: Expression
    low: Expression
    high: Expression

    binds: ClassVar[int] = 4

    def __str__(self) -> str:
        value, low, high = (_inside(part, self.binds + 1) for part in (self.value, self.low, self.high))
        return f"{value} between {low} and {high}"


@dataclass(frozen=True)
class OneOf:
    """Values that must be one of some combinations; of one value, one of some constants."""

    values: tuple[Expression, ...]
    combinations: tuple[tuple[Expression, ...], ...]

    binds: ClassVar[int] = 4

    def __str__(self) -> str:
        return self.written("in")

    def written(self, operator: str) -> str:
        """The text with ``in``, or ``not in``."""
        choices = ", ".join(map(_tuple, self.combinations))
        value = _inside(self.values[0], self.binds + 1) if len(self.values) == 1 else _tuple(self.values)
        return f"{value} {operator} [{choices}]"


@dataclass(frozen=True)
class Missing:
    """``column is missing``."""

    column: Expression

    binds: ClassVar[int] = 4

    def __str__(self) -> str:
        return f"{_inside(self.column, self.binds + 1)} is missing"


@dataclass(frozen=True)
class Not:
    """The opposite."""

    part: Expression

    binds: ClassVar[int] = 3

    def __str__(self) -> str:
        if isinstance(self.part, OneOf):
            return self.part.written("not in")
        if isinstance(self.part, Missing):
            return f"{_inside(self.part.column, self.part.binds + 1)} is not missing"
        return f"not {_inside(self.part, self.binds)}"


@dataclass(frozen=True)
class And:
    """All parts hold."""

    parts: tuple[Expression, ...]

    binds: ClassVar[int] = 2

    def __str__(self) -> str:
        return " and ".join(_inside(part, self.binds + 1) for part in self.parts)


@dataclass(frozen=True)
class Or:
    """At least one part holds."""

    parts: tuple[Expression, ...]

    binds: ClassVar[int] = 1

    def __str__(self) -> str:
        return " or ".join(_inside(part, self.binds + 1) for part in self.parts)


@dataclass(frozen=True)
class Implies:
    """Where the one holds, so does the other."""

    when: Expression
    then: Expression

    binds: ClassVar[int] = 0

    def __str__(self) -> str:
        return f"{_inside(self.when, self.binds + 1)} implies {self.then}"


@dataclass(frozen=True)
class Unique:
    """No two rows have the same values in all these columns; a row that lacks one of them counts as no other's like."""

    columns: tuple[Column, ...]

    binds: ClassVar[int] = 0

    def __str__(self) -> str:
        return f"unique({', '.join(map(str, self.columns))})"


@dataclass(frozen=True)
class AtMostOneOpen:
    """Of a patient's rows at most one has a start and no end."""

    start: Column
    end: Column

    binds: ClassVar[int] = 0

    def __str__(self) -> str:
        return f"at most one open({self.start}, {self.end})"


Expression: TypeAlias = (
    Column
    | Number
    | Text
    | Call
    | Power
    | Negative
    | Product
    | Sum
    | Compare
    | Between
    | OneOf
    | Missing
    | Not
    | And
    | Or
    | Implies
    | Unique
    | AtMostOneOpen
)
"""Any part of a rule. ``binds`` says how strongly an operator binds its operands, 9 the most."""

#: Rules that compare rows with one another; all others look at one row.
BETWEEN_ROWS: Final = (Unique, AtMostOneOpen)


def columns_of(expression: Expression) -> tuple[Column, ...]:
    """The columns that stand in an expression, each once, in the order of the text."""
    return tuple(dict.fromkeys(part for part in walk(expression) if isinstance(part, Column)))


def renamed(expression: Expression, name: Callable[[Column], Expression]) -> Expression:
    """An expression with other names of its columns, or with something else in their places."""
    if isinstance(expression, Column):
        return name(expression)
    return replace(
        expression,
        **{field.name: _renamed_value(getattr(expression, field.name), name) for field in fields(expression)},
    )


def _renamed_value(value: Any, name: Callable[[Column], Expression]) -> Any:
    if isinstance(value, tuple):
        return tuple(_renamed_value(part, name) for part in value)
    return value if isinstance(value, str | float | None) else renamed(value, name)


def walk(expression: Expression) -> Iterator[Expression]:
    """An expression and all its parts."""
    yield expression
    for field in fields(expression):
        yield from _walk_value(getattr(expression, field.name))


def _walk_value(value: object) -> Iterator[Expression]:
    if isinstance(value, tuple):
        for part in value:
            yield from _walk_value(part)
    elif not isinstance(value, str | float | None):
        yield from walk(value)  # type: ignore[arg-type]


def _name(name: str) -> str:
    return name if _PLAIN.fullmatch(name) and name not in KEYWORDS else f"`{name}`"


def _inside(part: Expression, least: int) -> str:
    """A part as an operand of an operator, in brackets unless it binds at least so strongly."""
    return str(part) if part.binds >= least else f"({part})"


def _tuple(parts: tuple[Expression, ...]) -> str:
    return str(parts[0]) if len(parts) == 1 else f"({', '.join(map(str, parts))})"
