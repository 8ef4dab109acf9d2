"""The section on attacks: what each reached beside what chance reaches, and how far at few false alarms."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from synthgen.metrics.result import Evaluation, Metric, Verdict
from synthgen.report import charts, wording
from synthgen.report.numbers import figure, percent, span
from synthgen.report.sections import TABLE_ROWS, Drawn, Table, table
from synthgen.report.shapes import roc_lines

#: Attacks drawn in one ROC chart; of more, those with the largest AUC.
DRAWN = 3


@dataclass(frozen=True)
class Attack:
    """One line of the attack table, in words."""

    title: str
    meaning: str
    value: str
    interval: str
    chance: str
    tone: str
    words: str


@dataclass(frozen=True)
class Attacks:
    """What the section shows.

    Attributes:
        lines: one for each figure that rests on attacks.
        roc: of the strongest attacks; ``None`` where no measure gave a curve.
        tables: everything that was tried, by figure.
    """

    lines: tuple[Attack, ...]
    roc: Drawn | None
    tables: tuple[tuple[str, Table], ...]


def attacks(evaluation: Evaluation) -> Attacks | None:
    """``None`` where nothing was attacked."""
    found = [metric for metric in evaluation.metrics if _is_attack(metric)]
    if not found:
        return None
    said = {line.metric: line for line in evaluation.verdicts}
    tables = [
        (
            wording.title(metric.name),
            table(f"Every attack behind {wording.title(metric.name).lower()}", rows, TABLE_ROWS),
        )
        for metric in found
        if len(rows := _rows(metric)) > 1
    ]
    return Attacks(tuple(_line(metric, said.get(metric.name)) for metric in found), _roc(found), tuple(tables))


def _is_attack(metric: Metric) -> bool:
    rows = metric.details.get("rows") or ()
    named = metric.name in wording.ATTACKS
    return metric.family == "privacy" and (named or "attacks" in metric.details or any("attack" in row for row in rows))


def _line(metric: Metric, line: Verdict | None) -> Attack:
    unjudged = ("", wording.STATUS[metric.status], "plain" if metric.status == "ok" else "open")
    _, words, tone = wording.VERDICTS[line.verdict] if line else unjudged
    return Attack(
        wording.title(metric.name),
        wording.meaning(metric.name) or metric.reason,
        "–" if metric.value is None else f"{figure(metric.value)} {metric.unit}".strip(),
        "" if metric.interval is None else span(metric.interval),
        figure(metric.ceiling),
        tone,
        words,
    )


def _rows(metric: Metric) -> Sequence[Mapping[str, Any]]:
    """The attacks of a figure as rows of a table, without the points of their curves."""
    listed = metric.details.get("attacks")
    if listed:
        return [{key: value for key, value in one.items() if key not in ("fpr", "tpr")} for one in listed]
    rows: Sequence[Mapping[str, Any]] = metric.details.get("rows") or ()
    return rows


def _roc(metrics: Sequence[Metric]) -> Drawn | None:
    lines = sorted((line for metric in metrics for line in roc_lines(metric)), key=lambda line: -line["auc"])[:DRAWN]
    if not lines:
        return None
    parts = [f"{line['name']}: {_reached(line)}" for line in lines]
    label = f"ROC curves of the strongest attacks. {'; '.join(parts)}."
    return Drawn("How many are found at few false alarms", charts.roc(lines, label=label, key="roc"), "; ".join(parts))


def _reached(line: Mapping[str, Any]) -> str:
    """What is found at the lowest rate of false positives that the curve has."""
    points = [(x, y) for x, y in zip(line["fpr"], line["tpr"], strict=True) if x and y is not None]
    if not points:
        return "no point at a positive rate of false alarms"
    x, y = min(points)
    return f"{percent(y)} of training patients found at {percent(x)} false alarms"
