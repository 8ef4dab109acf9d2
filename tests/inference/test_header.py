"""What the words of a header say."""

from __future__ import annotations

import pytest

from synthgen.inference.header import read_header


@pytest.mark.parametrize(
    "name",
    ["encounter_id", "patientNbr", "CLAIMID", "Record Number", "MRN", "Fall-Nr", "Fallnummer", "KVNR", "N°_séjour"],
)
def test_named_like_an_identifier(name: str) -> None:
    assert read_header(name).is_id


@pytest.mark.parametrize("name", ["number_outpatient", "num_procedures", "paid", "steroid", "covid", "age"])
def test_not_named_like_an_identifier(name: str) -> None:
    assert not read_header(name).is_id


@pytest.mark.parametrize(
    "name",
    """patient_nbr PATIENT PATIENTID person_id pasient_nr RecordID Pat-ID Patientennummer IPP NHC LopNr löpnr
    mor_lopenr id_paziente USUBJID mother_id""".split(),
)
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
        ("Vorname", "first_name"),
        ("Prénom", "first_name"),
        ("Förnamn", "first_name"),
        ("Voornaam", "first_name"),
        ("NACHNAME", "last_name"),
        ("Geburtsname", "last_name"),
        ("Apellidos", "last_name"),
        ("Name, Vorname", "name"),
        ("Patientenname", "name"),
        ("Straße", "street_address"),
        ("STRASSE", "street_address"),
        ("Hausnr.", "building_number"),
        ("Wohnort", "city"),
        ("Handy", "phone_number"),
        ("Téléphone", "phone_number"),
        ("E-Mail-Adresse", "email"),
        ("Größe", None),
        ("Station", None),
    ],
)
def test_personal_particulars(name: str, provider: str | None) -> None:
    assert read_header(name).provider == provider


@pytest.mark.parametrize(
    "name", ["KVNR", "Versichertennr", "Krankenversichertennummer", "Sozialversicherungs-Nr.", "cpr_nr", "SSN"]
)
def test_numbers_of_persons(name: str) -> None:
    assert read_header(name).is_persons_number


@pytest.mark.parametrize("name", ["cpr", "Versicherung", "Versichertenstatus"])
def test_no_numbers_of_persons(name: str) -> None:
    assert not read_header(name).is_persons_number


@pytest.mark.parametrize("name", ["Nachname", "patient_name", "first_name", "Telefon", "KVNR"])
def test_is_personal(name: str) -> None:
    assert read_header(name).is_personal


@pytest.mark.parametrize("name", ["name", "first", "city", "drug_name", "Geschlecht"])
def test_may_be_of_a_thing(name: str) -> None:
    assert not read_header(name).is_personal


def test_other_languages_and_spellings_of_sex_notes_and_postal_codes() -> None:
    assert all(read_header(name).is_sex for name in ("Geschlecht", "Kön", "kjønn", "køn", "sexe"))
    assert all(read_header(name).is_note for name in ("Bemerkung", "Arztbrief", "Bemærkninger", "OPMERKING"))
    assert all(read_header(name).is_postal for name in ("PLZ", "Postleitzahl", "code postal"))


def test_an_exact_outcome_ranks_before_one_with_more_words() -> None:
    exact, longer = read_header("readmitted").target_rank, read_header("readmitted_30d").target_rank
    assert exact is not None
    assert longer is not None
    assert exact < longer
