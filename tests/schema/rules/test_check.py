"""Rules that make no sense, that no row can obey, and that exclude each other are refused with the reason."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from synthgen.schema.config import Schema
from synthgen.schema.table import TableConfig

COLUMNS = {
    "id": {"kind": "id"},
    "pid": {"kind": "id"},
    "admitted": {"kind": "date", "format": "%d.%m.%Y"},
    "discharged": {"kind": "datetime", "format": "%d.%m.%Y %H:%M"},
    "fed": {"kind": "time"},
    "sex": {"kind": "category"},
    "pregnant": {"kind": "boolean", "true": "yes", "false": "no"},
    "age": {"kind": "integer", "min": 0, "max": 130},
    "weight": {"kind": "number"},
    "grade": {"kind": "ordinal", "order": ["mild", "moderate", "severe"]},
    "pain": {"kind": "ordinal", "order": ["none", "some"]},
    "codes": {"kind": "code", "separator": ", "},
    "note": {"kind": "text"},
}


def mistakes(*rules: str, **more: object) -> dict[int, str]:
    """What is told of each rule."""
    try:
        TableConfig.model_validate({"key": "id", "patient": "pid", "columns": COLUMNS, "constraints": rules} | more)
    except ValidationError as error:
        return {int(each["loc"][1]): each["msg"] for each in error.errors() if each["loc"][0] == "constraints"}
    return {}


@pytest.mark.parametrize(
    "rule",
    [
        "discharged >= admitted",
        "admitted >= '24.12.2020' and discharged < '31.12.2020 23:59'",
        "discharged - admitted <= 365",
        "age == years(admitted, discharged)",
        "pregnant == 'yes' implies sex == 'F'",
        "(sex, pregnant) in [('F', 'yes'), ('F', 'no'), ('M', 'no')]",
        "grade > 'mild' or grade is missing",
        "weight / 2 ** 2 between 5 and 100",
        "codes is not missing",
        "fed >= '06:00'",
        "unique(pid, admitted, sex)",
        "unique(id)",
        "at most one open(admitted, discharged)",
        "age > 17 and age < 19",
    ],
)
def test_rules_that_make_sense_are_taken(rule: str) -> None:
    assert mistakes(rule) == {}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("height > 1", "there is no column `height`"),
        ("note is missing", "column `note` is not learned"),
        ("id == 'x'", "column `id` is not learned"),
        ("unique(note)", "column `note` is not learned"),
        ("sex > 'F'", "`sex` is a text, which has no order"),
        ("codes == 'I10'", "holds several codes in a cell"),
        ("age == '3'", "`age` is a number and '3' a text; write numbers without quotes"),
        ("sex == 1", "`sex` is a text and `1` a number; compare what is alike (write '1' in quotes)"),
        ("age > admitted", "`age` is a number and `admitted` a date"),
        ("pregnant == 'maybe'", "'maybe' is none of its levels yes, no"),
        ("grade >= 'bad'", "'bad' is none of its levels mild, moderate, severe"),
        ("grade > pain", "have different orders"),
        ("admitted > '2020-12-24'", "'2020-12-24' is not written as %d.%m.%Y"),
        ("admitted + discharged > 3", "adds two dates"),
        ("sex + 1 > 2", "`sex` is a text; only with numbers"),
        ("years(age, admitted) > 3", "`age` is a number; years takes dates"),
        ("age", "neither true nor false"),
        ("age and sex == 'F'", "neither true nor false"),
        ("(age > 1) + 2 > 3", "is no value to compute or compare with"),
        ("age + 1 is missing", "`age + 1` is no column"),
        ("'F' == 'M'", "both constants"),
        ("1 > 2", "speaks of no column"),
        ("at most one open(admitted, age)", "column `age` is a number; here it must be a date"),
        ("parent.age > 1", ""),  # told by the config, which knows the other tables
    ],
)
def test_rules_that_make_no_sense_are_refused_with_the_reason(rule: str, told: str) -> None:
    assert told in mistakes(rule).get(0, "")


def test_open_episodes_are_somebodys() -> None:
    assert "names no patient" in mistakes("at most one open(admitted, discharged)", patient=None)[0]


@pytest.mark.parametrize(
    "rule",
    [
        "age > 130",  # declared
        "age < 0",
        "age > age",
        "age > 2 and age < 3",  # whole numbers
        "sex == 'F' and sex == 'M'",
        "grade > 'severe'",
        "admitted > discharged and admitted < discharged",
        "weight between 3 and 2",
        "not (age >= 0)",
    ],
)
def test_a_rule_that_nothing_obeys_is_refused(rule: str) -> None:
    assert "obeys it" in mistakes(rule)[0]


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ("age between 18 and 65", "age > 70"),
        ("sex in ['F', 'M']", "sex == 'X'"),
        ("discharged >= admitted", "admitted > discharged"),
        ("admitted < '01.01.2000'", "admitted >= '01.01.2000'"),
        ("weight < 0.5", "weight > 0.5"),
        ("age is missing", "age is not missing"),
        ("grade == 'mild'", "grade == 'severe'"),
    ],
)
def test_of_two_rules_that_exclude_each_other_the_second_is_refused(first: str, second: str) -> None:
    found = mistakes(first, second)
    assert list(found) == [1]
    assert found[1].startswith(f"together with `{first}` it leaves no value for")


def test_three_rules_may_exclude_each_other_where_no_two_do() -> None:
    found = mistakes("age in [1, 2]", "age in [2, 3]", "age in [1, 3]")
    assert list(found) == [2]
    assert found[2].startswith("together with `age in [1, 2]` and `age in [2, 3]`")


def test_rules_that_can_be_obeyed_together_are_taken() -> None:
    assert mistakes("age >= 65", "age <= 65", "weight > 0.5", "weight < 0.6", "age is missing or age > 3") == {}


def relational(*rules: str) -> dict[str, str]:
    tables = {
        "patients": {"key": "pid", "patient": "pid", "columns": {"pid": {"kind": "id"}, "born": {"kind": "date"}}},
        "stays": {
            "key": "sid",
            "parent": {"table": "patients", "column": "pid"},
            "columns": {"sid": {"kind": "id"}, "pid": {"kind": "id"}, "start": {"kind": "date"}},
        },
        "labs": {
            "parent": {"table": "stays", "column": "sid"},
            "columns": {"sid": {"kind": "id"}, "day": {"kind": "date"}, "value": {"kind": "number"}},
            "constraints": rules,
        },
    }
    try:
        Schema.model_validate({"tables": tables})
    except ValidationError as error:
        return {".".join(map(str, each["loc"])): each["msg"] for each in error.errors()}
    return {}


def test_a_rule_may_speak_of_ancestors() -> None:
    assert relational("day >= parent.start", "day >= patients.born and stays.start >= patients.born") == {}


@pytest.mark.parametrize(
    ("rule", "told"),
    [
        ("day >= parent.end", "there is no column `end`"),
        ("value >= patients.born", "`value` is a number and `patients.born` a date"),
        ("day >= wards.opened", "`wards` is no ancestor of the rows; the ancestors are `stays`, `patients`"),
        ("day >= labs.day", "write the table's own columns without its name"),
        ("unique(day, parent.start)", "`parent.start` is a column of another table"),
    ],
)
def test_what_is_wrong_with_ancestors_is_told_at_its_place(rule: str, told: str) -> None:
    found = relational("day is not missing", rule)
    assert list(found) == ["tables.labs.constraints.1"]
    assert told in found["tables.labs.constraints.1"]
