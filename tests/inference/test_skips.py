"""Columns that are there by what another says: stated where every row says so, and many do."""

from __future__ import annotations

import pytest

from tests.inference.build import inferred, told

ENDED = ["home", "died", "home", "hospice"] * 50


def rules(**cells: list[str]) -> tuple[str, ...]:
    return inferred(cells).schema.tables["visits"].constraints


def test_what_is_there_for_some_labels_alone_is_told_by_those() -> None:
    cells = {
        "ended": ENDED,
        "died_at": ["12:30" if end == "died" else "" for end in ENDED],
        "place": ["" if end == "home" else f"K{row % 5}" for row, end in enumerate(ENDED)],
    }
    guess = inferred(cells)
    assert guess.schema.tables["visits"].constraints == (
        "ended == 'died' implies died_at is not missing",
        "died_at is not missing implies ended == 'died'",
        "ended in ['died', 'hospice'] implies place is not missing",
        "place is not missing implies ended in ['died', 'hospice']",
    )
    assert "`died_at` is there where `ended` is died, and nowhere else" in told(guess, None)


@pytest.mark.parametrize(
    "died_at",
    [
        ["12:30" if end == "died" or row == 0 else "" for row, end in enumerate(ENDED)],
        ["12:30" if end == "died" and row > 4 else "" for row, end in enumerate(ENDED)],
        ["12:30"] * 200,
    ],
    ids=["one too many", "one too few", "always there"],
)
def test_one_row_that_says_otherwise_is_enough(died_at: list[str]) -> None:
    assert rules(ended=ENDED, died_at=died_at) == ()


def test_labels_of_a_few_and_patterns_of_a_few_rows_are_not_named() -> None:
    died = ["12:30" if end == "died" else "" for end in ENDED]
    assert rules(ended=[*ENDED, "stolen"], died_at=[*died, ""]) == ()
    assert rules(ended=["home"] * 180 + ["died"] * 20, died_at=[""] * 180 + ["12:30"] * 20) == ()
