"""Training of the autoregressive network: Adam over shuffled rows, stopped by patients that it does not learn from."""

from __future__ import annotations

import copy
import inspect
import math
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray

from synthgen.errors import SynthgenError
from synthgen.models._autoregressive.layout import Layout
from synthgen.models._autoregressive.masked import NEVER, MaskedNetwork
from synthgen.models._autoregressive.weights import Weights

_LEARNING_RATE: Final = 1.5e-2
_MOMENTS: Final = (0.9, 0.99)
_WARM_UP: Final = 0.1
#: Products in a step from which on a second thread helps.
_WORTH_THREADS: Final = 20_000_000
#: Parts of a batch that are learned from side by side: two threads that each have half of the rows are done sooner than
#: two that share every product.
_PARTS: Final = 2
#: Validation rows that are looked at together.
_VALIDATED: Final = 8192


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows to learn from or to be judged by.

    Attributes:
        codes: integers ``(n, entries)``; the slot behind a column's codes where a cell is unobserved.
        weights: how much each row counts, float32 ``(n,)``; ``None`` for all alike.
    """

    codes: NDArray[np.integer[Any]]
    weights: NDArray[np.float32] | None

    def __len__(self) -> int:
        return len(self.codes)

    def take(self, chosen: NDArray[np.intp]) -> Rows:
        """Some of the rows."""
        return Rows(self.codes[chosen], None if self.weights is None else self.weights[chosen])

    def loss(self, network: MaskedNetwork, device: str) -> torch.Tensor:
        """The sum over rows of the negative log-likelihood, weighted, in nats."""
        losses = network.loss(torch.from_numpy(self.codes).to(device, torch.int64)).sum(0)
        return (losses if self.weights is None else losses * torch.from_numpy(self.weights).to(device)).sum()


@dataclass(frozen=True)
class Schedule:
    """How long and how cautiously to learn.

    Attributes:
        epochs: at most so many passes over the rows.
        batch: rows per step.
        patience: epochs without a lower held-out loss after which learning stops.
        penalty: half of it times the sum of squared weights is added to the loss of all rows together. It is part of
            what is minimised, not the decoupled decay of AdamW, which bounds every weight alike: products of penalised
            weights vanish where the rows tell little and hardly shrink where they tell much.
        given: the same on the weights by which what is given is told.
    """

    epochs: int
    batch: int
    patience: int
    penalty: float
    given: float


def train(
    layout: Layout,
    level: Sequence[NDArray[np.float64]],
    rows: Rows,
    validation: Rows | None,
    schedule: Schedule,
    *,
    rng: np.random.Generator,
    device: str,
    progress: Callable[[int, float, float], None],
) -> list[Weights]:
    """Learn the weights that are best on the validation rows, or the last ones without any.

    Args:
        level: the logarithm of each code's share, per entry of the layout; minus infinity for what was never seen.
        progress: called with the epoch, the held-out loss (the training loss without validation), and the share done.

    Raises:
        SynthgenError: the loss is not a number.
    """
    levels = [np.where(np.isinf(of), NEVER, of).astype(np.float32) for of in level]
    cuda = [torch.device(device)] if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=cuda):
        torch.manual_seed(int(rng.integers(2**62)))
        network = MaskedNetwork(layout, levels).to(device)
        if not len(network.blocks) or not len(rows):
            return network.weights()
        is_heavy = schedule.batch * layout.n_weights > _WORTH_THREADS
        with _Workers.on(network, device, is_heavy) as workers:
            return _descend(workers, rows, validation, schedule, rng=rng, progress=progress)


def _descend(
    workers: _Workers,
    rows: Rows,
    validation: Rows | None,
    schedule: Schedule,
    *,
    rng: np.random.Generator,
    progress: Callable[[int, float, float], None],
) -> list[Weights]:
    network = workers.network
    optimiser = _Adam(_parameters(network, schedule, len(rows)), betas=_MOMENTS, fused=True)
    steps = -(-len(rows) // schedule.batch)
    best, kept, kept_epoch = math.inf, network.weights(), -1
    for epoch in range(schedule.epochs):
        order = rng.permutation(len(rows))
        total = 0.0
        for step in range(steps):
            chosen = order[step * schedule.batch : (step + 1) * schedule.batch]
            for group in optimiser.param_groups:
                group["lr"] = _learning_rate((epoch * steps + step) / (schedule.epochs * steps))
            total += workers.gradient(rows.take(chosen))
            optimiser.step()
        held_out = total / steps if validation is None else workers.loss(validation)
        progress(epoch + 1, held_out, (epoch + 1) / schedule.epochs)
        if not math.isfinite(held_out):
            raise SynthgenError(f"the loss became {held_out} in epoch {epoch + 1}; nothing is saved: try another seed")
        if validation is None or held_out < best:
            best, kept, kept_epoch = held_out, network.weights(), epoch
        elif epoch - kept_epoch >= schedule.patience:
            break
    return kept


class _Adam(torch.optim.Adam):
    # As torch decorates them, they load torch's compiler first, which takes longer than a small fit.
    add_param_group = inspect.unwrap(torch.optim.Adam.add_param_group)
    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


@dataclass(frozen=True, eq=False)
class _Workers:
    """The network, and twins of it that share its parameters but have gradients of their own.

    Each takes a part of a batch, in a thread of its own. The parts and the order in which gradients are added are
    fixed, so the result does not depend on who is done first.

    Attributes:
        rounded: whether products are of numbers of half the bits, which many processors compute twice as fast. What is
            added up, the parameters and the losses keep all of theirs.
    """

    networks: tuple[MaskedNetwork, ...]
    device: str
    rounded: bool
    pool: ThreadPoolExecutor

    @classmethod
    @contextmanager
    def on(cls, network: MaskedNetwork, device: str, is_heavy: bool) -> Iterator[_Workers]:
        """Threads for as long as they are needed: one for steps so small that several would wait for each other."""
        before = torch.get_num_threads()
        parts = min(_PARTS, before) if is_heavy and device == "cpu" else 1
        threads = before // parts if is_heavy else 1
        torch.set_num_threads(threads)
        try:
            with ThreadPoolExecutor(parts, initializer=torch.set_num_threads, initargs=(threads,)) as pool:
                twins = (_twin(network) for _ in range(parts - 1))
                yield cls((network, *twins), device, is_heavy and device == "cpu" and _halves_pay(), pool)
        finally:
            torch.set_num_threads(before)

    @property
    def network(self) -> MaskedNetwork:
        """The one whose gradients count."""
        return self.networks[0]

    def gradient(self, rows: Rows) -> float:
        """Leave the gradient of the mean loss of the rows in the network's parameters; the mean loss."""

        def of_part(network: MaskedNetwork, part: Rows) -> float:
            network.zero_grad(set_to_none=True)
            with torch.autocast("cpu", torch.bfloat16, enabled=self.rounded):
                loss = part.loss(network, self.device) / len(rows)
            loss.backward()  # type: ignore[no-untyped-call]
            return float(loss.detach())

        parts = [rows.take(cut) for cut in np.array_split(np.arange(len(rows)), len(self.networks))]
        total = sum(self.pool.map(of_part, self.networks, parts))
        for twin in self.networks[1:]:
            pairs = [
                (one.grad, other.grad) for one, other in zip(self.network.parameters(), twin.parameters(), strict=True)
            ]
            sums = [(one, other) for one, other in pairs if one is not None and other is not None]
            torch._foreach_add_([one for one, _ in sums], [other for _, other in sums])
        return total

    @torch.no_grad()
    def loss(self, rows: Rows) -> float:
        """The mean loss of rows."""
        cuts = [np.arange(first, min(first + _VALIDATED, len(rows))) for first in range(0, len(rows), _VALIDATED)]
        return sum(float(rows.take(cut).loss(self.network, self.device)) for cut in cuts) / len(rows)


def _twin(network: MaskedNetwork) -> MaskedNetwork:
    twin = copy.deepcopy(network)
    for own, other in zip(twin.parameters(), network.parameters(), strict=True):
        own.data = other.data
    return twin


def _halves_pay() -> bool:
    """Whether the processor multiplies bfloat16 by itself; elsewhere torch would imitate it, slowly."""
    # No public name tells; a version of torch without these computes in full.
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(getattr(torch.cpu, probe, bool)() for probe in probes)


def _parameters(network: MaskedNetwork, schedule: Schedule, n: int) -> list[dict[str, object]]:
    """The parameters, each with its penalty on the mean loss of ``n`` rows."""
    by_care = network.by_care()
    penalties = {False: schedule.penalty / n, True: schedule.given / n}
    return [{"params": some, "weight_decay": penalties[given] * care} for (given, care), some in by_care.items()]


def _learning_rate(done: float) -> float:
    """One cycle: up within a tenth of all steps, then down along a cosine."""
    if done < _WARM_UP:
        return _LEARNING_RATE * max(done / _WARM_UP, 1e-3)
    return _LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP)))
