"""Matrices of associations, and curves of shares without the steps that single patients make."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from synthgen.report.shareable.grain import SMALLEST, score, share, step
from synthgen.report.shareable.sizes import SETS, Sizes
from synthgen.report.shareable.words import without_numbers


def rounded_matrices(matrices: Any, sizes: Sizes) -> dict[str, Any] | None:
    """Associations of pairs, rounded; they are measured over the whole set, so no cell of it shows."""
    if not isinstance(matrices, Mapping) or step(sizes.fewest_patients) is None:
        return None
    kept: dict[str, Any] = {"columns": list(matrices.get("columns") or ())}
    for name in SETS:
        if matrix := matrices.get(name):
            kept[name] = [[score(value, sizes.grain) for value in row] for row in matrix]
    return kept


def shown_curves(details: Mapping[str, Any], sizes: Sizes) -> dict[str, Any] | None:
    """Rising curves of shares (distributions, ROC) at every twentieth; others are left out."""
    kept = [curve for item in details.get("curves") or () if (curve := shown_curve(item, sizes.least))]
    if not kept:
        return None
    labels = {key: without_numbers(str(details.get(key) or "")) for key in ("x_label", "y_label")}
    return {"curves": kept, **labels}


def shown_curve(item: Mapping[str, Any], n: int | None) -> dict[str, Any] | None:
    """One of them, where it rises and a twentieth of ``n`` patients is no small cell."""
    x, y = np.asarray(item["x"], dtype=float), np.asarray(item["y"], dtype=float)
    rising = len(x) > 1 and len(x) == len(y) and bool(np.all(np.diff(x) >= 0) and np.all(np.diff(y) >= 0))
    if not rising or n is None or step(n) is None or y[0] < 0 or y[-1] > 1 or without_numbers(str(item["name"])) == "":
        return None
    levels = [q / 20 for q in range(1, 20) if min(q, 20 - q) / 20 * n >= SMALLEST and y[0] <= q / 20 <= y[-1]]
    if not levels:
        return None
    at = [float(value) for value in np.interp(levels, y, x)]
    if x[0] >= 0 and x[-1] <= 1:  # may be a false-positive rate: then its steps are shares of patients as well
        points = [(share(value, n), level) for value, level in zip(at, levels, strict=True)]
    else:
        width = _grain_of(at)
        points = [(round(value / width) * width, level) for value, level in zip(at, levels, strict=True)]
    shown = [(float(f"{value:.6g}"), level) for value, level in points if value is not None]
    if not shown:
        return None
    return {"name": item["name"], "x": [value for value, _ in shown], "y": [level for _, level in shown]}


def _grain_of(values: Sequence[float]) -> float:
    """A power of ten below a twentieth of the values' span."""
    span = max(values) - min(values) or abs(values[0]) or 1.0
    return 10.0 ** math.floor(math.log10(span / 20))
