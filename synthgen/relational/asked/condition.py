"""Conditions on the values of a column, as ``--where`` takes them."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.leveled import COMPARE
from synthgen.errors import InputError
from synthgen.reshape.operands import Operand
from synthgen.schema.config import Format
from synthgen.schema.rules.truth import Values
from synthgen.schema.table import TableConfig

#: Longer operators first, so that ``<=`` is not read as ``<``.
_OPERATORS: Final = ("!=", "<=", ">=", "=", "<", ">")
#: A comma that is no decimal mark: one that does not stand between two digits.
_COMMA_BETWEEN_NUMBERS: Final = r"(?<!\d),|,(?!\d)"


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


def parse(
    expression: str, *, table: str, columns: Sequence[str], semicolons: bool = False, with_commas: Container[str] = ()
) -> Condition:
    """Read ``[table.]column OP value``; ``column=`` asks for missing, ``column in (a, b)`` for one of several.

    The values of ``in`` stand between commas, or between semicolons where those are allowed. A comma between two
    digits parts nothing in a column whose numbers have commas. What is quoted stands whole.

    >>> parse("age >= 65", table="t", columns=["age", "age group"])
    Condition(column='age', operator='>=', values=('65',))
    >>> parse("t.age group in (old, very old)", table="t", columns=["age", "age group"])
    Condition(column='age group', operator='in', values=('old', 'very old'))
    >>> parse("hba1c in (6,5, 7)", table="t", columns=["hba1c"], with_commas=["hba1c"])
    Condition(column='hba1c', operator='in', values=('6,5', '7'))

    Args:
        with_commas: the columns in whose numbers a comma is the decimal mark or stands between thousands.

    Raises:
        InputError: no such column, or no operator behind it.
    """
    whole = expression.strip()
    for text in dict.fromkeys([whole, whole.removeprefix(f"{table}.")]):
        for column in sorted(columns, key=len, reverse=True):
            if text.startswith(column):
                comma = _COMMA_BETWEEN_NUMBERS if column in with_commas else ","
                found = _behind(column, text[len(column) :], (";", comma) if semicolons else (comma,))
                if found is not None:
                    return found
    raise InputError(
        f"--where {expression!r}: expected COLUMN OP VALUE with OP one of = != < <= > >= in, "
        f"and COLUMN one of {', '.join(columns)}"
    )


def met_by(
    conditions: Sequence[Condition], config: TableConfig, marks: Format
) -> Callable[[pa.RecordBatch], NDArray[np.bool_]]:
    """What tells which rows of a batch meet conditions.

    Raises:
        InputError: a value is neither missing nor one of the column's kind, or what is asked has no order.
    """
    wanted = []
    for condition in conditions:
        operand = Operand.of(config, condition.column, marks)
        missing = next(iter(config.missing_in(condition.column)), "")
        asked = operand.read(pa.array([value.strip() or missing for value in condition.values], pa.string()))
        unordered = condition.operator in ("=", "!=", "in")
        if asked.quantity.sort == "none":
            raise InputError(f"--where: column {condition.column} is not learned; condition on another")
        if not unordered and not asked.quantity.ordered:
            raise InputError(f"--where: column {condition.column} has no order; use =, != or in")
        if not (asked.missing | ~np.isnan(asked.numbers)).all() or (asked.missing.any() and not unordered):
            raise InputError(f"--where: column {condition.column}: the value is not {asked.quantity.words}")
        wanted.append((condition, operand, asked))

    def met(batch: pa.RecordBatch) -> NDArray[np.bool_]:
        whole = np.ones(batch.num_rows, bool)
        for condition, operand, asked in wanted:
            whole &= _meets(operand.read(batch.column(condition.column)), condition.operator, asked)
        return whole

    return met


def chosen(
    batches: Iterable[pa.RecordBatch],
    n: int,
    conditions: Sequence[Condition],
    config: TableConfig,
    marks: Format,
    *,
    most_tried: int,
) -> Iterator[pa.RecordBatch]:
    """The first ``n`` rows of endless batches that meet conditions.

    Args:
        most_tried: so many rows without one that does are taken for none.

    Raises:
        InputError: none does, or as ``met_by`` has it.
    """
    met = met_by(conditions, config, marks)
    left, tried = n, 0
    for batch in batches:
        kept = batch.filter(pa.array(met(batch))).slice(0, left)
        left, tried = left - kept.num_rows, tried + batch.num_rows
        if kept.num_rows:
            yield kept
        if left == 0:
            return
        if left == n and tried > most_tried:
            names = ", ".join(dict.fromkeys(each.column for each in conditions))
            raise InputError(f"--where: {names}: none of {tried} rows is so; ask for something else")


def _meets(cells: Values, operator: str, asked: Values) -> NDArray[np.bool_]:
    if operator in ("=", "!=", "in"):
        known = asked.numbers[~asked.missing]
        if cells.labels:
            wanted = {asked.labels[int(at)] for at in known}
            known = np.flatnonzero([label in wanted for label in cells.labels]).astype(np.float64)
        equal = np.isin(cells.numbers, known) | (cells.missing & asked.missing.any())
        return np.asarray(~equal if operator == "!=" else equal, bool)
    with np.errstate(invalid="ignore"):
        return np.asarray(COMPARE[operator](cells.numbers, asked.numbers[0]), bool)


def _behind(column: str, rest: str, separators: Sequence[str]) -> Condition | None:
    """The condition whose operator and value stand behind the column's name."""
    stripped = rest.strip()
    for operator in _OPERATORS:
        if stripped.startswith(operator):
            return Condition(column, operator, (stripped[len(operator) :].strip(),))
    if rest[:1].isspace() and stripped.startswith(("in ", "in(")):
        inside = stripped[2:].strip().removeprefix("(").removesuffix(")")
        *others, last = (_listed(inside, separator) for separator in separators)
        return Condition(column, "in", next((values for values in others if len(values) > 1), last))
    return None


def _listed(text: str, separator: str) -> tuple[str, ...]:
    """The values between separators (a regular expression), without white space; what is quoted stands whole."""
    value = re.compile(rf'\s*(?:"(?P<quoted>(?:[^"]|"")*)"|(?P<plain>.*?))\s*(?:(?P<more>{separator})|$)', re.DOTALL)
    values: list[str] = []
    at, more = 0, True
    while more:
        found = value.match(text, at)
        assert found is not None  # at the latest the end of the text is matched
        quoted = found["quoted"]
        values.append(found["plain"] if quoted is None else quoted.replace('""', '"'))
        at, more = found.end(), found["more"] is not None
    return tuple(values)
