"""The strongest of many attacks: exact tops, a p that pays for the choice, figures that the choice does not flatter."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from synthgen.metrics.attacks.strongest import MaxT, Reached, Statistics, epsilon_bound, lower_bound, table


def test_deviates_of_a_top_by_hand() -> None:
    # Two of four patients are members. A top of two holds 0, 1, 2 of them with probability 1/6, 4/6, 1/6.
    assert table(2, 4, 2)[1:].tolist() == pytest.approx(norm.isf([5 / 6, 1 / 6]).tolist())
    assert table(2, 4, 2)[0] < -8  # none or more is certain


def test_equal_scores_stay_together_in_a_top() -> None:
    score = np.concatenate([np.ones(20), np.linspace(0, 0.5, 180)])
    assert Statistics.of(score, 100).tops == (
        20,
        25,
        31,
        39,
        49,
    )  # 16 of the 20 equal ones would be a choice among equals


def test_by_chance_p_is_uniform_however_many_scores_there_are() -> None:
    p = []
    for seed in range(100):
        rng = np.random.default_rng(seed)
        member = np.arange(200) < 120
        p.append(MaxT.of([rng.normal(size=200) for _ in range(5)], member, 199, rng).p.min())
    assert np.mean(p) == pytest.approx(0.5, abs=0.09)
    assert np.mean(np.array(p) < 0.05) <= 0.12


@pytest.mark.parametrize("top", [40, 200])
def test_a_few_members_at_the_top_are_seen_where_the_mean_rank_is_blind(top: int) -> None:
    rng = np.random.default_rng(0)
    member = np.arange(4000) < 2000
    score = rng.normal(size=4000)
    score[:top] += 10
    test = MaxT.of([rng.normal(size=4000), score], member, 199, rng)
    assert test.p.tolist() == [pytest.approx(test.p[0]), 1 / 200]
    assert test.z[1] > 5


def test_detectable_is_a_share_of_members_that_is_indeed_detected() -> None:
    rng = np.random.default_rng(1)
    member = np.arange(2000) < 1000
    score = -rng.exponential(size=2000)
    least = MaxT.of([score], member, 499, rng).detectable(score, member, 0.01)
    assert least is not None
    flagged = []
    for seed in range(30):
        rng = np.random.default_rng(seed)
        planted = -rng.exponential(size=2000)
        planted[rng.permutation(1000)[: round(1000 * least)]] = 0.0
        flagged.append(MaxT.of([planted], member, 299, rng).p.min() < 0.01)
    assert np.mean(flagged) >= 0.65


def test_what_the_strongest_of_many_reaches_is_not_flattered_by_the_choice() -> None:
    values, covers = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        member = np.arange(300) < 150
        reached = Reached.of([rng.normal(size=300) for _ in range(20)], member, rng)
        values.append(reached.auc.value)
        low, high = reached.auc.interval or (0.0, 1.0)
        covers.append(low <= 0.5 <= high)
        assert reached.rate == pytest.approx(10 / 100)
    assert np.mean(values) == pytest.approx(0.5, abs=0.02)
    assert np.mean(covers) >= 0.87


def test_certainty_is_reached_and_bounded() -> None:
    member = np.arange(400) < 200
    reached = Reached.of([np.zeros(400), member.astype(float)], member, np.random.default_rng(0))
    assert (reached.auc.value, reached.tpr, reached.chosen) == (1.0, 1.0, 1)
    assert reached.tpr_low == pytest.approx(0.05 ** (1 / 133))
    assert np.all(np.diff(reached.true_positives) >= 0)
    # A score that points the wrong way is turned round.
    assert Reached.of([-member.astype(float)], member, np.random.default_rng(0)).auc.value == 1.0


def test_with_few_holdout_patients_no_rate_of_false_positives_is_supported() -> None:
    member = np.arange(60) < 45
    reached = Reached.of([np.random.default_rng(0).normal(size=60)], member, np.random.default_rng(0))
    assert (reached.tpr, reached.tpr_low) == (None, None)


def test_bounds_by_hand() -> None:
    assert lower_bound(0, 10, 0.05) == 0.0
    assert lower_bound(20, 20, 0.05) == pytest.approx(0.05 ** (1 / 20))
    # Of the top twenty of forty all are members, who are half: the odds rise from 1 to at least p / (1 - p).
    member = np.arange(40) < 20
    right = 0.05 ** (1 / 20)
    assert epsilon_bound(member.astype(float), member, 0.5, 0.05) == pytest.approx(np.log(right / (1 - right)))
