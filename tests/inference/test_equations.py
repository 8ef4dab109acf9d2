"""Numbers and dates that follow from others are found with their constants, and accidents are not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import numpy as np
import pyarrow as pa
import pytest

from synthgen.inference.table import infer
from synthgen.tables.memory import MemoryTable

N = 600


def computed(columns: Mapping[str, Sequence[object]]) -> dict[str, str]:
    """The expressions that ``init`` proposes, by column."""
    cells = {name: [str(cell) for cell in column] for name, column in columns.items()}
    schema = infer(MemoryTable.from_arrow(pa.table(cells), "t")).schema
    told = {name: getattr(column, "computed", None) for name, column in schema.tables["t"].columns.items()}
    return {name: text for name, text in told.items() if text is not None}


def numbers(
    seed: int, low: float, high: float, decimals: int, n: int = N
) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.round(np.random.default_rng(seed).uniform(low, high, n), decimals)


@pytest.mark.parametrize(
    ("slope", "intercept", "decimals", "told"),
    [
        (2.2046, 0.0, 1, "x * 2.2046"),
        (1.8, 32.0, 2, "x * 1.8 + 32"),
        (0.0113, -1.5, 3, "x * 0.0113 - 1.5"),
        (1.0, 0.0, 1, "x"),
    ],
)
def test_one_quantity_in_two_units(slope: float, intercept: float, decimals: int, told: str) -> None:
    x = numbers(1, 30, 120, 1)
    y = np.round(slope * x + intercept, decimals)
    found = computed({"x": [f"{v:.1f}" for v in x], "y": [f"{v:.{decimals}f}" for v in y]})
    assert found.keys() in ({"y"}, {"x"})
    if "y" in found:  # of equal columns and of units alike either may be the other's
        assert found["y"] == told


def test_sums_differences_and_means() -> None:
    a, b = numbers(2, 0, 500, 0).astype(int), numbers(3, 0, 900, 0).astype(int)
    assert computed({"a": a, "b": b, "total": a + b}) == {"total": "a + b"}
    mean = [f"{v:.1f}" for v in (a + b) / 2]
    assert computed({"a": a, "b": b, "mean": mean}) == {"mean": "(a + b) / 2"}


def test_sums_and_means_of_more_columns() -> None:
    a, b, c, d = (numbers(20 + i, 0, 400 + 100 * i, 0).astype(int) for i in range(4))
    other = numbers(30, 0, 500, 0).astype(int)
    found = computed({"a": a, "other": other, "b": b, "c": c, "d": d, "total": a + b + c + d})
    assert {name: set(text.split(" + ")) for name, text in found.items()} == {"total": {"a", "b", "c", "d"}}
    mean = [f"{v:.1f}" for v in (a + b + c) / 3]
    (text,) = (each := computed({"a": a, "b": b, "other": other, "c": c, "mean": mean})).values()
    assert each.keys() == {"mean"}
    assert (set(text[1:].split(")")[0].split(" + ")), text.split(") ")[1]) == ({"a", "b", "c"}, "/ 3")


def test_what_is_subtracted_from_a_sum() -> None:
    cost, fee, paid = (numbers(40 + i, 0, 900, 2) for i in range(3))
    columns = {"cost": cost, "fee": fee, "paid": paid, "due": cost + fee - paid}
    found = computed({name: [f"{v:.2f}" for v in column] for name, column in columns.items()})
    assert found in ({"due": "cost + fee - paid"}, {"due": "fee + cost - paid"})


def test_a_sum_that_holds_in_nine_rows_of_ten_is_no_equation() -> None:
    a, b, c = (numbers(50 + i, 0, 900, 0).astype(int) for i in range(3))
    assert computed({"a": a, "b": b, "c": c, "total": a + b + c + (np.arange(N) % 10 == 0)}) == {}


def test_a_body_mass_index() -> None:
    weight, height = numbers(4, 45, 130, 1), numbers(5, 150, 200, 0)
    index = np.round(weight / (height / 100) ** 2, 1)
    found = computed({"weight": [f"{v:.1f}" for v in weight], "height": height.astype(int), "bmi": index})
    assert found == {"bmi": "weight / height ** 2 * 10000"}


def test_products_of_two_numbers() -> None:
    price, pieces = numbers(6, 1, 90, 2), np.random.default_rng(7).integers(1, 40, N)
    cost = [f"{v:.2f}" for v in price * pieces]
    found = computed({"price": [f"{v:.2f}" for v in price], "pieces": pieces, "cost": cost})
    assert found == {"cost": "price * pieces"}


def dates(seed: int, first: str, days: int) -> list[date]:
    return [date.fromisoformat(first) + timedelta(int(d)) for d in np.random.default_rng(seed).integers(0, days, N)]


def test_parts_of_dates_ages_and_ends_of_stays() -> None:
    born, seen = dates(8, "1930-01-01", 25_000), dates(9, "2015-01-01", 1500)
    stay = np.random.default_rng(10).integers(0, 40, N)
    table: dict[str, Sequence[object]] = {
        "born": born,
        "seen": seen,
        "year": [day.year for day in born],
        "month": [day.month for day in born],
        "age": [s.year - b.year - ((s.month, s.day) < (b.month, b.day)) for b, s in zip(born, seen, strict=True)],
        "stay": stay,
        "left": [day + timedelta(int(d)) for day, d in zip(seen, stay, strict=True)],
    }
    assert computed(table) == {
        "year": "year(born)",
        "month": "month(born)",
        "age": "years(born, seen)",
        "left": "seen + stay",
    }


def test_lengths_between_dates_in_months_years_weeks_and_hours() -> None:
    days = numbers(60, 0, 4000, 0).astype(int)
    start = [date(2010, 1, 1) + timedelta(int(n)) for n in numbers(61, 0, 3000, 0)]
    end = [day + timedelta(int(n)) for day, n in zip(start, days, strict=True)]
    lengths = {
        "months": [f"{n / 30.4375:.1f}" for n in days],
        "rounded": [f"{n / 30.44:.0f}" for n in days],
        "years": [f"{n / 365.25:.2f}" for n in days],
        "weeks": [f"{n / 7:.1f}" for n in days],
        "other": [f"{n * 0.3:.1f}" for n in days],
    }
    told = {name: computed({"start": start, "end": end, name: column}) for name, column in lengths.items()}
    # What is asked of a follow-up is how long it is, so the day follows; but not from whole months, which are too few.
    assert told == {
        "months": {"end": "start + months * 30.4375"},
        "rounded": {"rounded": "(end - start) / 30.44"},
        "years": {"end": "start + years * 365.25"},
        "weeks": {"end": "start + weeks * 7"},
        "other": {"other": "(end - start) * 0.3"},
    }
    at = [f"{day} 07:30" for day in end]
    hours = [f"{24 * n + 7.5:.1f}" for n in days]
    begun = [f"{day} 00:00" for day in start]
    assert computed({"start": begun, "end": at, "hours": hours}) == {"hours": "(end - start) * 24"}


def test_a_result_may_be_missing_and_what_has_no_operands_is_computed_from_no_one() -> None:
    a, b = numbers(11, 0, 500, 0).astype(int), numbers(12, 0, 900, 0).astype(int)
    total = [str(x + y) if i % 3 else "" for i, (x, y) in enumerate(zip(a, b, strict=True))]
    assert computed({"a": a, "b": b, "total": total}) == {"total": "a + b"}
    lacking = [str(x) if i % 20 else "" for i, x in enumerate(a)]
    # From what is missing nothing follows, so it is what follows.
    assert computed({"a": lacking, "b": b, "total": a + b}) == {"a": "total - b"}


def test_a_few_errors_are_forgiven_and_more_are_not() -> None:
    a, b = numbers(13, 0, 500, 0).astype(int), numbers(14, 0, 900, 0).astype(int)
    off = np.arange(N) < 2
    assert computed({"a": a, "b": b, "total": a + b + 50 * off}) == {"total": "a + b"}
    off = np.arange(N) < 20
    assert computed({"a": a, "b": b, "total": a + b + 50 * off}) == {}


def test_what_is_alike_where_an_operand_is_nearly_always_nothing_is_an_accident() -> None:
    a = numbers(15, 0, 500, 0).astype(int)
    b = (np.arange(N) < 20).astype(int) * 7  # differs in too few rows to tell whether it is a part of the total
    assert "a + b" not in computed({"a": a, "b": b, "total": a + b}).values()


def test_independent_columns_follow_from_nothing() -> None:
    table = {f"x{i}": [f"{v:.{i % 3}f}" for v in numbers(20 + i, 0, 10 ** (1 + i % 3), i % 3)] for i in range(8)}
    table |= {"d1": dates(30, "2015-01-01", 900), "d2": dates(31, "2016-01-01", 900)}
    assert computed(table) == {}


def test_sum_scores_of_questionnaires_are_found_however_many_items_they_have() -> None:
    rng = np.random.default_rng(5)
    items = rng.integers(0, 4, (12, N))
    refused = rng.random(N) < 0.05
    told = {f"sf_{k + 1:02d}": np.where(refused & (k == 3), "", items[k].astype(str)).tolist() for k in range(12)}
    total = np.where(refused, "", items.sum(axis=0).astype(str)).tolist()
    every = " + ".join(f"sf_{k + 1:02d}" for k in range(12))
    assert computed(told | {"total": total}) == {"total": every}
    mean = [f"{value:.2f}" for value in items.mean(axis=0)]
    assert computed(told | {"mean": np.where(refused, "", mean).tolist()}) == {"mean": f"({every}) / 12"}
