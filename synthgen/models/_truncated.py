"""Normal vectors of which some entries are known to lie in given intervals: how probable that is, and draws from it.

The probability is the sequential importance estimate of Geweke, Hajivassiliou and Keane (GHK; Genz 1992 is the same
recursion): unbiased, exact for one entry. Draws start from it and are then improved by Gibbs sweeps over the entries.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from synthgen.models._latent import Placement

_TINY = 1e-300
_ALMOST_ONE = 1 - 1e-16


@dataclass(frozen=True, eq=False)
class Interval:
    """One interval per row.

    Attributes:
        low, high: float64 ``(n,)``.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]

    @classmethod
    def of_levels(cls, placement: Placement, level: NDArray[np.int64]) -> Interval:
        """The interval of each row's level; the whole line for level -1."""
        place = np.empty(len(placement.order) + 1, np.int64)
        place[placement.order] = np.arange(len(placement.order))
        place[-1] = -1
        at = place[level]
        return cls(
            np.where(at < 0, -np.inf, placement.edges[at]), np.where(at < 0, np.inf, placement.edges[at + 1])
        )

    def draw(
        self, mean: NDArray[np.float64], deviation: float, uniform: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """A draw of each row's normal variable within its interval, and the probability of the interval."""
        lower, upper = (self.low - mean) / deviation, (self.high - mean) / deviation
        # In the upper tail probabilities lose their digits: there the mirror image is used.
        mirrored = lower > 0
        lower, upper = np.where(mirrored, -upper, lower), np.where(mirrored, -lower, upper)
        start, end = ndtr(lower), ndtr(upper)
        drawn = ndtri(np.clip(start + uniform * (end - start), _TINY, _ALMOST_ONE))
        drawn = np.clip(drawn, np.maximum(lower, -40.0), np.minimum(upper, 40.0))
        return mean + deviation * np.where(mirrored, -drawn, drawn), end - start


@dataclass(frozen=True, eq=False)
class LevelSet:
    """Allowed levels per row: a union of intervals.

    Attributes:
        edges: float64 ``(n_levels + 1,)``.
        allowed: by place on the line, bool ``(n, n_levels)``.
    """

    edges: NDArray[np.float64]
    allowed: NDArray[np.bool_]

    @classmethod
    def of_levels(cls, placement: Placement, allowed: NDArray[np.bool_]) -> LevelSet:
        return cls(placement.edges, allowed[:, placement.order])

    def draw(
        self, mean: NDArray[np.float64], deviation: float, uniform: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As ``Interval.draw``: first an allowed interval in proportion to its probability, then within it."""
        below = ndtr((self.edges - mean[:, None]) / deviation)
        mass = np.where(self.allowed, np.diff(below, axis=1), 0.0)
        cumulative = np.cumsum(mass, axis=1)
        total = cumulative[:, -1]
        target = uniform * total
        place = np.minimum((cumulative <= target[:, None]).sum(axis=1), mass.shape[1] - 1)
        row = np.arange(len(mean))
        chosen = mass[row, place]
        within = np.divide(target - (cumulative[row, place] - chosen), chosen, out=np.full_like(chosen, 0.5), where=chosen > 0)
        drawn, _ = Interval(self.edges[place], self.edges[place + 1]).draw(mean, deviation, np.clip(within, 0, 1))
        return drawn, total


Region: TypeAlias = Interval | LevelSet


def sequential(
    correlation: NDArray[np.float64], regions: Sequence[Region], n: int, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """One GHK pass: ``(z, log_mass)`` of shapes ``(n, len(regions))`` and ``(n,)``; exp(log_mass) is unbiased."""
    factor = np.linalg.cholesky(correlation)
    innovations = np.zeros((len(regions), n))
    z = np.empty((len(regions), n))
    log_mass = np.zeros(n)
    for i, region in enumerate(regions):
        mean = factor[i, :i] @ innovations[:i]
        z[i], mass = region.draw(mean, factor[i, i], rng.random(n))
        innovations[i] = (z[i] - mean) / factor[i, i]
        with np.errstate(divide="ignore"):  # what cannot be has a logarithm of minus infinity
            log_mass += np.log(mass)
    return z.T, log_mass


def gibbs(
    correlation: NDArray[np.float64],
    regions: Sequence[Region],
    z: NDArray[np.float64],
    rng: np.random.Generator,
    sweeps: int,
) -> NDArray[np.float64]:
    """Draws ``(n, len(regions))`` improved by Gibbs sweeps: each entry anew, given the others."""
    precision = np.linalg.inv(correlation)
    z = z.T.copy()
    for _ in range(sweeps if len(regions) > 1 else 0):
        for i, region in enumerate(regions):
            variance = 1 / precision[i, i]
            mean = z[i] - variance * (precision[i] @ z)
            z[i], _ = region.draw(mean, float(np.sqrt(variance)), rng.random(z.shape[1]))
    return z.T
