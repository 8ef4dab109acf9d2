"""The critic: a Wasserstein GAN's (Gulrajani et al. 2017) that sees packs of rows at once (PacGAN, Lin et al. 2018).

Its first layer is nearly all of its work, and is linear. So a real row goes through it by look-up; a mixture of a real
and a fake pack needs no product of its own; and between kinks the critic is linear, so its gradient at the mixture is
a product of its weights, which is differentiated once instead of twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import linear

from synthgen.models._ctgan.generator import uniform
from synthgen.models._ctgan.lookup import BETAS, Active, RowAdam

#: The weight of the gradient penalty.
_PENALTY: Final = 10.0
_LEAK: Final = 0.2
_DROPPED: Final = 0.5


class Critic:
    """Scores of packs of rows, given the conditions of the rows.

    Args:
        n_outputs: how wide a row is.
        n_features: how many features conditions and context have.
        sizes: of the hidden layers.
        pack: so many rows are judged together.
    """

    def __init__(
        self,
        n_outputs: int,
        *,
        n_features: int,
        sizes: Sequence[int],
        pack: int,
        rate: float,
        decay: float,
        rng: np.random.Generator,
        device: torch.device,
    ) -> None:
        self._pack, self._rng, self._device = pack, rng, device
        self._n_outputs, self._n_features = n_outputs, n_features
        widths = (*sizes, 1)
        bound = 1 / np.sqrt(pack * (n_outputs + n_features))
        # Transposed, so that what a feature contributes is a row.
        self._first = uniform(bound, (pack * n_outputs, widths[0]), rng, device).requires_grad_()
        table = uniform(bound, (pack * n_features, widths[0]), rng, device)
        self._biases = [uniform(bound, (1, widths[0]), rng, device)[0].requires_grad_()]
        self._rest = []
        for n_in, n_out in pairwise(widths):
            self._rest.append(uniform(1 / np.sqrt(n_in), (n_out, n_in), rng, device).requires_grad_())
            self._biases.append(uniform(1 / np.sqrt(n_in), (1, n_out), rng, device)[0].requires_grad_())
        dense = [self._first, *self._biases, *self._rest]
        self._dense = torch.optim.Adam(dense, lr=rate, betas=BETAS, weight_decay=decay, fused=True)
        self._table = RowAdam(table, rate=rate, decay=decay)

    def scores(self, conditions: Active, fake: Tensor) -> Tensor:
        """The score of each pack of soft rows, ``(n_packs, 1)``: differentiable in the rows, not in the critic."""
        given = self._packed(conditions, self._n_features).times(self._table.table)
        first = torch.addmm(given, self._in_packs(fake), self._first.detach()) + self._biases[0].detach()
        rest, biases = [weight.detach() for weight in self._rest], [bias.detach() for bias in self._biases]
        return _tail(first, rest, biases, self._kept(len(first)))

    def step(self, real: Active, fake: Tensor, conditions: Active) -> float:
        """Move towards telling real rows from fake ones under the same conditions. Returns the loss."""
        real, conditions = self._packed(real, self._n_outputs), self._packed(conditions, self._n_features)
        fake = self._in_packs(fake)
        with torch.no_grad():
            given = conditions.times(self._table.table) + self._biases[0]
            of_real, of_fake = real.times(self._first) + given, torch.addmm(given, fake, self._first)
            share = torch.from_numpy(self._rng.random((len(fake), 1), np.float32)).to(self._device)
            mixed = share * of_real + (1 - share) * of_fake
        first = torch.cat([of_real, of_fake]).requires_grad_()
        score_real, score_fake = _tail(first, self._rest, self._biases, self._kept(len(first))).chunk(2)
        told = score_fake.mean() - score_real.mean()
        self._dense.zero_grad()
        torch.autograd.backward(told)
        assert first.grad is not None
        to_real, to_fake = first.grad.chunk(2)
        with torch.no_grad():
            gradient = torch.mm(fake.T, to_fake)
            rows, sums = real.transposed_times(to_real)
            gradient[rows] += sums
        penalty = self._penalise(mixed, gradient)
        with torch.no_grad():
            self._first.grad, self._biases[0].grad = gradient, first.grad.sum(0)
            self._dense.step()
            self._table.step(*conditions.transposed_times(to_real + to_fake))
        return float(told.detach()) + penalty

    def _penalise(self, mixed: Tensor, gradient: Tensor) -> float:
        """Add the gradients of the penalty to those of the first layer and of the rest. Returns the penalty.

        The penalty is ``10 × mean((|u| - 1)²)``, where ``u`` is the gradient of a score with respect to the rows of
        the mixture; with the gradient ``g`` at the output of the first layer, it is ``g @ first.T``.
        """
        slope = _slope(mixed, self._rest, self._biases, self._kept(len(mixed)))
        with torch.no_grad():
            by_row = torch.mm(slope.detach(), self._first.T)
            length = by_row.norm(dim=1, keepdim=True).clamp_(min=1e-12)
            factor = _PENALTY * 2 * (length - 1) / (length * len(mixed))
            gradient.addmm_(by_row.T, factor * slope.detach())
            by_slope = factor * torch.mm(by_row, self._first)
        if slope.requires_grad:
            torch.autograd.backward(slope, by_slope)
        return float(_PENALTY * (length - 1).square().mean())

    def _kept(self, n: int) -> list[Tensor]:
        """Factors of dropout for each hidden layer."""
        widths = [weight.shape[1] for weight in self._rest]
        drawn = [self._rng.random((n, width), np.float32) >= _DROPPED for width in widths]
        return [torch.from_numpy(kept).to(self._device, torch.float32).mul_(1 / (1 - _DROPPED)) for kept in drawn]

    def _in_packs(self, rows: Tensor) -> Tensor:
        return rows.reshape(len(rows) // self._pack, -1)

    def _packed(self, active: Active, width: int) -> Active:
        """Rows of features beside one another, a pack in a row."""
        place = torch.arange(len(active.columns), device=self._device) % self._pack
        columns = self._in_packs(active.columns + place[:, None] * width)
        return Active(columns, None if active.values is None else self._in_packs(active.values))


def _tail(first: Tensor, rest: Sequence[Tensor], biases: Sequence[Tensor], kept: Sequence[Tensor]) -> Tensor:
    """The scores, from the output of the first layer (its bias included) on."""
    x = first
    for weight, bias, factor in zip(rest, biases[1:], kept, strict=True):
        x = linear(torch.nn.functional.leaky_relu(x, _LEAK) * factor, weight, bias)
    return x


def _slope(first: Tensor, rest: Sequence[Tensor], biases: Sequence[Tensor], kept: Sequence[Tensor]) -> Tensor:
    """The gradient of each score with respect to the output of the first layer, differentiable in the weights."""
    bends = []
    with torch.no_grad():
        x = first
        for weight, bias, factor in zip(rest, biases[1:], kept, strict=True):
            bends.append(torch.where(x > 0, 1.0, _LEAK) * factor)
            x = linear(x * bends[-1], weight, bias)
    slope = torch.ones_like(x)
    for weight, bend in zip(reversed(rest), reversed(bends), strict=True):
        slope = slope @ weight * bend
    return slope
