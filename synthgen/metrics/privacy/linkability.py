"""Linkability: whether the synthetic set tells that two halves of a record belong to the same person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.attacks.neighbours import Frame, Points, nearest
from synthgen.metrics.attacks.risk import ATTACKS, Rate, Risk, targets, verdict
from synthgen.metrics.base import Comparison, Measure, Records
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.identity import identities, integer_columns, pooled
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.unanswered import unanswered
from synthgen.progress import Progress, silent

NAME = "linkability"


@dataclass(frozen=True)
class Linkability(Measure):
    """How much better than for outsiders the synthetic set links two halves of a training record.

    The columns are split at random into two halves, as if two registers each held one. For a target the closest
    synthetic record is sought by either half (all of them where several are as close); the halves are linked where
    some synthetic record is found by both. Targets are training patients, and as control as many holdout patients. Risk
    is (attack - control) / (1 - control) (Giomi et al. 2023; WP29 Opinion 05/2014), over ``splits`` ways to split.

    Attributes:
        splits: of the columns; each target is attacked under one of them.
        limit: the risk up to which the line passes.
    """

    quick: ClassVar[bool] = False

    splits: int = 4
    limit: float = 0.09

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``linkability``; not applicable to a single column."""
        columns = len(comparison.variables)
        reason = obstacle(comparison)
        if reason or comparison.holdout is None:
            return (unanswered(NAME, "privacy", comparison, reason),)
        if columns < 2:
            return (unanswered(NAME, "privacy", comparison, "one column has no two halves", "not_applicable"),)
        real = (comparison.train, comparison.holdout)
        frame = Frame.of(comparison.variables, pooled(*real))
        sides = [records.take(targets(records, ATTACKS, rng)) for records in real]
        fewest = min(records.n for records in sides)
        sides = [records.take(np.arange(fewest)) for records in sides]
        linked = [np.empty(fewest), np.empty(fewest)]
        for split in range(self.splits):
            order = rng.permutation(columns)
            halves = order[: columns // 2].tolist(), order[columns // 2 :].tolist()
            own = np.arange(split, fewest, self.splits)
            found = _linked(comparison, frame, [records.take(own) for records in sides], halves)
            for side in (0, 1):
                linked[side][own] = found[side]
            progress(NAME, (split + 1) / self.splits)
        rates = [Rate.of(success, records.patient) for success, records in zip(linked, sides, strict=True)]
        risk = Risk(rates[0], rates[1])
        if not risk.defined:
            reason = "every pair of halves is linked in the holdout too: the closest records are many"
            return (unanswered(NAME, "privacy", comparison, reason),)
        return (
            Metric(
                name=NAME,
                family="privacy",
                table=comparison.table,
                value=risk.value,
                interval=risk.interval,
                ceiling=0.0,
                better="lower",
                unit="risk",
                n={
                    "attacks": fewest,
                    "train_patients": sides[0].n_patients,
                    "holdout_patients": sides[1].n_patients,
                    "synthetic": comparison.synthetic.n,
                },
                details={"rows": [{"attack": "closest by either half of the columns"} | risk.row()]},
            ),
        )

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line, decided by the interval, without p."""
        return tuple(verdict(metric, self.limit) for metric in metrics if metric.name == NAME)


def _linked(
    comparison: Comparison, frame: Frame, sides: list[Records], halves: tuple[list[int], list[int]]
) -> list[NDArray[np.float64]]:
    """For the targets of either side whether some synthetic record is closest by both halves, as 0 or 1."""
    variables, synthetic = comparison.variables, comparison.synthetic
    both = pooled(*sides)
    points = [Points.of(variables, records, frame) for records in (both, synthetic)]
    integers = integer_columns(variables, synthetic)
    numeric = [variable.kind == "numeric" for variable in variables]
    searches = []
    for half in halves:
        queries, pool = (each.restricted(half, numeric) for each in points)
        searches.append(_Closest.of(queries, pool, identities(integers[half])))
    found = np.array([bool(np.any(searches[0].of_target(k) & searches[1].of_target(k))) for k in range(both.n)])
    return [found[: sides[0].n].astype(np.float64), found[sides[0].n :].astype(np.float64)]


@dataclass(frozen=True, eq=False)
class _Closest:
    """The closest synthetic records of each target by some columns; records equal in these are sought once.

    Attributes:
        identity: per synthetic record, which distinct one it is.
        starts: where each target's begin in ``nearest``; its end behind the last.
        nearest: distinct records, target by target.
    """

    identity: NDArray[np.int64]
    starts: NDArray[np.int64]
    nearest: NDArray[np.int64]

    @classmethod
    def of(cls, queries: Points, pool: Points, identity: NDArray[np.int64]) -> _Closest:
        first = np.unique(identity, return_index=True)[1]
        blocks = list(nearest(queries, pool.take(first)))
        target = np.concatenate([block.start + block.query for block in blocks])
        found = np.concatenate([block.neighbour for block in blocks])
        return cls(identity, np.searchsorted(target, np.arange(queries.n + 1)), found)

    def of_target(self, target: int) -> NDArray[np.bool_]:
        """Which synthetic records are closest to a target."""
        near = np.zeros(int(self.identity.max()) + 1, dtype=bool)
        near[self.nearest[self.starts[target] : self.starts[target + 1]]] = True
        return np.asarray(near[self.identity])
