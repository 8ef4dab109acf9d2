"""What a column, and a table, is taken for."""

from __future__ import annotations

import io
from pathlib import Path

import pyarrow as pa
import pytest

from synthgen.inference import infer, render
from synthgen.schema.column import (
    Boolean,
    Category,
    Code,
    Column,
    Constant,
    Date,
    Datetime,
    Fake,
    Id,
    Integer,
    Number,
    Ordinal,
    Text,
    Time,
)
from synthgen.schema.config import Format
from synthgen.schema.load import load
from tests.inference.build import Cells, inferred, kind_of, told

DIABETES = Path(__file__).parents[3] / "shared/data/diabetes130/diabetic_data.csv.gz"
UUIDS = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(40)]


@pytest.mark.parametrize(
    ("name", "texts", "expected"),
    [
        ("died", ["Yes", "No"] * 5, Boolean(true="Yes", false="No")),
        ("died", ["1", "0", ""] * 5, Boolean(true="1", false="0")),
        ("died", ["Ja"] * 9 + ["Nei"], Category()),  # one "Nei" is too rare to be named
        ("sex", ["M", "F"] * 5, Category()),
        ("site", ["A"] * 9, Constant()),
        ("age", ["80+", "[0-40)", "40-80"] * 5, Ordinal(order=("[0-40)", "40-80", "80+"))),
        ("age", ["80+", "[0-40)"] * 5 + ["40-80"], Category()),
        ("stay", ["1", "2", "12"] * 5, Integer(min=0)),
        ("change", ["-3", "2", "12"] * 5, Integer()),
        ("admission_type_id", ["1", "2", "12"] * 5, Category()),
        ("smoker", ["0", "1", "9"] * 5, Category()),
        ("smoker", ["0", "1", "8", "9"] * 5, Category()),
        ("crp", ["1.5", "2.25", "<0.5", "3"] * 5, Number(decimals=2, min=0)),
        ("troponin", ["<14"] * 30 + ["14", "20", "310"], Integer(min=0)),
        ("readmitted", ["<30", ">30", "30"] * 5 + ["<30"] * 15, Category()),
        ("crp", ["1.5", "2.5", "3.5"] * 5 + ["2.123"], Number(decimals=1, min=0)),
        ("crp", ["93703.0", "2.0"] * 5, Number(decimals=1, min=0)),
        ("crp", ["1.5", "2.5", "neg"] * 5, Number(decimals=1, min=0, atoms=("neg",))),
        ("cost", ["49112.87100000001", "2546.04"] * 5, Number(decimals=10, min=0)),
        ("cost", ["9" * 16 + ".5", "2.5"] * 5, Number(min=0)),
        ("crp", [" 5", " 7", "12"] * 5, Integer(min=0)),
        ("score", ["5e-1", "2.0", "3.0"] * 5, Number(decimals=1, min=0)),
        ("score", ["2.500000e-01", "1.249999e-04", "1.000000e+00"] * 5, Number(decimals=10, min=0)),
        ("score", ["1.5e+02", "-2e1"] * 5, Number()),
        ("score", ["1.5e+12", "2.25e-07", "3"] * 5, Number(min=0)),
        ("ward", ["007", "012"] * 5, Category()),
        ("seen", ["2020-02-29", "2021-12-31"] * 5, Date(format="%Y-%m-%d")),
        ("seen", ["2021-02-29", "2021-12-31"] * 5, Category()),  # no leap year
        ("seen", ["31.12.2020", "01.02.2021"] * 5, Date(format="%d.%m.%Y")),
        ("seen", ["12/31/2020", "01/02/2021"] * 5, Date(format="%m/%d/%Y")),
        ("seen", ["20201231", "20210102"] * 5, Date(format="%Y%m%d")),
        ("born", ["02.1931", "12.1940"] * 5, Date(format="%m.%Y")),
        ("seen", ["12-02-9", "2020-12-31"] * 5, Category()),
        ("seen", ["31.12.2020"] * 9 + ["00.02.2021", "2019"], Date(format="%d.%m.%Y", also=("00.%m.%Y", "%Y"))),
        ("seen", ["2020-12-31"] * 9 + ["2021-02", "2020-00-00"], Date(also=("%Y-%m", "%Y-00-00"))),
        ("seen", ["12/31/2020"] * 9 + ["31/12/2020"] * 5, Category()),  # nobody can tell the others apart
        ("seen", ["31.12.2020 10:15", "01.02.2021 00:00"] * 5, Datetime(format="%d.%m.%Y %H:%M")),
        (
            "taken",
            ["2020-12-31T10:15:00+01:00"] * 9 + ["2020-07-31T10:15:00+02:00"] * 5 + ["31.07.2020 10:15"] * 5,
            Datetime(format="%Y-%m-%dT%H:%M:%S+01:00", also=("%d.%m.%Y %H:%M", "%Y-%m-%dT%H:%M:%S+02:00")),
        ),
        (
            "taken",
            ["2020-12-31 10:15:00+05:30", "2021-01-31 10:15:00+05:30"] * 9,
            Datetime(format="%Y-%m-%d %H:%M:%S+05:30"),
        ),
        ("seen", ["2020-12-31T10:15:00Z", "2021-02-01T00:00:00Z"] * 5, Datetime(format="%Y-%m-%dT%H:%M:%SZ")),
        ("seen", ["2020-12-31", "9999-12-31"] * 5, Date(atoms=("9999-12-31",))),
        ("seen", ["10:15", "23:59"] * 5, Time(format="%H:%M")),
        ("seen", ["10:15", "47:59"] * 5, Time(format="%H:%M")),  # hours since something
        ("seen", ["10:15", "47:79"] * 5, Category()),
        ("diag_1", ["250.83", "V27", "E812.0", "401", "8"] * 5, Code(system="icd9")),
        ("diag_1", ["E11.9", "I10", "J44.1"] * 5, Code(system="icd10")),
        ("icd", ["E11.9, I10", "I10", "J44.1"] * 5, Code(system="icd10", separator=", ")),
        ("icd", ["U07.1!", "G63.2*", "E11.74†|I48.0+", "J44.1"] * 5, Code(system="icd10", separator="|")),
        ("OPS", ["8-930", "5-470.11", "8-83b.00, 5-870.a1", "9-260"] * 5, Code(system="ops", separator=", ")),
        ("OPS", ["1-275.0", "3-225", "9-260"] * 5, Code(system="ops")),
        ("AKTIONSDIAG", ["DE119", "DI109", "DJ44"] * 5, Code(system="sks")),
        ("BIDIAG", ["DE119, DI109", "DI109", "DN039A"] * 5, Code(system="sks", separator=", ")),
        ("afdeling", ["DA12", "DB10", "DB11"] * 5, Category()),
        ("dødsårsak", ["C18.7", "I21.9", "J18.9"] * 5, Code(system="icd10")),
        ("atc", ["A10BA02", "C09AA05", "N02BE01"] * 5, Code(system="atc")),
        ("diagnosis", ["195662009", "410620009"] * 5, Code()),
        ("zip", ["90210", "10001"] * 5, Category()),
        ("Grading", ["1", "2", "3", "X"] * 5, Category()),
        ("Urobilinogen", ["1", "2", "neg", "3"] * 5, Integer(min=0, atoms=("neg",))),
        ("heart_rate", ["101", "250", "401"] * 5, Integer(min=0)),
        ("FirstName", ["Ada", "Bo", "Cy"] * 5, Fake(provider="first_name")),
        ("email", ["a@b.org", "c@d.org"] * 5, Fake(provider="email")),
        ("Vorname", ["Jürgen", "Käthe"] * 50, Fake(provider="first_name")),
        ("Nachname", ["Müller", "von der Leyen"] * 50, Fake(provider="last_name")),
        ("Telefon", ["0351 123456", "0351/654321"] * 50, Fake(provider="phone_number")),
        ("Hausnummer", ["1", "12a", "3-5"] * 5, Fake(provider="building_number")),
        ("Nachname", ["123", "124", "125"] * 50, Text()),  # not shaped like names, yet named so
        ("Versichertennr", ["A 123", "B 124", "C 125"] * 50, Id()),
        ("phone", ["Y", "N"] * 5, Boolean(true="Y", false="N")),  # whether there is one
        ("Bemerkung", ["Pat. Müller klagt", "Pat. Weiß klagt"] * 50, Text()),
        ("ssn", ["999-17-5017", "999-50-8136"] * 5, Id()),
        ("key", UUIDS, Id()),
        ("note", [f"The patient felt well on day {day} of the stay" for day in range(20)], Text()),
        ("note", ["Lives alone with home care", "Came by ambulance last night"] * 10, Text()),
        ("word", [chr(97 + number) * 3 for number in range(20)], Text()),
    ],
)
def test_a_column_alone(name: str, texts: list[str], expected: Column) -> None:
    assert kind_of(name, texts) == expected


def test_thousands_and_decimal_marks_are_those_that_most_columns_need() -> None:
    guess = inferred(
        {"cost": ["1.234,50", "12,25", "999,10"] * 5, "crp": ["1,5", "2,5", "3,5"] * 5}, format=Format(delimiter=";")
    )
    assert (guess.schema.format.decimal, guess.schema.format.thousands) == (",", ".")
    assert guess.schema.tables["visits"].columns["crp"] == Number(decimals=1, min=0)


def test_numbers_among_words_tell_of_marks() -> None:
    """One result in a hundred is so large that it has a mark between thousands, and is no word."""
    numbers = [f"{whole},{tenth}" for whole in range(20) for tenth in range(10)]
    cells = {"value": [*numbers, *["negativ", "positiv", "<0,5"] * 20, "1.234,5", "2.345", "12.000,0"]}
    guess = inferred(cells, format=Format(delimiter=";", decimal=",", thousands="."))
    assert (guess.schema.format.decimal, guess.schema.format.thousands) == (",", ".")
    assert guess.schema.tables["visits"].columns["value"] == Number(decimals=1, min=0, atoms=("negativ", "positiv"))


def test_none_among_results_is_a_value_and_a_question_mark_in_two_columns_is_missing() -> None:
    guess = inferred(
        {"glucose": ["None", "Norm", ">300"] * 5, "race": ["?", "a", "b"] * 5, "payer": ["?", "c", "d"] * 5}
    )
    assert guess.schema.tables["visits"].missing == ("", "?")
    assert '"None" counts as a value' in told(guess, "glucose")


def test_a_number_far_from_the_others_means_missing_in_its_column_alone() -> None:
    table = inferred({"height": ["170", "180", "-999"] * 5, "scale": ["-1", "0", "1"] * 5}).schema.tables["visits"]
    assert table.columns["height"] == Integer(min=0, missing=("", "-999"))
    assert table.columns["scale"] == Integer()


def test_what_means_missing_in_several_items_does_in_the_others() -> None:
    """Four refused the fourth item, and none its sum."""
    answers = [str(1 + n % 5) for n in range(100)]
    items = {
        f"item_{k}": [*answers, *["-99"] * (4 if k == 4 else 5), *["8"] * (k + 1), *["9"] * 6] for k in range(1, 5)
    }
    rows = max(map(len, items.values()))
    cells = {name: texts + ["3"] * (rows - len(texts)) for name, texts in items.items()}
    columns = (
        inferred(cells | {"births": ["0", "1", "2", "5"] * (rows // 4) + ["9"] * (rows % 4)})
        .schema.tables["visits"]
        .columns
    )
    assert columns["births"] == Integer(min=0)
    assert all(columns[name] == Integer(min=0, missing=("", "-99", "8", "9")) for name in items)


@pytest.mark.parametrize("token", ["k.A.", "k. A.", "n.b.", "o. A.", "keine Angabe", "unbekannt", "entfällt"])
def test_german_words_for_missing(token: str) -> None:
    guess = inferred({"crp": [token, "1.5", "2.5"] * 5, "stage": ["I", "b", "b"] * 5})
    assert guess.schema.tables["visits"].missing == ("", token)
    assert "counts as a value; add it" in told(inferred({"smoker": [token, "ex", "never"] * 5}), "smoker")


@pytest.mark.parametrize("token", ["n.b.", "NULL"])
def test_what_was_not_measured_is_missing_beside_text_results(token: str) -> None:
    columns = inferred({"wert": ["neg", "1.5", "2.5", token, "++", "7.5"] * 5}).schema.tables["visits"].columns
    assert columns["wert"] == Number(decimals=1, min=0, atoms=("++", "neg"), missing=("", token))


def test_without_finding_is_a_result() -> None:
    guess = inferred({"crp": ["o.B.", "1.5", "2.5"] * 5})
    assert guess.schema.tables["visits"].missing == ("",)
    assert guess.schema.tables["visits"].columns["crp"] == Number(decimals=1, min=0, atoms=("o.B.",))


def test_missing_tokens_do_not_hide_codes() -> None:
    table = inferred({"icd": ["-", "-", "I48.0|J44.1", "E11.9"] * 5, "ops": ["-", "-", "8-930", "9-260"] * 5})
    assert table.schema.tables["visits"].missing == ("", "-")
    assert table.schema.tables["visits"].columns["icd"] == Code(system="icd10", separator="|")
    assert table.schema.tables["visits"].columns["ops"] == Code(system="ops")


def test_missing_tokens_do_not_hide_numbers() -> None:
    table = inferred({"crp": ["NA", "1.5", "2.5"] * 5}).schema.tables["visits"]
    assert table.missing == ("", "NA")
    assert table.columns["crp"] == Number(decimals=1, min=0)


def test_the_key_is_unique_and_the_patient_repeats() -> None:
    cells = {
        "visit_id": [str(number) for number in range(30)],
        "patient_nbr": [str(number % 7) for number in range(30)],
    }
    table = inferred(cells).schema.tables["visits"]
    assert (table.key, table.patient) == ("visit_id", "patient_nbr")


def test_one_row_for_each_patient_needs_no_patient_column() -> None:
    guess = inferred({"patient_id": [str(number) for number in range(30)]})
    table = guess.schema.tables["visits"]
    assert (table.key, table.patient) == ("patient_id", None)
    assert "each row counts as a person" in told(guess, None)


def test_numbers_that_never_tie_where_chance_would_tie_them_were_given_to_the_rows() -> None:
    # 400 of the 1,200 numbers from 50,000 on: drawn by chance some 65 pairs of rows would share one.
    given = kind_of("séjour", [str(50_000 + 3 * row) for row in range(400)])
    measured = kind_of("platelets", [str(50_000 + 997 * row % 400_000) for row in range(400)])
    assert (given, measured) == (Id(), Integer(min=0))


def test_what_is_shaped_like_an_identifier_is_made_up_and_not_left_empty() -> None:
    repeats = [f"K{row // 2:05}" for row in range(200)]
    guess = inferred({"code_usager": repeats, "subject": [f"{row % 7:02}-{row:03}" for row in range(200)]})
    assert guess.schema.tables["visits"].columns == {"code_usager": Id(), "subject": Id()}
    assert "add patient: code_usager" in told(guess, "code_usager")
    assert kind_of("remark", [f"{'x' * (row // 2)}{row // 2}" for row in range(200)]) == Text()


def test_an_identifier_that_another_column_holds_as_well_is_told() -> None:
    ids = {"stay_id": [f"S{row:04}" for row in range(120)], "bill_id": [f"B{row:04}" for row in range(120)]}
    guess = inferred(ids | {"case_id": ids["stay_id"], "copy_id": ids["stay_id"]})
    assert "the same as `stay_id` in every row" in told(guess, "case_id")
    assert "the same as `stay_id` in every row" in told(guess, "copy_id")
    assert "the same as" not in told(guess, "bill_id") + told(guess, "stay_id")


def test_what_one_patient_repeats_is_not_named() -> None:
    # "Nei" stands in eight rows, all of one patient.
    guess = inferred(
        {"patient_id": ["1"] * 8 + ["2", "3", "4", "5", "6", "7"] * 3, "smokes": ["Nei"] * 8 + ["Ja"] * 18}
    )
    buffer = io.StringIO()
    render(guess, buffer)
    assert guess.schema.tables["visits"].columns["smokes"] == Category()
    assert "Nei" not in buffer.getvalue()


def test_day_and_month_that_could_be_exchanged_are_told() -> None:
    guess = inferred({"seen": ["01/02/2020", "03/04/2021"] * 5})
    assert "could be exchanged" in told(guess, "seen")
    assert "could be exchanged" not in told(inferred({"seen": ["13/02/2020", "03/04/2021"] * 5}), "seen")


@pytest.mark.parametrize("times", [["10:15", "23:59"], ["10:15:30", "23:59:00"], ["2020-01-02", "2020-03-04"]])
def test_a_time_has_no_day_and_month_to_exchange(times: list[str]) -> None:
    assert told(inferred({"seen": times * 5}), "seen") == ""


def test_rare_texts_among_numbers_are_not_named_but_told() -> None:
    guess = inferred({"crp": ["1.5", "2.5", "3.5"] * 100 + ["see letter"]})
    assert guess.schema.tables["visits"].columns["crp"] == Category()
    assert "too rare to be named" in told(guess, "crp")
    assert all("letter" not in note.text for note in guess.notes)


def test_a_made_up_name_agrees_with_the_sex_column() -> None:
    cells = {"name": [f"Ada B{chr(97 + number)}" for number in range(20)], "gender": ["M", "F"] * 10}
    assert inferred(cells).schema.tables["visits"].columns["name"] == Fake(provider="name", sex="gender")


def test_a_place_comes_with_its_postal_code_where_that_is_kept() -> None:
    places = ["Hamburg", "Lübeck", "Hamburg", "Kiel"] * 30
    codes = ["20095", "23552", "20097", "24103"] * 30
    columns = inferred({"PLZ": codes, "Ort": places}).schema.tables["visits"].columns
    assert columns["Ort"] == Category(determined_by="PLZ")
    # Otherwise it is made up: where one code has several places, and where codes are made up as well.
    columns = inferred({"PLZ": codes, "Ort": [*places[:-1], "Plön"]}).schema.tables["visits"].columns
    assert columns["Ort"] == Fake(provider="city", locale="de_DE")
    rare = [f"{20000 + row}" for row in range(120)]
    assert inferred({"PLZ": rare, "Ort": places}).schema.tables["visits"].columns["Ort"].kind == "fake"
    assert inferred({"ward": codes, "Ort": places}).schema.tables["visits"].columns["Ort"].kind == "fake"


def test_few_surnames_beside_first_names_are_made_up() -> None:
    cells = {"Name": ["Müller", "Weiß"] * 60, "Vorname": ["Jürgen", "Käthe", "Zoë"] * 40}
    columns = inferred(cells).schema.tables["visits"].columns
    assert (columns["Name"], columns["Vorname"]) == (Fake(provider="last_name"), Fake(provider="first_name"))


def test_what_is_named_like_a_person_or_a_note_is_not_learned_without_a_word() -> None:
    cells = {"name": ["Urea", "Sodium"] * 60, "phone": ["Y", "N"] * 60, "Befund": ["normal", "abnormal", "krank"] * 40}
    guess = inferred(cells)
    assert all("PERSONAL?" in told(guess, name) for name in cells)
    assert told(inferred(cells, name="drugs"), "name") == ""


def test_the_names_of_doctors_are_told_and_their_codes_are_not() -> None:
    cells = {"Hausarzt": ["Dr. Müller", "Dr. Weiß", "A. Schäfer"] * 40, "physician": ["D1", "D2", "D3"] * 40}
    cells |= {"ward": ["A", "B", "B"] * 40}
    guess = inferred(cells)
    assert "PERSONAL?" in told(guess, "Hausarzt")
    assert "PERSONAL?" not in told(guess, "physician")
    assert guess.schema.tables["visits"].columns["ward"].determined_by is None


@pytest.mark.parametrize("name", ["died", "readmitted_30d", "Verstorben", "décédé"])
def test_an_outcome_by_name_is_the_target(name: str) -> None:
    cells = {"age": ["1", "2", "3"] * 5, name: ["Yes", "No", "No"] * 5}
    assert inferred(cells).schema.tables["visits"].target == name


@pytest.mark.parametrize(
    ("time", "event"),
    [
        ("time", "status"),
        ("followup_days", "died"),
        ("OS", "os_event"),
        ("days_to_death", "death"),
        ("SUIVI_JOURS", "DECES"),
    ],
)
def test_follow_up_and_event_are_noted_and_not_set(time: str, event: str) -> None:
    guess = inferred({time: ["10", "250", "401"] * 5, event: ["1", "0", "0"] * 5})
    assert f"survival: {{time: {time}, event: {event}}}" in told(guess, None)
    assert guess.schema.tables["visits"].survival is None


@pytest.mark.parametrize(
    ("time", "event"), [("time_in_hospital", "died"), ("time", "smoking_status"), ("days", "sex"), ("age", "event")]
)
def test_no_follow_up(time: str, event: str) -> None:
    assert "survival" not in told(inferred({time: ["10", "250", "401"] * 5, event: ["1", "0", "0"] * 5}), None)


def test_the_date_of_the_rows_of_a_patient_is_noted_as_their_order() -> None:
    days = [f"2021-03-{day:02}" for day in range(11, 29)]
    cells = {"patient_id": ["1", "2", "3"] * 6, "birth_date": ["1950-01-31", "1960-12-31", "1970-02-28"] * 6}
    guess = inferred(cells | {"seen": days})
    assert "add order: seen" in told(guess, None)
    assert guess.schema.tables["visits"].order is None
    assert "add order: admitted_at" in told(inferred(cells | {"seen": days, "admitted_at": days}), None)
    assert "add order" not in told(inferred(cells | {"seen": days, "met": days}), None)
    assert "add order" not in told(inferred({"seen": days}), None)
    danish = {"PNR": cells["patient_id"], "FØDT": cells["birth_date"], "INDDATO": days, "UDDATO": days[1:] + days[:1]}
    assert "add order: INDDATO" in told(inferred(danish), None)
    french = {"IPP": cells["patient_id"], "Date_naissance": cells["birth_date"], "Entrée": days, "Sortie": days}
    assert "add order: Entrée" in told(inferred(french), None)


TRIAGE = {"triage": ["green", "red", "yellow"] * 5, "ward": ["A", "B", "C"] * 5}
ORDERED = {name: pa.dictionary(pa.int8(), pa.string(), ordered=name == "triage") for name in TRIAGE}


def test_an_ordered_type_is_told_where_its_order_is_not_known() -> None:
    guess = inferred(TRIAGE, types=ORDERED)
    assert guess.schema.tables["visits"].columns["triage"] == Category()
    assert "levels have an order; use kind: ordinal" in told(guess, "triage")
    assert told(guess, "ward") == ""


def test_the_order_of_a_type_is_proposed_without_the_levels_that_no_row_has() -> None:
    levels = {"triage": ("green", "yellow", "red", "name of a patient who was left out")}
    guess = inferred(TRIAGE, types=ORDERED, levels=levels)
    assert guess.schema.tables["visits"].columns["triage"] == Ordinal(order=("green", "yellow", "red"))
    assert told(guess, "triage") == "the order of its levels is that of its type; those that no row has are left out"


def test_an_order_with_a_rare_level_is_not_written_down() -> None:
    cells = {"triage": ["green", "red"] * 5 + ["blue"], "ward": ["A"] * 11}
    guess = inferred(cells, types=ORDERED, levels={"triage": ("blue", "green", "red")})
    assert guess.schema.tables["visits"].columns["triage"] == Category()
    assert "some too rare to be named here" in told(guess, "triage")


def test_the_rendered_config_reads_back_as_the_schema(tmp_path: Path) -> None:
    cells = {
        "patient_id": [str(number % 9) for number in range(36)],
        "age": ["<30", "30-60", "60+"] * 12,
        "crp": ["1,5", "neg", "-999"] * 12,
        "No": ["NO", "yes", "null"] * 12,
    }
    guess = infer(Cells(cells, format=Format(delimiter=";", decimal=",")))
    path = tmp_path / "config.yaml"
    with path.open("w", encoding="utf-8") as stream:
        render(guess, stream)
    assert load(path) == guess.schema
    assert all(f"# {note.text}" in path.read_text(encoding="utf-8") for note in guess.notes)


def test_diabetes_130() -> None:
    if not DIABETES.exists():
        pytest.skip(f"needs the Diabetes 130 extract at {DIABETES}")
    from synthgen.tables.read import read

    guess = infer(next(iter(read(DIABETES).tables.values())))
    ((_, table),) = guess.schema.tables.items()
    columns = table.columns
    assert (table.key, table.patient, table.target) == ("encounter_id", "patient_nbr", "readmitted")
    assert table.missing == ("", "?")
    assert columns["A1Cresult"] == columns["max_glu_serum"] == Category()
    assert isinstance(columns["age"], Ordinal)
    assert columns["diag_1"] == columns["diag_2"] == columns["diag_3"] == Code(system="icd9")
    assert columns["admission_type_id"] == Category()
    assert columns["time_in_hospital"] == Integer(min=0)
    assert columns["examide"] == columns["citoglipton"] == Constant()
    assert columns["diabetesMed"] == Boolean(true="Yes", false="No")
    assert [name for name, column in columns.items() if column.determined_by] == []


@pytest.mark.parametrize(("patients", "model"), [(999, "copula"), (1000, "autoregressive")])
def test_the_model_follows_how_many_patients_there_are(patients: int, model: str) -> None:
    ids = [f"P{number:05}" for number in range(patients) for _ in range(2)]
    found = inferred({"patient_id": ids, "sex": (["F", "M", "M"] * patients)[: len(ids)]})
    assert found.schema.model.name == model
    assert any("is the model" in note.text for note in found.notes) == (model == "copula")


def test_a_column_of_bounds_alone_is_not_said_to_hold_other_texts() -> None:
    assert told(inferred({"readmitted": ["<30", ">30", "30"] * 5 + ["<30"] * 15}), "readmitted") == ""
