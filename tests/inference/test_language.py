"""The locale of made-up names, told from how columns are called."""

from __future__ import annotations

import pytest

from synthgen.encoding.fake import FakeColumn
from synthgen.inference.header import read_header
from synthgen.inference.language import find_locale
from synthgen.schema.column import Fake
from tests.inference.build import inferred


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("PatientID first_name last_name Gender admission_date", "en_US"),
        ("Fall-Nr. Nachname Vorname Straße Größe", "de_DE"),
        ("NACHNAME, STRASSE, GROESSE", "de_DE"),
        ("IPP Nom Prénom Date_de_naissance Taille", "fr_FR"),
        ("Voornaam Achternaam Geslacht Leeftijd", "nl_NL"),
        ("Nombre Apellidos Sexo Fecha_de_ingreso", "es_ES"),
        ("Fornavn Etternavn Kjønn Fødselsdato", "nb_NO"),
        ("Förnamn Efternamn Kön Ålder", "sv_SE"),
        ("Fornavn Efternavn Køn Fødselsdato Vægt", "da_DK"),
        ("id value code", "en_US"),
        ("first_name last_name gender Kommentar", "en_US"),
    ],
)
def test_the_language_of_most_columns_decides(names: str, expected: str) -> None:
    locale = find_locale(read_header(name) for name in names.split())
    assert locale == expected
    FakeColumn("street_address", locale)  # a locale that Faker knows


def test_made_up_columns_get_the_locale_of_their_table() -> None:
    cells = {"Vorname": ["Anna", "Jens", "Ida"] * 5, "Nachname": ["Alt", "Neu", "Au"] * 5, "Geschlecht": ["w"] * 15}
    column = inferred(cells).schema.tables["visits"].columns["Vorname"]
    assert column == Fake(provider="first_name", locale="de_DE")


def test_postal_codes_that_hardly_anyone_shares_are_made_up() -> None:
    codes = [f"{number:05d}" for number in range(1067, 1127)]
    column = inferred({"PLZ": codes, "Wohnort": ["Ulm"] * 60}).schema.tables["visits"].columns["PLZ"]
    assert column == Fake(provider="postcode", locale="de_DE")
    assert inferred({"PLZ": codes[:5] * 12}).schema.tables["visits"].columns["PLZ"].kind == "category"
