"""Cox's proportional hazards: log hazard ratios, and how well they rank patients by who goes first."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable

_ROUNDS = 40
_CLOSE = 1e-7
#: Log hazard ratios beyond this mean that a column tells the order of events for certain.
_TOO_FAR = 15.0
_RIDGE = 1e-6


def log_hazard_ratios(
    X: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Maximum of the partial likelihood, ties as Breslow (1974) has them; shape ``(covariates,)``.

    Raises:
        NotApplicable: there is no event, or no finite answer.
    """
    if not event.any():
        raise NotApplicable("no event happened")
    # Latest first, so that who is at risk at a time is everyone up to the last record of that time.
    order = np.argsort(-time, kind="stable")
    X, time, event = X[order], time[order], event[order]
    last = np.searchsorted(-time, -time[event], side="right") - 1
    observed = X[event].sum(axis=0)
    upper = np.triu_indices(X.shape[1])
    products = X[:, upper[0]] * X[:, upper[1]]
    beta = np.zeros(X.shape[1])
    for _ in range(_ROUNDS):
        risk = np.exp(np.clip(X @ beta, -30, 30))
        whole = np.cumsum(risk)[last]
        mean = np.cumsum(X * risk[:, None], axis=0)[last] / whole[:, None]
        second = (np.cumsum(products * risk[:, None], axis=0)[last] / whole[:, None]).sum(axis=0)
        information = np.zeros((X.shape[1], X.shape[1]))
        information[upper] = second
        information = information + np.triu(information, 1).T - mean.T @ mean
        diagonal = np.diag(information)
        ridge = _RIDGE * max(float(diagonal.max(initial=0.0)), 1e-12)
        step = np.linalg.solve(information + ridge * np.eye(len(beta)), observed - mean.sum(axis=0))
        beta = beta + np.clip(step, -2, 2)
        if np.abs(beta).max(initial=0.0) > _TOO_FAR:
            break
        if np.abs(step).max(initial=0.0) < _CLOSE:
            return np.asarray(beta)
    raise NotApplicable("proportional hazards have no finite answer: a column tells the order of events for certain")


def concordance(
    risk: NDArray[np.float64], time: NDArray[np.float64], event: NDArray[np.bool_], weights: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Harrell's C: of the pairs of which it is known who went first, the share in which that one had the higher risk.

    Ties of risk count one half. Of two with the same time, one an event, the event went first. Records weigh
    ``weights``, shape ``(n, records)``; the answer has shape ``(n,)``, NaN without a pair. All pairs are in memory.
    (Harrell et al. 1982, JAMA 247:2543.)
    """
    first = time[event]
    known = (first[:, None] < time) | ((first[:, None] == time) & ~event)
    right = known * ((risk[event][:, None] > risk) + 0.5 * (risk[event][:, None] == risk))
    pairs, hits = (
        np.einsum("ne,ne->n", weights[:, event], weights @ each.T.astype(np.float64)) for each in (known, right)
    )
    return np.asarray(np.divide(hits, pairs, out=np.full(len(weights), np.nan), where=pairs > 0))
