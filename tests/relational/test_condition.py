"""``--where`` as people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.errors import InputError
from synthgen.relational.condition import Condition, parse

COLUMNS = ["age", "age group", "in", "t.x", "a=b"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("age>=65", Condition("age", ">=", ("65",))),
        (" age != ", Condition("age", "!=", ("",))),
        ("age=", Condition("age", "=", ("",))),
        ("age group=a=b", Condition("age group", "=", ("a=b",))),
        ("age in(1,2)", Condition("age", "in", ("1", "2"))),
        ("in in (x)", Condition("in", "in", ("x",))),
        ("t.age<3", Condition("age", "<", ("3",))),
        ("t.x=3", Condition("t.x", "=", ("3",))),
        ("a=b=1", Condition("a=b", "=", ("1",))),
    ],
)
def test_what_is_meant(text: str, expected: Condition) -> None:
    assert parse(text, table="t", columns=COLUMNS) == expected


@pytest.mark.parametrize("text", ["", "age", "age ~ 3", "weight=3", "agein (1)"])
def test_what_means_nothing_is_refused_with_the_choices(text: str) -> None:
    with pytest.raises(InputError, match="expected COLUMN OP VALUE"):
        parse(text, table="t", columns=COLUMNS)


@given(st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), st.text(max_size=10))
def test_any_value_can_be_asked_for(operator: str, value: str) -> None:
    if value[:1] not in ("=",):
        assert parse(f"age {operator} {value}", table="t", columns=COLUMNS) == Condition(
            "age", operator, (value.strip(),)
        )
