"""CTGAN: modes, conditions, look-ups and the penalty by hand or against the plain way; and what a fit must learn."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import leaky_relu, linear

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.errors import InputError, NotApplicable, SynthgenError
from synthgen.models._ctgan.conditions import BatchCondition, Features, RowIndex
from synthgen.models._ctgan.critic import Critic
from synthgen.models._ctgan.generator import Generator
from synthgen.models._ctgan.layer import forward
from synthgen.models._ctgan.lookup import Active, RowAdam
from synthgen.models._ctgan.modes import find_modes
from synthgen.models._ctgan.spans import Outputs, RowEncoder
from synthgen.models.base import Codes, CodeTable
from synthgen.models.ctgan import Ctgan, FittedCtgan
from synthgen.schema import load as schema_file

#: Age, of which -1 stands for not asked: its positions are the tens, so its codes tell modes apart.
AGE = Domain(
    "age", "age", 13, Scale.NUMERIC, special=(12,), missing=(12,), positions=(*(10.0 * i for i in range(12)), 0)
)
SEX = Domain("sex", "sex", 2, Scale.NOMINAL)
RARE = Domain("rare", "rare", 3, Scale.NOMINAL)
QUICK = Ctgan(
    embedding_dim=16,
    generator_dim=(64,),
    discriminator_dim=(64,),
    generator_lr=1e-3,
    discriminator_lr=2e-3,
    batch_size=100,
    discriminator_steps=2,
    pac=2,
    epochs=60,
)


def _rng(seed: int = 1) -> np.random.Generator:
    return np.random.default_rng(seed)


def _table(n: int = 2000) -> Codes:
    """Women are young and were all asked; men are old, and half of them were not asked. One in a hundred is rare."""
    rng = _rng(4)
    sex = rng.integers(0, 2, n)
    age = np.where(sex == 1, rng.integers(0, 6, n), rng.integers(6, 12, n))
    age = np.where((sex == 0) & (rng.random(n) < 0.5), 12, age)
    rare = np.where(rng.random(n) < 0.01, 2, 0)
    return np.asfortranarray(np.stack([age, sex, rare], axis=1), np.int32)


def _fit(model: Ctgan, codes: Codes, domains: tuple[Domain, ...] = (AGE, SEX, RARE), **more: Any) -> FittedCtgan:
    return model.fit(CodeTable(domains, [codes]), rng=_rng(), **more)


@pytest.fixture(scope="module")
def fitted() -> FittedCtgan:
    return _fit(QUICK, _table())


# --- modes ---------------------------------------------------------------------------------------------------------


def test_the_modes_of_a_known_mixture_are_found() -> None:
    """Half around 0, half around 100, on a grid: no mode lies between, and the two halves have the right width."""
    values = np.arange(-20.0, 121.0)
    counts = 5000 * (np.exp(-(values**2) / 8) + np.exp(-((values - 100) ** 2) / 50) * 2 / 5)
    modes, belongs = find_modes(values, counts)
    share = counts @ belongs / counts.sum()
    left = modes.means < 50
    assert share[left].sum() == pytest.approx(0.5, abs=0.01)
    assert share[left] @ modes.means[left] == pytest.approx(0, abs=0.5)
    assert share[~left] @ modes.means[~left] / share[~left].sum() == pytest.approx(100, abs=0.5)
    assert np.all(modes.deviations < 10)
    assert belongs.sum(axis=1) == pytest.approx(np.ones(len(values)))


def test_a_row_twice_is_a_count_of_two() -> None:
    """The histogram is all that modes depend on: scaled and moved values have scaled and moved modes."""
    values, counts = np.arange(30.0), _rng().integers(1, 100, 30).astype(float)
    modes, belongs = find_modes(values, counts)
    assert modes.n > find_modes(values, counts / counts.sum())[0].n == 1  # a single row shows a single mode
    moved, same = find_modes(1000 + 7 * values, counts)
    assert moved.means == pytest.approx(1000 + 7 * modes.means)
    assert moved.deviations == pytest.approx(7 * modes.deviations)
    assert same == pytest.approx(belongs)


def test_levels_come_back_from_their_features() -> None:
    """Encoded and decoded, every level is itself: numbers by mode and place, a reason for missing as its own mode."""
    shares = (np.r_[0.0, np.full(12, 1 / 12)], np.array([0.5, 0.5]), np.array([1.0, 0.0, 0.0]))
    encoder = RowEncoder.fit((AGE, SEX, RARE), [1200 * share for share in shares], shares)
    layout = encoder.layout
    assert layout.modes[0].n > 1
    assert [span.column for span in layout.spans] == [0, 1]  # the last column is constant
    codes = np.array([[code, code % 2, 0] for code in range(1, 13)] * 20, np.int32)
    active, values = encoder.features(layout.levels(codes), _rng())
    assert active.shape == values.shape == (240, 3)
    logits = np.full((240, layout.n_outputs), -1e4, np.float32)
    np.put_along_axis(logits, active[:, :2], np.float32(0), axis=1)
    logits[:, :1] = np.arctanh(values[:, 2:])
    again = np.zeros_like(codes)
    layout.decode(logits, again, _rng())
    assert np.array_equal(again, codes)


def test_few_numbers_are_levels() -> None:
    """Of ten numbers or fewer each would be its own mode: then they can be conditioned on as well."""
    shares = np.r_[np.full(10, 0.1), 0.0, 0.0, 0.0]
    assert Outputs.of((AGE,), (shares,), ()).discrete == (0,)
    with pytest.raises(ValueError, match="fewer modes"):
        Outputs.of((AGE,), (np.full(13, 1 / 13),), ())


# --- conditions ----------------------------------------------------------------------------------------------------


def _index(*, log_frequency: bool, weights: NDArray[np.float64] | None = None) -> tuple[RowIndex, NDArray[np.int32]]:
    """Of 1000 rows 900 have the first level and 100 the second; beside it a column that is half and half."""
    codes = np.stack([np.arange(1000) % 10 == 3, np.arange(1000) % 2], axis=1).astype(np.int32)
    layout = Outputs.of((SEX, SEX), (np.array([0.9, 0.1]), np.array([0.5, 0.5])), ())
    return RowIndex.of(layout, layout.levels(codes), weights, log_frequency), codes


@pytest.mark.parametrize(
    ("log_frequency", "expected"), [(True, np.log(101) / (np.log(101) + np.log(901))), (False, 0.1)]
)
def test_levels_are_asked_for_by_the_logarithm_of_their_frequency(log_frequency: bool, expected: float) -> None:
    index, codes = _index(log_frequency=log_frequency)
    condition, rows = index.draw(20_000, _rng(), with_context=False)
    assert (condition.span == 0).mean() == pytest.approx(0.5, abs=0.02)
    assert condition.level[condition.span == 0].mean() == pytest.approx(expected, abs=0.02)
    assert np.array_equal(codes[rows, condition.span], condition.level)  # every row meets its condition
    assert len(np.unique(rows)) == 1000


def test_weights_decide_which_rows_are_drawn() -> None:
    index, _ = _index(log_frequency=True, weights=np.where(np.arange(1000) < 500, 3.0, 0.0))
    _, rows = index.draw(2000, _rng(), with_context=False)
    assert rows.max() < 500
    assert index.any_rows(2000, _rng()).max() < 500


def test_given_context_half_of_the_rows_are_free() -> None:
    index, codes = _index(log_frequency=True)
    condition, rows = index.draw(20_000, _rng(), with_context=True)
    free = condition.span < 0
    assert free.mean() == pytest.approx(0.5, abs=0.02)
    assert codes[rows[free], 0].mean() == pytest.approx(0.1, abs=0.02)  # as they come


def test_conditions_and_context_are_features() -> None:
    """Two levels and two levels, none, then a context of two codes or unobserved."""
    layout = _index(log_frequency=True)[0].layout
    features = Features(layout, (SEX,))
    condition = BatchCondition(np.array([0, 1, -1]), np.array([1, 0, -1]))
    context = np.array([[0], [1], [UNOBSERVED]], np.int32)
    assert features.n == 8
    assert features.of(condition, context).tolist() == [[1, 6], [2, 7], [4, 5]]
    assert features.unused(context[:2]).tolist() == [5]
    asked, bounds = condition.outputs(layout)
    assert asked.tolist() == [1, 2, -1]
    assert bounds.tolist() == [[0, 2], [2, 4], [0, 4]]


# --- look-ups and the critic ---------------------------------------------------------------------------------------


def test_a_look_up_is_a_product_with_a_sparse_matrix() -> None:
    active = Active(torch.tensor([[0, 2], [2, 3]]), torch.tensor([[1.0, 0.5], [2.0, 1.0]]))
    dense = torch.tensor([[1.0, 0.0, 0.5, 0.0], [0.0, 0.0, 2.0, 1.0]])
    table, gradient = torch.arange(12.0).reshape(4, 3), torch.tensor([[1.0, 0.0, 2.0], [3.0, 1.0, 0.0]])
    assert torch.equal(active.times(table), dense @ table)
    rows, sums = active.transposed_times(gradient)
    assert rows.tolist() == [0, 2, 3]
    assert torch.equal(sums, (dense.T @ gradient)[rows])


def test_adam_of_all_rows_is_adam() -> None:
    table = torch.from_numpy(_rng().normal(size=(3, 2))).float()
    plain = table.clone().requires_grad_()
    optimiser = torch.optim.Adam([plain], lr=0.01, betas=(0.5, 0.9), weight_decay=0.1)
    rows = RowAdam(table.clone(), rate=0.01, decay=0.1)
    for gradient in torch.from_numpy(_rng(2).normal(size=(5, 3, 2))).float():
        plain.grad = gradient
        optimiser.step()
        rows.step(torch.arange(3), gradient)
    assert torch.allclose(rows.table, plain.detach(), atol=1e-6)


def _critic(sizes: tuple[int, ...]) -> Critic:
    return Critic(5, n_features=4, sizes=sizes, pack=2, rate=1e-3, decay=0.0, rng=_rng(), device=torch.device("cpu"))


def _plainly(critic: Critic, x: Tensor, kept: list[Tensor]) -> Tensor:
    """The critic as one dense network."""
    x = x @ critic._first + critic._biases[0]
    for weight, bias, factor in zip(critic._rest, critic._biases[1:], kept, strict=True):
        x = linear(leaky_relu(x, 0.2) * factor, weight, bias)
    return x


@pytest.mark.parametrize("sizes", [(), (6,), (6, 7)])
def test_the_penalty_and_its_gradients_are_those_of_differentiating_twice(
    sizes: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    critic = _critic(sizes)
    x = torch.from_numpy(_rng(3).normal(size=(4, 10))).float().requires_grad_()
    kept = critic._kept(4)
    (by_row,) = torch.autograd.grad(_plainly(critic, x, kept).sum(), x, create_graph=True)
    penalty = 10 * ((by_row.norm(dim=1) - 1) ** 2).mean()
    parameters = [critic._first, *critic._rest]
    expected = torch.autograd.grad(penalty, parameters)
    monkeypatch.setattr(critic, "_kept", lambda n: kept)
    gradient = torch.zeros_like(critic._first)
    mixed = (x @ critic._first + critic._biases[0]).detach()
    assert critic._penalise(mixed, gradient) == pytest.approx(float(penalty.detach()), rel=1e-5)
    for found, wanted in zip([gradient, *(weight.grad for weight in critic._rest)], expected, strict=True):
        assert found is not None
        assert torch.allclose(found, wanted, atol=1e-5)


def test_a_step_of_the_critic_tells_real_from_fake() -> None:
    """Real rows have the first output, fake ones the second: soon the critic knows."""
    critic = _critic((16,))
    real = Active(torch.zeros((40, 1), dtype=torch.int64), torch.ones((40, 1)))
    fake = torch.zeros((40, 5))
    fake[:, 1] = 1
    conditions = Active(torch.zeros((40, 1), dtype=torch.int64))
    losses = [critic.step(real, fake, conditions) for _ in range(200)]
    assert np.mean(losses[-20:]) < min(np.mean(losses[:5]), 0) - 0.2
    as_rows = torch.eye(5)[:1].expand(40, 5)
    assert critic.scores(conditions, as_rows).mean() > critic.scores(conditions, fake).mean() + 0.2


def test_the_saved_layers_are_the_network() -> None:
    """With batch normalisation folded in, NumPy computes what torch computed on the batch that settled it."""
    layout = _index(log_frequency=True)[0].layout
    generator = Generator(
        layout,
        noise=3,
        sizes=(4, 5),
        log_shares=np.log(np.array([0.9, 0.1, 0.5, 0.5], np.float32)),
        n_features=5,
        rate=1e-3,
        decay=0.0,
        rng=_rng(),
        device=torch.device("cpu"),
    )
    features = _rng().integers(0, 4, (50, 1))
    conditions = Active(torch.from_numpy(features))
    generator._rng = _rng(9)
    with torch.no_grad():
        expected = generator._logits([conditions.times(of.table) for of in generator._tables])
    generator._rng = _rng(9)
    layers = generator.settled(conditions, np.array([4]))
    noise = _rng(9).standard_normal((50, 3), np.float32)
    assert forward(layers, noise, features) == pytest.approx(expected.numpy(), abs=1e-4)
    assert not any(layer.table[4].any() for layer in layers)


# --- the whole model -----------------------------------------------------------------------------------------------


def test_dependences_and_missingness_are_learned(fitted: FittedCtgan) -> None:
    codes = fitted.sample(4000, rng=_rng())
    women, missing = codes[:, 1] == 1, codes[:, 0] == 12
    assert women.mean() == pytest.approx(0.5, abs=0.1)
    assert missing[women].mean() < 0.1
    assert missing[~women].mean() == pytest.approx(0.5, abs=0.2)
    young = codes[:, 0] < 6
    assert young[women & ~missing].mean() > 0.75
    assert young[~women & ~missing].mean() < 0.3


def test_what_was_never_seen_is_never_generated(fitted: FittedCtgan) -> None:
    assert not (fitted.sample(4000, rng=_rng())[:, 2] == 1).any()
    with pytest.raises(NotApplicable, match="asked of rare"):
        fitted.sample(2, rng=_rng(), given={2: np.array([1, 1], np.int32)})


def test_a_condition_makes_what_is_rare_come(fitted: FittedCtgan) -> None:
    """One in a hundred: by the condition of the generator it is met at once, with the rest as it goes with it."""
    codes = fitted.sample(3000, rng=_rng(), given={2: np.array([False, False, True])})
    assert (codes[:, 2] == 2).all()
    assert (codes[:, 1] == 1).mean() == pytest.approx(0.5, abs=0.3)


def test_the_same_seed_gives_the_same_bytes() -> None:
    (values, arrays), again = (_fit(replace(QUICK, epochs=3), _table(500)).state() for _ in range(2))
    assert again[0] == values
    for name, array in arrays.items():
        assert array.tobytes() == again[1][name].tobytes()
        assert array.dtype in (np.float32, np.float64)


def test_torch_s_own_randomness_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    _fit(replace(QUICK, epochs=1), _table(60))
    assert torch.equal(before, torch.random.get_rng_state())


def test_unobserved_cells_are_drawn_from_the_marginal() -> None:
    codes = _table(400)
    codes[::2, 1] = UNOBSERVED
    sampled = _fit(replace(QUICK, epochs=1), codes).sample(500, rng=_rng())
    assert set(sampled[:, 1]) == {0, 1}


def test_divergence_is_reported() -> None:
    with pytest.raises(SynthgenError, match=r"ctgan: training diverged \(epoch .*lower generator_lr"):
        _fit(replace(QUICK, generator_lr=1e30), _table(300))


def test_tables_of_nearly_nothing() -> None:
    nothing = np.full((5, 3), UNOBSERVED, np.int32)
    for table in ([], [nothing], [np.array([[12, 0, 0]], np.int32)]):
        fitted = QUICK.fit(CodeTable((AGE, SEX, RARE), table), rng=_rng())
        assert (fitted.sample(4, rng=_rng()) == [12, 0, 0]).all()
    assert QUICK.fit(CodeTable((), []), rng=_rng()).sample(4, rng=_rng()).shape == (4, 0)
    two_rows = _fit(replace(QUICK, epochs=2), np.array([[12, 0, 0], [12, 1, 0]], np.int32))
    assert set(two_rows.sample(50, rng=_rng())[:, 1]) == {0, 1}


def test_only_numbers() -> None:
    """Without a discrete column there is no condition."""
    fitted = _fit(replace(QUICK, epochs=30), _table(600)[:, :1], (AGE,))
    assert len(np.unique(fitted.sample(1000, rng=_rng())[:, 0])) > 5


def test_progress_tells_the_epoch_and_the_losses() -> None:
    told: list[tuple[str, float]] = []
    _fit(replace(QUICK, epochs=2), _table(200), progress=lambda step, done: told.append((step, done)))
    assert [done for _, done in told] == [0.25, 0.5, 0.75, 1.0]
    assert told[-1][0].startswith("epoch 2/2, losses ")


# --- options -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("batch_size: 501", "batch_size must be a multiple of pac; 501 is none of 10"),
        ("epochs: 0", "epochs must be at least 1"),
        ("generator_dim: [0]", "must hold sizes of at least 1"),
        ("generator_dim: 256", "valid tuple"),
        ("generator_lr: 0", "generator_lr must be above 0"),
        ("discriminator_decay: -1", "discriminator_decay must be 0 or more"),
        ("device: tpu", "'auto', 'cpu' or 'cuda'"),
        ("verbose: true", "has no option `verbose`"),
    ],
)
def test_wrong_options_are_refused_with_the_mend(option: str, told: str, tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        f"version: 1\ntables: {{t: {{columns: {{a: {{kind: category}}}}}}}}\nmodel: {{name: ctgan, {option}}}"
    )
    with pytest.raises(InputError, match=told.replace("(", r"\(")):
        schema_file.load(path)


def test_options_are_read_from_a_config(tmp_path: Path) -> None:
    path = tmp_path / "config.yaml"
    path.write_text(
        "version: 1\ntables: {t: {columns: {a: {kind: category}}}}\n"
        "model: {name: ctgan, generator_dim: [64, 32], epochs: 3, pac: 5, log_frequency: false, device: cpu}"
    )
    wanted = Ctgan(generator_dim=(64, 32), epochs=3, pac=5, log_frequency=False, device="cpu")
    assert schema_file.load(path).model.build() == wanted


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_a_gpu_that_is_not_there_is_not_replaced() -> None:
    with pytest.raises(InputError, match="torch finds no GPU here"):
        _fit(replace(QUICK, device="cuda"), _table(60))
