"""Attribute inference: guessing an unknown value of a person from the closest synthetic record."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.attacks.neighbours import Frame, Points, nearest
from synthgen.metrics.attacks.risk import ATTACKS, SOURCE, Rate, Risk, targets, verdict
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.identity import pooled
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.unanswered import unanswered
from synthgen.progress import Progress, silent

NAME = "attribute_inference"
#: The secrets are dealt into so many groups; an attacker of one group knows all other columns.
GROUPS = 8
#: A number is guessed right within this part of a standard deviation.
TOLERANCE = 0.1
#: A column is judged by itself where so many targets of either side have a value worth guessing.
FEWEST = 100

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class AttributeInference(Measure):
    """How much better than for outsiders the synthetic set gives away values of training patients.

    The attacker knows all columns of a target but a few (one where there are at most eight), and guesses these from
    the closest synthetic record; where several are as close, from one of them at random. A number is right within a
    tenth of a standard deviation of the truth, whatever its sign; a guess that a value is missing is wrong. Targets
    whose value is missing are not attacked, nor are those with the value that more than half of the people have: it is
    guessed right without any data. As control, as many holdout patients are attacked. Risk is
    (attack - control) / (1 - control) (Giomi et al. 2023; WP29 Opinion 05/2014).

    ``value`` is over all columns together, the interval counts patients. The line also fails where the risk of a single
    column is above the limit for certain (its interval at 5 % divided by the number of columns).

    Attributes:
        limit: the risk up to which the line passes.
    """

    quick: ClassVar[bool] = False

    limit: float = 0.09

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``attribute_inference``; not applicable to a single column."""
        columns = len(comparison.variables)
        reason = obstacle(comparison)
        if reason or comparison.holdout is None:
            return (unanswered(NAME, "privacy", comparison, reason),)
        if columns < 2:
            reason = "with one column nothing else is known of a target"
            return (unanswered(NAME, "privacy", comparison, reason, "not_applicable"),)
        attacked = _Attacked.of(comparison, comparison.holdout, rng)
        right = np.full((columns, attacked.both.n), np.nan)
        order = rng.permutation(columns)
        groups = np.array_split(order, min(GROUPS, columns))
        for done, group in enumerate(groups):
            attacked.guess(group.tolist(), right)
            progress(NAME, (done + 1) / len(groups))
        return (_metric(comparison, attacked, right),)

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line, decided by the intervals, without p."""
        return tuple(_verdict(metric, self.limit) for metric in metrics if metric.name == NAME)


@dataclass(frozen=True, eq=False)
class _Attacked:
    """Targets of training set and holdout, equally many, in this order, and what is known of the synthetic set."""

    variables: tuple[Variable, ...]
    both: Records
    training: int
    synthetic: Records
    queries: Points
    pool: Points
    real: Records

    @classmethod
    def of(cls, comparison: Comparison, holdout: Records, rng: np.random.Generator) -> _Attacked:
        variables = comparison.variables
        sides = [records.take(targets(records, ATTACKS, rng)) for records in (comparison.train, holdout)]
        fewest = min(records.n for records in sides)
        both = pooled(*(records.take(np.arange(fewest)) for records in sides))
        real = pooled(comparison.train, holdout)
        frame = Frame.of(variables, real)
        pool = Points.of(variables, comparison.synthetic, frame)
        return cls(variables, both, fewest, comparison.synthetic, Points.of(variables, both, frame), pool, real)

    def guess(self, secrets: list[int], right: Floats) -> None:
        """Write into ``right``, of shape ``(columns, targets)``, how likely each guess is right; NaN where none is."""
        known = [column for column in range(len(self.variables)) if column not in secrets]
        numeric = [variable.kind == "numeric" for variable in self.variables]
        judged = {column: _Secret.of(self.variables[column], self.real) for column in secrets}
        for column, secret in judged.items():
            right[column, secret.worth_guessing(self.both)] = 0.0
        for block in nearest(self.queries.restricted(known, numeric), self.pool.restricted(known, numeric)):
            ties = np.bincount(block.query)
            for column, secret in judged.items():
                hit = secret.met(self.both, block.start + block.query, self.synthetic, block.neighbour)
                rows = slice(block.start, block.start + len(ties))
                # NaN, of targets that are not attacked, stays.
                right[column, rows] += np.bincount(block.query, hit) / ties


@dataclass(frozen=True)
class _Secret:
    """A column to guess: what counts as right, and the value that needs no guessing.

    Attributes:
        tolerance: of numbers.
        common: the code that more than half of the people have, or the number; NaN where there is none.
    """

    variable: Variable
    tolerance: float
    common: float

    @classmethod
    def of(cls, variable: Variable, real: Records) -> _Secret:
        known, tolerance = real.codes[variable.name].astype(np.float64), 0.0
        known = known[known >= 0]
        if variable.kind == "numeric":
            numbers = real.numbers[variable.name]
            known = numbers[np.isfinite(numbers)]
            tolerance = TOLERANCE * float(known.std()) if len(known) else 0.0
        levels, counts = np.unique(known, return_counts=True)
        most = int(counts.argmax()) if len(counts) else 0
        common = float(levels[most]) if len(counts) and 2 * counts[most] > len(known) else np.nan
        return cls(variable, tolerance, common)

    def worth_guessing(self, records: Records) -> NDArray[np.bool_]:
        """Targets whose value is there and is not what most people have."""
        codes = records.codes[self.variable.name]
        if self.variable.kind == "categorical":
            return np.asarray((codes >= 0) & (codes != self.common), dtype=bool)
        numbers = records.numbers[self.variable.name]
        return np.asarray(np.isfinite(numbers) & (numbers != self.common), dtype=bool)

    def met(
        self, targets: Records, at: NDArray[np.int64], synthetic: Records, neighbour: NDArray[np.int64]
    ) -> NDArray[np.bool_]:
        """Whether the value of a synthetic record is that of the target, pair by pair."""
        name = self.variable.name
        same = targets.codes[name][at] == synthetic.codes[name][neighbour]
        if self.variable.kind == "numeric":
            # Written so that a missing number is never near.
            gap = np.abs(targets.numbers[name][at] - synthetic.numbers[name][neighbour])
            same &= gap <= self.tolerance
        return np.asarray(same, dtype=bool)


def _metric(comparison: Comparison, attacked: _Attacked, right: Floats) -> Metric:
    rows = [_row(variable, attacked, own, len(right)) for variable, own in zip(attacked.variables, right, strict=True)]
    made = [np.nonzero(~np.isnan(part)) for part in (right[:, : attacked.training], right[:, attacked.training :])]
    if min(len(where[0]) for where in made) < FEWEST:
        reason = f"fewer than {FEWEST} values are worth guessing: the others are missing, or what most people have"
        return unanswered(NAME, "privacy", comparison, reason)
    shift = attacked.training
    rates = [
        Rate.of(right[where[0], where[1] + first], attacked.both.patient[where[1] + first])
        for where, first in zip(made, (0, shift), strict=True)
    ]
    risk = Risk(rates[0], rates[1])
    if not risk.defined:
        return unanswered(NAME, "privacy", comparison, "every guess is right in the holdout too")
    low, high = risk.interval
    return Metric(
        name=NAME,
        family="privacy",
        table=comparison.table,
        value=risk.value,
        interval=(low, high),
        ceiling=0.0,
        better="lower",
        unit="risk",
        n={
            "attacks": attacked.training,
            "guesses": len(made[0][0]),
            "train_patients": len(np.unique(attacked.both.patient[:shift])),
            "holdout_patients": len(np.unique(attacked.both.patient[shift:])),
            "synthetic": comparison.synthetic.n,
        },
        details={"rows": sorted(rows, key=lambda row: -(row["low"] if row["low"] is not None else -2.0))},
    )


def _row(variable: Variable, attacked: _Attacked, right: Floats, columns: int) -> dict[str, Any]:
    """The risk of one column, its interval corrected for the number of columns (Bonferroni)."""
    sides = [slice(0, attacked.training), slice(attacked.training, None)]
    kept = [np.flatnonzero(~np.isnan(right[side])) for side in sides]
    fewest = min(map(len, kept))
    row: dict[str, Any] = {"column": variable.name, "targets": fewest}
    nothing = {"risk": None, "low": None, "high": None, "attack_rate": None, "control_rate": None}
    if fewest < FEWEST:
        return row | nothing
    rates = [
        Rate.of(right[side][own], attacked.both.patient[side][own], 0.05 / columns)
        for side, own in zip(sides, kept, strict=True)
    ]
    return row | Risk(rates[0], rates[1]).row()


def _verdict(metric: Metric, limit: float) -> Verdict:
    line = verdict(metric, limit)
    if metric.status != "ok":
        return line
    worst = metric.details["rows"][0]
    if worst["low"] is None:
        return line
    single = f"; of single columns {worst['column']} stands out most, risk {worst['risk']:.3f}"
    failed = worst["low"] > limit
    return Verdict(
        name=NAME,
        verdict="fail" if failed else line.verdict,
        metric=NAME,
        threshold=limit,
        detail=f"{line.detail}{single}, {worst['low']:.3f} to {worst['high']:.3f} corrected for the number of columns",
        source=SOURCE,
    )
