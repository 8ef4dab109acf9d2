"""Train on synthetic, test on real: is a model trained on synthetic records as good as one trained on real ones?"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.boosting import threads
from synthgen.metrics.design import Design
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.features import Features, learnable
from synthgen.metrics.outcome import Classes, Outcome, Quantity
from synthgen.metrics.result import Metric
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent


@dataclass(frozen=True)
class Tstr(Measure):
    """AUC (of several classes: mean of each against the rest) or R2 on the holdout, of the declared target.

    The value is that of boosted trees trained on m synthetic records, the ceiling that of the same trees trained on
    m training records, the floor on m independently resampled ones; all three are tested on the whole holdout.
    Records without the target are left out. A target has its five commonest labels and "other". Intervals are by
    bootstrap of the holdout's patients, the same draws for every model: they speak of these fitted models. Logistic
    or ridge regression, Brier scores and calibration slopes are in the details.
    Esteban et al. 2017, arXiv:1706.02633, section 4.2.
    """

    rounds: int = 40
    resamples: int = 200
    fewest_rows: int = 50

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        if comparison.holdout is None:
            return (unanswered("tstr", "utility", comparison, NO_HOLDOUT),)
        target = next((v for v in comparison.variables if v.name == comparison.target), None)
        if target is None or len(comparison.variables) == 1:
            return (unanswered("tstr", "utility", comparison, _refusal(comparison), "not_applicable"),)
        try:
            return (self._trained(comparison, comparison.holdout, target, rng, progress),)
        except NotApplicable as found:
            return (unanswered("tstr", "utility", comparison, str(found)),)

    def _trained(
        self,
        comparison: Comparison,
        holdout: Records,
        target: Variable,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Metric:
        equal = equal_sets(comparison, rng)
        categorical = target.kind == "categorical"
        outcome: Outcome = Classes.of_variable(target, comparison.train) if categorical else Quantity(target)
        test, truth = _with_target(outcome, holdout)
        if len(np.unique(truth)) < 2:
            raise NotApplicable("the target is missing or the same in all holdout records")
        fitting = _Fitting.of(comparison, target, outcome, equal, self.rounds, int(rng.integers(2**31)))
        boosted, linear, sizes = {}, {}, {}
        sources = {"real": equal.train, "synthetic": equal.synthetic, "floor": equal.floor}
        for done, (name, records) in enumerate(sources.items()):
            progress("tstr", done / 3)
            known, wanted = _with_target(outcome, records)
            if len(wanted) < self.fewest_rows:
                raise NotApplicable(f"{len(wanted)} rows have the target, training needs {self.fewest_rows} ({name})")
            boosted[name] = fitting.boosted(known, wanted, test)
            linear[name] = fitting.linear(known, wanted, test)
            sizes[f"trained_{name}"] = len(wanted)
        return self._figure(comparison, outcome, (test, truth), boosted, linear, sizes, rng)

    def _figure(
        self,
        comparison: Comparison,
        outcome: Outcome,
        tested: tuple[Records, NDArray[np.float64]],
        boosted: dict[str, NDArray[np.float64]],
        linear: dict[str, NDArray[np.float64]],
        sizes: dict[str, int],
        rng: np.random.Generator,
    ) -> Metric:
        test, truth = tested
        even = np.ones(len(truth))
        score = {name: outcome.score(truth, each, even) for name, each in boosted.items()}
        straight = {name: outcome.score(truth, each, even) for name, each in linear.items()}
        drawn = self._resampled(outcome, test, truth, boosted, rng)
        details: dict[str, Any] = {
            "rows": outcome.rows(truth, boosted),
            "linear": straight | {"rows": outcome.rows(truth, linear)},
            "below_ceiling": {
                "difference": score["synthetic"] - score["real"],
                "interval": _percentiles(drawn[:, 0] - drawn[:, 1]),
            },
        }
        low_high = _percentiles(drawn[:, 0])
        return Metric(
            name="tstr",
            family="utility",
            table=comparison.table,
            columns=(comparison.target or "",),
            value=score["synthetic"],
            interval=None if low_high is None else (low_high[0], low_high[1]),
            floor=score["floor"],
            ceiling=score["real"],
            unit="AUC" if isinstance(outcome, Classes) else "R2",
            n={"tested": len(truth), "tested_patients": test.n_patients} | sizes,
            details=details,
        )

    def _resampled(
        self,
        outcome: Outcome,
        test: Records,
        truth: NDArray[np.float64],
        boosted: dict[str, NDArray[np.float64]],
        rng: np.random.Generator,
    ) -> NDArray[np.float64]:
        """Scores of the synthetic and the real model in bootstrap samples of patients, shape ``(resamples, 2)``."""
        present, dense = np.unique(test.patient, return_inverse=True)
        found = np.empty((self.resamples, 2))
        for k in range(self.resamples):
            times = np.bincount(rng.integers(len(present), size=len(present)), minlength=len(present))
            weight = times[dense].astype(np.float64)
            found[k] = [outcome.score(truth, boosted[name], weight) for name in ("synthetic", "real")]
        return found


def _refusal(comparison: Comparison) -> str:
    """Why there is nothing to predict, or nothing to predict it with."""
    if comparison.target is None:
        return "the schema declares no target"
    if all(variable.name != comparison.target for variable in comparison.variables):
        return "the target is not among the compared columns"
    return "there is no column but the target"


def _with_target(outcome: Outcome, records: Records) -> tuple[Records, NDArray[np.float64]]:
    wanted = outcome.of(records)
    known = np.flatnonzero(~np.isnan(wanted))
    return records.take(known), wanted[known]


def _percentiles(values: NDArray[np.float64]) -> list[float] | None:
    finite = values[np.isfinite(values)]
    return None if not len(finite) else [float(each) for each in np.percentile(finite, (2.5, 97.5))]


@dataclass(frozen=True)
class _Fitting:
    """The models, in one coding for all training sets. Predictions have shape ``(n, classes)`` or ``(n, 1)``."""

    features: Features
    design: Design
    classes: int | None
    rounds: int
    seed: int

    @classmethod
    def of(
        cls, comparison: Comparison, target: Variable, outcome: Outcome, equal: EqualSets, rounds: int, seed: int
    ) -> _Fitting:
        others = [v for v in comparison.variables if v.name != target.name]
        sets = [each for each in (equal.train, equal.holdout, equal.synthetic) if each is not None]
        classes = outcome.count if isinstance(outcome, Classes) else None
        return cls(Features.of(others, sets), Design.of(others, comparison.train), classes, rounds, seed)

    def boosted(self, known: Records, wanted: NDArray[np.float64], test: Records) -> NDArray[np.float64]:
        """Boosted trees."""
        options: dict[str, Any] = {
            "max_iter": self.rounds,
            "max_leaf_nodes": 15,
            "categorical_features": self.features.categorical,
            "early_stopping": False,
            "random_state": self.seed,
        }
        kind = HistGradientBoostingRegressor if self.classes is None else HistGradientBoostingClassifier
        with threads(len(wanted)):
            return self._predicted(
                kind(**options), learnable(self.features.matrix(known)), wanted, self.features.matrix(test)
            )

    def linear(self, known: Records, wanted: NDArray[np.float64], test: Records) -> NDArray[np.float64]:
        """Ridge or logistic regression on indicators."""
        model = Ridge() if self.classes is None else LogisticRegression(C=0.1, max_iter=100)
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
