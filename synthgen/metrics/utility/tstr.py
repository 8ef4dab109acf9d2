"""Train on synthetic, test on real: is a model trained on synthetic records as good as one trained on real ones?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.equal import EqualSets, equal_sets, too_few
from synthgen.metrics.outcome import Classes, Outcome, Quantity
from synthgen.metrics.result import Metric
from synthgen.metrics.training import Predictions, Training, by_source, percentiles, resampled, with_target
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

    Where no target is declared, every plausible column is one in turn, and the value is the mean AUC: columns of
    labels that are no codes, and numbers as below or above their training median; the ``targets`` whose commonest
    class is nearest to one half, from at most ``rows`` records each.
    """

    rounds: int = 40
    resamples: int = 200
    fewest_rows: int = 50
    targets: int = 6
    rows: int = 5000

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        if comparison.holdout is None:
            return (unanswered("tstr", "utility", comparison, NO_HOLDOUT),)
        target = next((v for v in comparison.variables if v.name == comparison.target), None)
        if len(comparison.variables) < 2 or (target is None and comparison.target is not None):
            reason = "the target is not among the compared columns, or there is no other column"
            return (unanswered("tstr", "utility", comparison, reason, "not_applicable"),)
        try:
            if target is None:
                return (self._of_every_target(comparison, comparison.holdout, rng, progress),)
            return (self._of_target(comparison, comparison.holdout, target, rng, progress),)
        except NotApplicable as found:
            return (unanswered("tstr", "utility", comparison, str(found)),)

    def _of_target(
        self,
        comparison: Comparison,
        holdout: Records,
        target: Variable,
        rng: np.random.Generator,
        progress: Progress,
    ) -> Metric:
        equal = equal_sets(comparison, rng)
        outcome = Quantity(target) if target.kind == "numeric" else Classes.of_variable(target, comparison.train)
        test, truth = with_target(outcome, holdout)
        if len(np.unique(truth)) < 2:
            raise NotApplicable("the target is missing or the same in all holdout records")
        training = Training.of(comparison, target, outcome, equal, self.rounds, int(rng.integers(2**31)))
        boosted, linear, sizes = {}, {}, {}
        for done, (name, known, wanted) in enumerate(self._sources(outcome, equal)):
            progress("tstr", done / 3)
            boosted[name] = training.boosted(known, wanted, test)
            linear[name] = training.linear(known, wanted, test)
            sizes[f"trained_{name}"] = len(wanted)
        return self._figure(comparison, outcome, (test, truth), boosted, linear, sizes, rng)

    def _sources(self, outcome: Outcome, equal: EqualSets) -> list[tuple[str, Records, NDArray[np.float64]]]:
        """What models are trained on: the name of the set, its records that have the target, and their targets."""
        found = [(name, *with_target(outcome, records)) for name, records in by_source(equal)]
        for name, _, wanted in found:
            if len(wanted) < self.fewest_rows:
                raise NotApplicable(f"{len(wanted)} rows have the target, training needs {self.fewest_rows} ({name})")
        return found

    def _figure(
        self,
        comparison: Comparison,
        outcome: Outcome,
        tested: tuple[Records, NDArray[np.float64]],
        boosted: Predictions,
        linear: Predictions,
        sizes: dict[str, int],
        rng: np.random.Generator,
    ) -> Metric:
        test, truth = tested
        weights = resampled(test, self.resamples, rng)
        # What stands beside the headline is told from fewer samples.
        fewer = weights[: self.resamples // 2]
        low_high = percentiles(outcome.score(truth, boosted["synthetic"], weights))
        straight = {name: _score(outcome, truth, each) for name, each in linear.items()}
        score = {name: _score(outcome, truth, each) for name, each in boosted.items()}
        if score["synthetic"] is None:
            raise NotApplicable("the holdout records cannot tell how good a prediction is")
        details: dict[str, Any] = {
            "rows": outcome.rows(truth, boosted),
            "linear": straight
            | {"rows": outcome.rows(truth, linear), "below_ceiling": _gap(outcome.score, truth, linear, fewer)},
            "below_ceiling": _gap(outcome.score, truth, boosted, weights),
        }
        if isinstance(outcome, Classes):
            details["brier_above_ceiling"] = _gap(outcome.error, truth, boosted, weights)
            details["linear"]["brier_above_ceiling"] = _gap(outcome.error, truth, linear, weights)
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

    def _of_every_target(
        self, comparison: Comparison, holdout: Records, rng: np.random.Generator, progress: Progress
    ) -> Metric:
        reason = too_few(comparison)
        if reason:
            raise NotApplicable(reason)
        equal = equal_sets(comparison, rng, self.rows)
        weights = resampled(holdout, self.resamples, rng)
        rows: list[dict[str, Any]] = []
        drawn: list[NDArray[np.float64]] = []
        chosen = self._plausible(comparison, equal)
        for done, (target, outcome) in enumerate(chosen):
            progress("tstr", done / len(chosen))
            truth = outcome.of(holdout)
            known = np.flatnonzero(~np.isnan(truth))
            test, truth = holdout.take(known), truth[known]
            training = Training.of(comparison, target, outcome, equal, self.rounds, int(rng.integers(2**31)))
            found = {name: training.boosted(own, wanted, test) for name, own, wanted in self._sources(outcome, equal)}
            score = {name: _score(outcome, truth, each) for name, each in found.items()}
            if score["synthetic"] is not None:
                rows.append(
                    {
                        "target": target.name,
                        "value": score["synthetic"],
                        "floor": score["floor"],
                        "ceiling": score["real"],
                    }
                )
                pair = [outcome.score(truth, found[name], weights[:, known]) for name in ("synthetic", "real")]
                drawn.append(np.stack(pair))
        if not rows:
            raise NotApplicable(
                f"the schema declares no target, and no column has {self.fewest_rows} rows of two kinds"
            )
        mean = {key: float(np.mean([row[key] for row in rows])) for key in ("value", "floor", "ceiling")}
        synthetic, real = np.mean(drawn, axis=0)
        low_high = percentiles(synthetic)
        return Metric(
            name="tstr",
            family="utility",
            table=comparison.table,
            value=mean["value"],
            interval=None if low_high is None else (low_high[0], low_high[1]),
            floor=mean["floor"],
            ceiling=mean["ceiling"],
            unit="AUC",
            n={"tested": holdout.n, "tested_patients": holdout.n_patients, "trained": equal.rows, "targets": len(rows)},
            details={
                "rows": sorted(rows, key=lambda row: row["value"] - row["ceiling"]),
                "below_ceiling": {
                    "difference": mean["value"] - mean["ceiling"],
                    "interval": percentiles(synthetic - real),
                },
            },
        )

    def _plausible(self, comparison: Comparison, equal: EqualSets) -> list[tuple[Variable, Classes]]:
        """Columns that may be predicted, the most even first: enough rows of two kinds in every set."""
        found: list[tuple[float, str, Variable, Classes]] = []
        for variable in comparison.variables:
            if variable.code:
                continue
            outcome = Classes.of_variable(variable, comparison.train)
            sets = [outcome.of(records) for _, records in by_source(equal)] + [
                outcome.of(each) for each in (equal.holdout,) if each is not None
            ]
            counts = [np.unique(each[~np.isnan(each)], return_counts=True)[1] for each in sets]
            if all(len(each) > 1 and each.sum() - each.max() >= self.fewest_rows for each in counts):
                found.append((abs(float(counts[0].max() / counts[0].sum()) - 0.5), variable.name, variable, outcome))
        return [(variable, outcome) for _, _, variable, outcome in sorted(found, key=lambda each: each[:2])][
            : self.targets
        ]


def _score(outcome: Outcome, truth: NDArray[np.float64], predicted: NDArray[np.float64]) -> float | None:
    found = float(outcome.score(truth, predicted, np.ones((1, len(truth))))[0])
    return found if np.isfinite(found) else None


def _gap(figure: Any, truth: NDArray[np.float64], predicted: Predictions, weights: NDArray[np.float64]) -> Any:
    """The figure of the synthetic set's model less that of the real one's, with its interval."""
    all_ = np.concatenate([np.ones((1, len(truth))), weights])
    gap = figure(truth, predicted["synthetic"], all_) - figure(truth, predicted["real"], all_)
    return {"difference": float(gap[0]) if np.isfinite(gap[0]) else None, "interval": percentiles(gap[1:])}
