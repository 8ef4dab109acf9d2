"""The section on groups of patients: whether everyone is served, and exposed, alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.metrics.result import Evaluation, Metric
from synthgen.report import charts, wording
from synthgen.report.charts import OfGroup
from synthgen.report.numbers import figure
from synthgen.report.sections import TABLE_ROWS, Drawn, Table, table
from synthgen.report.shapes import group_rows

#: Groups drawn for each figure, worst first; the table has all.
DRAWN = 12
#: Under which key the figure of a group stands, the first of these that is there.
_FIGURES = ("value", "auc", "log_ratio", "gap")


@dataclass(frozen=True)
class Groups:
    """One figure by group."""

    drawn: Drawn | None
    table: Table


def groups(evaluation: Evaluation) -> Iterator[tuple[str, Groups]]:
    """Every figure that was measured by group, its title first."""
    for number, metric in enumerate(evaluation.metrics):
        rows = group_rows(metric)
        if rows:
            title = wording.title(metric.name)
            shown = table(f"{title}, by group", rows, TABLE_ROWS)
            yield title, Groups(_drawn(metric, rows, title, f"g{number}"), shown)


def _drawn(metric: Metric, rows: Sequence[Mapping[str, Any]], title: str, key: str) -> Drawn | None:
    placed = [group for row in rows if (group := _of(row))]
    if len(placed) < 2:
        return None
    sign = 1 if metric.better == "higher" else -1
    worst = sorted(placed, key=lambda group: sign * group.value)[:DRAWN]
    spoken = "; ".join(f"{group.name} {figure(group.value)}" for group in worst)
    label = f"{title} by group. Worst first: {spoken}."
    left_out = f"{len(placed) - len(worst)} more groups are in the table." if len(placed) > len(worst) else ""
    note = " ".join(filter(None, (wording.meaning(metric.name), left_out)))
    return Drawn(title, charts.by_group(worst, label=label, key=key), note)


def _of(row: Mapping[str, Any]) -> OfGroup | None:
    value = next((row[key] for key in _FIGURES if row.get(key) is not None), None)
    if value is None:
        return None
    low, high = row.get("interval") or (row.get("low"), row.get("high"))
    interval = (low, high) if low is not None and high is not None else None
    return OfGroup(str(row["group"]), value, interval, row.get("floor"), row.get("ceiling"))
