"""Rows of details: of columns, pairs and models, of bands of counts, of attacks."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from synthgen.metrics.result import Metric
from synthgen.report.shareable.curves import shown_curve
from synthgen.report.shareable.figures import shown_cell
from synthgen.report.shareable.grain import SMALLEST, score, step
from synthgen.report.shareable.groups import shown_groups
from synthgen.report.shareable.sizes import Sizes
from synthgen.report.shareable.words import NAMES, is_known, is_texts, without_numbers, words_of


def shown_rows(metric: Metric, rows: Any, sizes: Sizes) -> list[dict[str, Any]]:
    """Rows that each speak of a different column, pair or model; rows about levels or records are left out whole."""
    if not isinstance(rows, list | tuple) or not rows:
        return []
    keys = list(rows[0])
    if keys[:1] == ["group"]:
        return shown_groups(rows, sizes)
    if keys[:2] == ["band", "labels"]:
        return [shown for row in rows if (shown := _band(row))]
    if not keys or not set(words_of(keys[0])) <= NAMES or any(list(row) != keys for row in rows):
        return []
    names = [key for key in keys if set(words_of(key)) <= NAMES]
    if len({tuple(str(row[key]) for key in names) for row in rows}) < len(rows):
        return []
    figures = [key for key in keys if key not in names and is_known(key)]
    if not figures:
        return []
    kept = []
    for row in rows:
        named = {key: row[key] for key in names if isinstance(row[key], str) or is_texts(row[key])}
        kept.append(named | {key: shown_cell(metric, key, row[key], sizes) for key in figures})
    return kept


def _band(row: Mapping[str, Any]) -> dict[str, Any] | None:
    """Coverage of the labels of a band of counts, where each label of it is one of eleven training patients or more."""
    first = int(re.sub(r"\D.*", "", row["band"].lstrip(">"))) + row["band"].startswith(">")
    if first < SMALLEST:
        return None
    return {"band": row["band"]} | {
        key: score(value, 0.05) for key, value in row.items() if key.startswith("coverage_")
    }


def shown_attack(item: Mapping[str, Any], sizes: Sizes) -> dict[str, Any] | None:
    """One attack: its scores, and its ROC curve where that is long enough on a grain of eleven patients."""
    name = item.get("attack")
    if not isinstance(name, str) or not without_numbers(name) or step(sizes.fewest_patients) is None:
        return None
    kept: dict[str, Any] = {"attack": name}
    if isinstance(item.get("columns"), str) or is_texts(item.get("columns")):
        kept["columns"] = item["columns"]
    for key in ("auc", "p", "epsilon_lower"):
        if isinstance(value := item.get(key), int | float):
            kept[key] = score(value, sizes.grain)
    if item.get("fpr") and item.get("tpr"):
        curve = shown_curve({"name": name, "x": item["fpr"], "y": item["tpr"]}, sizes.fewest_patients)
        kept |= {} if curve is None else {"fpr": curve["x"], "tpr": curve["y"]}
    return kept
