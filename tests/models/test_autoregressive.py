"""The autoregressive model against distributions that are known."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.errors import InputError
from synthgen.models._autoregressive.chain import Chain
from synthgen.models._autoregressive.layout import Layout
from synthgen.models._draws import at_share
from synthgen.models.autoregressive import Autoregressive, FittedAutoregressive, _penalties
from synthgen.models.base import Codes, CodeTable

#: Two fair coins and whether they differ: no pair of columns says anything, all three together everything.
COINS = tuple(Domain(name, name, 2, Scale.NOMINAL) for name in ("first", "second", "differ"))


def _rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def _coins(n: int) -> Codes:
    first, second = _rng(5).integers(0, 2, (2, n))
    return np.stack([first, second, first ^ second], axis=1).astype(np.int32)


@pytest.fixture(scope="module")
def coins() -> FittedAutoregressive:
    return Autoregressive().fit(CodeTable(COINS, [_coins(6000)]), rng=_rng())


def test_what_only_three_columns_together_show_is_learned(coins: FittedAutoregressive) -> None:
    codes = coins.sample(4000, rng=_rng())
    assert ((codes[:, 0] ^ codes[:, 1]) == codes[:, 2]).mean() > 0.99


def test_a_condition_on_the_last_column_reaches_the_first(coins: FittedAutoregressive) -> None:
    """Whichever column leads, a condition on the others is met by the exact conditional distribution."""
    for asked in range(3):
        other, last = (column for column in range(3) if column != asked)
        codes = coins.sample(4000, rng=_rng(), given={other: np.array([False, True]), last: np.array([False, True])})
        assert (codes[:, [other, last]] == 1).all()
        assert codes[:, asked].mean() < 0.02  # 1 and 1: the third is 0, whichever it is


def test_conditional_draws_follow_a_known_joint_distribution() -> None:
    """P(sex = 1 | disease) = .8 × .3 / (.8 × .3 + .2 × .05), sex being drawn before or after the disease."""
    rng = _rng(3)
    age = rng.integers(0, 12, 8000)  # many codes, so it is drawn first
    sex = (rng.random(8000) < 0.8).astype(int)
    disease = rng.random(8000) < np.where(sex == 1, 0.3, 0.05)
    domains = (
        Domain("age", "age", 12, Scale.ORDERED),
        Domain("sex", "sex", 2, Scale.NOMINAL),
        Domain("disease", "disease", 2, Scale.NOMINAL),
    )
    table = CodeTable(domains, [np.stack([age, sex, disease], axis=1).astype(np.int32)])
    told = np.mean(sex[disease])
    assert told == pytest.approx(0.96, abs=0.01)
    for leading in ((), ("disease",)):
        fitted = Autoregressive(condition_on=leading).fit(table, rng=_rng())
        given = {2: np.array([False, True])}
        codes = fitted.sample(6000, rng=_rng(), given=given)
        assert codes[:, 1].mean() == pytest.approx(told, abs=0.03)
        share = fitted.effective_share(given, n=500, rng=_rng())
        assert share == 1.0 if leading else 0.05 < share < 1.0
        assert np.exp(fitted.log_mass(given, n=1))[0] == pytest.approx(disease.mean(), abs=0.04)


def test_only_rows_whose_first_draw_is_hardly_probable_have_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of ``a`` one code is left, two or all three, and of ``b``, which is drawn next, two or all."""
    rng = _rng(3)
    a = rng.integers(0, 3, 3000)
    b = np.where(rng.random(3000) < 0.8, a, rng.integers(0, 3, 3000))
    domains = tuple(Domain(name, name, 3, Scale.NOMINAL) for name in "ab")
    table = CodeTable(domains, [np.stack([a, b], axis=1).astype(np.int32)])
    fitted = Autoregressive(condition_on=("a", "b")).fit(table, rng=_rng())
    one, two, last, every = [False, True, False], [True, True, False], [False, False, True], [True, True, True]
    asked = (one, two), (two, every), (two, two), (every, two), (two, last)
    given = {column: np.repeat(np.array([of[column] for of in asked]), 5000, axis=0) for column in (0, 1)}
    again = []
    choose = FittedAutoregressive._choose

    def counted(of: FittedAutoregressive, chain: Chain, rows: NDArray[np.intp], *others: Any) -> None:
        again.append(rows)
        choose(of, chain, rows, *others)

    monkeypatch.setattr(FittedAutoregressive, "_choose", counted)
    codes = fitted.sample(25_000, rng=_rng(), given=given)
    (rows,) = again
    shares = np.bincount(rows // 5000, minlength=5) / 5000
    # Nothing that is drawn decides how probable the first two are; of the others it does, as often as here.
    for share, (of_a, of_b) in zip(shares, asked, strict=True):
        among = np.array(of_a)[a]
        exact = of_a == one or of_b == every
        assert share == (0 if exact else pytest.approx(1 - np.array(of_b)[b][among].mean(), abs=0.03))
    for drawn, (of_a, of_b) in zip(codes.reshape(5, 5000, 2), asked, strict=True):
        met = np.array(of_a)[a] & np.array(of_b)[b]
        assert np.array(of_a)[drawn[:, 0]].all()
        assert np.array(of_b)[drawn[:, 1]].all()
        for column, real in enumerate((a, b)):
            both = [np.bincount(of, minlength=3) / len(of) for of in (drawn[:, column], real[met])]
            assert np.abs(both[0] - both[1]).sum() / 2 < 0.04


def test_columns_have_their_shares_however_little_was_learned_of_how_they_hang_together() -> None:
    """After one pass over few rows every column of a chain of ten still depends on the last in a way of its own."""
    rng = _rng(8)
    chain = [rng.integers(0, 6, 3000)]
    for _ in range(9):
        chain.append(
            np.where(rng.random(3000) < 0.7, chain[-1], rng.choice(6, 3000, p=(0.5, 0.3, 0.1, 0.05, 0.04, 0.01)))
        )
    codes = np.stack(chain, axis=1).astype(np.int32)
    domains = tuple(Domain(f"c{i}", f"c{i}", 6, Scale.NOMINAL) for i in range(10))
    drawn = Autoregressive(epochs=1).fit(CodeTable(domains, [codes]), rng=_rng()).sample(20_000, rng=_rng())
    for column in range(10):
        shares = [np.bincount(each[:, column], minlength=6) / len(each) for each in (codes, drawn)]
        assert np.abs(shares[0] - shares[1]).sum() / 2 < 0.02


def test_a_value_follows_the_last_one_of_its_own_quantity_however_seldom_that_is_measured() -> None:
    """Thirty quantities of a hundred rows each; nine in ten values are the last one of the same quantity."""
    rng, n, quantities = _rng(4), 3000, 30
    last = rng.integers(0, 8, (n, quantities)).astype(np.int32)
    test = rng.integers(0, quantities, n)
    value = np.where(rng.random(n) < 0.9, last[np.arange(n), test], rng.integers(0, 8, n))
    own = (
        Domain("test", "test", quantities, Scale.NOMINAL),
        Domain("value", "value", 8, Scale.ORDERED, unit="test"),
    )
    given = tuple(Domain(f"last {k}", "last", 8, Scale.ORDERED, about=("test", k)) for k in range(quantities))
    codes = np.stack([test, value], axis=1).astype(np.int32)
    fitted = Autoregressive().fit(CodeTable(own, [codes]), rng=_rng(), context=CodeTable(given, [last]))
    drawn = fitted.sample(n, rng=_rng(), context=last)
    assert (drawn[:, 1] == last[np.arange(n), drawn[:, 0]]).mean() > 0.75
    assert fitted.log_prob(codes, context=last).mean() > np.log(1 / quantities) - 1.2  # blind to it: less another ln 8


def test_columns_to_condition_on_lead_and_then_come_those_of_many_codes() -> None:
    domains = tuple(Domain(f"c{size}", f"c{size}", size, Scale.NOMINAL) for size in (2, 9, 1, 30, 4))
    counts = [np.ones(domain.size) for domain in domains]
    assert Layout.of(domains, 1, counts, ()).order == (0, 3, 1, 4)  # the context first, no constant
    assert Layout.of(domains, 1, counts, ("c4",)).order == (0, 4, 3, 1)
    with pytest.raises(ValueError, match="order"):
        replace(Layout.of(domains, 1, counts, ()), order=(0, 3, 1, 1))


def _coded(n: int) -> tuple[tuple[Domain, ...], Codes]:
    """Two diagnoses out of 40 codes in 8 categories: the second is of the first's category, and never the same."""
    category = tuple(np.repeat(np.arange(8), 5).tolist())
    parents = (tuple(number // 4 for number in category), category, tuple(range(40)))
    domains = tuple(
        Domain(name, name, 40, Scale.NOMINAL, parents=parents, system="icd10") for name in ("diag_1", "diag_2")
    )
    rng = _rng(8)
    first = rng.integers(0, 40, n)
    second = first // 5 * 5 + (first % 5 + rng.integers(1, 5, n)) % 5
    return domains, np.stack([first, second], axis=1).astype(np.int32)


def test_a_code_is_not_given_twice_and_its_category_is_known_from_few_rows() -> None:
    domains, codes = _coded(1500)
    with_system = Autoregressive().fit(CodeTable(domains, [codes]), rng=_rng())
    plain = tuple(replace(domain, parents=(), system="") for domain in domains)
    without = Autoregressive().fit(CodeTable(plain, [codes]), rng=_rng())
    _, fresh = _coded(4000)
    drawn = with_system.sample(4000, rng=_rng())
    assert (drawn[:, 0] == drawn[:, 1]).mean() < 0.02
    assert (drawn[:, 0] // 5 == drawn[:, 1] // 5).mean() > 0.95
    truth = -np.log(40 * 4)
    assert truth - with_system.log_prob(fresh).mean() < min(0.15, truth - without.log_prob(fresh).mean() - 0.1)


def test_learning_stops_where_held_out_patients_say_so() -> None:
    """Columns of pure noise: there is nothing to learn, so what is kept is hardly better informed than the margins."""
    domains = tuple(Domain(f"c{i}", f"c{i}", 8, Scale.NOMINAL) for i in range(8))
    codes = _rng(2).integers(0, 8, (1200, 8)).astype(np.int32)
    fitted = Autoregressive().fit(CodeTable(domains, [codes]), rng=_rng(), groups=[np.arange(1200) // 2])
    fresh = _rng(9).integers(0, 8, (1200, 8)).astype(np.int32)
    seen, new = fitted.log_prob(codes).mean(), fitted.log_prob(fresh).mean()
    assert new > -8 * np.log(8) - 0.15
    assert seen - new < 0.25  # the margins alone: 56 free numbers over 1200 rows make 0.05


def test_a_given_validation_set_decides_and_is_not_learned_from() -> None:
    epochs: list[str] = []
    upside_down = _coins(400)
    upside_down[:, 2] = 1 - upside_down[:, 2]
    fitted = Autoregressive(epochs=40).fit(
        CodeTable(COINS, [_coins(2000)]),
        rng=_rng(),
        validation=CodeTable(COINS, [upside_down]),
        progress=lambda step, done: epochs.append(step),
    )
    assert len(epochs) < 40  # the better it learns the coins, the worse it does on these
    codes = fitted.sample(2000, rng=_rng())
    assert ((codes[:, 0] ^ codes[:, 1]) == codes[:, 2]).mean() < 0.7


def test_the_same_seed_gives_the_same_weights_and_leaves_the_generators_of_others_alone() -> None:
    import torch

    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    states = [Autoregressive(epochs=2).fit(CodeTable(COINS, [_coins(500)]), rng=_rng()).state()[1] for _ in range(2)]
    assert torch.equal(torch.random.get_rng_state(), before)
    assert all(np.array_equal(states[0][name], states[1][name]) for name in states[0])
    other = Autoregressive(epochs=2).fit(CodeTable(COINS, [_coins(500)]), rng=_rng(2)).state()[1]
    assert not np.array_equal(other["head"], states[0]["head"])


def test_weights_say_how_much_a_row_counts() -> None:
    codes = np.array(list(product((0, 1), repeat=3)) * 100, np.int32)
    weights = np.where(codes[:, 0] == codes[:, 1], 3.0, 1.0)
    fitted = Autoregressive().fit(CodeTable(COINS, [codes]), rng=_rng(), weights=[weights])
    drawn = fitted.sample(4000, rng=_rng())
    assert (drawn[:, 0] == drawn[:, 1]).mean() == pytest.approx(0.75, abs=0.04)


def test_options_that_cannot_be_are_refused() -> None:
    import torch

    with pytest.raises(ValueError, match="at least 1"):
        Autoregressive(epochs=0)
    if torch.cuda.is_available():
        pytest.skip("there is a GPU")
    with pytest.raises(InputError, match="no GPU"):
        Autoregressive(device="cuda").fit(CodeTable(COINS, [_coins(50)]), rng=_rng())


def test_many_codes_are_drawn_in_pieces_as_if_at_once(
    monkeypatch: pytest.MonkeyPatch, coins: FittedAutoregressive
) -> None:
    whole = coins.log_prob(_coins(100))
    monkeypatch.setattr("synthgen.models._autoregressive.chain._MOST_LOGITS", 14)
    assert coins.log_prob(_coins(100)) == pytest.approx(whole, rel=1e-5)


@pytest.mark.parametrize("rows", [2000, 200])
@pytest.mark.parametrize("size", [3, 64, 200])
def test_the_code_at_a_share_of_the_mass_is_the_one_that_a_running_total_finds(size: int, rows: int) -> None:
    rng = np.random.default_rng(size)
    mass = (rng.random((size, rows)) * (rng.random((size, rows)) < 0.3)).astype(np.float32)
    mass[1] = 0.5  # every row has some
    share = rng.random(rows, dtype=np.float32)
    share[:2] = 0, np.nextafter(np.float32(1), np.float32(0))
    cumulative = np.cumsum(mass, axis=0, dtype=np.float64)
    expected = (cumulative <= share * cumulative[-1]).sum(axis=0)
    found = at_share(mass.copy(), share)
    assert (mass[found, np.arange(rows)] > 0).all()
    # Rounding may decide between neighbours where a total is met to the last digit.
    assert (found == expected).mean() > 0.995


def test_what_is_given_is_told_in_one_place_however_many_columns_it_has() -> None:
    given = [Domain(f"g{i}", f"g{i}", 3, Scale.NOMINAL) for i in range(20)]
    own = Domain("own", "own", 2, Scale.NOMINAL)
    layout = Layout.of((*given, own), len(given), [np.full(3, 10)] * 20 + [np.full(2, 10)], ())
    assert set(layout.dims[:20]) == {64}
    assert layout.starts == (0,) * 20 + (64, 64 + layout.dims[20])


@pytest.mark.parametrize(
    ("given", "own", "counted", "told"),
    [
        (0, 60, 60, 60),
        (40, 60, 100, 100),
        (900, 60, 180, 750),
        (300, 90, 270, 390),
        (900, 120, 300, 750),
        (900, 400, 400, 750),
        (900, 800, 800, 800),
    ],
)
def test_few_codes_are_counted_as_more_where_much_is_given(given: int, own: int, counted: int, told: int) -> None:
    domains = [Domain(name, name, size, Scale.NOMINAL) for name, size in (("given", given), ("own", own)) if size]
    layout = Layout.of(domains, len(domains) - 1, [np.full(domain.size, 10) for domain in domains], ())
    assert _penalties(1000, layout, 0.1) == pytest.approx((0.1 * counted, 0.1 * told))


def test_a_code_is_known_again_in_another_column_of_its_system() -> None:
    """Of the groups 7, 3, 9 and 3, 5 only 3 is in both: it is code 1 of the one and code 0 of the other."""
    one = Domain("a", "a", 3, Scale.NOMINAL, parents=((0, 0, 0), (7, 3, 9)), system="icd10")
    two = Domain("b", "b", 2, Scale.NOMINAL, parents=((0, 0), (3, 5)), system="icd10")
    layout = Layout.of((one, two), 0, [np.full(3, 10), np.full(2, 10)], ())
    assert layout.order == (0, 1)
    assert layout.kin(1) == (0,)
    assert layout.same(1, 0).tolist() == [-1, 0, -1, -1]


def _repeating(n: int) -> tuple[tuple[Domain, ...], Codes]:
    """Three columns of 12, 6 and 6 codes; the first two have the code of the row before in four of five rows."""
    own = tuple(Domain(name, name, size, Scale.NOMINAL) for name, size in (("payer", 12), ("dose", 6), ("sex", 6)))
    before = tuple(replace(of, name=f"{of.name} before", earlier=of.name) for of in own[:2])
    rng = np.random.default_rng(4)
    given = np.stack([rng.integers(0, of.size, n) for of in before], axis=1)
    drawn = np.stack([rng.integers(0, of.size, n) for of in own], axis=1)
    again = rng.random((n, 2)) < 0.8
    drawn[:, :2] = np.where(again, given, drawn[:, :2])
    return (*before, *own), np.concatenate([given, drawn], axis=1).astype(np.int32)


def test_a_code_is_known_again_in_the_row_before() -> None:
    domains, rows = _repeating(100)
    layout = Layout.of(domains, 2, [np.bincount(rows[:, i], minlength=of.size) for i, of in enumerate(domains)], ())
    assert [layout.kin(e) for e in range(5)] == [(), (), (0,), (1,), ()]
    assert layout.same(3, 1).tolist() == [0, 1, 2, 3, 4, 5, -1]


def test_rows_repeat_the_row_before_as_often_as_real_ones_however_strong_the_penalty() -> None:
    """Also columns that are computed together, of which one is not told of the row before; a first row is free."""
    domains, rows = _repeating(3000)
    fitted = Autoregressive(penalty=30.0).fit(
        CodeTable(domains[2:], [rows[:, 2:]]),
        rng=np.random.default_rng(1),
        context=CodeTable(domains[:2], [rows[:, :2]]),
    )
    given = rows[:, :2].copy()
    given[:1000] = UNOBSERVED
    drawn = fitted.sample(3000, rng=np.random.default_rng(2), context=given)
    repeated = (drawn[1000:, :2] == given[1000:]).mean(axis=0)
    assert repeated == pytest.approx((rows[:, 2:4] == rows[:, :2]).mean(axis=0), abs=0.03)
    assert (drawn[:1000, 0] == rows[:1000, 0]).mean() < 0.15


def test_two_ranges_on_the_leading_columns_are_drawn_together() -> None:
    """Who never smoked seldom has a lung disease: asked for both, hardly any of them are left."""
    rng = np.random.default_rng(0)
    smoker = rng.integers(0, 3, 6000)
    lung = np.where(rng.random(6000) < np.array([0.02, 0.5, 0.95])[smoker], rng.integers(1, 3, 6000), 0)
    domains = tuple(Domain(name, name, 3, Scale.NOMINAL) for name in ("smoker", "lung"))
    model = Autoregressive(epochs=20, condition_on=("smoker", "lung"))
    fitted = model.fit(CodeTable(domains, [np.stack([smoker, lung], axis=1).astype(np.int32)]), rng=rng)
    seldom, ill = np.array([True, True, False]), np.array([False, True, True])
    never = (smoker == 0)[(smoker < 2) & (lung > 0)].mean()
    assert never < 0.04
    assert (fitted.sample(8000, rng=rng, given={0: seldom, 1: ill})[:, 0] == 0).mean() == pytest.approx(never, abs=0.02)
    free, fixed = np.full(8000, UNOBSERVED, np.int32), np.ones(8000, np.int32)
    shares = np.bincount(fitted.sample(8000, rng=rng, given={0: free, 1: fixed})[:, 0], minlength=3) / 8000
    assert shares == pytest.approx(np.bincount(smoker[lung == 1], minlength=3) / (lung == 1).sum(), abs=0.04)
