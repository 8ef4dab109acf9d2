from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.fidelity.rare_categories import RareCategories
from synthgen.metrics.result import Metric
from tests.metrics.build import comparison


def _figure(train: list[str], holdout: list[str] | None, synthetic: list[str]) -> Metric:
    sets = comparison({"d": train}, None if holdout is None else {"d": holdout}, {"d": synthetic})
    return RareCategories().measure(sets, rng=np.random.default_rng(0))[0]


def test_coverage_of_every_band_by_hand() -> None:
    train = ["a"] * 60 + ["b"] * 20 + ["c"] * 8 + ["d"] * 6 + ["e"] * 3 + ["f"] * 3
    synthetic = ["a"] * 90 + ["b"] * 8 + ["c"] + ["f"]
    found = _figure(train, train, synthetic)
    rows = {row["band"]: (row["labels"], row["coverage_synthetic"]) for row in found.details["rows"]}
    assert rows == {"1-4": (2, 0.5), "5-10": (2, 0.5), "11-50": (1, 1.0), ">50": (1, 1.0)}
    assert found.value == pytest.approx(2 / 3)  # b and c of b, c and d: f is too rare to be asked for
    assert found.ceiling == 1
    assert found.details["columns"] == [{"column": "d", "labels": 3, "lacking": 1, "holdout_lacks": 0}]


def test_the_interval_covers_the_expected_coverage() -> None:
    law = 1 / np.arange(1, 301)
    labels = np.array([f"L{k:03}" for k in range(300)])
    rng = np.random.default_rng(0)
    values, covered, zero = [], [], []
    train = rng.choice(labels, 2000, p=law / law.sum()).tolist()
    for _ in range(60):
        holdout, synthetic = (rng.choice(labels, 500, p=law / law.sum()).tolist() for _ in range(2))
        found = _figure(train, holdout, synthetic)
        values.append(found.value)
        covered.append(found.interval)
        low, high = found.details["below_ceiling"]["interval"]
        zero.append(low <= 0 <= high)
    expected = np.mean(values)
    assert np.mean([low <= expected <= high for low, high in covered]) >= 0.88
    assert np.mean(zero) >= 0.88


def test_a_generator_that_forgets_rare_labels_is_below_its_ceiling() -> None:
    rng = np.random.default_rng(0)
    law = 1 / np.arange(1, 101)
    train, holdout, synthetic = (rng.choice(100, 800, p=law / law.sum()) for _ in range(3))
    kept = np.where(synthetic < 20, synthetic, 0)
    found = _figure(*([f"L{k:03}" for k in codes] for codes in (train, holdout, kept)))
    assert found.details["below_ceiling"]["interval"][1] < -0.3


def test_labels_that_all_have_many_patients_are_nothing_to_ask_for() -> None:
    found = _figure(["a"] * 100, None, ["a"] * 100)
    assert (found.status, found.value) == ("not_applicable", None)
