"""Correlations that rest on few rows, told by few partial correlations: what a copula need not know of each patient.

Correlations of many axes counted in few rows follow those rows so closely that an attacker who holds the model can tell
by a record's likelihood whether it was learned from. Most pairs of columns, though, hang together through others only.
The graphical lasso (Friedman, Hastie and Tibshirani 2008) finds which pairs do so directly; given these, the
correlations of greatest likelihood are those that were counted, and no others are needed (Dempster 1972).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_STEPS = 300
_SETTLED = 1e-3
#: Each step goes further than it was told to, which is known to help (Boyd et al. 2011, section 3.4.3).
_FURTHER = 1.6
#: After so many steps it is seen whether one of the two residuals lags behind (section 3.4.1).
_BALANCED = 5
_MOST_BALANCE = 5.0
_SWEEPS = 50


def sparse_correlation(matrix: NDArray[np.float64], errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """The correlation matrix that has the entries of directly linked pairs, and follows from them elsewhere.

    A link has to hold against a penalty of ``√(2 log p)`` standard errors, more than chance alone brings among p
    (Donoho and Johnstone 1994), of the order at which the graphical lasso finds the links that there are and no others
    (Ravikumar et al. 2011). What it finds holds of correlations that the penalty has made weaker. So a pair is linked
    too whose correlation is further than its penalty from what follows once the others are as counted.

    Args:
        matrix: float64 ``(p, p)``, a positive definite correlation matrix.
        errors: float64 ``(p, p)``, the standard error of each entry were it 0; infinite where nothing was counted.
    """
    if len(matrix) < 2:
        return matrix
    penalty = np.sqrt(2 * np.log(len(matrix))) * errors
    np.fill_diagonal(penalty, 0.0)
    linked = links(matrix, penalty)
    while True:
        result = selected(matrix, linked)
        missed = (np.abs(result - matrix) > penalty) & ~linked
        if not missed.any():
            return result
        linked |= missed


def links(matrix: NDArray[np.float64], penalty: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which entries of the precision matrix are not 0 where it is of greatest likelihood less the penalty.

    By the alternating direction method of multipliers (Boyd et al. 2011, section 6.5). scikit-learn's
    ``graphical_lasso`` knows one penalty for all entries, but those of rare levels are far less certain than others;
    and it gives up where columns are many and go closely together.

    Args:
        matrix: float64 ``(p, p)``, a correlation matrix.
        penalty: float64 ``(p, p)``, on absolute values; entries under an infinite one are 0.
    """
    target, dual, rho = np.eye(len(matrix)), np.zeros_like(matrix), 1.0
    for step in range(1, _STEPS + 1):
        values, vectors = np.linalg.eigh(rho * (target - dual) - matrix)
        precision = (vectors * ((values + np.sqrt(values**2 + 4 * rho)) / (2 * rho))) @ vectors.T
        before, moved = target, _FURTHER * precision + (1 - _FURTHER) * target + dual
        target = np.sign(moved) * np.maximum(np.abs(moved) - penalty / rho, 0.0)
        dual = moved - target
        primal_residual = float(np.linalg.norm(precision - target) / np.linalg.norm(precision))
        dual_residual = float(np.linalg.norm(target - before)) / max(float(np.linalg.norm(dual)), 1e-12)
        if max(primal_residual, dual_residual) < _SETTLED:
            break
        if step % _BALANCED == 0:
            change = min(max((primal_residual / max(dual_residual, 1e-12)) ** 0.5, 1 / _MOST_BALANCE), _MOST_BALANCE)
            rho, dual = rho * change, dual / change
    return np.asarray(target != 0)


def selected(matrix: NDArray[np.float64], linked: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The correlations of greatest likelihood whose inverse is 0 wherever a pair is not linked (Dempster 1972).

    Linked pairs keep their correlation. Column by column, as a regression on those that it is linked with (Hastie,
    Tibshirani and Friedman 2009, algorithm 17.1).

    Args:
        matrix: float64 ``(p, p)``, a positive definite correlation matrix.
        linked: bool ``(p, p)``, symmetric.
    """
    result = matrix.copy()
    beside = [np.flatnonzero(row) for row in linked & ~np.eye(len(matrix), dtype=bool)]
    for _ in range(_SWEEPS):
        furthest = 0.0
        for at, others in enumerate(beside):
            slopes = np.linalg.solve(result[np.ix_(others, others)], matrix[others, at])
            column = result[:, others] @ slopes
            column[at] = 1.0
            furthest = max(furthest, float(np.abs(column - result[at]).max()))
            result[at] = result[:, at] = column
        if furthest < _SETTLED:
            break
    return result
