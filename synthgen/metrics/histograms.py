"""Histograms of one column in every set, in bins that show no extreme and no rare level."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Records, Variable

#: Most bins of a histogram of numbers, the two open ones included.
BINS = 30
#: Most labels of a histogram, without the one for all other levels.
LABELS = 15
#: The bar of all levels that have none of their own.
OTHER = "(other levels)"


def histogram(variable: Variable, comparison: Comparison) -> dict[str, Any]:
    """Shares of the cells that are not missing, over all rows of each set; the holdout is ``None`` without one.

    Numeric: ``edges`` are inner edges, so there is one share more than edges, the first and the last for the open
    ends. ``temporal`` says that the edges are days or seconds. Where a column has text results, ``text_results``
    holds their shares; they are in no bin. Categorical: ``labels`` are the training set's commonest levels that
    ``rare_below`` patients share, and the last is all others.
    """
    sets = {"train": comparison.train, "holdout": comparison.holdout, "synthetic": comparison.synthetic}
    codes = {name: None if records is None else records.codes[variable.name] for name, records in sets.items()}
    base: dict[str, Any] = {"column": variable.name, "kind": variable.kind}
    if variable.kind == "numeric":
        edges = round_edges(comparison.train.numbers[variable.name])
        base |= {"edges": edges.tolist(), "temporal": variable.temporal}
        base |= {name: _binned(variable, edges, records) for name, records in sets.items()}
        if variable.labels:
            base["text_results"] = {name: _texts(code) for name, code in codes.items()}
    else:
        shown = _shown(variable, comparison)
        base["labels"] = [variable.labels[code] for code in shown] + [OTHER]
        base |= {name: _levels(shown, len(variable.labels), code) for name, code in codes.items()}
    base["n"] = {name: None if code is None else int(np.sum(code >= 0)) for name, code in codes.items()}
    base["missing"] = {
        name: None if code is None or not len(code) else float(np.mean(code < 0)) for name, code in codes.items()
    }
    return base


def round_edges(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """At most ``BINS - 1`` edges on a coarse grid with a step of 1, 2 or 5 times a power of ten.

    They span the middle 98 % of the values, and lie halfway between multiples of the step, so that whole numbers
    fall into the middle of a bin and no edge is an observation but by chance. None without a finite value.
    """
    values = values[np.isfinite(values)]
    if not len(values):
        return np.empty(0)
    low, high = np.percentile(values, (1, 99))
    step = _round_step((high - low) / (BINS - 3)) or _round_step(abs(low) / 10) or 1.0
    first, last = np.ceil(low / step - 0.5) - 0.5, np.floor(high / step + 0.5) + 0.5
    return np.asarray(np.arange(first, last + 0.5) * step)


def _round_step(width: float) -> float:
    """The smallest of 1, 2, 5 times a power of ten that is no smaller than ``width``; 0 for 0."""
    if width <= 0:
        return 0.0
    power = 10.0 ** np.floor(np.log10(width))
    return float(next(times * power for times in (1, 2, 5, 10) if times * power >= width * (1 - 1e-9)))


def _binned(variable: Variable, edges: NDArray[np.float64], records: Records | None) -> list[float] | None:
    if records is None:
        return None
    values = records.numbers[variable.name][records.codes[variable.name] == 0]
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    cells = max(int(np.sum(records.codes[variable.name] >= 0)), 1)
    return [float(share) for share in counts / cells]


def _shown(variable: Variable, comparison: Comparison) -> list[int]:
    """Codes with a bar of their own: by frequency, or in their order where they have one."""
    codes = comparison.train.codes[variable.name]
    known = codes >= 0
    counts = np.bincount(codes[known], minlength=len(variable.labels))
    span = int(comparison.train.patient.max(initial=0)) + 1
    pairs = np.unique(codes[known].astype(np.int64) * span + comparison.train.patient[known])
    patients = np.bincount(pairs // span, minlength=len(variable.labels))
    common = [int(k) for k in np.argsort(-counts, kind="stable") if patients[k] >= comparison.rare_below][:LABELS]
    return sorted(common) if variable.ordered else common


def _levels(shown: list[int], labels: int, codes: NDArray[np.int32] | None) -> list[float] | None:
    if codes is None:
        return None
    counts = np.bincount(codes[codes >= 0], minlength=labels)
    total = max(int(counts.sum()), 1)
    bars = [int(counts[code]) for code in shown]
    return [bar / total for bar in (*bars, int(counts.sum()) - sum(bars))]


def _texts(codes: NDArray[np.int32] | None) -> float | None:
    if codes is None:
        return None
    return float(np.sum(codes > 0) / max(int(np.sum(codes >= 0)), 1))
