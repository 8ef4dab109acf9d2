"""What several tables are taken for: keys, links, the patients, lookups, order, from names and from values."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from synthgen.inference import Inference, infer_tables, render
from synthgen.inference.links import stem
from synthgen.schema.column import Category, Code, Constant, Fake, Id, Integer, Number, Text
from synthgen.schema.config import Format
from synthgen.schema.load import load
from synthgen.schema.table import Parent, TableConfig
from synthgen.tables.dataset import Dataset
from synthgen.tables.read import read
from tests.conftest import REAL_DATA, ROOT
from tests.inference.build import Cells, told_of

N = 60


def uuid(kind: int, number: int) -> str:
    return f"{kind:08x}-0000-4000-8000-{number:012x}"


def hospital() -> dict[str, dict[str, list[str]]]:
    """Patients with two stays each, and two labs a stay; wards, of which stays name one; codes of a vocabulary."""
    stays, labs = range(2 * N), range(4 * N)
    return {
        "patients": {
            "Id": [uuid(1, n) for n in range(N)],
            "SEX": ["F", "M"] * (N // 2),
            "LAST": [f"Name{n}" for n in range(N)],
        },
        "stays": {
            "Id": [uuid(2, n) for n in stays],
            "PATIENT": [uuid(1, n // 2) for n in stays],
            "ward_id": [str(n % 25 + 1) if n % 4 else "" for n in stays],
            "previous_stay_id": [uuid(2, n - 1) if n % 2 else "" for n in stays],
            "START": [f"2024-{n % 12 + 1:02d}-01" for n in stays],
            "referred": [uuid(3, n % 25) if n % 3 else "0" for n in stays],
        },
        "labs": {
            "patient_id": [uuid(1, n // 4) for n in labs],
            "stay": [uuid(2, n // 2) for n in labs],
            "lab_concept_id": [str(n % 40 + 1) for n in labs],
            "taken_at": ["2024-01-01 10:00", "2024-01-01 11:00"] * (2 * N),
            "value": [str(n % 7 + 1) for n in labs],
        },
        "wards": {"ward_id": [str(n) for n in range(1, 26)], "beds": [str(n % 9 + 1) for n in range(25)]},
        "clinics": {"uid": [uuid(3, n) for n in range(25)], "beds": [str(n % 9 + 1) for n in range(25)]},
        "concept": {"concept_id": [str(n) for n in range(1, 101)], "concept_name": [f"Lab {n}" for n in range(100)]},
    }


def guessed(tables: dict[str, dict[str, list[str]]]) -> Inference:
    return infer_tables(Dataset({name: Cells(cells, name) for name, cells in tables.items()}))


def test_a_hospital() -> None:
    guess = guessed(hospital())
    tables = guess.schema.tables
    assert {name: table.key for name, table in tables.items()} == {
        "patients": "Id",
        "stays": "Id",
        "labs": None,
        "wards": "ward_id",
        "clinics": "uid",
        "concept": "concept_id",
    }
    assert tables["patients"].patient == "Id"
    stays, labs = tables["stays"], tables["labs"]
    assert (stays.patient, stays.parent, stays.order) == (
        "PATIENT",
        Parent(table="patients", column="PATIENT"),
        "START",
    )
    assert stays.foreign_keys == {"ward_id": "wards", "previous_stay_id": "stays", "referred": "clinics"}
    assert stays.columns["referred"] == Id(missing=("0", ""))  # "0" is no clinic, and is what is written
    assert (labs.patient, labs.parent, labs.order) == ("patient_id", Parent(table="stays", column="stay"), "taken_at")
    assert labs.foreign_keys == {"lab_concept_id": "concept"}
    assert isinstance(labs.columns["lab_concept_id"], Code)
    assert [name for name, table in tables.items() if table.reference] == ["concept"]
    assert tables["patients"].columns["LAST"] == Fake(provider="last_name")


def test_what_is_sure_is_told() -> None:
    guess = guessed(hospital())
    named = "every row that has one names a row there"
    assert told_of(guess, "stays", "ward_id") == f"links to `wards` by its name: {named}; 25.0 % of the rows have none"
    assert told_of(guess, "stays", "referred").startswith("links to `clinics` by its values alone, so check it: every")
    assert "by the end of its name" in told_of(guess, "stays", "previous_stay_id")
    assert "`Id` is the key: unique in all 120 rows" in told_of(guess, "stays", None)
    assert "belongs to `stays`, the closest to it" in told_of(guess, "labs", None)
    assert "`reference: true` keeps them" in told_of(guess, "wards", None)
    assert "public vocabulary by its name" in told_of(guess, "concept", None)


def test_the_config_reads_back(tmp_path: Path) -> None:
    guess = guessed(hospital())
    with (tmp_path / "x.yaml").open("w", encoding="utf-8") as stream:
        render(guess, stream)
    assert load(tmp_path / "x.yaml") == guess.schema
    assert all(f"# {note.text}" in (tmp_path / "x.yaml").read_text(encoding="utf-8") for note in guess.notes)


def test_a_few_links_that_name_no_row_are_told_and_many_are_none() -> None:
    tables = hospital()
    tables["stays"]["ward_id"][1] = "99"  # of 90 stays with a ward
    guess = guessed(tables)
    assert "98.8 % of those that have one name a row there" in told_of(guess, "stays", "ward_id")
    tables["stays"]["ward_id"] = [str(n) for n in range(2 * N)]
    assert "ward_id" not in guessed(tables).schema.tables["stays"].foreign_keys


def test_numbers_that_happen_to_be_keys_are_no_link() -> None:
    assert guessed(hospital()).schema.tables["labs"].columns["value"] == Integer(min=0)  # 1 to 7, as wards are


def test_a_key_of_two_columns_and_links_to_it() -> None:
    rows = range(4 * N)
    tables = {
        "people": {"person": [f"p{n}" for n in range(N)], "sex": ["F", "M"] * (N // 2)},
        "stays": {
            "site": [f"s{n % 3}" for n in range(3 * N)],
            "stay_no": [str(n // 3 + 1) for n in range(3 * N)],
            "person": [f"p{n // 3}" for n in range(3 * N)],
        },
        "labs": {
            "SITE": [f"s{n % 3}" for n in rows],
            "STAY_NO": [str(n % N + 1) for n in rows],
            "crp": ["1", "2"] * 2 * N,
        },
        "diagnoses": {
            "site": [f"s{n % 3}" for n in range(6 * N)],
            "stay_no": [str(n // 6 + 1) for n in range(6 * N)],
            "position": [str(n % 6 // 3 + 1) for n in range(6 * N)],
        },
    }
    found = guessed(tables).schema.tables
    assert found["people"].key == found["people"].patient == "person"
    assert found["stays"].key == ("site", "stay_no")
    assert found["labs"].parent == Parent(table="stays", column=("SITE", "STAY_NO"))
    assert found["diagnoses"].parent == Parent(table="stays", column=("site", "stay_no"))
    assert found["diagnoses"].key == ("site", "stay_no", "position")
    kinds = {
        (name, part.lower()): found[name].columns[part].kind
        for name in ("stays", "labs")
        for part in found[name].columns
    }
    assert kinds["stays", "site"] == kinds["labs", "site"]
    assert kinds["stays", "stay_no"] == kinds["labs", "stay_no"]


def test_a_table_with_one_row_for_each_patient_belongs_to_the_patients() -> None:
    ids = [str(1000 + 7 * n) for n in range(N)]
    found = guessed(
        {
            "outcomes": {"RecordID": ids, "died": ["1", "0"] * (N // 2)},
            "events": {"RecordID": [id_ for id_ in ids for _ in range(2)], "hr": ["80", "90"] * N},
            "patients": {"RecordID": ids, "age": ["50", "60"] * (N // 2)},
        }
    ).schema.tables
    parent = Parent(table="patients", column="RecordID")
    assert (found["patients"].patient, found["patients"].parent) == ("RecordID", None)
    assert (found["outcomes"].key, found["outcomes"].patient, found["outcomes"].parent) == (
        "RecordID",
        "RecordID",
        parent,
    )
    assert found["events"].parent == parent


def test_without_a_table_of_patients_columns_name_them() -> None:
    tables = {name: hospital()[name] for name in ("stays", "labs")}
    found = guessed(tables).schema.tables
    assert (found["stays"].patient, found["stays"].parent, found["stays"].order) == ("PATIENT", None, "START")
    assert (found["labs"].patient, found["labs"].parent) == ("patient_id", Parent(table="stays", column="stay"))


def test_a_text_of_one_patient_is_not_named_though_many_of_his_stays_labs_have_it() -> None:
    tables = hospital()
    del tables["labs"]["patient_id"]  # the patient is found through the stay
    tables["labs"]["flag"] = ["Nei" if n < 4 else "Ja" for n in range(4 * N)]
    assert guessed(tables).schema.tables["labs"].columns["flag"] == Category()
    tables["labs"]["flag"] = ["Nei" if n < 4 * 5 else "Ja" for n in range(4 * N)]
    assert guessed(tables).schema.tables["labs"].columns["flag"].kind == "boolean"


def test_a_column_of_the_same_name_that_rows_of_another_table_share_is_a_key() -> None:
    numbers = [str(10_000_000_019 + 7_919 * n) for n in range(N)]
    wards = {"beds": [str(n % 9) for n in range(N)], "kode": numbers}
    stays = {"kode": [numbers[n // 2] for n in range(2 * N)], "los": [str(n % 7) for n in range(2 * N)]}
    found = guessed({"stays": stays, "wards": wards}).schema.tables
    assert (found["wards"].key, found["stays"].foreign_keys) == ("kode", {"kode": "wards"})
    mothers = guessed({"fodsler": {"mor_lopenr": stays["kode"]}, "modre": {"mor_lopenr": numbers}}).schema.tables
    assert (mothers["modre"].patient, mothers["fodsler"].parent) == (
        "mor_lopenr",
        Parent(table="modre", column="mor_lopenr"),
    )


def test_a_small_table_of_one_patient_is_his() -> None:
    tables = hospital()
    tables["devices"] = {"PATIENT": [uuid(1, 3)] * 2, "STAY": [uuid(2, 6)] * 2, "maker": ["a", "b"]}
    devices = guessed(tables).schema.tables["devices"]
    assert (devices.key, devices.patient, devices.parent) == (None, "PATIENT", Parent(table="stays", column="STAY"))
    assert devices.columns["PATIENT"] == devices.columns["STAY"] == Id()


def test_tables_that_nothing_links_are_told() -> None:
    guess = guessed({"one": {"a": ["1", "2"] * 5}, "two": {"b": ["x", "y"] * 5}})
    assert all(table.patient is None for table in guess.schema.tables.values())
    assert "no table is named like persons; state `patient`" in told_of(guess, "one", None)


def test_a_table_in_another_dialect_has_its_own() -> None:
    comma, point = Format(delimiter=";", decimal=","), Format(delimiter=",")
    tables = {
        "a": Cells({"patient_id": ["1", "2"] * 5, "x": ["1,5", "2,5"] * 5}, "a", format=comma),
        "b": Cells({"patient_id": ["1", "2"] * 5, "x": ["3,5", "2,5"] * 5}, "b", format=comma),
        "plain": Cells({"patient_id": ["1", "2"] * 5}, "plain", format=comma.model_copy(update={"decimal": "."})),
        "other": Cells({"patient_id": ["1", "2"] * 5, "x": ["1.5", "2.5"] * 5}, "other", format=point),
    }
    schema = infer_tables(Dataset(dict(tables))).schema
    assert schema.format == comma
    assert {name: table.format for name, table in schema.tables.items()} == {
        "a": None,
        "b": None,
        "plain": None,  # without decimals no mark is evidence
        "other": point,
    }


def test_what_a_file_does_not_show_of_its_dialect_is_that_of_the_others() -> None:
    """Of three files with a decimal comma one has accents, and one marks between thousands."""
    plain = Format(delimiter=";", decimal=",")
    accents, grouped = (plain.model_copy(update=each) for each in ({"encoding": "cp1252"}, {"thousands": "."}))
    tables = {
        "stays": Cells({"patient_id": ["1", "2"] * 5, "cost": ["3.116,14", "250,00"] * 5}, "stays", format=grouped),
        "labs": Cells({"patient_id": ["1", "2"] * 5, "x": ["1,5", "2,5"] * 5, "y": ["µ"] * 10}, "labs", format=accents),
        "drugs": Cells({"patient_id": ["1", "2"] * 5, "x": ["1,5", "2,5"] * 5}, "drugs", format=plain),
        "counts": Cells({"patient_id": ["1", "2"] * 5, "x": ["4.116", "12.250"] * 5}, "counts", format=grouped),
    }
    schema = infer_tables(Dataset(dict(tables))).schema
    both = grouped.model_copy(update={"encoding": "cp1252"})
    assert schema.format.encoding == "cp1252"
    formats = {name: table.format or schema.format for name, table in schema.tables.items()}
    assert formats == {"stays": both, "labs": accents, "drugs": accents, "counts": both}


@pytest.mark.parametrize(
    ("name", "words"),
    [("VISIT_OCCURRENCE", ("visit", "occurrence")), ("diagnoses", ("diagnosis",)), ("allergies", ("allergy",)),
     ("status", ("status",)), ("claims_transactions", ("claim", "transaction"))],
)  # fmt: skip
def test_the_words_of_a_table(name: str, words: tuple[str, ...]) -> None:
    assert stem(name) == words


# --- extracts -----------------------------------------------------------------------------------------------------


def links(table: TableConfig) -> tuple[str | None, str | None, str | None]:
    """The patient, the parent and the order of a table."""
    return table.patient, table.parent and table.parent.table, table.order


def test_the_related_sample() -> None:
    schema = infer_tables(read(ROOT / "sample_data/related")).schema
    by_hand = load(ROOT / "configs/sample_related.yaml")
    assert schema.format.delimiter == by_hand.format.delimiter
    for name, table in by_hand.tables.items():
        assert (schema.tables[name].key, schema.tables[name].patient) == (table.key, table.patient), name
        assert schema.tables[name].parent == table.parent, name
        if name != "diagnoses":  # a position is no time by its name
            assert schema.tables[name].order == table.order, name


def extract(name: str) -> Dataset:
    if not (REAL_DATA / name).exists():
        pytest.skip(f"{name} is not there; set SYNTHGEN_DATA to the folder that holds it")
    return read(REAL_DATA / name)


@pytest.mark.real_data
def test_omop() -> None:
    tables = infer_tables(extract("omop_synthea_1k")).schema.tables
    assert tables["PERSON"].patient == tables["PERSON"].key == "person_id"
    assert links(tables["VISIT_OCCURRENCE"]) == ("person_id", "PERSON", "visit_start_date")
    for name in ("CONDITION_OCCURRENCE", "DRUG_EXPOSURE", "MEASUREMENT", "OBSERVATION", "PROCEDURE_OCCURRENCE"):
        assert links(tables[name])[:2] == ("person_id", "VISIT_OCCURRENCE"), name
        assert tables[name].key == f"{name.lower()}_id"
    assert tables["VISIT_OCCURRENCE"].foreign_keys["preceding_visit_occurrence_id"] == "VISIT_OCCURRENCE"
    assert tables["CONCEPT"].reference
    assert tables["MEASUREMENT"].foreign_keys["measurement_concept_id"] == "CONCEPT"


@pytest.mark.real_data
def test_synthea() -> None:
    tables = infer_tables(extract("synthea_csv_28")).schema.tables
    depth = {"patients": None, "encounters": "patients", "claims": "encounters", "claims_transactions": "claims"}
    depth |= dict.fromkeys(("conditions", "observations", "imaging_studies", "supplies"), "encounters")
    assert {name: links(tables[name])[1] for name in depth} == depth
    assert tables["encounters"].foreign_keys == {
        "ORGANIZATION": "organizations",
        "PROVIDER": "providers",
        "PAYER": "payers",
    }
    assert tables["claims"].columns["SECONDARYPATIENTINSURANCEID"] == Id(missing=("0", ""))
    hidden = (Id, Fake, Text, Constant)
    for column in ("SSN", "DRIVERS", "PASSPORT", "FIRST", "LAST", "MAIDEN", "BIRTHPLACE", "ADDRESS", "CITY", "ZIP"):
        assert isinstance(tables["patients"].columns[column], hidden), column
    assert isinstance(tables["providers"].columns["NAME"], Fake)
    buffer = io.StringIO()
    render(infer_tables(extract("synthea_csv_28")), buffer)
    assert "999-" not in buffer.getvalue()


@pytest.mark.real_data
@pytest.mark.slow
def test_physionet() -> None:
    tables = infer_tables(extract("physionet2012")).schema.tables
    assert links(tables["events"])[:2] == links(tables["outcomes"])[:2] == ("RecordID", "patients")


def test_a_column_of_measurements_and_answers_is_numbers_and_words_by_its_code() -> None:
    """As Synthea's observations: questions, of which one is where a person lives, beside weights and heights."""
    tables = hospital()
    labs = range(4 * N)
    values = [
        (f"{50 + n % 40}.5", ["No", "Yes"][n % 8 // 4], f"{n} Elm Street", f"{150 + n % 35}.0")[n % 4] for n in labs
    ]
    asked = [("weight", "smokes", "address", "height")[n % 4] for n in labs]
    tables["labs"] |= {"lab_concept_id": [str(n % 39 + 1) for n in labs], "asked": asked, "value": values}
    guess = guessed(tables)
    column = guess.schema.tables["labs"].columns["value"]
    assert isinstance(column, Number)
    assert (column.unit_of, column.words, column.decimals) == ("asked", True, 1)
    written = io.StringIO()
    render(guess, written)
    assert "Elm" not in written.getvalue()
