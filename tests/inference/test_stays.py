"""What the real rows say of dates outside the stay that they belong to: rules where they bear them out."""

from __future__ import annotations

import pytest

from synthgen.inference import infer_tables
from synthgen.tables.dataset import Dataset
from tests.inference.build import Cells, told_of

N = 40


def constraints(late: int, *, people: int = N, more: int = 0, billed: bool = False) -> tuple[str, ...]:
    """The rules of results, a day before the end of each of ten stays a person, which by turns last one day and three.

    ``late`` of the results are dated a month after that. Stays go on for ``more`` days, and bills are written a week
    after their ends.
    """
    stays = range(10 * people)
    begins, lasting = [n % 10 + 1 for n in stays], [1 + 2 * (n % 2) for n in stays]
    ends = [begin + days for begin, days in zip(begins, lasting, strict=True)]
    tables = {
        "patients": {"patient_id": [f"P{n:03d}" for n in range(people)], "sex": ["F", "M"] * (people // 2)},
        "stays": {
            "stay_id": [f"S{n:04d}" for n in stays],
            "patient_id": [f"P{n // 10:03d}" for n in stays],
            "admitted": [f"2024-05-{day:02d} 08:00" for day in begins],
            "discharged": [f"2024-05-{day + more:02d} 12:00" for day in ends],
            **({"billed": [f"2024-05-{day + 7:02d}" for day in ends]} if billed else {}),
        },
        "results": {
            "stay_id": [f"S{n:04d}" for n in stays],
            "taken": [
                f"2024-{6 if n < late else 5:02d}-{day - 1:02d} 10:00" for n, day in zip(stays, ends, strict=True)
            ],
        },
    }
    guess = infer_tables(Dataset({name: Cells(cells, name) for name, cells in tables.items()}))
    rules = guess.schema.tables["results"].constraints
    assert all(f"`{rule}` in " in told_of(guess, "results", None) for rule in rules)
    return rules


@pytest.mark.parametrize("late", [0, 2])
def test_results_are_neither_before_the_admission_nor_after_the_discharge(late: int) -> None:
    """One in two hundred may be."""
    assert constraints(late) == ("taken >= stays.admitted", "taken <= stays.discharged")


def test_no_rule_is_stated_that_rows_break_or_hardly_any_tell_of() -> None:
    assert constraints(3) == ("taken >= stays.admitted",)
    assert constraints(0, people=28) == ()


def test_an_end_that_no_row_comes_near_is_no_rule() -> None:
    """Stays go on for a week after their results, so that nothing has to keep these within them."""
    assert constraints(0, more=9) == ("taken >= stays.admitted",)


def test_of_several_ends_the_first_is_stated() -> None:
    assert constraints(0, billed=True) == ("taken >= stays.admitted", "taken <= stays.discharged")
