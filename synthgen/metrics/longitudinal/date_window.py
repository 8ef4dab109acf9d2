"""The window of dates: synthetic dates before the first real one of their column, or after the last."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Variable
from synthgen.metrics.extract import Extracts
from synthgen.metrics.longitudinal.base import Distances, Drawn, RelationalMeasure, Scored, by_table
from synthgen.metrics.result import Metric
from synthgen.progress import Progress, silent

NAME = "date_window"


@dataclass(frozen=True)
class DateWindow(RelationalMeasure):
    """The share of dates outside the window of the training set, from the first to the last date of each column.

    The mean over the columns of a table. The ceiling says how often that is so of other real patients.
    """

    def measure(
        self, extracts: Extracts, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        def score(name: str, drawn: Drawn) -> Scored:
            found = windows(extracts, name)
            if not found:
                raise NotApplicable("the table has no dates")
            rates = {
                which: [_rate(which, each, found[each], extracts, name, drawn) for each in found]
                for which in extracts.sets
            }
            rows = [
                {"column": each.name, **{which: float(rates[which][k][0]) for which in rates if which != "floor"}}
                for k, each in enumerate(found)
            ]
            rows.sort(key=lambda row: -row["synthetic"])  # type: ignore[operator]
            mean = {which: np.mean(each, axis=0) for which, each in rates.items()}
            distances = Distances(mean["synthetic"], mean.get("holdout"), float(mean["floor"][0]), halved=False)
            return Scored(name, distances, {"rows": rows}, tuple(each.name for each in found))

        return by_table(NAME, "share", extracts, rng, score, progress)


def windows(extracts: Extracts, name: str) -> dict[Variable, tuple[float, float]]:
    """The first and the last date of the training set, by column of a table."""
    train = extracts.train.tables[name].records
    found = {}
    for variable in extracts.variables(name):
        if variable.temporal in ("date", "datetime"):
            known = train.numbers[variable.name][np.isfinite(train.numbers[variable.name])]
            if len(known):
                found[variable] = float(known.min()), float(known.max())
    return found


def outside(values: NDArray[np.float64], window: tuple[float, float]) -> NDArray[np.bool_]:
    """Which dates lie before or after a window."""
    return (values < window[0]) | (values > window[1])


def _rate(
    which: str, variable: Variable, window: tuple[float, float], extracts: Extracts, name: str, drawn: Drawn
) -> NDArray[np.float64]:
    rows = extracts.sets[which].tables[name]
    values = rows.records.numbers[variable.name]
    known = np.flatnonzero(np.isfinite(values))
    counts = drawn.sums(which, outside(values[known], window).astype(np.int64), rows.patient[known], 2)
    return np.asarray(counts[:, 1] / np.maximum(counts.sum(axis=1), 1))
