"""Columns that others determine, and accidents that only look so."""

from __future__ import annotations

from synthgen.inference.dependencies import find_dependencies
from synthgen.inference.patients import count_patients, named_in
from synthgen.inference.profile import profile
from synthgen.inference.values import values
from synthgen.schema.column import Column
from tests.inference.build import Cells, inferred, told


def columns(cells: dict[str, list[str]]) -> dict[str, Column]:
    return dict(inferred(cells).schema.tables["visits"].columns)


def test_a_chapter_follows_from_its_code_and_not_the_other_way_round() -> None:
    found = columns({"chapter": ["A", "A", "B", "B"] * 10, "unit": ["u", "v", "w", "x"] * 10})
    assert (found["chapter"].determined_by, found["unit"].determined_by) == ("unit", None)


def test_of_two_columns_that_determine_each_other_the_first_stays() -> None:
    found = columns({"code": ["A", "B", "C"] * 15, "description": ["apple", "berry", "cherry"] * 15})
    assert (found["code"].determined_by, found["description"].determined_by) == (None, "code")


def test_nothing_is_determined_by_who_somebody_is() -> None:
    cells = {"Vorname": ["Jürgen", "Käthe", "Zoë"] * 20, "Geschlecht": ["m", "w", "w"] * 20}
    assert columns(cells)["Geschlecht"].determined_by is None
    # A bare name may be a person's, or an analyte's that follows from its code.
    found = columns({"name": ["Urea", "Iron", "Zinc"] * 20, "unit": ["mg", "ug", "ug"] * 20, "loinc": [*"UIZ"] * 20})
    assert (found["unit"].determined_by, found["name"].determined_by) == ("loinc", "loinc")


def test_nothing_follows_from_a_question_that_was_not_asked() -> None:
    """Only women were asked, and who is not is a man so far."""
    cells = {"gender": ["1", "2", "2"] * 30, "ever_pregnant": ["", "0", "1"] * 30, "unit": ["", "x", "y"] * 30}
    found = columns(cells)
    assert found["gender"].determined_by is None
    assert found["unit"].determined_by == "ever_pregnant"  # nothing is told of whom nothing is known


def test_a_description_is_known_by_its_name_where_patients_are_few() -> None:
    def by(*words: str) -> dict[str, str]:
        table = Cells({"REASONCODE": ["A", "B", "C", "A"], "REASONDESCRIPTION": [*words], "OTHERTEXT": [*words]})
        levels = {name: values(found, None) for name, found in profile(table, table.columns).items()}
        return {each.determined: each.by for each in find_dependencies(table, table.columns, levels) if each.share == 1}

    assert by("apple", "berry", "cherry", "apple") == {"REASONDESCRIPTION": "REASONCODE"}
    assert by("apple", "berry", "cherry", "banana") == {}


def test_missing_counts_as_a_value() -> None:
    found = columns({"code": ["A", "B", ""] * 15, "description": ["apple", "", ""] * 15})
    assert found["description"].determined_by == "code"
    assert columns({"code": ["A", "B", "", ""] * 15, "text": ["apple", "", "", "x"] * 15})["text"].determined_by is None


def test_the_nearest_column_determines() -> None:
    fine = ["a", "b", "c", "d"] * 20
    found = columns(
        {
            "fine": fine,
            "middle": [{"a": "1x", "b": "2x"}.get(text, "3x") for text in fine],
            "coarse": ["p" if text == "a" else "q" for text in fine],
        }
    )
    assert (found["middle"].determined_by, found["coarse"].determined_by) == ("fine", "middle")


def test_a_rare_value_that_meets_a_rare_level_is_an_accident() -> None:
    # The one "Steady" stands beside the one "dermatology": the specialty fixes the drug, and it means nothing.
    specialty = ["surgery", "cardiology", "oncology"] * 100 + ["dermatology"]
    guess = inferred({"specialty": specialty, "drug": ["No"] * 300 + ["Steady"]})
    assert guess.schema.tables["visits"].columns["drug"].determined_by is None


def test_the_repeated_rows_of_one_person_prove_nothing() -> None:
    people = [str(number) for number in range(20) for _ in range(4)]
    town = [f"town {number}" for number in people]
    table = Cells({"patient": people, "town": town, "race": ["a" if int(number) % 3 else "b" for number in people]})
    profiles = profile(table, table.columns)
    patients = count_patients(table, profiles, named_in("patient"))

    by_rows = {name: values(profiles[name], None) for name in ("town", "race")}
    by_patients = {name: values(profiles[name], patients[name]) for name in ("town", "race")}

    assert [found.by for found in find_dependencies(table, table.columns, by_rows)] == ["town"]
    assert find_dependencies(table, table.columns, by_patients) == []


def test_a_dependency_with_exceptions_is_told_and_not_used() -> None:
    code = ["A", "B", "C", "D"] * 100
    chapter = [{"A": "x", "B": "y"}.get(text, "z") for text in code]
    chapter[0] = "y"
    guess = inferred({"code": code, "chapter": chapter})
    assert guess.schema.tables["visits"].columns["chapter"].determined_by is None
    assert "nearly determined by `code` (in 99.7 % of the rows)" in told(guess, "chapter")
