"""Rules that bound a column whatever else holds are kept by construction: its bins end at the bound."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from synthgen.relational.codec import Codec
from synthgen.schema.rules import expression as ex

_CONSTANT: Final = (ex.Number, ex.Text, ex.Negative)


def narrowed(codec: Codec, rules: Sequence[ex.Expression], rates: Sequence[float | None]) -> Codec:
    """The codec, where a rule that no real row breaks bounds a column: then its bins end at the bound.

    Args:
        rates: the share of real rows that break each rule.
    """
    encoders = dict(codec.encoders)
    for rule, rate in zip(rules, rates, strict=True):
        for name, operator, text in _bounds(rule) if not rate else ():
            if name in encoders:
                try:
                    encoders[name] = encoders[name].narrowed(operator, (text(codec.plan.format.decimal),))
                except ValueError:
                    continue  # a bound between two values of the column
    return replace(codec, encoders=encoders)


def _bounds(rule: ex.Expression) -> Iterator[tuple[str, str, Callable[[str], str]]]:
    """The bounds that a rule sets to columns whatever else holds: column, operator, and the constant as written."""
    if isinstance(rule, ex.And):
        for part in rule.parts:
            yield from _bounds(part)
    elif isinstance(rule, ex.Between):
        yield from _bounds(ex.Compare(">=", rule.value, rule.low))
        yield from _bounds(ex.Compare("<=", rule.value, rule.high))
    elif isinstance(rule, ex.Compare) and rule.operator in ("<", "<=", ">", ">="):
        sides, operator = (rule.left, rule.right), rule.operator
        if isinstance(rule.right, ex.Column):
            sides, operator = (rule.right, rule.left), operator.translate(str.maketrans("<>", "><"))
        column, constant = sides
        is_one = isinstance(constant, _CONSTANT) and not ex.columns_of(constant)
        if is_one and isinstance(column, ex.Column) and column.table is None:
            yield column.name, operator, lambda decimal: _constant_text(constant, decimal)


def _constant_text(constant: ex.Expression, decimal: str) -> str:
    return constant.value if isinstance(constant, ex.Text) else str(constant).replace(".", decimal)
