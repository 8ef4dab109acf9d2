"""Time to event: are survival curves, hazard ratios and who goes first the same as in reality?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.coding.covariates import Covariate, covariates, matrix
from synthgen.metrics.equal import EqualSets, chosen_patients, equal_sets
from synthgen.metrics.followed import Followed, event_of, grid_of
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.cox import concordance
from synthgen.metrics.statistics.folded import folded_interval
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.statistics.kaplan_meier import LifeTable, area_between
from synthgen.metrics.training import percentiles, resampled
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

NAMES = ("survival", "survival_hazards", "survival_concordance")


@dataclass(frozen=True)
class Survival(Measure):
    """Kaplan-Meier curves, log hazard ratios, and concordance of Cox models, where the schema names time and event.

    ``survival`` is the area between the training and the synthetic curve over tau, the time that 95 % of the training
    patients' follow-up ends before, as a share of tau; curves are read at up to ``steps`` times.
    ``survival_hazards`` is the mean absolute difference of the log hazard ratios of ``columns`` covariates in one Cox
    model: numbers per training standard deviation, and indicators of labels that at least ``fewest`` training patients
    have and have not; those with the clearest association in the training set.
    ``survival_concordance`` is train on synthetic, test on real: Harrell's C, on at most ``tested`` held-out records,
    of the Cox model of the synthetic records; the ceiling is that of the training records.
    Records whose time is missing or negative, or whose event is missing, are left out. Floor and ceiling stand in the
    synthetic set's place, all at m rows; in the floor time and event are shuffled apart too.
    """

    steps: int = 200
    columns: int = 8
    fewest: int = 20
    rows: int = 20_000
    tested: int = 2000
    resamples: int = 200

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        named = comparison.survival
        if named is None:
            return _all_unanswered(comparison, "the schema names no survival time and event", "not_applicable")
        try:
            equal = equal_sets(comparison, rng, self.rows)
            event = event_of(comparison, named)
            sets = {"train": equal.train, "synthetic": equal.synthetic, "floor": equal.floor}
            if equal.holdout is not None:
                sets["holdout"] = equal.holdout
            followed = {name: Followed.of(records, event, named, name) for name, records in sets.items()}
        except NotApplicable as found:
            return _all_unanswered(comparison, str(found), "not_assessable")
        progress("survival", 0.0)
        curves = self._curves(comparison, equal, followed, rng)
        progress("survival", 0.3)
        return curves, *self._hazards(comparison, equal, followed, rng)

    def _curves(
        self, comparison: Comparison, equal: EqualSets, sets: dict[str, Followed], rng: np.random.Generator
    ) -> Metric:
        grid = grid_of(sets["train"], self.steps)
        if not len(grid):
            return unanswered("survival", "utility", comparison, "no training patient is followed beyond time 0")
        halves = Halves.draw(tuple(each.records for name, each in sets.items() if name != "floor"), rng)
        groups = halves.groups
        curves, influence, halved = {}, {}, {}
        for name, each in sets.items():
            table = LifeTable.of(grid, each.time, each.event, halves.assign(each.records, rng), groups)
            halved[name] = table.survival(halves.chosen)
            curves[name] = halved[name][0]
            # What leaving a group out does, for all groups: the jackknife's influence.
            influence[name] = (curves[name] - table.survival(1 - np.eye(groups))) * (groups - 1) / groups
        area = {name: area_between(grid, each - halved["train"]) for name, each in halved.items()}
        moved = influence["synthetic"] - influence["train"]
        interval = folded_interval(
            lambda found: area_between(grid, found),
            curves["synthetic"] - curves["train"],
            moved - moved.mean(axis=0),
            rng,
        )
        details: dict[str, Any] = {
            "survival_curves": {"time": grid.tolist()}
            | {name: curve.tolist() for name, curve in curves.items() if name != "floor"}
        }
        if "holdout" in area:
            beyond = area["synthetic"] - area["holdout"]
            reach = halves.interval(beyond)
            details["above_ceiling"] = {"difference": float(beyond[0]), "interval": reach and list(reach)}
        return Metric(
            name="survival",
            family="utility",
            table=comparison.table,
            columns=_columns(comparison),
            reason="" if equal.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
            value=float(area["synthetic"][0]),
            interval=interval and (max(0.0, interval[0]), min(1.0, interval[1])),
            floor=float(area["floor"][0]),
            ceiling=float(area["holdout"][0]) if "holdout" in area else None,
            better="lower",
            unit="distance",
            n=equal.sizes | {f"{name}_events": int(each.event.sum()) for name, each in sets.items() if name != "floor"},
            details=details,
        )

    def _hazards(
        self, comparison: Comparison, equal: EqualSets, sets: dict[str, Followed], rng: np.random.Generator
    ) -> tuple[Metric, Metric]:
        others = [v for v in comparison.variables if v.name not in _columns(comparison)]
        try:
            chosen = self._chosen(covariates(others, equal.train, levels=1, fewest=self.fewest), sets["train"])
            ratios = {name: each.ratios(chosen, name) for name, each in sets.items()}
        except NotApplicable as found:
            return (
                unanswered(NAMES[1], "utility", comparison, str(found)),
                unanswered(NAMES[2], "utility", comparison, str(found)),
            )
        rows = [
            {
                "column": each.variable.name,
                "term": each.term,
                **{
                    f"log_hazard_{name}": float(ratios[name][k]) if name in ratios else None
                    for name in ("train", "holdout", "synthetic")
                },
                "difference": float(ratios["synthetic"][k] - ratios["train"][k]),
            }
            for k, each in enumerate(chosen)
        ]
        value = {name: float(np.mean(np.abs(found - ratios["train"]))) for name, found in ratios.items()}
        hazards = Metric(
            name=NAMES[1],
            family="utility",
            table=comparison.table,
            columns=_columns(comparison),
            reason="" if equal.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
            value=value["synthetic"],
            interval=self._interval(sets, chosen, ratios, rng),
            floor=value["floor"],
            ceiling=value.get("holdout"),
            better="lower",
            unit="difference",
            n=equal.sizes | {"coefficients": len(rows)},
            details={"rows": sorted(rows, key=lambda row: -abs(row["difference"]))},
        )
        return hazards, self._concordance(comparison, sets, chosen, ratios, rng)

    def _chosen(self, offered: tuple[Covariate, ...], train: Followed) -> tuple[Covariate, ...]:
        """Those with the largest score statistic: the correlation with the martingale residuals of no model."""
        X = matrix(offered, train.records)
        residual = train.residuals()
        X = X - X.mean(axis=0)
        spread = np.sqrt((X**2).sum(axis=0))
        clear = np.divide(np.abs(residual @ X), spread, out=np.zeros(X.shape[1]), where=spread > 0)
        best = [int(k) for k in np.argsort(-clear, kind="stable")[: self.columns] if clear[k] > 0]
        if not best:
            raise NotApplicable("there is no other column whose hazard ratio can be estimated")
        return tuple(offered[k] for k in sorted(best))

    def _interval(
        self,
        sets: dict[str, Followed],
        chosen: tuple[Covariate, ...],
        ratios: dict[str, NDArray[np.float64]],
        rng: np.random.Generator,
        groups: int = 20,
    ) -> tuple[float, float] | None:
        """By leaving out groups of patients."""
        pair = {name: sets[name] for name in ("synthetic", "train")}
        groups = min(groups, *(each.records.n_patients for each in pair.values()))
        moved = np.zeros((groups, len(chosen)))
        for sign, (name, each) in zip((1, -1), pair.items(), strict=True):
            present, dense = np.unique(each.records.patient, return_inverse=True)
            group = (rng.permutation(len(present)) % groups)[dense]
            for k in range(groups):
                try:
                    left = each.take(np.flatnonzero(group != k)).ratios(chosen, name)
                except NotApplicable:
                    return None  # a fit without some patients has no answer, so its error cannot be told
                moved[k] += sign * (ratios[name] - left) * (groups - 1) / groups
        return folded_interval(
            lambda found: np.abs(found).mean(axis=1),
            ratios["synthetic"] - ratios["train"],
            moved - moved.mean(axis=0),
            rng,
        )

    def _concordance(
        self,
        comparison: Comparison,
        sets: dict[str, Followed],
        chosen: tuple[Covariate, ...],
        ratios: dict[str, NDArray[np.float64]],
        rng: np.random.Generator,
    ) -> Metric:
        if "holdout" not in sets:
            return unanswered(NAMES[2], "utility", comparison, NO_HOLDOUT)
        whole = sets["holdout"]
        test = whole.take(chosen_patients(whole.records, min(self.tested, whole.records.n), rng))
        X = matrix(chosen, test.records)
        weights = np.concatenate([np.ones((1, test.records.n)), resampled(test.records, self.resamples, rng)])
        found = {
            name: concordance(X @ ratios[name], test.time, test.event, weights[: 1 if name == "floor" else None])
            for name in ("synthetic", "train", "floor")
        }
        if not np.isfinite(found["synthetic"][0]):
            return unanswered(NAMES[2], "utility", comparison, "no two held-out records tell who went first")
        drawn = found["synthetic"][1:], found["train"][1:]
        low_high = percentiles(drawn[0])
        return Metric(
            name=NAMES[2],
            family="utility",
            table=comparison.table,
            columns=_columns(comparison),
            value=float(found["synthetic"][0]),
            interval=None if low_high is None else (low_high[0], low_high[1]),
            floor=float(found["floor"][0]),
            ceiling=float(found["train"][0]),
            unit="concordance",
            n={"tested": test.records.n, "tested_patients": test.records.n_patients, "events": int(test.event.sum())},
            details={
                "below_ceiling": {
                    "difference": float(found["synthetic"][0] - found["train"][0]),
                    "interval": percentiles(drawn[0] - drawn[1]),
                }
            },
        )


def _columns(comparison: Comparison) -> tuple[str, ...]:
    named = comparison.survival
    return () if named is None else (named.time, named.event)


def _all_unanswered(comparison: Comparison, reason: str, status: Any) -> tuple[Metric, ...]:
    return tuple(unanswered(name, "utility", comparison, reason, status) for name in NAMES)
