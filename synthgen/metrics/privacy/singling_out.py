"""Singling out: descriptions that fit one synthetic patient, and whether they fit exactly one real patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.attacks.risk import ATTACKS, Rate, Risk, verdict
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.identity import pooled
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.unanswered import unanswered
from synthgen.progress import Progress, silent

NAME = "singling_out"
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class SinglingOut(Measure):
    """How much better than chance descriptions taken from the synthetic set single out training patients.

    An attack takes a synthetic record and describes it, column by column in random order, until the description fits
    no other synthetic patient: equal to its category, missing where it is missing, and at least (or at most) its number
    where that is above (or below) the median. It succeeds where exactly one of *all* real patients, training and
    holdout together, has a record that it fits. Who is alone in the crowd then does not depend on the sizes of the two
    sets. The attack rate counts training patients so singled out; the control rate holdout patients, as many as there
    would be if the holdout were as large as the training set: by chance the two are equal. Risk is
    (attack - control) / (1 - control) (Giomi et al. 2023, "A unified framework for quantifying privacy risk in
    synthetic data"; WP29 Opinion 05/2014). The interval counts patients: one who is hit by many attacks is one.

    Attributes:
        limit: the risk up to which the line passes.
        attacks: more than for the other risks, since where the holdout is small few of them fall on it.
    """

    quick: ClassVar[bool] = False

    limit: float = 0.09
    attacks: int = 2 * ATTACKS

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``singling_out``."""
        reason = obstacle(comparison)
        if reason or comparison.holdout is None:
            return (unanswered(NAME, "privacy", comparison, reason),)
        real, synthetic = pooled(comparison.train, comparison.holdout), comparison.synthetic
        training = comparison.train.n_patients
        values, searched = (_columns(comparison.variables, records) for records in (synthetic, real))
        middle = [_median(column) for column in values]
        hits = []
        for attack in range(self.attacks):
            found = _description(values, middle, synthetic, int(rng.integers(synthetic.n)), rng)
            if found is not None:
                hits.append(_only(searched, found, real.patient))
            if attack % 500 == 0:
                progress(NAME, attack / self.attacks)
        if not hits:
            return (unanswered(NAME, "privacy", comparison, "no description fits one synthetic patient alone"),)
        risk = _risk(np.array(hits), training, real.n_patients - training)
        if not risk.defined:
            reason = "every attack would succeed on the holdout too"
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
                    "attacks": len(hits),
                    "train_patients": training,
                    "holdout_patients": real.n_patients - training,
                    "synthetic": synthetic.n,
                },
                details={"rows": [{"attack": "description of a synthetic record"} | risk.row()]},
            ),
        )

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line, decided by the interval, without p."""
        return tuple(verdict(metric, self.limit) for metric in metrics if metric.name == NAME)


@dataclass(frozen=True)
class _Condition:
    """On one column: a code, or a number at least (``sign`` 1) or at most (-1) so large."""

    column: int
    code: int
    sign: int = 0
    number: float = 0.0


def _columns(
    variables: Sequence[Variable], records: Records
) -> list[tuple[NDArray[np.int32], NDArray[np.float64] | None]]:
    """The codes of each column, and its numbers where it has any."""
    return [(records.codes[v.name], records.numbers.get(v.name)) for v in variables]


def _median(column: tuple[NDArray[np.int32], NDArray[np.float64] | None]) -> float:
    numbers = column[1]
    has = numbers[np.isfinite(numbers)] if numbers is not None else np.empty(0)
    return float(np.median(has)) if len(has) else 0.0


def _description(
    columns: list[tuple[NDArray[np.int32], NDArray[np.float64] | None]],
    middle: Sequence[float],
    synthetic: Records,
    row: int,
    rng: np.random.Generator,
) -> list[_Condition] | None:
    """Conditions, each of which rules somebody out, that fit no other synthetic patient; ``None`` where none do."""
    left: Integers | None = None
    found = []
    for column in rng.permutation(len(columns)).tolist():
        codes, numbers = columns[column]
        code = int(codes[row])
        if numbers is not None and code == 0:
            number = float(numbers[row])
            condition = _Condition(column, code, 1 if number >= middle[column] else -1, number)
        else:
            condition = _Condition(column, code)
        fewer = _met(columns, condition, left)
        if left is not None and len(fewer) == len(left):
            continue
        left = fewer
        found.append(condition)
        if np.all(synthetic.patient[left] == synthetic.patient[row]):
            return found
    return None


def _met(
    columns: list[tuple[NDArray[np.int32], NDArray[np.float64] | None]], condition: _Condition, left: Integers | None
) -> Integers:
    """The rows, of those left, that meet a condition."""
    codes, numbers = columns[condition.column]
    own = codes if left is None else codes[left]
    met = own == condition.code
    if condition.sign and numbers is not None:
        value = numbers if left is None else numbers[left]
        met &= condition.sign * value >= condition.sign * condition.number
    chosen = np.flatnonzero(met)
    return chosen if left is None else left[chosen]


def _only(
    columns: list[tuple[NDArray[np.int32], NDArray[np.float64] | None]],
    conditions: list[_Condition],
    patient: Integers,
) -> int:
    """The one patient whom the conditions fit, -1 where there is none or more than one."""
    left: Integers | None = None
    for condition in conditions:
        left = _met(columns, condition, left)
    if left is None or not len(left) or np.any(patient[left] != patient[left[0]]):
        return -1
    return int(patient[left[0]])


def _risk(hits: Integers, training: int, holdout: int) -> Risk:
    """The risk, each patient a cluster of the attacks that hit them, and each failed attack one of its own."""
    own = np.where(hits >= 0, hits, training + holdout + np.arange(len(hits)))
    attack, control = (
        Rate.of(success.astype(np.float64), own) for success in ((hits >= 0) & (hits < training), hits >= training)
    )
    return Risk(attack, control.scaled(training / holdout))
