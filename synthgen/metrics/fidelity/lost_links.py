"""Pairs of values that go together in reality: do they in the synthetic set?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.stats import norm

from synthgen.metrics.base import Comparison, Records
from synthgen.metrics.coding.cells import Cells
from synthgen.metrics.equal import EqualSets
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.unanswered import NO_HOLDOUT
from synthgen.metrics.value_pairs import ValuePairs

#: The fewest training patients who have the first value of a link, and the fewest to expect in the sets compared.
PATIENTS, EXPECTED = 20, 5
#: So many standard errors make up half of a link: that much of it is hardly ever lost by chance.
SURE = 3.0
#: Pairs of columns named in the details: those with the largest loss.
NAMED = 20


@dataclass(frozen=True)
class LostLinks(ValuePairs):
    """How much of the links between two values of reality is lost in the synthetic set, on average.

    A link leads from a value of one column to a value of another: among the training patients with the first, the
    share with the second is larger by at least ``strong`` than among all. (Of 79 patients with sepsis all were in
    intensive care, of all patients one in ten.) This difference of shares, the risk difference of epidemiology, is the
    strength of the link; lost is the part of the training set's that another set lacks, from none (0) to all (1). It
    is the counterpart of ``structural_zeros``: those are values that are never together, these are values that go
    together. The mean over columns of ``association`` does not show one link of a column of many levels.

    Values are labels of at least ``PATIENTS`` training patients, ten ranges of numbers, and missing; every patient
    weighs the same. Links count whose half is more than ``SURE`` standard errors of the share in a set of the size
    compared, by chance alone as well as with the link, so that real records of other patients keep them.
    """

    name: ClassVar[str] = "lost_links"
    strong: float = 0.3

    def _figure(
        self, comparison: Comparison, equal: EqualSets, cells: tuple[Cells, ...], rng: np.random.Generator
    ) -> Metric | str:
        sets = [records for records in (equal.train, equal.holdout, equal.synthetic) if records is not None]
        links = _Links.of(cells, comparison.train, min(records.n_patients for records in sets), self.strong)
        if not len(links.strength):
            return f"no value raises the share of another by {self.strong:g} beyond chance"
        halves = Halves.draw(tuple(sets), rng)
        lacking = _lacking(links, halves, equal.synthetic, rng)
        lost = lacking.clip(0, 1)
        holdout = None if equal.holdout is None else _lacking(links, halves, equal.holdout, rng).clip(0, 1)
        value = lost.mean(axis=1)
        # Chance makes a link stronger as often as weaker, of which half is cut off: that half has its error as well.
        chance = np.sqrt(2) * halves.chance(lacking).clip(0, 1).mean(axis=1)
        details: dict[str, Any] = {"more_than_half_lost": int((lost[0] > 0.5).sum()), "rows": _rows(comparison, links)}
        if holdout is not None:
            beyond = value - holdout.mean(axis=1)
            interval = halves.interval(beyond, chance=chance)
            details["above_ceiling"] = {"difference": float(beyond[0]), "interval": interval and list(interval)}
        return Metric(
            name=self.name,
            family="fidelity",
            table=comparison.table,
            reason="" if holdout is not None else f"no ceiling: {NO_HOLDOUT}",
            value=float(value[0]),
            interval=halves.interval(value, 0.0, 1.0, chance=chance),
            floor=float(_lacking(links, halves, equal.floor, rng)[0].clip(0, 1).mean()),
            ceiling=None if holdout is None else float(holdout[0].mean()),
            better="lower",
            unit="share of links",
            n=equal.sizes | {"links": len(links.strength)},
            details=details,
        )


_Sums = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


@dataclass(frozen=True, eq=False)
class _Links:
    """Every link of the training set; arrays of shape ``(links,)``.

    Attributes:
        first, second: the place among the columns of the value it leads from, and of that which it leads to.
        origin, goal: the two values.
        patients: with the first value in the training set.
        strength: by how much the share with the second value is larger among those with the first.
    """

    cells: tuple[Cells, ...]
    first: NDArray[np.int64]
    second: NDArray[np.int64]
    origin: NDArray[np.int64]
    goal: NDArray[np.int64]
    patients: NDArray[np.float64]
    strength: NDArray[np.float64]

    @classmethod
    def of(cls, cells: tuple[Cells, ...], train: Records, patients: int, strong: float) -> _Links:
        """The links that show in sets of so many patients."""
        places = [_Levels.of(each, train) for each in cells]
        found = [
            np.stack([np.full(len(origin), a), np.full(len(origin), b), origin, goal, weight, strength])
            for i, j in combinations(range(len(cells)), 2)
            if places[i].enough and places[j].enough
            for a, b, origin, goal, weight, strength in _both_ways(i, j, places, train, patients, strong)
        ]
        table = np.concatenate(found, axis=1) if found else np.empty((6, 0))
        first, second, origin, goal = table[:4].astype(np.int64)
        return cls(cells, first, second, origin, goal, table[4], table[5])

    def sums(self, records: Records, group: NDArray[np.int64], groups: int) -> _Sums:
        """Patients by group with the first value, with the second, and with both, each of shape ``(groups, links)``."""
        used = np.unique(np.concatenate([self.first, self.second]))
        placed = {k: self.cells[k].of(records) for k in used.tolist()}
        alone = {
            k: np.bincount(group * self.cells[k].size + at, records.weights, groups * self.cells[k].size)
            for k, at in placed.items()
        }
        with_first, with_second, with_both = (np.empty((groups, len(self.first))) for _ in range(3))
        for i, j in np.unique(np.stack([self.first, self.second]), axis=1).T.tolist():
            here = np.flatnonzero((self.first == i) & (self.second == j))
            origin, goal = self.origin[here], self.goal[here]
            with_first[:, here] = alone[i].reshape(groups, -1)[:, origin]
            with_second[:, here] = alone[j].reshape(groups, -1)[:, goal]
            slot = np.full((self.cells[i].size, self.cells[j].size), -1)
            slot[origin, goal] = np.arange(len(here))
            linked = slot[placed[i], placed[j]]
            rows = np.flatnonzero(linked >= 0)
            cell = group[rows] * len(here) + linked[rows]
            with_both[:, here] = np.bincount(cell, records.weights[rows], groups * len(here)).reshape(groups, -1)
        return with_first, with_second, with_both

    def named(self, k: int) -> str:
        first, second = self.cells[self.first[k]], self.cells[self.second[k]]
        return f"{second.named(int(self.goal[k]))} where {first.named(int(self.origin[k]))}"


@dataclass(frozen=True, eq=False)
class _Levels:
    """The values of one column of which there are enough patients, the others as one more at the end.

    Attributes:
        at: the value of each training record, ``(n,)``, from 0 to the number of values, which is none of them.
        cells: the cell of each value, ``(values,)``.
        patients: of each value, ``(values,)``.
    """

    at: NDArray[np.int64]
    cells: NDArray[np.int64]
    patients: NDArray[np.float64]

    @classmethod
    def of(cls, cells: Cells, train: Records) -> _Levels:
        placed = cells.of(train)
        patients = np.bincount(placed, train.weights, cells.size).astype(np.float64)
        # Labels that are not told apart are not one value; and what all patients have tells nothing of another value.
        patients[cells.size - 2] = 0
        enough = np.flatnonzero((patients >= PATIENTS) & (patients < train.n_patients * (1 - 1e-9)))
        level = np.full(cells.size, len(enough))
        level[enough] = np.arange(len(enough))
        return cls(level[placed], enough, patients[enough])

    @property
    def enough(self) -> bool:
        return len(self.cells) > 0


_Found = tuple[int, int, NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], NDArray[np.float64]]


def _both_ways(
    i: int, j: int, places: Sequence[_Levels], train: Records, patients: int, strong: float
) -> Iterator[_Found]:
    """The links from values of one column to those of another, and back: columns, cells, patients and strength."""
    one, other = places[i], places[j]
    width = len(other.cells) + 1
    cell = one.at * width + other.at
    joint = np.bincount(cell, train.weights, (len(one.cells) + 1) * width).reshape(-1, width)[:-1, :-1]
    for first, second, both, a, b in ((one, other, joint, i, j), (other, one, joint.T, j, i)):
        share = both / first.patients[:, None]
        by_chance = (second.patients / train.n_patients)[None, :]
        strength = share - by_chance
        origin, goal = np.nonzero(strength >= strong)
        expected = first.patients[origin] * patients / train.n_patients
        # Two successes and failures more (Agresti and Coull 1998), or a share of all would have no error.
        careful = (share[origin, goal] * expected + 2) / (expected + 4)
        chance = by_chance[0, goal]
        error = np.sqrt(np.maximum(careful * (1 - careful) / (expected + 4), chance * (1 - chance) / expected))
        sure = (expected >= EXPECTED) & (strength[origin, goal] > 2 * SURE * error)
        origin, goal = origin[sure], goal[sure]
        yield a, b, first.cells[origin], second.cells[goal], first.patients[origin], strength[origin, goal]


@dataclass(frozen=True, eq=False)
class _Kept:
    """Links in one set; arrays of shape ``(links,)``, or of ``(1 + 2 * halvings, links)``.

    Attributes:
        patients: with the first value.
        share: of these with the second value; NaN where there are none.
        all: the share of all patients with the second value.
    """

    patients: NDArray[np.float64]
    share: NDArray[np.float64]
    all: NDArray[np.float64]

    @classmethod
    def of(cls, first: NDArray[np.float64], second: NDArray[np.float64], both: NDArray[np.float64], n: Any) -> _Kept:
        share = np.divide(both, first, out=np.full_like(both, np.nan), where=first > 1e-9)
        return cls(first, share, second / n)

    @classmethod
    def whole(cls, links: _Links, records: Records) -> _Kept:
        first, second, both = links.sums(records, np.zeros(records.n, np.int64), 1)
        return cls.of(first[0], second[0], both[0], records.n_patients)

    @property
    def strength(self) -> NDArray[np.float64]:
        """0 where nobody has the first value."""
        return np.where(np.isnan(self.share), 0.0, self.share - self.all)


def _lacking(links: _Links, halves: Halves, records: Records, rng: np.random.Generator) -> NDArray[np.float64]:
    """The part of every link that a set lacks, below 0 where it is stronger there than in the training set.

    In the whole and in every half, ``(1 + 2 * halvings, links)``.
    """
    group = halves.assign(records, rng)
    first, second, both = (halves.chosen @ each for each in links.sums(records, group, halves.groups))
    patients = halves.chosen @ np.bincount(group, records.weights, halves.groups)
    kept = _Kept.of(first, second, both, patients[:, None])
    return np.asarray(1 - kept.strength / links.strength)


def _rows(comparison: Comparison, links: _Links) -> list[dict[str, Any]]:
    """Of each pair of columns the link with the largest loss beyond chance, worst first; of all records.

    What the holdout has not kept either is no loss. Chance is that of as many looks as there are links.
    """
    train, synthetic = (_Kept.whole(links, records) for records in (comparison.train, comparison.synthetic))
    holdout = None if comparison.holdout is None else _Kept.whole(links, comparison.holdout)
    real = train.strength if holdout is None else np.minimum(train.strength, holdout.strength)
    both = train.patients + synthetic.patients
    with_second = train.share * train.patients + np.nan_to_num(synthetic.share) * synthetic.patients
    pooled = (with_second + 2) / (both + 4)
    error = np.sqrt(pooled * (1 - pooled) * (1 / (train.patients + 2) + 1 / (synthetic.patients + 2)))
    loss = real - synthetic.strength - float(norm.isf(0.025 / len(links.strength))) * error
    rows: list[dict[str, Any]] = []
    seen: set[frozenset[int]] = set()
    for k in np.argsort(-loss, kind="stable").tolist():
        columns = frozenset((int(links.first[k]), int(links.second[k])))
        if loss[k] <= 0 or len(rows) == NAMED:
            break
        if columns not in seen:
            seen.add(columns)
            rows.append(
                {
                    "level": links.named(k),
                    "patients": round(float(train.patients[k])),
                    "rate_train": float(train.share[k]),
                    "rate_holdout": None if holdout is None or np.isnan(holdout.share[k]) else float(holdout.share[k]),
                    "rate_synthetic": None if np.isnan(synthetic.share[k]) else float(synthetic.share[k]),
                    "rate_of_all": float(train.all[k]),
                }
            )
    return rows
