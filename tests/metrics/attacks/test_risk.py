from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from synthgen.metrics.attacks.risk import Rate, Risk, targets, verdict
from synthgen.metrics.result import Metric
from tests.metrics.build import comparison


def rate(hits: int, n: int) -> Rate:
    return Rate.of(np.arange(n) < hits, np.arange(n))  # type: ignore[arg-type]


def test_risk_by_hand() -> None:
    # Chance reaches one in five, the attack three in five: of the four that chance leaves, two.
    risk = Risk(rate(60, 100), rate(20, 100))
    assert risk.value == pytest.approx(0.5)
    assert risk.interval[0] < 0.5 < risk.interval[1]
    assert Risk(rate(20, 100), rate(60, 100)).value == pytest.approx(-1.0)  # its sign is kept
    assert not Risk(rate(100, 100), rate(100, 100)).defined


def test_rates_of_none_and_of_all_have_an_interval() -> None:
    none, every = rate(0, 100), rate(100, 100)
    z2 = 1.959964**2
    assert (none.low, none.high) == pytest.approx((0.0, z2 / (100 + z2)))
    assert (every.low, every.high) == pytest.approx((100 / (100 + z2), 1.0))


def test_one_patient_hit_a_hundred_times_is_one_patient() -> None:
    success = np.repeat([1.0, 0.0], 100)
    once, often = Rate.of(success, np.arange(200)), Rate.of(success, np.r_[np.zeros(100, int), np.arange(1, 101)])
    assert often.high - often.low > 3 * (once.high - once.low)


@pytest.mark.parametrize(("a", "c"), [(0.3, 0.3), (0.05, 0.02), (0.8, 0.5), (0.01, 0.0)])
def test_intervals_cover_the_expected_risk(a: float, c: float) -> None:
    rng = np.random.default_rng(0)
    covered = []
    for _ in range(400):
        # Two attacks on each of 150 patients, which succeed or fail together.
        sides = [np.repeat(rng.random(150) < share, 2).astype(float) for share in (a, c)]
        low, high = Risk(*(Rate.of(side, np.repeat(np.arange(150), 2)) for side in sides)).interval
        covered.append(low <= (a - c) / (1 - c) <= high)
    assert np.mean(covered) >= 0.92
    assert np.mean(covered) <= (1.0 if c == 0.0 else 0.985)


def test_where_few_patients_take_most_hits_the_interval_still_covers() -> None:
    rng = np.random.default_rng(1)
    covered = []
    for _ in range(400):
        # About ten patients in four hundred are so singular that all hits fall on them, on some of them many.
        weight = np.where(rng.random(400) < 0.025, rng.gamma(0.7, 12, 400), 0.0)
        hits = rng.poisson(weight)
        success = np.repeat([1.0, 0.0], [hits.sum(), 1200])
        found = Rate.of(success, np.r_[np.repeat(np.arange(400), hits), np.arange(400, 1600)])
        covered.append(found.low <= 84 / 1284 <= found.high)
    assert 0.9 <= np.mean(covered) <= 0.985


def test_targets_are_of_different_patients_first() -> None:
    sets = {"p": [0] * 50 + list(range(1, 11)), "x": np.arange(60.0)}
    records = comparison(sets, sets, sets, patient="p").train
    chosen = targets(records, 20, np.random.default_rng(0))
    assert len(set(records.patient[chosen[:11]].tolist())) == 11
    assert len(set(chosen.tolist())) == 20


@pytest.mark.parametrize(
    ("interval", "word"), [((-0.02, 0.08), "pass"), ((0.10, 0.20), "fail"), ((0.05, 0.12), "not_assessable")]
)
def test_a_bound_decides_or_says_what_would(interval: tuple[float, float], word: str) -> None:
    value = sum(interval) / 2
    n = {"attacks": 1000, "train_patients": 500, "holdout_patients": 400}
    metric = Metric(name="linkability", family="privacy", table="t", value=value, interval=interval, n=n)
    few = verdict(dataclasses.replace(metric, n=n | {"holdout_patients": 40}), 0.09)
    assert (few.verdict, few.detail[:11]) == ("not_assessable", "40 patients")
    line = verdict(metric, 0.09)
    assert (line.verdict, line.threshold, line.p) == (word, 0.09, None)
    if word == "not_assessable":
        # 0.035 to either side by 1000 attacks, 0.005 from the limit: (0.035 / 0.005)^2 times as many.
        assert "about 49000 attacks would decide" in line.detail
