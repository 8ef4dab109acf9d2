"""Is a model trained on synthetic records as good for every group as one trained on real ones?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.equal import equal_sets
from synthgen.metrics.groups import FEWEST, Group, groups
from synthgen.metrics.outcome import Classes, Outcome, Quantity
from synthgen.metrics.result import Metric
from synthgen.metrics.training import Predictions, Training, by_source, resampled, with_target
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

NAME = "group_utility"


@dataclass(frozen=True)
class GroupUtility(Measure):
    """``tstr`` within the group in which the synthetic set's model is furthest below the real one's.

    Boosted trees are trained on all groups together, from at most ``rows`` records, and tested on the holdout's records
    of each group: AUC, or R2. Ceiling and floor are those of the same group. Intervals are by bootstrap of the group's
    held-out patients, the same draws for every model, and hold for all groups at once (Bonferroni). A group needs
    ``fewest`` training patients and ``fewest`` held-out ones. Groups as in ``representation``.
    """

    rounds: int = 40
    resamples: int = 100
    fewest: int = FEWEST
    rows: int = 5000

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        if not comparison.groups or comparison.target is None:
            reason = "the schema names no groups" if not comparison.groups else "the schema declares no target"
            return (unanswered(NAME, "fairness", comparison, reason, "not_applicable"),)
        if comparison.holdout is None:
            return (unanswered(NAME, "fairness", comparison, NO_HOLDOUT),)
        try:
            assessed, small = groups(comparison, self.fewest)
            target = next((v for v in comparison.variables if v.name == comparison.target), None)
            if target is None or len(comparison.variables) < 2:
                raise NotApplicable("the target is not among the compared columns, or there is no other column")
            progress(NAME, 0.0)
            return (self._figure(comparison, comparison.holdout, target, assessed, small, rng),)
        except NotApplicable as found:
            return (unanswered(NAME, "fairness", comparison, str(found)),)

    def _figure(
        self,
        comparison: Comparison,
        holdout: Records,
        target: Variable,
        assessed: tuple[Group, ...],
        small: tuple[Group, ...],
        rng: np.random.Generator,
    ) -> Metric:
        equal = equal_sets(comparison, rng, self.rows)
        outcome = Quantity(target) if target.kind == "numeric" else Classes.of_variable(target, comparison.train)
        test, _ = with_target(outcome, holdout)
        training = Training.of(comparison, target, outcome, equal, self.rounds, int(rng.integers(2**31)))
        predicted: Predictions = {}
        for name, records in by_source(equal):
            known, wanted = with_target(outcome, records)
            if len(wanted) < self.fewest:
                raise NotApplicable(f"{len(wanted)} rows have the target, training needs {self.fewest} ({name})")
            predicted[name] = training.boosted(known, wanted, test)
        scores = [self._row(comparison, outcome, test, group, predicted, len(assessed), rng) for group in assessed]
        rows = [row for row in scores if row is not None]
        if not rows:
            raise NotApplicable(f"no group has {self.fewest} held-out patients whose targets differ")
        rows.sort(key=lambda row: row["difference"])
        worst = rows[0]
        told = {row["group"] for row in rows}
        untold = [group.name for group in (*assessed, *small) if group.name not in told]
        interval = worst["interval"]
        return Metric(
            name=NAME,
            family="fairness",
            table=comparison.table,
            columns=comparison.groups,
            value=worst["value"],
            interval=interval and (interval[0], interval[1]),
            floor=worst["floor"],
            ceiling=worst["ceiling"],
            unit="AUC" if isinstance(outcome, Classes) else "R2",
            n={"tested": test.n, "tested_patients": test.n_patients, "trained": equal.rows, "groups": len(rows)},
            details={
                "worst_group": worst["group"],
                "rows": rows,
                "not_assessed": untold,
                "below_ceiling": {"difference": worst["difference"], "interval": worst["difference_interval"]},
            },
        )

    def _row(
        self,
        comparison: Comparison,
        outcome: Outcome,
        test: Records,
        group: Group,
        predicted: Predictions,
        many: int,
        rng: np.random.Generator,
    ) -> dict[str, Any] | None:
        """The group in the details; ``None`` where its held-out records are too few, or all alike."""
        inside = np.flatnonzero(group.of(test))
        own = test.take(inside)
        if own.n_patients < self.fewest:
            return None
        truth = outcome.of(own)
        weights = np.concatenate([np.ones((1, own.n)), resampled(own, self.resamples, rng)])
        score = {name: outcome.score(truth, each[inside], weights) for name, each in predicted.items()}
        if not all(np.isfinite(each[0]) for each in score.values()):
            return None
        tail = 0.025 / many
        return {
            "group": group.name,
            "patients": group.patients(comparison.train),
            "patients_holdout": own.n_patients,
            "value": float(score["synthetic"][0]),
            "interval": _at_most_one(_normal(score["synthetic"], tail)),
            "floor": float(score["floor"][0]),
            "ceiling": float(score["real"][0]),
            "difference": float(score["synthetic"][0] - score["real"][0]),
            "difference_interval": _normal(score["synthetic"] - score["real"], tail),
        }


def _normal(values: NDArray[np.float64], tail: float) -> list[float] | None:
    """An interval around the first value as wide as the others spread; too far out for their percentiles."""
    finite = values[1:][np.isfinite(values[1:])]
    if len(finite) < 2:
        return None
    reach = float(norm.ppf(1 - tail) * finite.std(ddof=1))
    return [float(values[0]) - reach, float(values[0]) + reach]


def _at_most_one(interval: list[float] | None) -> list[float] | None:
    """No AUC, and no R2, is larger."""
    return interval and [interval[0], min(1.0, interval[1])]
