"""A text is a rule or says why not, and what a rule prints reads back as the same rule."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.grammar import FUNCTIONS, RuleError, parse

A, B = ex.Column("a"), ex.Column("b")
ONE, TWO = ex.Number(1.0), ex.Number(2.0)


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("a >= b", ex.Compare(">=", A, B)),
        ("a = 1", ex.Compare("==", A, ONE)),
        ("parent.a < `my table`.`b c`", ex.Compare("<", ex.Column("a", "parent"), ex.Column("b c", "my table"))),
        ("a == 'it''s'", ex.Compare("==", A, ex.Text("it's"))),
        ('a == "x"', ex.Compare("==", A, ex.Text("x"))),
        ("a + 1 - 2 > b", ex.Compare(">", ex.Sum("-", ex.Sum("+", A, ONE), TWO), B)),
        ("a + b * 2 > 1", ex.Compare(">", ex.Sum("+", A, ex.Product("*", B, TWO)), ONE)),
        ("-a ** 2 > 1", ex.Compare(">", ex.Negative(ex.Power(A, TWO)), ONE)),
        ("years(a, b) == 1", ex.Compare("==", ex.Call("years", (A, B)), ONE)),
        ("a between 1 and 2 and b == 1", ex.And((ex.Between(A, ONE, TWO), ex.Compare("==", B, ONE)))),
        ("a in (1, -2)", ex.OneOf((A,), ((ONE,), (ex.Negative(TWO),)))),
        ("(a, b) in [('F', 1), ('M', 2)]", ex.OneOf((A, B), ((ex.Text("F"), ONE), (ex.Text("M"), TWO)))),
        ("a not in ['x']", ex.Not(ex.OneOf((A,), ((ex.Text("x"),),)))),
        ("a is missing or b is not missing", ex.Or((ex.Missing(A), ex.Not(ex.Missing(B))))),
        ("not a = 1 and b = 1", ex.And((ex.Not(ex.Compare("==", A, ONE)), ex.Compare("==", B, ONE)))),
        (
            "a = 1 implies b = 1 implies a = 2",
            ex.Implies(ex.Compare("==", A, ONE), ex.Implies(ex.Compare("==", B, ONE), ex.Compare("==", A, TWO))),
        ),
        ("unique(a, b)", ex.Unique((A, B))),
        ("at most one open(a, b)", ex.AtMostOneOpen(A, B)),
        # words of the rules between rows are columns elsewhere, and names may begin with a keyword
        (
            "unique == 1 and at == most",
            ex.And((ex.Compare("==", ex.Column("unique"), ONE), ex.Compare("==", ex.Column("at"), ex.Column("most")))),
        ),
        ("index == order", ex.Compare("==", ex.Column("index"), ex.Column("order"))),
    ],
)
def test_a_text_is_the_rule_that_it_says(text: str, rule: ex.Expression) -> None:
    assert parse(text) == rule


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "ends too early"),
        ("a >", "ends too early"),
        ("a > > b", "found `>` at character 5"),
        ("a < b < c", "found `<` at character 7"),
        ("import os", "found `os` at character 8"),
        ("__import__('os')", "there is no function __import__"),
        ("a.b.c > 1", "found `.c` at character 4"),
        ("sqrt(a) > 1", "there is no function sqrt; the functions are year, month, day, days, years"),
        ("years(a) > 1", "years takes 2 values, found 1"),
        ("a == 1e999", "too large a number"),
        ("(a, b) in ['F']", "2 values are compared with 1"),
        ("(a, b) == 2", "found `=="),
        ("a == 'x", "found `'x`"),
        ("a" * 1001, "1001 characters"),
        ("a = " + "-" * 990 + "1", "nested too deeply"),
    ],
)
def test_what_is_no_rule_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(RuleError) as caught:
        parse(text)
    assert told in str(caught.value)


NAMES = st.sampled_from(["a", "b c", "and", "missing", "Ærlig", "x1", "unique", "1st"])
COLUMNS = st.builds(ex.Column, NAMES, st.none() | NAMES)
NUMBERS = st.builds(ex.Number, st.floats(0, allow_nan=False, allow_infinity=False).map(abs))
TEXTS = st.builds(ex.Text, st.text(st.characters(exclude_characters="\n", exclude_categories=("Cs", "Cc")), max_size=5))


def _values(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    calls = [st.builds(ex.Call, st.just(name), st.tuples(*[inner] * takes)) for name, takes in FUNCTIONS.items()]
    return st.one_of(
        st.builds(ex.Sum, st.sampled_from("+-"), inner, inner),
        st.builds(ex.Product, st.sampled_from("*/"), inner, inner),
        st.builds(ex.Power, inner, inner),
        st.builds(ex.Negative, inner),
        *calls,
    )


VALUES = st.recursive(COLUMNS | NUMBERS | TEXTS, _values, max_leaves=6)
CONSTANTS = st.one_of(NUMBERS, TEXTS, st.builds(ex.Negative, NUMBERS))
PREDICATES = st.one_of(
    st.builds(ex.Compare, st.sampled_from(["==", "!=", "<", "<=", ">", ">="]), VALUES, VALUES),
    st.builds(ex.Between, VALUES, VALUES, VALUES),
    st.builds(ex.Missing, COLUMNS),
    st.integers(1, 3).flatmap(
        lambda n: st.builds(
            ex.OneOf,
            st.tuples(*[VALUES] * n),
            st.lists(st.tuples(*[CONSTANTS] * n), min_size=1, max_size=3).map(tuple),
        )
    ),
)


def _statements(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.one_of(
        st.builds(ex.Not, inner),
        st.builds(ex.And, several),
        st.builds(ex.Or, several),
        st.builds(ex.Implies, inner, inner),
    )


RULES = st.one_of(
    st.recursive(PREDICATES, _statements, max_leaves=4),
    st.builds(ex.Unique, st.lists(COLUMNS, min_size=1, max_size=3).map(tuple)),
    st.builds(ex.AtMostOneOpen, COLUMNS, COLUMNS),
)


@given(RULES)
def test_what_a_rule_prints_reads_back_as_the_same_rule(rule: ex.Expression) -> None:
    if len(str(rule)) <= 1000:
        assert parse(str(rule)) == rule


def test_the_columns_of_a_rule_are_named_once_in_their_order() -> None:
    rule = parse("b > a and (a, c) in [(1, 2)] or parent.a is missing")
    assert [str(column) for column in ex.columns_of(rule)] == ["b", "a", "c", "parent.a"]
