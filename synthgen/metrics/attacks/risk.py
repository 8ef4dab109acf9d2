"""The risk of an attack beyond what it reaches on people whom the generator never saw (Giomi et al. 2023)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm, t

from synthgen.metrics.base import Records
from synthgen.metrics.result import Metric, Verdict

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Attacks on either side, where there are as many records.
ATTACKS = 2_000
#: Of fewer patients the intervals of rates are too narrow: perfect generators would be accused.
FEWEST = 100
#: What a 95 % interval leaves out.
LEVEL = 0.05
SOURCE = (
    "control-adjusted risk of Giomi et al. 2023, limit by our policy; EMA Policy 0070 and Health Canada use 0.09 for "
    "identity disclosure"
)


@dataclass(frozen=True)
class Rate:
    """How often attacks succeed, with the ends of its interval."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, success: Floats, cluster: Integers, level: float = LEVEL) -> Rate:
        """The rate and its interval (Wilson 1927), for as many independent attacks as the clusters make it.

        Where a handful of clusters take many hits each, the variance is itself uncertain: the quantile is then
        Student's. Its degrees of freedom are Satterthwaite's (1946), with no uncertainty for clusters of one hit, for
        which the variance is binomial and Wilson's interval right as it is.
        """
        value, n = float(success.mean()), len(success)
        _, dense = np.unique(cluster, return_inverse=True)
        sums = np.bincount(dense, success - value)
        clusters = len(sums)
        variance = float(np.sum(sums**2)) / n**2 * clusters / max(clusters - 1, 1)
        spread = value * (1 - value)
        if variance <= 0:
            return cls.wilson(value, clusters, float(norm.isf(level / 2)))
        hits = np.bincount(dense, success)
        uncertain = float(np.sum(hits**3 * (hits - 1)))
        freedom = np.sum(hits**2) ** 2 / uncertain if uncertain > 0 else np.inf
        z = float(t.isf(level / 2, freedom))
        return cls.wilson(value, min(n, spread / variance), z)

    @classmethod
    def wilson(cls, value: float, n: float, z: float = float(norm.isf(LEVEL / 2))) -> Rate:
        """The interval of a rate among ``n`` independent attacks that reaches ``z`` standard errors."""
        centre = (value + z**2 / (2 * n)) / (1 + z**2 / n)
        reach = z * np.sqrt(value * (1 - value) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
        return cls(value, min(value, float(centre - reach)), max(value, float(centre + reach)))

    def scaled(self, factor: float) -> Rate:
        """The rate at which as many more would be hit, at most 1."""
        return Rate(*(min(1.0, factor * part) for part in (self.value, self.low, self.high)))


@dataclass(frozen=True)
class Risk:
    """(attack - control) / (1 - control): of the cases that do not succeed by chance, the share that the attack adds.

    The interval puts those of the two rates together (by the squares of their reaches, each times how much the risk
    follows the rate), so it stays right where a rate is 0 or 1.
    """

    attack: Rate
    control: Rate

    @property
    def defined(self) -> bool:
        """Whether there is anything that chance does not reach."""
        return self.control.value < 1.0

    @property
    def value(self) -> float:
        return (self.attack.value - self.control.value) / (1 - self.control.value)

    @property
    def interval(self) -> tuple[float, float]:
        """95 % interval of the expected value, by the level of the rates."""
        a, c = self.attack, self.control
        by_attack, by_control = 1 / (1 - c.value), (1 - a.value) / (1 - c.value) ** 2
        down = np.hypot(by_attack * (a.value - a.low), by_control * (c.high - c.value))
        up = np.hypot(by_attack * (a.high - a.value), by_control * (c.value - c.low))
        return max(-1.0, self.value - float(down)), min(1.0, self.value + float(up))

    def row(self) -> dict[str, Any]:
        """For a table of several risks."""
        low, high = self.interval if self.defined else (None, None)
        return {
            "risk": self.value if self.defined else None,
            "low": low,
            "high": high,
            "attack_rate": self.attack.value,
            "control_rate": self.control.value,
        }


def targets(records: Records, most: int, rng: np.random.Generator) -> Integers:
    """Rows of at most ``most`` records to attack: of different patients first, then of the same ones again."""
    order = rng.permutation(records.n)
    by_patient = np.argsort(records.patient[order], kind="stable")
    patient = records.patient[order][by_patient]
    turn = np.arange(len(order)) - np.searchsorted(patient, patient)
    turns = np.empty(len(order), dtype=np.int64)
    turns[by_patient] = turn
    return np.asarray(order[np.argsort(turns, kind="stable")][:most], dtype=np.int64)


def verdict(metric: Metric, limit: float) -> Verdict:
    """Pass, fail, or how many attacks would decide; no p, since a bound decides."""
    if metric.status != "ok" or metric.value is None or metric.interval is None:
        return Verdict(
            name=metric.name, verdict="not_assessable", metric=metric.name, detail=metric.reason, source=SOURCE
        )
    fewest = min(size for name, size in metric.n.items() if name.endswith("_patients"))
    if fewest < FEWEST:
        told = f"{fewest} patients in the smaller of training and holdout; an interval needs {FEWEST}"
        return _line(metric, "not_assessable", limit, told)
    low, high = metric.interval
    attacks = metric.n["attacks"]
    risk = f"control-adjusted risk {metric.value:.3f}, 95 % interval {low:.3f} to {high:.3f}, by {attacks} attacks"
    if low > limit or high <= limit:
        word = "fail" if low > limit else "pass"
        return _line(metric, word, limit, risk)
    reach = high - metric.value if metric.value < limit else metric.value - low
    gap = abs(metric.value - limit)
    needed = f"about {int(np.ceil(attacks * (reach / gap) ** 2))} attacks" if gap > 1e-3 else "no number of attacks"
    return _line(metric, "not_assessable", limit, f"{risk}: the limit lies within; {needed} would decide")


def _line(metric: Metric, word: Any, limit: float, detail: str) -> Verdict:
    return Verdict(name=metric.name, verdict=word, metric=metric.name, threshold=limit, detail=detail, source=SOURCE)
