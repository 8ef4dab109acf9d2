import numpy as np

from synthgen.metrics.histograms import OTHER, histogram, round_edges
from tests.metrics.build import comparison


def test_edges_are_few_and_round_and_hide_the_extremes() -> None:
    values = np.concatenate([np.random.default_rng(0).normal(100, 15, 5000), [-4321.5, 98765.25]])
    edges = round_edges(values)
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
