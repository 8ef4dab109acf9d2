"""Shares of the codes of one column: as counted, and along a line as smooth as the data allow."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve_banded, cholesky_banded
from scipy.ndimage import median_filter
from scipy.optimize import minimize

from synthgen.encoding.domain import Domain

Floats = NDArray[np.float64]

#: Of fewer codes nothing can be told about their line.
_FEWEST_CODES: Final = 8
#: A code this many standard errors off the median of those around it is heaped: it owes nothing to the line.
_HEAPED: Final = 4.0
_AROUND: Final = 7
#: How often the line is drawn anew, and how often its two variances are tried each time.
_ROUNDS: Final = 10
_TRIALS: Final = 30
#: Where the search begins and ends, in logarithms: how stiff the line is, how far codes lie off it.
_BEGIN: Final = (-5.0, -5.0)
_LOWEST, _HIGHEST = (-20.0, -16.0), (20.0, 4.0)
#: A line that moves less than this is found; it never moves further than ``_FURTHEST`` at once. In logarithms.
_STILL: Final = 1e-3
_FURTHEST: Final = 2.0


def shares_of(domain: Domain, counts: NDArray[Any]) -> Floats:
    """The share of each code among those counted, ``(domain.size,)``.

    The codes of a number are many and few patients have each, so counts say much about who was counted: an attacker who
    knows the shares of all columns tells members the better the more codes there are (Homer et al. 2008; Sankararaman
    et al. 2009). What is smooth in the population is therefore smoothed. Where none was ever observed all is missing,
    or the first code where a column has no code for missing.
    """
    if not counts.sum() > 0:
        shares = np.zeros(domain.size)
        shares[domain.missing[0] if domain.missing else 0] = 1.0
        return shares
    shares = np.asarray(counts / counts.sum(), np.float64)
    if domain.widths:
        widths = np.array(domain.widths)
        line = np.flatnonzero((shares > 0) & (widths > 0))
        shares[line] = shares[line].sum() * smoothed(np.asarray(counts[line], np.float64), widths[line])
    return shares


def smoothed(counts: Floats, widths: Floats) -> Floats:
    """Shares of the codes of a line, which add up to 1, ``(n,)``.

    What is counted of a code is Poisson about its width times a density. The logarithm of the density is a line, of
    which second differences are normal, and what each code is off it by itself, normal too (Besag, York and Mollie
    1991, in one dimension); both variances are the most probable ones, by penalised quasi-likelihood (Breslow and
    Clayton 1993). So counts are smoothed where nothing speaks against it, and kept where each code has a share of its
    own. Codes far off those around them are kept as counted and left out.

    Args:
        counts: of each code, above 0, in the order of the line.
        widths: how many values each code stands for.
    """
    found = np.asarray(counts / counts.sum(), np.float64)
    around = median_filter(np.log(counts / widths), size=_AROUND, mode="mirror")
    (line,) = np.nonzero(np.abs(np.log(counts / widths) - around) * np.sqrt(counts) <= _HEAPED)
    if len(line) >= _FEWEST_CODES:
        smooth = _expected(counts[line], np.log(widths[line]), line / len(counts))
        found[line] = found[line].sum() * smooth / smooth.sum()
    return found


def _expected(counts: Floats, log_widths: Floats, places: Floats) -> Floats:
    """The expected counts of codes at some places."""
    bends = _bends(places)
    rough = np.zeros((3, len(counts)))
    for below in range(3):
        rough[below, : len(counts) - below] = np.diagonal(bends.T @ bends, -below)
    tried = np.array(_BEGIN)
    density = np.log(counts + 0.5) - log_widths
    for _ in range(_ROUNDS):
        mean = np.exp(density + log_widths)
        working = density + (counts - mean) / mean

        def cost(variances: Floats, mean: Floats = mean, working: Floats = working) -> float:
            precision, factor, line = _line(variances, mean, working, rough)
            stiffness = np.clip(variances[0], _LOWEST[0], _HIGHEST[0])
            determinants = 2 * np.log(factor[0]).sum() - np.log(precision).sum() - (len(counts) - 2) * stiffness
            return float((precision * (working - line) * working).sum() + determinants) / 2

        tried = minimize(cost, tried, method="Nelder-Mead", options={"maxfev": _TRIALS, "xatol": 0.1, "fatol": 0.05}).x
        tried = np.clip(tried, _LOWEST, _HIGHEST)
        precision, _, line = _line(tried, mean, working, rough)
        new = line + np.exp(tried[1]) * precision * (working - line)
        moved = np.clip(new - density, -_FURTHEST, _FURTHEST)
        density = density + moved
        if np.abs(moved).max() < _STILL:
            break
    return np.asarray(np.exp(density + log_widths))


def _line(variances: Floats, mean: Floats, working: Floats, rough: Floats) -> tuple[Floats, Floats, Floats]:
    """The precision of each code about the line, the factor of the line's, and the line."""
    stiffness, off = np.exp(np.clip(variances, _LOWEST, _HIGHEST))
    precision = 1 / (1 / mean + off)
    bands = stiffness * rough
    bands[0] += precision
    factor = cholesky_banded(bands, lower=True)
    return precision, factor, cho_solve_banded((factor, True), precision * working)


def _bends(places: Floats) -> Floats:
    """Second differences at uneven places, each over the root of the room it stands for, ``(n - 2, n)``."""
    before, after = np.diff(places)[:-1], np.diff(places)[1:]
    at, both = np.arange(len(places) - 2), before + after
    bends = np.zeros((len(places) - 2, len(places)))
    bends[at, at], bends[at, at + 1], bends[at, at + 2] = 2 / (before * both), -2 / (before * after), 2 / (after * both)
    return np.asarray(bends * np.sqrt(both / 2)[:, None])
