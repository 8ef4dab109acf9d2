"""A Gaussian copula on codes, solved from pairwise counts alone.

Each axis of a code column (see ``_axes``) is a standard normal variable cut into intervals, one per level; the
variables are jointly normal, and their correlations are those at which the discretised copula reproduces the counted
pairs (polychoric correlations; Olsson 1979), rather than correlations of the codes themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import repeat
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain
from synthgen.models._copula import truncated
from synthgen.models._copula.axes import Axis, axes_of
from synthgen.models._copula.latent import Placement, beside, correlate, place
from synthgen.models._copula.pairs import Grouping, PairTables, count_pairs
from synthgen.models._copula.truncated import Interval, LevelSet, Nested, Region
from synthgen.models._marginals import shares_of
from synthgen.models._possible import possible, require_possible
from synthgen.models.base import (
    RARE_BELOW,
    Codes,
    CodeSource,
    Condition,
    FittedModel,
    Given,
    Model,
    code_counts,
    fixes,
)
from synthgen.progress import Progress, silent

#: Few enough that what is drawn of them stays near the processor.
_AXES_AT_ONCE = 8


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
        rare_below: int = RARE_BELOW,
        progress: Progress = silent,
    ) -> FittedCopula:
        context_domains = () if context is None else context.domains
        domains = (*source.domains, *context_domains)
        weights = None if weights is None else list(weights)
        axes = axes_of(domains)
        columns = code_counts(source, weights) + ([] if context is None else code_counts(context, weights))
        columns = [shares_of(of, column) * max(column.sum(), 1) for of, column in zip(domains, columns, strict=True)]
        counts = [np.array([columns[axis.column][list(codes)].sum() for codes in axis.codes]) for axis in axes]
        groupings = [Grouping.of(axis, count) for axis, count in zip(axes, counts, strict=True)]
        pairs, done = PairTables({}), 0
        each_weight: Iterable[NDArray[np.float64] | None] = repeat(None) if weights is None else weights
        for block, known, weight in zip(source, context or repeat(None), each_weight, strict=False):
            both = block if known is None else np.asfortranarray(np.concatenate([block, known], axis=1))
            pairs = pairs.merge(count_pairs(axes, groupings, both, weight))
            done += len(block)
            progress("copula", done / max(source.n_rows, 1))
        tables = beside(len(axes), pairs)
        placements = place(axes, counts, groupings, tables)
        correlation = correlate(counts, groupings, placements, tables)
        return FittedCopula(source.domains, context_domains, tuple(placements), correlation)


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

    @cached_property
    def shares(self) -> tuple[NDArray[np.float64], ...]:
        """The probability of each code of each column, then of the context's columns."""
        result = [np.ones(domain.size) for domain in (*self.domains, *self.context_domains)]
        for axis, placement in zip(self.axes, self.placements, strict=True):
            by_level = placement.shares()
            for level, codes in enumerate(axis.codes):
                result[axis.column][list(codes)] *= by_level[level]
        return tuple(result)

    def sample(
        self, n: int, *, rng: np.random.Generator, given: Given | None = None, context: Codes | None = None
    ) -> Codes:
        conditions = self._conditions(given or {}, context)
        # Together columns can be what each of them can be, since no correlation is 1.
        require_possible(given or {}, self._seen, self.domains, n)
        regions = self._regions(conditions, n)
        known = tuple(regions)
        free = tuple(a for a, axis in enumerate(self.axes) if a not in regions and axis.column < len(self.domains))
        codes = np.zeros((n, len(self.domains)), np.int32, order="F")
        sources = np.empty((len(free) + len(known), n), np.float32)
        rng.standard_normal(dtype=np.float32, out=sources[: len(free)])
        if known:
            drawn = truncated.draw(self.correlation[np.ix_(known, known)], list(regions.values()), n, rng)
            self._write(codes, known, drawn)
            sources[len(free) :] = drawn
        mixing = np.concatenate(self._conditional(known, free), axis=1)
        for first in range(0, len(free), _AXES_AT_ONCE):
            some = slice(first, first + _AXES_AT_ONCE)
            self._write(codes, free[some], mixing[some] @ sources)
        for column, condition in (given or {}).items():
            if fixes(condition):
                codes[:, column] = np.where(condition == UNOBSERVED, codes[:, column], condition)
        return codes

    def _conditional(
        self, known: tuple[int, ...], free: tuple[int, ...]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """A factor of what the known axes leave of the free ones' covariance, and the regression on the known ones."""
        across = self.correlation[np.ix_(free, known)]
        slope = np.linalg.solve(self.correlation[np.ix_(known, known)], across.T).T
        left = self.correlation[np.ix_(free, free)] - slope @ across.T
        return np.linalg.cholesky(left).astype(np.float32), slope.astype(np.float32)

    def _write(self, codes: Codes, axes: Sequence[int], latent: NDArray[Any]) -> None:
        """Write the codes at which the latent variables of some axes stand, ``(len(axes), len(codes))``."""
        for a, z in zip(axes, latent, strict=True):
            axis = self.axes[a]
            if axis.column < len(self.domains):
                found = self._code_of_place[a][self.placements[a].places(z)]
                own = codes[:, axis.column]
                np.copyto(own, found, where=own == axis.codes[0][0] if self._below_presence(a) else True)

    @cached_property
    def _code_of_place(self) -> tuple[NDArray[np.int32], ...]:
        """For each axis the first code of the level at each place."""
        return tuple(
            np.array([codes[0] for codes in axis.codes], np.int32)[placement.order]
            for axis, placement in zip(self.axes, self.placements, strict=True)
        )

    def _below_presence(self, a: int) -> bool:
        """Whether this axis says which value a column has of which the axis before says whether it has one."""
        return not self.axes[a].presence and a > 0 and self.axes[a - 1].column == self.axes[a].column

    def log_mass(self, given: Given, *, n: int, context: Codes | None = None) -> NDArray[np.float64]:
        """As the contract says; exact where one axis is known, else estimated (see ``truncated.log_probability``)."""
        regions = self._regions(self._conditions(given, context), n)
        n_context = sum(self.axes[a].column >= len(self.domains) for a in regions)
        axes = list(regions)
        result = np.zeros(n)
        if len(axes) > n_context:
            within = self.correlation[np.ix_(axes, axes)]
            result = truncated.log_probability(within, list(regions.values()), n, n_context)
        return np.where(possible(given, self._seen, n), result, -np.inf)

    def effective_share(self, given: Given, *, n: int, rng: np.random.Generator, context: Codes | None = None) -> float:
        return 1.0

    @cached_property
    def _seen(self) -> tuple[NDArray[np.bool_], ...]:
        """Which codes of each column may be generated."""
        return tuple(shares > 0 for shares in self.shares)

    def _conditions(self, given: Given, context: Codes | None) -> dict[int, Condition]:
        """What is known of each column, the context's first."""
        result: dict[int, Condition] = {}
        if self.context_domains:
            if context is None:
                raise ValueError("this model was fitted with context and needs it")
            result |= enumerate(context.T, len(self.domains))
        return result | dict(given)

    def _regions(self, conditions: Mapping[int, Condition], n: int) -> dict[int, Region]:
        """The conditioned axes, the context's first, and where each row's latent variable has to lie.

        Codes that never occurred say nothing here: as conditions they are refused, as context they are passed over.
        """
        regions: dict[int, Region] = {}
        for column, condition in conditions.items():
            for a in self._axes_by_column.get(column, ()):
                axis, placement = self.axes[a], self.placements[a]
                if fixes(condition):
                    regions[a] = Interval.of_levels(placement, axis.level_of_code[condition])
                    continue
                met = np.atleast_2d(condition) * (self.shares[column] > 0)
                levels = np.stack([self._met(column, met, codes) for codes in axis.codes], axis=1)
                if not self._below_presence(a):
                    regions[a] = LevelSet.of_levels(placement, levels)
                    continue
                # What the axis before has reckoned with on the whole is taken out again.
                before = self._met(column, met, self.axes[a - 1].codes[0])[:, None]
                levels = np.divide(levels, before, out=np.zeros_like(levels), where=before > 0)
                low, high = self.placements[a - 1].interval(0)
                regions[a] = Nested(LevelSet.of_levels(placement, levels), len(regions) - 1, low, high)
        return regions

    def _met(self, column: int, met: NDArray[Any], codes: tuple[int, ...]) -> NDArray[np.float64]:
        """How probable some codes of a column are together to meet a condition, by row, from that of each code."""
        shares = self.shares[column][list(codes)]
        return np.asarray(met[:, list(codes)] @ (shares / (shares.sum() or 1.0)), np.float64)

    @cached_property
    def _axes_by_column(self) -> Mapping[int, tuple[int, ...]]:
        columns = [axis.column for axis in self.axes]
        return {column: tuple(a for a, of in enumerate(columns) if of == column) for column in columns}

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
            in_order = not np.isnan(inner).any() and np.all(inner[1:] >= inner[:-1])
            if not in_order or not np.array_equal(np.sort(levels), np.arange(size)):
                raise ValueError("the intervals are not in order")
            placements.append(Placement(levels.astype(np.int64), np.r_[-np.inf, inner, np.inf]))
        return cls(domains, context_domains, tuple(placements), correlation)
