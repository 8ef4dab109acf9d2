"""The shapes of details that measures may write in more than one way; ``metrics/base.py`` lists them all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from synthgen.metrics.result import Metric


def group_rows(metric: Metric) -> Sequence[Mapping[str, Any]]:
    """The groups of a figure: its details under ``groups``, or rows that begin with a group."""
    listed: Sequence[Mapping[str, Any]] = metric.details.get("groups") or ()
    if listed:
        return listed
    rows: Sequence[Mapping[str, Any]] = metric.details.get("rows") or ()
    return rows if rows and next(iter(rows[0])) == "group" else ()


def roc_lines(metric: Metric) -> Iterator[dict[str, Any]]:
    """The ROC curves of a figure, whichever of the two shapes they have, each with ``name fpr tpr auc``."""
    for one in metric.details.get("attacks") or ():
        if one.get("fpr") and one.get("tpr"):
            columns = one.get("columns")
            name = f"{one['attack']}, {columns}" if isinstance(columns, str) and columns else str(one["attack"])
            yield {"name": name, "fpr": one["fpr"], "tpr": one["tpr"], "auc": one.get("auc") or 0.0}
    if is_roc(metric):
        for curve in metric.details.get("curves") or ():
            if curve["name"] != "guessing":
                yield {"name": curve["name"], "fpr": curve["x"], "tpr": curve["y"], "auc": metric.value or 0.0}


def is_roc(metric: Metric) -> bool:
    """Whether the curves of a figure are true against false positives."""
    return str(metric.details.get("x_label") or "").startswith("false positives")
