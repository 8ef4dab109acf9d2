"""Is every group as faithful as the whole? Agreement of pairs of columns, within each group."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records
from synthgen.metrics.cells import Cells, cut
from synthgen.metrics.equal import FEWEST_PATIENTS, too_few, whole_patients
from synthgen.metrics.floor import independent
from synthgen.metrics.groups import FEWEST, Group, groups
from synthgen.metrics.halves import Halves
from synthgen.metrics.result import Metric
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

NAME = "group_accuracy"


@dataclass(frozen=True)
class GroupAccuracy(Measure):
    """Two-way accuracy within the group that is furthest below its ceiling (its floor, where there is no holdout).

    As ``accuracy_2``, with the cells of the whole training set, over ``pairs`` random pairs of columns that do not make
    the groups. Of each group, training, holdout, synthetic and independently resampled records are compared at the
    size of the group's smallest set, so groups are told from their own ceilings, not from each other. In a small group
    the floor can lie above the ceiling: it is resampled from the very records that it is compared with. Intervals hold
    for all groups at once (Bonferroni). Groups as in ``representation``.
    """

    pairs: int = 100
    fewest: int = FEWEST
    rows: int = 10_000

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        try:
            assessed, small = groups(comparison, self.fewest)
            reason = too_few(comparison)
            if reason:
                raise NotApplicable(reason)
            cells = cut((v for v in comparison.variables if v.name not in comparison.groups), comparison.train)
            every = list(combinations(range(len(cells)), 2))
            if not every:
                raise NotApplicable("there are no two columns beside those of the groups")
        except NotApplicable as found:
            status: Any = "not_assessable" if comparison.groups else "not_applicable"
            return (unanswered(NAME, "fairness", comparison, str(found), status),)
        chosen = [every[k] for k in sorted(rng.permutation(len(every))[: self.pairs].tolist())]
        scores: list[_Score] = []
        for done, group in enumerate(assessed):
            progress(NAME, done / len(assessed))
            scores.append(self._score(comparison, group, cells, chosen, rng))
        return (_figure(comparison, scores, small, len(assessed)),)

    def _score(
        self,
        comparison: Comparison,
        group: Group,
        cells: tuple[Cells, ...],
        chosen: list[tuple[int, int]],
        rng: np.random.Generator,
    ) -> _Score:
        sets = {"train": comparison.train, "synthetic": comparison.synthetic}
        if comparison.holdout is not None:
            sets["holdout"] = comparison.holdout
        inside = {name: records.take(np.flatnonzero(group.of(records))) for name, records in sets.items()}
        patients = {name: records.n_patients for name, records in inside.items()}
        if min(patients.values()) < FEWEST_PATIENTS:
            return _Score(group, patients, None, None, None, None)
        rows = min(self.rows, *(records.n for records in inside.values()))
        equal = {name: whole_patients(records, rows, rng) for name, records in inside.items()}
        halves = Halves.draw(tuple(equal.values()), rng, halvings=20)
        coded = {name: (_coded(records, cells), halves.assign(records, rng)) for name, records in equal.items()}
        lone = independent(equal["train"], rows, rng)
        coded["floor"] = _coded(lone, cells), np.arange(rows) % halves.groups
        sums = {name: np.zeros(len(halves.chosen)) for name in coded if name != "train"}
        for one, other in chosen:
            size = cells[one].size * cells[other].size
            shares = {}
            for name, (codes, grouped) in coded.items():
                counts = halves.sums(grouped, codes[one] * cells[other].size + codes[other], size)
                shares[name] = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
            for name in sums:
                sums[name] += 1 - np.abs(shares[name] - shares["train"]).sum(axis=1) / 2
        found = {name: each / len(chosen) for name, each in sums.items()}
        return _Score(group, patients, halves, found["synthetic"], float(found["floor"][0]), found.get("holdout"))


def _coded(records: Records, cells: tuple[Cells, ...]) -> list[NDArray[np.int64]]:
    return [each.of(records) for each in cells]


@dataclass(frozen=True)
class _Score:
    """Accuracy in one group, by half but for the floor; ``None`` where a set has too few patients of it."""

    group: Group
    patients: dict[str, int]
    halves: Halves | None
    value: NDArray[np.float64] | None
    floor: float | None
    ceiling: NDArray[np.float64] | None

    @property
    def below(self) -> float:
        """How far the value is from what could be expected, downwards negative; groups without a value come first."""
        if self.value is None:
            return -2.0
        expected = (self.floor or 0.0) if self.ceiling is None else float(self.ceiling[0])
        return float(self.value[0]) - expected

    def row(self, tail: float) -> dict[str, Any]:
        """The group in the details, with intervals that leave ``tail`` on either side."""
        value = interval = difference = None
        if self.halves is not None and self.value is not None:
            value, interval = float(self.value[0]), self.halves.interval(self.value, 0.0, 1.0, tail)
            if self.ceiling is not None:
                difference = self.halves.interval(self.value - self.ceiling, tail=tail)
        return {
            "group": self.group.name,
            "patients": self.patients["train"],
            "patients_holdout": self.patients.get("holdout"),
            "patients_synthetic": self.patients["synthetic"],
            "value": value,
            "interval": interval and list(interval),
            "floor": self.floor,
            "ceiling": None if self.ceiling is None else float(self.ceiling[0]),
            "difference_from_ceiling": difference and list(difference),
        }


def _figure(comparison: Comparison, scores: list[_Score], small: tuple[Group, ...], assessed: int) -> Metric:
    told = sorted((score for score in scores if score.value is not None), key=lambda score: score.below)
    if not told:
        reason = f"no group has {FEWEST_PATIENTS} patients in every set"
        return unanswered(NAME, "fairness", comparison, reason)
    tail = 0.025 / len(told)
    worst = told[0].row(tail)
    untold = [score.group.name for score in scores if score.value is None] + [group.name for group in small]
    details: dict[str, Any] = {
        "worst_group": worst["group"],
        "rows": [score.row(tail) for score in sorted(scores, key=lambda score: score.below)],
        "not_assessed": untold,
    }
    if worst["ceiling"] is not None:
        details["below_ceiling"] = {"difference": told[0].below, "interval": worst["difference_from_ceiling"]}
    interval = worst["interval"]
    return Metric(
        name=NAME,
        family="fairness",
        table=comparison.table,
        columns=comparison.groups,
        reason="" if comparison.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
        value=worst["value"],
        interval=interval and (interval[0], interval[1]),
        floor=worst["floor"],
        ceiling=worst["ceiling"],
        unit="share",
        n={
            "groups": len(told),
            "groups_too_small": len(small) + len(scores) - len(told),
            "train_patients": comparison.train.n_patients,
            "synthetic_patients": comparison.synthetic.n_patients,
        },
        details=details,
    )
