"""Histograms on bins and labels that each stand for ``SMALLEST`` patients."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.report.bins import OTHER, REST, ends
from synthgen.report.shareable.grain import SMALLEST, count, share, step
from synthgen.report.shareable.sizes import SETS, Sizes


def shown_histogram(item: Mapping[str, Any], sizes: Sizes) -> dict[str, Any] | None:
    """One histogram on safe bins or labels; ``None`` where the training set is too small for any."""
    shares, missing, units, whole = _by_patient(item) or _by_row(item, sizes)
    shares = {name: values for name, values in shares.items() if step(units[name]) is not None}
    if "train" not in shares:
        return None
    if item.get("temporal"):
        binned = _on_coarse_dates(item["edges"], shares, units)
    elif item.get("kind") == "numeric":
        binned = _on_round_edges(ends(item), shares, units)
    else:
        binned = _without_small_labels(item.get("labels") or (), shares, units)
    if binned is None:
        return None
    axis, shares = binned
    return {
        "column": item["column"],
        "kind": item["kind"],
        **({"temporal": item["temporal"]} if "temporal" in item else {}),
        **axis,
        **{name: _cells(shares[name], units[name]) if name in shares else None for name in SETS},
        "n": {name: count(units[name]) for name in shares},
        "missing": {name: share(missing[name], whole[name]) for name in shares},
    }


_Whole = dict[str, int | None]
_Sides = tuple[dict[str, NDArray[np.float64]], dict[str, float | None], _Whole, _Whole]


def _by_patient(item: Mapping[str, Any]) -> _Sides | None:
    """By set: shares, the share of missing, patients with a cell and all patients, each patient weighing the same."""
    sides = {name: side for name, side in (item.get("by_patient") or {}).items() if name in SETS and side}
    if not sides:
        return None
    return (
        {name: np.asarray(side["shares"], dtype=float) for name, side in sides.items()},
        {name: side["missing"] for name, side in sides.items()},
        {name: int(side["patients"]) for name, side in sides.items()},
        {name: int(side["of"]) for name, side in sides.items()},
    )


def _by_row(item: Mapping[str, Any], sizes: Sizes) -> _Sides:
    """The same of a measure that counts rows, as though they were of as many patients as the rows stand for."""
    narrowed = sizes.narrowed(item.get("n") or {})
    shares = {name: np.asarray(item[name], dtype=float) for name in SETS if item.get(name)}
    missing = {name: (item.get("missing") or {}).get(name) for name in shares}
    units = {name: _present(values, missing[name], narrowed.of.get(name)) for name, values in shares.items()}
    return shares, missing, units, {name: narrowed.of.get(name) for name in shares}


def _present(values: NDArray[np.float64], missing: float | None, n: int | None) -> int | None:
    """Of ``n`` patients, those that the shares speak of: where they sum to 1 beside a missing share, the rest of it."""
    if n is None:
        return None
    apart = missing is not None and float(values.sum()) + missing > 1 + 1e-6
    return math.floor(n * (1 - (missing or 0.0))) if apart else n


def _cells(values: NDArray[np.float64], n: int | None) -> list[float | None]:
    """Shares on their grain, small cells ``None``. A cell may be everything: nothing is then left to subtract."""
    grain = step(n)
    if grain is None or n is None:
        return [None] * len(values)
    return [
        round(min(max(round(value / grain) * grain, grain), 1.0), 6) if value * n >= SMALLEST else None
        for value in (float(value) for value in values)
    ]


def _on_round_edges(
    edges: Sequence[Any], shares: Mapping[str, NDArray[np.float64]], units: Mapping[str, int | None]
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]] | None:
    """The shares moved to bins between round numbers, spread evenly within a bin, first and last bin open.

    The edges depend on where the middle nine tenths of the training set lie, so no minimum or maximum shows in them,
    nor in the width of the bins, unless the measure's own bins were so wide for an extreme that this middle is blurred.
    """
    if len(edges) < 3 or any(isinstance(edge, str) for edge in edges) or any(edge is None for edge in edges[1:-1]):
        return None
    known = slice(0 if edges[0] is not None else 1, len(edges) if edges[-1] is not None else len(edges) - 1)
    at = np.asarray(edges[known], dtype=float)
    below = {name: np.concatenate([[0.0], np.cumsum(values)])[known] for name, values in shares.items()}
    train, whole = below["train"], {name: float(values.sum()) for name, values in shares.items()}
    low, high = (float(np.interp(q * whole["train"], train, at)) for q in (0.05, 0.95))
    round_edges = _round_numbers(low, high)
    counts = np.interp(round_edges, at, train) * (units["train"] or 0)
    total = whole["train"] * (units["train"] or 0)
    kept: list[int] = []
    for i, number in enumerate(counts):
        if number - (counts[kept[-1]] if kept else 0.0) >= SMALLEST and total - number >= SMALLEST:
            kept.append(i)
    if not kept:
        return None
    inner = [round_edges[i] for i in kept]
    moved = {
        name: np.diff(np.concatenate([[0.0], np.interp(inner, at, below[name]), [whole[name]]])) for name in shares
    }
    return {"edges": [None, *inner, None]}, moved


def _on_coarse_dates(
    edges: Sequence[str], shares: Mapping[str, NDArray[np.float64]], units: Mapping[str, int | None]
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]] | None:
    """The bins joined to whole years, or to whole months where they are within few years, or to whole hours of a day.

    Edges lie in the middle nine tenths of the training set only, so the first and the last date stay unknown.
    """
    train, n = shares["train"], units["train"] or 0
    below = np.cumsum(train)[:-1]
    inside = [i for i in range(len(edges)) if 0.05 * train.sum() <= below[i] <= 0.95 * train.sum()]
    grids = ((_coarse(edges, inside, ending), length) for ending, length in (("-01-01", 4), ("-01", 7), (":00", 5)))
    coarse, length = next(((grid, length) for grid, length in grids if len(grid) > 2), ([], 0))
    kept: list[int] = []
    for i in coarse:
        if (below[i] - (below[kept[-1]] if kept else 0.0)) * n >= SMALLEST and (train.sum() - below[i]) * n >= SMALLEST:
            kept.append(i)
    if not kept:
        return None
    moved = {name: np.add.reduceat(values, [0, *(i + 1 for i in kept)]) for name, values in shares.items()}
    return {"edges": [None, *(edges[i][:length] for i in kept), None]}, moved


def _coarse(edges: Sequence[str], inside: Sequence[int], ending: str) -> list[int]:
    """The edges that lie on the first day of a year, of a month, or on a full hour of the clock."""
    if ending == ":00":
        return [i for i in inside if len(edges[i]) == len("00:00") and edges[i].endswith(ending)]
    return [i for i in inside if edges[i].removesuffix("T00:00").endswith(ending)]


def _round_numbers(low: float, high: float) -> list[float]:
    """About ten multiples of 1, 2 or 5 times a power of ten, between ``low`` and ``high``."""
    if not high > low:
        return []
    raw = (high - low) / 10
    power = 10.0 ** math.floor(math.log10(raw))
    width = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= raw * (1 - 1e-9))
    first = math.ceil(low / width - 1e-9)
    return [float(f"{i * width:.12g}") for i in range(first, math.floor(high / width + 1e-9) + 1)]


def _without_small_labels(
    labels: Sequence[Any], shares: Mapping[str, NDArray[np.float64]], units: Mapping[str, int | None]
) -> tuple[dict[str, Any], dict[str, NDArray[np.float64]]]:
    """Labels of too few training patients merged into ``OTHER``, with what the measure itself had merged.

    ``OTHER`` is there even where nothing was merged: else its presence would tell that someone has a rare label. No
    second label is merged to hide how small it is, for the same reason; the grain of shares hides that already.
    """
    train = shares["train"] * (units["train"] or 0)
    kept = [i for i, label in enumerate(labels) if train[i] >= SMALLEST and label not in REST]
    rest = [i for i in range(len(labels)) if i not in kept]
    moved = {
        name: np.asarray([*(float(values[i]) for i in kept), float(sum(values[i] for i in rest))])
        for name, values in shares.items()
    }
    return {"labels": [*(str(labels[i]) for i in kept), OTHER]}, moved
