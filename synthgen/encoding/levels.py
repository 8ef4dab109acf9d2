"""The one summary behind every encoder: how often each level occurs, and in how many distinct patients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_NOBODY = np.iinfo(np.uint64).max


@dataclass(frozen=True, eq=False)
class LevelCounts:
    """Counts of levels; ``merge`` is exact, commutative and associative.

    Attributes:
        keys: the distinct levels, sorted: int64, or text as an object array.
        counts: int64, rows per level.
        witnesses: uint64 of shape ``(n_levels, rare_below)``: the smallest keyed hashes of the patients who have the
            level, padded with the largest uint64. The number of distinct patients is known exactly below that width,
            and that is all that the disclosure step asks. Width 0 where rows are the unit.
    """

    keys: NDArray[Any]
    counts: NDArray[np.int64]
    witnesses: NDArray[np.uint64]

    def __len__(self) -> int:
        return len(self.keys)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, LevelCounts)
            and np.array_equal(self.keys, other.keys)
            and np.array_equal(self.counts, other.counts)
            and np.array_equal(self.witnesses, other.witnesses)
        )

    __hash__ = None  # type: ignore[assignment]

    @property
    def patients(self) -> NDArray[np.int64]:
        """Distinct patients per level, capped at the width of ``witnesses`` (uncapped where rows are the unit)."""
        if self.witnesses.shape[1] == 0:
            return self.counts
        return np.count_nonzero(self.witnesses != _NOBODY, axis=1).astype(np.int64)

    def take(self, chosen: NDArray[Any]) -> LevelCounts:
        """The levels at ``chosen``, a mask or positions in ascending order."""
        return LevelCounts(self.keys[chosen], self.counts[chosen], self.witnesses[chosen])

    def regroup(self, keys: NDArray[Any]) -> LevelCounts:
        """The same rows under other names: level ``i`` becomes ``keys[i]``, equal names are added up."""
        names, group = np.unique(keys, return_inverse=True)
        counts = np.zeros(len(names), np.int64)
        np.add.at(counts, group, self.counts)
        width = self.witnesses.shape[1]
        level = np.repeat(group, width)
        hashes = self.witnesses.ravel()
        somebody = hashes != _NOBODY
        return LevelCounts(names, counts, smallest_hashes(level[somebody], len(names), hashes[somebody], width))

    def merge(self, other: LevelCounts) -> LevelCounts:
        both = LevelCounts(
            np.concatenate([self.keys, other.keys]),
            np.concatenate([self.counts, other.counts]),
            np.concatenate([self.witnesses, other.witnesses]),
        )
        return both.regroup(both.keys)

    def pooled_patients(self) -> int:
        """Distinct patients over all levels together, capped like ``patients``."""
        if len(self) == 0:
            return 0
        return int(self.regroup(np.zeros(len(self), np.int64)).patients[0])


def empty(text: bool, width: int) -> LevelCounts:
    """No level at all: the neutral element of ``merge``."""
    keys: NDArray[Any] = np.empty(0, object if text else np.int64)
    return LevelCounts(keys, np.empty(0, np.int64), np.empty((0, width), np.uint64))


def smallest_hashes(
    level: NDArray[np.integer[Any]], n_levels: int, hashes: NDArray[np.uint64], width: int
) -> NDArray[np.uint64]:
    """The ``width`` smallest distinct hashes per level, ascending, padded: shape ``(n_levels, width)``."""
    order = np.argsort(hashes, kind="stable")
    return smallest_sorted_hashes(level[order], n_levels, hashes[order], width)


def smallest_sorted_hashes(
    level: NDArray[np.integer[Any]], n_levels: int, hashes: NDArray[np.uint64], width: int
) -> NDArray[np.uint64]:
    """As ``smallest_hashes``, for hashes that ascend already."""
    result = np.full((n_levels, width), _NOBODY, np.uint64)
    if width == 0 or len(level) == 0:
        return result
    # numpy sorts 16-bit integers by radix, which is several times faster here.
    small = level.astype(np.uint16) if n_levels <= np.iinfo(np.uint16).max else level
    order = np.argsort(small, kind="stable")
    level, hashes = level[order], hashes[order]
    first_of_level = np.r_[True, level[1:] != level[:-1]]
    distinct = first_of_level | np.r_[True, hashes[1:] != hashes[:-1]]
    rank = np.cumsum(distinct) - 1
    starts = np.flatnonzero(first_of_level)
    rank = rank - np.repeat(rank[starts], np.diff(np.r_[starts, len(level)]))
    kept = distinct & (rank < width)
    result[level[kept], rank[kept]] = hashes[kept]
    return result


@dataclass(frozen=True)
class Unit:
    """Whose rows the rows of one block are.

    Attributes:
        hashes: keyed hash of each row's patient, uint64; ``None`` where the row is the unit.
        order: the rows in ascending order of hash.
        width: how many distinct patients have to be told apart (``rare_below``).
    """

    hashes: NDArray[np.uint64] | None
    order: NDArray[np.int64] | None
    width: int

    @classmethod
    def patients(cls, hashes: NDArray[np.uint64], width: int) -> Unit:
        order = np.argsort(hashes, kind="stable")
        return cls(hashes[order], order, width)

    @classmethod
    def rows(cls) -> Unit:
        return cls(None, None, 0)


@dataclass(frozen=True)
class Cells:
    """The cells of one column of one block: distinct texts and where they stand.

    Attributes:
        texts: the distinct texts.
        indices: int32 ``(n_rows,)``, the position in ``texts`` of each row's cell.
    """

    texts: list[str]
    indices: NDArray[np.int32]
    unit: Unit

    def levels(self, keys: NDArray[Any], chosen: NDArray[np.bool_]) -> LevelCounts:
        """Count levels.

        Args:
            keys: the level of each distinct text, shape ``(len(texts),)``.
            chosen: which texts to count; the others' rows are left out.
        """
        rows_per_text = np.bincount(self.indices, minlength=len(self.texts))
        chosen = chosen & (rows_per_text > 0)
        names, group = np.unique(keys[chosen], return_inverse=True)
        counts = np.zeros(len(names), np.int64)
        np.add.at(counts, group, rows_per_text[chosen])
        if self.unit.hashes is None or self.unit.order is None:
            return LevelCounts(names, counts, np.empty((len(names), 0), np.uint64))
        level_of_text = np.full(len(self.texts), -1, np.int32)
        level_of_text[chosen] = group
        level = level_of_text[self.indices[self.unit.order]]
        counted = level >= 0
        hashes = self.unit.hashes
        if not counted.all():
            level, hashes = level[counted], hashes[counted]
        return LevelCounts(names, counts, smallest_sorted_hashes(level, len(names), hashes, self.unit.width))
