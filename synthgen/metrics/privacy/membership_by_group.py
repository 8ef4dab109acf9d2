"""Membership inference within groups: a leak that is confined to a few patients of one kind must show."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, rankdata

from synthgen.metrics.attacks.membership import Trial
from synthgen.metrics.attacks.strongest import POWER, a_third
from synthgen.metrics.base import Comparison, Measure, Records
from synthgen.metrics.coding.cells import Cells, cut
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.statistics.auc import Auc, area, clustered_area
from synthgen.metrics.statistics.permutation import standard_deviation, training_sums
from synthgen.metrics.unanswered import unanswered
from synthgen.metrics.verdicts import LEAK_P
from synthgen.progress import Progress, silent

NAME = "membership_by_group"
SOURCE = "permutation of patients' labels, max-T over groups (Westfall and Young 1993)"
#: A group needs so many tested patients of either side.
FEWEST = 30
#: Groups tested, the largest first.
MOST_GROUPS = 150
#: Levels of a column that are groups.
LEVELS = 20

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Group:
    """Tested patients with a record in the group, and what the attack says of these records.

    Attributes:
        columns: one, or two of an intersection.
        name: for people.
        patients: by number in the trial, ascending.
        score: of each, by the closest of the records that are in the group.
    """

    columns: tuple[str, ...]
    name: str
    patients: Integers
    score: Floats


@dataclass(frozen=True)
class MembershipByGroup(Measure):
    """The membership attack by calibrated distance within groups, all of them tested as one.

    Groups are the levels of the columns that the schema declares as ``groups``, and their intersections two by two;
    where none is declared, the levels of every categorical column, so that a leak in one small group does not drown
    among all patients. In each the mean rank of the members (in either direction) and their number in the closest
    eighth are compared with what permuted labels give; the largest standardised deviation is the statistic (max-T).

    ``value`` is the AUC of the group that stands out most on a third of the patients, measured on the others, so that
    being chosen does not make it large; 0.5 where nothing leaks. ``details`` has every group's AUC.

    Attributes:
        permutations: of the patients' labels.
    """

    quick: ClassVar[bool] = False

    permutations: int = 999

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``membership_by_group``; not applicable where there is no group."""
        reason = obstacle(comparison)
        trial = None if reason else Trial.of(comparison)
        reason = trial.reason if trial is not None else reason
        if trial is None or reason:
            return (unanswered(NAME, "privacy", comparison, reason),)
        groups = tested_groups(trial, comparison.groups)
        if not groups:
            reason = f"no group has {FEWEST} tested patients of either side"
            return (unanswered(NAME, "privacy", comparison, reason, "not_applicable"),)
        weights = np.concatenate([_weights(group, len(trial.member)) for group in groups], axis=1)
        progress(NAME, 0.3)
        return (_metric(comparison, trial, groups, weights, self.permutations, rng),)

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line; its p is not yet corrected for the number of lines."""
        return tuple(_verdict(metric) for metric in metrics if metric.name == NAME)


def tested_groups(trial: Trial, declared: tuple[str, ...]) -> tuple[Group, ...]:
    """The groups with enough tested patients of either side, the largest first, and the attack's score in each."""
    closeness = trial.closeness()
    found: list[Group] = []
    for columns, name, inside in _groups(trial, declared):
        rows = np.flatnonzero(inside)
        patients = np.unique(trial.patient[rows])
        members = int(trial.member[patients].sum())
        if min(members, len(patients) - members) < FEWEST or len(patients) == len(trial.member):
            continue
        starts = np.searchsorted(trial.patient[rows], patients)
        found.append(Group(columns, name, patients, np.maximum.reduceat(closeness[rows], starts)))
    return tuple(sorted(found, key=lambda group: -len(group.patients))[:MOST_GROUPS])


def _groups(trial: Trial, declared: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str, NDArray[np.bool_]]]:
    """Columns, name and tested records of each group."""
    named = [v for v in trial.variables if (v.name in declared if declared else v.kind == "categorical")]
    tested = trial.records.take(np.arange(trial.tested))
    cells = cut(named, trial.records, bins=4, top=LEVELS)
    for each in cells:
        yield from _levels(each, tested)
    if declared:
        for first, second in combinations(cells, 2):
            for (a, name, inside), (b, other, within) in _pairs(first, second, tested):
                yield (*a, *b), f"{name}, {other}", inside & within


def _pairs(
    first: Cells, second: Cells, records: Records
) -> Iterator[tuple[tuple[tuple[str, ...], str, NDArray[np.bool_]], tuple[tuple[str, ...], str, NDArray[np.bool_]]]]:
    for one in _levels(first, records):
        for other in _levels(second, records):
            yield one, other


def _levels(cells: Cells, records: Records) -> Iterator[tuple[tuple[str, ...], str, NDArray[np.bool_]]]:
    """The labels of a column, bins of its numbers and missing; not what is left of the labels."""
    variable = cells.variable
    own = cells.of(records)
    offset = 1 if variable.kind == "numeric" else 0
    names = {int(cells.place[code + 1 + offset]): label for code, label in enumerate(variable.labels)}
    for cell in np.unique(own).tolist():
        if cell == cells.size - 2:
            continue
        missing = cell == cells.size - 1
        number = variable.kind == "numeric" and cell <= len(cells.edges)
        text = "(missing)" if missing else f"bin {cell + 1}" if number else names[cell]
        yield (variable.name,), f"{variable.name} = {text}", own == cell


def _weights(group: Group, patients: int) -> Floats:
    """The rank of each patient within the group, and whether among its closest eighth, centred; 0 outside of it."""
    size = len(group.patients)
    closest = group.score >= np.sort(group.score)[::-1][max(0, size // 8 - 1)]
    found = np.zeros((patients, 2))
    found[group.patients, 0] = np.asarray(rankdata(group.score)) / size
    found[group.patients, 1] = closest
    found[group.patients] -= found[group.patients].mean(axis=0)
    return found


def _metric(
    comparison: Comparison,
    trial: Trial,
    groups: tuple[Group, ...],
    weights: Floats,
    permutations: int,
    rng: np.random.Generator,
) -> Metric:
    spread = standard_deviation(weights, trial.members)
    scale = np.where(spread > 1e-9, spread, np.inf)
    z = _deviations(weights[trial.member].sum(axis=0)[None, :] / scale)[0]
    drawn = _deviations(training_sums(weights, trial.members, permutations, rng) / scale).max(axis=1)
    p = (1 + (drawn[:, None] >= z[None, :] - 1e-9).sum(axis=0)) / (1 + permutations)
    rows = [
        {
            "group": group.name,
            "train_patients": int(trial.member[group.patients].sum()),
            "holdout_patients": int((~trial.member[group.patients]).sum()),
            "auc": area(group.score, trial.member[group.patients]),
            "z": float(deviation),
            "p": float(chance),
        }
        for group, deviation, chance in zip(groups, z, p, strict=True)
    ]
    auc, worst = _apart(trial, groups, rng)
    strongest = groups[int(np.argmax(z))]
    return Metric(
        name=NAME,
        family="privacy",
        table=comparison.table,
        columns=strongest.columns,
        value=auc.value,
        interval=auc.interval,
        ceiling=0.5,
        better="lower",
        unit="AUC",
        n=trial.sizes
        | {
            "groups": len(groups),
            "train_patients": int(trial.member[worst.patients].sum()),
            "holdout_patients": int((~trial.member[worst.patients]).sum()),
        },
        details={
            "rows": sorted(rows, key=lambda row: -row["z"]),
            "p": float(p.min()),
            "detectable": _detectable(trial, groups, scale, float(np.quantile(drawn, 1 - LEAK_P))),
        },
    )


def _deviations(standardised: Floats) -> Floats:
    """Of each group the larger of the rank's deviation, in either direction, and the excess in the closest eighth."""
    return np.asarray(np.maximum(np.abs(standardised[:, ::2]), standardised[:, 1::2]))


def _apart(trial: Trial, groups: tuple[Group, ...], rng: np.random.Generator) -> tuple[Auc, Group]:
    """The AUC of the group chosen on a third of the patients, measured on the others; and that group."""
    chooses = a_third(trial.member, rng)

    def surprise(group: Group) -> float:
        own = chooses[group.patients]
        member = trial.member[group.patients][own]
        found = area(group.score[own], member)
        # An extreme deal can leave nobody of a group in a part.
        return abs(found - 0.5) * float(np.sqrt(member.sum() * (~member).sum() / max(len(member), 1)))

    worst = max(groups, key=surprise)
    own = ~chooses[worst.patients]
    member = trial.member[worst.patients][own]
    if min(member.sum(), (~member).sum()) < 2:
        return Auc(area(worst.score[own], member), float("nan")), worst
    return clustered_area(worst.score[own], member, np.zeros(len(member), np.int64), np.arange(len(member))), worst


def _detectable(trial: Trial, groups: tuple[Group, ...], scale: Floats, critical: float) -> float | None:
    """The smallest share of all training patients that, copied and all in one group, this line would have seen.

    Copies come to the top of their group: each adds about half a rank and seven eighths of a place in the closest
    eighth, less what the label gives by chance; the smaller need of all groups counts.
    """
    needed = []
    power = critical + float(norm.ppf(POWER))
    for k, group in enumerate(groups):
        others = 1 - trial.member[group.patients].mean()
        for gain, spread in ((0.5, scale[2 * k]), (7 / 8, scale[2 * k + 1])):
            copied = power * spread / (gain * others) if np.isfinite(spread) else np.inf
            most = trial.member[group.patients].sum()
            needed.append(copied if copied <= (most if gain == 0.5 else len(group.patients) / 8) else np.inf)
    smallest = min(needed, default=np.inf)
    return float(smallest / trial.members) if np.isfinite(smallest) else None


def _verdict(metric: Metric) -> Verdict:
    if metric.status != "ok":
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, detail=metric.reason, source=SOURCE)
    p, detectable = metric.details["p"], metric.details["detectable"]
    worst = metric.details["rows"][0]
    if p >= LEAK_P and detectable is None:
        detail = "the groups are too small: copies of all of one group would not have been seen"
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, detail=detail, source=SOURCE)
    return Verdict(
        name=NAME,
        verdict="leak" if p < LEAK_P else "none_detected",
        metric=NAME,
        p=p,
        detectable=detectable,
        detail=f"of {len(metric.details['rows'])} groups {worst['group']} stands out most, with a membership AUC of "
        f"{worst['auc']:.3f} among {worst['train_patients']} training and {worst['holdout_patients']} holdout patients",
        source=SOURCE,
    )
