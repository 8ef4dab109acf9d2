"""What every model promises, tried on each one that is installed without extras."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from synthgen import plugins
from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.errors import NotApplicable, SynthgenError
from synthgen.models._marginals import shares_of
from synthgen.models.base import Codes, CodeTable, FittedModel, Model, code_counts
from synthgen.models.sdv import _Sdv
from synthgen.schema.config import ModelConfig
from tests.quick import OPTIONS

#: Sex; a grade of which 3 was never seen; a laboratory value with two reasons for missing; a constant.
DOMAINS = (
    Domain("sex", "sex", 2, Scale.NOMINAL),
    Domain("grade", "grade", 4, Scale.ORDERED),
    Domain("lab", "lab", 5, Scale.NUMERIC, special=(3, 4), missing=(3, 4), positions=(1.0, 2.0, 3.0, 0.0, 0.0)),
    Domain("country", "country", 1, Scale.NOMINAL),
)
CONTEXT = (Domain("ward", "ward", 3, Scale.NOMINAL),)
SHAPES = tuple(domain.size for domain in DOMAINS)
#: How far shares may be off. What a GAN trained for seconds generates still sways around what it learns from.
TOLERANCE = {"FittedCtgan": 0.15}


def _table(n: int = 3000) -> tuple[Codes, Codes]:
    """Codes and context: all columns lean on one another and on the ward; one grade in ten is unobserved."""
    rng = np.random.default_rng(7)
    ward = rng.integers(0, 3, n)
    sex = (rng.random(n) < 0.3 + 0.2 * ward).astype(int)
    grade = np.clip(sex + rng.integers(-1, 2, n), 0, 2)
    lab = np.where(
        rng.random(n) < 0.2 + 0.5 * sex, 3 + rng.integers(0, 2, n), np.minimum(grade + rng.integers(0, 2, n), 2)
    )
    grade = np.where(rng.random(n) < 0.1, UNOBSERVED, grade)
    codes = np.stack([sex, grade, lab, np.zeros(n, int)], axis=1)
    return np.asfortranarray(codes, np.int32), np.asfortranarray(ward[:, None], np.int32)


#: All but SDV's networks: after as many epochs as a test has time for, they leave out whole codes (see test_sdv.py).
MODELS = [
    pytest.param(name, marks=[pytest.mark.sdv] * name.startswith("sdv"))
    for name in plugins.models()
    if name not in ("sdv-ctgan", "sdv-tvae")
]


def _make(name: str) -> Model:
    try:
        plugins.load_model(name)
    except SynthgenError as missing:
        pytest.skip(str(missing))
    model: Model = ModelConfig.model_validate({"name": name, **OPTIONS.get(name, {})}).build()
    return model


def _fit(model: Model, codes: Codes, context: Codes | None = None, *, cuts: tuple[int, ...] = ()) -> FittedModel:
    beside = None if context is None else CodeTable(CONTEXT, np.split(context, cuts))
    source = CodeTable(DOMAINS[: codes.shape[1]], np.split(codes, cuts))
    return model.fit(source, rng=np.random.default_rng(1), context=beside)


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest) -> Model:
    return _make(request.param)


@pytest.fixture(scope="module")
def fitted(model: Model) -> FittedModel:
    return _fit(model, _table()[0])


@pytest.fixture(scope="module")
def with_context(model: Model) -> FittedModel:
    if not model.conditional:
        pytest.skip("it cannot be given context")
    return _fit(model, *_table())


@pytest.fixture
def likely(fitted: FittedModel) -> FittedModel:
    """A model that says how probable codes are."""
    if not fitted.likelihood:
        pytest.skip("it has no likelihood")
    return fitted


def _rng(seed: int = 3) -> np.random.Generator:
    return np.random.default_rng(seed)


def test_samples_are_codes_of_the_domains_that_were_seen(fitted: FittedModel) -> None:
    codes = fitted.sample(2000, rng=_rng())
    assert codes.shape == (2000, 4)
    assert codes.dtype == np.int32
    assert (codes >= 0).all()  # never unobserved
    assert (codes < SHAPES).all()
    assert not (codes[:, 1] == 3).any()  # never what was never seen
    assert (codes[:, 3] == 0).all()


def test_each_column_keeps_its_shares(model: Model, fitted: FittedModel) -> None:
    if isinstance(model, _Sdv):
        pytest.skip("SDV's marginals are SDV's affair")
    real, codes = _table()[0], fitted.sample(6000, rng=_rng())
    for column, size in enumerate(SHAPES):
        observed = real[real[:, column] >= 0, column]
        expected = np.bincount(observed, minlength=size) / len(observed)
        tolerance = TOLERANCE.get(type(fitted).__name__, 0.05)
        assert np.bincount(codes[:, column], minlength=size) / 6000 == pytest.approx(expected, abs=tolerance)


def test_no_rows_are_no_rows(fitted: FittedModel) -> None:
    assert fitted.sample(0, rng=_rng()).shape == (0, 4)
    if fitted.likelihood:
        assert fitted.log_prob(np.zeros((0, 4), np.int32)).shape == (0,)


def test_the_seed_decides(fitted: FittedModel) -> None:
    mask = np.array([True, True, False, True, False])
    for given in (None, {2: mask}):
        first, again, other = (fitted.sample(500, rng=_rng(seed), given=given) for seed in (1, 1, 2))
        assert np.array_equal(first, again)
        assert not np.array_equal(first, other)


def test_fixed_codes_hold_and_free_ones_vary(fitted: FittedModel) -> None:
    asked = np.array([0, 1, UNOBSERVED, 4] * 250, np.int32)
    grades = np.array([UNOBSERVED, 1] * 500, np.int32)  # of grade 2, the table has no laboratory value 1
    codes = fitted.sample(1000, rng=_rng(), given={2: asked, 1: grades})
    assert np.array_equal(codes[asked >= 0, 2], asked[asked >= 0])
    assert np.array_equal(codes[grades >= 0, 1], grades[grades >= 0])
    assert len(np.unique(codes[asked < 0, 2])) == 5
    assert len(np.unique(codes[grades < 0, 1])) == 3


def test_masks_hold_for_all_rows_alike_and_row_by_row(fitted: FittedModel) -> None:
    alike = np.array([False, True, False, True, False])
    assert set(fitted.sample(1000, rng=_rng(), given={2: alike})[:, 2]) == {1, 3}
    own = np.random.default_rng(5).random((1000, 5)) < 0.5
    own[:, 0] |= ~own.any(axis=1)
    codes = fitted.sample(1000, rng=_rng(), given={2: own, 0: np.array([True, False])})
    assert own[np.arange(1000), codes[:, 2]].all()
    assert (codes[:, 0] == 0).all()


def test_probabilities_in_place_of_masks_weigh_the_codes(fitted: FittedModel) -> None:
    """A row comes as often as it would unasked, times how probable its codes are to meet what is asked."""
    asked = {2: np.array([0.0, 0.05, 0.4, 0.1, 0.02]), 0: np.array([0.2, 0.1])}
    free, codes = fitted.sample(40_000, rng=_rng()), fitted.sample(8000, rng=_rng(4), given=asked)
    weight = asked[2][free[:, 2]] * asked[0][free[:, 0]]
    assert set(codes[:, 2]) <= {1, 2, 3, 4}
    for sex, lab in product((0, 1), (1, 2, 3, 4)):
        expected = weight[(free[:, 0] == sex) & (free[:, 2] == lab)].sum() / weight.sum()
        found = ((codes[:, 0] == sex) & (codes[:, 2] == lab)).mean()
        assert found == pytest.approx(expected, abs=TOLERANCE.get(type(fitted).__name__, 0.02))
    if fitted.likelihood:
        assert np.exp(fitted.log_mass(asked, n=1)[0]) == pytest.approx(weight.mean(), rel=0.05)


def test_what_cannot_be_is_refused(fitted: FittedModel) -> None:
    never = np.array([False, False, False, True])
    for impossible in ({1: never}, {1: np.full(5, 3, np.int32)}, {0: np.zeros(2, bool)}):
        if fitted.likelihood:
            assert np.isneginf(fitted.log_mass(impossible, n=5)).all()
        with pytest.raises(NotApplicable):
            fitted.sample(5, rng=_rng(), given=impossible)


def test_one_row_that_cannot_be_is_enough_to_refuse(fitted: FittedModel) -> None:
    with pytest.raises(NotApplicable):
        fitted.sample(3, rng=_rng(), given={1: np.array([0, 3, 1], np.int32)})


def test_probabilities_of_all_rows_sum_to_one(likely: FittedModel) -> None:
    everything = np.array(list(product(*map(range, SHAPES))), np.int32)
    assert np.exp(likely.log_prob(everything)).sum() == pytest.approx(1, abs=0.02)


def test_unobserved_cells_are_summed_out(likely: FittedModel) -> None:
    rows = np.array([[1, grade, 2, 0] for grade in range(4)], np.int32)
    either = np.array([[1, UNOBSERVED, 2, 0]], np.int32)
    assert np.exp(likely.log_prob(either))[0] == pytest.approx(np.exp(likely.log_prob(rows)).sum(), rel=0.05)
    assert likely.log_prob(np.full((2, 4), UNOBSERVED, np.int32)) == pytest.approx([0, 0], abs=0.02)


def test_a_mask_is_the_union_of_its_codes(likely: FittedModel) -> None:
    """Missing or high: neither presence nor value alone decides."""
    union = np.array([False, False, True, True, False])
    parts = [np.arange(5) == code for code in (2, 3)]
    for also in ({}, {0: np.array([False, True])}):
        whole = np.exp(likely.log_mass({2: union, **also}, n=1))[0]
        assert whole == pytest.approx(
            sum(np.exp(likely.log_mass({2: part, **also}, n=1))[0] for part in parts), rel=0.05
        )


def test_draws_under_a_mask_follow_the_probabilities(likely: FittedModel) -> None:
    given = {2: np.array([False, True, True, True, False]), 0: np.array([False, True])}
    codes = likely.sample(8000, rng=_rng(), given=given)
    total = likely.log_mass(given, n=1)[0]
    for code in (1, 2, 3):
        expected = np.exp(likely.log_mass({**given, 2: np.arange(5) == code}, n=1)[0] - total)
        assert (codes[:, 2] == code).mean() == pytest.approx(expected, abs=0.025)


def test_draws_under_masks_on_every_column_follow_the_probabilities(likely: FittedModel) -> None:
    """Every column asks for something, and each draw has to reckon with what the others ask."""
    given = {
        0: np.ones(2, bool),
        1: np.array([True, False, True, False]),
        2: np.array([True, False, False, True, True]),
    }
    codes = likely.sample(8000, rng=_rng(), given=given)
    woman = likely.log_mass({**given, 0: np.array([True, False])}, n=1)[0] - likely.log_mass(given, n=1)[0]
    assert (codes[:, 0] == 0).mean() == pytest.approx(np.exp(woman), abs=0.05)


def test_frequencies_are_the_probabilities(likely: FittedModel) -> None:
    codes = likely.sample(20_000, rng=_rng())
    cells, times = np.unique(codes, axis=0, return_counts=True)
    assert np.exp(likely.log_prob(cells)) == pytest.approx(times / 20_000, abs=0.012)


def test_a_rows_probability_does_not_depend_on_other_rows(likely: FittedModel) -> None:
    rows = likely.sample(20, rng=_rng())
    together = likely.log_prob(rows)
    apart = [likely.log_prob(rows[i : i + 1])[0] for i in range(20)]
    assert together == pytest.approx(apart, rel=1e-4)


def test_context_is_required_where_it_was_learned(with_context: FittedModel) -> None:
    with pytest.raises(ValueError, match="context"):
        with_context.sample(5, rng=_rng())
    if not with_context.likelihood:
        return
    with pytest.raises(ValueError, match="context"):
        with_context.log_mass({0: np.array([True, False])}, n=5)


def test_context_is_respected(with_context: FittedModel) -> None:
    if type(with_context).__name__ == "FittedIndependent":
        pytest.skip("it says that context changes nothing")
    rates = []
    for ward in range(3):
        context = np.full((4000, 1), ward, np.int32)
        codes = with_context.sample(4000, rng=_rng(), context=context)
        rates.append((codes[:, 0] == 1).mean())
        if with_context.likelihood:
            told = np.exp(with_context.log_mass({0: np.array([False, True])}, n=1, context=context[:1]))[0]
            assert told == pytest.approx(rates[-1], abs=0.03)
    assert rates == pytest.approx([0.3, 0.5, 0.7], abs=TOLERANCE.get(type(with_context).__name__, 0.08))


def test_probabilities_given_context_sum_to_one(with_context: FittedModel) -> None:
    if not with_context.likelihood:
        pytest.skip("it has no likelihood")
    everything = np.array(list(product(*map(range, SHAPES))), np.int32)
    context = np.ones((len(everything), 1), np.int32)
    assert np.exp(with_context.log_prob(everything, context=context)).sum() == pytest.approx(1, abs=0.02)


def test_a_model_that_cannot_be_given_context_says_so(model: Model) -> None:
    if model.conditional:
        pytest.skip("it can")
    with pytest.raises(NotApplicable, match="context"):
        _fit(model, *_table(50))


@pytest.fixture(scope="module")
def richest(request: pytest.FixtureRequest, model: Model) -> FittedModel:
    """Fitted with context where that can be."""
    found: FittedModel = request.getfixturevalue("with_context" if model.conditional else "fitted")
    return found


def test_state_is_all_there_is(richest: FittedModel) -> None:
    values, arrays = richest.state()
    again = type(richest).from_state(DOMAINS, richest.context_domains, values, arrays)
    context = _table()[1][:200] if richest.context_domains else None
    assert np.array_equal(
        richest.sample(200, rng=_rng(), context=context), again.sample(200, rng=_rng(), context=context)
    )


def test_a_state_of_wrong_shapes_is_refused(richest: FittedModel) -> None:
    values, arrays = richest.state()
    context = richest.context_domains
    for name, array in arrays.items():
        with pytest.raises(ValueError):
            type(richest).from_state(DOMAINS, context, values, {**arrays, name: np.resize(array, array.size + 1)})
    larger = (replace(DOMAINS[0], size=3), *DOMAINS[1:])
    with pytest.raises(ValueError):
        type(richest).from_state(larger, context, values, arrays)


@pytest.mark.parametrize("name", ["independent", "copula", "ctgan"])
def test_blocks_may_be_cut_anywhere(name: str) -> None:
    codes, context = _table(500)
    whole, cut = (_fit(_make(name), codes, context, cuts=cuts).state()[1] for cuts in ((), (1, 1, 70, 499)))
    assert whole.keys() == cut.keys()
    assert all(np.array_equal(whole[key], cut[key]) for key in whole)


@pytest.mark.parametrize("name", ["independent", "copula"])
def test_weights_may_be_read_once(name: str) -> None:
    codes, _ = _table()
    weights = [np.ones(len(codes))]
    one, other = (
        _make(name).fit(CodeTable(DOMAINS, [codes]), rng=_rng(), weights=of) for of in (weights, iter(weights))
    )
    assert np.array_equal(one.sample(50, rng=_rng()), other.sample(50, rng=_rng()))


@pytest.mark.parametrize("name", ["independent", "copula"])
def test_a_weight_of_two_is_the_row_twice(name: str) -> None:
    codes, _ = _table(300)
    weights = np.where(codes[:, 0] == 1, 2.0, 1.0)
    weighted = _make(name).fit(CodeTable(DOMAINS, [codes]), rng=_rng(), weights=[weights])
    twice = _fit(_make(name), np.asfortranarray(np.repeat(codes, weights.astype(int), axis=0)))
    for key, array in twice.state()[1].items():
        assert weighted.state()[1][key] == pytest.approx(array, abs=1e-9)


@pytest.mark.parametrize("name", ["independent", "copula", "autoregressive"])
def test_tables_of_nearly_nothing(name: str) -> None:
    """No column, no row, one row, and a column of which nothing was observed: that one is missing throughout."""
    make = _make(name)
    assert make.fit(CodeTable((), [np.zeros((3, 0), np.int32)]), rng=_rng()).sample(4, rng=_rng()).shape == (4, 0)
    only = make.fit(CodeTable(DOMAINS, [np.array([[1, 2, 4, 0]], np.int32)]), rng=_rng())
    assert (only.sample(9, rng=_rng()) == [1, 2, 4, 0]).all()
    nothing = make.fit(CodeTable(DOMAINS, [np.full((5, 4), UNOBSERVED, np.int32)]), rng=_rng())
    none = make.fit(CodeTable(DOMAINS, []), rng=_rng())
    for model in (nothing, none):
        assert (model.sample(9, rng=_rng()) == [0, 0, 3, 0]).all()
        assert model.log_prob(np.array([[0, 0, 3, 0]], np.int32)) == pytest.approx([0])


def test_a_model_without_a_likelihood_says_so(fitted: FittedModel) -> None:
    if fitted.likelihood:
        pytest.skip("it has one")
    with pytest.raises(NotApplicable):
        fitted.log_mass({0: np.array([True, False])}, n=1)


def test_counts_leave_out_what_is_unobserved() -> None:
    table = CodeTable((DOMAINS[1],), [np.array([[0], [2]], np.int32), np.array([[UNOBSERVED], [2]], np.int32)])
    assert code_counts(table)[0].tolist() == [1, 0, 2, 0]
    weights = [np.array([1.0, 0.5]), np.array([9.0, 2.0])]
    assert code_counts(table, weights)[0].tolist() == [1.0, 0.0, 2.5, 0.0]


def test_shares_of_what_was_never_observed() -> None:
    assert shares_of(DOMAINS[2], np.zeros(5)).tolist() == [0, 0, 0, 1, 0]
    assert shares_of(DOMAINS[1], np.array([1, 3, 0, 0])).tolist() == [0.25, 0.75, 0, 0]
