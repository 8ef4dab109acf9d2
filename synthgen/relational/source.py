"""Rows as models take them: code arrays in blocks, and the rows of a file that are learned from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.models.base import Codes, CodeSource

_ROWS_PER_BLOCK: Final = 65_536


@dataclass(frozen=True, eq=False)
class BlockSource:
    """Some columns of a code array, block by block.

    Attributes:
        codes: of any integer type; the blocks are int32.
        columns: which of its columns; all where ``None``.
        rows: which row stands where; all in order where ``None``.
    """

    domains: tuple[Domain, ...]
    codes: NDArray[np.integer[Any]]
    columns: tuple[int, ...] | None = None
    rows: NDArray[np.int64] | None = None

    @property
    def n_rows(self) -> int:
        return len(self.codes if self.rows is None else self.rows)

    def __iter__(self) -> Iterator[Codes]:
        columns = range(len(self.domains)) if self.columns is None else self.columns
        for first in range(0, self.n_rows, _ROWS_PER_BLOCK):
            block = slice(first, min(first + _ROWS_PER_BLOCK, self.n_rows))
            rows = block if self.rows is None else self.rows[block]
            found = np.empty((block.stop - block.start, len(self.domains)), np.int32, order="F")
            for at, column in enumerate(columns):
                found[:, at] = self.codes[rows, column]
            yield found


@dataclass(frozen=True, eq=False)
class Beside:
    """Two sources of the same rows, the columns of the second behind those of the first."""

    first: CodeSource
    second: CodeSource

    @property
    def domains(self) -> tuple[Domain, ...]:
        return (*self.first.domains, *self.second.domains)

    @property
    def n_rows(self) -> int:
        return self.first.n_rows

    def __iter__(self) -> Iterator[Codes]:
        for left, right in zip(self.first, self.second, strict=True):
            yield np.asfortranarray(np.concatenate([left, right], axis=1))


def cut(values: NDArray[np.int64]) -> _Cut:
    """An array in the blocks of ``BlockSource``."""
    return _Cut(values)


@dataclass(frozen=True, eq=False)
class _Cut:
    values: NDArray[np.int64]

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        for first in range(0, len(self.values), _ROWS_PER_BLOCK):
            yield self.values[first : first + _ROWS_PER_BLOCK]


def taken(block: pa.RecordBatch, kept: NDArray[np.int64]) -> pa.RecordBatch:
    """Some rows of a block, with dictionaries that hold their texts only: nothing of the others is left to read."""
    if len(kept) == block.num_rows:
        return block
    columns: list[pa.Array] = []
    for column in block.columns:
        indices = np.asarray(column.indices)[kept]
        used = np.flatnonzero(np.bincount(indices, minlength=len(column.dictionary)))
        place = np.empty(len(column.dictionary), np.int32)
        place[used] = np.arange(len(used))
        columns.append(pa.DictionaryArray.from_arrays(pa.array(place[indices]), column.dictionary.take(pa.array(used))))
    return pa.RecordBatch.from_arrays(columns, names=block.schema.names)
