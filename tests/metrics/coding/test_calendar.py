import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.metrics.coding.calendar import Moment, calendar_edges


def day(text: str) -> float:
    return float(np.datetime64(text, "D").astype(int))


@pytest.mark.parametrize(
    ("low", "high", "most", "expected"),
    [
        ("2021-03-02", "2021-03-05", 9, ["2021-03-02", "2021-03-03", "2021-03-04", "2021-03-05", "2021-03-06"]),
        ("2021-03-03", "2021-03-20", 5, ["2021-03-01", "2021-03-08", "2021-03-15", "2021-03-22"]),  # Mondays
        ("2021-02-10", "2021-05-03", 6, ["2021-02-01", "2021-03-01", "2021-04-01", "2021-05-01", "2021-06-01"]),
        ("1948-06-01", "1971-01-01", 5, ["1940-01-01", "1950-01-01", "1960-01-01", "1970-01-01", "1980-01-01"]),
    ],
)
def test_the_finest_step_that_is_coarse_enough(low: str, high: str, most: int, expected: list[str]) -> None:
    edges, texts = calendar_edges(day(low), day(high), kind="date", most=most)
    assert texts == expected
    assert edges.tolist() == [day(text) for text in expected]


def test_times_of_day_and_moments() -> None:
    assert calendar_edges(7 * 3600 + 5, 9 * 3600, kind="time", most=5)[1] == [
        "07:00",
        "07:30",
        "08:00",
        "08:30",
        "09:00",
    ]
    assert calendar_edges(0, 86_399, kind="time", most=5)[1] == ["00:00", "06:00", "12:00", "18:00", "24:00"]
    noon = day("2021-03-01") * 86_400 + 43_200
    assert calendar_edges(noon, noon + 7200, kind="datetime", most=3)[1][0] == "2021-03-01T12:00"


@given(st.sampled_from(["date", "datetime", "time"]), st.floats(0, 1), st.floats(0, 1), st.integers(3, 40))
def test_few_edges_that_ascend_around_the_range(kind: Moment, one: float, other: float, most: int) -> None:
    span = {"date": (-700_000, 2_900_000), "datetime": (-6e10, 2.5e11), "time": (0, 86_399)}[kind]
    low, high = sorted(round(span[0] + part * (span[1] - span[0])) for part in (one, other))
    edges, texts = calendar_edges(low, high, kind=kind, most=most)
    assert len(edges) == len(texts) <= most
    assert np.all(np.diff(edges) > 0)
    assert edges[0] <= low
