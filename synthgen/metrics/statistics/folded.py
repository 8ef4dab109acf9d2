"""Intervals of distances that rest on few differences, which are folded at zero and so neither normal nor unbiased."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from synthgen.metrics.statistics.halves import FEWEST_GROUPS

#: A statistic of differences, from shape ``(n, differences)`` to ``(n,)``: convex, the same for ``x`` and ``-x``.
Statistic = Callable[[NDArray[np.float64]], NDArray[np.float64]]

_DRAWS = 400
_RESAMPLES = 20
_TAIL = 0.025
_FURTHEST = 64.0
_STEPS = 24


def folded_interval(
    statistic: Statistic,
    difference: NDArray[np.float64],
    influence: NDArray[np.float64],
    rng: np.random.Generator,
) -> tuple[float, float] | None:
    """95 % interval of the expected value of ``statistic(difference)``, by inverting a test.

    Random halves (``halves.py``) say too little of the error of a distance that is small by chance: the differences
    of two halves then cancel, and so do the distances. Here the differences are taken to be normal, with the
    covariance of groups of patients, around a multiple of what was observed. The ends of the interval are the expected
    values under the multiples at which the observed distance is as large, or as small, as one in forty.

    Args:
        difference: what was observed, shape ``(differences,)``.
        influence: by how much each group of patients moves the differences, shape ``(groups, differences)``, summing
            to about 0 over the groups.

    Returns:
        ``None`` where there are too few groups to tell.
    """
    groups = len(influence)
    if groups < FEWEST_GROUPS or not np.all(np.isfinite(influence)) or not np.all(np.isfinite(difference)):
        return None
    wider = float(t.ppf(1 - _TAIL, groups - 1) / norm.ppf(1 - _TAIL))
    drawn = rng.normal(size=(_DRAWS // 2, groups)) * np.sqrt(groups / (groups - 1))
    drawn = np.concatenate([drawn, -drawn])
    noise = drawn @ influence
    observed = float(statistic(difference[None, :])[0])

    def under(multiple: float) -> NDArray[np.float64]:
        return statistic(multiple * difference + noise)

    def quantile(multiple: float, level: float) -> float:
        found = under(multiple)
        return float(found.mean() + wider * (np.quantile(found, level) - found.mean()))

    # Both quantiles rise with the multiple: the low end is the first at which so large a distance is no surprise,
    # the high end the last at which so small a one is none.
    least = _reached(lambda multiple: quantile(multiple, 1 - _TAIL), observed)
    most = _reached(lambda multiple: quantile(multiple, _TAIL), observed)
    low = float(under(least).mean())
    if least == 0:
        # Then the low end is what chance alone gives, which is itself an estimate, from few groups.
        again = [drawn @ influence[rng.integers(groups, size=groups)] for _ in range(_RESAMPLES)]
        low -= float(norm.ppf(1 - _TAIL) * np.std([statistic(noise).mean() for noise in again]))
    return min(observed, low), max(observed, float(under(most).mean()))


def _reached(rising: Callable[[float], float], wanted: float) -> float:
    """The multiple at which a rising function reaches ``wanted``: 0 where it is there from the beginning."""
    if rising(0.0) >= wanted:
        return 0.0
    low, high = 0.0, 1.0
    while rising(high) < wanted and high < _FURTHEST:
        low, high = high, 2 * high
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < wanted else (low, middle)
    return high
