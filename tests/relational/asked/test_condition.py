"""``--where`` as people write it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.errors import InputError
from synthgen.relational.asked.condition import Condition, parse

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


@pytest.mark.parametrize(
    ("inside", "expected"),
    [
        ("6,5", ("6,5",)),
        ("6,5; 7", ("6,5", "7")),
        ("6,5;7,1;8", ("6,5", "7,1", "8")),
        ("6,5, 7,1", ("6,5", "7,1")),
        ("6, 7", ("6", "7")),
        ("<4,5, neg, 7,1", ("<4,5", "neg", "7,1")),
        ('"6,5","7,1"', ("6,5", "7,1")),
    ],
)
def test_a_decimal_comma_does_not_part_a_number(inside: str, expected: tuple[str, ...]) -> None:
    asked = f"hba1c in ({inside})"
    assert parse(asked, table="t", columns=["hba1c"], semicolons=True, with_commas=["hba1c"]).values == expected


@pytest.mark.parametrize(
    ("inside", "semicolons", "expected"),
    [
        ("1,2", True, ("1", "2")),  # wards, say: no number, so nothing is a decimal mark
        ("1; 2", True, ("1", "2")),
        ("a;b, c", False, ("a;b", "c")),
        ('"heart, left"; lung', True, ("heart, left", "lung")),
        ('"heart, left", lung', False, ("heart, left", "lung")),
        ('"a ""b"" c", d', False, ('a "b" c', "d")),
        ('5" tube, d', False, ('5" tube', "d")),
        ("a,,b", False, ("a", "", "b")),
        ("", False, ("",)),
    ],
)
def test_labels_of_a_list(inside: str, semicolons: bool, expected: tuple[str, ...]) -> None:
    assert parse(f"x in ({inside})", table="t", columns=["x"], semicolons=semicolons).values == expected


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
