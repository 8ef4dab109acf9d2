"""The one step between what was counted and what is kept: nothing that fewer than ``rare_below`` patients share."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.levels import LevelCounts


def keep_common(
    levels: LevelCounts, rare_below: int, *, other: str | None, parent: Callable[[str], str | None] = lambda text: None
) -> list[str]:
    """The text levels that may be kept, sorted.

    Rare levels are backed off to their parents as often as needed; what is rare still is merged into ``other``,
    which is kept where it then has enough patients. So a rare level belongs to its nearest kept ancestor, else to
    ``other`` where that is kept, and else it had to be given up, as all are without ``other``.

    Args:
        parent: the next coarser text, ``None`` at the top.
    """
    while movable := {text: up for text in _rare(levels, rare_below) if (up := parent(text)) is not None}:
        # Deepest first, so that a rare child can still lift its rare parent above the threshold.
        depth = max(map(len, movable))
        moved = {text: up for text, up in movable.items() if len(text) == depth}
        levels = levels.regroup(np.array([moved.get(str(key), str(key)) for key in levels.keys], object))
    if other is not None and (rare := _rare(levels, rare_below)):
        levels = levels.regroup(np.array([other if str(key) in rare else str(key) for key in levels.keys], object))
    return [str(key) for key in levels.keys[levels.patients >= rare_below]]


def _rare(levels: LevelCounts, rare_below: int) -> set[str]:
    return {str(key) for key in levels.keys[levels.patients < rare_below]}


def keep_common_tokens(levels: LevelCounts, rare_below: int) -> list[str]:
    """The missing tokens that may be kept, the commonest first; rare ones belong to it.

    Empty where all together are too few.
    """
    if levels.pooled_patients() < rare_below:
        return []
    commonest = str(levels.keys[int(np.argmax(levels.counts))])
    kept = keep_common(levels, rare_below, other=commonest)
    return [commonest, *(token for token in kept if token != commonest)] if commonest in kept else kept


def trimmed_range(levels: LevelCounts, rare_below: int) -> tuple[int, int] | None:
    """The range of integer keys without the tails that fewer than ``rare_below`` patients reach.

    ``None`` where all levels together have fewer patients.
    """
    if levels.pooled_patients() < rare_below:
        return None
    return int(levels.keys[_reach(levels, rare_below)]), int(levels.keys[::-1][_reach(_reversed(levels), rare_below)])


def _reversed(levels: LevelCounts) -> LevelCounts:
    return LevelCounts(levels.keys[::-1], levels.counts[::-1], levels.witnesses[::-1])


def _reach(levels: LevelCounts, rare_below: int) -> int:
    """How many levels from the front it takes, less one, to see ``rare_below`` patients."""
    if levels.witnesses.shape[1] == 0:
        return int(np.searchsorted(np.cumsum(levels.counts), rare_below))
    seen: set[int] = set()
    for position, witnesses in enumerate(levels.witnesses):
        seen.update(int(hash_) for hash_ in witnesses if hash_ != np.iinfo(np.uint64).max)
        if len(seen) >= rare_below:
            return position
    raise ValueError("fewer patients than asked for")


def merge_thin_bins(levels: LevelCounts, starts: NDArray[np.int64], rare_below: int) -> NDArray[np.int64]:
    """Drop bin starts until every bin of ``levels`` holds at least ``rare_below`` patients.

    Args:
        starts: the first key of each bin, ascending; the last bin is open.
    """
    while len(starts) > 1:
        bins = np.clip(np.searchsorted(starts, levels.keys, side="right") - 1, 0, None)
        levels = levels.regroup(starts[bins])
        thin = np.flatnonzero(~np.isin(starts, levels.keys[levels.patients >= rare_below]))
        if len(thin) == 0:
            break
        starts = np.delete(starts, max(int(thin[0]), 1))
    return starts
