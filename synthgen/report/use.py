"""The section on use: survival curves and regression coefficients, real against synthetic."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthgen.metrics.result import Evaluation, Metric
from synthgen.report import charts, wording
from synthgen.report.charts import Estimate
from synthgen.report.numbers import figure, percent
from synthgen.report.sections import Drawn

#: Coefficients drawn, the first ones, which differ most.
COEFFICIENTS = 12
#: From an estimate to either end of its 95 % interval, in standard errors.
_REACH = 1.96


def use(evaluation: Evaluation) -> Iterator[Drawn]:
    """A chart for each figure that compares what is concluded from real and from synthetic records."""
    for number, metric in enumerate(evaluation.metrics):
        curves = metric.details.get("survival_curves")
        if curves:
            yield _survival(metric, wording.title(metric.name), curves, f"u{number}")
        for k, of_group in enumerate(metric.details.get("group_curves") or ()):
            yield _survival(metric, f"{wording.title(metric.name)}: {of_group['group']}", of_group, f"u{number}g{k}")
        rows = [row for row in metric.details.get("rows") or () if _estimated(row)]
        if rows and metric.value is not None:
            yield _coefficients(metric, rows, f"u{number}")


def _survival(metric: Metric, title: str, curves: Mapping[str, Sequence[float]], key: str) -> Drawn:
    lines: list[dict[str, Any]] = [
        {"name": name, "x": [0.0, *curves["time"]], "y": [1.0, *curves[side]]}
        for side, name in (("synthetic", "synthetic"), ("holdout", "holdout"), ("train", "training"))
        if curves.get(side)
    ]
    last = "; ".join(f"{line['name']} {percent(line['y'][-1])}" for line in lines)
    time, event = metric.columns
    note = f"Share without {event} (Kaplan and Meier). At {figure(curves['time'][-1])}: {last}."
    chart = charts.curves(
        lines, x_label=time, y_label=f"share without {event}", label=f"{title}. {note}", key=key, stepped=True
    )
    return Drawn(title, chart, note)


def _estimated(row: Mapping[str, Any]) -> bool:
    needed = ("coefficient_train", "error_train", "coefficient_synthetic", "error_synthetic")
    return all(isinstance(row.get(key), float | int) for key in needed)


def _coefficients(metric: Metric, rows: Sequence[Mapping[str, Any]], key: str) -> Drawn:
    classes = {str(row.get("class") or "") for row in rows}
    shown = [
        Estimate(_called(row, several=len(classes) > 1), _interval(row, "train"), _interval(row, "synthetic"))
        for row in rows[:COEFFICIENTS]
    ]
    apart = sum(one.synthetic[0] > one.real[2] or one.synthetic[2] < one.real[0] for one in shown)
    outcome = " = ".join(filter(None, (", ".join(metric.columns), classes.pop() if len(classes) == 1 else "")))
    note = (
        f"How {outcome} depends on the other columns in a regression: real estimate with its 95 % interval (square, "
        f"above) and synthetic one (dot, below), and both as numbers. The {len(shown)} of {len(rows)} that differ "
        f"most: intervals of {apart or 'none'} lie wholly apart. Zero is no influence."
    )
    spoken = "; ".join(f"{one.name} real {figure(one.real[1])}, synthetic {figure(one.synthetic[1])}" for one in shown)
    chart = charts.estimates(shown, label=f"{wording.title(metric.name)}. {spoken}.", key=f"{key}e")
    return Drawn(wording.title(metric.name), chart, note)


def _called(row: Mapping[str, Any], *, several: bool) -> str:
    """The column with its level, and where there are several classes the one that is told from the rest."""
    term, column = str(row.get("term") or ""), str(row["column"])
    name = term if column in term else " ".join(filter(None, (column, term)))
    return f"{name} ({row['class']} against the rest)" if several else name


def _interval(row: Mapping[str, Any], side: str) -> tuple[float, float, float]:
    estimate, error = row[f"coefficient_{side}"], row[f"error_{side}"]
    return estimate - _REACH * error, estimate, estimate + _REACH * error
