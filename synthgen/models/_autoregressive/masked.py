"""The autoregressive network in torch: all columns of a batch at once, each seeing only those before it.

The network is shallow: the embeddings of the columns before a column feed one hidden layer of its own, and that feeds
its softmax (a masked autoencoder with one hidden block per output; Germain et al. 2015, MADE). Neighbouring columns of
similar size are computed together, so that a batch costs a few large products rather than many small ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from synthgen.models._autoregressive.layout import Layout, numbers
from synthgen.models._autoregressive.smooth import WAVES, waves
from synthgen.models._autoregressive.weights import Weights, shapes

#: The logit of a code that was never seen.
NEVER: Final = -1e9
#: How much of the penalty is on parameters by name, all of it on others. A rare code's level, say, is far from 0 for
#: good; and what tells the given is one more factor of the same products, shared by all columns.
_CARE: Final = {"level": 0.0, "offset": 0.0, "repeated": 0.0, "gains": 0.0, "told": 0.25}
#: The same of what is learned for the target alone: many columns say a little of it each, and shrunk would say nothing.
_CARE_OF_TARGET: Final = 0.1
_SPREAD: Final = 0.5
#: The target of a cell that is unobserved.
_IGNORED: Final = -100


class _Codes(nn.Module):
    """The embeddings of one column: of its codes, and of what they share.

    A code's embedding is its own plus those of its chapter, its category and so on, which all columns of the coding
    system share: a rare code is near what is known of its kind until its own rows say otherwise. On a scale it is its
    own plus a smooth function of its rank, so that it is near that of its neighbours.
    """

    groups: Tensor | None
    waves: Tensor | None

    def __init__(
        self,
        size: int,
        dims: int,
        groups: Tensor | None,
        shared: nn.ParameterList | None,
        waves: Tensor,
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


class _Kin(nn.Module):
    """Which codes of a few columns stand in their kin already.

    Attributes:
        most: how many kin a column has at most.
    """

    entries: Tensor
    first: Tensor
    same: Tensor

    def __init__(self, most: int, entries: Sequence[int], same: Sequence[NDArray[np.int64]]) -> None:
        super().__init__()
        self.most = most
        self.register_buffer("entries", torch.tensor(entries, dtype=torch.int64))
        self.register_buffer("first", torch.tensor(np.cumsum([0, *map(len, same)])[:-1]))
        self.register_buffer("same", torch.from_numpy(np.concatenate([np.zeros(0, np.int64), *same])))

    @classmethod
    def of(cls, layout: Layout, entries: Sequence[int]) -> _Kin:
        kin = [layout.kin(e) for e in entries]
        most = max(map(len, kin))
        found: list[tuple[int, NDArray[np.int64]]] = []
        for e, others in zip(entries, kin, strict=True):
            found += [(other, layout.same(e, other)) for other in others]
            # Where a column has fewer, another one in which none of its codes stands.
            found += [(0, np.full(layout.sizes[0] + 1, -1))] * (most - len(others))
        return cls(most, [other for other, _ in found], [same for _, same in found])

    def stands(self, codes: Tensor) -> Tensor:
        """The code of each column that stands in each of its kin, ``(columns, kin, rows)``; -1 for none.

        Args:
            codes: of all entries, ``(rows, entries)``.
        """
        found = self.same[codes[:, self.entries] + self.first]
        return found.t().reshape(-1, self.most, len(codes))


class _Block(nn.Module):
    """The hidden layers and softmaxes of a few columns of similar size."""

    seen: Tensor | None
    told: Tensor | None
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
        self.of_target = any(layout.domains[layout.order[e]].target for e in entries)
        self.before = layout.n_told(entries[-1])
        self.register_buffer("told", torch.from_numpy(layout.told(entries[-1])) if layout.heard else None)
        seen = torch.zeros(len(entries), self.width, self.before)
        for at, e in enumerate(entries):
            seen[at, :, : layout.n_told(e)] = 1.0
        self.register_buffer("seen", seen.flatten(0, 1) if len(entries) > 1 else None)
        scale = math.sqrt(2) / _SPREAD / seen.sum(2, keepdim=True).clamp(min=1).sqrt()
        self.hidden = nn.Parameter((torch.randn_like(seen) * scale * seen).flatten(0, 1))
        self.offset = nn.Parameter(torch.randn(len(entries) * self.width) * 0.1)
        self.head = nn.Parameter(torch.randn(len(entries), self.width, self.most) * 0.3 / math.sqrt(self.width))
        levels = torch.full((len(entries), 1, self.most), NEVER)
        ranks = torch.zeros(len(entries), WAVES, self.most)
        for at, e in enumerate(entries):
            levels[at, 0, : layout.sizes[e]] = torch.from_numpy(level[e])
            ranks[at, :, : layout.sizes[e]] = waves[e]
        self.level = nn.Parameter(levels)
        # On a scale a code's logits are its own plus smooth functions of its rank, as with embeddings.
        self.register_buffer("waves", ranks if ranks.any() else None)
        self.smooth = nn.Parameter(torch.zeros(len(entries), self.width, WAVES)) if ranks.any() else None
        groups = _groups(layout, entries[0]) if len(entries) == 1 else None
        self.register_buffer("groups", groups)
        # A code's logits are its own plus those of its chapter and category, as with embeddings.
        self.of_groups = nn.ParameterList(
            torch.zeros(int(level.max()) + 1, self.width) for level in (() if groups is None else groups[:-1])
        )
        # What is added to the logit of a code that stands in an earlier column: for any code, and for each.
        self.kin = _Kin.of(layout, entries)
        self.repeated = nn.Parameter(torch.zeros(len(entries), self.kin.most))
        self.repeats = nn.Parameter(torch.zeros(len(entries), self.kin.most, self.most))
        # What is added to the logits by what the context says about the unit. Through the hidden units a column would
        # have to learn of each unit by itself which column of the context is about it, and of rare ones never does.
        self.echoes = layout.echoes(entries[0]) if len(entries) == 1 else ()
        self.echoed = nn.ParameterList(torch.zeros(echo.size, self.most) for echo in self.echoes)
        # Some quantities keep closer to their last value than others.
        units = len(self.echoes[0].told) if self.echoes else 0
        self.gains = nn.Parameter(torch.ones(len(self.echoes), units))

    def hidden_weight(self) -> Tensor:
        return self.hidden if self.seen is None else self.hidden * self.seen

    def head_weight(self) -> Tensor:
        if self.smooth is not None and self.waves is not None:
            return torch.baddbmm(self.head, self.smooth, self.waves)
        if self.groups is None or not len(self.of_groups):
            return self.head
        return self.head + _of_groups(self.of_groups, self.groups[:-1]).t()

    def logits(self, embedded: Tensor, codes: Tensor) -> Tensor:
        """Shape ``(columns, rows, codes)``; ``codes`` are those of all entries, of which it takes those of kin."""
        told = embedded[:, : self.before] if self.told is None else embedded.index_select(1, self.told)
        h = torch.relu(torch.addmm(self.offset, told, self.hidden_weight().t()))
        h = h.view(len(embedded), len(self.entries), self.width).transpose(0, 1)
        # Added apart: where products are rounded, what they are added to is not.
        logits = torch.bmm(h, self.head_weight()).float() + self.level
        if self.kin.most:
            stands = self.kin.stands(codes)
            at = stands.clamp(min=0)
            added = (self.repeats.gather(2, at) + self.repeated[:, :, None]) * (stands >= 0)
            logits = logits.scatter_add(2, at.transpose(1, 2), added.transpose(1, 2))
        for echo, table, gains in zip(self.echoes, self.echoed, self.gains, strict=True):
            unit = codes[:, echo.unit]
            about = torch.from_numpy(echo.told).to(codes.device)[unit]
            # Where nothing is about the unit the first column stands in for it, whose codes may be more.
            said = codes.gather(1, about.clamp(min=0)[:, None])[:, 0].where(about >= 0, 0)
            logits = logits + table[said] * (gains[unit] * (about >= 0))[:, None]
        return logits


class MaskedNetwork(nn.Module):
    """The whole network.

    Attributes:
        sizes: the number of codes per entry of the layout.
    """

    sizes: Tensor

    def __init__(self, layout: Layout, level: Sequence[NDArray[np.float32]]) -> None:
        super().__init__()
        self.layout = layout
        given, own = layout.order[: layout.first_own], layout.order[layout.first_own :]
        each = [*numbers(layout.domains, given), *numbers(layout.domains, own)]
        shared: dict[tuple[str, bool], nn.ParameterList] = {}
        ranks = [torch.from_numpy(waves(layout.domains[i], level[e])) for e, i in enumerate(layout.order)]
        self.tables: list[_Codes] = []
        for e, i in enumerate(layout.order):
            groups, dims = _groups(layout, e), each[e]
            system = (layout.domains[i].system, e < layout.first_own)
            if groups is not None and system not in shared:
                shared[system] = nn.ParameterList(
                    torch.randn(n, dims) * _SPREAD / 2 for n in _numbers_of_groups(layout, system[0])
                )
            self.tables.append(_Codes(layout.sizes[e], dims, groups, shared.get(system), ranks[e]))
        n_given = sum(each[: layout.first_own])
        self.told = nn.Parameter(torch.randn(n_given, layout.starts[layout.first_own]) / math.sqrt(max(n_given, 1)))
        self.blocks = [_Block(layout, entries, level, ranks) for entries in layout.runs]
        self.parts = nn.ModuleList([*self.tables, *self.blocks])  # what torch has to know of
        self.register_buffer("sizes", torch.tensor(layout.sizes))

    def loss(self, codes: Tensor) -> Tensor:
        """The negative log-likelihood of each cell that is observed, 0 elsewhere: shape ``(columns, rows)``."""
        each = [functional.embedding(codes[:, e], of.table()) for e, of in enumerate(self.tables)]
        first = self.layout.first_own
        told = [torch.cat(each[:first], dim=1) @ self.told] if first else []
        embedded = torch.cat([*told, *each[first:]], dim=1)
        losses = []
        for block in self.blocks:
            logits = block.logits(embedded, codes)
            target = codes[:, block.entries].t()
            target = target.masked_fill(target >= self.sizes[block.entries].unsqueeze(-1), _IGNORED)
            found = functional.cross_entropy(
                logits.flatten(0, 1), target.flatten(), ignore_index=_IGNORED, reduction="none"
            )
            losses.append(found.view_as(target))
        return torch.cat(losses)

    def by_care(self) -> dict[tuple[bool, float], list[nn.Parameter]]:
        """The parameters by whether they tell what is given, and by the share of the penalty that is on them."""
        of_target = {id(parameter) for block in self.blocks if block.of_target for parameter in block.parameters()}
        of_given = {id(p) for table in self.tables[: self.layout.first_own] for p in table.parameters()}
        of_given |= {id(self.told), *(id(p) for block in self.blocks for p in block.echoed)}
        found: dict[tuple[bool, float], list[nn.Parameter]] = {}
        for name, parameter in self.named_parameters():
            care = _CARE.get(name.rpartition(".")[2], 1.0) * (_CARE_OF_TARGET if id(parameter) in of_target else 1.0)
            found.setdefault((id(parameter) in of_given, care), []).append(parameter)
        return found

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
                    np.ascontiguousarray(hidden[rows, : self.layout.n_told(e)].T),
                    _array(block.offset)[rows],
                    np.ascontiguousarray(head[at, :, :size]),
                    np.where(level[at, 0, :size] < NEVER / 2, -np.inf, level[at, 0, :size]).astype(np.float32),
                    (_array(block.repeats) + _array(block.repeated)[:, :, None])[at, : len(self.layout.kin(e)), :size],
                    np.concatenate([np.zeros((0, size), np.float32), *map(_array, block.echoed)]),
                    _array(block.gains),
                )
        return [found[e] for e in range(len(self.layout.order))]

    def _embedding(self, e: int) -> NDArray[np.float32]:
        table = self.tables[e].table()
        if e < self.layout.first_own:
            start = sum(of.own.shape[1] for of in self.tables[:e])
            table = table @ self.told[start : start + table.shape[1]]
        return _array(table)


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
