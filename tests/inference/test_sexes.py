"""Diagnoses that only one sex can have: stated where the rows show which level of the column that sex is."""

from __future__ import annotations

from tests.inference.build import inferred, told

#: Of 200 rows, 40 with a cancer of the ovary, two of them of a rare kind, and 40 with one of the prostate.
CODES = ["C56.1"] * 38 + ["C56.8", "C56.9"] + ["C61"] * 40 + ["I10", "E11.9", "J44.1"] * 40
SEX = ["2"] * 40 + ["1"] * 40 + ["1", "2"] * 60


def rules(codes: list[str], sex: list[str]) -> tuple[str, ...]:
    return inferred({"Kön": sex, "hoveddiagnose": codes}).schema.tables["visits"].constraints


def test_which_level_is_which_sex_is_told_by_who_has_what() -> None:
    assert rules(CODES, SEX) == (
        "hoveddiagnose in ['C56', 'C56.1'] implies Kön == '2'",
        "hoveddiagnose in ['C61'] implies Kön == '1'",
    )
    guess = inferred({"Kön": SEX, "hoveddiagnose": CODES})
    assert "only one sex can have" in told(guess, None)
    assert "C56.8" not in str(guess.schema.tables["visits"].constraints)


def test_nothing_is_stated_where_rows_contradict_it_or_hardly_anyone_is_of_the_other_sex() -> None:
    assert rules(CODES, ["1", "2"] * 100) == ()
    assert rules(CODES, ["2"] * 40 + ["1"] * 40 + ["9"] * 120) != ()
    assert rules(["C56.1"] * 200, ["2"] * 195 + ["1"] * 5) == ()
