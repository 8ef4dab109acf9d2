"""Tables refer to tables that are there, have a fitting key, and do not stand in a circle."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from synthgen.schema.config import Schema

PATIENTS = {"key": "nr", "patient": "nr", "columns": {"nr": {"kind": "id"}}}
WARDS = {"key": "ward", "columns": {"ward": {"kind": "id"}, "hospital": {"kind": "id"}}}
CODES = {"key": "code", "reference": True, "columns": {"code": {"kind": "code"}}}


def visits(**keys: Any) -> dict[str, Any]:
    kinds = {"id": "id", "nr": "id", "ward": "id", "before": "id", "code": "code", "day": "date"}
    columns = {name: {"kind": kind} for name, kind in kinds.items()}
    parent = {"table": "patients", "column": "nr"}
    return {"key": "id", "parent": parent, "columns": columns} | keys


def mistakes(**tables: Any) -> dict[str, str]:
    """What several tables are refused for, by place below `tables`."""
    with pytest.raises(ValidationError) as refused:
        Schema(tables=tables)
    return {".".join(map(str, error["loc"][1:])): error["msg"] for error in refused.value.errors()}


def test_a_whole_hospital() -> None:
    schema = Schema(
        tables={
            "patients": PATIENTS,
            "visits": visits(patient="nr", foreign_keys={"ward": "wards", "code": "codes", "before": "visits"}),
            "labs": visits(key=None, parent={"table": "visits", "column": "id"}, patient="nr", order="day"),
            "discharges": visits(key="nr", patient="nr"),  # one for each patient, as is the key of patients
            "wards": WARDS,
            "codes": CODES,
        }
    )
    assert schema.tables["labs"].parent is not None
    assert schema.tables["labs"].parent.columns == ("id",)


def test_tables_that_are_not_there() -> None:
    assert mistakes(patients=PATIENTS, visits=visits(parent={"table": "patient", "column": "nr"})) == {
        "visits.parent.table": "there is no table `patient`; the tables are patients, visits"
    }
    assert mistakes(visits=visits(parent=None, foreign_keys={"ward": "wards"})) == {
        "visits.foreign_keys.ward": "there is no table `wards`; the tables are visits"
    }


def test_a_circle_is_told_at_each_of_its_tables_and_not_below() -> None:
    a, b, below = (visits(parent={"table": name, "column": "nr"}) for name in ("b", "a", "a"))
    found = mistakes(a=a, b=b, below=below)
    assert set(found) == {"a.parent.table", "b.parent.table"}
    assert found["a.parent.table"] == "`a` and `b` belong to each other in a circle; remove one parent"
    itself = mistakes(patients=PATIENTS, visits=visits(parent={"table": "visits", "column": "nr"}))
    assert itself["visits.parent.table"].startswith("a table is not its own parent; state a link to itself under")


def test_a_key_is_there_and_as_wide_as_the_link() -> None:
    keyless = {"patient": "nr", "columns": PATIENTS["columns"]}
    assert mistakes(patients=keyless, visits=visits()) == {
        "visits.parent.table": "`patients` has no key to refer to; give it one"
    }
    wide = {"table": "patients", "column": ["nr", "ward"]}
    assert mistakes(patients=PATIENTS, visits=visits(parent=wide)) == {
        "visits.parent.column": "found 2 columns, but the key of `patients` has 1: nr; name as many"
    }


def test_a_composite_link_has_the_kinds_of_the_key() -> None:
    stays = visits(key=["nr", "code"])
    link = {"table": "stays", "column": ["nr", "ward"]}
    assert mistakes(patients=PATIENTS, stays=stays, labs=visits(parent=link)) == {
        "labs.parent.column": "`ward` is of kind id and `code` of `stays` of kind code; make them one"
    }
    link = {"table": "stays", "column": ["nr", "code"]}
    assert Schema(tables={"patients": PATIENTS, "stays": stays, "labs": visits(parent=link)})
    assert (
        "has 2 columns, and a foreign key has one"
        in (
            mistakes(patients=PATIENTS, stays=stays, labs=visits(foreign_keys={"ward": "stays"}))[
                "labs.foreign_keys.ward"
            ]
        )
    )


def test_what_links_to_a_key_that_is_made_up_anew_is_an_id_and_to_vocabulary_a_value() -> None:
    found = mistakes(
        patients=PATIENTS, wards=WARDS, codes=CODES, visits=visits(foreign_keys={"day": "wards", "ward": "codes"})
    )
    assert found == {
        "visits.foreign_keys.day": "`wards` is regenerated, so `day` must be id; it is of kind date",
        "visits.foreign_keys.ward": "`codes` is kept as it is, so `ward` must be category or code or ordinal or "
        "integer or boolean or constant; it is of kind id",
    }


def test_vocabulary_refers_to_vocabulary_and_has_no_children() -> None:
    codes = CODES | {"foreign_keys": {"code": "wards"}}
    assert mistakes(patients=PATIENTS, wards=WARDS, codes=codes) == {
        "codes.foreign_keys.code": "the table is kept as it is and the key of `wards` made up anew; "
        "make `wards` a reference"
    }
    assert mistakes(patients=PATIENTS, codes=CODES, visits=visits(parent={"table": "codes", "column": "nr"})) == {
        "visits.parent.table": "`codes` is a reference table, which nothing belongs to; state it under foreign_keys"
    }
    assert Schema(tables={"patients": PATIENTS, "codes": CODES, "more": CODES | {"foreign_keys": {"code": "codes"}}})


def test_a_patients_row_belongs_to_the_patient() -> None:
    owned = visits(patient="nr", parent={"table": "wards", "column": "ward"})
    assert mistakes(patients=PATIENTS, wards=WARDS, visits=owned) == {
        "visits.parent.table": "the rows belong to patients and those of `wards` do not; state it under foreign_keys"
    }


def test_one_table_holds_the_patients() -> None:
    told = "`patients`, `persons` each have one row for each patient; give all but one a parent"
    assert mistakes(patients=PATIENTS, persons=PATIENTS) == {"patients.patient": told, "persons.patient": told}


def test_nonsense_in_one_table_hides_nothing_in_another() -> None:
    assert {*mistakes(patients=7, visits=visits(foreign_keys={"ward": "wards"}), labs={"parent": 3, "key": 4})} >= {
        "patients",
        "visits.foreign_keys.ward",
        "labs.parent",
        "labs.columns",
    }
