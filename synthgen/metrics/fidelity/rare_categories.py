"""Rare labels: are those that few patients have still there, band by band?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.identity import distinct_pairs
from synthgen.metrics.result import Metric
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

NAME = "rare_categories"
#: Bands of training patients who have a label: first and last count of each.
BANDS = ((1, 4), (5, 10), (11, 50), (51, np.inf))
#: Columns named in the details: those that lack most.
NAMED = 20


@dataclass(frozen=True)
class RareCategories(Measure):
    """Share of the labels that ``rare_below`` to 50 training patients have which the synthetic records show.

    Labels are those of categorical variables and the text results of numeric ones; patients are counted over the whole
    training set, and a label is shown where m records hold it. The rows give the coverage of every band of counts
    beside that of m held-out and m independently resampled records. Labels of fewer than ``rare_below`` patients are
    not in the value: a generator that protects them covers none (``rare_values_leaked`` counts those that it shows).

    Whether a label is shown varies with the patients drawn: for its variance, a label is taken to be as common among
    them as among the training patients, and the number of patients who have it to be Poisson. Estimates from the labels
    shown alone (Good and Toulmin 1956, Biometrika 43:45) are unbiased and vary too much to make an interval of.
    """

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        labelled = tuple(variable for variable in comparison.variables if variable.labels)
        if not labelled:
            return (unanswered(NAME, "fidelity", comparison, "no variable has labels", "not_applicable"),)
        try:
            equal = equal_sets(comparison, rng)
        except NotApplicable as reason:
            return (unanswered(NAME, "fidelity", comparison, str(reason)),)
        progress(NAME, 0.0)
        sets = {"synthetic": equal.synthetic, "floor": equal.floor}
        if equal.holdout is not None:
            sets["holdout"] = equal.holdout
        known = [_patients_by_label(variable, comparison.train) for variable in labelled]
        shown = {
            name: _Shown(
                [_patients_by_label(variable, records) for variable in labelled],
                records.n_patients / comparison.train.n_patients,
            )
            for name, records in sets.items()
        }
        low = comparison.rare_below
        if not any(((each >= low) & (each <= BANDS[2][1])).any() for each in known):
            reason_ = f"no label is one of {low} to {BANDS[2][1]} training patients"
            return (unanswered(NAME, "fidelity", comparison, reason_, "not_applicable"),)
        return (_figure(comparison, equal, labelled, known, shown),)


_Counts = list[NDArray[np.int64]]


def _patients_by_label(variable: Variable, records: Records) -> NDArray[np.int64]:
    codes = records.codes[variable.name].astype(np.int64) - (1 if variable.kind == "numeric" else 0)
    has = codes >= 0
    _, label = distinct_pairs(records.patient[has], codes[has])
    return np.bincount(label, minlength=len(variable.labels))


@dataclass(frozen=True, eq=False)
class _Shown:
    """The patients who have each label in one set, and how many times the training patients the set has."""

    counts: _Counts
    ratio: float

    def of(self, known: _Counts, low: float, high: float) -> _Coverage:
        return _Coverage.of(known, self.counts, self.ratio, low, high)


@dataclass(frozen=True)
class _Coverage:
    """How many of some labels are shown, and the variance of that number."""

    labels: int
    shown: int
    variance: float

    @classmethod
    def of(cls, known: _Counts, shown: _Counts, ratio: float, low: float, high: float) -> _Coverage:
        """Of the labels that ``low`` to ``high`` training patients have, in ``ratio`` times as many patients."""
        band = [(each >= low) & (each <= high) for each in known]
        real, counts = (
            np.concatenate([each[here] for each, here in zip(some, band, strict=True)]) for some in (known, shown)
        )
        unseen = np.exp(-ratio * real)
        return cls(len(counts), int(np.sum(counts > 0)), float(np.sum(unseen * (1 - unseen))))

    @property
    def share(self) -> float | None:
        return self.shown / self.labels if self.labels else None


def _figure(
    comparison: Comparison,
    equal: EqualSets,
    labelled: tuple[Variable, ...],
    known: _Counts,
    shown: dict[str, _Shown],
) -> Metric:
    low, high = comparison.rare_below, BANDS[2][1]
    found = {name: each.of(known, low, high) for name, each in shown.items()}
    synthetic, holdout = found["synthetic"], found.get("holdout")
    value = synthetic.share or 0.0
    details: dict[str, Any] = {"rows": _bands(known, shown), "columns": _columns(labelled, known, shown, low, high)}
    if holdout is not None:
        difference = (synthetic.shown - holdout.shown) / synthetic.labels
        details["below_ceiling"] = {
            "difference": difference,
            "interval": _interval(difference, synthetic.variance + holdout.variance, synthetic.labels, -1.0),
        }
    interval = _interval(value, synthetic.variance, synthetic.labels, 0.0)
    return Metric(
        name=NAME,
        family="fidelity",
        table=comparison.table,
        reason="" if holdout is not None else f"no ceiling: {NO_HOLDOUT}",
        value=value,
        interval=(interval[0], interval[1]),
        floor=found["floor"].share,
        ceiling=None if holdout is None else holdout.share,
        unit="share of labels",
        n=equal.sizes,
        details=details,
    )


def _interval(value: float, variance: float, labels: int, least: float) -> list[float]:
    # One label more or less is the least that can be said of a whole number, so an interval is never a point.
    reach = max(float(norm.ppf(0.975)) * float(np.sqrt(variance)), 1.0) / labels
    return [max(least, value - reach), min(1.0, value + reach)]


def _bands(known: _Counts, shown: dict[str, _Shown]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for low, high in BANDS:
        covered = {name: each.of(known, low, high) for name, each in shown.items()}
        shares = {name: covered[name].share if name in covered else None for name in ("synthetic", "holdout", "floor")}
        rows.append(
            {
                "band": f"{low}-{high}" if np.isfinite(high) else f">{low - 1}",
                "labels": covered["synthetic"].labels,
                **{f"coverage_{name}": share for name, share in shares.items()},
            }
        )
    return rows


def _columns(
    labelled: tuple[Variable, ...], known: _Counts, shown: dict[str, _Shown], low: float, high: float
) -> list[dict[str, Any]]:
    """The columns that lack most labels of the value's band, beside those the holdout lacks. No label is named."""
    rows: list[dict[str, Any]] = []
    for k, variable in enumerate(labelled):
        covered = {
            name: _Coverage.of([known[k]], [each.counts[k]], each.ratio, low, high) for name, each in shown.items()
        }
        synthetic, holdout = covered["synthetic"], covered.get("holdout")
        if synthetic.labels:
            lacking = synthetic.labels - synthetic.shown
            apart = None if holdout is None else holdout.labels - holdout.shown
            rows.append(
                {"column": variable.name, "labels": synthetic.labels, "lacking": lacking, "holdout_lacks": apart}
            )
    return sorted(rows, key=lambda row: (row["holdout_lacks"] or 0) - row["lacking"])[:NAMED]
