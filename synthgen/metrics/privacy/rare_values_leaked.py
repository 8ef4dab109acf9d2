"""Rare values leaked: labels of few training patients that the synthetic records show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.equal import too_few
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.identity import distinct_pairs, pooled
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.statistics.permutation import excess_p
from synthgen.metrics.unanswered import unanswered
from synthgen.metrics.verdicts import LEAK_P
from synthgen.progress import Progress, silent

NAME = "rare_values_leaked"
SOURCE = "exact hypergeometric test over patients; rare_below of the config"


@dataclass(frozen=True)
class RareValuesLeaked(Measure):
    """How many labels that fewer than ``rare_below`` training patients have appear among the synthetic records.

    Labels are those of categorical variables and the text results of numeric ones. A label that ``rare_below`` or more
    holdout patients have is no secret of the training set and does not count. ``value`` is the number of labels;
    ``ceiling`` is the number that chance explains: the rare training labels times the rate at which rare labels that
    only holdout patients have appear, which a generator can only know from a public vocabulary.

    The test behind the line: of the patients who have a label that is rare in training and holdout pooled and that
    the synthetic records show, a generator that owes nothing to the training set finds training patients no more
    often than by chance; their number is hypergeometric (exact, patients as clusters, one-sided). It fails when there
    are more. The same is asked of labels that one patient alone has, real sets pooled: of those that several share some
    are holdout patients even where all come from the training set. p is twice the smaller of the two. Where no rare
    label appears the line passes, with or without a holdout; where some do, and so few patients have them that not even
    those of a copy of the training set would stand out, there is no answer.
    """

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``rare_values_leaked``; without a holdout it has a value and no ceiling."""
        labelled = tuple(variable for variable in comparison.variables if variable.labels)
        if not labelled:
            reason = "no variable has labels"
            return (unanswered(NAME, "privacy", comparison, reason, "not_applicable"),)
        reason = too_few(replace(comparison, holdout=None))
        if reason:
            return (unanswered(NAME, "privacy", comparison, reason),)
        columns = [_Column.of(variable, comparison) for variable in labelled]
        reason = obstacle(comparison)
        details: dict[str, object] = {"test": reason or "done", "rows": [column.row() for column in columns]}
        if comparison.holdout is not None and not reason:
            details["p"] = _p(columns, "seen", comparison.train, comparison.holdout)
            details["p_of_a_copy"] = _p(columns, "copied", comparison.train, comparison.holdout)
        progress(NAME, 1.0)
        return (
            Metric(
                name=NAME,
                family="privacy",
                table=comparison.table,
                value=float(sum(int(column.leaked.sum()) for column in columns)),
                ceiling=_by_chance(columns) if comparison.holdout is not None else None,
                better="lower",
                unit="labels",
                n={
                    "train_patients": comparison.train.n_patients,
                    "holdout_patients": comparison.holdout.n_patients if comparison.holdout is not None else 0,
                    "synthetic": comparison.synthetic.n,
                },
                details=details,
            ),
        )

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line; its p is not yet corrected for the number of lines."""
        rare_below = float(comparison.rare_below)
        return tuple(_verdict(metric, rare_below) for metric in metrics if metric.name == NAME)


@dataclass(frozen=True, eq=False)
class _Column:
    """The labels of one variable; arrays have one entry per label.

    Attributes:
        rare: rare in training and not common in the holdout.
        leaked: rare and seen among the synthetic records.
        foreign: rare labels that only holdout patients have.
        together: the patients of training and holdout who have it.
        seen: whether it is among the synthetic records.
        copied: whether it were in a copy of the training set.
        rare_below: of the comparison.
    """

    variable: Variable
    rare: NDArray[np.bool_]
    leaked: NDArray[np.bool_]
    foreign: NDArray[np.bool_]
    foreign_seen: NDArray[np.bool_]
    together: NDArray[np.int64]
    seen: NDArray[np.bool_]
    copied: NDArray[np.bool_]
    rare_below: int

    @classmethod
    def of(cls, variable: Variable, comparison: Comparison) -> _Column:
        train = _patients_by_label(variable, comparison.train)
        holdout = np.zeros_like(train)
        if comparison.holdout is not None:
            holdout = _patients_by_label(variable, comparison.holdout)
        seen = _patients_by_label(variable, comparison.synthetic) > 0
        below = comparison.rare_below
        rare = (train > 0) & (train < below) & (holdout < below)
        foreign = (train == 0) & (holdout > 0) & (holdout < below)
        return cls(variable, rare, rare & seen, foreign, foreign & seen, train + holdout, seen, train > 0, below)

    def row(self) -> dict[str, object]:
        """Counts only: a label is never named."""
        return {
            "column": self.variable.name,
            "rare": int(self.rare.sum()),
            "leaked": int(self.leaked.sum()),
            "rare_in_holdout_only": int(self.foreign.sum()),
            "of_these_seen": int(self.foreign_seen.sum()),
        }


def _label_codes(variable: Variable, records: Records) -> NDArray[np.int64]:
    """The index of each record's label; negative where it has none."""
    codes = records.codes[variable.name].astype(np.int64)
    return codes - 1 if variable.kind == "numeric" else codes


def _patients_by_label(variable: Variable, records: Records) -> NDArray[np.int64]:
    codes = _label_codes(variable, records)
    has = codes >= 0
    _, label = distinct_pairs(records.patient[has], codes[has])
    return np.bincount(label, minlength=len(variable.labels))


def _p(columns: list[_Column], shown: Literal["seen", "copied"], train: Records, holdout: Records) -> float:
    """The chance of so many training patients among those who have a rare label that is shown."""
    sizes = train.n_patients, holdout.n_patients
    found = []
    for most in {1, columns[0].rare_below - 1}:
        marked = [(c.variable, getattr(c, shown) & (c.together > 0) & (c.together <= most)) for c in columns]
        found.append(excess_p(*_hits(marked, train, holdout), *sizes))
    return min(1.0, len(found) * min(found))


def _hits(marked: list[tuple[Variable, NDArray[np.bool_]]], train: Records, holdout: Records) -> tuple[int, int]:
    """Training and holdout patients who have a marked label."""
    both = pooled(train, holdout)
    hit = np.zeros(train.n_patients + holdout.n_patients, dtype=bool)
    for variable, labels in marked:
        # The last entry answers for the code -1, of records without a label.
        shown = np.append(labels, False)
        hit[both.patient[shown[np.maximum(_label_codes(variable, both), -1)]]] = True
    return int(hit[: train.n_patients].sum()), int(hit[train.n_patients :].sum())


def _by_chance(columns: list[_Column]) -> float | None:
    """Rare training labels times the rate at which rare labels of the holdout alone appear, per column."""
    foreign = sum(int(column.foreign.sum()) for column in columns)
    if not foreign:
        return None
    seen = sum(int(column.foreign_seen.sum()) for column in columns)
    return sum(int(column.rare.sum()) for column in columns) * seen / foreign


def _verdict(metric: Metric, rare_below: float) -> Verdict:
    if metric.status != "ok":
        detail = metric.reason
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, detail=detail, source=SOURCE)
    if metric.value == 0:
        return Verdict(
            name=NAME, verdict="pass", metric=NAME, threshold=rare_below, detail="no rare label appears", source=SOURCE
        )
    p = metric.details.get("p")
    if p is None:
        detail = f"rare labels appear, and whether by chance cannot be told: {metric.details['test']}"
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, detail=detail, source=SOURCE)
    if p >= LEAK_P and metric.details["p_of_a_copy"] >= LEAK_P:
        detail = (
            f"{_appearing(metric, rare_below)}, and too few patients have such a one to tell whose they are: those of "
            "a copy of the training set would not stand out"
        )
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, p=None, detail=detail, source=SOURCE)
    chance = "unknown" if metric.ceiling is None else f"{metric.ceiling:.1f}"
    return Verdict(
        name=NAME,
        verdict="fail" if p < LEAK_P else "pass",
        metric=NAME,
        p=p,
        threshold=rare_below,
        detail=f"{_appearing(metric, rare_below)}; {chance} would by chance",
        source=SOURCE,
    )


def _appearing(metric: Metric, rare_below: float) -> str:
    labels, appear = ("label", "appears") if metric.value == 1 else ("labels", "appear")
    return f"{metric.value:.0f} {labels} of fewer than {rare_below:.0f} training patients {appear}"
