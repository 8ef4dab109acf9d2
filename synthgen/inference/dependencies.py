"""Columns whose value is fixed by that of another column, found exactly on the data."""

from __future__ import annotations

import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations
from types import MappingProxyType

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.inference.patients import ENOUGH
from synthgen.inference.profile import translate
from synthgen.inference.values import Values

#: Columns with more distinct texts than this take no part.
MOST_LEVELS = 2_000
#: A column determines another only if its levels have this many rows on average.
_ROWS_PER_LEVEL = 3
#: Dependencies that hold in this share of the rows are worth a note.
NEARLY = 0.99
#: ... if they also explain this share of the rows that do not hold the commonest value (Goodman and Kruskal's lambda).
_EXPLAINED = 0.9
#: The chance at which an accident is ruled out, for all pairs of columns together.
_ACCIDENT = 1e-6
#: What a column is called that says in words what another says in codes.
_DESCRIPTION = re.compile(r"description|display")


@dataclass(frozen=True)
class Dependency:
    """``determined`` follows from ``by``.

    Attributes:
        share: of the rows, those that hold the commonest value of ``determined`` for their value of ``by``.
        one_to_one: whether ``by`` follows from ``determined`` as well.
    """

    by: str
    determined: str
    share: float
    one_to_one: bool = False


def find_dependencies(
    batches: Iterable[pa.RecordBatch],
    columns: Sequence[str],
    levels: Mapping[str, Values],
    personal: Collection[str] = (),
    missing: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> list[Dependency]:
    """At most one dependency for each column, exact ones before near ones, without circles.

    Missing tokens count as values. An exact dependency is believed when it is no accident, judged by patients, not
    by rows, so that one person's repeated rows prove nothing. With n(a) the patients of level a of the determining
    column and p(b) the shares of the values of the determined one:

    - the chance that all levels are pure if the columns were independent, the product over a of
      sum over b of p(b) ** n(a), must be below 1e-6 divided by the number of pairs; and
    - of the patients with a value other than the commonest, more than half must repeat what another patient of the
      same level shows. A rare value that always meets levels of a single patient is determined by accident.

    Where a column is named as the description of another (``REASONCODE``, ``REASONDESCRIPTION``), its name is proof
    enough.

    What follows from a missing value does not: that only women were asked tells the sex of the others, but the next one
    who is not asked may be a woman.

    Of several determining columns the one with the fewest levels is taken; of two columns that determine each other
    the first stays.

    Args:
        columns: the columns of ``batches``, in order.
        levels: the columns to look at with all their texts, missing tokens included.
        personal: those of them that may say who somebody is; they determine nothing.
        missing: the missing tokens by column.
    """
    names = [name for name in columns if name in levels and 1 < levels[name].distinct <= MOST_LEVELS]
    pairs = [
        _Pair(by, of, levels[by], levels[of])
        for by, of in permutations(names, 2)
        if by not in personal and _may(by, of, levels)
    ]
    places = {name: _places(levels[name]) for name in names}
    for batch in batches:
        codes = {name: translate(batch.column(columns.index(name)), places[name].__getitem__) for name in names}
        pairs = [pair for pair in pairs if pair.add(codes[pair.by], codes[pair.of])]
    pairs = [pair for pair in pairs if not pair.follows_from_nothing(missing)]
    exact = {
        (pair.by, pair.of)
        for pair in pairs
        if pair.violations == 0 and (_describes(pair.of, pair.by) or pair.no_accident(len(names)))
    }
    found = {}
    for pair in sorted(pairs, key=lambda pair: (pair.violations, len(pair.left.texts), columns.index(pair.by))):
        mutual = (pair.of, pair.by) in exact
        if pair.of in found or (mutual and columns.index(pair.of) < columns.index(pair.by)):
            continue
        if pair.violations or (pair.by, pair.of) in exact:
            found[pair.of] = Dependency(pair.by, pair.of, 1 - pair.violations / pair.left.rows, mutual)
    return [found[name] for name in columns if name in found]


def _may(by: str, of: str, levels: Mapping[str, Values]) -> bool:
    enough = levels[by].rows >= _ROWS_PER_LEVEL * levels[by].distinct or _describes(of, by)
    return levels[by].distinct >= levels[of].distinct and enough


def _describes(name: str, code: str) -> bool:
    """Whether a column is named as the description of another."""
    return name != code and _DESCRIPTION.sub("code", name.lower()) == code.lower()


def _places(column: Values) -> dict[str, int]:
    return {text: place for place, text in enumerate(column.texts.to_pylist())}


class _Pair:
    """How often each value of one column meets each of another, as long as the one may still follow from the other."""

    def __init__(self, by: str, of: str, left: Values, right: Values) -> None:
        self.by, self.of, self.left, self.right = by, of, left, right
        self.violations = 0
        self.allowed = min((1 - NEARLY) * right.rows, (1 - _EXPLAINED) * (right.rows - int(right.counts.max())))
        self.met = np.empty(0, dtype=np.int64)
        self.rows = np.empty(0, dtype=np.int64)

    def add(self, left: NDArray[np.int64], right: NDArray[np.int64]) -> bool:
        """Count more rows. False when too many contradict; they only become more with further rows."""
        width = len(self.right.texts)
        size = len(self.left.texts) * width
        cells = left * width + right
        if size <= 4 * len(cells):
            rows = np.bincount(cells, minlength=size)
            met = np.flatnonzero(rows)
            rows = rows[met]
        else:
            met, rows = np.unique(cells, return_counts=True)
        if self.met.size:
            every = np.union1d(met, self.met)
            total = np.zeros(len(every), dtype=np.int64)
            total[np.searchsorted(every, met)] += rows
            total[np.searchsorted(every, self.met)] += self.rows
            met, rows = every, total
        self.met, self.rows = met, rows
        starts = np.flatnonzero(np.diff(met // width, prepend=-1))
        self.violations = int(rows.sum() - np.maximum.reduceat(rows, starts).sum())
        return self.violations <= self.allowed

    def follows_from_nothing(self, missing: Mapping[str, Collection[str]]) -> bool:
        """Whether there is a value where the column that determines it has none."""
        level, value = np.divmod(self.met, len(self.right.texts))
        without = self.left.among([*missing.get(self.by, ())])[level]
        return bool((without & ~self.right.among([*missing.get(self.of, ())])[value]).any())

    def no_accident(self, columns: int) -> bool:
        """Whether chance cannot explain that there is no contradiction; see ``find_dependencies``."""
        level, value = np.divmod(self.met, len(self.right.texts))
        people = self.left.people[level].clip(max=ENOUGH)
        share = self.right.counts / self.right.rows
        pure = np.log([float((share**count).sum()) for count in np.unique(people)])
        chance = float(pure[np.searchsorted(np.unique(people), people)].sum())
        rare = people[value != int(np.argmax(self.right.counts))]
        repeats = int((rare - 1).clip(0).sum())
        return chance < math.log(_ACCIDENT / columns**2) and 2 * repeats > int(rare.sum())
