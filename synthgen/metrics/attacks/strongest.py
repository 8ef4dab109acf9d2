"""The strongest of many attacks: its p corrected for the choice (max-T), and what it reaches on patients apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import beta, hypergeom, norm, rankdata

from synthgen.metrics.boosting import deal
from synthgen.metrics.statistics.auc import Auc, area, clustered_area
from synthgen.metrics.statistics.permutation import standard_deviation, training_sums

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]

#: The smallest top of a ranking that is looked at. Small ones grow by a quarter, so that one of them fits the few
#: patients who leaked; those beyond ``SMALL_TOP`` are each twice as large.
SMALLEST_TOP = 16
SMALL_TOP = 100
#: A rate of false positives is reported where at least so many are expected.
FALSE_POSITIVES = 10
#: The smallest rate of false positives that is reported.
LOWEST_RATE = 0.001
#: Points of a ROC curve.
STEPS = 60
#: The chance with which a leak of the size called detectable is flagged.
POWER = 0.8


@dataclass(frozen=True, eq=False)
class Statistics:
    """What is looked at of one score: the mean rank of the members, and how many are in the top 16, 20, 25 ... of all.

    A mean rank shows when many patients leak a little, a top when few leak wholly. Equal scores stay together, so a top
    is as large as it must be.

    Attributes:
        weights: shape ``(n, 1 + tops)``; the sum over the members of a column is a statistic.
        tops: the sizes of the tops.
        tables: for each top, the standard normal deviate of every number of members in it, from the exact
            (hypergeometric) chance of as many or more.
    """

    weights: Floats
    tops: tuple[int, ...]
    tables: tuple[Floats, ...]

    @classmethod
    def of(cls, score: Floats, members: int) -> Statistics:
        """The statistics of a score, of whose patients ``members`` are members."""
        n = len(score)
        columns = [np.asarray(rankdata(score)) / n]
        descending = np.sort(score)[::-1]
        tops: list[int] = []
        for size in _tops(n // 4):
            inside = score >= descending[size - 1]
            if int(inside.sum()) not in tops and inside.sum() <= n // 2:
                tops.append(int(inside.sum()))
                columns.append(inside.astype(np.float64))
        return cls(np.array(columns).T, tuple(tops), tuple(table(top, n, members) for top in tops))

    def deviates(self, sums: Floats, members: int) -> Floats:
        """Standard normal deviates of sums over members, shape ``(draws, 1 + tops)``; of ranks, in either direction."""
        found = np.empty_like(sums)
        spread = standard_deviation(self.weights[:, :1], members)[0]
        expected = self.weights[:, 0].mean() * members
        found[:, 0] = np.abs(sums[:, 0] - expected) / spread if spread > 1e-9 else 0.0
        for column, deviate in enumerate(self.tables, start=1):
            found[:, column] = deviate[np.rint(sums[:, column]).astype(np.int64)]
        return found


def _tops(most: int) -> Iterator[int]:
    """The sizes of tops, up to ``most``."""
    size = float(SMALLEST_TOP)
    while round(size) <= most:
        yield round(size)
        size *= 1.25 if size < SMALL_TOP else 2


def table(top: int, patients: int, members: int) -> Floats:
    """The deviates of 0 .. ``top`` members among ``top`` of the patients; the larger, the less likely by chance."""
    chance = hypergeom.sf(np.arange(-1, top), patients, members, top)
    return np.asarray(norm.isf(np.clip(chance, 1e-300, 1.0 - 1e-16)), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class MaxT:
    """Many scores tested as one.

    Attributes:
        z: the largest deviate of each score's statistics.
        p: of each score, corrected for the number of scores and statistics by the permutation of the members' labels
            (Westfall and Young 1993); the smallest is that of the whole.
        draws: the largest deviate of all under each permutation.
        tops: of each score, the size of the top whose deviate is its largest; ``None`` where that is the mean rank's.
    """

    z: Floats
    p: Floats
    draws: Floats
    tops: tuple[int | None, ...]

    @classmethod
    def of(cls, scores: Sequence[Floats], member: Booleans, permutations: int, rng: np.random.Generator) -> MaxT:
        """Test scores of the same patients, members first."""
        members = int(member.sum())
        parts = [Statistics.of(score, members) for score in scores]
        ends = np.cumsum([part.weights.shape[1] for part in parts])[:-1]
        weights = np.concatenate([part.weights for part in parts], axis=1)
        sums = np.concatenate(
            [weights[member].sum(axis=0)[None, :], training_sums(weights, members, permutations, rng)]
        )
        largest, tops = [], []
        for part, own in zip(parts, np.split(sums, ends, axis=1), strict=True):
            deviates = part.deviates(own, members)
            largest.append(deviates.max(axis=1))
            tops.append((None, *part.tops)[int(np.argmax(deviates[0]))])
        found = np.stack(largest, axis=1)
        z, draws = found[0], found[1:].max(axis=1)
        reached = (draws[:, None] >= z[None, :] - 1e-9).sum(axis=0)
        return cls(z, (1 + reached) / (1 + permutations), draws, tuple(tops))

    def detectable(self, score: Floats, member: Booleans, limit: float) -> float | None:
        """The smallest share of the members whose copies this score would show with probability 0.8.

        Copied members come to the very top, a score of 0, beside the patients who are there by chance: the others of
        whom this is so, and members at the same rate. Of the rest of a top, members are as many as chance deals; the
        deviate of what is expected, less 0.84 standard deviations, must exceed what ``limit`` of the permutations
        exceed. ``None`` where not even copies of all would.
        """
        n, members = len(member), int(member.sum())
        critical = float(np.quantile(self.draws, 1 - limit))
        others = int(((score >= 0.0) & ~member).sum())
        there = round(others * members / (n - members)), others
        copied = 1
        while copied <= members - there[0]:
            if _shown(copied, there, n, members) >= critical:
                return copied / members
            copied = copied + max(1, copied // 20)
        return None


def _shown(copied: int, there: tuple[int, int], n: int, members: int) -> float:
    """The largest deviate of a top that is likely reached where so many members join those at the top by chance."""
    at_top = copied + sum(there)
    share = members / n
    best = -np.inf
    for size in {max(at_top, top) for top in _tops(n // 4)}:
        if size > n // 2:
            continue
        rest = size - at_top
        expected = copied + there[0] + rest * share
        spread = np.sqrt(rest * share * (1 - share))
        low = int(np.floor(expected - norm.ppf(POWER) * spread))
        chance = hypergeom.sf(low - 1, n, members, size)
        best = max(best, float(norm.isf(max(chance, 1e-300))))
    return best


@dataclass(frozen=True, eq=False)
class Reached:
    """What the strongest attack reaches, chosen on a third of the patients and measured on the others.

    So being the strongest of many does not flatter it. The attack that ranks patients best need not be the one that
    is surest of a few: the AUC is of the former, all else of the latter.

    Attributes:
        chosen: the attack that is surest of a few, by position.
        rate: the smallest rate of false positives that the patients measured support: ten expected, at least 0.1 %.
        tpr: the rate of true positives there; ``None`` where there are fewer than 20 holdout patients.
        tpr_low: its lower 95 % bound (Clopper and Pearson 1934).
        epsilon: lower 95 % bound on ε, where positive.
        false_positives, true_positives: the ROC curve.
    """

    chosen: int
    auc: Auc
    rate: float
    tpr: float | None
    tpr_low: float | None
    epsilon: float
    false_positives: Floats
    true_positives: Floats

    @classmethod
    def of(cls, scores: Sequence[Floats], member: Booleans, rng: np.random.Generator) -> Reached:
        """Of scores of the same patients, at least six of either sort."""
        chooses = a_third(member, rng)
        standing = [_standing(score[chooses], member[chooses]) for score in scores]
        best = max(range(len(scores)), key=lambda k: max(abs(standing[k][0]), standing[k][1]))
        ranking = max(range(len(scores)), key=lambda k: abs(standing[k][0]))
        # An attack that points the wrong way is turned round.
        turned = -1.0 if -standing[best][0] > standing[best][1] else 1.0
        score, rank = turned * scores[best], np.sign(standing[ranking][0]) * scores[ranking]
        top = _best_top(score[chooses], member[chooses])
        score, rank, member = score[~chooses], rank[~chooses], member[~chooses]
        others = np.sort(score[~member])[::-1]
        rate = max(LOWEST_RATE, FALSE_POSITIVES / len(others))
        hits, of = None, int(member.sum())
        if rate <= 0.5:
            # The others who are above the threshold are as many as the rate allows, or fewer where some are equal.
            hits = int((score[member] > others[int(rate * len(others) + 1e-9)]).sum())
        grid = np.geomspace(min(rate, 0.5), 1.0, STEPS)
        at = np.minimum((grid * len(others) + 1e-9).astype(np.int64), len(others) - 1)
        curve = 1 - np.searchsorted(np.sort(score[member]), others[at], side="right") / of
        curve[-1] = 1.0
        return cls(
            best,
            clustered_area(rank, member, np.zeros(len(member), np.int64), np.arange(len(member))),
            rate,
            None if hits is None else hits / of,
            None if hits is None else lower_bound(hits, of, 0.05),
            max(0.0, epsilon_bound(score, member, top, 0.05)),
            grid,
            curve,
        )


def a_third(member: Booleans, rng: np.random.Generator) -> Booleans:
    """A random third of the patients, of members and others alike."""
    fold = np.empty(len(member), dtype=np.int64)
    for side in (member, ~member):
        fold[side] = deal(np.arange(int(side.sum())), 3, rng)
    return np.asarray(fold == 0, dtype=bool)


def _standing(score: Floats, member: Booleans) -> tuple[float, float]:
    """The deviate of a score's mean rank, negative where it points the wrong way, and the largest of its tops."""
    members = int(member.sum())
    statistics = Statistics.of(score, members)
    found = statistics.deviates(statistics.weights[member].sum(axis=0)[None, :], members)[0]
    sign = -1.0 if area(score, member) < 0.5 else 1.0
    return sign * float(found[0]), float(found[1:].max(initial=0.0))


def _best_top(score: Floats, member: Booleans) -> float:
    """The share of the patients whose top bounds ε highest."""
    n = len(score)
    sizes = list(_tops(n // 2)) or [max(1, n // 4)]
    return float(max(sizes, key=lambda size: epsilon_bound(score, member, size / n, 0.05)) / n)


def epsilon_bound(score: Floats, member: Booleans, share: float, level: float) -> float:
    """A lower bound on ε at confidence ``1 - level``, from guessing that a top ``share`` of the patients are members.

    Under ε-differential privacy the odds that a guessed patient is a member are at most e^ε times the odds before the
    guess (Steinke, Nasr and Jagielski 2023), so a lower bound on the share of right guesses bounds ε.
    """
    size = max(1, round(share * len(score)))
    inside = score >= np.sort(score)[::-1][size - 1]
    right = lower_bound(int((inside & member).sum()), int(inside.sum()), level)
    before = member.mean()
    if right <= 0.0:
        return 0.0
    return float(np.log(right / (1 - right)) - np.log(before / (1 - before)))


def lower_bound(hits: int, of: int, level: float) -> float:
    """The one-sided lower bound of a rate at confidence ``1 - level`` (Clopper and Pearson 1934)."""
    return float(beta.ppf(level, hits, of - hits + 1)) if hits else 0.0
