"""A boosted classifier that tells two sets of records apart, judged on patients that it has not seen."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from synthgen.metrics.coding.features import Features, learnable
from synthgen.metrics.statistics.auc import Auc, area, clustered_area

#: With fewer rows than this, leaves of twenty records leave no room for a split.
SMALL = 2000
#: Cells of the copies that are scored at a time to tell what each column is worth: 80 MB.
_CELLS = 10_000_000
#: With fewer rows than this, threads wait for each other longer than they work, the more so on a busy machine.
_WORTH_THREADS = 20_000


def threads(rows: int) -> AbstractContextManager[object]:
    """One thread for few rows, else all."""
    return threadpool_limits(1, user_api="openmp") if rows < _WORTH_THREADS else nullcontext()


def leaf(rows: int) -> int:
    """The fewest rows of a leaf where so many are learned from."""
    return 20 if rows >= SMALL else 5


def splittable(matrix: NDArray[np.float64], fewest: int) -> NDArray[np.bool_]:
    """Which columns a tree can split on: in any other fewer rows than a leaf has differ from the commonest value.

    Trees are the same without the others, and sooner built.
    """
    rows, columns = matrix.shape
    found = np.zeros(columns, dtype=bool)
    # Fewer rows than two leaves are never split.
    if rows >= 2 * fewest:
        # A value that all but a few rows have is that of most among the first, and so their median.
        commonest = np.sort(matrix[: 2 * fewest], axis=0)[fewest]
        for k, value in enumerate(commonest):
            others = ~np.isnan(matrix[:, k]) if np.isnan(value) else matrix[:, k] != value
            found[k] = np.count_nonzero(others) >= fewest
    if not found.any():
        found[0] = True
    return found


def classifier(
    categorical: NDArray[np.bool_], rows: int, seed: int, rounds: int, leaves: int = 31
) -> HistGradientBoostingClassifier:
    """Boosted trees for this many training rows, without early stopping, so that no rows are spent on it."""
    return HistGradientBoostingClassifier(
        max_iter=rounds,
        learning_rate=0.15,
        max_leaf_nodes=leaves,
        min_samples_leaf=leaf(rows),
        categorical_features=categorical,
        early_stopping=False,
        random_state=seed,
    )


@dataclass(frozen=True)
class Telling:
    """How well the positive and the negative rows can be told apart.

    Attributes:
        drops: how much the AUC in the first fold falls when a column of the matrix is shuffled, if that was asked.
    """

    auc: Auc
    drops: tuple[float, ...] = ()


def tell_apart(
    features: Features,
    positive: tuple[NDArray[np.float64], NDArray[np.int64]],
    negative: tuple[NDArray[np.float64], NDArray[np.int64]],
    rng: np.random.Generator,
    *,
    folds: int = 5,
    scored: int | None = None,
    rounds: int = 60,
    leaves: int = 31,
    importance: bool = False,
) -> Telling:
    """Cross-fitted AUC of a classifier between two matrices, each with the patient of every row.

    Patients of each set are dealt to ``folds`` folds apart, so that a patient's rows are scored by a classifier that
    saw none of them. Each set needs at least ``folds`` patients. Where time matters more than precision, only
    ``scored`` of the folds are.
    """
    matrix = np.concatenate([positive[0], negative[0]])
    label = np.arange(len(matrix)) < len(positive[0])
    fold = np.concatenate([deal(patient, folds, rng) for _, patient in (positive, negative)])
    patient = np.concatenate([2 * positive[1], 2 * negative[1] + 1])
    seed = int(rng.integers(2**31))
    scored = folds if scored is None else scored
    columns = splittable(matrix, leaf(len(matrix) - int(np.bincount(fold).max())))
    matrix = matrix[:, columns]
    scores = np.empty(len(matrix))
    drops: tuple[float, ...] = ()
    with threads(len(matrix)):
        for k in range(scored):
            rows = fold == k
            fitted = classifier(features.categorical[columns], int((~rows).sum()), seed, rounds, leaves)
            fitted.fit(learnable(matrix[~rows]), label[~rows])
            scores[rows] = fitted.decision_function(matrix[rows])
            if importance and k == 0:
                drops = _drops(fitted, matrix[rows], label[rows], rng)
    if drops:
        told = np.zeros(len(columns))
        told[columns] = drops
        drops = tuple(told.tolist())
    done = fold < scored
    return Telling(clustered_area(scores[done], label[done], fold[done], patient[done], folds), drops)


def deal(patient: NDArray[np.int64], folds: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """The fold of each row: patients are dealt at random, in folds of equal numbers of patients."""
    present, dense = np.unique(patient, return_inverse=True)
    return np.asarray((rng.permutation(len(present)) % folds)[dense], dtype=np.int64)


def _drops(
    fitted: HistGradientBoostingClassifier,
    matrix: NDArray[np.float64],
    label: NDArray[np.bool_],
    rng: np.random.Generator,
    at_most: int = 2000,
) -> tuple[float, ...]:
    chosen = rng.permutation(len(matrix))[:at_most]
    rows, truth = matrix[chosen], label[chosen]
    whole = area(fitted.decision_function(rows), truth)
    drops: list[float] = []
    # Many copies in one matrix: what a prediction costs beside its rows is paid once for all of them.
    block = max(1, _CELLS // rows.size)
    for first in range(0, rows.shape[1], block):
        shuffled = range(first, min(first + block, rows.shape[1]))
        copies = np.tile(rows, (len(shuffled), 1))
        for copy, column in enumerate(shuffled):
            copies[copy * len(rows) : (copy + 1) * len(rows), column] = rng.permutation(rows[:, column])
        scores = fitted.decision_function(copies).reshape(-1, len(rows))
        drops += [whole - area(each, truth) for each in scores]
    return tuple(drops)
