import numpy as np

from synthgen.metrics.coding.cells import cut, quantile_edges
from tests.metrics.build import comparison


def test_ten_bins_hold_a_tenth_each() -> None:
    columns = {"a": np.arange(100.0)}
    both = comparison(columns, None, columns)
    (cells,) = cut(both.variables, both.train)
    counts = np.bincount(cells.of(both.train), minlength=cells.size)
    assert counts[:10].tolist() == [9, 10, 10, 10, 10, 10, 10, 10, 10, 11]
    assert counts[10:].tolist() == [0, 0]  # other text results, missing


def test_a_heaped_value_has_a_bin_of_its_own() -> None:
    edges = quantile_edges(np.array([0.0] * 95 + [1, 2, 3, 4, 5]), np.ones(100), 10)
    assert np.searchsorted(edges, [-1, 0, 1], side="right").tolist() == [0, 1, 2]


def test_the_commonest_labels_other_and_missing() -> None:
    train = {"a": ["x"] * 5 + ["y"] * 3 + ["z"] + [None]}
    both = comparison(train, None, {"a": ["new", "x", None, "z", "y"]})
    (cells,) = cut(both.variables, both.train, top=2)
    assert cells.of(both.synthetic).tolist() == [2, 0, 3, 2, 1]


def test_patients_weigh_equally() -> None:
    train = {"p": [1] * 8 + [2, 3], "a": ["x"] * 8 + ["y"] * 2}
    both = comparison(train, None, train, patient="p")
    (cells,) = cut(both.variables, both.train, top=1)
    assert cells.of(both.train).tolist() == [1] * 8 + [0] * 2  # two of three patients have y
