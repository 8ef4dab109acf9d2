"""The summary behind the copula: how often levels of two axes occur together. Integers on fixed levels, so they add."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from synthgen.models._copula.axes import Axis

#: An axis with more levels is counted against others by groups of its levels.
MOST_LEVELS = 40
#: Groups for the rarer levels where no hierarchy gives any.
_GROUPS_OF_REST = 10
#: Rows counted at a time, so that the level of each row stays in the processor's cache.
_ROWS = 16_384

Table: TypeAlias = NDArray[np.int64] | NDArray[np.float64]


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
    def of(cls, axis: Axis, counts: Table) -> Grouping:
        """Group the levels of an axis by their counts.

        Ordered levels become stretches of about equal mass; of others the commonest stay by themselves, and the rest
        are merged by the coarser groups of the hierarchy where there is one, else into groups that mean nothing but
        are small, so that something of their levels' association is left in them.
        """
        n = axis.n_levels
        if n <= MOST_LEVELS:
            return cls(np.arange(n))
        if axis.ordered:
            middles = np.cumsum(counts) - counts / 2
            return cls(_dense((middles * MOST_LEVELS / max(counts.sum(), 1)).astype(np.int64)))
        rest = _dense(np.array(axis.groups) if axis.groups else np.arange(n) % _GROUPS_OF_REST)
        singled = np.argsort(-counts, kind="stable")[: max(MOST_LEVELS - (int(rest.max()) + 1), 1)]
        group = rest + len(singled)
        group[singled] = np.arange(len(singled))
        return cls(_dense(group))

    def means(self, scores: NDArray[np.float64], shares: NDArray[np.float64]) -> NDArray[np.float64]:
        """The mean score of each group of levels, ``(n_groups,)``; 0 for groups of no share."""
        weight = np.bincount(self.group, shares, self.n_groups)
        total = np.bincount(self.group, shares * scores, self.n_groups)
        return np.divide(total, weight, out=np.zeros_like(total), where=weight > 0)


def _dense(group: NDArray[np.int64]) -> NDArray[np.int64]:
    return np.unique(group, return_inverse=True)[1].astype(np.int64)


@dataclass(frozen=True, eq=False)
class PairTables:
    """Counts for every pair of axes; ``merge`` adds, and nothing counted (no tables) adds nothing.

    Attributes:
        tables: by ``(a, b)``: levels of ``a`` by groups of ``b``. Where neither axis is coarse only ``a < b`` is kept,
            else a table for each axis that is coarse, with that axis first.
    """

    tables: dict[tuple[int, int], Table]

    def merge(self, other: PairTables) -> PairTables:
        if not self.tables or not other.tables:
            return self if self.tables else other
        return PairTables({pair: table + other.tables[pair] for pair, table in self.tables.items()})


def pairs_to_count(groupings: Sequence[Grouping]) -> Iterator[tuple[int, int]]:
    """Which axes are counted by levels (first) against which by groups (second)."""
    for a, first in enumerate(groupings):
        for b, second in enumerate(groupings):
            if a != b and (first.coarse or (not second.coarse and a < b)):
                yield a, b


def count_pairs(
    axes: Sequence[Axis],
    groupings: Sequence[Grouping],
    codes: NDArray[np.int32],
    weights: NDArray[np.float64] | None = None,
) -> PairTables:
    """Count one block of codes, shape ``(n_rows, n_code_columns)``."""
    result = PairTables({})
    for start in range(0, len(codes), _ROWS):
        part = slice(start, start + _ROWS)
        result = result.merge(_count(axes, groupings, codes[part], None if weights is None else weights[part]))
    return result


def _count(
    axes: Sequence[Axis],
    groupings: Sequence[Grouping],
    codes: NDArray[np.int32],
    weights: NDArray[np.float64] | None,
) -> PairTables:
    fine: list[NDArray[np.int64]] = []
    coarse: list[NDArray[np.int64]] = []
    for axis, grouping in zip(axes, groupings, strict=True):
        # Unobserved cells get a level of their own behind the last, which is cut off below.
        lookup = np.where(axis.level_of_code < 0, axis.n_levels, axis.level_of_code)
        levels = lookup[codes[:, axis.column]]
        fine.append(levels)
        coarse.append(np.r_[grouping.group, grouping.n_groups][levels] if grouping.coarse else levels)
    tables: dict[tuple[int, int], Table] = {}
    scaled, cell = np.empty(len(codes), np.int64), np.empty(len(codes), np.int64)
    for a, b in pairs_to_count(groupings):
        rows, columns = axes[a].n_levels, groupings[b].n_groups
        np.multiply(fine[a], columns + 1, out=scaled)
        np.add(scaled, coarse[b], out=cell)
        counts: Table = np.bincount(cell, weights, (rows + 1) * (columns + 1))
        tables[a, b] = counts.reshape(rows + 1, columns + 1)[:rows, :columns]
    return PairTables(tables)
