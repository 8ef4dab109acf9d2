"""What the words of a header say."""

from __future__ import annotations

import pytest

from synthgen.inference.header import read_header


@pytest.mark.parametrize("name", ["encounter_id", "patientNbr", "CLAIMID", "Record Number", "MRN"])
def test_named_like_an_identifier(name: str) -> None:
    assert read_header(name).is_id


@pytest.mark.parametrize("name", ["number_outpatient", "num_procedures", "paid", "steroid", "covid", "age"])
def test_not_named_like_an_identifier(name: str) -> None:
    assert not read_header(name).is_id


@pytest.mark.parametrize("name", ["patient_nbr", "PATIENT", "PATIENTID", "person_id", "pasient_nr", "RecordID"])
def test_names_the_person(name: str) -> None:
    assert read_header(name).person_rank is not None


@pytest.mark.parametrize("name", ["patient_age", "person_source_value", "PATIENTDEPARTMENTID", "inpatient"])
def test_does_not_name_the_person(name: str) -> None:
    assert read_header(name).person_rank is None


@pytest.mark.parametrize(
    ("name", "provider"),
    [
        ("Etternavn", "last_name"),
        ("PatientName", "name"),
        ("drug_name", None),
        ("e-mail", "email"),
        ("city_code", None),
    ],
)
def test_personal_particulars(name: str, provider: str | None) -> None:
    assert read_header(name).provider == provider


def test_an_exact_outcome_ranks_before_one_with_more_words() -> None:
    exact, longer = read_header("readmitted").target_rank, read_header("readmitted_30d").target_rank
    assert exact is not None
    assert longer is not None
    assert exact < longer
