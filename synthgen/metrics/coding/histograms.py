"""Histograms of one column in every set, in bins that show no extreme and no rare level."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Records, Variable
from synthgen.metrics.coding.calendar import calendar_edges
from synthgen.metrics.identity import distinct_pairs

#: Most bins of a histogram of numbers, the two open ones included.
BINS = 30
#: Most labels of a histogram, without the one for all other levels.
LABELS = 15
#: The bar of all levels that have none of their own.
OTHER = "(other levels)"

_TAILS = (0.01, 0.99)


def histogram(variable: Variable, comparison: Comparison) -> dict[str, Any]:
    """Shares of the cells that are not missing, over all rows of each set; the holdout is ``None`` without one.

    Numeric: ``edges`` are inner edges, so there is one share more than edges, the first and the last for the open
    ends; of dates and times (``temporal`` says which) they are ISO texts on the calendar. Where a column has text
    results, ``text_results`` holds their shares; they are in no bin. Categorical: ``labels`` are the training set's
    commonest levels that ``rare_below`` patients share, and the last is all others.

    ``by_patient`` holds the same shares, and that of missing, with every patient weighing the same, beside the number
    of ``patients`` who have a cell ``of`` all. A share times the number of patients is never more than the patients
    behind the bar, however many rows each of them has.
    """
    bars = (_bins if variable.kind == "numeric" else _levels)(variable, comparison)
    sets = {"train": comparison.train, "holdout": comparison.holdout, "synthetic": comparison.synthetic}
    sides = {name: None if records is None else _Side.of(bars, records) for name, records in sets.items()}

    def each(fact: Callable[[_Side], Any]) -> dict[str, Any]:
        return {name: None if side is None else fact(side) for name, side in sides.items()}

    found = {"column": variable.name, "kind": variable.kind, **bars.axis, **each(lambda side: side.shares)}
    if variable.kind == "numeric" and variable.labels:
        found["text_results"] = each(lambda side: side.text_results)
    found |= {"n": each(lambda side: side.cells), "missing": each(lambda side: side.missing)}
    return found | {"by_patient": each(lambda side: side.by_patient)}


@dataclass(frozen=True, eq=False)
class _Bars:
    """Where cells go: ``place`` gives, per record, a bar ``0 .. size-1``, ``size`` for a text result, -1 if missing."""

    axis: dict[str, Any]
    size: int
    place: Callable[[Records], NDArray[np.int64]]


@dataclass(frozen=True, eq=False)
class _Side:
    """One set in the bars."""

    shares: list[float]
    text_results: float
    cells: int
    missing: float | None
    by_patient: dict[str, Any]

    @classmethod
    def of(cls, bars: _Bars, records: Records) -> _Side:
        place = bars.place(records)
        present = np.flatnonzero(place >= 0)
        cells = Records(records.patient[present], {}, {})  # whose they are is all that is asked
        shares = _shares(place[present], np.ones(len(present)), bars.size)
        return cls(
            shares[:-1],
            shares[-1],
            len(present),
            float(np.mean(place < 0)) if records.n else None,
            {
                "shares": _shares(place[present], cells.weights, bars.size)[:-1],
                "missing": float(records.weights[place < 0].sum() / records.n_patients) if records.n else None,
                "patients": cells.n_patients,
                "of": records.n_patients,
            },
        )


def _shares(place: NDArray[np.int64], weights: NDArray[np.float64], size: int) -> list[float]:
    """The share of each bar, and that of text results last."""
    sums = np.bincount(place, weights, size + 1)
    return [float(share) for share in sums / (sums.sum() or 1.0)]


def _bins(variable: Variable, comparison: Comparison) -> _Bars:
    train = comparison.train
    number = np.isfinite(train.numbers[variable.name])
    range_ = _middle(train.numbers[variable.name][number], train.weights[number])
    if variable.temporal:
        edges, shown = calendar_edges(*range_, kind=variable.temporal, most=BINS - 1) if range_ else (np.empty(0), [])
    else:
        edges = round_edges(*range_) if range_ else np.empty(0)
        shown = edges.tolist()
    size = len(edges) + 1

    def place(records: Records) -> NDArray[np.int64]:
        codes = records.codes[variable.name].astype(np.int64)
        bins = np.searchsorted(edges, records.numbers[variable.name], side="right")
        return np.where(codes == 0, bins, np.where(codes < 0, -1, size))

    return _Bars({"edges": shown, "temporal": variable.temporal}, size, place)


def _middle(values: NDArray[np.float64], weights: NDArray[np.float64]) -> tuple[float, float] | None:
    """Where the middle 98 % of the patients' values lie; ``None`` without a value."""
    if not len(values):
        return None
    order = np.argsort(values, kind="stable")
    heaped = np.cumsum(weights[order])
    low, high = np.searchsorted(heaped, np.array(_TAILS) * heaped[-1])
    return float(values[order[low]]), float(values[order[min(high, len(values) - 1)]])


def round_edges(low: float, high: float) -> NDArray[np.float64]:
    """At most ``BINS - 1`` edges from ``low`` to ``high`` on a grid with a step of 1, 2 or 5 times a power of ten.

    They lie halfway between multiples of the step, so that whole numbers fall into the middle of a bin and no edge is
    an observation but by chance.
    """
    step = _round_step((high - low) / (BINS - 3)) or _round_step(abs(low) / 10) or 1.0
    first, last = np.ceil(low / step - 0.5) - 0.5, np.floor(high / step + 0.5) + 0.5
    return np.asarray(np.arange(first, last + 0.5) * step)


def _round_step(width: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is no smaller than ``width``; 0 for 0."""
    if width <= 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(times * power for times in (1, 2, 5, 10) if times * power >= width * (1 - 1e-9)))


def _levels(variable: Variable, comparison: Comparison) -> _Bars:
    shown = _shown(variable, comparison)
    bar = np.full(len(variable.labels) + 1, len(shown), np.int64)
    bar[shown] = np.arange(len(shown))
    bar[-1] = -1  # what the code -1 finds
    labels = [*(variable.labels[code] for code in shown), OTHER]
    return _Bars({"labels": labels}, len(labels), lambda records: bar[records.codes[variable.name]])


def _shown(variable: Variable, comparison: Comparison) -> list[int]:
    """Codes with a bar of their own: the commonest, patients weighing the same; in their order where they have one."""
    train = comparison.train
    codes = train.codes[variable.name]
    known = codes >= 0
    weights = np.bincount(codes[known], train.weights[known], len(variable.labels))
    pairs = distinct_pairs(codes[known].astype(np.int64), train.patient[known])
    patients = np.bincount(pairs[0], minlength=len(variable.labels))
    common = [int(k) for k in np.argsort(-weights, kind="stable") if patients[k] >= comparison.rare_below][:LABELS]
    return sorted(common) if variable.ordered else common
