import numpy as np
import pytest

from synthgen.metrics.coding.histograms import OTHER, histogram
from tests.metrics.build import Columns, comparison


def test_edges_are_few_and_round_and_hide_the_extremes() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(100, 15, 5000), [-4321.5, 98765.25]])
    both = comparison({"a": values}, None, {"a": [1.0]})
    edges = np.array(histogram(both.variables[0], both)["edges"])
    assert len(edges) < 30
    assert edges.min() > 50
    assert edges.max() < 150
    assert np.allclose(edges / 2.5, np.round(edges / 2.5))


def test_shares_of_numbers_have_open_ends() -> None:
    both = comparison({"a": [1.0, 2, 3, None]}, None, {"a": [-100.0, 2, 100, 100]})
    shown = histogram(both.variables[0], both)
    assert len(shown["synthetic"]) == len(shown["edges"]) + 1
    assert shown["synthetic"][0] == 0.25
    assert shown["synthetic"][-1] == 0.5
    assert shown["missing"] == {"train": 0.25, "holdout": None, "synthetic": 0.0}
    assert shown["holdout"] is None


def test_a_rare_level_has_no_bar() -> None:
    train = {"a": ["x"] * 6 + ["unheard of"]}
    both = comparison(train, train, {"a": ["x", "y"]})
    shown = histogram(both.variables[0], both)
    assert shown["labels"] == ["x", OTHER]
    assert shown["synthetic"] == [0.5, 0.5]


def test_a_share_stands_for_no_more_patients_than_are_behind_it() -> None:
    # One patient with a thousand rows beside a hundred with one: most rows, and one patient.
    train: Columns = {"who": [0] * 1000 + list(range(1, 101)), "a": ["rare"] * 1000 + ["x"] * 94 + ["rare"] * 6}
    both = comparison(train, None, train, patient="who")
    shown = histogram(both.variables[0], both)
    assert shown["labels"] == ["x", "rare", OTHER]
    assert shown["train"][1] > 0.9
    assert shown["by_patient"]["train"]["patients"] == 101
    assert shown["by_patient"]["train"]["shares"] == [94 / 101, 7 / 101, 0.0]


def test_missing_is_counted_by_patient_too() -> None:
    train: Columns = {"who": [0, 0, 0, 1], "a": [None, None, 5.0, 5.0]}
    both = comparison(train, None, train, patient="who")
    shown = histogram(both.variables[0], both)
    assert shown["missing"]["train"] == 0.5
    assert shown["by_patient"]["train"]["missing"] == pytest.approx((2 / 3 + 0) / 2)
    assert sum(shown["by_patient"]["train"]["shares"]) == pytest.approx(1)


def test_dates_have_edges_on_the_calendar() -> None:
    days = np.arange(-10_000, 10_000, 7).astype(float)  # 1942 to 1997
    both = comparison({"born": days}, None, {"born": days}, temporal=["born"])
    shown = histogram(both.variables[0], both)
    assert all(edge.endswith("-01-01") for edge in shown["edges"])
    assert 10 < len(shown["edges"]) < 30
    assert len(shown["train"]) == len(shown["edges"]) + 1
    assert sum(shown["train"]) == pytest.approx(1)


def test_ten_patients_with_most_rows_say_how_many_patients_rows_stand_for() -> None:
    each_the_same = comparison(
        {"who": list(range(50)) * 2, "a": [1.0] * 100}, None, {"who": [0], "a": [1.0]}, patient="who"
    )
    assert each_the_same.train.effective_patients == 50
    one_has_most = comparison(
        {"who": [0] * 951 + list(range(1, 50)), "a": [1.0] * 1000}, None, {"who": [0], "a": [1.0]}, patient="who"
    )
    assert one_has_most.train.effective_patients == 10  # ten patients hold 960 of 1000 rows
