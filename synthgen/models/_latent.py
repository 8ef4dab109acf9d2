"""Latent normal correlations whose discretised copula reproduces what was counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from synthgen.models._axes import Axis
from synthgen.models._pairs import Grouping, PairTables

_HERMITE_TERMS = 48
_BISECTIONS = 40
_HIGHEST = 0.995
_PASSES = 6
#: A level's mean score counts as if so many rows of mean 0 were among its own.
_PRIOR_ROWS = 10.0
_SMALLEST_EIGENVALUE = 1e-4


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
        inner = ndtri(np.clip(cumulative[:-1] / cumulative[-1], 0.0, 1.0))
        return cls(order, np.r_[-np.inf, inner, np.inf])

    def scores(self) -> NDArray[np.float64]:
        """The mean of the normal variable in each level's interval, by level; 0 for levels of no share."""
        share = np.diff(ndtr(self.edges))
        density = _density(self.edges)
        by_place = np.divide(density[:-1] - density[1:], share, out=np.zeros_like(share), where=share > 0)
        result = np.empty_like(by_place)
        result[self.order] = by_place
        return result

    def hermite(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Coefficients of the step function with these values (by level) in normalised Hermite polynomials.

        Term k >= 1 is the sum over intervals of value × [φ(t) h_{k-1}(t)] at its lower less its upper edge, over √k.
        """
        finite = np.where(np.isfinite(self.edges), self.edges, 0.0)
        previous, current = np.zeros_like(finite), np.ones_like(finite)
        density = _density(self.edges)
        coefficients = np.empty(_HERMITE_TERMS)
        steps = values[self.order]
        for k in range(1, _HERMITE_TERMS + 1):
            weighted = density * current
            coefficients[k - 1] = (steps * (weighted[:-1] - weighted[1:])).sum() / np.sqrt(k)
            previous, current = current, (finite * current - np.sqrt(k - 1) * previous) / np.sqrt(k)
        return coefficients


def _density(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(np.isfinite(x), np.exp(-0.5 * np.where(np.isfinite(x), x, 0.0) ** 2) / np.sqrt(2 * np.pi), 0.0)


def place(
    axes: Sequence[Axis], counts: Sequence[NDArray[np.float64]], groupings: Sequence[Grouping], pairs: PairTables
) -> list[Placement]:
    """Intervals for the levels of every axis.

    Ordered levels keep their order. Nominal ones are ordered along the direction on which their mean scores on all
    other axes differ most: reciprocal averaging, repeated because the other axes' scores change with their own order.
    """
    shares = [count / max(count.sum(), 1) for count in counts]
    placements = [Placement.of(np.arange(axis.n_levels), share) for axis, share in zip(axes, shares, strict=True)]
    nominal = [a for a, axis in enumerate(axes) if not axis.ordered and axis.n_levels > 2]
    settled = {a for a in range(len(axes)) if a not in nominal}
    scores = [group_means(p.scores(), w, g) for p, w, g in zip(placements, shares, groupings, strict=True)]
    for sweep in range(_PASSES):
        for a in nominal:
            others = [b for b in range(len(axes)) if b != a and (sweep > 0 or not settled or b in settled)]
            direction = _main_direction(a, others, shares, scores, pairs)
            placements[a] = Placement.of(np.argsort(direction, kind="stable"), shares[a])
            scores[a] = group_means(placements[a].scores(), shares[a], groupings[a])
            settled.add(a)
    return placements


def _main_direction(
    a: int,
    others: Sequence[int],
    shares: Sequence[NDArray[np.float64]],
    scores: Sequence[NDArray[np.float64]],
    pairs: PairTables,
) -> NDArray[np.float64]:
    """A coordinate per level of axis ``a``: the leading principal component of the levels' mean scores elsewhere."""
    means: list[NDArray[np.float64]] = []
    for b in others:
        table = pairs.between(a, b)
        if table is not None and table.shape[1] == len(scores[b]):
            means.append((table @ scores[b]) / (table.sum(axis=1) + _PRIOR_ROWS))
    if not means:
        return np.zeros(len(shares[a]))
    matrix = np.stack(means, axis=1)
    matrix = matrix - (shares[a] @ matrix)
    _, vectors = np.linalg.eigh(matrix.T @ (shares[a][:, None] * matrix))
    leading = vectors[:, -1]
    return np.asarray(matrix @ (leading * np.sign(leading[np.argmax(np.abs(leading))])))


def group_means(
    scores: NDArray[np.float64], shares: NDArray[np.float64], grouping: Grouping
) -> NDArray[np.float64]:
    """The mean score of each group of levels."""
    weight = np.bincount(grouping.group, shares, grouping.n_groups)
    total = np.bincount(grouping.group, shares * scores, grouping.n_groups)
    return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)


def correlate(
    counts: Sequence[NDArray[np.float64]],
    groupings: Sequence[Grouping],
    placements: Sequence[Placement],
    pairs: PairTables,
) -> NDArray[np.float64]:
    """The latent correlation matrix, shrunk and positive definite, shape ``(n_axes, n_axes)``.

    Each entry is the correlation at which the discretised bivariate normal has the covariance of scores that was
    counted; by Mehler's formula that covariance is the sum over k of ρ^k a_k b_k, where a and b are the Hermite
    coefficients of the two score functions.
    """
    n_axes = len(placements)
    shares = [count / max(count.sum(), 1) for count in counts]
    fine = [placement.scores() for placement in placements]
    coarse = [group_means(s, w, g) for s, w, g in zip(fine, shares, groupings, strict=True)]
    fine_terms = [p.hermite(s) for p, s in zip(placements, fine, strict=True)]
    coarse_terms = [p.hermite(c[g.group]) for p, c, g in zip(placements, coarse, groupings, strict=True)]
    first, second, covariance, terms, rows = [], [], [], [], []
    for (a, b), table in pairs.tables.items():
        total = table.sum()
        if total == 0:
            continue
        left, right = table.sum(axis=1) / total, table.sum(axis=0) / total
        first.append(a)
        second.append(b)
        covariance.append(fine[a] @ table @ coarse[b] / total - (left @ fine[a]) * (right @ coarse[b]))
        terms.append(fine_terms[a] * coarse_terms[b])
        rows.append(total)
    if not first:
        return np.eye(n_axes)
    rho = _invert(np.array(terms), np.array(covariance))
    total_rho, times = np.zeros((n_axes, n_axes)), np.zeros((n_axes, n_axes))
    n_rows = np.full((n_axes, n_axes), np.inf)
    for a, b, value, n in zip(first, second, rho, rows, strict=True):
        for i, j in ((a, b), (b, a)):
            total_rho[i, j] += value
            times[i, j] += 1
            n_rows[i, j] = n
    matrix = np.divide(total_rho, times, out=np.zeros_like(total_rho), where=times > 0)
    return nearest_correlation(_shrunk(matrix, n_rows))


def _invert(terms: NDArray[np.float64], covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    """Solve ``sum_k terms[:, k] ρ^(k+1) = covariance`` for each row by bisection; the covariance ascends with ρ."""
    low, high = np.full(len(terms), -_HIGHEST), np.full(len(terms), _HIGHEST)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        value = np.zeros(len(terms))
        for k in range(terms.shape[1] - 1, -1, -1):
            value = (value + terms[:, k]) * middle
        below = value < covariance
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return (low + high) / 2


def _shrunk(matrix: NDArray[np.float64], n_rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shrink towards independence by the share of the entries' variance that is noise (Schäfer and Strimmer 2005)."""
    above = np.triu_indices(len(matrix), 1)
    correlations, rows = matrix[above], n_rows[above]
    noise = ((1 - correlations**2) ** 2 / rows).sum()
    signal = (correlations**2).sum()
    intensity = min(noise / signal, 1.0) if signal > 0 else 0.0
    return (1 - intensity) * matrix + intensity * np.diag(np.diag(matrix))


def nearest_correlation(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """A positive definite correlation matrix close by: eigenvalues clipped from below, then the diagonal rescaled."""
    matrix = (matrix + matrix.T) / 2
    np.fill_diagonal(matrix, 1.0)
    values, vectors = np.linalg.eigh(matrix)
    if values[0] >= _SMALLEST_EIGENVALUE:
        return matrix
    clipped = (vectors * np.maximum(values, _SMALLEST_EIGENVALUE)) @ vectors.T
    scale = 1 / np.sqrt(np.diag(clipped))
    result: NDArray[np.float64] = clipped * scale[:, None] * scale
    np.fill_diagonal(result, 1.0)
    return result
