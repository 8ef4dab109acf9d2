"""What one streaming pass learns of each column: its distinct texts and how many rows hold them, in bounded memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

#: How many distinct texts of a column are kept. Of a column with more, a random sample of this size is.
MOST_LEVELS = 200_000


@dataclass(frozen=True)
class Profile:
    """The distinct texts of a column and the number of rows of each.

    Of a column with more than ``limit`` distinct texts, those with the smallest hashes are kept: a uniform sample of
    the distinct texts, whose counts are exact and which does not depend on the order of the rows. (A text among the
    smallest of the whole is among the smallest of every part that holds it, so no row of it was ever passed over.)
    Hence ``profile(a ++ b) == merge(profile(a), profile(b))`` exactly. Bottom-k sketch: Cohen and Kaplan 2007,
    "Summarizing data using bottom-k sketches".

    Attributes:
        rows: the number of rows of the column.
        levels: rows by text.
        complete: whether ``levels`` are all the texts there are.
        limit: how many texts are kept.
    """

    rows: int = 0
    levels: Mapping[str, int] = field(default_factory=dict)
    complete: bool = True
    limit: int = MOST_LEVELS

    @property
    def distinct(self) -> int:
        """The number of distinct texts; an estimate (to about 0.2 % at the default limit) where not ``complete``."""
        if self.complete:
            return len(self.levels)
        return round((self.limit - 1) / max(map(_place, self.levels)))


def merge(one: Profile, other: Profile) -> Profile:
    """The profile of the rows of both. Both keep the same number of texts."""
    levels = Counter(one.levels)
    levels.update(other.levels)
    complete = one.complete and other.complete and len(levels) <= one.limit
    kept = levels if len(levels) <= one.limit else _smallest(levels, one.limit)
    return Profile(one.rows + other.rows, dict(kept), complete, one.limit)


def profile(
    batches: Iterable[pa.RecordBatch], columns: tuple[str, ...], limit: int = MOST_LEVELS
) -> dict[str, Profile]:
    """The profile of every column, by name. ``batches`` hold dictionary columns without nulls, in that order."""
    growing = {name: _Growing(limit) for name in columns}
    rows = 0
    for batch in batches:
        rows += batch.num_rows
        for name, array in zip(columns, batch.columns, strict=True):
            counts = np.bincount(array.indices.to_numpy(), minlength=len(array.dictionary))
            held = np.flatnonzero(counts)  # a dictionary may serve many batches and hold texts of others
            growing[name].add(array.dictionary.take(held).to_pylist(), counts[held].tolist())
    return {name: each.done(rows) for name, each in growing.items()}


def translate(array: pa.DictionaryArray, meaning: Callable[[str], int]) -> NDArray[np.int64]:
    """``meaning`` of each row's text, asked once for every text that a row holds."""
    codes = array.indices.to_numpy()
    held = np.flatnonzero(np.bincount(codes, minlength=len(array.dictionary)))
    of_text = np.zeros(len(array.dictionary), dtype=np.int64)
    of_text[held] = [meaning(text) for text in array.dictionary.take(held).to_pylist()]
    translated: NDArray[np.int64] = of_text[codes]
    return translated


@dataclass
class _Growing:
    """The levels of one column while batches come in; holds at most twice ``limit`` texts and a batch."""

    limit: int
    levels: dict[str, int] = field(default_factory=dict)
    complete: bool = True

    def add(self, texts: list[str], counts: list[int]) -> None:
        levels = self.levels
        for text, count in zip(texts, counts, strict=True):
            levels[text] = levels.get(text, 0) + count
        if len(levels) > 2 * self.limit:
            self._cut()

    def done(self, rows: int) -> Profile:
        if len(self.levels) > self.limit:
            self._cut()
        return Profile(rows, self.levels, self.complete, self.limit)

    def _cut(self) -> None:
        # A text cut here may come back later with part of its rows, but never into the final sample:
        # `limit` texts with smaller hashes are already known.
        self.levels = _smallest(self.levels, self.limit)
        self.complete = False


def _smallest(levels: Mapping[str, int], limit: int) -> dict[str, int]:
    kept = sorted(levels, key=_place)[:limit]
    return {text: levels[text] for text in kept}


def _place(text: str) -> float:
    """A number in (0, 1] that depends on the text alone and is as good as random."""
    return (int.from_bytes(blake2b(text.encode(), digest_size=8).digest()) + 1) / 2.0**64
