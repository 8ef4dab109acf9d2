"""Near copies, membership disclosure and vulnerable records: three looks at the distances of one trial."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.privacy.membership_disclosure import MembershipDisclosure
from synthgen.metrics.privacy.near_copies import NearCopies
from synthgen.metrics.privacy.vulnerable_records import VulnerableRecords
from synthgen.metrics.result import Metric, Verdict
from tests.metrics.build import comparison
from tests.metrics.privacy.populations import population, rows, stacked


def measured(measure: Measure, compared: Comparison) -> Metric:
    return measure.measure(compared, rng=np.random.default_rng(0))[0]


def disclosed(compared: Comparison) -> tuple[Metric, Verdict]:
    metric = measured(MembershipDisclosure(), compared)
    (verdict,) = MembershipDisclosure().judge((metric,), compared)
    return metric, verdict


def test_near_copies_by_hand() -> None:
    # Ten columns: synthetic records differ from those of training in one category, from those of the holdout in all.
    rng = np.random.default_rng(0)
    train, holdout = ({f"c{k}": [f"{rng.integers(50)}" for _ in range(100)] for k in range(10)} for _ in "ab")
    synthetic = train | {"c3": ["other"] * 100}
    metric = measured(NearCopies(), comparison(train, holdout, synthetic))
    assert (metric.value, metric.ceiling) == (1.0, 0.0)
    assert [row["train"] for row in metric.details["rows"]] == [0.0, 0.0, 1.0, 1.0, 1.0]


def test_fresh_draws_make_as_many_near_copies_of_training_as_of_holdout_patients() -> None:
    differences, covered = [], []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        train, holdout = population(300, rng), population(150, rng, first_patient=300)
        metric = measured(NearCopies(), comparison(train, holdout, population(30, rng), patient="patient"))
        if metric.value is not None and metric.ceiling is not None and metric.interval is not None:
            differences.append(metric.value - metric.ceiling)
            covered.append(metric.interval[0] <= metric.value <= metric.interval[1])
    assert np.mean(differences) == pytest.approx(0.0, abs=0.03)
    assert all(covered)


def test_f1_by_hand_and_its_verdicts() -> None:
    rng = np.random.default_rng(1)
    train, holdout = population(400, rng), population(400, rng, first_patient=400)
    copy, line = disclosed(comparison(train, holdout, train, patient="patient"))
    assert copy.value == pytest.approx(1.0, abs=0.02)
    assert line.verdict == "fail"
    fresh, line = disclosed(comparison(train, holdout, population(400, rng), patient="patient"))
    assert fresh.value == pytest.approx(0.0, abs=0.05)  # everyone is called a member: F1 is 2/3, the naive one
    assert (line.verdict, line.threshold) == ("pass", 0.2)
    half = stacked(rows(train, np.arange(200)), population(200, rng)) | {"patient": np.arange(400)}
    some, line = disclosed(comparison(train, holdout, half, patient="patient"))
    assert some.value is not None
    # Half are found without a false alarm: F1 is 2 x 0.5 / 1.5 = 2/3, no better than calling everyone a member.
    assert some.value == pytest.approx(0.0, abs=0.15)


def test_isolated_patients_are_ranked_and_what_is_reached_on_them_is_told() -> None:
    rng = np.random.default_rng(2)
    crowd, far = rng.normal(size=(2, 1000)), rng.normal(0, 1, (2, 60)) + 20 * rng.choice([-1, 1], (2, 60))
    train, holdout = ({"x": np.r_[crowd[k], far[k] * rng.uniform(1, 9, 60)]} for k in (0, 1))
    # Only the isolated training patients were copied.
    synthetic = {"x": np.r_[rng.normal(size=1000), train["x"][1000:]]}
    metric = measured(VulnerableRecords(), comparison(train, holdout, synthetic))
    assert metric.value is not None
    assert metric.value > 0.95
    assert metric.n["train_patients"] >= 20
    assert all(row["record"] > 1000 for row in metric.details["rows"])
    distances = [row["distance_to_reference"] for row in metric.details["rows"]]
    assert distances == sorted(distances, reverse=True)


@pytest.mark.parametrize("measure", [NearCopies(), MembershipDisclosure(), VulnerableRecords()])
def test_without_a_holdout_there_is_no_answer(measure: Measure) -> None:
    one = {"x": np.arange(50.0)}
    metric = measured(measure, comparison(one, None, one))
    assert (metric.status, metric.value) == ("not_assessable", None)
    assert "no holdout" in metric.reason
