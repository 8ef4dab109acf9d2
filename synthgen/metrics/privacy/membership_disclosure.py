"""Membership disclosure: the F1 of guessing members by closeness, relative to guessing that everyone is one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.attacks.membership import Trial
from synthgen.metrics.attacks.risk import Rate
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.boosting import deal
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.unanswered import unanswered
from synthgen.progress import Progress, silent

NAME = "membership_disclosure"
SOURCE = "relative F1 at most 0.2: El Emam, Mosquera and Fang 2022, JAMIA Open 5:ooac083"
#: F1 of calling everyone a member, where half of the people are.
NAIVE = 2 / 3
#: Thresholds tried.
THRESHOLDS = 200
#: Standard errors by which a threshold must beat calling everyone a member.
SURPASSED = 3.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class MembershipDisclosure(Measure):
    """(F1 - F1_naive) / (1 - F1_naive) of calling members those who have a synthetic record within some distance.

    As many members as others are weighed, so F1_naive, of calling everyone a member, is 2/3. The threshold is the one
    that serves the attacker best on one half of the patients, and is measured on the other. A threshold counts only
    where it beats calling everyone a member by three standard errors; so the figure is 0 where nothing leaks and 1
    for a copy.
    El Emam, Mosquera and Fang 2022, "Validating a membership disclosure metric for synthetic health data".

    Attributes:
        limit: the relative F1 up to which the line passes.
    """

    quick: ClassVar[bool] = False

    limit: float = 0.2

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``membership_disclosure``."""
        reason = obstacle(comparison)
        trial = None if reason else Trial.of(comparison)
        reason = trial.reason if trial is not None else reason
        if trial is None or reason:
            return (unanswered(NAME, "privacy", comparison, reason),)
        called = _called(-trial.most(-trial.distances()[0]), trial.member, rng)
        hits, alarms = (
            Rate.wilson(float(called[side].mean()), int(side.sum())) for side in (trial.member, ~trial.member)
        )
        f1 = 2 * hits.value / (hits.value + alarms.value + 1) if hits.value else 0.0
        progress(NAME, 1.0)
        return (
            Metric(
                name=NAME,
                family="privacy",
                table=comparison.table,
                value=_relative(f1),
                interval=_interval(f1, hits, alarms),
                ceiling=0.0,
                better="lower",
                unit="relative F1",
                n=trial.sizes,
                details={
                    "f1": f1,
                    "f1_naive": NAIVE,
                    "rows": [{"measure": "called members", "train": hits.value, "holdout": alarms.value}],
                },
            ),
        )

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line, decided by the interval, without p."""
        return tuple(_verdict(metric, self.limit) for metric in metrics if metric.name == NAME)


def _called(distance: Floats, member: NDArray[np.bool_], rng: np.random.Generator) -> NDArray[np.float64]:
    """Whether each patient is called a member, by a threshold found on the half that the patient is not in."""
    half = np.empty(len(member), dtype=np.int64)
    for side in (member, ~member):
        half[side] = deal(np.arange(int(side.sum())), 2, rng)
    called = np.empty(len(member))
    for k in (0, 1):
        other = half != k
        tried = np.quantile(distance[other], np.linspace(0, 1, THRESHOLDS), method="lower")
        sizes = [int((other & side).sum()) for side in (member, ~member)]
        hits, alarms = (
            np.searchsorted(np.sort(distance[other & side]), tried, side="right") / n
            for side, n in zip((member, ~member), sizes, strict=True)
        )
        f1 = 2 * hits / (hits + alarms + 1)
        by_hits, by_alarms = _slopes(hits, alarms)
        error = np.hypot(
            by_hits * np.sqrt(hits * (1 - hits) / sizes[0]), by_alarms * np.sqrt(alarms * (1 - alarms) / sizes[1])
        )
        better = f1 - NAIVE > SURPASSED * error
        threshold = tried[int(np.argmax(np.where(better, f1, 0.0)))] if better.any() else np.inf
        called[half == k] = distance[half == k] <= threshold
    return called


def _slopes(hits: Floats, alarms: Floats) -> tuple[Floats, Floats]:
    """How much F1 follows the rate of hits, and, downwards, that of false alarms."""
    whole = (hits + alarms + 1) ** 2
    return 2 * (alarms + 1) / whole, 2 * hits / whole


def _relative(f1: float) -> float:
    return (f1 - NAIVE) / (1 - NAIVE)


def _interval(f1: float, hits: Rate, alarms: Rate) -> tuple[float, float]:
    """From the intervals of the two rates, each times how much F1 follows it."""
    by_hits, by_alarms = _slopes(np.asarray(hits.value), np.asarray(alarms.value))
    down = np.hypot(by_hits * (hits.value - hits.low), by_alarms * (alarms.high - alarms.value))
    up = np.hypot(by_hits * (hits.high - hits.value), by_alarms * (alarms.value - alarms.low))
    return _relative(max(0.0, f1 - float(down))), _relative(min(1.0, f1 + float(up)))


def _verdict(metric: Metric, limit: float) -> Verdict:
    if metric.status != "ok" or metric.interval is None:
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, detail=metric.reason, source=SOURCE)
    low, high = metric.interval
    f1, naive = metric.details["f1"], metric.details["f1_naive"]
    detail = f"F1 {f1:.3f}, {naive:.3f} by calling everyone a member; relative F1 {metric.value:.3f}, "
    detail += f"95 % interval {low:.3f} to {high:.3f}"
    word = "pass" if high <= limit else "fail" if low > limit else "not_assessable"
    return Verdict(
        name=NAME,
        verdict=word,  # type: ignore[arg-type]
        metric=NAME,
        threshold=limit,
        detail=detail if word != "not_assessable" else f"{detail}: the limit lies within; more patients would decide",
        source=SOURCE,
    )
