"""Linear and logistic regression with standard errors that count patients, not rows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable

_ROUNDS = 50
_CLOSE = 1e-6
#: The part of the information that is added to its diagonal: keeps what is repeated finite.
_RIDGE = 1e-6
#: Added to the information on log odds ratios, as though each had been seen to be 0 give or take 5: keeps finite what
#: tells the outcome for certain, and leaves alone what data say.
_PRIOR = 1 / 5**2


@dataclass(frozen=True)
class Estimates:
    """Coefficients, without the intercept.

    Attributes:
        influence: by how much each group of patients moved each coefficient, shape ``(groups, coefficients)``.
        error: their standard errors, robust and clustered by patient (Liang and Zeger 1986, Biometrika 73:13).
    """

    coefficients: NDArray[np.float64]
    error: NDArray[np.float64]
    influence: NDArray[np.float64]


def regress(
    X: NDArray[np.float64],
    wanted: NDArray[np.float64],
    patient: NDArray[np.int64],
    group: NDArray[np.int64],
    *,
    logistic: bool,
) -> Estimates:
    """Fit ``wanted`` on ``X`` and an intercept.

    Args:
        X: shape ``(n, coefficients)``.
        wanted: numbers, or 0 and 1 where ``logistic``.
        patient, group: of each row; the rows of a patient are in one group.

    Raises:
        NotApplicable: the outcome does not vary, or the iteration finds no end.
    """
    if np.ptp(wanted) == 0:
        raise NotApplicable("the outcome does not vary")
    design = np.concatenate([np.ones((len(X), 1)), X], axis=1)
    beta, inverse = _logistic(design, wanted) if logistic else _linear(design, wanted)
    fitted = _probability(design @ beta) if logistic else design @ beta
    scores = design * (wanted - fitted)[:, None]
    moved = _summed(scores, patient) @ inverse
    clusters = len(moved)
    error = np.sqrt((moved**2).sum(axis=0) * clusters / max(clusters - 1, 1))
    return Estimates(beta[1:], error[1:], (_summed(scores, group) @ inverse)[:, 1:])


def _summed(scores: NDArray[np.float64], by: NDArray[np.int64]) -> NDArray[np.float64]:
    _, dense = np.unique(by, return_inverse=True)
    order = np.argsort(dense, kind="stable")
    starts = np.searchsorted(dense[order], np.arange(dense.max() + 1))
    return np.asarray(np.add.reduceat(scores[order], starts, axis=0))


_Solved = tuple[NDArray[np.float64], NDArray[np.float64]]


def _linear(design: NDArray[np.float64], wanted: NDArray[np.float64]) -> _Solved:
    inverse = _inverse(design.T @ design)
    return inverse @ (design.T @ wanted), inverse


def _logistic(design: NDArray[np.float64], wanted: NDArray[np.float64]) -> _Solved:
    rate = wanted.mean()
    beta = np.zeros(design.shape[1])
    beta[0] = np.log(rate / (1 - rate))
    prior = np.full(len(beta), _PRIOR)
    prior[0] = 0.0
    reached = _plausibility(design, wanted, prior, beta)
    for _ in range(_ROUNDS):
        fitted = _probability(design @ beta)
        inverse = _inverse(design.T @ (design * (fitted * (1 - fitted))[:, None]) + np.diag(prior))
        step = inverse @ (design.T @ (wanted - fitted) - prior * beta)
        # Newton's step may go too far where probabilities are near 0 and 1: shorter until it goes up.
        while (found := _plausibility(design, wanted, prior, beta + step)) < reached and np.abs(step).max() > _CLOSE:
            step = step / 2
        beta, reached = beta + step, found
        if np.abs(step).max() < _CLOSE:
            return beta, inverse
    raise NotApplicable("a logistic regression found no end")


def _plausibility(
    design: NDArray[np.float64], wanted: NDArray[np.float64], prior: NDArray[np.float64], beta: NDArray[np.float64]
) -> float:
    """The penalised log-likelihood that is maximised."""
    odds = design @ beta
    return float(np.sum(wanted * odds - np.logaddexp(0, odds)) - np.sum(prior * beta**2) / 2)


def _probability(odds: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(odds, -30, 30))))


def _inverse(information: NDArray[np.float64]) -> NDArray[np.float64]:
    diagonal = np.diag(information)
    return np.asarray(
        np.linalg.inv(information + np.diag(_RIDGE * np.maximum(diagonal, diagonal.max() * 1e-6))), dtype=np.float64
    )
