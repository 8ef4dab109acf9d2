"""Mode-specific normalisation: a number as the mode of its column that it belongs to, and its place within that mode.

The modes are the components of a variational Gaussian mixture (Xu et al. 2019, section 4.2) under a Dirichlet process
(Blei and Jordan 2006), fitted on the histogram of the column: its few distinct positions, each with its count.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, logsumexp

#: So many modes a column may have.
MOST_MODES: Final = 10
#: A component of less than this share is no mode.
_LEAST_SHARE: Final = 0.005
#: The concentration of the Dirichlet process: low, so that components that are not needed empty.
_CONCENTRATION: Final = 0.001
_PASSES: Final = 200
_SETTLED: Final = 1e-3
#: No mode is narrower than this share of the column's standard deviation.
_NARROWEST: Final = 1e-3
#: A place is counted in so many standard deviations of its mode, and cut just before 1.
_WIDTH: Final = 4.0
_FURTHEST: Final = 0.99


@dataclass(frozen=True, eq=False)
class Modes:
    """The modes of one numeric column, in its own unit.

    Attributes:
        means, deviations: float64 ``(n_modes,)``.
    """

    means: NDArray[np.float64]
    deviations: NDArray[np.float64]

    @property
    def n(self) -> int:
        return len(self.means)

    def places(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where values lie within each mode, ``(len(values), n)``, from -0.99 to 0.99."""
        return np.clip((values[:, None] - self.means) / (_WIDTH * self.deviations), -_FURTHEST, _FURTHEST)

    def values(self, mode: NDArray[np.int64], place: NDArray[np.floating]) -> NDArray[np.float64]:
        """The values at places within modes: the inverse of ``places``."""
        return np.asarray(self.means[mode] + _WIDTH * self.deviations[mode] * place, np.float64)


def find_modes(values: NDArray[np.float64], counts: NDArray[np.float64]) -> tuple[Modes, NDArray[np.float64]]:
    """The modes of a histogram, and how probably each value belongs to each: ``(len(values), n_modes)``.

    Args:
        values: distinct and at least two.
        counts: how often each occurs, or the sum of its weights; at least one is not 0.
    """
    share = counts / counts.sum()
    centre = float(share @ values)
    scale = float(np.sqrt(share @ (values - centre) ** 2)) or 1.0
    x = (values - centre) / scale
    n_components = min(MOST_MODES, len(values))
    # Components start as stretches of the line with about equally many rows each.
    middle = np.cumsum(share) - share / 2
    belongs = np.eye(n_components)[np.minimum((middle * n_components).astype(np.int64), n_components - 1)]
    for _ in range(_PASSES):
        log_density = _log_densities(x, counts, belongs)
        updated = np.exp(log_density - logsumexp(log_density, axis=1, keepdims=True))
        change = share @ np.abs(updated - belongs).sum(axis=1)
        belongs = updated
        if change < _SETTLED:
            break
    rows = counts @ belongs
    kept = rows / rows.sum() >= _LEAST_SHARE
    log_density = _log_densities(x, counts, belongs)[:, kept]
    mean, variance = _moments(x, counts, belongs)
    modes = Modes(centre + scale * mean[kept], scale * np.maximum(np.sqrt(variance[kept]), _NARROWEST))
    return modes, np.exp(log_density - logsumexp(log_density, axis=1, keepdims=True))


def _moments(
    x: NDArray[np.float64], counts: NDArray[np.float64], belongs: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The posterior mean and variance of every component; the prior is one row of the whole column, which is normal."""
    rows = counts @ belongs
    mean = (counts * x) @ belongs / (rows + 1)
    about = np.maximum((counts * x**2) @ belongs - (rows + 1) * mean**2, 0.0)
    return mean, (1 + about) / (1 + rows)


def _log_densities(
    x: NDArray[np.float64], counts: NDArray[np.float64], belongs: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The expected logarithm of every component's share times its density at each value, up to a constant."""
    rows = counts @ belongs
    mean, variance = _moments(x, counts, belongs)
    # Sticks are broken in the order of the components: each takes its part of what those before it left.
    later = rows.sum() - np.cumsum(rows)
    taken, left = 1 + rows, _CONCENTRATION + np.maximum(later, 0.0)
    of_both = digamma(taken + left)
    log_share = digamma(taken) - of_both + np.r_[0.0, np.cumsum(digamma(left) - of_both)[:-1]]
    freedom = 1 + rows
    log_precision = digamma(freedom / 2) + np.log(2 / (freedom * variance))
    squared = (x[:, None] - mean) ** 2 / variance + 1 / (1 + rows)
    return np.asarray(log_share + (log_precision - squared) / 2)
