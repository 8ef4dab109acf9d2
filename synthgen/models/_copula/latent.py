"""Latent normal correlations whose discretised copula reproduces what was counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from synthgen.models._copula.axes import Axis
from synthgen.models._copula.pairs import Grouping, PairTables
from synthgen.models._copula.sparse import sparse_correlation

_HERMITE_TERMS = 48
_BISECTIONS = 30
_HIGHEST = 0.995
_PASSES = 4
_SQUARINGS = 10
#: So few edges are compared with one by one, more are looked up by cells of the line from -5 to 5.
_FEW_EDGES = 20
_REACH = 5.0
_CELLS_PER_EDGE = 32
#: A level's mean score counts as if so many rows of mean 0 were among its own.
_PRIOR_ROWS = 10.0
#: How much more differences in the target's mean score count for the order of nominal levels. (By trial.)
_WEIGHT_OF_TARGET = 6.0
_SMALLEST_EIGENVALUE = 1e-4
_PROJECTIONS = 100
_SETTLED = 1e-3
#: The weight of a correlation is the share of all rows that it was counted in, to this power: rows in which a value is
#: there are not a random part of all rows, so what was counted in few of them is wrong by more than chance. (By trial.)
_TRUST_OF_ROWS = 4


@dataclass(frozen=True, eq=False)
class Placement:
    """The levels of one axis as intervals of a standard normal variable.

    Attributes:
        order: int64 ``(n_levels,)``, the level at each place, lowest interval first.
        edges: float64 ``(n_levels + 1,)``, from minus to plus infinity.
    """

    order: NDArray[np.int64]
    edges: NDArray[np.float64]

    @classmethod
    def of(cls, order: NDArray[np.int64], shares: NDArray[np.float64]) -> Placement:
        """Intervals of the levels' shares, one after another in this order."""
        cumulative = np.cumsum(shares[order])
        # Where there is no share at all, the first level takes everything.
        inner = ndtri(np.minimum(cumulative[:-1] / cumulative[-1], 1.0) if cumulative[-1] > 0 else cumulative[:-1] + 1)
        return cls(order, np.r_[-np.inf, inner, np.inf])

    def shares(self) -> NDArray[np.float64]:
        """The probability of each level's interval, by level."""
        result = np.empty(len(self.order))
        result[self.order] = np.diff(ndtr(self.edges))
        return result

    def interval(self, level: int) -> tuple[float, float]:
        """The lower and the upper edge of a level's interval."""
        place = int(np.flatnonzero(self.order == level)[0])
        return float(self.edges[place]), float(self.edges[place + 1])

    def places(self, z: NDArray[Any]) -> NDArray[Any]:
        """In which interval each value of the normal variable falls, counted from the lowest: integers."""
        inner = self.edges[1:-1].astype(z.dtype)
        if len(inner) > _FEW_EDGES:
            return self._looked_up(inner, z)
        place = np.zeros(len(z), np.int8)
        for edge in inner:
            place += z >= edge
        return place

    def _looked_up(self, inner: NDArray[Any], z: NDArray[Any]) -> NDArray[Any]:
        """As ``np.searchsorted(inner, z, side="right")``, but only for the few values in a cell that an edge is in."""
        last = _CELLS_PER_EDGE * 2 ** int(np.ceil(np.log2(len(inner)))) - 1
        scale, middle = z.dtype.type((last + 1) / (2 * _REACH)), z.dtype.type((last + 1) / 2)

        # Ascending however it is rounded, so that an edge in a lower cell is lower, and one in a higher cell higher.
        def cell(x: NDArray[Any]) -> NDArray[np.int32]:
            return np.asarray(np.clip(x * scale + middle, 0, last), np.int32)

        with_edge = cell(inner)
        place_of_cell = np.cumsum(np.bincount(with_edge, minlength=last + 1), dtype=np.int32)
        place_of_cell[with_edge] = -1
        place: NDArray[np.int32] = place_of_cell[cell(z)]
        undecided = np.flatnonzero(place < 0)
        place[undecided] = np.searchsorted(inner, z[undecided], side="right")
        return place

    def scores(self) -> NDArray[np.float64]:
        """The mean of the normal variable in each level's interval, by level; 0 for levels of no share."""
        share = np.diff(ndtr(self.edges))
        density = _density(self.edges)
        by_place = np.divide(density[:-1] - density[1:], share, out=np.zeros_like(share), where=share > 0)
        result = np.empty_like(by_place)
        result[self.order] = by_place
        return result


def _density(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(x), np.exp(-0.5 * np.where(np.isfinite(x), x, 0.0) ** 2) / np.sqrt(2 * np.pi), 0.0)


@dataclass(frozen=True, eq=False)
class Beside:
    """What was counted of the levels of one axis beside all other axes, table by table in the columns of one matrix.

    Attributes:
        others: the other axes with a table, ascending.
        by_level: for each of them, whether its columns are levels rather than groups of levels.
        first: at which column its table starts.
        counts: float64 ``(n_levels, n_columns)``.
        rows: float64 ``(n_levels, len(others))``, the sum over each table's columns.
    """

    others: tuple[int, ...]
    by_level: NDArray[np.bool_]
    first: NDArray[np.int64]
    counts: NDArray[np.float64]
    rows: NDArray[np.float64]

    @classmethod
    def of(cls, a: int, n_axes: int, pairs: PairTables) -> Beside:
        """Everything beside axis ``a``, whichever way it was counted."""
        others = tuple(b for b in range(n_axes) if (a, b) in pairs.tables or (b, a) in pairs.tables)
        by_level = np.array([(a, b) not in pairs.tables for b in others], bool)
        tables = [pairs.tables[a, b] if (a, b) in pairs.tables else pairs.tables[b, a].T for b in others]
        counts = np.concatenate(tables, axis=1, dtype=np.float64) if tables else np.zeros((0, 0))
        first = np.cumsum([0, *(table.shape[1] for table in tables)])[:-1]
        return cls(others, by_level, first, counts, np.add.reduceat(counts, first, axis=1) if others else counts)

    def totals(
        self, by_level: Sequence[NDArray[np.float64]], by_group: Sequence[NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """The sum of scores over each level's rows, ``(n_levels, len(others))``, given the scores of all axes."""
        scores = [(by_level if turned else by_group)[b] for b, turned in zip(self.others, self.by_level, strict=True)]
        return np.asarray(np.add.reduceat(self.counts * np.concatenate(scores), self.first, axis=1))


def beside(n_axes: int, pairs: PairTables) -> list[Beside]:
    """One ``Beside`` per axis."""
    return [Beside.of(a, n_axes, pairs) for a in range(n_axes)]


def place(
    axes: Sequence[Axis],
    counts: Sequence[NDArray[np.float64]],
    groupings: Sequence[Grouping],
    tables: Sequence[Beside],
) -> list[Placement]:
    """Intervals for the levels of every axis.

    Ordered levels keep their order. Nominal ones are ordered along the direction on which their mean scores on all
    other axes differ most: reciprocal averaging, repeated because the other axes' scores change with their own order.
    One axis cannot carry every association of its levels, so those with the target count more than others.
    """
    shares = [count / max(count.sum(), 1) for count in counts]
    placements = [Placement.of(np.arange(axis.n_levels), share) for axis, share in zip(axes, shares, strict=True)]
    by_level = [placement.scores() for placement in placements]
    by_group = [g.means(s, share) for g, s, share in zip(groupings, by_level, shares, strict=True)]
    nominal = [a for a, axis in enumerate(axes) if not axis.ordered and axis.n_levels > 2 and tables[a].others]
    settled = set(range(len(axes))) - set(nominal)
    weight = np.array([_WEIGHT_OF_TARGET if axis.target else 1.0 for axis in axes])
    for _ in range(_PASSES):
        changed = False
        for a in nominal:
            means = tables[a].totals(by_level, by_group) / (tables[a].rows + _PRIOR_ROWS)
            means *= weight[list(tables[a].others)]
            # An order that was never looked for says nothing about others.
            told = [b in settled for b in tables[a].others]
            order = np.argsort(main_direction(means[:, told] if any(told) else means, shares[a]), kind="stable")
            settled.add(a)
            if np.array_equal(order, placements[a].order):
                continue
            changed = True
            placements[a] = Placement.of(order, shares[a])
            by_level[a] = placements[a].scores()
            by_group[a] = groupings[a].means(by_level[a], shares[a])
        if not changed:
            break
    return placements


def main_direction(means: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
    """A coordinate per level: the leading principal component of the levels' mean scores ``(n_levels, n_others)``."""
    centred = means - shares @ means
    weighted = np.sqrt(shares)[:, None] * centred
    # The leading singular vector on one side gives that on the other, so the smaller product will do.
    if weighted.shape[0] < weighted.shape[1]:
        return np.asarray(centred @ (weighted.T @ _leading(weighted @ weighted.T)))
    return np.asarray(centred @ _leading(weighted.T @ weighted))


def _leading(power: NDArray[np.float64]) -> NDArray[np.float64]:
    """The leading eigenvector of a covariance matrix, of any length; 0 where all are.

    By squaring it again and again (power iteration): cheaper than all of its eigenvectors.
    """
    for _ in range(_SQUARINGS):
        scale = np.abs(power).max()
        if scale == 0:
            return np.zeros(len(power))
        power = (power / scale) @ (power / scale)
    return np.asarray(power[:, np.argmax(np.diag(power))])


def correlate(
    counts: Sequence[NDArray[np.float64]],
    groupings: Sequence[Grouping],
    placements: Sequence[Placement],
    tables: Sequence[Beside],
) -> NDArray[np.float64]:
    """The latent correlation matrix, sparse in its inverse and positive definite, shape ``(n_axes, n_axes)``.

    Each entry is the correlation at which the discretised bivariate normal has the covariance of scores that was
    counted; by Mehler's formula that covariance is the sum over k of ρ^k a_k b_k, where a and b are the Hermite
    coefficients of the two score functions. Where both axes are coarse it is the mean of the two that were counted.
    """
    shares = [count / max(count.sum(), 1) for count in counts]
    by_level = [placement.scores() for placement in placements]
    by_group = [g.means(s, share) for g, s, share in zip(groupings, by_level, shares, strict=True)]
    level_terms = hermite(placements, by_level)
    group_terms = hermite(placements, [s[g.group] for s, g in zip(by_group, groupings, strict=True)])
    covariance, rows = np.zeros((2, len(placements), len(placements)))
    terms = np.zeros((len(placements), len(placements), _HERMITE_TERMS))
    for a, table in enumerate(tables):
        others = list(table.others)
        if not others:
            continue
        totals, n = table.totals(by_level, by_group), table.rows.sum(axis=0)
        per_row = 1 / np.maximum(n, 1)
        means = (by_level[a] @ table.rows) * per_row, totals.sum(axis=0) * per_row
        covariance[a, others] = (by_level[a] @ totals) * per_row - means[0] * means[1]
        rows[a, others] = n
        terms[a, others] = level_terms[a] * np.where(table.by_level[:, None], level_terms[others], group_terms[others])
    # The first coefficient of a score function is its variance.
    variances = terms[:, :, 0]
    known = rows * variances > 0
    matrix = np.zeros_like(covariance)
    matrix[known] = _invert(terms[known], covariance[known])
    # The variances say how much of the normal variables the levels show: little where one level is nearly all.
    weight = (rows / max(rows.max(initial=0.0), 1.0)) ** _TRUST_OF_ROWS * np.clip(variances, 0, 1)
    weight, found = np.maximum(weight, weight.T), np.maximum(rows * variances, (rows * variances).T)
    errors = np.sqrt(np.divide(1, found, out=np.full_like(found, np.inf), where=found > 0))
    return sparse_correlation(weighted_correlation((matrix + matrix.T) / 2, weight), errors)


def hermite(placements: Sequence[Placement], values: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Coefficients of step functions in normalised Hermite polynomials, ``(len(placements), 48)``.

    Term k >= 1 is the sum over intervals of value × [φ(t) h_{k-1}(t)] at its lower less its upper edge, over √k.

    Args:
        values: of each placement's step function, by level.
    """
    if not placements:
        return np.zeros((0, _HERMITE_TERMS))
    edges = np.concatenate([placement.edges for placement in placements])
    finite = np.where(np.isfinite(edges), edges, 0.0)
    # From the last edge of one placement to the first of the next the function is nothing.
    steps = np.concatenate([np.r_[v[p.order], 0.0] for p, v in zip(placements, values, strict=True)])[:-1]
    starts = np.cumsum([0, *(len(placement.edges) for placement in placements)])[:-1]
    density = _density(edges)
    previous, current = np.zeros_like(finite), np.ones_like(finite)
    coefficients = np.empty((len(placements), _HERMITE_TERMS))
    for k in range(1, _HERMITE_TERMS + 1):
        weighted = density * current
        coefficients[:, k - 1] = np.add.reduceat(steps * (weighted[:-1] - weighted[1:]), starts) / np.sqrt(k)
        previous, current = current, (finite * current - np.sqrt(k - 1) * previous) / np.sqrt(k)
    return coefficients


def _invert(terms: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve ``sum_k terms[:, k] ρ^(k+1) = covariance`` for each row by bisection; the covariance ascends with ρ."""
    by_term = np.ascontiguousarray(terms.T)
    low, high = np.full(len(terms), -_HIGHEST), np.full(len(terms), _HIGHEST)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        value = np.zeros(len(terms))
        for term in by_term[::-1]:
            value += term
            value *= middle
        below = value < covariance
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return np.asarray((low + high) / 2)


def weighted_correlation(matrix: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The positive definite correlation matrix that is closest by weighted squares, where ``matrix`` is none itself.

    Minimised by majorisation: step by step towards the entries by their weight, then onto the nearest correlation
    matrix. An entry of weight 0 is free. So it is with whether a value is there and which it is, which are never seen
    apart: taking that correlation for 0 would weaken what both have in common with a third axis.

    Args:
        weight: 0 to 1 per entry.
    """
    np.fill_diagonal(matrix, 1.0)
    result = nearest_correlation(matrix)
    if result is matrix:
        return matrix
    for _ in range(_PROJECTIONS):
        before, result = result, nearest_correlation(result + weight * (matrix - result))
        if np.abs(result - before).max() < _SETTLED:
            break
    return result


def nearest_correlation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A positive definite correlation matrix close by: eigenvalues clipped from below, then the diagonal rescaled.

    The matrix itself where it is one already.
    """
    if not matrix.size:
        return matrix
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= _SMALLEST_EIGENVALUE:
        return matrix
    clipped = (vectors * np.maximum(values, _SMALLEST_EIGENVALUE)) @ vectors.T
    scale = 1 / np.sqrt(np.diag(clipped))
    result: NDArray[np.float64] = clipped * scale[:, None] * scale
    result = (result + result.T) / 2
    np.fill_diagonal(result, 1.0)
    return result
