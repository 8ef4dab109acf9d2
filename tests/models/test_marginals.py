"""Shares of one column: smooth where the population is, so that they do not tell who was counted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain, Scale
from synthgen.models._marginals import shares_of, smoothed

N_CODES, PATIENTS = 80, 1_000


def bell(every: int = 0, heap: float = 1.0) -> NDArray[np.float64]:
    """A bell over the codes; each so-many-th code is that many times as frequent."""
    shares = np.exp(-(np.linspace(-2.3, 2.3, N_CODES) ** 2) / 2)
    if every:
        shares[::every] *= heap
    return np.asarray(shares / shares.sum())


def distance(found: NDArray[np.float64], true: NDArray[np.float64]) -> float:
    """Pearson's, in units of what counting ``PATIENTS`` would come to: about 1 a code for shares as counted."""
    return float(PATIENTS * ((found - true) ** 2 / true).sum() / N_CODES)


def counted(true: NDArray[np.float64], seed: int, n: int = PATIENTS) -> NDArray[np.float64]:
    return np.maximum(np.random.default_rng(seed).multinomial(n, true), 1).astype(np.float64)


def numeric(*, n_special: int = 0, widths: tuple[float, ...] | None = None) -> Domain:
    size = N_CODES + n_special
    special = tuple(range(N_CODES, size))
    own = (1.0,) * N_CODES if widths is None else widths
    positions = (*np.cumsum(own).tolist(), *(0.0 for _ in special))
    return Domain("x", "x", size, Scale.NUMERIC, special, special, positions, widths=(*own, *(0.0 for _ in special)))


@pytest.mark.parametrize("seed", range(3))
def test_what_is_smooth_in_the_population_is_nearer_to_it_than_counts_are(seed: int) -> None:
    counts = counted(bell(), seed)
    as_counted, smooth = counts / counts.sum(), smoothed(counts, np.ones(N_CODES))
    assert smooth.sum() == pytest.approx(1)
    assert distance(as_counted, bell()) > 0.6
    assert distance(smooth, bell()) < 0.35 * distance(as_counted, bell())


def test_codes_that_each_have_a_share_of_their_own_keep_it() -> None:
    true = np.random.default_rng(0).lognormal(0, 1, N_CODES)
    true /= true.sum()
    counts = counted(true, 1, n=20_000)
    assert smoothed(counts, np.ones(N_CODES)) == pytest.approx(counts / counts.sum(), rel=0.1)


def test_heaped_codes_stand_out_of_a_smooth_line() -> None:
    true = bell(every=10, heap=6.0)
    counts = counted(true, 2, n=8_000)
    found = smoothed(counts, np.ones(N_CODES))
    heaped = np.arange(N_CODES) % 10 == 0
    middle = slice(20, 60)
    assert found[middle][heaped[middle]] == pytest.approx(true[middle][heaped[middle]], rel=0.15)
    others = ~heaped
    noise = ((counts[others] / counts.sum() - true[others]) ** 2 / true[others]).sum()
    assert ((found[others] - true[others]) ** 2 / true[others]).sum() < 0.5 * noise


def test_a_code_of_many_values_has_the_more() -> None:
    """The density is smooth, not the shares: a bin of ten values has ten times what one of them had."""
    widths = np.where(np.arange(N_CODES) % 2 == 0, 1.0, 10.0)
    true = bell() * widths / (bell() * widths).sum()
    counts = counted(true, 3, n=4_000)
    found = smoothed(counts, widths)
    assert found / widths == pytest.approx(true / widths, rel=0.35)
    assert ((found - true) ** 2 / true).sum() < 0.4 * ((counts / counts.sum() - true) ** 2 / true).sum()


def test_missing_codes_and_codes_without_rows_keep_what_they_have() -> None:
    counts = np.r_[counted(bell(), 4), 300.0]
    counts[7] = 0
    found = shares_of(numeric(n_special=1), counts)
    assert found.sum() == pytest.approx(1)
    assert found[-1] == pytest.approx(300 / counts.sum())
    assert found[7] == 0
    assert np.all(found[:7] > 0)


def test_without_widths_or_with_few_codes_shares_are_as_counted() -> None:
    counts = np.array([5, 1, 9, 2, 40, 3, 8, 1, 6, 30])
    nominal = Domain("x", "x", 10, Scale.NOMINAL)
    assert shares_of(nominal, counts) == pytest.approx(counts / counts.sum())
    few = Domain("x", "x", 4, Scale.NUMERIC, positions=(0, 1, 2, 3), widths=(1, 1, 1, 1))
    assert shares_of(few, np.array([5, 1, 9, 2])) == pytest.approx(np.array([5, 1, 9, 2]) / 17)


def test_where_nothing_was_observed_all_is_missing() -> None:
    assert shares_of(numeric(n_special=1), np.zeros(N_CODES + 1))[-1] == 1
    assert shares_of(numeric(), np.zeros(N_CODES))[0] == 1


def test_members_are_told_less_well_by_smooth_shares() -> None:
    """Many columns of a few hundred patients: the sum of log shares is higher for those who were counted."""
    rng, columns, patients = np.random.default_rng(5), 60, 400
    member, other = np.zeros((2, patients)), np.zeros((2, patients))
    for _ in range(columns):
        inside, outside = (rng.choice(N_CODES, patients, p=bell()) for _ in range(2))
        counts = np.maximum(np.bincount(inside, minlength=N_CODES), 1).astype(np.float64)
        for at, shares in enumerate((counts / counts.sum(), shares_of(numeric(), counts))):
            score = np.log(shares / bell())
            member[at] += score[inside]
            other[at] += score[outside]
    as_counted, smooth = ((member[at][:, None] > other[at]).mean() for at in range(2))
    assert as_counted > 0.95
    assert smooth < 0.82
