"""Layouts that are known beforehand are believed before names and values, whatever subset of them is there."""

from __future__ import annotations

import pytest

from synthgen import plugins
from synthgen.errors import InputError
from synthgen.inference import infer_tables, load_preset
from synthgen.schema.column import Code, Date, Fake, Id, Integer, Text
from synthgen.schema.config import Schema
from synthgen.schema.table import Parent
from synthgen.tables.dataset import Dataset
from tests.inference.build import Cells, told_of

N = 30
PERSON = {"PERSON_ID": [str(n) for n in range(N)], "person_source_value": ["x"] * N, "gender_concept_id": ["8507"] * N}
VISIT = {
    "visit_occurrence_id": [str(n + 500) for n in range(2 * N)],
    "person_id": [str(n // 2) for n in range(2 * N)],
    "visit_start_date": [f"2024-{n % 12 + 1:02d}-01" for n in range(2 * N)],
}
CONDITION = {
    "condition_occurrence_id": [str(n) for n in range(4 * N)],
    "person_id": [str(n // 4) for n in range(4 * N)],
    "visit_occurrence_id": [str(n // 2 + 500) for n in range(4 * N)],
    "condition_concept_id": [str(n % 6 + 1) for n in range(4 * N)],
    "condition_start_date": [f"2024-{n % 12 + 1:02d}-01" for n in range(4 * N)],
    "condition_source_value": [str(n % 35 + 4000) for n in range(4 * N)],
}
CONCEPT = {"concept_id": [str(n + 1) for n in range(6)], "concept_name": [f"thing {n}" for n in range(6)]}


def guessed(preset: str, **tables: dict[str, list[str]]) -> Schema:
    dataset = Dataset({name: Cells(cells, name) for name, cells in tables.items()})
    return infer_tables(dataset, preset=load_preset(preset)).schema


@pytest.mark.parametrize("name", ["omop", "synthea"])
def test_a_layout_holds_together(name: str) -> None:
    assert name in plugins.presets()
    preset = load_preset(name)
    named = {target for each in preset.tables.values() for target in each.foreign_keys.values()}
    named |= {parent.table for each in preset.tables.values() for parent in each.parents}
    named |= {each.foreign_key for each in preset.everywhere.values() if each.foreign_key}
    assert named <= set(preset.tables)
    assert all(preset.tables[target].key for target in named)


def test_names_differ_in_case_and_the_closest_parent_is_taken() -> None:
    tables = guessed(
        "omop", Person=PERSON, VISIT_OCCURRENCE=VISIT, condition_occurrence=CONDITION, CONCEPT=CONCEPT
    ).tables
    assert (tables["Person"].key, tables["Person"].patient) == ("PERSON_ID", "PERSON_ID")
    condition = tables["condition_occurrence"]
    assert condition.parent == Parent(table="VISIT_OCCURRENCE", column="visit_occurrence_id")
    assert (condition.patient, condition.order) == ("person_id", "condition_start_date")
    assert condition.foreign_keys == {"condition_concept_id": "CONCEPT"}
    assert tables["CONCEPT"].reference
    assert tables["Person"].columns["person_source_value"] == Id()  # whatever it holds
    assert condition.columns["condition_start_date"] == Date()  # as the data show


def test_any_subset_will_do() -> None:
    condition = guessed("omop", person=PERSON, condition_occurrence=CONDITION).tables["condition_occurrence"]
    assert condition.parent == Parent(table="person", column="person_id")
    assert condition.columns["visit_occurrence_id"] == Id()
    assert condition.columns["condition_source_value"] == Code()  # and not the number that it looks like
    alone = guessed("omop", condition_occurrence=CONDITION).tables["condition_occurrence"]
    assert (alone.key, alone.patient, alone.parent, alone.order) == ("condition_occurrence_id", "person_id", None, None)


def test_a_table_of_the_users_own_is_guessed() -> None:
    tables = guessed("omop", person=PERSON, ward_stay={"person_id": VISIT["person_id"], "days": ["1", "2"] * N}).tables
    assert tables["ward_stay"].parent == Parent(table="person", column="person_id")
    assert tables["ward_stay"].columns["days"] == Integer(min=0)


def test_what_the_data_do_not_bear_out_is_told() -> None:
    twice = PERSON | {"PERSON_ID": ["7"] * N}
    inference = infer_tables(
        Dataset({"person": Cells(twice, "person"), "x": Cells(VISIT, "x")}), preset=load_preset("omop")
    )
    assert "`PERSON_ID` should be the key, and some rows share it" in told_of(inference, "person", None)
    assert inference.schema.tables["person"].key is None


def test_names_and_notes_are_made_up_or_left_empty_in_synthea() -> None:
    people = {
        "ID": [f"{n:08x}-0000-4000-8000-000000000000" for n in range(N)],
        "FIRST": ["Ada"] * N,
        "GENDER": ["F", "M"] * (N // 2),
        "LAT": ["1.5"] * N,
    }
    inference = infer_tables(Dataset({"patients": Cells(people, "patients")}), preset=load_preset("synthea"))
    columns = inference.schema.tables["patients"].columns
    assert columns["FIRST"] == Fake(provider="first_name", sex="GENDER")
    assert columns["LAT"] == Text()
    assert told_of(inference, "patients", "LAT") == "of this kind by the preset"


def test_a_layout_that_is_not_there_is_refused() -> None:
    with pytest.raises(InputError, match=r"none of the tables \(ward\) is of this preset"):
        guessed("omop", ward={"a": ["1", "2"]})
    with pytest.raises(InputError, match="presets are omop, synthea"):
        load_preset("mimic")
