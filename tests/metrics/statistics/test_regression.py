"""Coefficients and standard errors against least squares by hand, simulation, and Cox by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.errors import NotApplicable
from synthgen.metrics.statistics.cox import concordance, log_hazard_ratios
from synthgen.metrics.statistics.kaplan_meier import LifeTable, area_between
from synthgen.metrics.statistics.regression import regress
from synthgen.metrics.utility.inference import overlap


def test_a_line_through_three_points() -> None:
    X, y, rows = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 5.0]), np.arange(3)
    found = regress(X, y, rows, rows, logistic=False)
    assert found.coefficients == pytest.approx([2.5], rel=1e-4)
    # Residuals .5, -1, .5; centred x -1, 0, 1; scores -.5, 0, .5 over a sum of squares of 2; times 3 / 2.
    assert found.error == pytest.approx([np.sqrt((0.25**2 + 0.25**2) * 1.5)], rel=1e-3)
    assert found.influence.sum(axis=0) == pytest.approx([0], abs=1e-4)


def test_an_odds_ratio_by_hand_and_what_is_told_for_certain_stays_finite() -> None:
    x = np.repeat([0.0, 1.0], 400)
    y = np.concatenate([np.repeat([1.0, 0.0], [100, 300]), np.repeat([1.0, 0.0], [200, 200])])
    found = regress(x[:, None], y, np.arange(800), np.arange(800) % 8, logistic=True)
    assert found.coefficients == pytest.approx([np.log(3)], rel=0.01)
    assert found.error == pytest.approx([np.sqrt(1 / 100 + 1 / 300 + 1 / 200 + 1 / 200)], rel=0.01)
    certain = regress(x[:, None], x, np.arange(800), np.arange(800), logistic=True)
    assert 5 < certain.coefficients[0] < 30
    with pytest.raises(NotApplicable, match="does not vary"):
        regress(x[:, None], np.ones(800), np.arange(800), np.arange(800), logistic=True)


def test_columns_that_nearly_tell_the_outcome_come_to_an_end() -> None:
    rng = np.random.default_rng(0)
    y = (rng.random(2000) < 0.1).astype(float)
    X = np.stack([np.where(y == 1, 1.0, rng.random(2000) < 0.3), 8 * y + rng.normal(size=2000), rng.normal(size=2000)])
    found = regress(X.T, y, np.arange(2000), np.arange(2000) % 40, logistic=True)
    assert np.all(np.isfinite(found.coefficients))
    assert found.coefficients[1] > 1
    assert abs(found.coefficients[2]) < 4 * found.error[2]


def test_rows_of_a_patient_count_once() -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=300)
    y = x + rng.normal(size=300)
    who = np.arange(300)
    once = regress(x[:, None], y, who, who, logistic=False)
    again = regress(np.tile(x, 5)[:, None], np.tile(y, 5), np.tile(who, 5), np.tile(who, 5), logistic=False)
    assert again.error == pytest.approx(once.error, rel=1e-3)


def test_the_overlap_of_equal_shifted_and_disjoint_intervals() -> None:
    reach = np.array([1.959964])
    assert overlap(np.array([[0.0]]), reach) == pytest.approx(1)
    assert overlap(np.array([[reach[0]]]), reach) == pytest.approx(0.5)
    assert overlap(np.array([[4.0]]), reach) == 0
    assert overlap(np.array([[0.0]]), 2 * reach) == pytest.approx(0.75)  # all of the one, half of the other


def test_kaplan_and_meier_by_hand() -> None:
    # Events at 1 and 3, censored at 2 and 4: S falls to 3/4 at 1 and to 3/4 x 1/2 at 3.
    time, event = np.array([1.0, 2.0, 3.0, 4.0]), np.array([True, False, True, False])
    table = LifeTable.of(time, time, event, np.zeros(4, np.int64), 1)
    curve = table.survival(np.ones((1, 1)))
    assert curve[0] == pytest.approx([0.75, 0.75, 0.375, 0.375])
    # Against a curve that stays at 1: .25 from 1 to 3 and .625 from 3 to 4, over 4.
    assert area_between(time, curve - 1) == pytest.approx([(0.25 * 2 + 0.625) / 4])


def test_a_hazard_ratio_is_found_again_under_censoring() -> None:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(4000, 2))
    died = rng.exponential(size=4000) * np.exp(-X @ [0.7, -0.3])
    left = rng.exponential(1.5, size=4000)
    found = log_hazard_ratios(X, np.minimum(died, left), died <= left)
    assert found == pytest.approx([0.7, -0.3], abs=0.08)
    with pytest.raises(NotApplicable, match="no event"):
        log_hazard_ratios(X, died, np.zeros(4000, bool))


def test_one_covariate_of_two_patients_by_hand() -> None:
    # At the first event both are at risk, at the second one alone: the likelihood e^b / (e^b + 1) has no maximum.
    with pytest.raises(NotApplicable, match="no finite answer"):
        log_hazard_ratios(np.array([[1.0], [0.0]]), np.array([1.0, 2.0]), np.array([True, True]))


def test_concordance_counts_the_pairs_of_which_it_is_known_who_went_first() -> None:
    time, event = np.array([1.0, 2.0, 3.0]), np.array([True, False, True])
    # Known: 1 before 2, 1 before 3. The one censored at 2 may have gone before or after 3.
    assert concordance(np.array([3.0, 1.0, 2.0]), time, event, np.ones((1, 3))) == pytest.approx([1])
    assert concordance(np.array([2.0, 2.0, 3.0]), time, event, np.ones((1, 3))) == pytest.approx([0.25])
    assert np.isnan(concordance(np.ones(3), time, np.zeros(3, bool), np.ones((1, 3)))[0])
