"""The sections that an extract of several tables has beside those of one: time and links, and one for each table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from synthgen.metrics.result import HISTORIES, Evaluation, Metric
from synthgen.report import charts, sections, wording
from synthgen.report.charts import Placed
from synthgen.report.numbers import figure
from synthgen.report.sections import Association, Distributions, Drawn, Table

#: Rows shown of the checks of keys and dates.
_CHECKS = 12


@dataclass(frozen=True)
class OfTable:
    """One table by itself, in the shapes of the sections of a single table."""

    name: str
    anchor: str
    size: str
    offenders: tuple[tuple[str, Drawn | Table | str], ...]
    distributions: Distributions
    associations: tuple[Association, ...]


@dataclass(frozen=True)
class Measured:
    """One measure of tables and time: the tables on a chart, and the checks behind it."""

    title: str
    meaning: str
    chart: Drawn | None
    table: Table | None


@dataclass(frozen=True)
class Time:
    """All measures of tables and time, and what they drew."""

    measures: tuple[Measured, ...]
    drawings: Distributions


def by_table(evaluation: Evaluation) -> Table | None:
    """The figures of the rows of each table, beside each other; ``None`` of a single table."""
    if not sections.of_several(evaluation):
        return None
    rows = []
    for name in _names(evaluation):
        found = {metric.name: metric for metric in reversed(sections.of_table(evaluation, name).metrics)}
        rows.append((name, *(_beside(found.get(each)) for each in wording.OF_TABLES)))
    head = ("Table", *(wording.title(name) for name in wording.OF_TABLES))
    return Table("Each figure with its ceiling", head, tuple(rows))


def _beside(metric: Metric | None) -> str:
    if metric is None or metric.value is None:
        return "–"
    return figure(metric.value) + (f" ({figure(metric.ceiling)})" if metric.ceiling is not None else "")


def _names(evaluation: Evaluation) -> list[str]:
    """The tables, in the order in which they were judged, those without any figure of their rows left out."""
    judged = [metric for metric in evaluation.metrics if metric.name not in wording.RELATIONAL]
    return [name for name in dict.fromkeys(metric.table for metric in judged) if name != HISTORIES]


def tables(evaluation: Evaluation) -> Iterator[OfTable]:
    """Every table of several; none of one."""
    if not sections.of_several(evaluation):
        return
    sizes = evaluation.inputs.get("tables") or {}
    for number, name in enumerate(_names(evaluation), 1):
        own, key = sections.of_table(evaluation, name), f"t{number}"
        yield OfTable(
            name,
            f"table-{number}",
            _size(sizes.get(name) or {}),
            tuple(sections.offenders(own, key)),
            sections.distributions(own, key),
            tuple(sections.associations(own, key)),
        )


def _size(sets: Any) -> str:
    """How many rows each set has."""
    called = {"train": "training", "holdout": "holdout", "synthetic": "synthetic"}
    parts = [
        f"{word} {figure(told['rows'])}"
        for which, word in called.items()
        if (told := sets.get(which)) and "rows" in told
    ]
    return f"Rows: {', '.join(parts)}." if parts else ""


def time(evaluation: Evaluation) -> Time | None:
    """Every measure of tables and time; ``None`` where there is none."""
    found = []
    for number, name in enumerate(wording.RELATIONAL):
        metrics = [metric for metric in evaluation.metrics if metric.name == name]
        if metrics:
            chart, table = _chart(metrics[1:], f"r{number}"), _checks(name, metrics[0], metrics[1:])
            if chart is not None or table is not None:
                found.append(Measured(wording.title(name), wording.meaning(name), chart, table))
    own = replace(evaluation, metrics=tuple(m for m in evaluation.metrics if m.name in wording.RELATIONAL))
    return Time(tuple(found), sections.drawn_distributions(own, "r")) if found else None


def _chart(metrics: list[Metric], key: str) -> Drawn | None:
    placed = [
        Placed(metric.table, metric.value, metric.floor, metric.ceiling, metric.better, metric.interval)
        for metric in metrics
        if metric.value is not None and metric.floor is not None and metric.ceiling is not None
    ]
    # What is perfect in every set, as an order of dates is, needs no chart.
    placed = [row for row in placed if (row.value, row.ceiling) != (0, 0)]
    if not placed:
        return None
    spoken = "; ".join(f"{row.name} {figure(row.value)}, ceiling {figure(row.ceiling)}" for row in placed)
    return Drawn("Table by table", charts.between(placed, label=f"Table by table: {spoken}.", key=key))


def _checks(name: str, whole: Metric, each: list[Metric]) -> Table | None:
    """The keys and links, the pairs of columns, or the dates that are furthest off."""
    if name == "key_integrity":
        rows = list(whole.details.get("rows") or ())
    else:
        rows = [
            {"table": metric.table, **row}
            for metric in each
            for row in metric.details.get("rows") or ()
            if row.get("synthetic") not in (None, 0) or row.get("train") not in (None, 0)
        ]
        rows.sort(key=lambda row: -(row.get("difference") or (row.get("synthetic") or 0) - (row.get("train") or 0)))
    return sections.table(wording.meaning(name), rows, _CHECKS) if rows else None
