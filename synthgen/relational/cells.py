"""Cells of the tables of an extract: of some rows in their order, and as columns of their derived tables."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.errors import InputError
from synthgen.relational.codec import Plan
from synthgen.relational.fold import (
    NONE,
)
from synthgen.relational.source import taken
from synthgen.tables.dataset import Table


def contrary(source: str, record: int, column: str, expected: str) -> InputError:
    """What is told of a cell that contradicts its declared kind."""
    return InputError(
        f"{source}: record {record}, column {column}: expected {expected}, found another text; mend the value, or "
        "declare it under `missing` or `atoms`, or declare another kind"
    )


def cells_of(table: Table, source: NDArray[np.int64]) -> dict[str, pa.DictionaryArray]:
    """The cells of some rows in their order, with dictionaries that hold their texts only."""
    kept = np.sort(source)
    parts: list[pa.RecordBatch] = []
    first = 0
    for block in table:
        low, high = np.searchsorted(kept, (first, first + block.num_rows))
        parts.append(taken(block, kept[low:high] - first))
        first += block.num_rows
    order = pa.array(np.searchsorted(kept, source))
    found: dict[str, pa.DictionaryArray] = {}
    for at, name in enumerate(table.columns):
        if not parts:
            found[name] = pa.array([], pa.string()).dictionary_encode()
            continue
        whole = pa.chunked_array([part.column(at) for part in parts]).unify_dictionaries().combine_chunks()
        found[name] = (whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole).take(order)
    return found


def whole(table: Table) -> pa.RecordBatch:
    """A table that is kept as it is."""
    n_rows = sum(block.num_rows for block in table)
    cells = cells_of(table, np.arange(n_rows))
    return pa.RecordBatch.from_arrays([*cells.values()], names=[*cells])


def block_of(cells: Mapping[str, pa.DictionaryArray], plan: Plan, n: int) -> pa.RecordBatch:
    """The columns of a derived table; where there is nothing to tell, as ``NONE``."""
    nothing = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([NONE]))
    columns = [*plan.config.columns]
    return pa.RecordBatch.from_arrays([cells.get(column, nothing) for column in columns], names=columns)


def counts(cells: pa.DictionaryArray) -> NDArray[np.int64]:
    """How often each text of the dictionary occurs."""
    return np.bincount(np.asarray(cells.indices), minlength=len(cells.dictionary))


def as_cells(numbers: NDArray[np.int64]) -> pa.DictionaryArray:
    """Whole numbers as cells."""
    return pa.array(numbers).cast(pa.string()).dictionary_encode()
