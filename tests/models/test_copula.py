"""The copula against answers known from elsewhere: bivariate normal integrals, planted associations, exact counts."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import multivariate_normal, norm

from synthgen.encoding.domain import Domain, Scale
from synthgen.models._copula import truncated
from synthgen.models._copula.axes import axes_of
from synthgen.models._copula.latent import Placement, hermite, main_direction, nearest_correlation
from synthgen.models._copula.pairs import MOST_LEVELS, Grouping, PairTables, count_pairs
from synthgen.models.base import Codes, CodeTable
from synthgen.models.copula import Copula, FittedCopula


def _rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def _fit(codes: Codes, domains: tuple[Domain, ...]) -> FittedCopula:
    return Copula().fit(CodeTable(domains, [np.asfortranarray(codes, np.int32)]), rng=_rng())


def _ordered(*sizes: int) -> tuple[Domain, ...]:
    return tuple(Domain(f"c{i}", f"c{i}", size, Scale.ORDERED) for i, size in enumerate(sizes))


def _nominal(*sizes: int) -> tuple[Domain, ...]:
    return tuple(Domain(f"c{i}", f"c{i}", size, Scale.NOMINAL) for i, size in enumerate(sizes))


def _rows(table: NDArray[np.int64]) -> Codes:
    """One row per count of a contingency table."""
    cells = np.array(list(product(*map(range, table.shape))), np.int32)
    return np.repeat(cells, table.ravel(), axis=0)


def _normal_pair(rho: float, n: int, seed: int = 0) -> NDArray[np.float64]:
    z = _rng(seed).standard_normal((n, 2))
    return np.stack([z[:, 0], rho * z[:, 0] + np.sqrt(1 - rho**2) * z[:, 1]], axis=1)


def _rectangle(low: list[float], high: list[float], correlation: NDArray[np.float64]) -> float:
    """The exact probability of a rectangle, by inclusion and exclusion of corners."""
    clipped = [np.clip(edge, -9, 9) for edge in (low, high)]
    law = multivariate_normal(np.zeros(len(low)), correlation)
    total = 0.0
    for corner in product((0, 1), repeat=len(low)):
        point = [clipped[side][i] for i, side in enumerate(corner)]
        total += (-1) ** (len(low) - sum(corner)) * law.cdf(point)
    return total


def test_halves_that_agree_in_two_thirds_have_a_latent_correlation_of_one_half() -> None:
    """For medians P(both low) = 1/4 + arcsin(ρ) / 2π, which is 1/3 at ρ = 1/2 (Sheppard 1899)."""
    fitted = _fit(_rows(np.array([[20_000, 10_000], [10_000, 20_000]])), _ordered(2, 2))
    assert fitted.correlation[0, 1] == pytest.approx(0.5, abs=1e-3)


def test_a_two_by_two_table_is_reproduced() -> None:
    table = np.array([[7000, 1000], [500, 1500]])
    fitted = _fit(_rows(table), _ordered(2, 2))
    cells = np.array(list(product(range(2), range(2))), np.int32)
    assert np.exp(fitted.log_prob(cells)) == pytest.approx(table.ravel() / table.sum(), abs=0.004)
    sampled = np.bincount(fitted.sample(100_000, rng=_rng()) @ [2, 1], minlength=4) / 100_000
    assert sampled == pytest.approx(table.ravel() / table.sum(), abs=0.006)


@pytest.mark.parametrize("rho", [-0.8, -0.3, 0.0, 0.6, 0.9])
def test_latent_correlation_of_levels_with_known_cuts(rho: float) -> None:
    z = _normal_pair(rho, 60_000)
    codes = np.stack([np.digitize(z[:, 0], [-1.0, 0.2, 0.9]), np.digitize(z[:, 1], [-0.5, 1.5])], axis=1)
    assert _fit(codes, _ordered(4, 3)).correlation[0, 1] == pytest.approx(rho, abs=0.02)


@pytest.mark.parametrize("rho", [-0.9, -0.4, 0.2, 0.7])
def test_hermite_expansion_is_the_covariance_of_step_functions(rho: float) -> None:
    shares = np.array([0.2, 0.5, 0.3]), np.array([0.6, 0.4])
    placements = [Placement.of(np.arange(len(share)), share) for share in shares]
    scores = [placement.scores() for placement in placements]
    expanded = np.prod(hermite(placements, scores), axis=0) @ rho ** np.arange(1, 49)
    correlation = np.array([[1, rho], [rho, 1]])
    exact = 0.0
    for i, j in product(range(3), range(2)):
        (a, b), (c, d) = placements[0].interval(i), placements[1].interval(j)
        exact += scores[0][i] * scores[1][j] * _rectangle([a, c], [b, d], correlation)
    assert expanded == pytest.approx(exact, abs=2e-3)


def test_first_coefficient_is_the_variance_of_the_scores() -> None:
    share = np.array([0.1, 0.6, 0.3])
    placement = Placement.of(np.array([2, 0, 1]), share)
    scores = placement.scores()
    assert share @ scores == pytest.approx(0)
    assert hermite([placement], [scores])[0, 0] == pytest.approx(share @ scores**2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_levels", [2, 9, 40, 700])
def test_the_place_of_a_value_is_that_of_its_interval(n_levels: int, dtype: type) -> None:
    """However it is looked up: between edges, on them, a little below, and far out."""
    share = _rng().dirichlet(np.full(n_levels, 0.2))
    share[: n_levels // 4] = 0.0
    placement = Placement.of(_rng(1).permutation(n_levels), share / share.sum())
    edges = placement.edges[1:-1].astype(dtype)
    below = np.nextafter(edges, dtype(-np.inf))
    z = np.concatenate([edges, below, _rng(2).standard_normal(5000), [-40, -5, 0, 5, 40, np.inf]]).astype(dtype)
    assert np.array_equal(placement.places(z), np.searchsorted(edges, z, side="right"))


def test_three_columns_against_exact_integration() -> None:
    domains = _ordered(2, 3, 2)
    placements = tuple(Placement.of(np.arange(d.size), np.full(d.size, 1 / d.size)) for d in domains)
    correlation = np.array([[1, 0.6, -0.3], [0.6, 1, 0.2], [-0.3, 0.2, 1]])
    fitted = FittedCopula(domains, (), placements, correlation)
    cells = np.array(list(product(range(2), range(3), range(2))), np.int32)
    exact = []
    for cell in cells:
        low, high = zip(*(p.interval(int(level)) for p, level in zip(placements, cell, strict=True)), strict=True)
        exact.append(_rectangle(list(low), list(high), correlation))
    assert sum(exact) == pytest.approx(1, abs=1e-4)
    assert np.exp(fitted.log_prob(cells)) == pytest.approx(exact, rel=0.03)


def test_missing_because_of_a_condition_stays_so() -> None:
    """A laboratory value missing in 10 % of one group and 60 % of the other, and higher by 1 in the latter."""
    rng = _rng(11)
    group = (rng.random(40_000) < 0.3).astype(int)
    value = np.clip(np.round(rng.normal(4 + group, 1.5)), 0, 9).astype(int)
    missing = rng.random(40_000) < np.where(group == 1, 0.6, 0.1)
    lab = Domain("lab", "lab", 11, Scale.NUMERIC, special=(10,), missing=(10,), positions=tuple(range(11)))
    fitted = _fit(np.stack([group, np.where(missing, 10, value)], axis=1), (_nominal(2)[0], lab))
    codes = fitted.sample(200_000, rng=_rng())
    rates = [(codes[codes[:, 0] == g, 1] == 10).mean() for g in (0, 1)]
    assert rates[1] - rates[0] == pytest.approx(0.5, rel=0.02)
    there = codes[codes[:, 1] < 10]
    rise = there[there[:, 0] == 1, 1].mean() - there[there[:, 0] == 0, 1].mean()
    assert rise == pytest.approx(1, abs=0.15)


def _association(codes: Codes) -> float:
    """Cramér's V of the first two columns."""
    table = np.zeros(codes.max(axis=0)[:2] + 1)
    np.add.at(table, (codes[:, 0], codes[:, 1]), 1)
    expected = table.sum(axis=1, keepdims=True) * table.sum(axis=0) / table.sum()
    chi2 = ((table - expected) ** 2 / np.where(expected > 0, expected, 1)).sum()
    return float(np.sqrt(chi2 / table.sum() / (min(table.shape) - 1)))


def test_the_order_in_which_nominal_levels_are_written_does_not_matter() -> None:
    z = _normal_pair(0.8, 30_000)
    codes = np.stack([np.digitize(z[:, i], [-1.0, -0.4, 0.3, 1.1]) for i in (0, 1)], axis=1)
    scrambled = np.stack([np.array([3, 0, 4, 1, 2])[codes[:, 0]], np.array([1, 4, 2, 0, 3])[codes[:, 1]]], axis=1)
    real = _association(codes)
    kept = _association(_fit(scrambled, _nominal(5, 5)).sample(30_000, rng=_rng()))
    lost = _association(_fit(scrambled, _ordered(5, 5)).sample(30_000, rng=_rng()))
    assert kept == pytest.approx(real, abs=0.05)
    assert lost < real / 2


def test_where_levels_differ_in_two_ways_the_target_counts_more() -> None:
    """Four wards tell a severity, which two columns show, and an outcome: one axis has room for one of them."""
    rng = _rng(4)
    ward = rng.integers(0, 4, 40_000)
    told = [np.where(rng.random(40_000) < 0.8, bit, 1 - bit) for bit in (ward // 2, ward // 2, ward % 2)]
    codes = np.stack([ward, *told], axis=1)
    *others, outcome = _nominal(4, 2, 2, 2)
    kept = []
    for target in (False, True):
        drawn = _fit(codes, (*others, replace(outcome, target=target))).sample(40_000, rng=_rng())
        kept.append(_association(drawn[:, [0, 3]]))
    real = _association(codes[:, [0, 3]])
    assert real == pytest.approx(0.6, abs=0.02)
    assert kept[0] < 0.4
    assert kept[1] > 0.5


def test_more_levels_than_are_counted_keep_their_association() -> None:
    """200 unordered levels, each of which favours one of two outcomes."""
    rng = _rng(5)
    level = rng.permutation(200)[np.minimum((rng.exponential(30, 40_000)).astype(int), 199)]
    outcome = np.where(rng.random(40_000) < 0.8, level % 2, rng.integers(0, 2, 40_000))
    fitted = _fit(np.stack([level, outcome], axis=1), (_nominal(200)[0], _ordered(2)[0]))
    assert fitted.axes[0].n_levels > MOST_LEVELS
    codes = fitted.sample(40_000, rng=_rng())
    favoured = (codes[:, 0] % 2 == codes[:, 1]).mean()
    assert (level % 2 == outcome).mean() == pytest.approx(0.9, abs=0.01)
    assert favoured > 0.75  # 0.5 if the levels said nothing; one normal axis cannot give all of 0.9


def test_two_axes_of_many_levels() -> None:
    z = _normal_pair(0.7, 30_000)
    codes = np.stack([np.digitize(z[:, i], np.linspace(-2, 2, 99)) for i in (0, 1)], axis=1)
    assert _fit(codes, _ordered(100, 100)).correlation[0, 1] == pytest.approx(0.7, abs=0.02)
    scramble = _rng().permutation(100)
    sampled = _fit(scramble[codes], _nominal(100, 100)).sample(30_000, rng=_rng())
    back = np.argsort(scramble)[sampled]
    assert abs(np.corrcoef(back.T)[0, 1]) == pytest.approx(0.7, abs=0.1)


def test_conditional_draws_follow_the_conditional_distribution() -> None:
    rng = _rng(2)
    z = rng.standard_normal((40_000, 4)) @ np.linalg.cholesky(0.5 * np.eye(4) + 0.5).T
    codes = np.stack([np.digitize(z[:, i], [-0.8, 0.1, 1.2]) for i in range(4)], axis=1)
    fitted = _fit(codes, _ordered(4, 4, 4, 4))
    free = fitted.sample(400_000, rng=_rng())
    met = free[(free[:, 0] == 2) & (free[:, 1] == 1) & (free[:, 2] >= 2)]
    fixed = {0: np.full(40_000, 2, np.int32), 1: np.full(40_000, 1, np.int32), 2: np.array([False, False, True, True])}
    asked = fitted.sample(40_000, rng=_rng(), given=fixed)
    for column in (2, 3):
        expected = np.bincount(met[:, column], minlength=4) / len(met)
        assert np.bincount(asked[:, column], minlength=4) / 40_000 == pytest.approx(expected, abs=0.03)


@pytest.mark.parametrize("n_others", [3, 30])
def test_levels_are_ordered_along_their_leading_principal_component(n_others: int) -> None:
    """Whichever there are more of, levels or other axes; a level of no share has its place too."""
    share = np.array([0.3, 0.25, 0.2, 0.15, 0.1, 0.0])
    means = np.outer([3.0, -2.0, 0.0, 1.0, -4.0, 2.0], _rng(1).standard_normal(n_others))
    means += 0.1 * _rng(2).standard_normal(means.shape)
    centred = means - share @ means
    _, _, right = np.linalg.svd(np.sqrt(share)[:, None] * centred)
    found, expected = main_direction(means, share), centred @ right[0]
    assert abs(np.corrcoef(found, expected)[0, 1]) == pytest.approx(1)


def test_noise_of_a_small_table_links_few_columns() -> None:
    codes = _rng(1).integers(0, 3, (40, 24)).astype(np.int32)
    precision = np.linalg.inv(_fit(codes, _ordered(*[3] * 24)).correlation)
    assert (np.abs(precision[np.triu_indices(24, 1)]) > 1e-3).mean() < 0.1


def test_what_stands_out_of_the_noise_is_kept() -> None:
    """48 women of whom none lacks a value, 48 men of whom half do, and twelve columns that say nothing."""
    sex = np.arange(96) % 2
    missing = sex * (np.arange(96) // 2 % 2)
    codes = np.stack([sex, missing, *_rng(1).integers(0, 3, (12, 96))], axis=1)
    fitted = _fit(codes, (*_nominal(2, 2), *_ordered(*[3] * 12)))
    drawn = fitted.sample(40_000, rng=_rng())
    women, men = (drawn[drawn[:, 0] == group, 1].mean() for group in (0, 1))
    assert women < 0.1
    assert men > 0.4


def test_two_rare_levels_that_never_met_are_not_opposites() -> None:
    """Neither of two levels of 1 in 1,000 says anything of the other: 0.01 rows with both were to be expected."""
    rows = np.zeros((10_000, 4), np.int32)
    rows[:10, 0] = rows[10:20, 1] = 1
    rows[::2, 2] = rows[::2, 3] = 1
    rows[:400, 3] ^= 1
    correlation = _fit(rows, _ordered(2, 2, 2, 2)).correlation
    assert abs(correlation[0, 1]) < 0.2
    assert correlation[2, 3] > 0.95


def test_contradictory_pairs_still_give_a_correlation_matrix() -> None:
    impossible = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    found = nearest_correlation(impossible)
    assert np.linalg.eigvalsh(found)[0] > 0
    assert np.diag(found) == pytest.approx([1, 1, 1])
    assert (np.sign(found) == np.sign(impossible)).all()


def test_pair_tables_are_counts_that_add() -> None:
    axes = axes_of(_ordered(2, 3))
    groupings = [Grouping(np.arange(2)), Grouping(np.arange(3))]
    codes = np.array([[0, 2], [1, 1], [0, 2], [-1, 0], [1, -1]], np.int32)
    whole = count_pairs(axes, groupings, codes)
    assert whole.tables[0, 1].tolist() == [[0, 0, 2], [0, 1, 0]]
    parts = count_pairs(axes, groupings, codes[:1]).merge(PairTables({})).merge(count_pairs(axes, groupings, codes[1:]))
    assert np.array_equal(parts.tables[0, 1], whole.tables[0, 1])


def test_groups_of_many_levels() -> None:
    many = MOST_LEVELS * 2
    ordered = Grouping.of(axes_of(_ordered(many))[0], np.ones(many))
    assert ordered.n_groups == MOST_LEVELS
    assert np.array_equal(ordered.group, np.arange(many) // 2)
    chapters = Domain("d", "d", many, Scale.NOMINAL, parents=(tuple(i % 5 for i in range(many)),))
    counts = np.ones(many)
    counts[:10] = 9
    found = Grouping.of(axes_of((chapters,))[0], counts)
    assert found.n_groups == MOST_LEVELS
    assert len(set(found.group[:10])) == 10  # the commonest stay by themselves
    rest = [level for level in range(many) if np.count_nonzero(found.group == found.group[level]) > 1]
    assert all(len({level % 5 for level in rest if found.group[level] == g}) == 1 for g in set(found.group[rest]))


def test_a_draw_far_in_the_tail_lies_in_its_interval() -> None:
    interval = truncated.Interval(np.array([8.0, -np.inf, 60.0]), np.array([8.5, -9.0, 61.0]))
    drawn, mass = interval.draw(np.zeros(3), 1.0, np.full(3, 0.5), np.zeros((0, 3)))
    assert (drawn >= interval.low).all()
    assert (drawn <= interval.high).all()
    assert mass[:2] == pytest.approx([norm.sf(8.0) - norm.sf(8.5), norm.cdf(-9.0)], rel=1e-9)


def test_levels_that_are_allowed_together_become_one_stretch() -> None:
    placement = Placement.of(np.array([2, 0, 1, 3]), np.full(4, 0.25))
    found = truncated.LevelSet.of_levels(placement, np.array([[1.0, 0.0, 1.0, 0.0]]))
    assert found.edges == pytest.approx([-np.inf, 0.0, np.inf])
    assert found.allowed.tolist() == [[True, False]]
