"""Columns that another column determines leave before the model and come back exactly."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.levels import Cells, LevelCounts, Unit
from synthgen.errors import InputError

#: Between the two texts of a pair. The readers refuse NUL, so no cell holds it.
_BETWEEN = "\0"


@dataclass(frozen=True)
class Determined:
    """A declaration: the value of ``by`` fixes the value of ``column``.

    Attributes:
        unknown: what is written where the value of ``by`` is generated but what belongs to it may not be shown.
        merged: what rare values of ``by`` are merged into, and what stands beside that; ``None`` where one is nothing.
    """

    column: str
    by: str
    unknown: str
    merged: tuple[str, str] | None = None

    def summarise(self, by: pa.DictionaryArray, column: pa.DictionaryArray, unit: Unit) -> LevelCounts:
        """Count the pairs that stand in a block; merging is that of ``LevelCounts``."""
        width = len(column.dictionary)
        pairs = np.asarray(by.indices).astype(np.int64) * width + np.asarray(column.indices)
        distinct, indices = np.unique(pairs, return_inverse=True)
        causes, effects = by.dictionary.to_pylist(), column.dictionary.to_pylist()
        texts = [causes[pair // width] + _BETWEEN + effects[pair % width] for pair in distinct]
        cells = Cells(texts, indices.astype(np.int32), unit)
        return cells.levels(np.array(texts, object), np.ones(len(texts), bool))

    def solve(self, pairs: LevelCounts, rare_below: int) -> Mapping[str, str]:
        """The value for every value of ``by`` that enough patients have.

        Raises:
            InputError: some value of ``by`` has several values; with the share of rows that obey.
        """
        causes = np.array([str(key).split(_BETWEEN)[0] for key in pairs.keys], object)
        distinct, cause = np.unique(causes, return_inverse=True)
        if len(distinct) < len(pairs):
            share = obeying_share(cause.astype(np.int64), pairs.counts)
            raise InputError(
                f"column {self.column}: declared determined_by {self.by}, but only {share:.4%} of the rows obey; "
                "remove determined_by or mend the data"
            )
        common = pairs.take(pairs.patients >= rare_below)
        return dict(str(key).split(_BETWEEN) for key in common.keys)

    def restore(self, by: pa.DictionaryArray, known: Mapping[str, str]) -> pa.DictionaryArray:
        """The determined column for generated values of ``by``."""
        known = {**dict([] if self.merged is None else [self.merged]), **known}
        texts = [known.get(text, self.unknown) for text in by.dictionary.to_pylist()]
        return pa.DictionaryArray.from_arrays(by.indices, pa.array(texts, pa.string()))


def obeying_share(cause: NDArray[np.int64], counts: NDArray[np.int64]) -> float:
    """The share of rows that have the commonest value of their cause.

    Args:
        cause: the group of each distinct pair; ``counts``: the rows that have the pair.
    """
    commonest = np.zeros(int(cause.max()) + 1, np.int64)
    np.maximum.at(commonest, cause, counts)
    return float(commonest.sum() / counts.sum())
