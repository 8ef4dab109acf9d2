"""What the real rows say of dates after death: a rule where they bear it out, none where they do not or are few."""

from __future__ import annotations

import pytest

from synthgen.inference import infer_tables
from synthgen.tables.dataset import Dataset
from tests.inference.build import Cells, told_of

N = 40


def constraints(dead: int, late: int, *, death: str = "death_date") -> dict[str, tuple[str, ...]]:
    """Patients of whom ``dead`` died in June, ten visits each in May, ``late`` of them in July; labs of the visits."""
    visits = range(10 * N)
    tables = {
        "patients": {
            "patient_id": [f"P{n:03d}" for n in range(N)],
            death: ["2024-06-15" if n < dead else "" for n in range(N)],
        },
        "visits": {
            "visit_id": [f"V{n:04d}" for n in visits],
            "patient_id": [f"P{n // 10:03d}" for n in visits],
            "day": [f"2024-{7 if n < late else 5:02d}-{n % 28 + 1:02d}" for n in visits],
        },
        "labs": {
            "visit_id": [f"V{n:04d}" for n in visits],
            "taken": [f"2024-05-{n % 28 + 1:02d} 10:00" for n in visits],
        },
    }
    guess = infer_tables(Dataset({name: Cells(cells, name) for name, cells in tables.items()}))
    for name, table in guess.schema.tables.items():
        assert all(f"`{rule}`" in told_of(guess, name, None) for rule in table.constraints)
    of_death = {
        name: tuple(rule for rule in table.constraints if f"patients.{death}" in rule)
        for name, table in guess.schema.tables.items()
    }
    return {name: rules for name, rules in of_death.items() if rules}


@pytest.mark.parametrize("late", [0, 1])
def test_dates_come_no_later_than_the_death(late: int) -> None:
    """One in 350 rows may be later."""
    assert constraints(35, late) == {
        "visits": ("day <= patients.death_date",),
        "labs": ("taken <= patients.death_date",),
    }


def test_no_rule_is_stated_that_rows_break_or_hardly_any_tell_of() -> None:
    assert set(constraints(35, 5)) == {"labs"}
    assert constraints(4, 0) == {}


def test_of_few_deaths_a_rule_is_stated_if_no_row_breaks_it() -> None:
    assert set(constraints(5, 0)) == {"visits", "labs"}
    assert set(constraints(29, 1)) == {"labs"}


def test_only_a_date_that_is_named_like_a_death_ends_a_life() -> None:
    assert constraints(35, 0, death="today") == {}
    assert constraints(35, 0, death="Todesdatum")["visits"] == ("day <= patients.Todesdatum",)
