"""Every column by itself: distances of numbers and labels, and the histograms behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.coding.histograms import histogram
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

#: Where quantiles are compared, in per cent.
PERCENTS = (1, 5, 50, 95, 99)


@dataclass(frozen=True)
class Marginals(Measure):
    """Mean over columns of the distance between the training and the synthetic column.

    The distance is the Kolmogorov-Smirnov statistic of numbers and the total variation of all labels (no "other").
    It speaks of cells that are there: missing rates stand beside it in the rows. A column that has cells in one set
    and none in the other is at distance 1; one without cells in either is left out. For numbers the rows add
    Wasserstein-1, that of the holdout as its ceiling, and the errors of five quantiles, in units of the training set's
    interquartile range, patients weighing equally (its standard deviation where that is 0, 1 where that is 0 too).
    """

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        try:
            equal = equal_sets(comparison, rng)
            real = (equal.train,) if equal.holdout is None else (equal.train, equal.holdout)
            halves = Halves.draw((*real, equal.synthetic), rng)
            groups = _Groups.of(equal, halves, rng)
            scored = []
            for done, variable in enumerate(comparison.variables):
                progress("marginals", done / len(comparison.variables))
                scored.append(_score(variable, equal, groups, halves))
            return (_figure(comparison, equal, halves, scored),)
        except NotApplicable as reason:
            return (unanswered("marginals", "fidelity", comparison, str(reason)),)


@dataclass(frozen=True)
class _Groups:
    """The group of patients of every record, by set."""

    train: NDArray[np.int64]
    synthetic: NDArray[np.int64]
    holdout: NDArray[np.int64] | None

    @classmethod
    def of(cls, equal: EqualSets, halves: Halves, rng: np.random.Generator) -> _Groups:
        holdout = None if equal.holdout is None else halves.assign(equal.holdout, rng)
        return cls(halves.assign(equal.train, rng), halves.assign(equal.synthetic, rng), holdout)


@dataclass(frozen=True)
class _Score:
    """Distances of one column: by half, but for the floor. ``None`` where there is nothing to compare.

    Attributes:
        chance: distances that chance alone makes between training and synthetic set (``Halves.chance``).
    """

    variable: Variable
    value: NDArray[np.float64] | None
    chance: NDArray[np.float64] | None
    floor: float | None
    ceiling: NDArray[np.float64] | None
    row: dict[str, Any]


def _score(variable: Variable, equal: EqualSets, groups: _Groups, halves: Halves) -> _Score:
    train = (equal.train, groups.train)
    value, chance = _distance(variable, halves, train, (equal.synthetic, groups.synthetic))
    # The floor's rows are independent; any grouping does, and only the whole is used.
    grouped = np.arange(equal.rows) % halves.groups
    floor, _ = _distance(variable, halves, train, (equal.floor, grouped))
    ceiling = None
    if equal.holdout is not None and groups.holdout is not None:
        ceiling, _ = _distance(variable, halves, train, (equal.holdout, groups.holdout))
    row: dict[str, Any] = {
        "column": variable.name,
        "distance": None if value is None else float(value[0]),
        "interval": None if value is None else _listed(halves.interval(value, 0.0, 1.0, chance=chance)),
        "floor": None if floor is None else float(floor[0]),
        "ceiling": None if ceiling is None else float(ceiling[0]),
        "missing_train": missing_rate(variable, equal.train),
        "missing_synthetic": missing_rate(variable, equal.synthetic),
        **_numeric(variable, equal),
    }
    return _Score(variable, value, chance, row["floor"], ceiling, row)


def _listed(interval: tuple[float, float] | None) -> list[float] | None:
    return None if interval is None else list(interval)


def missing_rate(variable: Variable, records: Records) -> float:
    """Share of records without a cell; text results are cells."""
    return float(np.mean(records.codes[variable.name] < 0))


def _distance(
    variable: Variable,
    halves: Halves,
    first: tuple[Records, NDArray[np.int64]],
    second: tuple[Records, NDArray[np.int64]],
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | tuple[None, None]:
    """KS or total variation in the whole and in every half, and those that chance alone makes.

    Of numbers, text results are labels above all numbers. ``None`` where neither set has a cell.
    """
    cells = [_levels(variable, records) for records, _ in (first, second)]
    present = [cell != _MISSING for cell in cells]
    if not present[0].any() and not present[1].any():
        return None, None
    pooled = np.concatenate([cell[here] for cell, here in zip(cells, present, strict=True)])
    place = np.unique(pooled, return_inverse=True)[1]
    if variable.kind == "numeric":
        place = _coarse(place)
    cut, size = int(present[0].sum()), int(place.max()) + 1
    counts = [
        halves.sums(group[here], at, size)
        for (_, group), here, at in zip((first, second), present, (place[:cut], place[cut:]), strict=True)
    ]
    totals = [count.sum(axis=1, keepdims=True) for count in counts]
    shares = [count / np.maximum(total, 1) for count, total in zip(counts, totals, strict=True)]
    difference = shares[0] - shares[1]
    far = _kolmogorov_smirnov if variable.kind == "numeric" else _total_variation
    one_empty = (totals[0][:, 0] == 0) != (totals[1][:, 0] == 0)
    return np.where(one_empty, 1.0, far(difference)), far(halves.chance(difference))


def _kolmogorov_smirnov(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(np.cumsum(difference, axis=1)).max(axis=1))


def _total_variation(difference: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.abs(difference).sum(axis=1) / 2)


_MISSING = np.inf
#: Points at which the distance of numbers is looked for; between two of them lies at most this part of the records.
POINTS = 2000


def _coarse(place: NDArray[np.int64]) -> NDArray[np.int64]:
    """Levels in ascending order joined with their neighbours to at most ``POINTS`` of about equal numbers."""
    counts = np.bincount(place)
    if len(counts) <= POINTS:
        return place
    return np.asarray(((np.cumsum(counts) - 1) * POINTS // len(place))[place])


def _levels(variable: Variable, records: Records) -> NDArray[np.float64]:
    """Each cell as a number on one axis: numbers as they are, labels by code, missing as infinity."""
    codes = records.codes[variable.name]
    if variable.kind == "categorical":
        return np.where(codes < 0, _MISSING, codes.astype(np.float64))
    texts = np.finfo(np.float64).max * (1 - 1e-9 * (len(variable.labels) + 1 - codes.astype(np.float64)))
    return np.where(codes == 0, records.numbers[variable.name], np.where(codes < 0, _MISSING, texts))


def _numeric(variable: Variable, equal: EqualSets) -> dict[str, float | None]:
    """Wasserstein-1 and quantile errors of numbers, scaled; ``None`` for other columns and where a side is empty."""
    keys = ["wasserstein", "wasserstein_ceiling", *(f"quantile_{percent}" for percent in PERCENTS)]
    if variable.kind == "numeric":
        train, synthetic = (_numbers(variable, records) for records in (equal.train, equal.synthetic))
        if len(train) and len(synthetic):
            unit = scale(train, equal.train.weights[np.isfinite(equal.train.numbers[variable.name])])
            errors = np.percentile(synthetic, PERCENTS) - np.percentile(train, PERCENTS)
            holdout = np.empty(0) if equal.holdout is None else _numbers(variable, equal.holdout)
            apart = wasserstein(train, holdout) / unit if len(holdout) else None
            figures = [wasserstein(train, synthetic) / unit, apart, *(errors / unit)]
            return {key: None if each is None else float(each) for key, each in zip(keys, figures, strict=True)}
    return dict.fromkeys(keys)


def _numbers(variable: Variable, records: Records) -> NDArray[np.float64]:
    values = records.numbers[variable.name]
    return values[np.isfinite(values)]


def scale(values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
    """Interquartile range of weighted values; the standard deviation where that is 0, and 1 where that is 0 too."""
    order = np.argsort(values, kind="stable")
    heaped = np.cumsum(weights[order])
    low, high = values[order][np.searchsorted(heaped, np.array([0.25, 0.75]) * heaped[-1] * (1 - 1e-12))]
    deviation = np.sqrt(np.average((values - np.average(values, weights=weights)) ** 2, weights=weights))
    return float(high - low) or float(deviation) or 1.0


def wasserstein(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Area between the two cumulative distributions, in the unit of the values."""
    axis = np.sort(np.concatenate([first, second]))
    below = [np.searchsorted(np.sort(side), axis[:-1], side="right") / len(side) for side in (first, second)]
    return float(np.sum(np.abs(below[0] - below[1]) * np.diff(axis)))


def _figure(comparison: Comparison, equal: EqualSets, halves: Halves, scored: list[_Score]) -> Metric:
    compared = [score for score in scored if score.value is not None]
    if not compared:
        raise NotApplicable("no column has a cell in the training or the synthetic set")
    value = np.mean([score.value for score in scored if score.value is not None], axis=0)
    chance = np.mean([score.chance for score in scored if score.chance is not None], axis=0)
    floors = [score.floor for score in compared if score.floor is not None]
    ceilings = [score.ceiling for score in compared if score.ceiling is not None]
    ceiling = np.mean(ceilings, axis=0) if ceilings else None
    rows = sorted((score.row for score in scored), key=_urgency)
    details: dict[str, Any] = {
        "rows": rows,
        "histograms": [histogram(variable, comparison) for variable in comparison.variables],
    }
    if ceiling is not None:
        interval = halves.interval(value - ceiling)
        difference = float(value[0] - ceiling[0])
        details["above_ceiling"] = {"difference": difference, "interval": interval and list(interval)}
    return Metric(
        name="marginals",
        family="fidelity",
        table=comparison.table,
        reason="" if equal.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
        value=float(value[0]),
        interval=halves.interval(value, 0.0, 1.0, chance=chance),
        floor=float(np.mean(floors)) if floors else None,
        ceiling=None if ceiling is None else float(ceiling[0]),
        better="lower",
        unit="distance",
        n=equal.sizes,
        details=details,
    )


def _urgency(row: dict[str, Any]) -> float:
    """Rows are sorted by how far the distance lies above the ceiling, or the floor without one; empty ones last."""
    if row["distance"] is None:
        return 2.0
    expected = row["floor"] if row["ceiling"] is None else row["ceiling"]
    return float((expected or 0.0) - row["distance"])
