"""Do the patients of every group, of every arm of a trial, live as long as in reality?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, FollowUp, Measure, Variable
from synthgen.metrics.equal import too_few, whole_patients
from synthgen.metrics.floor import independent
from synthgen.metrics.followed import Followed, event_of, grid_of
from synthgen.metrics.groups import FEWEST, Group, groups
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.statistics.kaplan_meier import LifeTable, area_between
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

NAME = "group_survival"
#: Groups whose curves are kept, those that are furthest off.
DRAWN = 6


@dataclass(frozen=True)
class GroupSurvival(Measure):
    """The area between the training and the synthetic Kaplan-Meier curve within the group that is furthest off.

    As ``survival``, over the same times of the whole training set. Of each group, training, holdout, synthetic and
    independently resampled records are compared at the size of the group's smallest set, so that groups are told from
    their own ceilings. Furthest off is the group that is furthest above its ceiling (its floor, where there is no
    holdout). Intervals hold for all groups at once (Bonferroni). Groups as in ``representation``; of a group without
    an event in some set nothing is said.
    """

    steps: int = 200
    fewest: int = FEWEST
    rows: int = 10_000

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        named = comparison.survival
        if named is None or not comparison.groups:
            reason = "groups" if named is not None else "survival time and event"
            return (unanswered(NAME, "fairness", comparison, f"the schema names no {reason}", "not_applicable"),)
        try:
            if few := too_few(comparison):
                raise NotApplicable(few)
            assessed, small = groups(comparison, self.fewest)
            event = event_of(comparison, named)
            grid = grid_of(Followed.of(comparison.train, event, named, "training"), self.steps)
            if not len(grid):
                raise NotApplicable("no training patient is followed beyond time 0")
            scores, untold = [], [group.name for group in small]
            for done, group in enumerate(assessed):
                progress(NAME, done / len(assessed))
                try:
                    scores.append(self._score(comparison, group, event, named, grid, rng))
                except NotApplicable:
                    untold.append(group.name)
            if not scores:
                raise NotApplicable("no group has 10 patients with time and event, and an event, in every set")
        except NotApplicable as found:
            return (unanswered(NAME, "fairness", comparison, str(found)),)
        return (_figure(comparison, sorted(scores, key=lambda score: -score.above), untold),)

    def _score(
        self,
        comparison: Comparison,
        group: Group,
        event: Variable,
        named: FollowUp,
        grid: NDArray[np.float64],
        rng: np.random.Generator,
    ) -> _Score:
        sets = {"train": comparison.train, "synthetic": comparison.synthetic}
        if comparison.holdout is not None:
            sets["holdout"] = comparison.holdout
        inside = {
            name: Followed.of(records.take(np.flatnonzero(group.of(records))), event, named, name).records
            for name, records in sets.items()
        }
        rows = min(self.rows, *(records.n for records in inside.values()))
        equal = {name: whole_patients(records, rows, rng) for name, records in inside.items()}
        halves = Halves.draw(tuple(equal.values()), rng)
        equal["floor"] = independent(inside["train"], rows, rng)
        curves = {}
        for name, records in equal.items():
            each = Followed.of(records, event, named, name)
            group_of = halves.assign(each.records, rng)
            curves[name] = LifeTable.of(grid, each.time, each.event, group_of, halves.groups).survival(halves.chosen)
        return _Score(group, {name: each.n_patients for name, each in inside.items()}, grid, halves, curves)


@dataclass(frozen=True, eq=False)
class _Score:
    """One group: its patients with a follow-up, and its curves by half, shape ``(1 + 2 * halvings, steps)``."""

    group: Group
    patients: dict[str, int]
    grid: NDArray[np.float64]
    halves: Halves
    curves: dict[str, NDArray[np.float64]]

    def area(self, name: str) -> NDArray[np.float64]:
        """Between a set's curve and that of training, in the whole and in every half."""
        return area_between(self.grid, self.curves[name] - self.curves["train"])

    @property
    def above(self) -> float:
        return float(self.area("synthetic")[0] - self.area("holdout" if "holdout" in self.curves else "floor")[0])

    def row(self, tail: float) -> dict[str, Any]:
        """The group in the details, with an interval that leaves ``tail`` on either side."""
        chance = area_between(self.grid, self.halves.chance(self.curves["synthetic"] - self.curves["train"]))
        value = self.area("synthetic")
        interval = self.halves.interval(value, 0.0, 1.0, tail, chance=chance)
        return {
            "group": self.group.name,
            "patients": self.patients["train"],
            "patients_holdout": self.patients.get("holdout"),
            "patients_synthetic": self.patients["synthetic"],
            "value": float(value[0]),
            "interval": interval and list(interval),
            "floor": float(self.area("floor")[0]),
            "ceiling": float(self.area("holdout")[0]) if "holdout" in self.curves else None,
        }

    def drawn(self) -> dict[str, Any]:
        """The group's curves, as ``survival`` has them."""
        sides = ("train", "holdout", "synthetic")
        return {"group": self.group.name, "time": self.grid.tolist()} | {
            side: self.curves[side][0].tolist() for side in sides if side in self.curves
        }


def _figure(comparison: Comparison, scores: list[_Score], untold: list[str]) -> Metric:
    named = comparison.survival
    assert named is not None
    rows = [score.row(0.025 / len(scores)) for score in scores]
    interval = rows[0]["interval"]
    return Metric(
        name=NAME,
        family="fairness",
        table=comparison.table,
        columns=(named.time, named.event),
        reason="" if comparison.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
        value=rows[0]["value"],
        interval=interval and (interval[0], interval[1]),
        floor=rows[0]["floor"],
        ceiling=rows[0]["ceiling"],
        better="lower",
        unit="distance",
        n={
            "groups": len(rows),
            "train_patients": comparison.train.n_patients,
            "synthetic_patients": comparison.synthetic.n_patients,
        },
        details={
            "worst_group": rows[0]["group"],
            "rows": rows,
            "not_assessed": untold,
            "group_curves": [score.drawn() for score in scores[:DRAWN]],
        },
    )
