"""Some rows of a table as a table of their own."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.schema.format import Format
from synthgen.tables.dataset import Table


@dataclass(frozen=True, eq=False)
class Part:
    """The rows of ``whole`` that are ``chosen``, in their order, read block by block as it is.

    Attributes:
        chosen: shape ``(n_rows,)``.
    """

    whole: Table
    chosen: NDArray[np.bool_]

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def source(self) -> str:
        return self.whole.source

    @property
    def columns(self) -> tuple[str, ...]:
        return self.whole.columns

    @property
    def format(self) -> Format:
        return self.whole.format

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        return self.whole.types

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The blocks, without rows that were not chosen."""
        first = 0
        for block in self.whole:
            yield block.filter(pa.array(self.chosen[first : first + block.num_rows]))
            first += block.num_rows

    def digest(self) -> bytes:
        """SHA-256 of the whole table and of which rows were chosen."""
        return hashlib.sha256(self.whole.digest() + np.packbits(self.chosen).tobytes()).digest()
