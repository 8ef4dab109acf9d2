"""Training by sampling (Xu et al. 2019, section 4.3): a level of a column is drawn, then a row that has it.

Columns are drawn uniformly and levels by the logarithm of their frequency, so that rare levels are learned as well.
The index of the rows lives while a model is fitted and is never part of it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.models._ctgan.spans import Outputs
from synthgen.models.base import Codes

#: The share of a batch that is under no condition where there is context: sampled as it comes, for what context alone
#: tells of all columns.
_FREE_SHARE: Final = 0.5


@dataclass(frozen=True, eq=False)
class BatchCondition:
    """Conditions of a batch: for each row the span and the level that is asked for, both -1 where nothing is."""

    span: NDArray[np.int64]
    level: NDArray[np.int64]

    def outputs(self, layout: Outputs) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The output that each row is asked to choose, and the bounds of its span; -1 and all outputs where none is."""
        free, starts = self.span < 0, layout.starts
        asked = np.where(free, -1, starts[self.span] + self.level)
        low, high = np.where(free, 0, starts[self.span]), np.where(free, layout.n_outputs, starts[self.span + 1])
        return asked, np.stack([low, high], axis=1)


@dataclass(frozen=True, eq=False)
class Features:
    """Conditions and context as one-hot features: one for the condition or for none, then one per context column.

    Attributes:
        layout: the spans that conditions are set on.
        context: the domains of the context's columns; a cell that was not observed has a feature as well.
    """

    layout: Outputs
    context: tuple[Domain, ...]

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """At which feature the conditions on each span start, then "no condition"."""
        return np.cumsum([0, *(0 if span.modes is not None else span.width for span in self.layout.spans)])

    @cached_property
    def _context_starts(self) -> NDArray[np.int64]:
        """At which feature each context column starts, then the number of features."""
        return np.cumsum([self._starts[-1] + 1, *(domain.size + 1 for domain in self.context)])

    @property
    def n(self) -> int:
        """How many features there are."""
        return int(self._context_starts[-1])

    def of(self, condition: BatchCondition, context: Codes | None) -> NDArray[np.int64]:
        """The active features of each row, ``(n_rows, 1 + len(self.context))``."""
        asked = np.where(condition.span < 0, self._starts[-1], self._starts[condition.span] + condition.level)
        if context is None:
            return asked[:, None]
        return np.concatenate([asked[:, None], context + 1 + self._context_starts[:-1]], axis=1)

    def unused(self, context: Codes | None) -> NDArray[np.int64]:
        """Those that no row of a table has, conditions on levels left out."""
        none = np.full(1 if context is None else len(context), -1)
        used = self.of(BatchCondition(none, none), context)
        return np.setdiff1d(np.arange(self._starts[-1], self.n), used)


@dataclass(frozen=True, eq=False)
class RowIndex:
    """Which rows have which level, and how often a level is to be asked for.

    Attributes:
        layout: the spans.
        n_rows: of the training table.
        total_weight: float64 ``(n_rows + 1,)``, cumulative; ``None`` where all rows count alike.
        orders: for each discrete span the rows in the order of their levels, int32 ``(n_rows,)``.
        weights: for each discrete span the cumulative weights in that order, float64 ``(n_rows + 1,)``.
        bounds: for each discrete span where its levels start in that order, then where the last one ends.
        asked: for each discrete span the cumulative probabilities of its levels.
    """

    layout: Outputs
    n_rows: int
    total_weight: NDArray[np.float64] | None
    orders: tuple[NDArray[np.int32], ...]
    weights: tuple[NDArray[np.float64], ...]
    bounds: tuple[NDArray[np.int64], ...]
    asked: tuple[NDArray[np.float64], ...]

    @classmethod
    def of(
        cls, layout: Outputs, levels: NDArray[np.int32], weights: NDArray[np.float64] | None, log_frequency: bool
    ) -> RowIndex:
        """The index of rows of levels, ``(n_rows, n_spans)``."""
        orders, cumulative, bounds, asked = [], [], [], []
        for i in layout.discrete:
            own, width = levels[:, i], layout.spans[i].width
            order = np.argsort(own.astype(np.int16) if width < 2**15 else own, kind="stable").astype(np.int32)
            bound = np.r_[0, np.cumsum(np.bincount(own, minlength=width))]
            frequency = np.diff(bound).astype(np.float64)
            if weights is not None:
                cumulative.append(np.r_[0.0, np.cumsum(weights[order])])
                frequency = np.diff(cumulative[-1][bound])
            mass = np.log1p(frequency) if log_frequency else frequency
            orders.append(order)
            bounds.append(bound)
            asked.append(np.cumsum(mass / mass.sum()))
        total = None if weights is None else np.r_[0.0, np.cumsum(weights)]
        return cls(layout, len(levels), total, tuple(orders), tuple(cumulative), tuple(bounds), tuple(asked))

    def any_rows(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Training rows as they come, by their weights."""
        return _pick(rng.random(n), 0, self.n_rows, self.total_weight)

    def draw(self, n: int, rng: np.random.Generator, *, with_context: bool) -> tuple[BatchCondition, NDArray[np.int64]]:
        """Conditions for ``n`` rows, and for each a training row that meets it."""
        discrete = np.array(self.layout.discrete, np.int64)
        chosen = rng.integers(0, max(len(discrete), 1), n)
        free = rng.random(n) < _FREE_SHARE if with_context else np.zeros(n, bool)
        if not len(discrete):
            free[:] = True
        uniform, within = rng.random(n), rng.random(n)
        level, rows = np.full((2, n), -1, np.int64)
        rows[free] = _pick(within[free], 0, self.n_rows, self.total_weight)
        for at in np.unique(chosen[~free]):
            mine = np.flatnonzero(~free & (chosen == at))
            own = np.minimum(np.searchsorted(self.asked[at], uniform[mine], side="right"), len(self.asked[at]) - 1)
            level[mine] = own
            weights = self.weights[at] if self.weights else None
            places = _pick(within[mine], self.bounds[at][own], self.bounds[at][own + 1], weights)
            rows[mine] = self.orders[at][places]
        span = np.where(free, -1, discrete[chosen]) if len(discrete) else np.full(n, -1, np.int64)
        return BatchCondition(span, level), rows


def _pick(
    uniform: NDArray[np.float64],
    low: NDArray[np.int64] | int,
    high: NDArray[np.int64] | int,
    weights: NDArray[np.float64] | None,
) -> NDArray[np.int64]:
    """A place from ``low`` to before ``high`` for each uniform number, by cumulative weights where there are some."""
    if weights is None:
        return low + (uniform * (np.asarray(high) - low)).astype(np.int64)
    mass = weights[low] + uniform * (weights[high] - weights[low])
    return np.clip(np.searchsorted(weights, mass, side="right") - 1, low, np.asarray(high) - 1)
