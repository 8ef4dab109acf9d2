"""What certainly goes together in few real rows does in generated ones, and what does so by chance does not count."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.models._autoregressive.associations import Associations, standard_errors
from synthgen.models._autoregressive.descent import Rows
from synthgen.models._autoregressive.layout import Layout
from synthgen.models._autoregressive.pair_rates import PairRates
from synthgen.models.autoregressive import Autoregressive, FittedAutoregressive
from synthgen.models.base import Codes, CodeTable

N = 1500
DIAGNOSES, WARDS = 16, 12
SEPSIS, ICU = 3, 7
DOMAINS = (
    Domain("diagnosis", "diagnosis", DIAGNOSES, Scale.NOMINAL),
    Domain("ward", "ward", WARDS, Scale.NOMINAL),
    Domain("lactate", "lactate", 10, Scale.NUMERIC, special=(9,), missing=(9,), positions=(*range(9), 0)),
)


def _rows(rng: np.random.Generator, n: int = N) -> Codes:
    """Columns that have nothing to do with each other."""
    return np.stack([rng.integers(0, domain.size, n) for domain in DOMAINS], axis=1).astype(np.int32)


def _with_sepsis(patients: int, n: int = N) -> Codes:
    """So many have a sepsis, all of them on the intensive care unit; nobody else has one."""
    rows = _rows(np.random.default_rng(1), n)
    rows[rows[:, 0] == SEPSIS, 0] = 0
    rows[:patients, 0], rows[:patients, 1] = SEPSIS, ICU
    return rows


def _fitted(
    rows: Codes, whose: NDArray[np.int64] | None = None, *, rare_below: int = 5, domains: tuple[Domain, ...] = DOMAINS
) -> FittedAutoregressive:
    """A network that is held back until it has learned nothing: all that goes together is left to the pairs."""
    return Autoregressive(epochs=1, penalty=1e4).fit(
        CodeTable(domains, [rows]),
        rng=np.random.default_rng(2),
        groups=None if whose is None else [whose],
        rare_below=rare_below,
    )


def _on_icu(fitted: FittedAutoregressive) -> float:
    """Of generated rows with a sepsis, how many are on the intensive care unit."""
    codes = fitted.sample(40_000, rng=np.random.default_rng(3))
    return float((codes[codes[:, 0] == SEPSIS, 1] == ICU).mean())


def test_a_certain_link_of_a_few_patients_is_kept() -> None:
    fitted = _fitted(_with_sepsis(40))
    assert _on_icu(fitted) > 0.93
    codes = fitted.sample(40_000, rng=np.random.default_rng(3))
    assert (codes[codes[:, 0] != SEPSIS, 1] == ICU).mean() == pytest.approx(1 / WARDS, abs=0.02)


def test_rare_codes_keep_the_links_of_their_category() -> None:
    """Sixty codes in ten categories, each with ten patients; the site of each is in the category of its diagnosis."""
    rng = np.random.default_rng(6)
    parents = (tuple(np.repeat(np.arange(10), 6).tolist()), tuple(range(60)))
    domains = tuple(
        Domain(name, name, 60, Scale.NOMINAL, parents=parents, system=name) for name in ("diagnosis", "site")
    )
    diagnosis = np.repeat(np.arange(60), 10)
    rows = np.stack([diagnosis, diagnosis // 6 * 6 + rng.integers(0, 6, 600)], axis=1).astype(np.int32)
    codes = _fitted(rows, domains=domains).sample(10_000, rng=np.random.default_rng(3))
    assert (codes[:, 0] // 6 == codes[:, 1] // 6).mean() > 0.9


def test_what_chance_would_bring_often_and_nobody_has_is_ruled_out() -> None:
    """Of 60 patients with a sepsis none is a woman, where chance would bring 30; generated rows have one in twenty."""
    rng = np.random.default_rng(7)
    domains = (DOMAINS[0], Domain("sex", "sex", 2, Scale.NOMINAL))
    rows = np.stack([rng.integers(0, DIAGNOSES, N), rng.integers(0, 2, N)], axis=1).astype(np.int32)
    rows[rows[:, 0] == SEPSIS, 0] = 0
    rows[:60] = SEPSIS, 1
    counts = [np.bincount(column, minlength=domain.size) for column, domain in zip(rows.T, domains, strict=True)]
    beside = Associations.of(Layout.of(domains, 0, counts, ()), Rows(rows, None), np.arange(N), 5).beside(1)
    mass = np.where(rows[:, 0] == SEPSIS, [[0.05], [0.95]], 0.5).astype(np.float32)
    found = beside.unmet(rows.T, mass, PairRates.none(), set())
    (pair,) = found.pairs.tolist()
    assert pair[:4] == [0, SEPSIS, SEPSIS, 1]
    assert pair[4:] in ([0, 0], [1, 1])
    assert abs(found.rates[0] - pair[4]) < 0.01
    mass[:, rows[:, 0] == SEPSIS] = [[0.001], [0.999]]
    assert not len(beside.unmet(rows.T, mass, PairRates.none(), set()))


@pytest.mark.parametrize("known", [False, True])
def test_where_what_is_given_is_known_to_count_less_clear_pairs_are_told(known: bool) -> None:
    """Fifteen of 55 patients with another diagnosis are on one ward, by chance five: not enough by itself."""
    rows = _with_sepsis(40 if known else 0)
    rows[rows[:, 0] == 5, 0] = 0
    rows[40:95, 0], rows[40:55, 1], rows[55:95, 1] = 5, 2, np.arange(40) % WARDS
    fitted = Autoregressive(epochs=1, penalty=1e4).fit(
        CodeTable(DOMAINS[1:], [rows[:, 1:]]),
        rng=np.random.default_rng(2),
        context=CodeTable(DOMAINS[:1], [rows[:, :1]]),
    )
    codes = fitted.sample(40_000, rng=np.random.default_rng(3), context=np.full((40_000, 1), 5, np.int32))
    assert ((codes[:, 0] == 2).mean() > 0.25) == known


def test_of_too_few_patients_nothing_is_told() -> None:
    assert _on_icu(_fitted(_with_sepsis(8))) < 0.3
    assert _on_icu(_fitted(_with_sepsis(40), rare_below=50)) < 0.3


def test_many_rows_of_few_patients_are_no_evidence() -> None:
    """Forty rows with a sepsis, of four patients."""
    whose = np.arange(N)
    whose[:40] = np.arange(40) % 4
    assert _on_icu(_fitted(_with_sepsis(40), whose)) < 0.3


def test_independent_columns_get_no_terms() -> None:
    for seed in range(5):
        assert len(_fitted(_rows(np.random.default_rng(seed))).network.pairs.pairs) == 0


def test_a_rate_between_is_met() -> None:
    """60 of 100, where one in twelve would be by chance."""
    rows = _with_sepsis(100)
    rows[60:100, 1] = np.arange(40) % 6
    assert _on_icu(_fitted(rows)) == pytest.approx(0.6, abs=0.05)


def test_two_or_three_who_are_elsewhere_are_told_of_all_certain_links_together() -> None:
    """Each diagnosis has its ward, and of 75 patients three are in the emergency room: alone too few to be told of."""
    n = 12 * 75
    diagnosis = np.repeat(np.arange(12), 75)
    ward = np.where(np.arange(n) % 75 < 3, 12, diagnosis)
    domains = tuple(Domain(name, name, 13, Scale.NOMINAL) for name in ("diagnosis", "ward"))
    fitted = _fitted(np.stack([diagnosis, ward], axis=1).astype(np.int32), domains=domains)
    codes = fitted.sample(40_000, rng=np.random.default_rng(3))
    assert (codes[:, 1] == 12).mean() == pytest.approx(0.04, abs=0.01)
    assert (codes[:, 0] == codes[:, 1]).mean() > 0.9
    assert (np.abs(fitted.network.pairs.terms) < 10).all()


def test_links_that_contradict_each_other_in_generated_rows_leave_other_codes_their_share() -> None:
    """Diagnosis and drug name the same ward in every real row; of many pairs of them each has too few patients."""
    rng = np.random.default_rng(5)
    ward = rng.integers(0, 6, N)
    diagnosis, drug = ward * 6 + rng.integers(0, 6, N), ward * 6 + rng.integers(0, 6, N)
    elsewhere = rng.random(N) < 0.05
    rows = np.stack([diagnosis, drug, np.where(elsewhere, 6, ward)], axis=1).astype(np.int32)
    domains = tuple(Domain(name, name, size, Scale.NOMINAL) for name, size in (("d", 36), ("drug", 36), ("ward", 7)))
    fitted = _fitted(rows, domains=domains)
    assert fitted.log_prob(rows[elsewhere]).min() > -16


def test_numbers_go_together_by_ranges() -> None:
    """The young and the old come often: there is no slope."""
    rng = np.random.default_rng(4)
    first = rng.integers(0, 40, N)
    second = np.clip(np.abs(first - 20) + rng.normal(0, 4, N), 0, 39).astype(np.int64)
    domains = tuple(Domain(name, name, 40, Scale.NUMERIC, positions=tuple(range(40))) for name in ("age", "visits"))
    rows = np.stack([first, second], axis=1).astype(np.int32)
    fitted = _fitted(rows, domains=domains)
    codes = fitted.sample(10_000, rng=rng)
    real, own = (spearmanr(np.abs(of[:, 0] - 20), of[:, 1]).statistic for of in (rows, codes))
    assert real > 0.7
    assert own > real - 0.2
    spans = fitted.network.pairs.pairs
    assert (spans[:, 2] > spans[:, 1]).any()
    assert len(spans) < 100


def test_what_is_missing_is_in_no_range() -> None:
    """Lactate is measured in sepsis alone, and high there: the terms for low and high leave missing alone."""
    rows = _with_sepsis(300)
    rows[:, 2] = 9
    rows[:300, 2] = 6 + np.arange(300) % 3
    fitted = _fitted(rows)
    spans = fitted.network.pairs.pairs
    of_lactate = spans[spans[:, 3] == fitted.layout.order.index(2), 4:]
    assert ((of_lactate[:, 1] < 9) | (of_lactate[:, 0] == 9)).all()
    codes = fitted.sample(10_000, rng=np.random.default_rng(3))
    assert (codes[codes[:, 0] == SEPSIS, 2] == 9).mean() < 0.05
    assert (codes[codes[:, 0] != SEPSIS, 2] == 9).mean() > 0.95


def test_cells_that_are_not_observed_say_nothing() -> None:
    rows = _with_sepsis(100)
    rows[30:100, 1] = UNOBSERVED
    assert _on_icu(_fitted(rows)) > 0.93


def test_what_is_given_counts_as_well() -> None:
    rows = _with_sepsis(100)
    fitted = Autoregressive(epochs=1, penalty=1e4).fit(
        CodeTable(DOMAINS[1:], [rows[:, 1:]]),
        rng=np.random.default_rng(2),
        context=CodeTable(DOMAINS[:1], [rows[:, :1]]),
    )
    given = np.full((10_000, 1), SEPSIS, np.int32)
    assert (fitted.sample(10_000, rng=np.random.default_rng(3), context=given)[:, 0] == ICU).mean() > 0.95


def test_standard_errors_by_hand() -> None:
    """All of 20 real rows and none of 20 generated: 40 rows that are told apart, each of which had odds of evens."""
    found = standard_errors(
        np.array([10.0, 20.0, 0.0]), 20.0, np.array([20.0, 0.0, 20.0]), np.array([40.0, 20.0, 20.0])
    )
    assert found == pytest.approx([0, (80 * np.log(2)) ** 0.5, (80 * np.log(2)) ** 0.5])


def test_what_a_few_generated_rows_show_for_certain_is_not_taken_for_certain() -> None:
    """16 of 29 real rows, 3.7 standard errors off four in five; of 14 generated ones all, each of them for certain."""
    assert standard_errors(16.0, 29.0, 14.0, 14.0) < 4
    assert standard_errors(16.0, 29.0, 0.0, 0.0) == 0
    assert standard_errors(160.0, 290.0, 140.0, 140.0) > 6
