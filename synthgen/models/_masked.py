"""Training of the autoregressive network: all columns of a batch at once, each seeing only those before it.

The network is shallow: the embeddings of the columns before a column feed one hidden layer of its own, and that feeds
its softmax (a masked autoencoder with one hidden block per output; Germain et al. 2015, MADE). Neighbouring columns of
similar size are computed together, so that a batch costs a few large products rather than many small ones.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from synthgen.errors import SynthgenError
from synthgen.models._layout import Layout
from synthgen.models._smooth import WAVES, waves
from synthgen.models._weights import Weights, shapes

#: The logit of a code that was never seen.
_NEVER: Final = -1e9
_LEARNING_RATE: Final = 1.5e-2
_MOMENTS: Final = (0.9, 0.99)
_NOT_PENALISED: Final = ("level", "offset", "related")
_WARM_UP: Final = 0.1
_SPREAD: Final = 0.5
#: Products in a step from which on a second thread helps.
_WORTH_THREADS: Final = 20_000_000
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

    def losses(self, network: _Network, device: str) -> Tensor:
        """The negative log-likelihood of each row, weighted, in nats."""
        losses = network.loss(torch.from_numpy(self.codes).to(device, torch.int64)).sum(0)
        return losses if self.weights is None else losses * torch.from_numpy(self.weights).to(device)


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
    """

    epochs: int
    batch: int
    patience: int
    penalty: float


class _Codes(nn.Module):
    """The embeddings of one column: of its codes, and of what they share.

    A code's embedding is its own plus those of its chapter, its category and so on, which all columns of the coding
    system share: a rare code is near what is known of its kind until its own rows say otherwise. On a scale it is its
    own plus a smooth function of its rank, so that it is near that of its neighbours.
    """

    groups: Tensor | None
    waves: Tensor | None

    def __init__(
        self, size: int, dims: int, groups: Tensor | None, shared: nn.ParameterList | None, waves: Tensor
    ) -> None:
        super().__init__()
        self.own = nn.Parameter(torch.randn(size + 1, dims) * (_SPREAD if groups is None else _SPREAD / 2))
        self.shared = shared
        self.register_buffer("groups", groups)
        self.register_buffer("waves", functional.pad(waves.t(), (0, 0, 0, 1)) if waves.any() else None)
        self.smooth = nn.Parameter(torch.randn(WAVES, dims) * _SPREAD / math.sqrt(WAVES)) if waves.any() else None

    def table(self) -> Tensor:
        if self.smooth is not None and self.waves is not None:
            return self.own + self.waves @ self.smooth
        if self.shared is None or self.groups is None:
            return self.own
        return self.own + functional.pad(_of_groups(self.shared, self.groups), (0, 0, 0, 1))


def _of_groups(of_levels: nn.ParameterList, groups: Tensor) -> Tensor:
    """The sum over levels of what each code's group has, ``(codes, numbers)``."""
    return torch.stack([of_level[level] for of_level, level in zip(of_levels, groups, strict=True)]).sum(0)


class _Block(nn.Module):
    """The hidden layers and softmaxes of a few columns of similar size."""

    seen: Tensor | None
    groups: Tensor | None
    waves: Tensor | None

    def __init__(
        self,
        layout: Layout,
        entries: Sequence[int],
        level: Sequence[NDArray[np.float32]],
        waves: Sequence[Tensor],
    ) -> None:
        super().__init__()
        self.entries = list(entries)
        self.width = max(layout.widths[e] for e in entries)
        self.most = max(layout.sizes[e] for e in entries)
        self.before = layout.starts[entries[-1]]
        seen = torch.zeros(len(entries), self.width, self.before)
        for at, e in enumerate(entries):
            seen[at, :, : layout.starts[e]] = 1.0
        self.register_buffer("seen", seen.flatten(0, 1) if len(entries) > 1 else None)
        scale = math.sqrt(2) / _SPREAD / seen.sum(2, keepdim=True).clamp(min=1).sqrt()
        self.hidden = nn.Parameter((torch.randn_like(seen) * scale * seen).flatten(0, 1))
        self.offset = nn.Parameter(torch.randn(len(entries) * self.width) * 0.1)
        self.head = nn.Parameter(torch.randn(len(entries), self.width, self.most) * 0.3 / math.sqrt(self.width))
        levels = torch.full((len(entries), 1, self.most), _NEVER)
        ranks = torch.zeros(len(entries), WAVES, self.most)
        for at, e in enumerate(entries):
            levels[at, 0, : layout.sizes[e]] = torch.from_numpy(level[e])
            ranks[at, :, : layout.sizes[e]] = waves[e]
        self.level = nn.Parameter(levels)
        # On a scale a code's logits are its own plus smooth functions of its rank, as with embeddings.
        self.register_buffer("waves", ranks if ranks.any() else None)
        self.smooth = nn.Parameter(torch.zeros(len(entries), self.width, WAVES)) if ranks.any() else None
        self.kin = layout.kin(entries[0]) if len(entries) == 1 else ()
        groups = _groups(layout, entries[0]) if len(entries) == 1 else None
        self.register_buffer("groups", groups)
        # A code's logits are its own plus those of its chapter and category, as with embeddings.
        self.of_groups = nn.ParameterList(
            torch.zeros(int(level.max()) + 1, self.width) for level in (() if groups is None else groups[:-1])
        )
        n_levels = 1 if groups is None else len(groups)
        self.repeats = nn.Parameter(torch.zeros(len(self.kin), self.most))
        self.related = nn.Parameter(torch.zeros(len(self.kin), n_levels))

    def hidden_weight(self) -> Tensor:
        return self.hidden if self.seen is None else self.hidden * self.seen

    def head_weight(self) -> Tensor:
        if self.smooth is not None and self.waves is not None:
            return torch.baddbmm(self.head, self.smooth, self.waves)
        if self.groups is None or not len(self.of_groups):
            return self.head
        return self.head + _of_groups(self.of_groups, self.groups[:-1]).t()

    def logits(self, embedded: Tensor, kin_groups: Sequence[Tensor]) -> Tensor:
        """Shape ``(columns, rows, codes)``; ``kin_groups`` are the groups of the cells of each of ``kin``."""
        h = torch.relu(torch.addmm(self.offset, embedded[:, : self.before], self.hidden_weight().t()))
        h = h.view(len(embedded), len(self.entries), self.width).transpose(0, 1)
        logits = torch.baddbmm(self.level, h, self.head_weight())
        if self.kin and self.groups is not None:
            logits = logits + self._of_kin(self.groups, kin_groups)
        return logits

    def _of_kin(self, groups: Tensor, kin_groups: Sequence[Tensor]) -> Tensor:
        """What codes that stand in earlier columns of the same system add to the logits, ``(rows, codes)``."""
        total = torch.zeros(kin_groups[0].shape[1], self.most, device=groups.device)
        for k, stands in enumerate(kin_groups):
            added = [*self.related[k, :-1], self.repeats[k] + self.related[k, -1]]
            for at, of_level in enumerate(added):
                total = total + of_level * (stands[at][:, None] == groups[at])
        return total


class _Network(nn.Module):
    """The whole network.

    Attributes:
        sizes: the number of codes per entry of the layout.
        groups: for each entry the groups of its codes and, last, of what is unobserved (-1, of no group).
    """

    sizes: Tensor

    def __init__(self, layout: Layout, level: Sequence[NDArray[np.float32]]) -> None:
        super().__init__()
        self.layout = layout
        shared: dict[str, nn.ParameterList] = {}
        ranks = [torch.from_numpy(waves(layout.domains[i], level[e])) for e, i in enumerate(layout.order)]
        self.tables: list[_Codes] = []
        for e, i in enumerate(layout.order):
            groups, system = _groups(layout, e), layout.domains[i].system
            if groups is not None and system not in shared:
                shared[system] = nn.ParameterList(
                    torch.randn(n, layout.dims[e]) * _SPREAD / 2 for n in _numbers_of_groups(layout, system)
                )
            of_system = shared.get(system) if system else None
            self.tables.append(_Codes(layout.sizes[e], layout.dims[e], groups, of_system, ranks[e]))
        self.blocks = [_Block(layout, entries, level, ranks) for entries in layout.runs]
        self.parts = nn.ModuleList([*self.tables, *self.blocks])  # what torch has to know of
        self.register_buffer("sizes", torch.tensor(layout.sizes))

    def loss(self, codes: Tensor) -> Tensor:
        """The negative log-likelihood of each cell that is observed, 0 elsewhere: shape ``(columns, rows)``."""
        embedded = torch.cat([functional.embedding(codes[:, e], of.table()) for e, of in enumerate(self.tables)], dim=1)
        losses = []
        for block in self.blocks:
            logits = block.logits(embedded, [self._groups_of_cells(e, codes[:, e]) for e in block.kin])
            target = codes[:, block.entries].t()
            chosen = logits.gather(-1, target.clamp(max=block.most - 1).unsqueeze(-1)).squeeze(-1)
            observed = target < self.sizes[block.entries].unsqueeze(-1)
            losses.append((torch.logsumexp(logits, -1) - chosen) * observed)
        return torch.cat(losses)

    def _groups_of_cells(self, entry: int, codes: Tensor) -> Tensor:
        """The groups of the codes that stand in a column, ``(levels, rows)``; -1 for what is unobserved."""
        groups = self.tables[entry].groups
        assert groups is not None
        return functional.pad(groups, (0, 1), value=-1)[:, codes]

    def weights(self) -> list[Weights]:
        """What was learned, entry by entry, with groups and codes added up."""
        found: dict[int, Weights] = {}
        for e in range(self.layout.first_own):
            nothing = {name: np.zeros(shape, np.float32) for name, shape in shapes(self.layout, e).items()}
            found[e] = Weights(**(nothing | {"embedding": self._embedding(e)}))
        for block in self.blocks:
            hidden, head, level = map(_array, (block.hidden_weight(), block.head_weight(), block.level))
            for at, e in enumerate(block.entries):
                size, rows = self.layout.sizes[e], slice(at * block.width, (at + 1) * block.width)
                found[e] = Weights(
                    self._embedding(e),
                    np.ascontiguousarray(hidden[rows, : self.layout.starts[e]].T),
                    _array(block.offset)[rows],
                    np.ascontiguousarray(head[at, :, :size]),
                    np.where(level[at, 0, :size] < _NEVER / 2, -np.inf, level[at, 0, :size]).astype(np.float32),
                    (_array(block.repeats) + _array(block.related)[:, -1:])[:, :size],
                    _array(block.related)[:, :-1],
                )
        return [found[e] for e in range(len(self.layout.order))]

    def _embedding(self, e: int) -> NDArray[np.float32]:
        return _array(self.tables[e].table())


def _array(tensor: Tensor) -> NDArray[np.float32]:
    array: NDArray[np.float32] = tensor.detach().cpu().numpy().astype(np.float32)
    return array


def _groups(layout: Layout, entry: int) -> Tensor | None:
    """The groups of a column's codes, ``(levels, codes)``; ``None`` without a hierarchy."""
    domain = layout.domains[layout.order[entry]]
    return torch.tensor(domain.parents) if domain.system else None


def _numbers_of_groups(layout: Layout, system: str) -> list[int]:
    """How many groups the columns of a coding system have together, level by level."""
    parents = [layout.domains[i].parents for i in layout.order if layout.domains[i].system == system]
    return [max(max(level) for level in levels) + 1 for levels in zip(*parents, strict=True)]


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
    levels = [np.where(np.isinf(of), _NEVER, of).astype(np.float32) for of in level]
    cuda = [torch.device(device)] if device.startswith("cuda") else []
    with torch.random.fork_rng(devices=cuda), _threads(layout, schedule.batch):
        torch.manual_seed(int(rng.integers(2**62)))
        network = _Network(layout, levels).to(device)
        if not len(network.blocks) or not len(rows):
            return network.weights()
        return _descend(network, rows, validation, schedule, rng=rng, device=device, progress=progress)


def _descend(
    network: _Network,
    rows: Rows,
    validation: Rows | None,
    schedule: Schedule,
    *,
    rng: np.random.Generator,
    device: str,
    progress: Callable[[int, float, float], None],
) -> list[Weights]:
    optimiser = torch.optim.Adam(_parameters(network, schedule.penalty / len(rows)), betas=_MOMENTS, fused=True)
    steps = -(-len(rows) // schedule.batch)
    best, kept, kept_epoch = math.inf, network.weights(), -1
    for epoch in range(schedule.epochs):
        order = rng.permutation(len(rows))
        total = torch.zeros((), device=device)
        for step in range(steps):
            chosen = order[step * schedule.batch : (step + 1) * schedule.batch]
            for group in optimiser.param_groups:
                group["lr"] = _learning_rate((epoch * steps + step) / (schedule.epochs * steps))
            loss = rows.take(chosen).losses(network, device).mean()
            optimiser.zero_grad(set_to_none=True)
            loss.backward()  # type: ignore[no-untyped-call]
            optimiser.step()
            total += loss.detach()
        held_out = float(total) / steps if validation is None else _held_out(network, validation, device)
        progress(epoch + 1, held_out, (epoch + 1) / schedule.epochs)
        if not math.isfinite(held_out):
            raise SynthgenError(f"the loss became {held_out} in epoch {epoch + 1}; nothing is saved: try another seed")
        if validation is None or held_out < best:
            best, kept, kept_epoch = held_out, network.weights(), epoch
        elif epoch - kept_epoch >= schedule.patience:
            break
    return kept


@contextmanager
def _threads(layout: Layout, batch: int) -> Iterator[None]:
    """One thread where a step is so small that several would only wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if batch * layout.n_weights > _WORTH_THREADS else 1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@torch.no_grad()
def _held_out(network: _Network, rows: Rows, device: str) -> float:
    """The mean negative log-likelihood of rows, in nats."""
    cuts = (np.arange(first, min(first + _VALIDATED, len(rows))) for first in range(0, len(rows), _VALIDATED))
    return sum(float(rows.take(cut).losses(network, device).sum()) for cut in cuts) / len(rows)


def _parameters(network: _Network, penalty: float) -> list[dict[str, object]]:
    """Weights that are penalised, and those that are not: a rare code's level, say, is far from 0 for good."""
    parts: dict[bool, list[nn.Parameter]] = {True: [], False: []}
    for name, parameter in network.named_parameters():
        parts[name.rpartition(".")[2] not in _NOT_PENALISED].append(parameter)
    return [{"params": parts[True], "weight_decay": penalty}, {"params": parts[False], "weight_decay": 0.0}]


def _learning_rate(done: float) -> float:
    """One cycle: up within a tenth of all steps, then down along a cosine."""
    if done < _WARM_UP:
        return _LEARNING_RATE * max(done / _WARM_UP, 1e-3)
    return _LEARNING_RATE * 0.5 * (1 + math.cos(math.pi * (done - _WARM_UP) / (1 - _WARM_UP)))
