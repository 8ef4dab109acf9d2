"""How links are told and found again, by two patients that can be checked by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from synthgen.relational.belonging.links import Linking, popularity, told_drawn, told_kin, up
from synthgen.relational.belonging.structure import Structure
from synthgen.relational.fold import ECHO, NONE, OTHER, SAME
from synthgen.relational.rows import Rows
from synthgen.schema.config import Schema


def rows(patient: list[int], parent: list[int], n_parents: int, moments: list[int] | None = None) -> Rows:
    when = np.zeros(len(patient), np.int64) if moments is None else np.array(moments)
    return Rows(np.array(patient), np.array(parent), 2, n_parents, np.zeros((len(patient), 0), np.int32), when)


#: Patient 0 has three visits, patient 1 has two.
VISITS = rows([0, 0, 0, 1, 1], [0, 0, 0, 1, 1], 2, [10, 20, 30, 15, 25])
PATIENTS = rows([0, 1], [0, 1], 2)


def test_a_drawn_link_is_that_of_the_row_before_or_of_an_ancestor_or_another() -> None:
    named = np.array([7, 7, 8, 8, -1])
    assert told_drawn(VISITS.patient, named, None).to_pylist() == [OTHER, SAME, OTHER, OTHER, NONE]
    echo = np.array([7, 1, 8, 8, -2])
    assert told_drawn(VISITS.patient, named, echo).to_pylist() == [ECHO, SAME, ECHO, ECHO, NONE]


def test_another_row_is_told_with_what_it_is_about() -> None:
    subjects = np.array(["surgery", "medicine"], object)
    found = told_drawn(VISITS.patient, np.array([0, 0, 1, 1, -1]), None, subjects)
    assert found.to_pylist() == [f"{OTHER}surgery", SAME, f"{OTHER}medicine", f"{OTHER}medicine", NONE]


def test_how_often_rows_are_named_says_nothing_of_those_that_few_patients_name() -> None:
    told = texts(OTHER, SAME, f"{OTHER}surgery", OTHER, OTHER, OTHER, OTHER, NONE)
    named, patient = np.array([0, 0, 0, 0, 1, 1, 1, -1]), np.array([0, 0, 1, 2, 0, 0, 0, 1])
    # Three patients name the first row, three times anew; one patient names the second; nobody the other two.
    assert popularity(told, named, patient, 4, 2).tolist() == [3, 1, 1, 1]
    assert popularity(told, named, patient, 4, 1).tolist() == [3, 3, 0, 0]


def test_rows_that_are_named_often_are_drawn_often_and_of_the_subject_that_is_told() -> None:
    linking = Linking(Structure.of(SCHEMA), dict(SCHEMA.tables), {"wards": "specialty"})
    n = 4000
    visits = Rows(np.arange(n), np.arange(n), n, n, np.zeros((n, 0), np.int32), np.zeros(n, np.int64))
    patients = Rows(np.arange(n), np.arange(n), n, n, np.zeros((n, 0), np.int32), np.zeros(n, np.int64))
    ids = pa.array(np.arange(n)).cast(pa.string())
    told = texts(*([f"{OTHER}surgery"] * (n // 2) + [OTHER] * (n // 2)))
    cells = {"patients": {"nr": ids}, "visits": {"id": ids, "ward.link": told, "before.link": texts(*[NONE] * n)}}
    wards = {
        "ward": texts("w0", "w1", "w2"),
        "specialty": texts("surgery", "medicine", "surgery"),
        "named by visits.ward": texts("30", "60", "10"),
    }
    linking.resolve({"patients": patients, "visits": visits}, cells, {"wards": wards}, ids, np.random.default_rng(1))
    found = np.array(cells["visits"]["ward"].to_pylist())
    surgery, any_ward = found[: n // 2], found[n // 2 :]
    assert set(surgery) == {"w0", "w2"}
    assert np.mean(surgery == "w0") == pytest.approx(0.75, abs=0.05)
    assert [np.mean(any_ward == ward) for ward in ("w0", "w1", "w2")] == pytest.approx([0.3, 0.6, 0.1], abs=0.05)


def test_a_link_to_the_same_table_is_told_by_how_many_rows_before() -> None:
    named = np.array([-1, 0, 0, 1, 3])
    # The fourth row names a row of another patient.
    assert told_kin(VISITS, VISITS, named, itself=True).to_pylist() == [NONE, "1", "2", OTHER, "1"]


def test_a_link_to_another_table_is_told_by_moments() -> None:
    claims = rows([0, 0, 1], [0, 0, 1], 2, [21, 9, 40])
    # Visits of patient 0 before 21: two, the last of them row 1. Before 9 there is none: row 0 is one ahead.
    assert told_kin(claims, VISITS, np.array([1, 0, 3]), itself=False).to_pylist() == ["0", "-1", "1"]
    assert told_kin(claims, VISITS, np.array([2, -1, 0]), itself=False).to_pylist() == ["-1", NONE, OTHER]


TABLES: dict[str, Any] = {
    "patients": {"key": "nr", "patient": "nr", "columns": {"nr": {"kind": "id"}}},
    "wards": {"key": "ward", "columns": {"ward": {"kind": "id"}}},
    "visits": {
        "key": "id",
        "parent": {"table": "patients", "column": "nr"},
        "foreign_keys": {"ward": "wards", "before": "visits"},
        "columns": {name: {"kind": "id"} for name in ("id", "nr", "ward", "before")},
    },
    "claims": {
        "key": "id",
        "parent": {"table": "patients", "column": "nr"},
        "foreign_keys": {"visit": "visits", "payer": "patients"},
        "order": "day",
        "columns": {**{name: {"kind": "id"} for name in ("id", "nr", "visit", "payer")}, "day": {"kind": "integer"}},
    },
    "tests": {
        "key": ["visit", "nr"],
        "missing": ["?"],
        "parent": {"table": "visits", "column": "visit"},
        "foreign_keys": {"ward": "wards"},
        "columns": {"visit": {"kind": "id"}, "nr": {"kind": "integer"}, "ward": {"kind": "id"}},
    },
}
SCHEMA = Schema.model_validate({"tables": TABLES})
LINKING = Linking(Structure.of(SCHEMA), dict(SCHEMA.tables))


def texts(*cells: str) -> pa.Array:
    return pa.array(cells, pa.string())


def resolved(**cells: dict[str, pa.Array]) -> dict[str, dict[str, list[str]]]:
    """The link columns of visits, claims and tests of the two patients."""
    tables = {
        "patients": PATIENTS,
        "visits": VISITS,
        "claims": rows([0, 0, 1], [0, 0, 1], 2, [21, 9, 40]),
        "tests": rows([0, 0, 0, 1], [0, 0, 2, 4], 5),
    }
    given: dict[str, dict[str, pa.Array]] = {
        "patients": {"nr": texts("p0", "p1")},
        "visits": {
            "id": texts("v0", "v1", "v2", "v3", "v4"),
            "ward.link": texts(OTHER, SAME, SAME, SAME, NONE),
            "before.link": texts(NONE, "1", "2", "1", "1"),
        },
        "claims": {"id": texts("c0", "c1", "c2"), "visit.link": texts("0", "-1", NONE)},
        "tests": {"nr": texts("1", "2", "1", "1"), "ward.link": texts(ECHO, SAME, ECHO, NONE)},
    }
    for name, more in cells.items():
        given[name] = given[name] | more
    lookups = {"wards": {"ward": texts("w0", "w1", "w2")}}
    LINKING.resolve(tables, given, lookups, texts("p0", "p1"), np.random.default_rng(3))
    return {
        name: {column: found.cast(pa.string()).to_pylist() for column, found in own.items()}
        for name, own in given.items()
    }


def test_children_name_their_parents() -> None:
    found = resolved()
    assert found["visits"]["nr"] == ["p0", "p0", "p0", "p1", "p1"]
    assert found["tests"]["visit"] == ["v0", "v0", "v2", "v4"]
    assert found["claims"]["payer"] == found["claims"]["nr"] == ["p0", "p0", "p1"]


def test_a_ward_stays_the_same_within_a_patient_only() -> None:
    wards = resolved()["visits"]["ward"]
    assert wards[0] == wards[1] == wards[2]
    assert wards[0] in ("w0", "w1", "w2")
    assert wards[3] in ("w0", "w1", "w2")  # ``=`` in the first row of a patient: any ward
    assert wards[4] == ""
    chosen = {tuple(resolved(visits={"ward.link": texts(*5 * OTHER)})["visits"]["ward"])}
    assert len({ward for row in chosen for ward in row}) > 1


def test_a_row_below_names_the_ward_of_its_visit() -> None:
    found = resolved()
    # A missing ward is written in the table's own way.
    assert found["tests"]["ward"] == [found["visits"]["ward"][0]] * 2 + [found["visits"]["ward"][2], "?"]


def test_rows_before_are_counted_back() -> None:
    # The first row of patient 1 has none before it: the link is left out.
    assert resolved()["visits"]["before"] == ["", "v0", "v0", "", "v3"]


@pytest.mark.parametrize("told", [OTHER, "1", "3", "-2"])
def test_a_link_to_a_row_before_never_leads_to_another_patient_or_itself(told: str) -> None:
    before = resolved(visits={"before.link": texts(*[told] * 5)})["visits"]["before"]
    for at, (own, patient) in enumerate(zip(before, VISITS.patient.tolist(), strict=True)):
        allowed = {"", *(f"v{k}" for k in range(5) if VISITS.patient[k] == patient and k != at)}
        assert own in allowed


def test_claims_find_the_visit_by_their_moment() -> None:
    assert resolved()["claims"]["visit"] == ["v1", "v0", ""]
    anywhere = resolved(claims={"visit.link": texts(OTHER, OTHER, OTHER)})["claims"]["visit"]
    assert set(anywhere[:2]) <= {"v0", "v1", "v2"}
    assert anywhere[2] in ("v3", "v4")


def test_rows_are_numbered_anew_where_a_composite_key_would_repeat() -> None:
    assert resolved()["tests"]["nr"] == ["1", "2", "1", "1"]
    assert resolved(tests={"nr": texts("4", "4", "9", "9")})["tests"]["nr"] == ["1", "2", "1", "1"]


def test_an_ancestor_is_found_through_the_tables_between() -> None:
    tables = {"patients": PATIENTS, "visits": VISITS, "tests": rows([0, 1, 1], [2, 3, -1], 5)}
    assert up(LINKING.structure, tables, "tests", "patients").tolist() == [0, 1, 1]
    assert up(LINKING.structure, tables, "tests", "visits").tolist() == [2, 3, -1]


def test_lookup_tables_are_linked_with_each_other() -> None:
    schema = Schema.model_validate(
        {
            "tables": {
                **TABLES,
                "rooms": {
                    "key": "room",
                    "foreign_keys": {"ward": "wards"},
                    "columns": {"room": {"kind": "id"}, "ward": {"kind": "id"}},
                },
            }
        }
    )
    linking = Linking(Structure.of(schema), dict(schema.tables))
    found: dict[str, Any] = {
        "wards": {"ward": texts("w0", "w1")},
        "rooms": {"room": texts("r0", "r1", "r2"), "ward.link": texts(OTHER, NONE, OTHER)},
    }
    linking.of_lookup("rooms", found, np.random.default_rng(1))
    named = found["rooms"]["ward"].to_pylist()
    assert named[1] == ""
    assert {named[0], named[2]} <= {"w0", "w1"}


def test_a_key_of_a_visit_and_a_drawn_link_never_repeats() -> None:
    tables = TABLES | {"tests": TABLES["tests"] | {"key": ["visit", "ward"]}}
    linking = Linking(Structure.of(Schema.model_validate({"tables": tables})), Schema(tables=tables).tables)
    n = 300
    visits = rows([0] * 200 + [1] * 100, [0] * 200 + [1] * 100, 2)
    tests = Rows(np.repeat(visits.patient, 2), np.repeat(np.arange(n), 2), 2, n, np.zeros((2 * n, 0), np.int32), None)
    cells = {
        "patients": {"nr": texts("p0", "p1")},
        "visits": {"id": pa.array(np.arange(n)).cast(pa.string()), "ward.link": texts(*[OTHER] * n)},
        "tests": {"nr": texts(*["1"] * 2 * n), "ward.link": texts(*[OTHER] * 2 * n)},
    }
    cells["visits"]["before.link"] = texts(*[NONE] * n)
    wards = {"ward": texts("w0", "w1")}
    given = {"patients": PATIENTS, "visits": visits, "tests": tests}
    lost = linking.resolve(given, cells, {"wards": wards}, texts("p0", "p1"), np.random.default_rng(1))
    pairs = set(zip(cells["tests"]["visit"].to_pylist(), cells["tests"]["ward"].to_pylist(), strict=True))
    assert (len(pairs), lost) == (2 * n, {})
    wards = {"ward": texts("w0")}
    lost = linking.resolve(given, cells, {"wards": wards}, texts("p0", "p1"), np.random.default_rng(1))
    assert lost["tests"].tolist() == [*range(1, 2 * n, 2)]  # no second ward is left for any visit
