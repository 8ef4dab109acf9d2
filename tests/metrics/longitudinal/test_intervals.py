"""Intervals of what is counted of several tables: they cover the mean of all runs, and are no wider than need be.

The short form of ``tests/benchmarks/known_answers_of_folders.py``.
"""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.longitudinal.base import RelationalMeasure
from synthgen.metrics.longitudinal.children_per_parent import ChildrenPerParent
from synthgen.metrics.longitudinal.gaps import Gaps
from synthgen.metrics.longitudinal.transitions import Transitions
from tests.metrics.longitudinal.hospital import extracts, hospital

RUNS = 40


@pytest.mark.slow
def test_intervals_cover_the_mean_of_a_perfect_generator_and_are_about_as_wide_as_it_varies() -> None:
    measures: tuple[RelationalMeasure, ...] = (ChildrenPerParent(), Gaps(), Transitions())
    found: dict[str, list[tuple[float, float, float]]] = {}
    for seed in range(RUNS):
        sets = extracts(*(hospital(100, 3 * seed + k, f"{k}") for k in range(3)))
        for measure in measures:
            whole = measure.measure(sets, rng=np.random.default_rng(seed))[0]
            assert whole.value is not None
            assert whole.interval is not None
            found.setdefault(whole.name, []).append((whole.value, *whole.interval))
    for name, runs in found.items():
        value, low, high = np.array(runs).T
        covered = np.mean((low <= value.mean()) & (value.mean() <= high))
        # 95 % are meant; of 40 runs that are each right so often, fewer than 34 are as rare as one in a hundred.
        assert covered >= 0.85, name
        # A normal figure's interval is 3.9 standard deviations wide; wide ones cover whatever the figure is.
        assert np.mean(high - low) < 5 * value.std(ddof=1), name
