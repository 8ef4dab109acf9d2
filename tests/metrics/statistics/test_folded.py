"""Intervals of folded differences, against what can be worked out by hand and by simulation."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthgen.metrics.statistics.folded import folded_interval


def _mean_size(found: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.abs(found).mean(axis=1)


def test_far_from_zero_it_is_the_usual_interval() -> None:
    rng = np.random.default_rng(0)
    influence = rng.normal(size=(40, 1))
    influence = (influence - influence.mean()) / influence.std() / np.sqrt(40)  # a standard error of about 1
    interval = folded_interval(_mean_size, np.array([10.0]), influence, rng)
    assert interval is not None
    assert interval == pytest.approx((10 - 2.05, 10 + 2.05), abs=0.35)


@pytest.mark.parametrize("truth", [0.0, 1.0, 3.0])
def test_it_covers_the_expected_distance_where_halves_do_not(truth: float) -> None:
    rng = np.random.default_rng(1)
    expected = np.abs(truth + rng.normal(size=100_000)).mean()
    covered = []
    for _ in range(150):
        groups = rng.normal(size=(40, 1)) / np.sqrt(40)  # their sum has a standard error of 1
        low, high = folded_interval(_mean_size, truth + groups.sum(axis=0), groups - groups.mean(axis=0), rng) or (9, 9)
        covered.append(low <= expected <= high)
    assert np.mean(covered) >= 0.88


def test_too_few_groups_say_nothing() -> None:
    assert folded_interval(_mean_size, np.ones(1), np.ones((7, 1)), np.random.default_rng(0)) is None
