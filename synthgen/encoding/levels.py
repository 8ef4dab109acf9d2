"""The one summary behind every encoder: how often each level occurs, and in how many distinct patients."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_NOBODY = np.iinfo(np.uint64).max
#: Rows that are looked at first, in the order of their patients' hashes.
_HEAD: Final = 2048


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
        return np.asarray(np.count_nonzero(self.witnesses != _NOBODY, axis=1), np.int64)

    def take(self, chosen: NDArray[Any]) -> LevelCounts:
        """The levels at ``chosen``, a mask or positions in ascending order."""
        return LevelCounts(self.keys[chosen], self.counts[chosen], self.witnesses[chosen])

    def regroup(self, keys: NDArray[Any]) -> LevelCounts:
        """The same rows under other names: level ``i`` becomes ``keys[i]``, equal names are added up."""
        names, group = _distinct(keys)
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
    result = _first_distinct(level[:_HEAD], n_levels, hashes[:_HEAD], width)
    if width == 0 or len(level) <= _HEAD:
        return result
    # Most rows have a common level, and a common level has its smallest hashes among the first rows.
    unfilled = result[:, -1] == _NOBODY
    rest = np.flatnonzero(unfilled[level])
    found = _first_distinct(level[rest], n_levels, hashes[rest], width)
    return np.where(unfilled[:, None], found, result)


def _first_distinct(
    level: NDArray[np.integer[Any]], n_levels: int, hashes: NDArray[np.uint64], width: int
) -> NDArray[np.uint64]:
    result = np.full((n_levels, width), _NOBODY, np.uint64)
    if width == 0 or len(level) == 0:
        return result
    # numpy sorts 16-bit integers by radix, which is several times faster here.
    small = level.astype(np.uint16) if n_levels <= np.iinfo(np.uint16).max else level
    order = np.argsort(small, kind="stable")
    level, hashes = level[order], hashes[order]
    first_of_level = np.ones(len(level), bool)
    first_of_level[1:] = level[1:] != level[:-1]
    distinct = first_of_level.copy()
    distinct[1:] |= hashes[1:] != hashes[:-1]
    rank = np.cumsum(distinct)
    starts = np.flatnonzero(first_of_level)
    rank -= np.repeat(rank[starts], np.diff(starts, append=len(level)))
    kept = distinct & (rank < width)
    result[level[kept], rank[kept]] = hashes[kept]
    return result


def _distinct(keys: NDArray[Any]) -> tuple[NDArray[Any], NDArray[np.intp]]:
    """The distinct keys, sorted, and the place of each key among them."""
    if keys.dtype != object:
        names, places = np.unique(keys, return_inverse=True)
        return names, places
    # For texts numpy would compare objects one by one.
    texts = keys.tolist()
    place = {text: i for i, text in enumerate(sorted(set(texts)))}
    names = np.empty(len(place), object)
    names[:] = list(place)
    return names, np.fromiter(map(place.__getitem__, texts), np.intp, len(texts))


@dataclass(frozen=True)
class Unit:
    """Whose rows the rows of one block are.

    Attributes:
        hashes: keyed hashes of the rows' patients, uint64, ascending; ``None`` where the row is the unit.
        order: int64, the row that each of ``hashes`` belongs to; ``None`` where the row is the unit.
        width: how many distinct patients have to be told apart (``rare_below``).
    """

    hashes: NDArray[np.uint64] | None
    order: NDArray[np.int64] | None
    width: int

    @classmethod
    def patients(cls, hashes: NDArray[np.uint64], width: int) -> Unit:
        """Rows of patients, given the keyed hash of each row's patient."""
        order = np.argsort(hashes, kind="stable")
        return cls(hashes[order], order, width)

    @classmethod
    def rows(cls) -> Unit:
        """Each row is a unit of its own."""
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

    @cached_property
    def rows(self) -> NDArray[np.int64]:
        """Rows per text, shape ``(len(texts),)``; 0 for what only other blocks hold."""
        return np.bincount(self.indices, minlength=len(self.texts)).astype(np.int64)

    def levels(self, keys: NDArray[Any], chosen: NDArray[np.bool_]) -> LevelCounts:
        """Count levels.

        Args:
            keys: the level of each distinct text, shape ``(len(texts),)``.
            chosen: which texts to count; the others' rows are left out.
        """
        chosen = chosen & (self.rows > 0)
        names, group = _distinct(keys[chosen])
        counts = np.zeros(len(names), np.int64)
        np.add.at(counts, group, self.rows[chosen])
        if self.unit.hashes is None or self.unit.order is None:
            return LevelCounts(names, counts, np.empty((len(names), 0), np.uint64))
        level_of_text = np.full(len(self.texts), -1, np.int32)
        level_of_text[chosen] = group
        level = level_of_text[self.indices[self.unit.order]]
        hashes = self.unit.hashes
        if not chosen[self.rows > 0].all():
            counted = level >= 0
            level, hashes = level[counted], hashes[counted]
        return LevelCounts(names, counts, smallest_sorted_hashes(level, len(names), hashes, self.unit.width))
