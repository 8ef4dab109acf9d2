"""What is never or seldom together in real rows is so in generated ones, and what is missing with a code."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.models._autoregressive.descent import Rows
from synthgen.models._autoregressive.pair_rates import PairRates
from synthgen.models.autoregressive import Autoregressive, FittedAutoregressive
from synthgen.models.base import Codes, CodeTable

DOMAINS = (
    Domain("ward", "ward", 8, Scale.NOMINAL),
    Domain("sex", "sex", 2, Scale.NOMINAL),
    Domain("died", "died", 2, Scale.NOMINAL),
)
#: Of the wards by their codes: women alone are in the one, in the other there are ten men.
OBSTETRICS, GYNAECOLOGY = 6, 7
N = 6000


def _rows() -> Codes:
    """Half of the rows are men's, and one in six is of either ward."""
    rng = np.random.default_rng(1)
    ward = rng.choice(8, N, p=[1 / 9] * 6 + [1 / 6] * 2)
    sex = np.where(ward >= OBSTETRICS, 0, rng.integers(0, 2, N))
    sex[np.flatnonzero(ward == GYNAECOLOGY)[:10]] = 1
    return np.stack([ward, sex, rng.integers(0, 2, N)], axis=1).astype(np.int32)


def _found(
    codes: Codes, whose: NDArray[np.int64], weights: NDArray[np.float32] | None = None
) -> dict[tuple[int, ...], float]:
    """The pairs of a layout in the order of the columns, with the rate of the later code where the earlier stands."""
    layout = Autoregressive(epochs=1).fit(CodeTable(DOMAINS, [codes[:50]]), rng=np.random.default_rng(1)).layout
    assert [*layout.order] == [0, 1, 2]
    kept = PairRates.of(layout, Rows(codes, weights), whose, 5)
    assert (kept.pairs[:, 1] == kept.pairs[:, 2]).all()
    assert (kept.pairs[:, 4] == kept.pairs[:, 5]).all()
    return dict(zip(map(tuple, kept.pairs[:, [0, 1, 3, 4]].tolist()), kept.rates.tolist(), strict=True))


def test_pairs_far_below_chance_are_found_with_their_share() -> None:
    found = _found(_rows(), np.arange(N))
    in_gynaecology = (_rows()[:, 0] == GYNAECOLOGY).sum()
    assert found == {(0, OBSTETRICS, 1, 1): 0.0, (0, GYNAECOLOGY, 1, 1): pytest.approx(10 / in_gynaecology)}


@pytest.mark.parametrize(("patients", "told"), [(4, 0), (5, 20)])
def test_what_fewer_than_five_patients_have_counts_as_never_however_many_rows(patients: int, told: int) -> None:
    codes, whose = _rows(), np.arange(N)
    (rows,) = np.nonzero(codes[:, 0] == OBSTETRICS)
    codes[rows[:20], 1] = 1
    whose[rows[:20]] = rows[np.arange(20) % patients]
    assert _found(codes, whose)[0, OBSTETRICS, 1, 1] == pytest.approx(told / len(rows))


def test_rows_count_by_their_weights() -> None:
    """Without the ten men, and with every woman of gynaecology there for two, nothing is left of the pair."""
    codes = _rows()
    gynaecology, men = codes[:, 0] == GYNAECOLOGY, codes[:, 1] == 1
    weights = np.where(gynaecology & men, 0, np.where(gynaecology, 2, 1)).astype(np.float32)
    assert _found(codes, np.arange(N), weights)[0, GYNAECOLOGY, 1, 1] == 0
    weights = np.where(gynaecology & men, 2, 1).astype(np.float32)
    in_gynaecology = gynaecology.sum() + 10
    assert _found(codes, np.arange(N), weights)[0, GYNAECOLOGY, 1, 1] == pytest.approx(20 / in_gynaecology)


def test_a_few_patients_with_many_rows_show_nothing() -> None:
    """Each of six patients has a thousand rows: that none of the women is a man's is no wonder."""
    assert _found(_rows(), np.arange(N) % 6) == {}


@pytest.fixture(scope="module")
def fitted() -> FittedAutoregressive:
    """A network that has hardly learned anything: what is seldom together is left to the pairs."""
    return Autoregressive(epochs=1, penalty=1e3).fit(CodeTable(DOMAINS, [_rows()]), rng=np.random.default_rng(2))


def test_what_is_never_together_is_never_generated(fitted: FittedAutoregressive) -> None:
    codes = fitted.sample(30_000, rng=np.random.default_rng(3))
    men = codes[:, 1] == 1
    assert not (men & (codes[:, 0] == OBSTETRICS)).any()
    assert men.mean() == pytest.approx(_rows()[:, 1].mean(), abs=0.01)


def test_what_is_seldom_together_is_as_seldom(fitted: FittedAutoregressive) -> None:
    """10 of 6,000 real rows are 50 of 30,000; chance would give 1,700."""
    codes = fitted.sample(30_000, rng=np.random.default_rng(3))
    assert 25 < ((codes[:, 1] == 1) & (codes[:, 0] == GYNAECOLOGY)).sum() < 100


def test_such_a_row_is_improbable_not_impossible(fitted: FittedAutoregressive) -> None:
    woman, man = fitted.log_prob(np.array([[OBSTETRICS, 0, 0], [OBSTETRICS, 1, 0]], np.int32))
    assert -5 < woman < 0
    assert -40 < man < -15


#: The share of missing measurements by diagnosis; the last diagnosis has too few patients for that to be told.
MISSING = (0.1, 0.3, 0.5, 0.9, 0.7)
MEASURED = (
    Domain("diagnosis", "diagnosis", 5, Scale.NOMINAL, parents=((0, 0, 1, 1, 1), (0, 1, 2, 3, 4)), system="icd10"),
    Domain("measured", "measured", 3, Scale.NOMINAL, special=(2,), missing=(2,)),
)


def _measured() -> Codes:
    rng = np.random.default_rng(4)
    diagnosis = np.repeat(np.arange(5), [2400, 1800, 1200, 540, 60])
    measured = np.where(rng.random(N) < np.array(MISSING)[diagnosis], 2, rng.integers(0, 2, N))
    return np.stack([diagnosis, measured], axis=1).astype(np.int32)


def test_what_is_missing_with_a_diagnosis_is_kept_though_the_network_learns_nothing() -> None:
    rows = _measured()
    fitted = Autoregressive(epochs=1, penalty=1e3).fit(CodeTable(MEASURED, [rows]), rng=np.random.default_rng(2))
    assert {(0, diagnosis, diagnosis, 1, 2, 2) for diagnosis in range(4)} <= set(
        map(tuple, fitted.network.pairs.pairs.tolist())
    )
    codes = fitted.sample(30_000, rng=np.random.default_rng(3))
    for diagnosis in range(4):
        real, own = ((of[of[:, 0] == diagnosis, 1] == 2).mean() for of in (rows, codes))
        assert own == pytest.approx(real, rel=0.05, abs=0.01)


def test_cells_that_are_not_observed_say_nothing_of_the_others() -> None:
    rows = _measured()
    rows[np.random.default_rng(6).random(N) < 0.4, 1] = UNOBSERVED
    fitted = Autoregressive(epochs=1, penalty=1e3).fit(CodeTable(MEASURED, [rows]), rng=np.random.default_rng(2))
    codes = fitted.sample(30_000, rng=np.random.default_rng(3))
    for diagnosis in range(3):
        known = rows[(rows[:, 0] == diagnosis) & (rows[:, 1] != UNOBSERVED), 1]
        assert (codes[codes[:, 0] == diagnosis, 1] == 2).mean() == pytest.approx((known == 2).mean(), abs=0.03)


@pytest.mark.parametrize(("patients", "rare_below", "rate"), [(6, 5, 594 / 600), (4, 5, 1.0), (6, 20, 1.0)])
def test_nothing_is_told_of_the_few_in_whom_a_diagnosis_is_measured(
    patients: int, rare_below: int, rate: float
) -> None:
    """All but some patients of 600 with the fourth diagnosis lack the measurement."""
    rows = _measured()
    rows[:600, 0] = 3
    rows[600:, 0] = np.arange(N - 600) % 3
    rows[:600, 1] = 2
    rows[:patients, 1] = 0
    layout = Autoregressive(epochs=1).fit(CodeTable(MEASURED, [rows[::10]]), rng=np.random.default_rng(1)).layout
    found = PairRates.of(layout, Rows(rows, None), np.arange(N), rare_below)
    assert found.rates[(found.pairs[:, 1] == 3) & (found.pairs[:, 4] == 2)] == pytest.approx(rate)


def test_many_terms_together_leave_every_row_a_likelihood() -> None:
    """One column is never 1 where any of six others is."""
    rng = np.random.default_rng(0)
    others = rng.integers(0, 2, (8000, 6))
    rows = np.c_[others, (others.sum(axis=1) == 0) & (rng.random(8000) < 0.9)].astype(np.int32)
    domains = tuple(Domain(f"c{i}", f"c{i}", 2, Scale.NOMINAL) for i in range(7))
    model = Autoregressive(epochs=10, condition_on=tuple(domain.name for domain in domains))
    fitted = model.fit(CodeTable(domains, [rows]), rng=np.random.default_rng(1))
    assert fitted.network.pairs.terms == pytest.approx([-20] * 6)
    everything = np.ones((1, 7), np.int32)
    assert -120 < fitted.log_prob(everything)[0] < -60
    asked = fitted.sample(5, rng=rng, given={i: np.array([False, True]) for i in range(7)})
    assert (asked == 1).all()


def test_the_target_by_each_common_code_is_kept_though_the_network_learns_nothing() -> None:
    """Of the six common wards 667 rows have either outcome by chance; with 24,000 rows it is 1,333."""
    ward = np.repeat(_rows()[:, 0], 4)
    died = (np.random.default_rng(5).random(len(ward)) < np.where(ward < 3, 0.2, 0.8)).astype(np.int32)
    domains = (DOMAINS[0], replace(DOMAINS[2], target=True))
    rows = np.stack([ward, died], axis=1)
    fitted = Autoregressive(epochs=1, penalty=1e3).fit(CodeTable(domains, [rows]), rng=np.random.default_rng(2))
    codes = fitted.sample(30_000, rng=np.random.default_rng(3))
    for level in range(8):
        real, own = (of[of[:, 0] == level, 1].mean() for of in (rows, codes))
        assert own == pytest.approx(real, abs=0.03)
    assert len(PairRates.of(fitted.layout, Rows(rows, None), np.arange(len(rows)), 5)) == 16
    few = rows[::8]
    assert len(PairRates.of(fitted.layout, Rows(few, None), np.arange(len(few)), 5)) == 0


def test_it_is_kept(fitted: FittedAutoregressive) -> None:
    again = FittedAutoregressive.from_state(DOMAINS, (), *fitted.state())
    assert np.array_equal(again.log_prob(_rows()), fitted.log_prob(_rows()))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pairs", np.array([[1, 0, 0, 0, 0, 0]], np.int32)),  # not in the order of the network
        ("pairs", np.array([[0, 8, 8, 1, 0, 0]], np.int32)),  # a code too many
        ("pairs", np.array([[0, 1, 0, 1, 0, 0]], np.int32)),  # a span that ends before it begins
        ("pairs", np.array([[0, 0, 0, 3, 0, 0]], np.int32)),  # an entry too many
        ("pairs", np.array([[0, 0, 1, 0]], np.int32)),
        ("pair_terms", np.array([20.5], np.float32)),
        ("pair_terms", np.array([np.nan], np.float32)),
    ],
)
def test_pairs_that_contradict_the_layout_are_refused(
    fitted: FittedAutoregressive, name: str, value: NDArray[np.generic]
) -> None:
    values, arrays = fitted.state()
    one = {"pairs": np.array([[0, 0, 0, 1, 0, 0]], np.int32), "pair_terms": np.array([-1.0], np.float32)}
    FittedAutoregressive.from_state(DOMAINS, (), values, {**arrays, **one})
    with pytest.raises(ValueError, match="pairs of codes"):
        FittedAutoregressive.from_state(DOMAINS, (), values, {**arrays, **one, name: value})
