"""How many distinct patients hold each of the commoner texts of a column: what decides if a text may be named."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.inference.profile import Profile, translate

#: Counting stops at this many patients of a text: a threshold for rare texts lies far below.
ENOUGH = 64
#: Of a column with more texts than this, the commonest are counted, texts that are no figures before figures.
MOST_COUNTED = 2_000
#: After this many rows most levels have enough patients and need no more counting.
_FIRST_ROWS = 4_096


#: The hash of the patient of each row of a block.
Whose = Callable[[pa.RecordBatch], NDArray[np.uint64]]


def named_in(column: str) -> Whose:
    """The patient that a column names."""
    # Two patients with the same hash would count as one; that hardly happens, and errs on the careful side.
    return lambda block: translate(block.column(column), hash).view(np.uint64)


def count_patients(
    batches: Iterable[pa.RecordBatch], profiles: Mapping[str, Profile], whose: Whose, enough: int = ENOUGH
) -> dict[str, dict[str, int]]:
    """Distinct patients by column and text, at most ``enough`` each.

    ``batches`` have the columns of ``profiles``, in that order. Memory is bounded by texts times ``enough``.
    """
    columns = list(profiles)
    watched = {name: _Watched(_worth_counting(column), enough) for name, column in profiles.items()}
    for batch in batches:
        patients = whose(batch)
        for name, array in zip(columns, batch.columns, strict=True):
            watched[name].add(array, patients)
    return {name: each.done() for name, each in watched.items()}


def _worth_counting(column: Profile) -> tuple[str, ...]:
    levels = column.levels
    if len(levels) <= MOST_COUNTED:
        return tuple(levels)
    commonest = sorted(
        (text for text in levels if levels[text] > 1), key=lambda text: (text[:1].isdigit(), -levels[text])
    )
    return tuple(commonest[:MOST_COUNTED])


@dataclass
class _Watched:
    """The patients seen so far with each text of one column, as numbers that mix text and patient."""

    texts: Sequence[str]
    enough: int
    places: dict[str, int] = field(init=False)
    counts: NDArray[np.int64] = field(init=False)
    seen: NDArray[np.uint64] = field(init=False)

    def __post_init__(self) -> None:
        self.places = {text: place for place, text in enumerate(self.texts)}
        self.counts = np.zeros(len(self.texts) + 1, dtype=np.int64)  # the last place is for texts not watched
        self.counts[-1] = self.enough
        self.seen = np.empty(0, dtype=np.uint64)

    def add(self, array: pa.DictionaryArray, whose: NDArray[np.uint64]) -> None:
        nowhere = len(self.texts)
        places = translate(array, lambda text: self.places.get(text, nowhere))
        for piece in _pieces(len(places)):
            wanted = self.counts[places[piece]] < self.enough
            if wanted.any():
                self._count(places[piece][wanted], whose[piece][wanted])

    def _count(self, places: NDArray[np.int64], whose: NDArray[np.uint64]) -> None:
        mixed = whose ^ (places.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15))
        new, first = np.unique(mixed, return_index=True)
        fresh = ~np.isin(new, self.seen)
        self.counts += np.bincount(places[first[fresh]], minlength=len(self.counts))
        self.seen = np.concatenate([self.seen, new[fresh]])

    def done(self) -> dict[str, int]:
        return {text: min(int(count), self.enough) for text, count in zip(self.texts, self.counts, strict=False)}


def _pieces(rows: int) -> Iterator[slice]:
    yield slice(0, _FIRST_ROWS)
    if rows > _FIRST_ROWS:
        yield slice(_FIRST_ROWS, rows)
