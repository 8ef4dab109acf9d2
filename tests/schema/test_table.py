"""What refers to a column refers to one that is there and can serve."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from synthgen.schema.column import Boolean, Category, Code, Drop, Fake, Id, Integer, Number, Ordinal
from synthgen.schema.table import TableConfig

COLUMNS = {"id": Id(), "person": Id(), "sex": Category(), "age": Integer(), "note": Drop()}


def mistakes(**keys: Any) -> set[tuple[str, str]]:
    """What a table with these keys is refused for: the place and the words."""
    with pytest.raises(ValidationError) as refused:
        TableConfig(**({"columns": COLUMNS} | keys))
    return {(".".join(map(str, error["loc"])), error["msg"]) for error in refused.value.errors()}


def test_a_table_says_whose_rows_it_has() -> None:
    table = TableConfig(key="id", patient="person", target="sex", columns=COLUMNS)
    assert table.key_columns == ("id",)
    assert TableConfig(columns=COLUMNS).key_columns == ()
    assert TableConfig(key=("person", "age"), columns=COLUMNS).key_columns == ("person", "age")


def test_the_missing_tokens_of_a_column_stand_instead_of_those_of_the_table() -> None:
    table = TableConfig(
        missing=("", "?"), columns={"a": Category(), "b": Category(missing=()), "c": Id(missing=("-",))}
    )
    assert [table.missing_in(name) for name in table.columns] == [("", "?"), (), ("-",)]


@pytest.mark.parametrize("role", ["key", "patient", "target"])
def test_a_column_that_is_not_declared_cannot_serve(role: str) -> None:
    told = "there is no column `nobody`; declare it under columns, or correct the name"
    assert mistakes(**{role: "nobody"}) == {(role, told)}


@pytest.mark.parametrize(
    ("role", "name", "told"),
    [
        ("key", "sex", "column `sex` is of kind category; here it must be id"),
        ("patient", "age", "column `age` is of kind integer; here it must be id"),
        ("key", ("age", "note"), "column `note` is of kind drop, which cannot serve here"),
        ("key", ("age", "age"), "a composite key needs different columns"),
        ("key", (), "a composite key needs different columns"),
        ("target", "id", "column `id` is of kind id, which cannot serve here"),
    ],
)
def test_roles_need_fitting_kinds(role: str, name: Any, told: str) -> None:
    ((place, message),) = mistakes(**{role: name})
    assert place == role
    assert message.startswith(told)


@pytest.mark.parametrize(
    ("keys", "place", "told"),
    [
        ({"groups": ("sex", "nobody")}, "groups", "there is no column `nobody`"),
        ({"groups": ("age",)}, "groups", "column `age` is of kind integer; here it must be category or"),
        ({"groups": ("sex", "sex")}, "groups", "a column stands there twice"),
        ({"survival": {"time": "sex", "event": "age"}}, "survival.time", "column `sex` is of kind category"),
        ({"survival": {"time": "age", "event": "sex"}}, "survival.event", "column `sex` is of kind category"),
        ({"survival": {"time": "age", "event": "gone"}}, "survival.event", "there is no column `gone`"),
        ({"survival": {"time": "age", "event": "age"}}, "survival", "`age` is both time and event"),
        ({"survival": {"time": "age"}}, "survival.event", "Field required"),
    ],
)
def test_groups_and_survival_need_fitting_columns(keys: dict[str, Any], place: str, told: str) -> None:
    ((where, message),) = mistakes(**keys)
    assert where == place
    assert message.startswith(told)


@pytest.mark.parametrize(
    ("keys", "place", "told"),
    [
        ({"parent": {"table": "t", "column": "nr"}}, "parent.column", "there is no column `nr`"),
        (
            {"parent": {"table": "t", "column": "sex"}},
            "parent.column",
            "column `sex` is of kind category; here",
        ),
        ({"parent": {"table": "t", "column": ("id", "id")}}, "parent.column", "a link of several columns needs"),
        ({"parent": {"table": "t", "column": ("id", "note")}}, "parent.column", "column `note` is of kind drop, which"),
        ({"foreign_keys": {"nr": "t"}}, "foreign_keys.nr", "there is no column `nr`"),
        ({"order": "age"}, "order", "it orders the rows of a parent or a patient, and the table names neither"),
        ({"order": "sex", "patient": "person"}, "order", "column `sex` is of kind category"),
        ({"reference": True, "patient": "person"}, "patient", "a reference table is kept as it is; remove `patient`"),
        ({"reference": True, "key": "note"}, "key", "column `note` is of kind drop, which cannot serve here"),
    ],
)
def test_links_need_fitting_columns(keys: dict[str, Any], place: str, told: str) -> None:
    ((where, message),) = mistakes(**keys)
    assert where == place
    assert message.startswith(told)


def test_the_key_of_a_reference_table_is_a_value() -> None:
    assert TableConfig(key="sex", reference=True, columns=COLUMNS).key_columns == ("sex",)


def test_a_determining_column_has_levels() -> None:
    columns = {"a": Number(), "b": Category(determined_by="a")}
    ((place, message),) = mistakes(columns=columns)
    assert place == "columns.b.determined_by"
    assert message == "column `a` is of kind number; here it must be category or code or ordinal or boolean or integer"


def test_columns_do_not_determine_each_other_in_a_circle() -> None:
    columns = {
        "a": Category(determined_by="c"),
        "b": Category(determined_by="a"),
        "c": Category(determined_by="b"),
        "d": Category(determined_by="a"),  # hangs on the circle, is not in it
        "e": Category(determined_by="e"),
    }
    assert {place for place, _ in mistakes(columns=columns)} == {f"columns.{name}.determined_by" for name in "abce"}


def test_a_chain_of_determined_columns_is_fine() -> None:
    columns = {"a": Code(), "b": Category(determined_by="a"), "c": Ordinal(order=("x",), determined_by="b")}
    assert TableConfig(columns=columns).columns["c"].determined_by == "b"


def test_what_is_not_learned_is_not_determined() -> None:
    ((_, message),) = mistakes(columns={"a": Category(), "b": Id(determined_by="a")})
    assert message == "a column of kind id is not learned; remove determined_by"


def test_a_fake_name_agrees_with_a_column_of_few_levels() -> None:
    sexes = {"sex": Category(), "name": Fake(provider="name", sex="sex")}
    assert TableConfig(columns=sexes).columns["name"] == sexes["name"]
    ((place, _),) = mistakes(columns={"sex": Id(), "name": Fake(provider="name", sex="sex")})
    assert place == "columns.name.sex"


def test_a_text_is_a_value_or_missing_but_not_both() -> None:
    columns = {
        "grade": Ordinal(order=("low", "?", "high")),
        "yes": Boolean(true="1", false="?", missing=("",)),  # "?" is not missing in this one
        "lab": Integer(atoms=("neg",), missing=("neg",)),
    }
    assert mistakes(missing=("?",), columns=columns) == {
        ("columns.grade.order", '"?" also means missing; remove it here or from missing'),
        ("columns.lab.atoms", '"neg" also means missing; remove it here or from missing'),
    }


def test_a_mistake_in_a_column_hides_no_mistake_between_columns() -> None:
    columns = {"a": {"kind": "ordinal", "order": ()}, "b": {"kind": "categori"}}
    assert {place for place, _ in mistakes(target="c", columns=columns)} == {
        "columns.a.ordinal.order",
        "columns.b",
        "target",
    }


def test_a_rule_reads_a_date_in_any_of_its_formats() -> None:
    column = {"kind": "date", "format": "%d.%m.%Y", "also": ["00.%m.%Y", "%Y"]}
    told = TableConfig.model_validate({"columns": {"diagnosed": column}}).quantities["diagnosed"]
    assert told.formats == ("%d.%m.%Y", "00.%m.%Y", "%Y")
    assert told.constant("00.07.2019") == told.constant("01.07.2019")
    assert told.constant("2019") == told.constant("01.01.2019")
    with pytest.raises(ValueError, match=r"is not written as %d.%m.%Y or 00.%m.%Y or %Y"):
        told.constant("July")
