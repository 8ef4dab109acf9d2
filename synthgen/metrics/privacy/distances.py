"""Distances to the closest training record, synthetic beside holdout: to look at, never a verdict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.attacks.neighbours import Frame, Points, nearest
from synthgen.metrics.base import Comparison, Measure, Records
from synthgen.metrics.equal import too_few
from synthgen.metrics.identity import distinct_pairs, identities, integer_columns, pooled, without_repeats
from synthgen.metrics.result import Metric
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

CLOSEST = "distances"
RATIO = "distance_ratios"
#: Pairs of records compared for each of the two sets; fewer records are used beyond.
PAIRS = 250_000_000
FEWEST_QUERIES = 1_000
#: Steps of the curves.
STEPS = 50

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Distances(Measure):
    """Distance to the closest training record (DCR), and its ratio to the distance of the second closest (NNDR).

    For synthetic records and, beside them, as many holdout records: the same training records, the same scale (from
    training and holdout pooled). ``value`` is the median over the synthetic records divided by the median over the
    holdout records: 1 where nothing leaks, towards 0 where training records are copied; ``details`` has both
    distributions as curves and the medians. What a patient repeats counts once. The ratio of a record that is equally
    far from two training records is 1, also at distance 0, so a copy counts as one only where its original is unique.

    Diagnostic only: it may suggest a leak, it can never show that there is none (Pilgram et al. 2025).
    """

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metrics ``distances`` (DCR) and ``distance_ratios`` (NNDR)."""
        holdout = comparison.holdout
        reason = NO_HOLDOUT if holdout is None else too_few(comparison)
        if not comparison.variables:
            reason = "there is no variable to compare"
        if holdout is None or reason:
            return tuple(unanswered(name, "privacy", comparison, reason) for name in (CLOSEST, RATIO))
        found = _Found.of(comparison, holdout, rng=rng, progress=progress)
        return (
            _metric(comparison, CLOSEST, "distance to the closest training record", found.closest, found.n),
            _metric(comparison, RATIO, "closest to second closest distance", found.ratio, found.n),
        )


@dataclass(frozen=True, eq=False)
class _Found:
    """Synthetic and holdout figures, in this order."""

    closest: tuple[Floats, Floats]
    ratio: tuple[Floats, Floats]
    n: dict[str, int]

    @classmethod
    def of(cls, comparison: Comparison, holdout: Records, *, rng: np.random.Generator, progress: Progress) -> _Found:
        variables = comparison.variables
        train, holdout, synthetic = (
            records.take(without_repeats(variables, records))
            for records in (comparison.train, holdout, comparison.synthetic)
        )
        frame = Frame.of(variables, pooled(train, holdout))
        size = min(holdout.n, synthetic.n, max(FEWEST_QUERIES, PAIRS // train.n))
        identity = identities(integer_columns(variables, train))
        _, first = np.unique(identity, return_index=True)
        holders = np.bincount(distinct_pairs(train.patient, identity)[1])
        pool = Points.of(variables, train.take(first), frame)
        results = []
        for step, records in enumerate((synthetic, holdout)):
            drawn = records.take(rng.choice(records.n, size, replace=False))
            results.append(_search(Points.of(variables, drawn, frame), pool, holders))
            progress(CLOSEST, (step + 1) / 2)
        (synthetic_closest, synthetic_ratio), (holdout_closest, holdout_ratio) = results
        n = {"train": train.n, "holdout": size, "synthetic": size}
        return cls((synthetic_closest, holdout_closest), (synthetic_ratio, holdout_ratio), n)


def _search(queries: Points, pool: Points, holders: NDArray[np.int64]) -> tuple[Floats, Floats]:
    closest, ratio = [], []
    for block in nearest(queries, pool, further=True):
        tied = np.bincount(block.query, holders[block.neighbour])
        closest.append(block.distance)
        alone = (tied == 1) & np.isfinite(block.further)
        # Where another record is as close, or there is no other, nothing is closer than the rest.
        ratio.append(np.divide(block.distance, block.further, out=np.ones_like(block.distance), where=alone))
    return np.concatenate(closest), np.concatenate(ratio)


def _metric(comparison: Comparison, name: str, label: str, values: tuple[Floats, Floats], n: dict[str, int]) -> Metric:
    synthetic, holdout = (float(np.median(part)) for part in values)
    grid = _grid(np.concatenate(values))
    curves = [
        {
            "name": f"{of} to train",
            "x": grid.tolist(),
            "y": (np.searchsorted(np.sort(part), grid, side="right") / len(part)).tolist(),
        }
        for of, part in zip(("synthetic", "holdout"), values, strict=True)
    ]
    details = {
        "curves": curves,
        "x_label": label,
        "y_label": "share of records",
        "medians": {"synthetic": synthetic, "holdout": holdout},
    }
    undefined = holdout == 0.0
    return Metric(
        name=name,
        family="privacy",
        table=comparison.table,
        status="not_assessable" if undefined else "ok",
        reason="half of the holdout records equal a training record, so there is no ratio of medians"
        if undefined
        else "",
        value=None if undefined else synthetic / holdout,
        ceiling=None if undefined else 1.0,
        better="higher",
        unit="ratio of medians",
        n=n,
        details=details,
    )


def _grid(values: Floats) -> Floats:
    """An even grid from 0 to the 99th percentile, rounded up to two digits, so that no end is an observed distance."""
    end = float(np.quantile(values, 0.99))
    if end <= 0.0:
        end = 1.0
    unit = 10.0 ** (np.floor(np.log10(end)) - 1)
    return np.linspace(0.0, float(np.ceil(end / unit) * unit), STEPS + 1)
