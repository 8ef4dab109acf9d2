"""The distinct values of a column as arrays, so that a question about all of them is one vectorised step."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.inference.profile import Profile


@dataclass(frozen=True, eq=False)
class Values:
    """The distinct texts of a column that do not mean missing, and who holds them.

    Attributes:
        texts: the distinct texts as they stand in the file.
        counts: rows of each text, same length.
        people: distinct patients of each text (rows where there is no patient column). Large counts may be cut off,
            and of a column with very many texts only the commonest are counted: the others have 0.
        complete: whether these are all the texts, or a sample of them.
        distinct: how many distinct texts there are (an estimate if not ``complete``).
    """

    texts: pa.Array
    counts: NDArray[np.int64]
    people: NDArray[np.int64]
    complete: bool
    distinct: int

    @cached_property
    def rows(self) -> int:
        """The number of rows that hold one of ``texts``."""
        return int(self.counts.sum())

    @cached_property
    def stripped(self) -> pa.Array:
        """``texts`` without spaces before and after."""
        return pc.utf8_trim_whitespace(self.texts)

    @cached_property
    def padded(self) -> bool:
        """Whether a text has spaces before or after it."""
        return not self.stripped.equals(self.texts)

    @property
    def unique(self) -> bool:
        """Whether hardly a value repeats (1 % may)."""
        return self.rows > 1 and min(self.distinct, self.rows) >= 0.99 * self.rows

    def match(self, pattern: str) -> NDArray[np.bool_]:
        """Which texts, without spaces around them, match ``pattern`` (RE2 syntax) whole."""
        return np.asarray(pc.match_substring_regex(self.stripped, f"^(?:{pattern})$"), dtype=bool)

    def share(self, which: NDArray[np.bool_]) -> float:
        """The share of the rows that hold one of ``which``; 0 where there are no rows."""
        return float(self.counts[which].sum()) / self.rows if self.rows else 0.0

    def matching(self, pattern: str) -> float:
        """The share of the rows whose text matches ``pattern``."""
        return self.share(self.match(pattern))

    def among(self, texts: Collection[str]) -> NDArray[np.bool_]:
        """Which texts, without spaces around them, are one of ``texts``."""
        return np.asarray(pc.is_in(self.stripped, pa.array(texts, pa.string())), dtype=bool)

    def take(self, which: NDArray[np.bool_]) -> Values:
        """Those of ``which`` alone."""
        left_out = len(self.texts) - int(which.sum())
        texts = self.texts.filter(pa.array(which))
        return Values(texts, self.counts[which], self.people[which], self.complete, self.distinct - left_out)


def values(column: Profile, people: Mapping[str, int] | None) -> Values:
    """The values of a profiled column; ``people``: patients by text, ``None`` where every row is a patient."""
    counts = np.fromiter(column.levels.values(), dtype=np.int64, count=len(column.levels))
    if people is None:
        holders = counts
    else:
        holders = np.fromiter((people.get(text, 0) for text in column.levels), dtype=np.int64, count=len(column.levels))
    return Values(pa.array(column.levels, pa.string()), counts, holders, column.complete, column.distinct)
