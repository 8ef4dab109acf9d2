"""Whether rules hold, row by row, in the three-valued logic of Kleene (1938): true, false, or unknown.

What is missing is unknown, and so is what a text result such as ``neg`` or ``<5`` would be as a number. A row breaks a
rule only where the rule is false.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.quantity import NUMBER, Quantity

_DAY: Final = 86_400.0
#: Numbers that differ by less, as a part of the larger, are equal: 0.1 + 0.2 is 0.3.
_EQUAL: Final = 1e-9


@dataclass(frozen=True, eq=False)
class Values:
    """The values of a column or an expression in ``n`` rows.

    Attributes:
        quantity: what they are.
        numbers: float64 ``(n,)``: numbers, seconds, places in the order, or for texts places in ``labels``; not a
            number where unknown.
        missing: ``(n,)``, where there is no value at all, not even a text result.
        labels: the distinct texts.
    """

    quantity: Quantity
    numbers: NDArray[np.float64]
    missing: NDArray[np.bool_]
    labels: tuple[str, ...] = ()

    def at(self, rows: NDArray[Any]) -> Values:
        """The values of some rows, a mask or positions."""
        return replace(self, numbers=self.numbers[rows], missing=self.missing[rows])

    def whole_days(self) -> Values:
        """Moments as the days they are in."""
        return replace(self, quantity=Quantity("date"), numbers=self.numbers // _DAY * _DAY)


@dataclass(frozen=True, eq=False)
class Truth:
    """A truth value per row: where a statement holds and where it fails; elsewhere it is unknown."""

    holds: NDArray[np.bool_]
    fails: NDArray[np.bool_]

    def __and__(self, other: Truth) -> Truth:
        return Truth(self.holds & other.holds, self.fails | other.fails)

    def __or__(self, other: Truth) -> Truth:
        return Truth(self.holds | other.holds, self.fails & other.fails)

    def __invert__(self) -> Truth:
        return Truth(self.fails, self.holds)


Operands = Mapping[ex.Column, Values]


def truth(rule: ex.Expression, operands: Operands) -> Truth:
    """Whether a rule on single rows holds; it must have passed ``synthgen.schema.rules.check``."""
    if isinstance(rule, ex.Compare):
        return _compare(rule.operator, rule.left, rule.right, operands)
    if isinstance(rule, ex.Between):
        return _compare("<=", rule.low, rule.value, operands) & _compare("<=", rule.value, rule.high, operands)
    if isinstance(rule, ex.OneOf):
        return _one_of(rule, operands)
    if isinstance(rule, ex.Missing):
        assert isinstance(rule.column, ex.Column)
        missing = operands[rule.column].missing
        return Truth(missing, ~missing)
    if isinstance(rule, ex.Not):
        return ~truth(rule.part, operands)
    if isinstance(rule, ex.Implies):
        return ~truth(rule.when, operands) | truth(rule.then, operands)
    assert isinstance(rule, ex.And | ex.Or)
    found = truth(rule.parts[0], operands)
    for part in rule.parts[1:]:
        found = found & truth(part, operands) if isinstance(rule, ex.And) else found | truth(part, operands)
    return found


def values(expression: ex.Expression, operands: Operands) -> Values:
    """What an expression that is no statement is in each row."""
    if isinstance(expression, ex.Column):
        return operands[expression]
    if isinstance(expression, ex.Number):
        return _computed(np.full(_rows(operands), expression.value))
    if isinstance(expression, ex.Negative):
        return _computed(-values(expression.operand, operands).numbers)
    if isinstance(expression, ex.Call):
        return _computed(_FUNCTIONS[expression.function](*(_days(values(a, operands)) for a in expression.arguments)))
    if isinstance(expression, ex.Sum):
        return _sum(expression.operator, values(expression.left, operands), values(expression.right, operands))
    with np.errstate(all="ignore"):  # a division by zero is unknown
        if isinstance(expression, ex.Power):
            return _computed(values(expression.base, operands).numbers ** values(expression.exponent, operands).numbers)
        assert isinstance(expression, ex.Product)
        left, right = values(expression.left, operands).numbers, values(expression.right, operands).numbers
        return _computed(left * right if expression.operator == "*" else left / right)


def _rows(operands: Operands) -> int:
    return len(next(iter(operands.values())).numbers)


def _computed(numbers: NDArray[np.float64], quantity: Quantity = NUMBER) -> Values:
    known = np.where(np.isfinite(numbers), numbers, np.nan)
    return Values(quantity, known, np.isnan(known))


def _sum(operator: str, left: Values, right: Values) -> Values:
    sign = 1 if operator == "+" else -1
    if left.quantity.moment and right.quantity.moment:
        left, right = _alike(left, right)
        return _computed((left.numbers - right.numbers) / _DAY)
    if left.quantity.moment:
        return _computed(left.numbers + sign * _DAY * right.numbers, left.quantity)
    if right.quantity.moment:
        return _computed(left.numbers * _DAY + right.numbers, right.quantity)
    return _computed(left.numbers + sign * right.numbers)


def _alike(left: Values, right: Values) -> tuple[Values, Values]:
    """A date and a date with time compare by the day."""
    if "date" in (left.quantity.sort, right.quantity.sort):
        return left.whole_days(), right.whole_days()
    return left, right


def _compare(operator: str, left: ex.Expression, right: ex.Expression, operands: Operands) -> Truth:
    if isinstance(left, ex.Text):
        other = values(right, operands)
        mine = _constant(left, other)
    else:
        mine = values(left, operands)
        other = _constant(right, mine) if isinstance(right, ex.Text) else values(right, operands)
    if mine.quantity.moment and other.quantity.moment:
        mine, other = _alike(mine, other)
    elif mine.labels != other.labels:
        mine, other = _named_alike(mine, other)
    return _told(operator, mine.numbers, other.numbers, exact=mine.quantity.sort != "number")


def _constant(text: ex.Text, beside: Values) -> Values:
    """A constant as a value of one row, which stands for all."""
    meant = beside.quantity.constant(text.value)
    labels = (meant,) if isinstance(meant, str) else ()
    number = 0.0 if isinstance(meant, str) else meant
    return Values(beside.quantity, np.full(len(beside.numbers), number), np.zeros(len(beside.numbers), bool), labels)


def _named_alike(left: Values, right: Values) -> tuple[Values, Values]:
    """Texts of two columns as places in one list."""
    place = {label: float(i) for i, label in enumerate(dict.fromkeys((*left.labels, *right.labels)))}

    def moved(of: Values) -> Values:
        places = np.array([*(place[label] for label in of.labels), np.nan])
        known = ~np.isnan(of.numbers)
        return replace(of, numbers=places[np.where(known, of.numbers, -1).astype(np.int64)])

    return moved(left), moved(right)


def _told(operator: str, left: NDArray[np.float64], right: NDArray[np.float64], *, exact: bool) -> Truth:
    known = ~(np.isnan(left) | np.isnan(right))
    reach = np.zeros(len(left)) if exact else _EQUAL * np.maximum(np.maximum(np.abs(left), np.abs(right)), 1.0)
    with np.errstate(invalid="ignore"):
        difference = left - right
        equal = np.abs(difference) <= reach
        below, above = difference < -reach, difference > reach
    holds = {
        "==": equal,
        "!=": ~equal,
        "<": below,
        "<=": below | equal,
        ">": above,
        ">=": above | equal,
    }[operator]
    return Truth(known & holds, known & ~holds)


def _one_of(rule: ex.OneOf, operands: Operands) -> Truth:
    found: Truth | None = None
    for combination in rule.combinations:
        both: Truth | None = None
        for value, constant in zip(rule.values, combination, strict=True):
            equal = _compare("==", value, constant, operands)
            both = equal if both is None else both & equal
        assert both is not None
        found = both if found is None else found | both
    assert found is not None
    return found


# --- functions of moments ------------------------------------------------------------------------------------------


def _days(moments: Values) -> NDArray[np.float64]:
    """Days since 1970."""
    return np.asarray(moments.numbers // _DAY)


def _calendar(days: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Year, month and day of the month, not a number where unknown."""
    known = ~np.isnan(days)
    date = np.where(known, days, 0).astype("datetime64[D]")
    month = date.astype("datetime64[M]")
    year = date.astype("datetime64[Y]")
    parts = (year.astype(int) + 1970, (month - year).astype(int) + 1, (date - month).astype(int) + 1)
    first, second, third = (np.where(known, part.astype(np.float64), np.nan) for part in parts)
    return first, second, third


def _years(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Completed years from one day to another, as age is told."""
    (y0, m0, d0), (y1, m1, d1) = _calendar(start), _calendar(end)
    unknown = np.isnan(y0 + y1)
    return np.where(unknown, np.nan, y1 - y0 - (m1 * 100 + d1 < m0 * 100 + d0))


_FUNCTIONS: Final[dict[str, Callable[..., NDArray[np.float64]]]] = {
    "year": lambda days: _calendar(days)[0],
    "month": lambda days: _calendar(days)[1],
    "day": lambda days: _calendar(days)[2],
    "days": lambda start, end: end - start,
    "years": _years,
}
