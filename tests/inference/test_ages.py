"""Ages of rows whose patients have their births in another table."""

from __future__ import annotations

from datetime import date, timedelta

from synthgen.inference import infer_tables
from synthgen.tables.dataset import Dataset
from tests.inference.build import Cells, told_of

N = 40
BORN = [date(1930, 1, 1) + timedelta(days=613 * n) for n in range(N)]
SEEN = [date(2021, 1, 1) + timedelta(days=97 * n % 1000) for n in range(10 * N)]


def age(row: int, seen: date) -> int:
    born = BORN[row // 10]
    return seen.year - born.year - ((seen.month, seen.day) < (born.month, born.day))


def constraints(*, wrong: int, born: str = "%Y-%m-%d") -> tuple[str, ...]:
    """Ten visits of each patient with the age at the visit, which in ``wrong`` rows is that of long before."""
    rows = range(10 * N)
    ages = [age(row, SEEN[row]) - (9 if row < wrong else 0) for row in rows]
    tables = {
        "patients": {"patient_id": [f"P{n:03d}" for n in range(N)], "born": [day.strftime(born) for day in BORN]},
        "visits": {
            "visit_id": [f"V{row:04d}" for row in rows],
            "patient_id": [f"P{row // 10:03d}" for row in rows],
            "seen": [str(day) for day in SEEN],
            "left": [str(day + timedelta(days=row % 5)) for row, day in enumerate(SEEN)],
            "age": [str(each) for each in ages],
            "other": [str(37 * row % 90) for row in rows],
        },
    }
    guess = infer_tables(Dataset({name: Cells(cells, name) for name, cells in tables.items()}))
    rules = tuple(rule for rule in guess.schema.tables["visits"].constraints if "years" in rule)
    assert all(f"`{rule}`" in told_of(guess, "visits", None) for rule in rules)
    return rules


def test_an_age_is_that_on_the_date_that_rows_bear_out_best() -> None:
    """On the day of leaving, some days later, nearly all are of the same age."""
    assert constraints(wrong=0) == ("age == years(patients.born, seen)",)


def test_one_row_in_error_is_forgiven_and_ten_are_not() -> None:
    assert constraints(wrong=1) == ("age == years(patients.born, seen)",)
    assert constraints(wrong=10) == ()


def test_of_births_that_are_months_an_age_is_that_of_any_day_of_the_month() -> None:
    rule = "age between years(patients.born + 30, seen) and years(patients.born, seen)"
    assert constraints(wrong=0, born="%Y-%m") == (rule,)
    assert constraints(wrong=10, born="%Y-%m") == ()
