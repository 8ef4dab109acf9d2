"""Classifier two-sample test: can a boosted classifier tell synthetic records from real ones?"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records
from synthgen.metrics.boosting import Telling, deal, tell_apart
from synthgen.metrics.coding.cells import Cells, cut
from synthgen.metrics.coding.features import Features
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.auc import area
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

#: The number of folds, and that for many rows.
_FOLDS, _FOLDS_OF_MANY = 5, 4


@dataclass(frozen=True)
class C2st(Measure):
    """AUC of a cross-fitted classifier between synthetic and real records; 0.5 is indistinguishable.

    ``c2st`` compares with the holdout and is the headline: a generator that copies scores 0.5 against training.
    ``c2st_train`` compares with the training set. The ceiling of both is the AUC between training set and holdout,
    the floor that of independently resampled columns. Folds are by patient, both sides have the same number of
    rows (at most ``rows``), a column keeps its 200 commonest labels over the real sets together. Of sets of ``many``
    rows half of the folds are scored for what stands beside the headline, the ceiling and ``c2st_train``; of the floor
    one always is.
    Lopez-Paz and Oquab 2017, "Revisiting classifier two-sample tests" (with AUC for accuracy).
    """

    rows: int = 20_000
    many: int = 10_000
    fewest_rows: int = 50

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        try:
            equal = equal_sets(comparison, rng, self.rows)
            if equal.rows < self.fewest_rows:
                found = f"the smallest set has {equal.rows} rows, a classifier needs {self.fewest_rows}"
                raise NotApplicable(found)
            if not comparison.variables:
                raise NotApplicable("the table has no compared columns")
        except NotApplicable as reason:
            return tuple(unanswered(name, "fidelity", comparison, str(reason)) for name in ("c2st", "c2st_train"))
        tests = _Tests(comparison, equal, self, rng)
        progress("c2st", 0.0)
        ceiling = None if equal.holdout is None else tests.tell(equal.train, equal.holdout, tests.beside)
        progress("c2st", 0.3)
        against_train = tests.figure("c2st_train", equal.train, ceiling, tests.beside)
        if equal.holdout is None:
            return unanswered("c2st", "fidelity", comparison, NO_HOLDOUT), against_train
        progress("c2st", 0.7)
        return tests.figure("c2st", equal.holdout, ceiling), against_train


@dataclass(frozen=True)
class _Tests:
    """Everything that the tests of one comparison share."""

    comparison: Comparison
    equal: EqualSets
    options: C2st
    rng: np.random.Generator

    @cached_property
    def features(self) -> Features:
        # The real sets name the labels: of many labels, a word of the generator's own for rare ones is a rare one too.
        sets = [self.equal.train] + ([self.equal.holdout] if self.equal.holdout else [])
        return Features.of(self.comparison.variables, sets)

    def tell(self, first: Records, second: Records, scored: int | None = None, importance: bool = False) -> Telling:
        """How well two sets can be told apart."""
        sides = [(self.features.matrix(records), records.patient) for records in (first, second)]
        # Learning from four fifths of few rows tells more than from three quarters; of many rows more rounds do.
        folds, rounds = (_FOLDS_OF_MANY, 70) if self.many else (_FOLDS, 60)
        return tell_apart(
            *(self.features, sides[0], sides[1], self.rng),
            folds=folds,
            scored=scored,
            rounds=rounds,
            importance=importance,
        )

    @property
    def many(self) -> bool:
        return self.equal.rows >= self.options.many

    @property
    def beside(self) -> int | None:
        """How many folds are scored of what stands beside a headline; ``None`` for all."""
        return _FOLDS_OF_MANY // 2 if self.many and self.equal.holdout is not None else None

    def figure(self, name: str, real: Records, ceiling: Telling | None, scored: int | None = None) -> Metric:
        """The figure against one real set, all folds scored where ``scored`` does not say how many."""
        # What a classifier loses without each column is told of the headline, or of what stands in for it.
        headline = name == "c2st" or self.equal.holdout is None
        told = self.tell(self.equal.synthetic, real, scored, importance=headline)
        floor = self.tell(self.equal.floor, real, 1)
        details: dict[str, Any] = {"rows": self._rows(real, told), "floor_interval": _listed(floor)}
        if ceiling is not None:
            details["ceiling_interval"] = _listed(ceiling)
        return Metric(
            name=name,
            family="fidelity",
            table=self.comparison.table,
            reason="" if ceiling is not None else f"no ceiling: {NO_HOLDOUT}",
            value=told.auc.value,
            interval=told.auc.interval,
            floor=floor.auc.value,
            ceiling=None if ceiling is None else ceiling.auc.value,
            better="lower",
            unit="AUC",
            n=self.equal.sizes,
            details=details,
        )

    def _rows(self, real: Records, told: Telling) -> list[dict[str, Any]]:
        """The columns that give the synthetic set away, first those that do most."""
        drops: dict[str, float] = {}
        for name, drop in zip(self.features.names, told.drops, strict=bool(told.drops)):
            drops[name] = max(drops.get(name, 0.0), drop)
        cells = cut(self.comparison.variables, self.comparison.train, bins=20, top=200)
        fold = [deal(records.patient, 2, self.rng) for records in (self.equal.synthetic, real)]
        rows: list[dict[str, Any]] = [
            {
                "column": each.variable.name,
                "auc_alone": _alone(each, self.equal.synthetic, real, fold[0], fold[1]),
                **({"drop_when_shuffled": drops[each.variable.name]} if drops else {}),
            }
            for each in cells
        ]
        return sorted(rows, key=lambda row: -max(row["auc_alone"] - 0.5, row.get("drop_when_shuffled", 0.0)))


def _alone(
    cells: Cells, synthetic: Records, real: Records, fold: NDArray[np.int64], real_fold: NDArray[np.int64]
) -> float:
    """AUC by one column alone: each cell scores its log odds in the other half of the patients."""
    sides = ((cells.of(synthetic), fold), (cells.of(real), real_fold))
    areas = []
    for half in (0, 1):
        fitted = [np.bincount(cell[where != half], minlength=cells.size) + 0.5 for cell, where in sides]
        odds = np.log(fitted[0]) - np.log(fitted[1])
        scored = [odds[cell[where == half]] for cell, where in sides]
        areas.append(area(np.concatenate(scored), np.arange(sum(map(len, scored))) < len(scored[0])))
    return float(np.mean(areas))


def _listed(told: Telling) -> list[float] | None:
    interval = told.auc.interval
    return None if interval is None else list(interval)
