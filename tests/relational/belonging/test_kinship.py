"""Joins of small tables that can be checked by hand, and of random ones that pandas joins as well."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.errors import InputError
from synthgen.relational.belonging.kinship import Kinship
from synthgen.relational.belonging.structure import Structure
from synthgen.schema.config import Schema
from synthgen.schema.load import load
from synthgen.tables.dataset import Dataset
from synthgen.tables.memory import MemoryTable
from synthgen.tables.read import read
from synthgen.tables.split import Split
from tests.conftest import ROOT

Rows = Sequence[Sequence[str]]


def table(name: str, header: str, rows: Rows, cut: int = 2) -> MemoryTable:
    """A table in blocks of ``cut`` rows, so that nothing depends on one block being all."""
    cells = list(zip(*rows, strict=True))
    whole = pa.table(dict(zip(header.split(), map(list, cells), strict=True)))
    parts = [batch for first in range(0, len(rows), cut) for batch in whole.slice(first, cut).to_batches()]
    return MemoryTable.from_arrow(pa.Table.from_batches(parts), name)


HOSPITAL = Dataset(
    {
        "labs": table(
            "labs",
            "visit nr taken code",
            [
                ("v2", "p1", "2024-03-02", "CRP"),
                ("v1", "p1", "2024-01-02", "CRP"),
                ("v2", "p1", "2024-03-01", "HB"),
                ("", "p3", "2024-05-01", "HB"),  # no visit, but a patient
                ("v9", "", "2024-05-01", "XX"),  # a visit that is not there, and a code that is not
                ("v2", "p3", "", "HB"),  # another patient than the visit's, and no time
            ],
        ),
        "visits": table(
            "visits",
            "id nr ward before",
            [("v1", " p1", "w2", ""), ("v2", "p1", "w1", "v1"), ("v3", "p3", "w1", "v8"), ("v4", "?", "", "")],
        ),
        "patients": table("patients", "nr sex", [("p1", "F"), ("p2", "M"), ("p3", "F")]),
        "wards": table("wards", "ward", [("w1",), ("w2",)]),
        "codes": table("codes", "code", [("CRP",), ("HB",)]),
    }
)
SCHEMA: dict[str, Any] = {
    "labs": {
        "parent": {"table": "visits", "column": "visit"},
        "patient": "nr",
        "foreign_keys": {"code": "codes"},
        "order": "taken",
        "columns": {
            "visit": {"kind": "id"},
            "nr": {"kind": "id"},
            "taken": {"kind": "date"},
            "code": {"kind": "code"},
        },
    },
    "visits": {
        "key": "id",
        "patient": "nr",
        "foreign_keys": {"ward": "wards", "before": "visits"},
        "missing": ["", "?"],
        "columns": {name: {"kind": "id"} for name in ("id", "nr", "ward", "before")},
    },
    "patients": {"key": "nr", "patient": "nr", "columns": {"nr": {"kind": "id"}, "sex": {"kind": "category"}}},
    "wards": {"key": "ward", "columns": {"ward": {"kind": "id"}}},
    "codes": {"key": "code", "reference": True, "columns": {"code": {"kind": "code"}}},
}


def kinship(dataset: Dataset = HOSPITAL, **tables: Any) -> Kinship:
    return Kinship.of(dataset, Schema.model_validate({"tables": tables or SCHEMA}))


def test_tables_come_behind_what_they_belong_and_refer_to() -> None:
    structure = Structure.of(Schema.model_validate({"tables": SCHEMA}))
    assert list(structure.members) == ["codes", "wards", "patients", "visits", "labs"]
    assert [member.role for member in structure.members.values()] == [
        "reference",
        "lookup",
        "patient",
        "child",
        "child",
    ]
    assert structure.members["labs"].path == ("visits", "patients")
    assert structure.children("patients") == ("visits",)
    how = {(name, *link.columns): link.how for name, each in structure.members.items() for link in each.links}
    assert how == {
        ("visits", "ward"): "drawn",
        ("visits", "before"): "itself",
        ("labs", "nr"): "ancestor",  # its visit's patient
        ("labs", "code"): "reference",
    }


def test_every_row_finds_its_parent_its_patient_and_its_place() -> None:
    found = kinship()
    visits, labs = found.tables["visits"], found.tables["labs"]
    assert found.ids.to_pylist() == ["p1", "p2", "p3"]
    assert visits.patient.tolist() == [0, 0, 2, -1]
    assert visits.siblings is not None
    assert visits.siblings.numbers.tolist() == [2, 0, 1]
    assert visits.parent is not None
    assert (visits.parent.missing, visits.parent.dangling) == (1, 0)
    (ward, before) = visits.member.links
    assert visits.links[ward].rows is not None
    assert visits.links[ward].rows.tolist() == [1, 0, 0, -1]
    assert visits.links[before].rows is not None
    assert visits.links[before].rows.tolist() == [-1, 0, -2, -1]

    assert labs.parent is not None
    assert labs.parent.rows is not None
    assert labs.parent.rows.tolist() == [1, 0, 1, -1, -2, 1]
    assert labs.patient.tolist() == [0, 0, 0, 2, -1, 0]
    assert (labs.contrary, labs.untimed) == (1, 1)
    assert labs.siblings is not None
    assert labs.siblings.numbers.tolist() == [1, 3, 0, 0]
    assert labs.siblings.order.tolist() == [1, 2, 0, 5]  # v1: its only row; v2: 1 March, 2 March, without a time
    assert labs.siblings.positions.tolist() == [1, 0, 0, -1, -1, 2]
    assert labs.siblings.previous.tolist() == [2, -1, -1, -1, -1, 0]
    codes = next(joined for link, joined in labs.links.items() if link.table == "codes")
    assert (codes.rows, codes.missing, codes.dangling) == (None, 0, 1)
    own = next(link for link in labs.links if link.table == "patients")
    assert found.agreement("labs", own) == 0.75  # of the four rows with a visit, one names another patient


def test_a_repeated_or_missing_key_is_counted_and_the_first_row_found() -> None:
    twice = table("visits", "id nr ward before", [("v1", "p1", "", ""), ("v1", "p2", "", ""), ("", "p2", "", "")])
    found = kinship(Dataset({**HOSPITAL.tables, "visits": twice}))
    assert (found.tables["visits"].repeated, found.tables["visits"].keyless) == (1, 1)
    assert found.tables["labs"].patient[1] == 0


def test_without_a_table_of_patients_they_are_those_that_columns_name() -> None:
    visits = {name: value for name, value in SCHEMA["visits"].items() if name != "foreign_keys"}
    labs = {name: value for name, value in SCHEMA["labs"].items() if name not in ("foreign_keys", "parent")}
    found = kinship(Dataset({name: HOSPITAL.tables[name] for name in ("labs", "visits")}), labs=labs, visits=visits)
    assert found.structure.patients is None
    assert found.ids.to_pylist() == ["p1", "p3"]
    assert found.tables["visits"].patient.tolist() == [0, 0, 1, -1]
    siblings = found.tables["labs"].siblings
    assert siblings is not None
    assert siblings.order.tolist() == [1, 2, 0, 3, 5]
    assert siblings.numbers.tolist() == [3, 2]


def test_a_claim_repeats_its_visits_ward() -> None:
    claims = table("claims", "visit ward", [("v1", "w2"), ("v2", "w2"), ("v3", "w1"), ("v3", "")])
    declared = {
        "parent": {"table": "visits", "column": "visit"},
        "foreign_keys": {"ward": "wards"},
        "columns": {"visit": {"kind": "id"}, "ward": {"kind": "id"}},
    }
    found = kinship(Dataset({**HOSPITAL.tables, "claims": claims}), **SCHEMA, claims=declared)
    (ward,) = found.structure.members["claims"].links
    ((ancestor, theirs),) = found.structure.echoes("claims", ward)
    assert (ancestor, theirs.columns) == ("visits", ("ward",))
    assert found.repeats("claims", ward) == {("visits", theirs): pytest.approx(2 / 3)}


def test_two_tables_may_refer_to_each_other() -> None:
    id_ = {"kind": "id"}
    tables: dict[str, Any] = {
        "patients": {
            "key": "nr",
            "patient": "nr",
            "foreign_keys": {"last": "visits"},
            "columns": {"nr": id_, "last": id_},
        },
        "visits": {"key": "id", "patient": "nr", "columns": {"id": id_, "nr": id_}},
    }
    found = kinship(
        Dataset(
            {
                "patients": table("patients", "nr last", [("p1", "v2"), ("p2", "")]),
                "visits": table("visits", "id nr", [("v1", "p1"), ("v2", "p1")]),
            }
        ),
        **tables,
    )
    ((link, joined),) = found.tables["patients"].links.items()
    assert link.how == "kin"
    assert joined.rows is not None
    assert joined.rows.tolist() == [1, -1]


def test_a_schema_that_names_no_patient_is_refused() -> None:
    with pytest.raises(InputError, match="no table names the patient"):
        kinship(wards=SCHEMA["wards"])


def test_a_patient_is_on_one_side_in_every_table_and_vocabulary_on_none() -> None:
    people = [f"p{i}" for i in range(300)]
    visits = [(f"v{i}", people[i % 300]) for i in range(600)]
    labs = [(f"v{i % 600}",) for i in range(2_000)] + [("none",)] * 500
    id_ = {"kind": "id"}
    found = kinship(
        Dataset(
            {
                "patients": table("patients", "nr", [(name,) for name in people], cut=100),
                "visits": table("visits", "id nr", visits, cut=100),
                "labs": table("labs", "visit", labs, cut=100),
                "wards": HOSPITAL.tables["wards"],
            }
        ),
        patients={"key": "nr", "patient": "nr", "columns": {"nr": id_}},
        visits={"key": "id", "patient": "nr", "columns": {"id": id_, "nr": id_}},
        labs={"parent": {"table": "visits", "column": "visit"}, "columns": {"visit": id_}},
        wards=SCHEMA["wards"],
    )
    sides = found.sides(Split(b"k" * 32, 0.3, None, b"m" * 32))
    hashes, held_out = sides["patients"]
    assert held_out.mean() == pytest.approx(0.3, abs=0.08)
    for name in ("visits", "labs"):
        patient = found.tables[name].patient
        owned = patient >= 0
        assert np.array_equal(sides[name][1][owned], held_out[patient[owned]])
        assert np.array_equal(sides[name][0][owned], hashes[patient[owned]])
    assert len(np.unique(sides["labs"][0][-500:])) == 500  # rows of no patient are units of their own
    assert sides["labs"][1][-500:].mean() == pytest.approx(0.3, abs=0.08)
    assert not sides["wards"][1].any()


def test_the_related_sample_is_whole() -> None:
    schema = load(ROOT / "configs/sample_related.yaml")
    found = Kinship.of(read(ROOT / "sample_data/related", schema=schema), schema)
    assert [(name, each.n_rows) for name, each in found.tables.items()] == [
        ("patients", 400),
        ("encounters", 668),
        ("diagnoses", 1256),
        ("labs", 1269),
    ]
    for each in found.tables.values():
        assert (each.keyless, each.repeated, each.contrary, each.untimed) == (0, 0, 0, 0)
        assert (each.patient >= 0).all()
        assert each.parent is None or (each.parent.missing, each.parent.dangling) == (0, 0)


def test_twenty_six_tables_in_a_line() -> None:
    names = [f"t{number:02d}" for number in range(26)]
    id_ = {"kind": "id"}
    tables: dict[str, Any] = {"t00": {"key": "id", "patient": "id", "columns": {"id": id_}}}
    data = {"t00": table("t00", "id", [(f"{row}",) for row in range(100)], cut=30)}
    for above, name in pairwise(names):
        tables[name] = {"key": "id", "parent": {"table": above, "column": "up"}, "columns": {"id": id_, "up": id_}}
        data[name] = table(name, "id up", [(f"{row}", f"{99 - row}") for row in range(100)], cut=30)
    shuffled = {name: data[name] for name in reversed(names)}
    found = kinship(Dataset(shuffled), **{name: tables[name] for name in reversed(names)})
    assert list(found.structure.members) == names
    assert found.tables["t25"].member.path == tuple(reversed(names[:-1]))
    assert found.tables["t24"].patient.tolist() == list(range(100))
    assert found.tables["t25"].patient.tolist() == list(range(99, -1, -1))


KEYS = st.sampled_from(["a", "b", " b", "Ω", "1", "01", "1.0", "x y", "", "?"])


@st.composite
def trees(draw: st.DrawFn) -> tuple[list[str], list[tuple[str, str, str]], list[tuple[str, str, str, str]]]:
    """Patients with a key, stays with a key of two columns, and events of stays at a time."""
    people = draw(st.lists(KEYS, min_size=1, max_size=5, unique_by=str.strip))
    stays = draw(
        st.lists(
            st.tuples(KEYS, st.sampled_from("123"), KEYS),
            min_size=1,
            max_size=8,
            unique_by=lambda s: (s[0].strip(), s[1]),
        )
    )
    times = st.sampled_from(["2024-01-01", "2024-01-02", "2023-12-31", "", "?"])
    events = draw(st.lists(st.tuples(KEYS, st.sampled_from(["1", "2", "3", ""]), KEYS, times), min_size=1, max_size=12))
    return people, stays, events


@given(tree=trees(), cut=st.integers(1, 5))
def test_joins_are_those_of_pandas(
    tree: tuple[list[str], list[tuple[str, str, str]], list[tuple[str, str, str, str]]], cut: int
) -> None:
    people, stays, events = tree
    id_, nr = {"kind": "id"}, {"kind": "category"}
    found = kinship(
        Dataset(
            {
                "people": table("people", "person", [(name,) for name in people], cut),
                "stays": table("stays", "site no person", stays, cut),
                "events": table("events", "site no person at", events, cut),
            }
        ),
        people={"key": "person", "patient": "person", "missing": ["", "?"], "columns": {"person": id_}},
        stays={
            "key": ["site", "no"],
            "patient": "person",
            "missing": ["", "?"],
            "columns": {"site": id_, "no": nr, "person": id_},
        },
        events={
            "parent": {"table": "stays", "column": ["site", "no"]},
            "patient": "person",
            "order": "at",
            "missing": ["", "?"],
            "columns": {"site": id_, "no": nr, "person": id_, "at": {"kind": "date"}},
        },
    )

    def frame(columns: str, rows: Rows) -> pd.DataFrame:
        plain = pd.DataFrame(list(rows), columns=columns.split()).apply(lambda cells: cells.str.strip())
        return plain.mask(plain.isin(["", "?"]))

    p, s, e = (
        frame("person", [(n,) for n in people]),
        frame("site no person", stays),
        frame("site no person at", events),
    )
    p["patient"], s["stay"] = np.arange(len(p)), np.arange(len(s))
    s = s.merge(p.dropna(), how="left", on="person")
    assert found.tables["stays"].patient.tolist() == s["patient"].fillna(-1).astype(int).tolist()

    keyed = s.dropna(subset=["site", "no"])[["site", "no", "stay", "patient"]]
    e = e.merge(keyed, how="left", on=["site", "no"]).merge(p.dropna(), how="left", on="person", suffixes=("", "_own"))
    stay = e["stay"].fillna(-2).where(e["site"].notna() & e["no"].notna(), -1).astype(int)
    labs = found.tables["events"]
    assert labs.parent is not None
    assert labs.parent.rows is not None
    assert labs.parent.rows.tolist() == stay.tolist()
    assert labs.patient.tolist() == e["patient"].fillna(e["patient_own"]).fillna(-1).astype(int).tolist()
    assert labs.contrary == int(
        (e["patient"].notna() & e["patient_own"].notna() & (e["patient"] != e["patient_own"])).sum()
    )
    assert labs.siblings is not None
    owned = e.assign(stay=stay, row=np.arange(len(e)))[stay >= 0]
    in_time = owned.sort_values(["stay", "at", "row"], na_position="last")
    assert labs.siblings.order.tolist() == in_time["row"].tolist()
    assert labs.siblings.numbers.tolist() == owned["stay"].value_counts().reindex(range(len(s)), fill_value=0).tolist()
    places = in_time.groupby("stay").cumcount().set_axis(in_time["row"]).reindex(range(len(e)), fill_value=-1)
    assert labs.siblings.positions.tolist() == places.tolist()
    before = in_time.groupby("stay")["row"].shift(1).fillna(-1).astype(int).set_axis(in_time["row"])
    assert labs.siblings.previous.tolist() == before.reindex(range(len(e)), fill_value=-1).tolist()


def test_patients_whose_key_is_a_missing_token_are_each_their_own() -> None:
    found = kinship(
        Dataset({"patients": table("patients", "nr", [("p1",), ("?",), (" ? ",), ("",)])}),
        patients={"key": "nr", "patient": "nr", "missing": ["", "?"], "columns": {"nr": {"kind": "id"}}},
    )
    assert found.ids.to_pylist() == ["p1", "", "", ""]
    hashes, _ = found.sides(Split(b"k" * 32, 0.3, None, b"m" * 32))["patients"]
    assert len(np.unique(hashes)) == 4
