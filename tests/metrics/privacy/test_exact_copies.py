from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.base import Comparison
from synthgen.metrics.privacy.exact_copies import ExactCopies
from synthgen.metrics.result import Metric, Verdict
from tests.metrics.build import comparison
from tests.metrics.privacy.populations import categorical, population, riddled, rows, stacked


def run(compared: Comparison) -> tuple[Metric, Verdict]:
    metrics = ExactCopies().measure(compared, rng=np.random.default_rng(0))
    (verdict,) = ExactCopies().judge(metrics, compared)
    return metrics[0], verdict


def test_shares_by_hand() -> None:
    # Ten patients with the record (0, a), and four with others.
    train = {"x": [0.0] * 10 + [1.0, 2.0, None, 4.0], "c": ["a"] * 10 + ["a", "b", None, "a"]}
    holdout = {"x": [1.0, 9.0], "c": ["a", "b"]}
    synthetic = {"x": [1.0, None, 4.0, 4.0, 9.0] * 2, "c": ["a", None, "b", "a", "b"] * 2}
    metric, verdict = run(comparison(train, holdout, synthetic))
    assert metric.value == 0.6  # the first, the missing one, the fourth
    assert metric.ceiling == 0.5  # the first holdout record is a training record as well
    assert [row["value"] for row in metric.details["rows"]] == [0.6, 0.4, 0.5, 0.4]
    assert verdict.verdict == "not_assessable"  # the holdout is too small to tell chance from a leak
    assert "at least 10" in verdict.detail


@pytest.mark.parametrize("form", ["as it is", "shuffled", "categorical", "full of missing values"])
def test_copy_of_train_is_all_copies(form: str) -> None:
    rng = np.random.default_rng(1)
    train, holdout = population(300, rng), population(75, rng, first_patient=300)
    if form == "categorical":
        train, holdout = categorical(train), categorical(holdout)
    if form == "full of missing values":
        train, holdout = riddled(train, rng), riddled(holdout, rng)
    copy = rows(train, rng.permutation(300)) if form == "shuffled" else train
    metric, verdict = run(comparison(train, holdout, copy, patient="patient"))
    assert metric.value == 1.0
    assert verdict.verdict == "leak"


def test_a_hundredth_of_copied_rows_is_flagged() -> None:
    rng = np.random.default_rng(2)
    train, holdout = population(1500, rng), population(1500, rng, first_patient=1500)
    synthetic = stacked(rows(train, np.arange(15)), population(1485, rng))
    synthetic["patient"] = np.arange(1500)
    _, verdict = run(comparison(train, holdout, synthetic, patient="patient"))
    assert verdict.verdict == "leak"


def test_common_records_repeat_by_chance_without_a_leak() -> None:
    flagged = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        # 64 cells of uneven frequency: most are common, a few are held by one patient.
        train, holdout, synthetic = ({"c": (rng.zipf(1.6, n) % 64).astype(str)} for n in (400, 100, 400))
        metric, verdict = run(comparison(train, holdout, synthetic))
        assert metric.value is not None
        assert metric.value > 0.9
        flagged += verdict.verdict == "leak"
    assert flagged <= 3


def test_repeating_one_patients_rows_moves_no_p() -> None:
    rng = np.random.default_rng(3)
    train, holdout = population(100, rng), population(100, rng, first_patient=100)
    synthetic = stacked(rows(train, np.arange(3)), population(97, rng))
    _, once = run(comparison(train, holdout, synthetic, patient="patient"))
    _, again = run(
        comparison(stacked(train, *[rows(train, np.array([0]))] * 1000), holdout, synthetic, patient="patient")
    )
    assert again.p == once.p
    assert once.p is not None


def test_detectable_leak_is_flagged_in_about_eight_of_ten_plantings_or_more() -> None:
    flagged = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        train, holdout = population(500, rng), population(500, rng, first_patient=500)
        _, clean = run(comparison(train, holdout, population(500, rng), patient="patient"))
        if clean.detectable is None:
            continue
        number = int(np.ceil(clean.detectable * 500))
        planted = stacked(rows(train, rng.permutation(500)[:number]), population(500 - number, rng))
        flagged.append(run(comparison(train, holdout, planted, patient="patient"))[1].verdict == "leak")
    assert len(flagged) > 20
    assert np.mean(flagged) >= 0.65


def test_without_a_holdout_the_share_stands_and_the_line_has_no_answer() -> None:
    metric, verdict = run(comparison({"x": np.arange(20.0)}, None, {"x": np.arange(40.0)}))
    assert (metric.value, metric.ceiling, verdict.verdict) == (0.5, None, "not_assessable")
    assert "no holdout" in verdict.detail


def test_constant_columns_hold_no_unique_record() -> None:
    same = {"x": np.ones(50)}
    metric, verdict = run(comparison(same, same, same))
    assert (metric.value, metric.ceiling) == (1.0, 1.0)
    assert verdict.verdict == "not_assessable"
    assert "no training record is unique" in verdict.detail
