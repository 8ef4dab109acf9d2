"""Gaps: how much time lies between one row of a patient and the next."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Variable
from synthgen.metrics.coding.cells import quantile_edges
from synthgen.metrics.extract import Extract, Extracts
from synthgen.metrics.longitudinal.base import Drawn, RelationalMeasure, Scored, Series, by_table, shown
from synthgen.metrics.result import Metric
from synthgen.progress import Progress, silent

NAME = "gaps"
#: Points at which distributions are compared; what lies between two of them is a thousandth of the gaps.
POINTS = 1000
_MINUTE, _HOUR, _DAY = 60, 3600, 86_400
#: What gaps are called in charts: the same steps whatever the data.
_STEPS = (
    ("none", 1),
    ("under 1 minute", _MINUTE),
    ("1 to 10 minutes", 10 * _MINUTE),
    ("10 to 60 minutes", _HOUR),
    ("1 to 6 hours", 6 * _HOUR),
    ("6 to 24 hours", _DAY),
    ("1 to 7 days", 7 * _DAY),
    ("1 to 4 weeks", 28 * _DAY),
    ("4 to 13 weeks", 91 * _DAY),
    ("3 to 12 months", 365 * _DAY),
    ("1 to 3 years", 3 * 365 * _DAY),
    ("3 years or more", np.inf),
)


@dataclass(frozen=True)
class Gaps(RelationalMeasure):
    """Kolmogorov-Smirnov distance of the time between successive rows of a patient in a table.

    Rows are ordered by the table's ``order``; those without a time are left out. The floor draws the time of every row
    at random from all.
    """

    def measure(
        self, extracts: Extracts, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        def score(name: str, drawn: Drawn) -> Scored:
            found = {which: between(extracts, name, each) for which, each in extracts.sets.items()}
            patient = {which: each[1] for which, each in found.items()}
            gaps = {which: each[0] for which, each in found.items()}
            order = extracts.structure.members[name].order
            assert order is not None
            variable = extracts.variable(name, order)
            timed = variable is not None and bool(variable.temporal)
            details = {"histograms": [_drawing(name, gaps, patient, extracts)]} if timed else {}
            return Scored(name, lengths(gaps, patient).distances(drawn), details, (order,))

        return by_table(NAME, "Kolmogorov-Smirnov distance", extracts, rng, score, progress)


def between(extracts: Extracts, name: str, extract: Extract) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """The gap before each row but a patient's first, in seconds (or in the unit of the order), and whose it is.

    Raises:
        NotApplicable: the table has no order in time.
    """
    times = extracts.times(name, extract)
    if times is None:
        raise NotApplicable("the config names no column that orders the rows in time")
    before = extracts.in_time(name, extract).previous
    later = np.flatnonzero(before >= 0)
    gaps = times[later] - times[before[later]]
    known = np.isfinite(gaps)
    return gaps[known], extract.tables[name].patient[later[known]]


def lengths(gaps: dict[str, NDArray[np.float64]], patient: dict[str, NDArray[np.int64]]) -> Series:
    """Gaps in cells fine enough for their distribution.

    Raises:
        NotApplicable: nobody of the training set has two rows with a time.
    """
    if not len(gaps["train"]):
        raise NotApplicable("no patient of the training set has two rows with a time")
    edges = quantile_edges(gaps["train"], np.ones(len(gaps["train"])), POINTS)
    cells = {which: np.searchsorted(edges, each, side="right") for which, each in gaps.items()}
    return Series(cells, patient, len(edges) + 1, ordered=True)


def _drawing(
    name: str, gaps: dict[str, NDArray[np.float64]], patient: dict[str, NDArray[np.int64]], extracts: Extracts
) -> dict[str, object]:
    ends = np.array([end for _, end in _STEPS])
    steps = {which: np.searchsorted(ends, each, side="right").astype(np.int32) for which, each in gaps.items()}
    used = np.unique(np.concatenate([each for which, each in steps.items() if which != "floor"]))
    place = np.searchsorted(used, np.arange(len(_STEPS))).astype(np.int32)
    variable = Variable(
        f"time to the next row of {name}", "categorical", tuple(_STEPS[k][0] for k in used), ordered=True
    )
    codes = {which: place[each] for which, each in steps.items() if which != "floor"}
    return shown(variable, codes, patient, extracts.schema.privacy.rare_below)
