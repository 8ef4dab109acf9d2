"""Scales go together in generated rows as closely as in real ones, by slopes that few patients do not decide."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import norm, spearmanr

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.models._autoregressive.scales import _Cells, _Moments
from synthgen.models._autoregressive.slopes import scores, tilt
from synthgen.models.autoregressive import Autoregressive, FittedAutoregressive
from synthgen.models.base import Codes, CodeTable

N, CODES = 1200, 32
MISSING = CODES


def _domains(n: int, **more: object) -> tuple[Domain, ...]:
    special = {"special": (MISSING,), "missing": (MISSING,), "positions": (*range(CODES), 0)}
    return tuple(Domain(f"visit{k}", f"visit{k}", CODES + 1, Scale.NUMERIC, **special, **more) for k in range(n))


def _visits(correlation: float, columns: int = 2, n: int = N, seed: int = 1) -> Codes:
    """Numbers of a person at some visits, each about as the person is; in codes of equally many rows."""
    rng = np.random.default_rng(seed)
    person = rng.normal(size=(n, 1))
    values = np.sqrt(abs(correlation)) * person + np.sqrt(1 - abs(correlation)) * rng.normal(size=(n, columns))
    values[:, 0] *= np.sign(correlation)
    return (norm.cdf(values) * CODES).astype(np.int32)


def _fitted(rows: Codes, domains: tuple[Domain, ...], whose: NDArray[np.int64] | None = None) -> FittedAutoregressive:
    """A network that is held back until it has learned nothing: all that goes together is left to the slopes."""
    return Autoregressive(epochs=1, penalty=1e4).fit(
        CodeTable(domains, [rows]),
        rng=np.random.default_rng(2),
        groups=None if whose is None else [whose],
    )


def _correlation(codes: Codes, one: int, other: int) -> float:
    known = (codes[:, one] < MISSING) & (codes[:, other] < MISSING)
    return float(spearmanr(codes[known, one], codes[known, other]).statistic)


@pytest.mark.parametrize("correlation", [0.3, 0.9, 0.98, -0.9])
def test_a_correlation_is_met_by_one_slope(correlation: float) -> None:
    rows = _visits(correlation)
    fitted = _fitted(rows, _domains(2))
    codes = fitted.sample(20_000, rng=np.random.default_rng(3))
    assert len(fitted.network.slopes.slopes) == 1
    assert _correlation(codes, 0, 1) == pytest.approx(_correlation(rows, 0, 1), abs=0.02)


def test_shares_stay_as_they_are() -> None:
    rows = _visits(0.9)
    codes = _fitted(rows, _domains(2)).sample(40_000, rng=np.random.default_rng(3))
    for column in range(2):
        real, own = (np.bincount(of[:, column], minlength=CODES + 1) / len(of) for of in (rows, codes))
        assert np.abs(real - own).max() < 0.006


def test_what_is_missing_stays_so_and_says_nothing() -> None:
    rows = _visits(0.9)
    rows[:300, 1] = MISSING
    codes = _fitted(rows, _domains(2)).sample(40_000, rng=np.random.default_rng(3))
    assert (codes[:, 1] == MISSING).mean() == pytest.approx(0.25, abs=0.01)
    assert _correlation(codes, 0, 1) == pytest.approx(_correlation(rows, 0, 1), abs=0.02)


def test_cells_that_are_not_observed_say_nothing() -> None:
    rows = _visits(0.9)
    rows[:300, 1] = UNOBSERVED
    codes = _fitted(rows, _domains(2)).sample(40_000, rng=np.random.default_rng(3))
    assert _correlation(codes, 0, 1) == pytest.approx(_correlation(rows[300:], 0, 1), abs=0.02)


def test_visits_that_say_the_same_share_what_they_say() -> None:
    """Of six visits, each about as the person is; what is missed by under five standard errors, .055, is left."""
    rows = _visits(0.8, columns=6)
    fitted = _fitted(rows, _domains(6))
    codes = fitted.sample(20_000, rng=np.random.default_rng(3))
    apart = [abs(_correlation(codes, a, b) - _correlation(rows, a, b)) for a in range(6) for b in range(a)]
    assert max(apart) < 0.07
    assert np.bincount(fitted.network.slopes.pairs[:, 1]).max() <= 5


def test_columns_that_are_hardly_ever_both_there_have_slopes_of_their_own() -> None:
    """Days since two findings, of which most patients have one; who has both has them of the same day.

    Where they are both there they are one column, but the last follows the one up and the other down, each where it
    stands alone.
    """
    rows = _visits(0.0, columns=3, n=4000)
    second = _visits(0.5, columns=2, n=4000, seed=2)
    rows[:1900, [0, 2]], rows[:1900, 1] = second[:1900], MISSING
    falling = _visits(-0.5, columns=2, n=4000, seed=3)
    rows[1900:3800, [1, 2]], rows[1900:3800, 0] = falling[1900:3800], MISSING
    rows[3800:, 1] = rows[3800:, 0]
    fitted = _fitted(rows, _domains(3))
    codes = fitted.sample(40_000, rng=np.random.default_rng(3))
    of_last = fitted.network.slopes.slopes[fitted.network.slopes.pairs[:, 1] == fitted.layout.order.index(2)]
    assert np.abs(of_last).max() < 3
    for other in range(2):
        assert _correlation(codes, other, 2) == pytest.approx(_correlation(rows, other, 2), abs=0.05)
    real, own = (np.bincount(of[:, 2], minlength=CODES + 1) / len(of) for of in (rows, codes))
    assert np.abs(real - own).sum() / 2 < 0.05


def test_who_has_no_number_before_is_as_varied_as_before() -> None:
    """Of a third of the patients the visit before is known, and close: it narrows nothing for the others."""
    rows = _visits(0.97, n=3000)
    rows[1000:, 0] = MISSING
    codes = _fitted(rows, _domains(2)).sample(40_000, rng=np.random.default_rng(3))
    for known in (True, False):
        real, own = (of[(of[:, 0] < MISSING) == known, 1] for of in (rows, codes))
        real_, own_ = (np.bincount(of, minlength=CODES + 1) / len(of) for of in (real, own))
        assert np.abs(real_ - own_).sum() / 2 < 0.08
    assert _correlation(codes, 0, 1) == pytest.approx(_correlation(rows, 0, 1), abs=0.02)


def test_a_column_that_is_constant_where_the_other_is_there_has_no_correlation_with_it() -> None:
    """Days since a birth, of those who have a score of independence: none. What is rounded off is no variance."""
    rng, found = np.random.default_rng(5), []
    for n in range(1000, 1100):
        constant, score, there = np.full((n, 1), -n / 997, np.float32), rng.normal(size=n), np.ones(n, np.float32)
        later = _Moments(there, score.astype(np.float32), (score**2).astype(np.float32))
        found.append(float(_Cells(constant, there[:, None]).beside(later).correlation[0]))
    assert found == [0.0] * 100


def test_of_too_few_patients_nothing_is_told() -> None:
    rows = _visits(0.9)
    rows[40:, 1] = MISSING
    assert not len(_fitted(rows, _domains(2)).network.slopes.slopes)


def test_many_rows_of_few_patients_are_no_evidence() -> None:
    """1,200 rows of 40 patients."""
    assert not len(_fitted(_visits(0.9), _domains(2), np.arange(N) % 40).network.slopes.slopes)


def test_independent_columns_get_no_slopes() -> None:
    for seed in range(5):
        assert not len(_fitted(_visits(0.0, columns=4, seed=seed), _domains(4)).network.slopes.slopes)


def test_codes_without_order_and_of_many_units_have_no_scale() -> None:
    rows = _visits(0.9)
    nominal = tuple(Domain(f"c{k}", f"c{k}", CODES + 1, Scale.NOMINAL) for k in range(2))
    assert not len(_fitted(rows, nominal).network.slopes.slopes)
    assert np.isnan(scores(_domains(1, unit="test")[0], np.full(CODES + 1, 1 / (CODES + 1)))).all()


def test_scores_are_normal_by_rank_of_mean_0_and_variance_1() -> None:
    share = np.array([0.2, 0.0, 0.5, 0.3, 0.0])
    domain = Domain("x", "x", 5, Scale.ORDERED, special=(4,))
    found = scores(domain, share)
    expected = norm.ppf([0.1, 0.45, 0.85])
    expected = (expected - expected @ [0.2, 0.5, 0.3]) / np.sqrt(np.cov(expected, aweights=[0.2, 0.5, 0.3], ddof=0))
    assert found[[0, 2, 3]] == pytest.approx(expected, abs=1e-5)
    assert np.isnan(found[[1, 4, 5]]).all()


def test_no_slope_makes_a_code_impossible_nor_a_never_seen_one_possible() -> None:
    """By slope 30 the lowest code would be e^-60 beside the highest; it is e^-10 beside what it was."""
    logits = np.array([[-1.0], [-np.inf], [0.0]], np.float32)
    tilt(logits, np.array([-1, 0, 1], np.float32), np.array([30], np.float32), np.array([20], np.float32))
    assert (logits - logits.max()).ravel() == pytest.approx([-11.0, -np.inf, 0.0])
