"""How faithful a synthetic set is by the definitions of the peers' figures, so that figures can be set side by side.

`synthgen evaluate` differs on purpose: it compares equal sets and gives intervals; this repeats a published table.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from math import prod

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

from synthgen.metrics.base import Comparison, Records
from synthgen.metrics.boosting import tell_apart
from synthgen.metrics.coding.cells import cut
from synthgen.metrics.coding.features import Features, learnable
from synthgen.metrics.equal import whole_patients
from synthgen.metrics.statistics.auc import area

TRIPLES = 200
C2ST_ROWS = 20_000
#: For a benchmark's output: what exactly its figures are.
DEFINITIONS = f"""\
accuracy  1 - total variation between the whole training set and as many rows as the holdout has, in 10 quantile bins
          or the 10 commonest labels, other, and missing; mean over columns, pairs, and {TRIPLES} random triples
          (published with these definitions: ceiling .996 / .992 / .987, floor .997 / .984 / .968)
C2ST      cross-fitted AUC (5 folds by patient, boosted trees, the 200 commonest labels of the real sets) of
          {C2ST_ROWS:,} synthetic rows against {C2ST_ROWS:,} of the holdout / of the training set (published: ceiling
          .502, floor .932 / .949)
TSTR      AUC for the target's label on the holdout, boosted trees trained on a whole set (published: .697 on real)"""


@dataclass(frozen=True)
class Quality:
    """The figures of one set. What is not asked of a set is NaN."""

    accuracy: tuple[float, float, float]
    c2st_holdout: float = float("nan")
    c2st_train: float = float("nan")
    tstr: float = float("nan")


def accuracies(compared: Comparison, candidate: Records, seed: int) -> tuple[float, float, float]:
    """One-, two- and three-column accuracy of rows of ``candidate``, as many as the holdout has.

    The cells come from the training set, which is also the reference, whole.
    """
    rng = np.random.default_rng(seed)
    cells = cut(compared.variables, compared.train)
    rows = _holdout(compared).n
    some = candidate if candidate.n == rows else whole_patients(candidate, rows, rng)
    sets = [np.stack([each.of(records) for each in cells]) for records in (compared.train, some)]
    sizes = [each.size for each in cells]
    columns = range(len(cells))
    triples = [tuple(rng.choice(len(cells), 3, replace=False).tolist()) for _ in range(TRIPLES)]
    subsets: tuple[Sequence[tuple[int, ...]], ...] = ([(i,) for i in columns], list(combinations(columns, 2)), triples)
    one, two, three = (float(np.mean([_overlap(sets, sizes, each) for each in group])) for group in subsets)
    return one, two, three


def _overlap(sets: list[NDArray[np.int64]], sizes: list[int], subset: tuple[int, ...]) -> float:
    """The share that the two sets have in common of the joint distribution of a few columns."""
    shape = tuple(sizes[i] for i in subset)
    shares = []
    for coded in sets:
        joint = np.ravel_multi_index(tuple(coded[i] for i in subset), shape)
        shares.append(np.bincount(joint, minlength=prod(shape)) / len(joint))
    return float(1 - np.abs(shares[0] - shares[1]).sum() / 2)


def told_apart(compared: Comparison, candidate: Records, real: Records, seed: int) -> float:
    """Cross-fitted AUC between equally many rows of ``candidate`` and of ``real``."""
    rng = np.random.default_rng(seed)
    rows = min(C2ST_ROWS, candidate.n, real.n)
    features = Features.of(compared.variables, [compared.train, _holdout(compared)])
    chosen = [whole_patients(records, rows, rng) for records in (candidate, real)]
    sides = [(features.matrix(records), records.patient) for records in chosen]
    return tell_apart(features, sides[0], sides[1], rng).auc.value


def trained_on(compared: Comparison, candidate: Records, label: str, seed: int) -> float:
    """AUC on the holdout of boosted trees that learned from ``candidate`` to tell whether the target is ``label``."""
    target = next(variable for variable in compared.variables if variable.name == compared.target)
    positive = target.labels.index(label)
    others = [variable for variable in compared.variables if variable.name != compared.target]
    holdout = _holdout(compared)
    features = Features.of(others, [compared.train, holdout, candidate])
    trees = HistGradientBoostingClassifier(categorical_features=features.categorical, random_state=seed)
    trees.fit(learnable(features.matrix(candidate)), candidate.codes[target.name] == positive)
    return area(trees.decision_function(features.matrix(holdout)), holdout.codes[target.name] == positive)


def judged(compared: Comparison, candidate: Records, label: str, seed: int) -> Quality:
    """All figures of one candidate, which the generator of ``compared`` need not have made."""
    return Quality(
        accuracies(compared, candidate, seed),
        told_apart(compared, candidate, _holdout(compared), seed),
        told_apart(compared, candidate, compared.train, seed),
        trained_on(compared, candidate, label, seed),
    )


def _holdout(compared: Comparison) -> Records:
    if compared.holdout is None:
        raise ValueError("these definitions need a holdout")
    return compared.holdout
