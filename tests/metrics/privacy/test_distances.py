from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.base import Comparison
from synthgen.metrics.privacy.distances import Distances
from synthgen.metrics.result import Metric
from tests.metrics.build import comparison
from tests.metrics.privacy.populations import population


def run(compared: Comparison) -> tuple[Metric, ...]:
    metrics = Distances().measure(compared, rng=np.random.default_rng(0))
    assert Distances().judge(metrics, compared) == ()  # diagnostic only
    return metrics


def test_fresh_draws_lie_as_far_as_the_holdout_and_copies_at_zero() -> None:
    rng = np.random.default_rng(0)
    train, holdout = population(600, rng), population(600, rng, first_patient=600)
    fresh = run(comparison(train, holdout, population(600, rng), patient="patient"))
    copied = run(comparison(train, holdout, train, patient="patient"))
    assert [metric.name for metric in fresh] == ["distances", "distance_ratios"]
    assert [metric.value for metric in fresh] == pytest.approx([1.0, 1.0], abs=0.15)
    assert [metric.value for metric in copied] == [0.0, 0.0]


def test_distances_and_ratios_by_hand() -> None:
    # Pooled values 0 0 8 8 and 4 4 4 4, five times: mean 4, standard deviation 2.828..., one unit is 5.657.
    train, holdout = {"x": [0.0, 0.0, 8.0, 8.0] * 5}, {"x": [4.0] * 20}
    closest, ratio = run(comparison(train, holdout, {"x": [2.0] * 20}))
    unit = 2 * np.sqrt(8)
    assert closest.details["medians"] == pytest.approx({"synthetic": 2 / unit, "holdout": 4 / unit})
    assert closest.value == pytest.approx(0.5)
    assert ratio.details["medians"] == {"synthetic": 1.0, "holdout": 1.0}  # two records at the same distance


def test_curves_rise_to_about_one_on_a_grid_of_their_own() -> None:
    rng = np.random.default_rng(0)
    closest, _ = run(comparison(*(population(n, rng) for n in (200, 100, 200)), patient="patient"))
    assert [curve["name"] for curve in closest.details["curves"]] == ["synthetic to train", "holdout to train"]
    for curve in closest.details["curves"]:
        assert np.all(np.diff(curve["y"]) >= 0)
        assert curve["y"][-1] >= 0.97
        assert len(curve["x"]) == len(curve["y"])


def test_without_an_answer_it_says_why() -> None:
    one = {"x": np.arange(20.0)}
    for metric in run(comparison(one, None, one)):
        assert (metric.status, metric.value) == ("not_assessable", None)
        assert "no holdout" in metric.reason
    closest, _ = run(comparison(one, one, one))
    assert closest.status == "not_assessable"
    assert "half of the holdout records equal a training record" in closest.reason
