"""The summary behind the copula: how often levels of two axes occur together. Integers on fixed levels, so they add."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthgen.models._axes import Axis

#: An axis with more levels is counted against others by groups of its levels.
MOST_LEVELS = 40


@dataclass(frozen=True, eq=False)
class Grouping:
    """The levels of an axis and what they are counted as beside another axis.

    Attributes:
        group: int64 ``(n_levels,)``, the group of each level; each level its own where there are few.
    """

    group: NDArray[np.int64]

    @cached_property
    def n_groups(self) -> int:
        return int(self.group.max()) + 1

    @property
    def coarse(self) -> bool:
        return self.n_groups < len(self.group)

    @classmethod
    def of(cls, axis: Axis, counts: NDArray[np.int64]) -> Grouping:
        """Group the levels by their counts: ordered ones into stretches of equal mass, others into the commonest
        levels, each by itself, and the rest by the coarser groups of the hierarchy where there is one."""
        n = axis.n_levels
        if n <= MOST_LEVELS:
            return cls(np.arange(n))
        if axis.ordered:
            middles = np.cumsum(counts) - counts / 2
            return cls(_dense((middles * MOST_LEVELS / max(counts.sum(), 1)).astype(np.int64)))
        rest = np.array(axis.groups or [0] * n, np.int64)
        singled = np.argsort(-counts, kind="stable")[: max(MOST_LEVELS - (int(rest.max()) + 1), 1)]
        group = rest + len(singled)
        group[singled] = np.arange(len(singled))
        return cls(_dense(group))


def _dense(group: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, eq=False)
class PairTables:
    """Counts for every pair of axes; ``merge`` adds.

    Attributes:
        tables: by ``(a, b)``: levels of ``a`` by groups of ``b``. Where neither axis is coarse only ``a < b`` is kept,
            else a table for each axis that is coarse, with that axis first.
    """

    tables: dict[tuple[int, int], NDArray[np.int64] | NDArray[np.float64]]

    def merge(self, other: PairTables) -> PairTables:
        return PairTables({pair: table + other.tables[pair] for pair, table in self.tables.items()})

    def between(self, a: int, b: int) -> NDArray[np.int64] | NDArray[np.float64] | None:
        """Levels of ``a`` by groups of ``b``, whichever way they were counted."""
        if (a, b) in self.tables:
            return self.tables[a, b]
        return self.tables[b, a].T if (b, a) in self.tables else None


def pairs_to_count(groupings: Sequence[Grouping]) -> Iterator[tuple[int, int]]:
    """Which axes are counted by levels (first) against which by groups (second)."""
    for a in range(len(groupings)):
        for b in range(a + 1, len(groupings)):
            if groupings[a].coarse or not groupings[b].coarse:
                yield a, b
            if groupings[b].coarse:
                yield b, a


def count_pairs(
    axes: Sequence[Axis],
    groupings: Sequence[Grouping],
    codes: NDArray[np.int32],
    weights: NDArray[np.float64] | None = None,
) -> PairTables:
    """Count one block of codes, shape ``(n_rows, n_code_columns)``."""
    fine: list[NDArray[np.int64]] = []
    coarse: list[NDArray[np.int64]] = []
    for axis, grouping in zip(axes, groupings, strict=True):
        # Unobserved cells get a level of their own behind the last, which is cut off below.
        lookup = axis.level_of_code.copy()
        lookup[lookup < 0] = axis.n_levels
        levels = lookup[codes[:, axis.column]]
        fine.append(levels)
        coarse.append(np.r_[grouping.group, grouping.n_groups][levels] if grouping.coarse else levels)
    tables: dict[tuple[int, int], NDArray[np.int64] | NDArray[np.float64]] = {}
    scaled: dict[tuple[int, int], NDArray[np.int64]] = {}
    for a, b in pairs_to_count(groupings):
        rows, columns = axes[a].n_levels, groupings[b].n_groups
        if (a, columns) not in scaled:
            scaled = {key: value for key, value in scaled.items() if key[0] == a}
            scaled[a, columns] = fine[a] * (columns + 1)
        flat = np.bincount(scaled[a, columns] + coarse[b], weights, (rows + 1) * (columns + 1))
        tables[a, b] = flat.reshape(rows + 1, columns + 1)[:rows, :columns]
    return PairTables(tables)
