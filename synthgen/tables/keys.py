"""Keys of one or more columns as numbers, so that rows of two tables are matched in bounded memory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

#: Any 16 characters: the hash serves to match, not to hide.
_HASH_KEY: Final = "synthgen matches"
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_SHIFT: Final = np.uint64(29)
#: Instead of a row, for a link that is missing, and for one that names no row.
MISSING: Final = -1
DANGLING: Final = -2


@dataclass(frozen=True)
class KeyColumns:
    """The columns that hold a key, or a link to one.

    Attributes:
        columns: their names, in the order of the key.
        missing: for each, the texts that mean missing; a blank one always does.
    """

    columns: tuple[str, ...]
    missing: tuple[tuple[str, ...], ...]

    def read(self, block: pa.RecordBatch) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
        """The hash of each row's key, and which rows lack a part of theirs.

        Keys are the same where their texts are, spaces around them apart. Two of n different keys share their 64-bit
        hash with a chance of about n² / 2⁶⁵: one in ten million for two million keys.
        """
        whole = np.zeros(block.num_rows, np.uint64)
        without = np.zeros(block.num_rows, bool)
        for column, tokens in zip(self.columns, self.missing, strict=True):
            cells = block.column(column)
            texts = pc.utf8_trim_whitespace(cells.dictionary)
            indices = np.asarray(cells.indices)
            part = hashes(texts)[indices]
            whole = part if len(self.columns) == 1 else _mixed(whole, part)
            without |= lacking(texts, tokens)[indices]
        return whole, without


def lacking(texts: pa.StringArray, tokens: Sequence[str]) -> NDArray[np.bool_]:
    """Which of some trimmed texts are no key: blank ones, and those that mean missing."""
    return np.asarray(pc.is_in(texts, pa.array(["", *(token.strip() for token in tokens)], pa.string())), bool)


def hashes(texts: pa.StringArray) -> NDArray[np.uint64]:
    """A 64-bit hash of each text: SipHash-2-4 (Aumasson and Bernstein 2012) under a key that is no secret."""
    import pandas as pd

    plain = texts.to_numpy(zero_copy_only=False)
    return np.asarray(pd.util.hash_array(plain, hash_key=_HASH_KEY, categorize=False), np.uint64)


@dataclass(frozen=True, eq=False)
class KeyIndex:
    """The rows of a table by the hash of their key.

    Attributes:
        sorted: the hashes in ascending order; of equal ones the row that comes first in the table is found.
        rows: int64, the row of each.
        missing: how many rows have no key; they are found by nobody.
        repeated: how many rows have the key of an earlier one.
    """

    sorted: NDArray[np.uint64]
    rows: NDArray[np.int64]
    missing: int
    repeated: int

    @classmethod
    def of(cls, keys: NDArray[np.uint64], missing: NDArray[np.bool_]) -> KeyIndex:
        """The index of the rows ``0 .. n-1`` with these hashes."""
        rows = np.flatnonzero(~missing)
        order = np.argsort(keys[rows], kind="stable")
        ordered = keys[rows][order]
        repeated = int((ordered[1:] == ordered[:-1]).sum())
        return cls(ordered, rows[order].astype(np.int64), int(missing.sum()), repeated)

    def find(self, keys: NDArray[np.uint64], missing: NDArray[np.bool_]) -> NDArray[np.int64]:
        """The row that each key names, ``MISSING`` or ``DANGLING`` where there is none."""
        if not len(self.sorted):
            return np.where(missing, MISSING, DANGLING)
        place = np.minimum(np.searchsorted(self.sorted, keys), len(self.sorted) - 1)
        found = np.where(self.sorted[place] == keys, self.rows[place], DANGLING)
        return np.where(missing, MISSING, found)


def concatenated(
    parts: Sequence[tuple[NDArray[np.uint64], NDArray[np.bool_]]],
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """What ``KeyColumns.read`` gave for several blocks, as if they were one."""
    keys = [key for key, _ in parts] or [np.empty(0, np.uint64)]
    return np.concatenate(keys), np.concatenate([without for _, without in parts] or [np.empty(0, bool)])


def _mixed(one: NDArray[np.uint64], other: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """A hash of pairs of hashes in which their order counts."""
    mixed = (one ^ (one >> _SHIFT)) * _MIX + other
    return np.asarray((mixed ^ (mixed >> _SHIFT)) * _MIX, np.uint64)
