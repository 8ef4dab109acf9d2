"""The contract of measures of several tables and of time, and what they share: equally many patients of every set.

Each gives a figure of the whole extract, whose table is ``HISTORIES`` and whose details have a row for each table, and
one for each table.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Records, Variable
from synthgen.metrics.coding.histograms import histogram
from synthgen.metrics.equal import FEWEST_PATIENTS
from synthgen.metrics.extract import Extracts
from synthgen.metrics.result import HISTORIES, Metric, Status, Verdict
from synthgen.metrics.statistics.folded import Statistic, folded_interval
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.unanswered import NO_HOLDOUT
from synthgen.progress import Progress, silent


class RelationalMeasure(ABC):
    """One way to judge an extract of several tables. Concrete ones are frozen dataclasses, as ``Measure`` is."""

    #: Whether ``evaluate --quick`` runs it too.
    quick: ClassVar[bool] = True

    @abstractmethod
    def measure(
        self, extracts: Extracts, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The figures, that of the whole extract first; without a value and with a reason where there is no answer."""

    def judge(self, metrics: tuple[Metric, ...], extracts: Extracts) -> tuple[Verdict, ...]:
        """The verdict lines that rest on these figures; none for most measures."""
        return ()


@dataclass(frozen=True, eq=False)
class Drawn:
    """As many patients of every set, in groups whose halves tell how far a figure is chance.

    Attributes:
        size: m, patients of each set.
        groups: by set, the group of each patient; -1 where the patient was not drawn.
    """

    size: int
    halves: Halves
    groups: Mapping[str, NDArray[np.int64]]

    @classmethod
    def of(cls, extracts: Extracts, rng: np.random.Generator) -> Drawn:
        """Patients at random.

        Raises:
            NotApplicable: a set has too few patients.
        """
        sets = extracts.sets
        for name, each in sets.items():
            if each.n_patients < FEWEST_PATIENTS:
                called = "training" if name == "train" else name
                found = f"the {called} set has {each.n_patients} patients"
                raise NotApplicable(f"{found}, at least {FEWEST_PATIENTS} are needed")
        size = min(each.n_patients for each in sets.values())
        halves = Halves.draw((Records(np.arange(size), {}, {}),), rng)
        groups = {}
        for name, each in sets.items():
            groups[name] = np.full(each.n_patients, -1, np.int64)
            groups[name][rng.permutation(each.n_patients)[:size]] = rng.permutation(size) % halves.groups
        return cls(size, halves, groups)

    def sums(
        self,
        which: str,
        cells: NDArray[np.int64],
        patient: NDArray[np.int64],
        size: int,
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Rows by cell, or their weights, in the whole and in every half, shape ``(1 + 2 * halvings, size)``."""
        return np.asarray(self.halves.chosen @ self.counts(which, cells, patient, size, weights))

    def counts(
        self,
        which: str,
        cells: NDArray[np.int64],
        patient: NDArray[np.int64],
        size: int,
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Rows by cell, or their weights, in every group of patients, shape ``(groups, size)``."""
        group = np.where(patient >= 0, self.groups[which][np.maximum(patient, 0)], -1) if len(patient) else patient
        own = group >= 0
        chosen = None if weights is None else weights[own]
        counts = np.bincount(group[own] * size + cells[own], chosen, self.halves.groups * size)
        return np.asarray(counts.reshape(self.halves.groups, size), dtype=np.float64)

    @property
    def sizes(self) -> dict[str, int]:
        """For ``Metric.n``."""
        return {"patients": self.size} | {f"{name}_patients": self.size for name in self.groups if name != "floor"}


@dataclass(frozen=True, eq=False)
class Series:
    """Something that is counted of a table: a cell for each parent, each gap, or each pair of successive rows.

    Attributes:
        cells: by set, int64, from 0 to ``size - 1``.
        patient: by set, whose each is, -1 for nobody's.
        ordered: whether neighbouring cells are near each other: then the distance is Kolmogorov and Smirnov's, the
            largest difference of cumulative shares; else the total variation.
    """

    cells: Mapping[str, NDArray[np.int64]]
    patient: Mapping[str, NDArray[np.int64]]
    size: int
    ordered: bool = False

    def counts(self, which: str, drawn: Drawn) -> NDArray[np.float64]:
        """How many of each cell are of each group of patients, shape ``(groups, size)``."""
        return drawn.counts(which, self.cells[which], self.patient[which], self.size)

    def shares(self, which: str, drawn: Drawn) -> NDArray[np.float64]:
        """The share of each cell in the whole and in every half; zeros where there is nothing."""
        sums = drawn.halves.chosen @ self.counts(which, drawn)
        return np.asarray(sums / np.maximum(sums.sum(axis=1, keepdims=True), 1))

    def distances(self, drawn: Drawn) -> Distances:
        """How far the sets are from the training set. A set with nothing to count is at distance 1.

        Raises:
            NotApplicable: the training set has nothing to count.
        """
        shares = {which: self.shares(which, drawn) for which in self.cells}
        if not shares["train"][0].any():
            raise NotApplicable("the training set has none")
        far = {which: self._distance(shares["train"], each) for which, each in shares.items() if which != "train"}
        apart = self._apart(shares, drawn) if shares["synthetic"].any(axis=1).all() else None
        return Distances(far["synthetic"], far.get("holdout"), float(far["floor"][0]), apart)

    def _apart(self, shares: Mapping[str, NDArray[np.float64]], drawn: Drawn) -> Apart:
        seen = (shares["train"][0] + shares["synthetic"][0]) > 0
        moved = [_influence(self.counts(which, drawn)) for which in ("synthetic", "train")]
        differences = shares["synthetic"] - shares["train"]
        return Apart(differences[:, seen], self._measured, (moved[0] - moved[1])[:, seen])

    def _distance(self, train: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[np.float64]:
        found = self._measured(train - other)
        return np.asarray(np.where(train.any(axis=1) & other.any(axis=1), found, 1.0))

    def _measured(self, differences: NDArray[np.float64]) -> NDArray[np.float64]:
        """The distance that differences of shares make, shape ``(n,)``."""
        if self.ordered:
            return np.asarray(np.abs(np.cumsum(differences, axis=1)).max(axis=1))
        return np.asarray(np.abs(differences).sum(axis=1) / 2)


def _influence(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """By how much each group of patients moves the shares of a set, from its counts, shape ``(groups, size)``."""
    sizes, whole = counts.sum(axis=1, keepdims=True), counts.sum()
    return np.asarray((counts - sizes * (counts.sum(axis=0) / whole)) / whole)


@dataclass(frozen=True, eq=False)
class Apart:
    """The differences that a distance from the training set rests on.

    Attributes:
        differences: in the whole and in every half, shape ``(1 + 2 * halvings, n)``.
        distance: what they make, from shape ``(k, n)`` to ``(k,)``.
        influence: by how much each group of patients moves them, shape ``(groups, n)``; ``None`` of differences that
            are no sums over patients.
    """

    differences: NDArray[np.float64]
    distance: Statistic
    influence: NDArray[np.float64] | None = None


@dataclass(frozen=True, eq=False)
class Distances:
    """Figures in the whole and in every half of the patients, shape ``(1 + 2 * halvings,)``; of the floor the whole.

    Attributes:
        apart: what the value rests on where it is a distance, which is folded at zero.
        halved: whether halves of the patients tell how far the value is chance; not where it hangs on one record.
    """

    value: NDArray[np.float64]
    ceiling: NDArray[np.float64] | None
    floor: float
    apart: Apart | None = None
    halved: bool = True

    def interval(self, halves: Halves, rng: np.random.Generator) -> tuple[float, float] | None:
        """95 % interval of the value's expectation, from 0 to 1."""
        if not self.halved:
            return None
        apart = self.apart
        if apart is None:
            return halves.interval(self.value, 0.0, 1.0)
        if apart.influence is None:
            return halves.interval(self.value, 0.0, 1.0, chance=apart.distance(halves.chance(apart.differences)))
        found = folded_interval(apart.distance, apart.differences[0], apart.influence, rng)
        return found and (max(0.0, found[0]), min(1.0, found[1]))


def mean_of(distances: Sequence[Distances]) -> Distances:
    """The mean of several figures."""
    parts = [each.apart for each in distances if each.apart is not None]
    together = _side_by_side(parts) if len(parts) == len(distances) else None
    ceilings = [each.ceiling for each in distances if each.ceiling is not None]
    return Distances(
        np.mean([each.value for each in distances], axis=0),
        np.mean(ceilings, axis=0) if ceilings else None,
        float(np.mean([each.floor for each in distances])),
        together,
        all(each.halved for each in distances),
    )


def _side_by_side(parts: Sequence[Apart]) -> Apart:
    """The mean of distances as one distance."""
    ends = np.cumsum([part.differences.shape[1] for part in parts])[:-1]

    def distance(differences: NDArray[np.float64]) -> NDArray[np.float64]:
        own = np.split(differences, ends, axis=1)
        return np.asarray(np.mean([part.distance(some) for part, some in zip(parts, own, strict=True)], axis=0))

    moved = [part.influence for part in parts if part.influence is not None]
    influence = np.concatenate(moved, axis=1) if len(moved) == len(parts) else None
    return Apart(np.concatenate([part.differences for part in parts], axis=1), distance, influence)


@dataclass(frozen=True, eq=False)
class Scored:
    """A figure of one table."""

    table: str
    distances: Distances
    details: Mapping[str, Any] = field(default_factory=dict)
    columns: tuple[str, ...] = ()


def by_table(
    name: str,
    unit: str,
    extracts: Extracts,
    rng: np.random.Generator,
    score: Callable[[str, Drawn], Scored],
    progress: Progress,
) -> tuple[Metric, ...]:
    """The figure of every child table, and first their mean.

    Args:
        score: the figure of a table; raises ``NotApplicable`` where there is none.
    """
    try:
        drawn = Drawn.of(extracts, rng)
    except NotApplicable as reason:
        return (unanswered(name, HISTORIES, str(reason), "not_assessable"),)
    scored: list[Scored] = []
    without: list[Metric] = []
    for done, table in enumerate(extracts.children):
        progress(name, done / len(extracts.children))
        try:
            scored.append(score(table, drawn))
        except NotApplicable as reason:
            without.append(unanswered(name, table, str(reason), "not_applicable"))
    if not scored:
        reasons = {metric.reason for metric in without} or {"no table belongs to the patients"}
        return (unanswered(name, HISTORIES, "; ".join(sorted(reasons)), "not_applicable"), *without)
    figures = [_metric(name, unit, drawn, each, rng) for each in (_mean(scored), *scored)]
    return (*figures, *without)


def unanswered(name: str, table: str, reason: str, status: Status) -> Metric:
    """A figure without a value, with its reason."""
    return Metric(name=name, family="fidelity", table=table, status=status, reason=reason, better="lower")


def _mean(scored: Sequence[Scored]) -> Scored:
    rows = [
        {
            "table": each.table,
            "value": float(each.distances.value[0]),
            "floor": each.distances.floor,
            "ceiling": None if each.distances.ceiling is None else float(each.distances.ceiling[0]),
        }
        for each in scored
    ]
    rows.sort(key=lambda row: row["floor" if row["ceiling"] is None else "ceiling"] - row["value"])  # type: ignore[operator]
    return Scored(HISTORIES, mean_of([each.distances for each in scored]), {"rows": rows})


def _metric(name: str, unit: str, drawn: Drawn, scored: Scored, rng: np.random.Generator) -> Metric:
    value, ceiling = scored.distances.value, scored.distances.ceiling
    details = dict(scored.details)
    if ceiling is not None:
        interval = drawn.halves.interval(value - ceiling)
        details["above_ceiling"] = {"difference": float(value[0] - ceiling[0]), "interval": interval and list(interval)}
    return Metric(
        name=name,
        family="fidelity",
        table=scored.table,
        columns=scored.columns,
        reason="" if ceiling is not None else f"no ceiling: {NO_HOLDOUT}",
        value=float(value[0]),
        interval=scored.distances.interval(drawn.halves, rng),
        floor=scored.distances.floor,
        ceiling=None if ceiling is None else float(ceiling[0]),
        better="lower",
        unit=unit,
        n=drawn.sizes,
        details=details,
    )


def shown(
    variable: Variable,
    codes: Mapping[str, NDArray[np.int32]],
    patient: Mapping[str, NDArray[np.int64]],
    rare_below: int,
) -> dict[str, Any]:
    """A histogram of labels in whole sets, in the coding of ``Records``; what is nobody's is left out."""
    records = {}
    for which in ("train", "holdout", "synthetic"):
        if which not in codes:
            continue
        own = patient[which] >= 0
        whose = np.unique(patient[which][own], return_inverse=True)[1].astype(np.int64)
        records[which] = Records(whose, {}, {variable.name: codes[which][own]})
    compared = Comparison(
        "", (variable,), records["train"], records.get("holdout"), records["synthetic"], rare_below=rare_below
    )
    return histogram(variable, compared)
