"""The nearest-neighbour label test: whether synthetic records lie closer to training than to holdout patients."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthgen.metrics.attacks.neighbours import Frame, Points, nearest
from synthgen.metrics.base import Comparison, Measure, Records, Variable, listed
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.identity import distinct_pairs, identities, integer_columns, pooled, without_repeats
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.statistics.permutation import standard_deviation, training_sums
from synthgen.metrics.unanswered import unanswered
from synthgen.metrics.verdicts import FAMILY_P, LEAK_P
from synthgen.progress import Progress, silent

NAME = "nearest_neighbour_share"
SOURCE = "Platzer and Reutterer 2021, Frontiers in Big Data 4:679939"
#: Pairs of records compared over all columns, and over each subset of them; fewer synthetic records are used beyond.
PAIRS = 1_200_000_000
SUBSET_PAIRS = 300_000_000
#: But at least this many synthetic records.
FEWEST_QUERIES = 2_000
#: The chance with which a leak of the size called detectable is flagged.
POWER = 0.8


@dataclass(frozen=True)
class NearestNeighbourShare(Measure):
    """The share of synthetic records whose nearest neighbour, of all real records, is a training record.

    Training and holdout records are pooled; a tie is split evenly among the tied records, and what one patient
    repeats counts once. The null hypothesis is that training and holdout patients are exchangeable given the
    synthetic set, so the expected share is π, the training share of the pooled patients, and its distribution is
    that under permutation of the patients' labels. Neighbours do not depend on labels: they are found once, and a
    permutation only adds up, for each patient, the weight W of the synthetic records that are nearest to that
    patient. The test is two-sided, since a generator that keeps away from training records gives them away too, and
    it is done over all columns and over random subsets of a third to half of the columns, with the largest
    standardised deviation as the one statistic (max-T): a leak in some columns must not drown in the others.

    ``value`` is the share at equal sizes, (s/π) / (s/π + (1-s)/(1-π)) for a share s: it is s itself where training
    and holdout have as many patients, 1/2 where nothing leaks and 1 for a copy of the training set, whatever the
    split. All training records stay in the pool, since copies of records left out could not be seen.

    Detectable: let a share f of the synthetic records be copies of random training records, the rest owe nothing to
    either side. A copy is at distance 0 from its original and from m-1 records of other patients that happen to be
    equal; it adds 1/m + π(m-1)/m, not π, to the training side. So s rises by f (1-π) E[1/m]: by f/2 at equal sizes
    without ties. It is flagged in 80 % of plantings when this exceeds (c + 0.84) SD, where SD is the exact permutation
    standard deviation of s, and c the 99 % quantile of the permuted max-T. Copies of a share g of the training
    patients are a share f = g n_train / n_synthetic of the synthetic records.

    Attributes:
        subsets: the number of random column subsets; none where there are fewer than 4 columns.
        permutations: of the patients' labels.
    """

    subsets: int = 8
    permutations: int = 1999

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``nearest_neighbour_share``; not assessable where the sets do not bear the test."""
        reason = obstacle(comparison)
        if reason or comparison.holdout is None:
            return (unanswered(NAME, "privacy", comparison, reason),)
        sets = _Sets.of(comparison, comparison.holdout, rng)
        columns = [tuple(range(len(sets.variables))), *_column_subsets(len(sets.variables), self.subsets, rng)]
        chosen = [_Chosen(c, _queries(sets, PAIRS if i == 0 else SUBSET_PAIRS)) for i, c in enumerate(columns)]
        weights = np.empty((sets.patients, len(chosen)))
        certainty = np.empty(len(chosen))
        for i, one in enumerate(chosen):
            weights[:, i], certainty[i] = _patient_weights(sets, one)
            progress(NAME, (i + 1) / len(chosen))
        deviations = standard_deviation(weights, sets.training_patients)
        if deviations[0] <= 1e-12:
            return (unanswered(NAME, "privacy", comparison, "every synthetic record is as near to every patient"),)
        test = _MaxT.of(weights, deviations, sets.training_patients, self.permutations, rng)
        detectable = test.detectable(float(certainty[0])) * comparison.synthetic.n / comparison.train.n
        return (_metric(comparison, sets, chosen, test, detectable if detectable <= 1 else None),)

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line; its p is not yet corrected for the number of lines."""
        return tuple(_verdict(metric) for metric in metrics if metric.name == NAME)


@dataclass(frozen=True, eq=False)
class _Sets:
    """Real records (training first) and synthetic records in random order, without what a patient repeats."""

    variables: tuple[Variable, ...]
    records: Records
    columns: NDArray[np.int64]
    points: Points
    real: int
    training_patients: int
    patients: int

    @classmethod
    def of(cls, comparison: Comparison, holdout: Records, rng: np.random.Generator) -> _Sets:
        variables, train, synthetic = comparison.variables, comparison.train, comparison.synthetic
        real = pooled(train, holdout)
        real = real.take(without_repeats(variables, real))
        drawn = synthetic.take(rng.permutation(without_repeats(variables, synthetic)))
        records = pooled(real, drawn)
        points = Points.of(variables, records, Frame.of(variables, real))
        columns = integer_columns(variables, records)
        return cls(variables, records, columns, points, real.n, train.n_patients, real.n_patients)


@dataclass(frozen=True)
class _Chosen:
    """Columns to compare in, by position, and the number of synthetic records to compare."""

    columns: tuple[int, ...]
    queries: int


def _column_subsets(columns: int, subsets: int, rng: np.random.Generator) -> list[tuple[int, ...]]:
    if columns < 4:
        return []
    sizes = rng.integers(max(2, columns // 3), columns // 2, subsets, endpoint=True)
    return [tuple(sorted(rng.choice(columns, size, replace=False).tolist())) for size in sizes]


def _queries(sets: _Sets, pairs: int) -> int:
    return min(sets.records.n - sets.real, max(FEWEST_QUERIES, pairs // sets.real))


def _patient_weights(sets: _Sets, chosen: _Chosen) -> tuple[NDArray[np.float64], float]:
    """The share of synthetic records nearest to each patient, summing to 1, and E[1/m] of the class docstring."""
    stop = sets.real + chosen.queries
    identity = identities(sets.columns[list(chosen.columns), :stop])
    patient, record = distinct_pairs(sets.records.patient[: sets.real], identity[: sets.real])
    holders = np.bincount(record, minlength=int(identity.max()) + 1)
    kept, pool = np.unique(identity[: sets.real], return_index=True)
    _, asked, times = np.unique(identity[sets.real :], return_index=True, return_counts=True)
    points = sets.points.restricted(chosen.columns, [variable.kind == "numeric" for variable in sets.variables])
    credit = np.zeros(len(kept))
    for block in nearest(points.take(asked + sets.real), points.take(pool)):
        tied = np.bincount(block.query, holders[kept][block.neighbour])
        share = times[block.start : block.start + len(tied)] / tied
        credit += np.bincount(block.neighbour, share[block.query], minlength=len(kept))
    spread = np.zeros(len(holders))
    spread[kept] = credit
    training = patient < sets.training_patients
    return (
        np.bincount(patient, spread[record], minlength=sets.patients) / chosen.queries,
        float(np.mean(1.0 / holders[record[training]])),
    )


@dataclass(frozen=True, eq=False)
class _MaxT:
    """Shares per column set with their permutation test.

    Attributes:
        expected: π, the share of training patients.
        p: two-sided, per column set, corrected for the number of them.
        limit: the 99 % quantile of the largest standardised deviation under permutation.
    """

    shares: NDArray[np.float64]
    expected: float
    deviations: NDArray[np.float64]
    z: NDArray[np.float64]
    p: NDArray[np.float64]
    limit: float

    @classmethod
    def of(
        cls,
        weights: NDArray[np.float64],
        deviations: NDArray[np.float64],
        training: int,
        permutations: int,
        rng: np.random.Generator,
    ) -> _MaxT:
        expected = training / len(weights)
        scale = np.where(deviations > 1e-12, deviations, np.inf)
        shares = weights[:training].sum(axis=0)
        z = (shares - expected) / scale
        draws = np.abs((training_sums(weights, training, permutations, rng) - expected) / scale).max(axis=1)
        extreme = (draws[:, None] >= np.abs(z)[None, :] * (1 - 1e-9)).sum(axis=0)
        p = (1 + extreme) / (1 + permutations)
        return cls(shares, expected, deviations, z, p, float(np.quantile(draws, 1 - LEAK_P)))

    def at_equal_sizes(self, share: float) -> float:
        training, holdout = share / self.expected, (1 - share) / (1 - self.expected)
        return float(training / (training + holdout))

    def detectable(self, certainty: float) -> float:
        """The smallest share of copied synthetic records that is flagged with probability 0.8."""
        smallest = (self.limit + float(norm.ppf(POWER))) * self.deviations[0]
        return float(smallest / ((1 - self.expected) * certainty))


def _metric(
    comparison: Comparison, sets: _Sets, chosen: Sequence[_Chosen], test: _MaxT, detectable: float | None
) -> Metric:
    rows: list[dict[str, Any]] = [
        {
            "columns": "all" if i == 0 else listed([sets.variables[column] for column in one.columns]),
            "share": test.at_equal_sizes(float(test.shares[i])),
            "z": float(test.z[i]),
            "p": float(test.p[i]),
            "synthetic_rows": one.queries,
        }
        for i, one in enumerate(chosen)
    ]
    n = {
        "train_patients": sets.training_patients,
        "holdout_patients": sets.patients - sets.training_patients,
        "real_rows": sets.real,
        "synthetic": chosen[0].queries,
        "synthetic_per_subset": chosen[-1].queries,
    }
    band = 1.96 * float(test.deviations[0])
    expected = [test.at_equal_sizes(min(max(test.expected + sign * band, 0.0), 1.0)) for sign in (-1, 1)]
    return Metric(
        name=NAME,
        family="privacy",
        table=comparison.table,
        value=test.at_equal_sizes(float(test.shares[0])),
        ceiling=0.5,
        better="lower",
        unit="share",
        n=n,
        details={
            "rows": rows,
            "p": float(test.p.min()),
            "detectable": detectable,
            "expected_by_chance": expected,
        },
    )


def _verdict(metric: Metric) -> Verdict:
    if metric.status != "ok":
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, detail=metric.reason, source=SOURCE)
    p, detectable = metric.details["p"], metric.details["detectable"]
    if p >= LEAK_P and detectable is None:
        detail = "too few patients: a copy of the whole training set would not have been seen"
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, detail=detail, source=SOURCE)
    return Verdict(
        name=NAME,
        verdict="leak" if p < LEAK_P else "none_detected",
        metric=NAME,
        p=p,
        detectable=detectable,
        detail=_found(metric),
        source=SOURCE,
    )


def _found(metric: Metric) -> str:
    """Which test saw what: that over all columns, or that over one of their random sets, and p over all these tests."""
    rows, p = metric.details["rows"], metric.details["p"]
    low, high = metric.details["expected_by_chance"]
    everywhere = f"over all columns share {rows[0]['share']:.3f} at equal sizes, {low:.3f} to {high:.3f} by chance"
    if len(rows) == 1:
        return f"{everywhere}: {_deviation(rows[0])}"
    strongest = max(rows, key=lambda row: abs(row["z"]))
    together = f"p {p:.2g} over these {len(rows)} tests together"
    if p >= FAMILY_P:
        # Which columns deviate most is then chance, and their names say nothing.
        most = f"{abs(strongest['z']):.1f} standard deviations at most"
        return f"{everywhere}; there and over {len(rows) - 1} random sets of columns {most}, {together}"
    if strongest is rows[0]:
        return f"{everywhere}: {_deviation(rows[0])}; with {len(rows) - 1} random sets of columns {together}"
    alone = "not over all columns" if rows[0]["p"] >= FAMILY_P else "more than over all columns"
    return (
        f"over one of {len(rows) - 1} random sets of columns, {alone}: share {strongest['share']:.3f}, "
        f"{_deviation(strongest)}, {together}; it speaks of these columns alone, not of copies of whole records: "
        f"{strongest['columns']}; {everywhere}"
    )


def _deviation(row: Mapping[str, Any]) -> str:
    return f"{abs(row['z']):.1f} standard deviations closer to {'training' if row['z'] > 0 else 'holdout'}"
