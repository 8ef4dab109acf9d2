"""Columns that no tree can split on are spared, and what is told stays the same."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest

from synthgen.metrics import boosting
from synthgen.metrics.base import Comparison, Variable
from synthgen.metrics.boosting import Telling, splittable, tell_apart
from synthgen.metrics.coding.features import Features
from tests.metrics.build import comparison


def test_a_column_needs_as_many_rows_off_its_commonest_value_as_a_leaf_has() -> None:
    matrix = np.zeros((50, 4))
    matrix[:5, 0], matrix[:4, 1], matrix[:5, 2] = 1.0, 1.0, np.nan
    matrix[:48, 3] = np.nan  # most are missing, and two are not
    assert splittable(matrix, 5).tolist() == [True, False, True, False]
    assert splittable(np.zeros((50, 2)), 5).tolist() == [True, False]  # a matrix keeps a column


def test_the_areas_are_the_same_without_them(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(0)
    sets = [
        {
            "a": rng.normal(shift, 1, 300),
            "rare": np.where(np.arange(300) < 2, "x", "y"),
            "constant": ["z"] * 300,
            "b": rng.choice(["u", "v"], 300),
        }
        for shift in (0.0, 0.5)
    ]
    compared = comparison(sets[0], None, sets[1])
    with_all = _told(compared)
    monkeypatch.setattr(boosting, "splittable", lambda matrix, _: np.ones(matrix.shape[1], bool))
    assert _told(compared).auc == with_all.auc
    assert [drop == 0.0 for drop in with_all.drops] == [False, True, True, False]


def _told(compared: Comparison) -> Telling:
    features = Features.of(compared.variables, [compared.train, compared.synthetic])
    sides = [(features.matrix(each), each.patient) for each in (compared.train, compared.synthetic)]
    return tell_apart(features, sides[0], sides[1], np.random.default_rng(1), importance=True)


def test_what_each_of_many_columns_is_worth_takes_no_copy_of_all_rows_for_each() -> None:
    """A copy of 240 rows of 400 columns for every column would be 307 MB."""
    rng = np.random.default_rng(0)
    variables = [Variable(f"x{k}", "numeric") for k in range(400)]
    sides = [(rng.normal(size=(600, 400)), np.arange(600)) for _ in range(2)]
    sides[0][0][:, 7] += 3
    tracemalloc.start()
    try:
        told = tell_apart(Features.of(variables, ()), sides[0], sides[1], rng, scored=1, rounds=3, importance=True)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert np.argmax(told.drops) == 7
    assert len(told.drops) == 400
    assert peak < 200e6
