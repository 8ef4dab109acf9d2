"""Order in time: rows before birth, before their parent began, or that end before they begin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.extract import Extract, Extracts, moments
from synthgen.metrics.longitudinal.base import Distances, Drawn, RelationalMeasure, Scored, by_table
from synthgen.metrics.result import Metric
from synthgen.progress import Progress, silent

NAME = "time_order"
#: Of two dates of a row one is the end where at most this share of training rows has it first.
_EXCEPTIONS = 0.1


@dataclass(frozen=True)
class TimeOrder(RelationalMeasure):
    """The share of rows that come too early, beside that of real rows: real data are out of order too.

    A row is too early where its time (the table's ``order``) lies before the patient's birth or on a day before its
    parent's time, and where a date that in the training set follows the row's time, but for one row in ten, comes
    before it. The value is the mean over these checks; the rows of the details are the checks.
    """

    def measure(
        self, extracts: Extracts, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        def score(name: str, drawn: Drawn) -> Scored:
            sets = {which: dict(checks(extracts, name, each)) for which, each in extracts.sets.items()}
            if not sets["train"]:
                raise NotApplicable("no date of the table can be set beside another")
            rates = {which: _rates(which, found, extracts, name, drawn) for which, found in sets.items()}
            mean = {which: np.mean(list(found.values()), axis=0) for which, found in rates.items()}
            rows = [
                {"measure": check, **{which: float(rates[which][check][0]) for which in rates if which != "floor"}}
                for check in sets["train"]
            ]
            rows.sort(key=lambda row: row["train"] - row["synthetic"])  # type: ignore[operator]
            distances = Distances(mean["synthetic"], mean.get("holdout"), float(mean["floor"][0]))
            return Scored(name, distances, {"rows": rows})

        return by_table(NAME, "share", extracts, rng, score, progress)


def checks(extracts: Extracts, name: str, extract: Extract) -> Iterator[tuple[str, NDArray[np.float64]]]:
    """Each check by name, and of each row 1 where it is too early, 0 where not, NaN where that cannot be told."""
    days, rows, member = extracts.days(name, extract), extract.tables[name], extracts.structure.members[name]
    if days is None:
        return
    birth = extracts.birth(extract)
    if birth is not None and member.role == "child":
        yield "before birth", _early(days, _of(birth, rows.patient))
    if member.parent is not None and rows.parent is not None:
        begun = extracts.days(member.parent.table, extract)
        if begun is not None:
            yield f"before the {member.parent.table} begins", _early(days, _of(begun, rows.parent))
    for column in ends(extracts, name):
        variable = extracts.variable(name, column)
        end = None if variable is None else moments(variable, rows.records)
        if end is not None:
            yield f"{column} before {member.order}", _early(end, days)


def ends(extracts: Extracts, name: str) -> list[str]:
    """The dates of a row that do not come before its time, but for exceptions, in the training set."""

    def compute() -> list[str]:
        days, records = extracts.days(name, extracts.train), extracts.train.tables[name].records
        found = []
        for variable in extracts.variables(name):
            other = moments(variable, records)
            if days is None or other is None or variable.name == extracts.structure.members[name].order:
                continue
            early = _early(other, days)
            later = np.floor(other) > np.floor(days)
            if later.any() and np.nanmean(early) <= _EXCEPTIONS:
                found.append(variable.name)
        return found

    return extracts.once(f"ends of {name}", compute)


def _of(days: NDArray[np.float64], owner: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.where(owner >= 0, days[np.maximum(owner, 0)], np.nan) if len(days) else np.full(len(owner), np.nan)


def _early(days: NDArray[np.float64], limit: NDArray[np.float64]) -> NDArray[np.float64]:
    """Whether each comes on a day before another; NaN where one of the two is missing."""
    return np.where(np.isfinite(days) & np.isfinite(limit), np.floor(days) < np.floor(limit), np.nan)


def _rates(
    which: str, found: dict[str, NDArray[np.float64]], extracts: Extracts, name: str, drawn: Drawn
) -> dict[str, NDArray[np.float64]]:
    """The rate of each check in the whole and in every half; 0 where no row has both dates."""
    patient = extracts.sets[which].tables[name].patient
    rates = {}
    for check, early in found.items():
        known = np.flatnonzero(np.isfinite(early))
        counts = drawn.sums(which, early[known].astype(np.int64), patient[known], 2)
        rates[check] = counts[:, 1] / np.maximum(counts.sum(axis=1), 1)
    return rates
