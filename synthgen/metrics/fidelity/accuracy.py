"""K-way accuracy: how much of the distribution of one, two and three columns at a time the synthetic set shares."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from math import comb, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records
from synthgen.metrics.coding.cells import Cells, cut
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

#: Pairs and triples named in the details: the worst ones.
NAMED = 20


@dataclass(frozen=True)
class Accuracy(Measure):
    """One minus the total variation between the training and the synthetic set, in cells of k columns.

    A column has ten quantile bins with open ends, or its ten commonest labels and "other"; missing is a cell of its
    own. The cells come from the training set, patients weighing equally. ``accuracy_1``, ``accuracy_2`` and
    ``accuracy_3`` are means over all columns, all pairs, and ``triples`` random triples. Value, floor and ceiling
    compare m training records with m synthetic, independently resampled and held-out ones. The floor is resampled
    from the training set itself, so for one column it lies a little above the ceiling: it lacks the chance
    differences between patients.
    """

    triples: int = 200

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        try:
            equal = equal_sets(comparison, rng)
        except NotApplicable as reason:
            return tuple(unanswered(f"accuracy_{k}", "fidelity", comparison, str(reason)) for k in (1, 2, 3))
        cells = cut(comparison.variables, comparison.train)
        sets = _Coded.of(equal, cells, rng)
        metrics = []
        for k in (1, 2, 3):
            progress("accuracy", (k - 1) / 3)
            subsets = _subsets(len(cells), k, self.triples, rng)
            if subsets:
                metrics.append(_figure(comparison, equal, cells, sets, subsets))
            else:
                reason_ = f"the table has {len(cells)} compared columns, {k} are needed"
                metrics.append(unanswered(f"accuracy_{k}", "fidelity", comparison, reason_, "not_applicable"))
        return tuple(metrics)


@dataclass(frozen=True)
class _Coded:
    """The cells of every record, shape ``(columns, rows)``, and its group of patients, by set."""

    halves: Halves
    train: tuple[NDArray[np.int64], NDArray[np.int64]]
    synthetic: tuple[NDArray[np.int64], NDArray[np.int64]]
    floor: tuple[NDArray[np.int64], NDArray[np.int64]]
    holdout: tuple[NDArray[np.int64], NDArray[np.int64]] | None

    @classmethod
    def of(cls, equal: EqualSets, cells: tuple[Cells, ...], rng: np.random.Generator) -> _Coded:
        real = (equal.train,) if equal.holdout is None else (equal.train, equal.holdout)
        halves = Halves.of_columns((*real, equal.synthetic), len(cells), rng)

        def code(records: Records) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
            columns = [each.of(records) for each in cells]
            return np.stack(columns) if columns else np.empty((0, records.n), np.int64), halves.assign(records, rng)

        holdout = None if equal.holdout is None else code(equal.holdout)
        return cls(halves, code(equal.train), code(equal.synthetic), code(equal.floor), holdout)

    def shares(
        self, records: tuple[NDArray[np.int64], NDArray[np.int64]], columns: tuple[int, ...], sizes: tuple[int, ...]
    ) -> NDArray[np.float64]:
        """Share of records by joint cell, in the whole and every half, shape ``(1 + 2 * halvings, cells)``."""
        joint = np.zeros(records[0].shape[1], dtype=np.int64)
        for column, size in zip(columns, sizes, strict=True):
            joint = joint * size + records[0][column]
        counts = self.halves.sums(records[1], joint, prod(sizes))
        return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1))


def _subsets(columns: int, k: int, triples: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    """All sets of ``k`` columns, or ``triples`` different random ones where ``k`` is 3 and there are more."""
    if k < 3 or comb(columns, k) <= triples:
        return list(combinations(range(columns), k))
    found: set[tuple[int, ...]] = set()
    while len(found) < triples:
        found.add(tuple(sorted(rng.choice(columns, size=k, replace=False).tolist())))
    return sorted(found)


def _figure(
    comparison: Comparison,
    equal: EqualSets,
    cells: tuple[Cells, ...],
    sets: _Coded,
    subsets: list[tuple[int, ...]],
) -> Metric:
    scores = list(_scores(cells, sets, subsets))
    values = np.mean([value for value, _, _ in scores], axis=0)
    ceilings = np.mean([ceiling for _, _, ceiling in scores], axis=0) if equal.holdout is not None else None
    details: dict[str, Any] = {"rows": _rows(cells, subsets, scores, sets.halves)}
    if ceilings is not None:
        interval = sets.halves.interval(values - ceilings)
        difference = float(values[0] - ceilings[0])
        details["below_ceiling"] = {"difference": difference, "interval": interval and list(interval)}
    return Metric(
        name=f"accuracy_{len(subsets[0])}",
        family="fidelity",
        table=comparison.table,
        reason="" if ceilings is not None else f"no ceiling: {NO_HOLDOUT}",
        value=float(values[0]),
        interval=sets.halves.interval(values, 0.0, 1.0),
        floor=float(np.mean([floor for _, floor, _ in scores])),
        ceiling=None if ceilings is None else float(ceilings[0]),
        unit="share",
        n=equal.sizes | {"subsets": len(subsets)},
        details=details,
    )


def _scores(
    cells: tuple[Cells, ...], sets: _Coded, subsets: list[tuple[int, ...]]
) -> Iterator[tuple[NDArray[np.float64], float, NDArray[np.float64]]]:
    """Of each subset of columns: value by half, floor, and ceiling by half (NaN without a holdout)."""
    for subset in subsets:
        sizes = tuple(cells[column].size for column in subset)
        train = sets.shares(sets.train, subset, sizes)
        value = _accuracy(train, sets.shares(sets.synthetic, subset, sizes))
        floor = _accuracy(train[:1], sets.shares(sets.floor, subset, sizes)[:1])
        if sets.holdout is None:
            yield value, float(floor[0]), np.full(len(value), np.nan)
        else:
            yield value, float(floor[0]), _accuracy(train, sets.shares(sets.holdout, subset, sizes))


def _accuracy(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 - np.abs(first - second).sum(axis=1) / 2)


def _rows(
    cells: tuple[Cells, ...],
    subsets: list[tuple[int, ...]],
    scores: list[tuple[NDArray[np.float64], float, NDArray[np.float64]]],
    halves: Halves,
) -> list[dict[str, Any]]:
    """Every column, worst first; of pairs and triples the worst only. Worst: furthest below ceiling or floor."""
    thing = {1: "column", 2: "pair", 3: "triple"}[len(subsets[0])]
    below = [value[0] - (ceiling[0] if np.isfinite(ceiling[0]) else floor) for value, floor, ceiling in scores]
    worst = np.argsort(below, kind="stable")[: None if thing == "column" else NAMED]
    rows: list[dict[str, Any]] = []
    for k in worst.tolist():
        value, floor, ceiling = scores[k]
        interval = halves.interval(value, 0.0, 1.0)
        rows.append(
            {
                thing: " × ".join(cells[column].variable.name for column in subsets[k]),
                "value": float(value[0]),
                "interval": interval and list(interval),
                "floor": floor,
                "ceiling": float(ceiling[0]) if np.isfinite(ceiling[0]) else None,
            }
        )
    return rows
