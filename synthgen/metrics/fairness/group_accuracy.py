"""Is every group as faithful as the whole? Agreement of pairs of columns, within each group."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records
from synthgen.metrics.coding.cells import Cells, cut
from synthgen.metrics.equal import FEWEST_PATIENTS, too_few, whole_patients
from synthgen.metrics.floor import independent
from synthgen.metrics.groups import FEWEST, Group, groups
from synthgen.metrics.result import Metric, Verdict, Word
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

NAME = "group_accuracy"
SOURCE = "limit by our policy, no standard sets one; simultaneous 95 % intervals over the groups (Bonferroni)"
#: What all groups together may be wrong by chance, on either side.
_TAIL = 0.025


@dataclass(frozen=True)
class GroupAccuracy(Measure):
    """Two-way accuracy within the group that is furthest below its ceiling (its floor, where there is no holdout).

    As ``accuracy_2``, with the cells of the whole training set, over ``pairs`` random pairs of columns that do not make
    the groups. Of each group, training, holdout, synthetic and independently resampled records are compared at the
    size of the group's smallest set, so groups are told from their own ceilings, not from each other. In a small group
    the floor can lie above the ceiling: it is resampled from the very records that it is compared with. Intervals hold
    for all groups at once (Bonferroni). Groups as in ``representation``.

    The verdict: it passes where no group can be more than ``limit`` below its ceiling (of one pair of columns, that
    share of the group's records would have to be others), and fails where one surely is, or where hardly any patient of
    a group was generated. A group has too few patients to tell, and does not count, where its interval is wider than
    the limit on either side, or wider than half of it and reaches the limit though the group itself does not: so the
    interval of a perfect group might.
    """

    pairs: int = 100
    fewest: int = FEWEST
    rows: int = 10_000
    limit: float = 0.05

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
        return (_figure(comparison, scores, small),)

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line, without a p, since a bound decides; none where the schema names no groups."""
        return tuple(_verdict(metric, self.limit) for metric in metrics if metric.status != "not_applicable")

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


def _figure(comparison: Comparison, scores: list[_Score], small: tuple[Group, ...]) -> Metric:
    told = sorted((score for score in scores if score.value is not None), key=lambda score: score.below)
    if not told:
        reason = f"no group has {FEWEST_PATIENTS} patients in every set"
        return unanswered(NAME, "fairness", comparison, reason)
    tail = _TAIL / len(told)
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


def _verdict(metric: Metric, limit: float) -> Verdict:
    if metric.status != "ok" or metric.ceiling is None:
        return _line("not_assessable", metric.reason, limit)
    rows = metric.details["rows"]
    gone = [row for row in rows if _gone(row, metric, _TAIL / len(rows))]
    bounded = [_Bounded.of(row) for row in rows if row["difference_from_ceiling"]]
    below = [each for each in bounded if each.high < -limit]
    told = [each for each in bounded if not each.too_wide(limit)]
    open_ = [each for each in told if each.low < -limit <= each.high]
    if gone or below:
        word: Word = "fail"
        said = [f"hardly any patient of {row['group']} was generated" for row in gone] + [each.said for each in below]
    elif open_:
        word, said = "not_assessable", [f"{each.said}: the limit lies within" for each in open_]
    elif told:
        word, said = (
            "pass",
            [f"of {len(told)} groups the furthest below: {min(told, key=lambda each: each.value).said}"],
        )
    else:
        word, said = "not_assessable", ["no group has patients enough"]
    left_out = metric.n["groups"] + metric.n["groups_too_small"] - len(gone) - len({*below, *told})
    if left_out:
        said.append(f"{left_out} {'group has' if left_out == 1 else 'groups have'} too few patients to tell")
    return _line(word, "; ".join(said), limit)


@dataclass(frozen=True)
class _Bounded:
    """How far a group is from its ceiling, with the ends of the interval."""

    group: str
    value: float
    low: float
    high: float

    @classmethod
    def of(cls, row: dict[str, Any]) -> _Bounded:
        return cls(row["group"], row["value"] - row["ceiling"], *row["difference_from_ceiling"])

    @property
    def reach(self) -> float:
        return (self.high - self.low) / 2

    def too_wide(self, limit: float) -> bool:
        """Whether nothing could be said of the group even if nothing were wrong with it."""
        return self.reach > limit or (2 * self.reach > limit and self.low < -limit <= self.value)

    @property
    def said(self) -> str:
        return f"{self.group}, {self.value:+.3f} from its ceiling, interval {self.low:+.3f} to {self.high:+.3f}"


def _gone(row: dict[str, Any], metric: Metric, tail: float) -> bool:
    """Whether so few patients of a group were generated that it cannot be judged, and fewer than chance explains."""
    train, synthetic = row["patients"], row["patients_synthetic"]
    if row["value"] is not None or synthetic >= FEWEST_PATIENTS:
        return False
    whole = metric.n["train_patients"], metric.n["synthetic_patients"]
    return bool(hypergeom.cdf(synthetic, sum(whole), train + synthetic, whole[1]) < tail)


def _line(word: Word, detail: str, limit: float) -> Verdict:
    return Verdict(name=NAME, verdict=word, metric=NAME, threshold=limit, detail=detail, source=SOURCE)
