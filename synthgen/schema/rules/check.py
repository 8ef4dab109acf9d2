"""Whether rules make sense for the columns they speak of, before any row is seen."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.contradiction import contradictions
from synthgen.schema.rules.grammar import RuleError, parse
from synthgen.schema.rules.quantity import NUMBER, Quantity

#: Finds what a column is. Raises ``RuleError`` where there is none.
Resolve = Callable[[ex.Column], Quantity]

_UNKNOWN: Final = Quantity("unknown")
_QUOTED: Final = ("text", "level")


def of_columns(quantities: Mapping[str, Quantity]) -> Resolve:
    """Columns of the row itself."""

    def resolve(column: ex.Column) -> Quantity:
        if column.name not in quantities:
            raise RuleError(f"there is no column `{column.name}`; declare it under columns, or correct the name")
        return quantities[column.name]

    return resolve


def reaches_beyond(rule: ex.Expression) -> bool:
    """Whether a rule speaks of another row's columns."""
    return any(column.table is not None for column in ex.columns_of(rule))


def mistakes(texts: Sequence[Any], resolve: Resolve, *, beyond: bool, patient: Any) -> Iterator[tuple[int, str]]:
    """What is wrong with the rules of a table: the place of each in the list, and the words.

    Args:
        beyond: whether to look at the rules that speak of ancestors, or else at all others. A text that is no rule is
            told with the others.
        patient: the column that says whose row it is, where there is one.
    """
    own: dict[int, ex.Expression] = {}
    reaching: dict[int, ex.Expression] = {}
    for place, text in enumerate(texts):
        if not isinstance(text, str):
            continue
        try:
            rule = parse(text)
        except RuleError as error:
            if not beyond:
                yield place, str(error)
            continue
        try:
            require_sense(rule, resolve, patient=patient)
        except RuleError as error:
            if reaches_beyond(rule) == beyond:
                yield place, str(error)
        else:
            (reaching if reaches_beyond(rule) else own)[place] = rule
    told = dict(contradictions(own, resolve))
    if not beyond:
        yield from told.items()
    elif reaching:
        every = dict(sorted((own | reaching).items()))
        yield from ((place, words) for place, words in contradictions(every, resolve) if place not in told)


def require_sense(rule: ex.Expression, resolve: Resolve, *, patient: Any) -> None:
    """Raise ``RuleError`` where a rule makes no sense for its columns."""
    if isinstance(rule, ex.Unique):
        _unique(rule, resolve)
    elif isinstance(rule, ex.AtMostOneOpen):
        if patient is None:
            raise RuleError("the table names no patient, whose episodes they would be; state `patient`, or remove it")
        for column in (rule.start, rule.end):
            _require_moment(column, resolve)
    else:
        _statement(rule, resolve)
        if not ex.columns_of(rule):
            raise RuleError("the rule speaks of no column; remove it")


def require_value(expression: ex.Expression, of: Quantity, resolve: Resolve) -> None:
    """Raise ``RuleError`` unless an expression of the row's columns gives what a column holds."""
    found = kind(expression, resolve)
    if reaches_beyond(expression):
        raise RuleError("it speaks of another table; compute from columns of the row")
    if not ex.columns_of(expression):
        raise RuleError("it speaks of no column; declare the column constant")
    alike = found.sort == of.sort or (found.moment and of.moment)
    if not alike and "unknown" not in (found.sort, of.sort):
        raise RuleError(f"`{expression}` is {found.words} and the column holds {of.words}; compute what it holds")


def _unique(rule: ex.Unique, resolve: Resolve) -> None:
    for column in rule.columns:
        if resolve(column).sort == "none":
            raise RuleError(f"column `{column}` is not learned, so a rule cannot speak of it; name another")
        if column.table is not None:
            raise RuleError(f"`{column}` is a column of another table; unique() compares the rows of one")


def _require_moment(column: ex.Column, resolve: Resolve) -> None:
    found = resolve(column)
    if not found.moment and found.sort != "unknown":
        raise RuleError(f"column `{column}` is {found.words}; here it must be a date, with or without time")


def _statement(rule: ex.Expression, resolve: Resolve) -> None:
    if isinstance(rule, ex.And | ex.Or):
        for part in rule.parts:
            _statement(part, resolve)
    elif isinstance(rule, ex.Implies):
        _statement(rule.when, resolve)
        _statement(rule.then, resolve)
    elif isinstance(rule, ex.Not):
        _statement(rule.part, resolve)
    elif isinstance(rule, ex.Compare):
        _comparable(rule.operator, rule.left, rule.right, resolve)
    elif isinstance(rule, ex.Between):
        _comparable("<=", rule.low, rule.value, resolve)
        _comparable("<=", rule.value, rule.high, resolve)
    elif isinstance(rule, ex.OneOf):
        for combination in rule.combinations:
            for value, constant in zip(rule.values, combination, strict=True):
                _comparable("==", value, constant, resolve)
    elif isinstance(rule, ex.Missing):
        if not isinstance(rule.column, ex.Column):
            raise RuleError(f"`{rule.column}` is no column; `is missing` asks of one")
        if resolve(rule.column).sort in ("none", "id"):
            raise RuleError(f"column `{rule.column}` is not learned, so a rule cannot speak of it; name another")
    else:
        raise RuleError(f"`{rule}` is neither true nor false; compare it with something")


def _comparable(operator: str, left: ex.Expression, right: ex.Expression, resolve: Resolve) -> None:
    if isinstance(left, ex.Text) and isinstance(right, ex.Text):
        raise RuleError(f"{left} and {right} are both constants; write a column without quotes")
    for text, other in ((left, right), (right, left)):
        if isinstance(text, ex.Text):
            _require_order(operator, other, kind(other, resolve))
            _require_constant(text, other, kind(other, resolve))
            return
    mine, yours = kind(left, resolve), kind(right, resolve)
    if "unknown" in (mine.sort, yours.sort):
        return
    if mine.sort != yours.sort and not (mine.moment and yours.moment):
        bare = [n for n, of in ((left, yours), (right, mine)) if isinstance(n, ex.Number) and of.sort in _QUOTED]
        hint = f" (write '{bare[0]}' in quotes)" if bare else ""
        raise RuleError(f"`{left}` is {mine.words} and `{right}` {yours.words}; compare what is alike{hint}")
    if mine.sort == "level" and mine.levels != yours.levels:
        raise RuleError(f"`{left}` and `{right}` have different orders; compare each with its own levels")
    _require_order(operator, left, mine)


def _require_order(operator: str, expression: ex.Expression, found: Quantity) -> None:
    if operator not in ("==", "!=") and not found.ordered and found.sort != "unknown":
        raise RuleError(f"`{expression}` is {found.words}, which has no order; use == or !=, or declare it ordinal")


def _require_constant(text: ex.Text, other: ex.Expression, found: Quantity) -> None:
    if found.sort == "unknown":
        return
    if found.sort == "number":
        raise RuleError(f"`{other}` is a number and {text} a text; write numbers without quotes")
    try:
        found.constant(text.value)
    except ValueError as error:
        raise RuleError(f"`{other}`: {error}; correct the constant") from None


def kind(expression: ex.Expression, resolve: Resolve) -> Quantity:
    """What an expression is.

    Raises:
        RuleError: it makes no sense, or is a statement or a text where a value is needed.
    """
    if isinstance(expression, ex.Column):
        found = resolve(expression)
        if found.sort in ("none", "id"):
            raise RuleError(f"column `{expression}` is not learned, so a rule cannot speak of it; name another")
        if found.sort == "list":
            raise RuleError(
                f"column `{expression}` holds several codes in a cell; only `is missing` can be asked of it"
            )
        return found
    if isinstance(expression, ex.Number):
        return NUMBER
    if isinstance(expression, ex.Call):
        for argument in expression.arguments:
            found = kind(argument, resolve)
            if not found.moment and found.sort != "unknown":
                raise RuleError(f"`{argument}` is {found.words}; {expression.function} takes dates")
        return NUMBER
    if isinstance(expression, ex.Sum):
        return _sum(expression, kind(expression.left, resolve), kind(expression.right, resolve))
    operands: tuple[ex.Expression, ...] = ()
    if isinstance(expression, ex.Negative):
        operands = (expression.operand,)
    elif isinstance(expression, ex.Product):
        operands = (expression.left, expression.right)
    elif isinstance(expression, ex.Power):
        operands = (expression.base, expression.exponent)
    if not operands:
        raise RuleError(f"{expression} is no value to compute or compare with")
    for operand in operands:
        _require_number(operand, kind(operand, resolve))
    return NUMBER


def _sum(expression: ex.Sum, left: Quantity, right: Quantity) -> Quantity:
    if "unknown" in (left.sort, right.sort):
        return _UNKNOWN
    if left.moment and right.moment:
        if expression.operator == "+":
            raise RuleError(f"`{expression}` adds two dates; subtract them, which gives days")
        return NUMBER
    if left.moment or (right.moment and expression.operator == "+"):
        moment, (days, found) = (left, (expression.right, right)) if left.moment else (right, (expression.left, left))
        _require_number(days, found)
        return Quantity(moment.sort)
    _require_number(expression.left, left)
    _require_number(expression.right, right)
    return NUMBER


def _require_number(expression: ex.Expression, found: Quantity) -> None:
    if found.sort not in ("number", "unknown"):
        raise RuleError(f"`{expression}` is {found.words}; only with numbers, and days between dates, can be computed")
