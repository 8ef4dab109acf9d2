"""Products with one-hot rows as look-ups, and what is learned from them: only the rows that were looked up.

A dense product with a one-hot row of thousands of columns multiplies by nothing but zeros and one.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag

#: Decay of the means of gradients and of squared gradients, as for every network of a Wasserstein GAN.
BETAS: Final = (0.5, 0.9)
_EPSILON: Final = 1e-8


@dataclass(frozen=True, eq=False)
class Active:
    """A sparse matrix, row by row: which of its columns are not 0, and their values.

    Attributes:
        columns: int64 ``(n_rows, n_active)``.
        values: float32 of the same shape; ``None`` where all are 1.
    """

    columns: Tensor
    values: Tensor | None = None

    def times(self, table: Tensor) -> Tensor:
        """The product with a dense matrix, ``(n_rows, table.shape[1])``."""
        return embedding_bag(self.columns, table, mode="sum", per_sample_weights=self.values)

    def transposed_times(self, gradient: Tensor) -> tuple[Tensor, Tensor]:
        """The product of its transpose with a dense matrix, as the rows that are not 0 and their numbers.

        By sorting: the sums are taken in the same order in every run, on every device.
        """
        columns, order = torch.sort(self.columns.flatten(), stable=True)
        found, counts = torch.unique_consecutive(columns, return_counts=True)
        starts = torch.cumsum(counts, 0) - counts
        values = None if self.values is None else self.values.flatten()[order]
        rows = order.div(self.columns.shape[1], rounding_mode="floor")
        return found, embedding_bag(rows, gradient, starts, mode="sum", per_sample_weights=values)


class RowAdam:
    """Adam (Kingma and Ba 2015) on the rows of a table that a batch looked up; other rows rest.

    Dense Adam would move every row in every step, by momentum and by weight decay alone.
    """

    def __init__(self, table: Tensor, *, rate: float, decay: float) -> None:
        self.table = table
        self._rate, self._decay = rate, decay
        self._mean, self._square = torch.zeros_like(table), torch.zeros_like(table)
        self._steps = 0

    def step(self, rows: Tensor, gradient: Tensor) -> None:
        """Move some rows against their gradient; each row is named once."""
        self._steps += 1
        now = self.table[rows]
        gradient = gradient.add(now, alpha=self._decay)
        mean = self._mean[rows].lerp_(gradient, 1 - BETAS[0])
        square = self._square[rows].mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        self._mean[rows], self._square[rows] = mean, square
        size = self._rate * (1 - BETAS[1] ** self._steps) ** 0.5 / (1 - BETAS[0] ** self._steps)
        self.table[rows] = now.addcdiv_(mean, square.sqrt_().add_(_EPSILON), value=-size)
