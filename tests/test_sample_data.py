"""The sample data are what their script makes, and hold the dependencies that it says it plants."""

from __future__ import annotations

import csv
import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime
from pathlib import Path
from statistics import fmean, median

import pytest

from sample_data import make
from synthgen.schema.load import load

FOLDER = Path(__file__).parent.parent / "sample_data"
FILES = ["encounters.csv", *(f"related/{name}.csv" for name in ("patients", "encounters", "diagnoses", "labs"))]
Row = dict[str, str]


def read(name: str) -> list[Row]:
    with (FOLDER / name).open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=";"))


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return read("encounters.csv")


@pytest.fixture(scope="module")
def patients(rows: list[Row]) -> list[Row]:
    """The first row of each patient."""
    return list({row["patient_id"]: row for row in reversed(rows)}.values())


def day(text: str) -> date:
    return datetime.strptime(text, "%d.%m.%Y").date()


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%d.%m.%Y %H:%M")


def number(text: str) -> float:
    return float(text.replace(",", "."))


def assert_share(hits: Iterable[bool], planted: float) -> None:
    """A share that was drawn with a probability lies within four standard errors of it."""
    found = list(hits)
    assert len(found) >= 50
    assert abs(fmean(found) - planted) <= 4 * math.sqrt(planted * (1 - planted) / len(found))


def slope(x: Sequence[float], y: Sequence[float]) -> float:
    """The least-squares slope of y on x."""
    mean = fmean(x)
    return sum((a - mean) * b for a, b in zip(x, y, strict=True)) / sum((a - mean) ** 2 for a in x)


def test_the_script_makes_these_very_files(tmp_path: Path) -> None:
    make.make(tmp_path)
    for name in FILES:
        assert (tmp_path / name).read_bytes() == (FOLDER / name).read_bytes(), name


def test_size_and_dialect(rows: list[Row], patients: list[Row]) -> None:
    assert len(patients) == make.PATIENTS
    assert 5_000 < len(rows) < 6_000
    content = (FOLDER / "encounters.csv").read_bytes()
    assert len(content) < 1_000_000
    assert b"\r" not in content
    assert not content.startswith(b"\xef\xbb\xbf")
    assert len({row["encounter_id"] for row in rows}) == len(rows)
    assert all(len(row["encounter_id"]) == 7 and row["encounter_id"].startswith("00") for row in rows)


def test_the_config_declares_the_columns_of_the_file(rows: list[Row]) -> None:
    schema = load(FOLDER.parent / "configs" / "sample.yaml")
    assert list(schema.tables["encounters"].columns) == list(rows[0])
    assert schema.format.delimiter == ";"
    assert schema.format.decimal == ","


@pytest.mark.parametrize(
    "column", ["name", "sex", "birth_date", "municipality_code", "municipality", "diabetes", "smoker"]
)
def test_constant_within_a_patient(rows: list[Row], column: str) -> None:
    assert len({(row["patient_id"], row[column]) for row in rows}) == make.PATIENTS


def test_given_names_agree_with_sex(patients: list[Row]) -> None:
    assert set(make.GIVEN_NAMES["F"].split()).isdisjoint(make.GIVEN_NAMES["M"].split())
    assert all(row["name"].split()[0] in make.GIVEN_NAMES[row["sex"]].split() for row in patients)


def test_the_code_of_a_municipality_fixes_its_name(rows: list[Row]) -> None:
    assert len(set(make.MUNICIPALITIES.values())) == len(make.MUNICIPALITIES) > 30
    assert all(make.MUNICIPALITIES[row["municipality_code"]] == row["municipality"] for row in rows)


def test_age_follows_from_the_dates(rows: list[Row]) -> None:
    for row in rows:
        born, admitted = day(row["birth_date"]), moment(row["admitted_at"]).date()
        birthdays = admitted.year - born.year
        if (admitted.month, admitted.day) < (born.month, born.day):
            birthdays -= 1
        assert int(row["age"]) == birthdays >= 0


@pytest.mark.parametrize("diabetes", ["yes", "no"])
def test_a_third_of_the_patients_come_several_times(rows: list[Row], diabetes: str) -> None:
    times: dict[str, int] = defaultdict(int)
    for row in rows:
        times[row["patient_id"]] += row["diabetes"] == diabetes
    assert_share([n > 1 for n in times.values() if n], make.SEVERAL_ENCOUNTERS[diabetes])


def test_weekends_are_quiet(rows: list[Row]) -> None:
    weekdays = [moment(row["admitted_at"]).weekday() for row in rows]
    for weekday, weight in enumerate(make.WEEKDAY_WEIGHTS):
        assert_share([found == weekday for found in weekdays], weight / sum(make.WEEKDAY_WEIGHTS))


def test_diabetes_depends_on_age(patients: list[Row]) -> None:
    by_age: dict[str, list[bool]] = defaultdict(list)
    for row in patients:
        age = (make.FIRST_DAY - day(row["birth_date"])).days / 365.25
        by_age["under 40" if age < 40 else "40 to 64" if age < 65 else "65 and over"].append(row["diabetes"] == "yes")
    for band, share in make.DIABETES_SHARE.items():
        assert_share(by_age[band], share)


@pytest.mark.parametrize("diabetes", ["yes", "no"])
def test_hba1c_is_missing_because_of_diabetes(rows: list[Row], diabetes: str) -> None:
    cells = [row["hba1c"] for row in rows if row["diabetes"] == diabetes]
    assert_share([cell != "" for cell in cells], make.HBA1C_MEASURED[diabetes])
    values = [number(cell) for cell in cells if cell]
    assert fmean(values) == pytest.approx(make.HBA1C_MEAN[diabetes], abs=0.15)
    assert all(len(cell.partition(",")[2]) == 1 for cell in cells if cell)


def test_diagnoses_respect_sex_and_diabetes(rows: list[Row]) -> None:
    for sex, codes in (("F", make.WOMEN_ONLY), ("M", make.MEN_ONLY)):
        assert {row["sex"] for row in rows if row["diagnosis"].startswith(codes)} == {sex}
    assert {row["diabetes"] for row in rows if row["diagnosis"].startswith(("E10", "E11"))} == {"yes"}


def test_diagnoses_have_a_long_tail_and_depend_on_age(rows: list[Row]) -> None:
    counts: dict[str, int] = defaultdict(int)
    for row in rows:
        counts[row["diagnosis"]] += 1
    assert 150 <= len(counts) <= 250
    assert min(counts.values()) < 5
    assert max(counts.values()) > 100
    circulatory = [(int(row["age"]) >= 70, row["diagnosis"].startswith("I")) for row in rows]
    assert fmean(is_i for old, is_i in circulatory if old) > 2 * fmean(is_i for old, is_i in circulatory if not old)


def test_the_department_follows_from_the_diagnosis(rows: list[Row]) -> None:
    own = {chapter: name for name, chapters in make.DEPARTMENTS.items() for chapter in chapters}
    assert {row["department"] for row in rows} == {*own.values(), "Emergency"}
    assert all(row["department"] in (own[row["diagnosis"][0]], "Emergency") for row in rows)
    assert_share([row["department"] != "Emergency" for row in rows], make.OWN_DEPARTMENT)


def test_drugs_treat_the_diagnosis(rows: list[Row]) -> None:
    assert_share([row["atc_code"] == "" for row in rows], make.ATC_MISSING)
    assert all(row["atc_code"] in ("", *make.DRUGS[row["diagnosis"][0]].split()) for row in rows)


def test_several_secondary_diagnoses_in_a_cell(rows: list[Row]) -> None:
    cells = [row["secondary_diagnoses"].split(", ") for row in rows]
    assert sum(len(cell) > 1 for cell in cells) > 500
    assert all(len(set(cell)) == len(cell) for cell in cells)


def test_creatinine_depends_on_sex_and_age(rows: list[Row]) -> None:
    assert_share([row["creatinine"] != "" for row in rows], make.CREATININE_MEASURED)
    adults = [row for row in rows if row["creatinine"] and int(row["age"]) >= 18]
    for sex, at_50 in make.CREATININE_AT_50.items():
        ages = [float(row["age"]) for row in adults if row["sex"] == sex]
        values = [float(row["creatinine"]) for row in adults if row["sex"] == sex]
        assert slope(ages, values) == pytest.approx(make.CREATININE_PER_YEAR, abs=0.06)
        assert fmean(values) + make.CREATININE_PER_YEAR * (50 - fmean(ages)) == pytest.approx(at_50, abs=1.5)
    # what is not rounded still ends in a zero once in ten
    heaped = make.CREATININE_HEAPED
    assert_share([row["creatinine"].endswith("0") for row in adults], heaped + (1 - heaped) / 10)


def test_crp_is_censored_and_rises_with_infection(rows: list[Row]) -> None:
    assert_share([row["crp"] != "" for row in rows], make.CRP_MEASURED)
    assert min(int(row["crp"]) for row in rows if row["crp"].isdigit()) == make.CRP_LOWEST
    assert {row["crp"] for row in rows if row["crp"] and not row["crp"].isdigit()} == {f"<{make.CRP_LOWEST}"}

    def middle(infection: bool) -> float:
        chosen = [row for row in rows if row["crp"] and (row["diagnosis"][0] in make.INFECTIONS) == infection]
        return median(float(row["crp"].removeprefix("<")) for row in chosen)

    assert middle(False) == pytest.approx(make.CRP_MEDIAN, rel=0.1)
    assert middle(True) == pytest.approx(make.CRP_MEDIAN * make.CRP_INFECTION, rel=0.1)


def test_blood_pressure_is_heaped_and_rises_with_age(rows: list[Row]) -> None:
    measured = [row for row in rows if row["systolic_bp"]]
    assert_share([row["systolic_bp"] != "" for row in rows], make.BP_MEASURED)
    # of the even values that are not rounded to a ten, one in five ends in a zero
    assert_share([row["systolic_bp"].endswith("0") for row in measured], make.BP_HEAPED + (1 - make.BP_HEAPED) / 5)
    ages, values = ([float(row[column]) for row in measured] for column in ("age", "systolic_bp"))
    assert slope(ages, values) == pytest.approx(make.BP_PER_YEAR, abs=0.05)


def test_smoker_is_missing_in_two_ways(patients: list[Row]) -> None:
    assert_share([row["smoker"] == "" for row in patients], make.SMOKER_EMPTY)
    assert_share([row["smoker"] == "unknown" for row in patients], make.SMOKER_UNKNOWN)


@pytest.mark.parametrize("severity", ["mild", "moderate", "severe"])
def test_severity_drives_intensive_care_and_length_of_stay(rows: list[Row], severity: str) -> None:
    chosen = [row for row in rows if row["severity"] == severity]
    assert_share([row["icu"] == "1" for row in chosen], make.ICU_SHARE[severity])
    assert fmean(int(row["los_days"]) for row in chosen) == pytest.approx(make.LOS_MEAN[severity], rel=0.1)


def test_severity_rises_with_age(rows: list[Row]) -> None:
    assert tuple(make.SEVERITIES) == ("mild", "moderate", "severe")
    steps = [float(make.SEVERITIES.index(row["severity"])) for row in rows]
    assert 0.005 < slope([float(row["age"]) for row in rows], steps) < 0.02


@pytest.mark.parametrize("diabetes", ["yes", "no"])
@pytest.mark.parametrize("severity", ["mild", "moderate", "severe"])
@pytest.mark.parametrize("old", [False, True], ids=["under 70", "70 and over"])
def test_readmission_is_logistic(rows: list[Row], severity: str, diabetes: str, old: bool) -> None:
    chosen = [
        (int(row["age"]), row["readmitted_30d"] == "yes")
        for row in rows
        if (row["severity"], row["diabetes"], int(row["age"]) >= 70) == (severity, diabetes, old)
    ]
    planted = make.READMISSION
    constant = planted["constant"] + planted["severity"] * make.SEVERITIES.index(severity)
    constant += planted["diabetes"] * (diabetes == "yes")
    expected = [1 / (1 + math.exp(-constant - planted["age"] * (age - 60))) for age, _ in chosen]
    error = math.sqrt(sum(p * (1 - p) for p in expected))
    assert abs(sum(readmitted for _, readmitted in chosen) - sum(expected)) <= 4 * error


def test_related_keys_resolve() -> None:
    patients, encounters, diagnoses, labs = map(read, FILES[1:])
    people = {row["patient_id"] for row in patients}
    stays = {row["encounter_id"] for row in encounters}
    assert len(people) == len(patients) == make.RELATED_PATIENTS
    assert len(stays) == len(encounters)
    assert {row["patient_id"] for row in encounters} == people
    assert {row["encounter_id"] for row in diagnoses} == stays
    assert {row["encounter_id"] for row in labs} <= stays
    assert len({(row["encounter_id"], row["position"]) for row in diagnoses}) == len(diagnoses)
    assert all(moment(row["discharged_at"]) > moment(row["admitted_at"]) for row in encounters)


def test_related_tables_tell_the_same_stays(rows: list[Row]) -> None:
    flat = {row["encounter_id"]: row for row in rows}
    codes: dict[str, list[str]] = defaultdict(list)
    for row in read("related/diagnoses.csv"):
        codes[row["encounter_id"]].append(row["code"])
    for encounter_id, found in codes.items():
        secondary = flat[encounter_id]["secondary_diagnoses"]
        assert found == [flat[encounter_id]["diagnosis"], *(secondary.split(", ") if secondary else ())]


def test_the_value_of_hba1c_depends_on_its_unit() -> None:
    results = [row for row in read("related/labs.csv") if row["code"] == "HBA1C"]
    assert_share([row["unit"] == "mmol/mol" for row in results], make.HBA1C_MMOL)
    assert max(number(row["value"]) for row in results if row["unit"] == "%") < 15
    assert min(number(row["value"]) for row in results if row["unit"] == "mmol/mol") > 15
