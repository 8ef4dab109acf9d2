"""Every kind is easy to write, and refuses what makes no sense."""

from __future__ import annotations

import pytest
from pydantic import TypeAdapter, ValidationError

from synthgen.schema.column import (
    Boolean,
    Category,
    Code,
    Column,
    Constant,
    Date,
    Datetime,
    Drop,
    Fake,
    Id,
    Integer,
    Number,
    Ordinal,
    Text,
    Time,
)


@pytest.mark.parametrize(
    "column",
    [
        Category(),
        Ordinal(order=("low", "high")),
        Code(system="icd10", separator=", "),
        Boolean(true="yes", false="no"),
        Integer(min=0, atoms=("neg",)),
        Number(decimals=1, min=0, max=14.5),
        Date(format="%d.%m.%Y", atoms=("31.12.9999",)),
        Datetime(),
        Time(),
        Id(),
        Fake(provider="first_name", locale="nb_NO", sex="sex"),
        Constant(missing=("?",)),
        Text(),
        Drop(),
    ],
)
def test_a_column_comes_back_from_json_by_its_kind(column: Column) -> None:
    adapter: TypeAdapter[Column] = TypeAdapter(Column)
    assert adapter.validate_python(adapter.dump_python(column, mode="json")) == column
    assert adapter.validate_json(adapter.dump_json(column)) == column


def test_a_column_does_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Number(decimals=1).decimals = 2  # type: ignore[misc]


@pytest.mark.parametrize(
    ("kind", "keys", "message"),
    [
        (Ordinal, {"order": ()}, "at least 1 item"),
        (Ordinal, {"order": ("a", "b", "a")}, "order repeats a; name each once"),
        (Boolean, {"true": "1", "false": "1"}, 'both "1"; give two different texts'),
        (Integer, {"min": 5, "max": 3}, "min 5 is above max 3"),
        (Number, {"min": 0.5, "max": 0.25}, "min 0.5 is above max 0.25"),
        (Number, {"min": float("nan")}, "finite"),
        (Number, {"decimals": -1}, "greater than or equal to 0"),
        (Integer, {"atoms": ("neg", "neg")}, "atoms repeats neg"),
        (Date, {"format": "%d.%m."}, "has no year; add %Y"),
        (Date, {"format": "%Y-%m-%d %H:%M"}, "has a time of day; use kind: datetime"),
        (Date, {"format": "%Y-%Q"}, "is not one that strptime can read"),
        (Date, {"format": "%Y-%m-%d %"}, "is not one that strptime can read"),
        (Datetime, {"format": "%Y-%m-%d"}, "has no time of day; add one or use kind: date"),
        (Datetime, {"format": "%H:%M"}, "has no year"),
        (Time, {"format": "%d %H:%M"}, "has a date; use kind: datetime"),
        (Time, {"format": "hh:mm"}, "has no time of day; write for example %H:%M"),
        (Fake, {"provider": "first name"}, '"first name" is not a Faker provider'),
        (Fake, {"provider": "name", "locale": "norsk"}, '"norsk" is not a locale; write it like nb_NO'),
        (Category, {"levels": ("a",)}, "unknown key; the keys here are missing, determined_by, kind, other"),
        (Number, {"decimal": 1}, "did you mean `decimals`?"),
    ],
)
def test_nonsense_is_refused(kind: type[Category], keys: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message.replace("(", r"\(").replace("?", r"\?")):
        kind(**keys)


@pytest.mark.parametrize("form", ["%Y", "%m/%y", "%d%b%Y", "%Y-%j", "%G-W%V-%u"])
def test_dates_may_be_partial_as_long_as_they_have_a_year(form: str) -> None:
    assert Date(format=form).format == form


def test_an_escaped_percent_sign_is_no_directive() -> None:
    with pytest.raises(ValidationError, match="has no year"):
        Date(format="%%Y-%m")
