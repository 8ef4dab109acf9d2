"""Area under the ROC curve with its uncertainty, where rows of a patient are not independent."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm


@dataclass(frozen=True)
class Auc:
    """An AUC and the standard error of its estimate.

    ``error`` is NaN where it cannot be estimated.
    """

    value: float
    error: float

    @property
    def interval(self) -> tuple[float, float] | None:
        """95 % interval of the expected value."""
        if not np.isfinite(self.error):
            return None
        reach = float(norm.ppf(0.975)) * self.error
        return max(0.0, self.value - reach), min(1.0, self.value + reach)


def placements(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> NDArray[np.float64]:
    """How each record is placed among those of the other class, shape ``(n,)``; ties count one half.

    For a positive record the share of negatives that it outscores, for a negative one the share of positives that
    outscore it. The mean over either class is the AUC. There must be records of both classes.
    """
    placed = np.empty(len(scores))
    for side, sign in ((positive, 1.0), (~positive, -1.0)):
        others = np.sort(sign * scores[~side])
        own = sign * scores[side]
        below = np.searchsorted(others, own, side="left") + np.searchsorted(others, own, side="right")
        placed[side] = below / (2 * len(others))
    return placed


def area(scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The AUC of scores, ties counting one half; 0.5 where one of the classes is absent."""
    if not positive.any() or positive.all():
        return 0.5
    return float(placements(scores, positive)[positive].mean())


def clustered_area(
    scores: NDArray[np.float64],
    positive: NDArray[np.bool_],
    fold: NDArray[np.int64],
    patient: NDArray[np.int64],
    folds: int = 1,
) -> Auc:
    """The mean over folds of the AUC within each, with a standard error that counts patients, not rows.

    The variance is DeLong's, with placements summed by patient (Obuchowski 1997, Biometrics 53:567). It holds for
    classifiers that are given; those of several folds share training rows, and learn from what the others are tested
    on. So one over their number becomes that plus the rows tested over the rows learned from (Nadeau and Bengio 2003,
    Machine Learning 52:239), which of ``folds`` is one to all others; not all of them need be scored.
    ``patient`` must tell patients of the two classes apart. Folds that lack a class are left out; there must be one
    that does not.
    """
    used = [k for k in np.unique(fold) if 0 < positive[fold == k].sum() < (fold == k).sum()]
    values, influence = [], np.zeros(len(scores))
    for k in used:
        rows = np.flatnonzero(fold == k)
        placed = placements(scores[rows], positive[rows])
        value = placed[positive[rows]].mean()
        size = np.where(positive[rows], positive[rows].sum(), (~positive[rows]).sum())
        influence[rows] = (placed - value) / size
        values.append(value)
    told = np.isin(fold, used)
    sampling = _variance(influence[told], positive[told], patient[told]) / len(used) ** 2
    shared = 1 + len(used) / (folds - 1) if folds > 1 else 1.0
    return Auc(float(np.mean(values)), float(np.sqrt(sampling * shared)))


def _variance(influence: NDArray[np.float64], positive: NDArray[np.bool_], patient: NDArray[np.int64]) -> float:
    return sum(_clustered(influence[side], patient[side]) for side in (positive, ~positive))


def _clustered(influence: NDArray[np.float64], patient: NDArray[np.int64]) -> float:
    """Variance of a sum over patients; NaN for fewer than two of them."""
    _, cluster = np.unique(patient, return_inverse=True)
    sums = np.bincount(cluster, weights=influence)
    return float(np.sum(sums**2) * len(sums) / (len(sums) - 1)) if len(sums) > 1 else float("nan")
