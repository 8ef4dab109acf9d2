"""The generator in training: residual layers that are handed on whole, conditions by look-up (Xu et al. 2019, 4.4)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import batch_norm, cross_entropy

from synthgen.models._ctgan.layer import Layer
from synthgen.models._ctgan.lookup import BETAS, Active, RowAdam
from synthgen.models._ctgan.spans import Outputs

#: The temperature of the Gumbel softmax.
_TEMPERATURE: Final = 0.2
_EPSILON: Final = 1e-5


class Generator:
    """From noise and conditions to outputs, of which the soft form goes to the critic.

    Args:
        layout: the outputs.
        sizes: of the hidden layers.
        log_shares: where the biases of the outputs start: without conditions, every column is its own marginal.
        n_features: how many features conditions and context have.
    """

    def __init__(
        self,
        layout: Outputs,
        *,
        noise: int,
        sizes: Sequence[int],
        log_shares: NDArray[np.float32],
        n_features: int,
        rate: float,
        decay: float,
        rng: np.random.Generator,
        device: torch.device,
    ) -> None:
        self._layout, self._rng, self._device = layout, rng, device
        widths = (*sizes, layout.n_outputs)
        inputs = np.cumsum([noise, *sizes])
        self._weights, tables = [], []
        for n_in, n_out in zip(inputs, widths, strict=True):
            # The usual bound of a linear layer that is fed noise, earlier layers and one-hot conditions alike.
            bound = 1 / np.sqrt(n_in + n_features)
            self._weights.append(uniform(bound, (n_in, n_out), rng, device).requires_grad_())
            tables.append(uniform(bound, (n_features, n_out), rng, device))
        self._scales = [torch.ones(size, device=device, requires_grad=True) for size in sizes]
        self._shifts = [torch.zeros(size, device=device, requires_grad=True) for size in sizes]
        self._shifts.append(torch.from_numpy(log_shares.copy()).to(device).requires_grad_())
        dense = [*self._weights, *self._scales, *self._shifts]
        self._dense = torch.optim.Adam(dense, lr=rate, betas=BETAS, weight_decay=decay, fused=True)
        self._tables = [RowAdam(table, rate=rate, decay=decay) for table in tables]

    def fake(self, conditions: Active) -> Tensor:
        """Soft rows to train the critic on, ``(n_rows, n_outputs)``; nothing is learned from them here."""
        with torch.no_grad():
            return self._soft(self._logits([conditions.times(of.table) for of in self._tables]))

    def step(
        self,
        conditions: Active,
        asked: NDArray[np.int64],
        bounds: NDArray[np.int64],
        score: Callable[[Tensor], Tensor],
    ) -> float:
        """Move towards rows that the critic takes for real and that meet their condition. Returns the loss.

        Args:
            conditions: the active features of each row's condition.
            asked: the output that each row is asked to choose, -1 where it is free.
            bounds: the first output of the span that it belongs to and the first behind it, ``(n_rows, 2)``.
            score: what the critic thinks of soft rows.
        """
        looked_up = [conditions.times(of.table).requires_grad_() for of in self._tables]
        logits = self._logits(looked_up)
        loss = self._missed(logits, asked, bounds) - score(self._soft(logits)).mean()
        self._dense.zero_grad()
        torch.autograd.backward(loss)
        self._dense.step()
        for of, part in zip(self._tables, looked_up, strict=True):
            assert part.grad is not None
            of.step(*conditions.transposed_times(part.grad))
        return float(loss.detach())

    def _logits(self, parts: Sequence[Tensor]) -> Tensor:
        """The outputs before activation, of fresh noise and of what the conditions add to each layer."""
        x = self._noise(len(parts[0]))
        for weight, part, scale, shift in zip(self._weights, parts, self._scales, self._shifts, strict=False):
            before = torch.addmm(part, x, weight)
            after = batch_norm(before, None, None, scale, shift, training=True, eps=_EPSILON)
            x = torch.cat([after.relu(), x], dim=1)
        return torch.addmm(parts[-1], x, self._weights[-1]) + self._shifts[-1]

    def _noise(self, n: int) -> Tensor:
        drawn = self._rng.standard_normal((n, len(self._weights[0])), np.float32)
        return torch.from_numpy(drawn).to(self._device)

    def _soft(self, logits: Tensor) -> Tensor:
        """Scalars between -1 and 1, and a Gumbel softmax over each span (Jang et al. 2017)."""
        n_scalars = self._layout.n_scalars
        n_categories = logits.shape[1] - n_scalars
        drawn = self._rng.standard_exponential((len(logits), n_categories), np.float32)
        exponential = torch.from_numpy(drawn).to(self._device).clamp_(min=1e-30)
        perturbed = (logits[:, n_scalars:] - exponential.log_()) / _TEMPERATURE
        widths = [span.width for span in self._layout.spans]
        spans = [part.softmax(dim=1) for part in torch.split(perturbed, widths, dim=1)]
        return torch.cat([logits[:, :n_scalars].tanh(), *spans], dim=1)

    def _missed(self, logits: Tensor, asked: NDArray[np.int64], bounds: NDArray[np.int64]) -> Tensor:
        """The cross-entropy of the levels that conditions ask for, summed over rows and divided by all of them."""
        first, end = torch.from_numpy(bounds).to(self._device)[:, :, None].unbind(1)
        at = torch.arange(logits.shape[1], device=self._device)
        within_span = logits.masked_fill((at < first) | (at >= end), -torch.inf)
        target = torch.from_numpy(asked).to(self._device)
        return cross_entropy(within_span, target, ignore_index=-1, reduction="sum") / len(logits)

    @torch.no_grad()
    def settled(self, conditions: Active, unused: NDArray[np.int64]) -> tuple[Layer, ...]:
        """The layers as they are saved.

        Args:
            conditions: of many rows, distributed as in sampling; what is normalised by their mean and variance.
            unused: conditions that no row ever had; they change nothing.
        """
        x = self._noise(len(conditions.columns))
        layers = []
        for i, (weight, of, shift) in enumerate(zip(self._weights, self._tables, self._shifts, strict=True)):
            of.table[torch.from_numpy(unused).to(self._device)] = 0.0
            factor, bias = torch.ones_like(shift), shift
            if i < len(self._scales):
                before = torch.addmm(conditions.times(of.table), x, weight)
                factor = self._scales[i] / (before.var(0, correction=0) + _EPSILON).sqrt()
                bias = shift - before.mean(0) * factor
                x = torch.cat([(before * factor + bias).relu(), x], dim=1)
            layers.append(Layer(*(part.cpu().numpy() for part in (weight * factor, of.table * factor, bias))))
        return tuple(layers)


def uniform(bound: float, shape: tuple[int, int], rng: np.random.Generator, device: torch.device) -> Tensor:
    """A matrix drawn uniformly between minus and plus a bound."""
    return torch.from_numpy(np.float32(bound) * (2 * rng.random(shape, np.float32) - 1)).to(device)
