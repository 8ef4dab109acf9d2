"""Would an analyst draw the same conclusions? Regression coefficients of the target, synthetic against real."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.coding.covariates import Covariate, covariates, matrix
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.outcome import Classes
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.folded import folded_interval
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.statistics.regression import Estimates, regress
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

NAMES = ("inference", "inference_difference")
_REACH = float(norm.ppf(0.975))


@dataclass(frozen=True)
class Inference(Measure):
    """Overlap of confidence intervals, and standardised difference, of the target's regression coefficients.

    The target is regressed on all other columns at once: a number linearly, in training standard deviations; of two
    classes the rarer logistically; of several each of the ``classes`` commonest against the rest. Regressors are
    numbers per standard deviation and indicators of the ``levels`` commonest labels against the commonest one, where
    at least ``fewest`` training patients are in every cell.

    ``inference`` is the mean over coefficients of the overlap of the real and the synthetic 95 % interval, relative to
    the length of either (Karr et al. 2006, American Statistician 60:224, equation 1), 0 where they are disjoint. The
    intervals are of the coefficient, 1.96 standard errors, clustered by patient, to either side. What synthetic records
    say of the population has the error of the training records too: their standard error is multiplied by
    sqrt(1 + n_synthetic / n_training) (Raab, Nowok and Dibben 2016, Journal of Privacy and Confidentiality 7:3, for
    one synthetic set drawn from fixed estimates). ``inference_difference`` is the mean absolute difference of the
    coefficients in real standard errors. The holdout and the floor stand in the synthetic set's place, all at m rows.
    """

    classes: int = 3
    levels: int = 4
    fewest: int = 20
    rows: int = 20_000

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        target = next((v for v in comparison.variables if v.name == comparison.target), None)
        if target is None:
            undeclared = comparison.target is None
            reason = "the schema declares no target" if undeclared else "the target is not among the compared columns"
            return tuple(unanswered(name, "utility", comparison, reason, "not_applicable") for name in NAMES)
        try:
            equal = equal_sets(comparison, rng, self.rows)
            return self._figures(comparison, equal, target, rng, progress)
        except NotApplicable as found:
            return tuple(unanswered(name, "utility", comparison, str(found)) for name in NAMES)

    def _figures(
        self,
        comparison: Comparison,
        equal: EqualSets,
        target: Variable,
        rng: np.random.Generator,
        progress: Progress,
    ) -> tuple[Metric, ...]:
        others = [v for v in comparison.variables if v.name != target.name]
        offered = covariates(others, equal.train, levels=self.levels, fewest=self.fewest)
        sets = {"train": equal.train, "synthetic": equal.synthetic, "floor": equal.floor}
        if equal.holdout is not None:
            sets["holdout"] = equal.holdout
        halves = Halves.draw(tuple(records for name, records in sets.items() if name != "floor"), rng)
        grouped = {name: halves.assign(records, rng) for name, records in sets.items()}
        parts: list[_Part] = []
        wanted = self._outcomes(target, comparison.train)
        for done, outcome in enumerate(wanted):
            progress("inference", done / len(wanted))
            chosen = outcome.estimable(offered, equal.train, self.fewest)
            found = {name: outcome.fit(chosen, records, grouped[name], name) for name, records in sets.items()}
            parts.append(_Part(outcome, chosen, found, equal.rows / comparison.train.n))
        if not any(part.chosen for part in parts):
            raise NotApplicable("no other column has a coefficient that can be estimated")
        return tuple(_figure(name, comparison, equal, parts, rng) for name in NAMES)

    def _outcomes(self, target: Variable, train: Records) -> list[_Outcome]:
        if target.kind == "numeric":
            values = train.numbers[target.name]
            spread = float(np.nanstd(values)) if np.isfinite(values).any() else 0.0
            return [_Outcome(target, None, "", spread or 1.0)]
        classes = Classes.of_variable(target, train)
        found = classes.of(train)
        present = [k for k in range(classes.count) if np.any(found == k)]
        ordered = sorted(present, key=lambda k: -float(train.weights[found == k].sum()))
        chosen = ordered[1:] if len(ordered) <= 2 else ordered[: self.classes]
        if not chosen:
            raise NotApplicable("the target is missing or the same in all training records")
        return [_Outcome(target, classes, classes.name(k), float(k)) for k in chosen]


@dataclass(frozen=True)
class _Outcome:
    """A number in units of ``key``, or class number ``key`` of ``classes``."""

    target: Variable
    classes: Classes | None
    name: str
    key: float

    def of(self, records: Records) -> NDArray[np.float64]:
        """What is regressed, NaN where it is missing."""
        if self.classes is None:
            values = records.numbers[self.target.name] / self.key
            return np.where(np.isfinite(values), values, np.nan)
        found = self.classes.of(records)
        return np.where(np.isnan(found), np.nan, found == self.key)

    def estimable(self, offered: tuple[Covariate, ...], train: Records, fewest: int) -> tuple[Covariate, ...]:
        """Those regressors whose indicators have patients enough on both sides of both outcomes."""
        if self.classes is None:
            return offered
        wanted = self.of(train)

        def cells(each: Covariate) -> int:
            on = each.of(train) == 1
            sides = [(on == there) & (wanted == outcome) for there in (True, False) for outcome in (0, 1)]
            return min(train.patients_at(side) for side in sides)

        return tuple(each for each in offered if each.level is None or cells(each) >= fewest)

    def fit(self, chosen: tuple[Covariate, ...], records: Records, group: NDArray[np.int64], name: str) -> Estimates:
        """The coefficients in one set."""
        wanted = self.of(records)
        known = np.flatnonzero(~np.isnan(wanted))
        if len(known) <= 2 * len(chosen):
            raise NotApplicable(f"{len(known)} {name} records have the target, too few for {len(chosen)} coefficients")
        apart = records.take(known)
        try:
            return regress(
                matrix(chosen, apart), wanted[known], apart.patient, group[known], logistic=self.classes is not None
            )
        except NotApplicable as found:
            raise NotApplicable(f"{found} ({name})") from None


@dataclass(frozen=True)
class _Part:
    """The coefficients of one outcome in every set; ``ratio`` is n_synthetic / n_training."""

    outcome: _Outcome
    chosen: tuple[Covariate, ...]
    found: dict[str, Estimates]
    ratio: float

    def error(self, name: str) -> NDArray[np.float64]:
        """Standard errors; those of what stands in the synthetic set's place are widened."""
        wider = 1.0 if name == "train" else np.sqrt(1 + self.ratio)
        return np.maximum(self.found[name].error, 1e-12) * wider

    def difference(self, name: str) -> NDArray[np.float64]:
        """In real standard errors."""
        return (self.found[name].coefficients - self.found["train"].coefficients) / self.error("train")

    def influence(self, name: str) -> NDArray[np.float64]:
        """Of groups of patients on the difference, shape ``(groups, coefficients)``."""
        return np.asarray((self.found[name].influence - self.found["train"].influence) / self.error("train"))

    def length(self, name: str) -> NDArray[np.float64]:
        """Half the length of the interval, in real standard errors."""
        return np.asarray(_REACH * self.error(name) / self.error("train"))

    def rows(self) -> list[dict[str, Any]]:
        """A row for each coefficient."""
        apart = {name: overlap(self.difference(name)[None], self.length(name))[0] for name in self.found}
        return [
            {
                "column": each.variable.name,
                "term": each.term,
                "class": self.outcome.name,
                **{
                    f"coefficient_{name}": float(self.found[name].coefficients[k]) if name in self.found else None
                    for name in ("train", "holdout", "synthetic")
                },
                "error_train": float(self.found["train"].error[k]),
                "error_synthetic": float(self.error("synthetic")[k]),
                "difference": float(self.difference("synthetic")[k]),
                "overlap": float(apart["synthetic"][k]),
            }
            for k, each in enumerate(self.chosen)
        ]


def overlap(difference: NDArray[np.float64], length: NDArray[np.float64]) -> NDArray[np.float64]:
    """Overlap of an interval around 0 with one around ``difference``, as a share of either, the two averaged.

    Everything is in standard errors of the first, whose interval reaches 1.96 to either side; ``length`` is how far the
    second reaches, shape ``(coefficients,)``, ``difference`` has shape ``(n, coefficients)``.
    """
    common = np.minimum(_REACH, difference + length) - np.maximum(-_REACH, difference - length)
    common = np.clip(common, 0, None)
    return np.asarray((common / (2 * _REACH) + common / (2 * length)) / 2)


def _figure(
    name: str, comparison: Comparison, equal: EqualSets, parts: list[_Part], rng: np.random.Generator
) -> Metric:
    overlapping = name == "inference"

    def score(kind: str) -> tuple[Any, NDArray[np.float64], NDArray[np.float64]]:
        length = np.concatenate([part.length(kind) for part in parts])
        difference = np.concatenate([part.difference(kind) for part in parts])
        influence = np.concatenate([part.influence(kind) for part in parts], axis=1)

        def apart(found: NDArray[np.float64]) -> NDArray[np.float64]:
            return np.asarray((1 - overlap(found, length) if overlapping else np.abs(found)).mean(axis=1))

        return apart, difference, influence

    def value(kind: str) -> float:
        apart, difference, _ = score(kind)
        distance = float(apart(difference[None])[0])
        return 1 - distance if overlapping else distance

    interval = folded_interval(*score("synthetic"), rng)
    if interval is not None and overlapping:
        interval = (1 - interval[1], 1 - interval[0])
    rows = sorted((row for part in parts for row in part.rows()), key=lambda row: -abs(row["difference"]))
    return Metric(
        name=name,
        family="utility",
        table=comparison.table,
        columns=(comparison.target or "",),
        reason="" if equal.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
        value=value("synthetic"),
        interval=interval,
        floor=value("floor"),
        ceiling=value("holdout") if equal.holdout is not None else None,
        better="higher" if overlapping else "lower",
        unit="overlap" if overlapping else "standard errors",
        n=equal.sizes | {"coefficients": len(rows)},
        details={"rows": rows} if overlapping else {},
    )
