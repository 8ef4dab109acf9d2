"""Models trained on one set of records and tested on another, in one coding for all training sets."""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from synthgen.metrics.base import Comparison, Records, Variable
from synthgen.metrics.boosting import splittable, threads
from synthgen.metrics.coding.design import Design
from synthgen.metrics.coding.features import Features, learnable
from synthgen.metrics.equal import EqualSets
from synthgen.metrics.outcome import Classes, Outcome

#: Predictions of a model by the name of the set that it was trained on.
Predictions = dict[str, NDArray[np.float64]]
#: The fewest records of a leaf of boosted trees.
_LEAF = 20


@dataclass(frozen=True)
class Training:
    """Predictions have shape ``(n, classes)`` or ``(n, 1)``."""

    features: Features
    design: Design
    classes: int | None
    rounds: int
    seed: int

    @classmethod
    def of(
        cls, comparison: Comparison, target: Variable, outcome: Outcome, equal: EqualSets, rounds: int, seed: int
    ) -> Training:
        """Everything but the target predicts it."""
        others = [v for v in comparison.variables if v.name != target.name]
        sets = [each for each in (equal.train, equal.holdout, equal.synthetic) if each is not None]
        classes = outcome.count if isinstance(outcome, Classes) else None
        return cls(Features.of(others, sets), Design.of(others, comparison.train), classes, rounds, seed)

    def boosted(self, known: Records, wanted: NDArray[np.float64], test: Records) -> NDArray[np.float64]:
        """Boosted trees."""
        matrix = self.features.matrix(known)
        columns = splittable(matrix, _LEAF)
        options: dict[str, Any] = {
            "max_iter": self.rounds,
            "max_leaf_nodes": 15,
            "min_samples_leaf": _LEAF,
            "categorical_features": self.features.categorical[columns],
            "early_stopping": False,
            "random_state": self.seed,
        }
        kind = HistGradientBoostingRegressor if self.classes is None else HistGradientBoostingClassifier
        with threads(len(wanted)):
            return self._predicted(
                kind(**options), learnable(matrix[:, columns]), wanted, self.features.matrix(test)[:, columns]
            )

    def linear(self, known: Records, wanted: NDArray[np.float64], test: Records) -> NDArray[np.float64]:
        """Ridge or logistic regression on indicators."""
        model = Ridge() if self.classes is None else LogisticRegression(C=0.1, max_iter=50)
        with threads(len(wanted)), warnings.catch_warnings():
            # A fit stopped early is a fit with a little more shrinkage: good enough to set beside the other.
            warnings.simplefilter("ignore", ConvergenceWarning)
            return self._predicted(model, self.design.matrix(known), wanted, self.design.matrix(test))

    def _predicted(self, model: Any, known: Any, wanted: NDArray[np.float64], test: Any) -> NDArray[np.float64]:
        if self.classes is None:
            return np.asarray(model.fit(known, wanted).predict(test), dtype=np.float64)[:, None]
        found = np.zeros((test.shape[0], self.classes))
        present = np.unique(wanted).astype(np.int64)
        if len(present) == 1:
            found[:, present[0]] = 1.0
        else:
            found[:, present] = model.fit(known, wanted).predict_proba(test)
        return found


def with_target(outcome: Outcome, records: Records) -> tuple[Records, NDArray[np.float64]]:
    """The records that have the outcome, and their outcomes."""
    wanted = outcome.of(records)
    known = np.flatnonzero(~np.isnan(wanted))
    return records.take(known), wanted[known]


def resampled(records: Records, resamples: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """How often each record is in bootstrap samples of patients, shape ``(resamples, n)``."""
    present, dense = np.unique(records.patient, return_inverse=True)
    draws = rng.multinomial(len(present), np.full(len(present), 1 / len(present)), size=resamples)
    return draws[:, dense].astype(np.float64)


def percentiles(values: NDArray[np.float64], tail: float = 0.025) -> list[float] | None:
    """The interval that leaves ``tail`` of the finite values on either side; ``None`` where there is none."""
    finite = values[np.isfinite(values)]
    return None if not len(finite) else [float(each) for each in np.quantile(finite, (tail, 1 - tail))]


def by_source(equal: EqualSets) -> Iterable[tuple[str, Records]]:
    """The sets that models are trained on: ``real``, ``synthetic`` and ``floor``."""
    return (("real", equal.train), ("synthetic", equal.synthetic), ("floor", equal.floor))
