"""The language of rules, and how a text becomes a rule."""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

from lark import Lark, Token, Transformer, UnexpectedInput, v_args
from lark.exceptions import VisitError

from synthgen.schema.rules import expression as ex

#: What a function of moments takes; see ``synthgen.schema.rules.truth``.
FUNCTIONS: Final = {"year": 1, "month": 1, "day": 1, "days": 2, "years": 2}
#: A longer text is no rule that anyone could check.
_LONGEST: Final = 1000
_GRAMMAR: Final = r"""
?start: implication
    | UNIQUE "(" column ("," column)* ")" -> unique
    | OPEN "(" column "," column ")" -> open

?implication: disjunction
    | disjunction "implies" implication -> implies
?disjunction: conjunction
    | conjunction ("or" conjunction)+ -> either
?conjunction: negation
    | negation ("and" negation)+ -> both
?negation: comparison
    | "not" negation -> negation
?comparison: sum
    | sum COMPARE sum -> compare
    | sum "between" sum "and" sum -> between
    | values "in" choices -> one_of
    | values "not" "in" choices -> none_of
    | sum "is" "missing" -> missing
    | sum "is" "not" "missing" -> present
values: sum
    | "(" sum ("," sum)+ ")"
?sum: product
    | sum ADD product -> sum
?product: signed
    | product MULTIPLY signed -> product
?signed: power
    | "-" signed -> negative
?power: atom
    | atom "**" signed -> power
?atom: constant
    | column
    | NAME "(" sum ("," sum)* ")" -> call
    | "(" implication ")"
choices: "[" choice ("," choice)* "]"
    | "(" choice ("," choice)* ")"
choice: signed_constant
    | "(" signed_constant ("," signed_constant)+ ")"
?signed_constant: constant
    | "-" NUMBER -> negative_number
constant: NUMBER -> number
    | TEXT -> text
column: _name ["." _name]
_name: NAME | QUOTED

UNIQUE.2: /unique(?=\s*\()/
OPEN.2: /at\s+most\s+one\s+open(?=\s*\()/
COMPARE: "==" | "=" | "!=" | "<=" | ">=" | "<" | ">"
ADD: "+" | "-"
MULTIPLY: "*" | "/"
NAME: /[^\W\d]\w*/
QUOTED: /`[^`\n]+`/
NUMBER: /(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?/
TEXT: /'([^'\n]|'')*'|"([^"\n]|"")*"/
%ignore /\s+/
"""


class RuleError(Exception):
    """What is wrong with a rule, and how to mend it."""


def _number(token: Token) -> ex.Number:
    if not math.isfinite(float(token)):
        raise RuleError(f"{token} is too large a number; correct it")
    return ex.Number(float(token))


@v_args(inline=True)
class _Building(Transformer[Any, ex.Expression]):
    """Each alternative of the grammar as its dataclass."""

    def number(self, token: Any) -> ex.Expression:
        return _number(token)

    def negative_number(self, token: Any) -> ex.Expression:
        return ex.Negative(_number(token))

    def text(self, token: Any) -> ex.Expression:
        quote = str(token)[0]
        return ex.Text(str(token)[1:-1].replace(quote * 2, quote))

    def column(self, *parts: Any) -> ex.Expression:
        *table, name = [str(part).strip("`") for part in parts if part is not None]
        return ex.Column(name, *table)

    def call(self, function: Any, *arguments: ex.Expression) -> ex.Expression:
        takes = FUNCTIONS.get(str(function))
        if takes is None:
            raise RuleError(f"there is no function {function}; the functions are {', '.join(FUNCTIONS)}")
        if takes != len(arguments):
            raise RuleError(f"{function} takes {takes} value{'s' * (takes > 1)}, found {len(arguments)}")
        return ex.Call(str(function), arguments)

    def power(self, base: ex.Expression, exponent: ex.Expression) -> ex.Expression:
        return ex.Power(base, exponent)

    def negative(self, operand: ex.Expression) -> ex.Expression:
        return ex.Negative(operand)

    def product(self, left: ex.Expression, operator: Any, right: ex.Expression) -> ex.Expression:
        return ex.Product(str(operator), left, right)

    def sum(self, left: ex.Expression, operator: Any, right: ex.Expression) -> ex.Expression:
        return ex.Sum(str(operator), left, right)

    def compare(self, left: ex.Expression, operator: Any, right: ex.Expression) -> ex.Expression:
        return ex.Compare("==" if operator == "=" else str(operator), left, right)

    def between(self, value: ex.Expression, low: ex.Expression, high: ex.Expression) -> ex.Expression:
        return ex.Between(value, low, high)

    def values(self, *values: ex.Expression) -> Any:
        return values

    def choice(self, *constants: ex.Expression) -> Any:
        return constants

    def choices(self, *choices: Any) -> Any:
        return choices

    def one_of(self, values: Any, choices: Any) -> ex.Expression:
        if uneven := next((choice for choice in choices if len(choice) != len(values)), None):
            raise RuleError(f"{len(values)} values are compared with {len(uneven)}; give as many as stand before `in`")
        return ex.OneOf(values, choices)

    def none_of(self, values: Any, choices: Any) -> ex.Expression:
        return ex.Not(self.one_of(values, choices))

    def missing(self, column: ex.Expression) -> ex.Expression:
        return ex.Missing(column)

    def present(self, column: ex.Expression) -> ex.Expression:
        return ex.Not(ex.Missing(column))

    def negation(self, part: ex.Expression) -> ex.Expression:
        return ex.Not(part)

    def both(self, *parts: ex.Expression) -> ex.Expression:
        return ex.And(parts)

    def either(self, *parts: ex.Expression) -> ex.Expression:
        return ex.Or(parts)

    def implies(self, when: ex.Expression, then: ex.Expression) -> ex.Expression:
        return ex.Implies(when, then)

    def unique(self, _: Any, *columns: Any) -> ex.Expression:
        return ex.Unique(columns)

    def open(self, _: Any, start: Any, end: Any) -> ex.Expression:
        return ex.AtMostOneOpen(start, end)


_PARSER: Final = Lark(_GRAMMAR, parser="lalr", maybe_placeholders=False)
_BUILDING: Final = _Building()


@cache
def parse(text: str) -> ex.Expression:
    """The rule that a text says.

    >>> parse("pregnant = 'yes' implies sex == 'F'")
    Implies(when=Compare(operator='==', left=Column(name='pregnant', table=None), right=Text(value='yes')),
    then=Compare(operator='==', left=Column(name='sex', table=None), right=Text(value='F')))

    Raises:
        RuleError: it is no rule.
    """
    if len(text) > _LONGEST:
        raise RuleError(f"the rule has {len(text)} characters; write several of {_LONGEST} at most")
    try:
        found: ex.Expression = _BUILDING.transform(_PARSER.parse(text))
        str(found)
    except UnexpectedInput as error:
        raise RuleError(_unexpected(text, error)) from None
    except VisitError as error:
        if isinstance(error.orig_exc, RuleError):
            raise error.orig_exc from None
        raise
    except RecursionError:
        raise RuleError("the rule is nested too deeply; write several") from None
    return found


def _unexpected(text: str, error: UnexpectedInput) -> str:
    at: int | None = error.pos_in_stream
    token = getattr(error, "token", None)
    if at is None or (token is not None and token.type == "$END"):
        return "the rule ends too early; write for example discharged_at >= admitted_at"
    rest = text[at:].split(maxsplit=1)[0][:20]
    return f"found `{rest}` at character {at + 1}, which fits no rule; write for example discharged_at >= admitted_at"
