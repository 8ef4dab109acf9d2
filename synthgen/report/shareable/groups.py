"""Figures of groups of patients, none of which is small or leaves but a small rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from synthgen.metrics.result import Metric
from synthgen.report.shareable.grain import SMALLEST, count, log_grain, rounded, score, share, step
from synthgen.report.shareable.sizes import SETS, Sizes, is_size
from synthgen.report.shareable.words import is_known, words_of


def shown_groups(rows: Any, sizes: Sizes) -> list[dict[str, Any]]:
    """Those of the groups that are told: none that is small, or all but a small rest, in any set told of.

    A row whose sizes are not told is left out. That a group is not there tells no more than that it is small: the
    sizes of the others are too coarse to subtract.
    """
    return [shown for row in rows if (shown := _group(row, sizes))] if isinstance(rows, list | tuple) else []


def _group(row: Mapping[str, Any], sizes: Sizes) -> dict[str, Any] | None:
    """One group, its shares on the grain of their set, its figures on a grain of its own size."""
    told = _group_sizes(row)
    if not isinstance(row.get("group"), str) or not told or not all(_large(k, n, sizes) for k, n in told.items()):
        return None
    kept: dict[str, Any] = {"group": row["group"]}
    grain = max(0.01, step(min(told.values())) or 0.1)
    of_ratios = log_grain(row.get("patients"), sizes.patients.get("train"))
    for key, value in row.items():
        if key in told:
            kept[key] = count(value)
        elif key.startswith("share_"):
            kept[key] = share(value, sizes.patients.get(key.removeprefix("share_")))
        elif key in {"log_ratio", "log_ratio_holdout"}:
            kept[key] = rounded(value, of_ratios)
        elif "interval" in words_of(key):
            on_grain = partial(rounded, grain=of_ratios) if "log_ratio" in row else partial(score, grain=grain)
            kept[key] = value and [on_grain(end) for end in value]
        elif is_known(key) and (value is None or isinstance(value, int | float)):
            kept[key] = score(value, grain)
    return kept


def _group_sizes(row: Mapping[str, Any]) -> dict[str, int]:
    """What a row says of how many patients the group has, by key."""
    return {key: row[key] for key in row if "patients" in words_of(key) and is_size(row[key])}


def _large(key: str, patients: int, sizes: Sizes) -> bool:
    """Whether a group of so many patients and what remains of its set are both large enough."""
    named = next((name for name in SETS if name in words_of(key)), "train")
    whole = sizes.patients.get(named)
    return patients >= SMALLEST and (whole is None or patients >= whole or whole - patients >= SMALLEST)


def of_worst_group(
    metric: Metric, rows: Sequence[Mapping[str, Any]], sizes: Sizes
) -> Callable[[float | None], float | None]:
    """How the headline of the worst group is rounded: as though it were the smallest group that is spoken of."""
    fewest = min((size for row in rows for size in _group_sizes(row).values()), default=0)
    if metric.unit == "log ratio":
        grain = log_grain(fewest, sizes.patients.get("train"))
        return lambda value: rounded(value, grain)
    return lambda value: None if fewest < SMALLEST else score(value, max(0.01, step(fewest) or 0.1))
