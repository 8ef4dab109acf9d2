"""One figure on its grain, by what its measure, its unit or its key says that it is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synthgen.metrics.result import Metric
from synthgen.report.shareable.grain import SMALLEST, count, score, share
from synthgen.report.shareable.sizes import Sizes
from synthgen.report.shareable.words import COUNTS, EXACT, SCORES, SHARES, words_of

# Measures whose figures are averages or test statistics over many patients, not shares of patients.
_SCORE_METRICS = re.compile(
    r"accuracy_\d|c2st.*|association.*|tstr.*|marginals|distances|distance_ratios|nearest_neighbour_share|missingness.*|"
    r"children_per_parent|gaps|transitions|parent_child_association"
)
# Of the first, those whose rows hold shares of patients under `train`, `synthetic` and the like.
_SHARE_ROWS = re.compile(r"missingness|nearest_neighbour_share")
# Means over tables or pairs of columns of which there may be one.
_OF_FEW = frozenset({"children_per_parent", "gaps", "transitions", "association_strong"})
_SCORE_UNITS = frozenset(
    {"auc", "accuracy", "r2", "correlation", "distance", "difference", "auc difference", "overlap", "concordance"}
    | {"standard errors"}
)
# Risks rest on attacks on few thousand patients, so a fine figure would tell single successes.
_COARSE_UNITS = frozenset({"risk", "relative f1"})
_COUNT_UNITS = frozenset({"count", "values", "rows", "records", "patients", "copies", "labels"})


def shown_headline(metric: Metric, value: float | None, sizes: Sizes) -> float | None:
    """The figure of a measure, its floor, its ceiling or an end of its interval."""
    if metric.unit.lower() in _COUNT_UNITS:
        return count(value, sizes.rows_each)
    if metric.unit.lower() in _COARSE_UNITS:
        return score(value, sizes.grain)
    if metric.unit == "share of labels":  # coarse: a finer share would tell how few rare labels there are
        return score(value, 0.05)
    if metric.unit == "share of links":  # each of which may rest on few patients
        return score(value, 0.05) if metric.n.get("links", 0) >= SMALLEST else None
    if _SCORE_METRICS.fullmatch(metric.name) or metric.unit.lower() in _SCORE_UNITS:
        # A mean over columns, or over a whole model, is no figure of one distribution.
        fine = (len(metric.columns) != 1 and metric.name not in _OF_FEW) or metric.family == "utility"
        return score(value, 0.001 if fine else sizes.grain)
    return share(value, sizes.least)


def shown_counts(n: Mapping[str, Any], rows_each: int) -> dict[str, int]:
    """How many rows, patients, columns and the like a figure rests on."""
    kept = {}
    for key, value in n.items():
        words = set(words_of(key))
        size = value if words <= EXACT else count(value, 1 if "patients" in words else rows_each)
        if size is not None:
            kept[key] = size
    return kept


def shown_cell(metric: Metric, key: str, value: Any, sizes: Sizes) -> Any:
    """One figure of a row by what its key says that it is."""
    if isinstance(value, list | tuple):
        return [shown_cell(metric, key, item, sizes) for item in value]
    if value is None or isinstance(value, str | bool) or not isinstance(value, int | float):
        return None
    words = set(words_of(key))
    if words & COUNTS:
        return count(value, 1 if "patients" in words else sizes.rows_each)
    if words & SHARES and not words & {"difference", "delta", "gap"}:
        return share(value, sizes.least)
    if words & SCORES - {"floor", "ceiling", "to"}:
        return score(value, sizes.grain)
    scores = _SCORE_METRICS.fullmatch(metric.name) and not _SHARE_ROWS.fullmatch(metric.name)
    return score(value, sizes.grain) if scores else share(value, sizes.least)
