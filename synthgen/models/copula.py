"""A Gaussian copula on codes, solved from pairwise counts alone.

Each axis of a code column (see ``_axes``) is a standard normal variable cut into intervals, one per level; the
variables are jointly normal, and their correlations are those at which the discretised copula reproduces the counted
pairs (polychoric correlations; Olsson 1979), rather than correlations of the codes themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.errors import NotApplicable
from synthgen.models import _latent, _pairs, _truncated
from synthgen.models._axes import Axis, axes_of
from synthgen.models._latent import Placement
from synthgen.models._pairs import Grouping, PairTables
from synthgen.models._truncated import Interval, LevelSet, Region
from synthgen.models.base import Codes, CodeSource, FittedModel, Given, Model, code_counts
from synthgen.progress import Progress, silent

#: Gibbs sweeps over the conditioned axes after the sequential draw.
_SWEEPS = 2
#: Sequential estimates that are averaged for one probability.
_REPLICATES = 16
_SEED = 2012


@dataclass(frozen=True)
class Copula(Model):
    """Learn marginals exactly and associations as one latent correlation matrix."""

    @staticmethod
    def fitted() -> type[FittedCopula]:
        return FittedCopula

    def fit(
        self,
        source: CodeSource,
        *,
        rng: np.random.Generator,
        context: CodeSource | None = None,
        groups: Iterable[NDArray[np.int64]] | None = None,
        weights: Iterable[NDArray[np.float64]] | None = None,
        validation: CodeSource | None = None,
        progress: Progress = silent,
    ) -> FittedCopula:
        context_domains = () if context is None else context.domains
        axes = axes_of((*source.domains, *context_domains))
        columns = code_counts(source, weights) + ([] if context is None else code_counts(context, weights))
        counts = [np.array([columns[axis.column][list(codes)].sum() for codes in axis.codes]) for axis in axes]
        groupings = [Grouping.of(axis, count) for axis, count in zip(axes, counts, strict=True)]
        parts: list[PairTables] = []
        done = 0
        for block, known, weight in zip(source, context or repeat(None), weights or repeat(None)):
            both = block if known is None else np.asfortranarray(np.concatenate([block, known], axis=1))
            parts = [reduce(PairTables.merge, [*parts, _pairs.count_pairs(axes, groupings, both, weight)])]
            done += len(block)
            progress("copula", done / source.n_rows)
        if not parts:
            return FittedCopula(source.domains, context_domains, *_uninformed(axes))
        placements = _latent.place(axes, counts, groupings, parts[0])
        correlation = _latent.correlate(counts, groupings, placements, parts[0])
        return FittedCopula(source.domains, context_domains, tuple(placements), correlation)


def _uninformed(axes: Sequence[Axis]) -> tuple[tuple[Placement, ...], NDArray[np.float64]]:
    flat = (Placement.of(np.arange(axis.n_levels), np.full(axis.n_levels, 1 / axis.n_levels)) for axis in axes)
    return tuple(flat), np.eye(len(axes))


@dataclass(frozen=True, eq=False)
class FittedCopula(FittedModel):
    """Intervals of levels, and how the normal variables behind them correlate.

    Attributes:
        placements: one per axis of the columns, then of the context's columns.
        correlation: float64 ``(n_axes, n_axes)``.
    """

    domains: tuple[Domain, ...]
    context_domains: tuple[Domain, ...]
    placements: tuple[Placement, ...]
    correlation: NDArray[np.float64]

    @cached_property
    def axes(self) -> tuple[Axis, ...]:
        """The axes of the columns, then of the context's columns."""
        return axes_of((*self.domains, *self.context_domains))

    def sample(
        self, n: int, *, rng: np.random.Generator, given: Given | None = None, context: Codes | None = None
    ) -> Codes:
        z = np.zeros((len(self.axes), n), np.float32)
        regions = self._regions(given or {}, n, context)
        free = [a for a, axis in enumerate(self.axes) if a not in regions and axis.column < len(self.domains)]
        if regions:
            known = list(regions)
            within = self.correlation[np.ix_(known, known)]
            drawn, log_mass = _truncated.sequential(within, list(regions.values()), n, rng)
            if given and np.isneginf(log_mass).any():
                names = ", ".join(sorted({self.domains[column].owner for column in given}))
                raise NotApplicable(f"the model never generates what is asked of {names}")
            drawn = _truncated.gibbs(within, list(regions.values()), drawn, rng, _SWEEPS)
            z[known] = drawn.T
            slope, factor = self._conditional(tuple(known), tuple(free))
            z[free] = slope @ z[known] + factor @ rng.standard_normal((len(free), n), np.float32)
        else:
            _, factor = self._conditional((), tuple(free))
            z[free] = factor @ rng.standard_normal((len(free), n), np.float32)
        return self._codes(z)

    def _conditional(
        self, known: tuple[int, ...], free: tuple[int, ...]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The regression of the free axes on the known ones, and a factor of what is left of their covariance."""
        among = self.correlation[np.ix_(free, free)]
        slope = np.zeros((len(free), len(known)))
        if known:
            across = self.correlation[np.ix_(free, known)]
            slope = np.linalg.solve(self.correlation[np.ix_(known, known)], across.T).T
            among = among - slope @ across.T
        return slope.astype(np.float32), np.linalg.cholesky(among).astype(np.float32)

    def _codes(self, z: NDArray[np.float32]) -> Codes:
        codes = np.zeros((z.shape[1], len(self.domains)), np.int32, order="F")
        for axis, placement, latent in reversed(list(zip(self.axes, self.placements, z, strict=True))):
            if axis.column >= len(self.domains):
                continue
            place = np.searchsorted(placement.edges[1:-1].astype(np.float32), latent, side="right")
            code_at_place = np.array([axis.codes[level][0] for level in placement.order], np.int32)
            found = code_at_place[place]
            if axis.presence and self._has_value_axis(axis):
                # The value axis comes after its presence axis, so in reverse it is there already.
                found = np.where(found == axis.codes[0][0], codes[:, axis.column], found)
            codes[:, axis.column] = found
        return codes

    def _has_value_axis(self, presence: Axis) -> bool:
        return len(presence.codes[0]) > 1

    def log_mass(self, given: Given, *, n: int, context: Codes | None = None) -> NDArray[np.float64]:
        known = self._regions({}, n, context)
        regions = self._regions(given, n, context)
        impossible = self._impossible(given, n)
        # A fixed seed: the same rows always have the same probability.
        joint = self._log_mass(regions, n, np.random.default_rng(_SEED))
        return np.where(impossible, -np.inf, joint - self._log_mass(known, n, np.random.default_rng(_SEED)))

    def _log_mass(self, regions: Mapping[int, Region], n: int, rng: np.random.Generator) -> NDArray[np.float64]:
        if not regions:
            return np.zeros(n)
        axes = list(regions)
        correlation = self.correlation[np.ix_(axes, axes)]
        replicates = _REPLICATES if len(axes) > 1 else 1
        logs = [_truncated.sequential(correlation, list(regions.values()), n, rng)[1] for _ in range(replicates)]
        return np.asarray(np.logaddexp.reduce(logs, axis=0) - np.log(replicates), np.float64)

    def _impossible(self, given: Given, n: int) -> NDArray[np.bool_]:
        """Rows that ask a column with one code for another."""
        with_axis = {axis.column for axis in self.axes}
        result = np.zeros(n, bool)
        for column, condition in given.items():
            if column not in with_axis:
                result |= ~np.atleast_2d(condition)[:, 0] if condition.dtype == bool else condition > 0
        return result

    def _regions(self, given: Given, n: int, context: Codes | None) -> dict[int, Region]:
        """The conditioned axes, context first, and where each row's latent variable has to lie."""
        conditions: dict[int, NDArray[np.int32] | NDArray[np.bool_]] = {}
        if self.context_domains:
            if context is None:
                raise ValueError("this model was fitted with context and needs it to sample")
            conditions = {len(self.domains) + i: context[:, i] for i in range(len(self.context_domains))}
        conditions |= dict(given)
        regions: dict[int, Region] = {}
        for column, condition in conditions.items():
            for a, axis in enumerate(self.axes):
                if axis.column == column:
                    regions[a] = self._region(axis, self.placements[a], condition, n)
        return regions

    def _region(
        self, axis: Axis, placement: Placement, condition: NDArray[np.int32] | NDArray[np.bool_], n: int
    ) -> Region:
        if condition.dtype != bool:
            return Interval.of_levels(placement, axis.level_of_code[np.asarray(condition, np.int64)])
        mask = np.broadcast_to(np.atleast_2d(condition), (n, axis.size))
        levels = np.stack([mask[:, list(codes)].any(axis=1) for codes in axis.codes], axis=1)
        if not axis.presence:
            # Where no regular code is allowed the value does not matter.
            levels = levels | ~levels.any(axis=1, keepdims=True)
        return LevelSet.of_levels(placement, levels)

    def state(self) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
        nothing: list[NDArray[Any]] = [np.zeros(0)]
        return {}, {
            "order": np.concatenate([*(p.order for p in self.placements), np.zeros(0, np.int64)]).astype(np.int32),
            "edges": np.concatenate([*(p.edges[1:-1] for p in self.placements), *nothing]),
            "correlation": self.correlation,
        }

    @classmethod
    def from_state(
        cls,
        domains: tuple[Domain, ...],
        context_domains: tuple[Domain, ...],
        values: Mapping[str, Any],
        arrays: Mapping[str, NDArray[Any]],
    ) -> FittedCopula:
        axes = axes_of((*domains, *context_domains))
        sizes = np.array([axis.n_levels for axis in axes], np.int64)
        order, edges, correlation = arrays["order"], arrays["edges"], np.asarray(arrays["correlation"], np.float64)
        if order.shape != (sizes.sum(),) or edges.shape != ((sizes - 1).sum(),):
            raise ValueError("the intervals do not fit the domains")
        if correlation.shape != (len(axes), len(axes)) or not np.isfinite(correlation).all():
            raise ValueError("the correlations do not fit the domains")
        placements = []
        orders, inners = np.split(order, np.cumsum(sizes)), np.split(edges, np.cumsum(sizes - 1))
        for size, levels, inner in zip(sizes, orders, inners, strict=False):  # behind the last cut there is nothing
            if not np.array_equal(np.sort(levels), np.arange(size)) or np.isnan(inner).any() or np.any(np.diff(inner) < 0):
                raise ValueError("the intervals are not in order")
            placements.append(Placement(levels.astype(np.int64), np.r_[-np.inf, inner, np.inf]))
        return cls(domains, context_domains, tuple(placements), correlation)
