"""An extract as synthgen sees it: named tables of text, read block by block."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from synthgen.schema.config import Format


class Table(Protocol):
    """A table whose every cell is the text that stood in the file.

    Iteration yields record batches with the columns of ``columns``, in that order, each a
    ``dictionary<values=string, indices=int32>`` array without nulls (an empty cell, or a null of a Parquet file,
    is the empty string). It can be repeated and always yields the same rows in the same order; the cuts
    between batches carry no meaning.
    """

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str:
        """Where it came from, for messages: a path, or ``<DataFrame>``."""
        ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def format(self) -> Format: ...

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        """The Arrow type of each column of a typed source (Parquet, DataFrame); empty for text files."""
        ...

    def __iter__(self) -> Iterator[pa.RecordBatch]: ...

    def digest(self) -> bytes:
        """SHA-256 of the content: file bytes, or the cells of a table in memory."""
        ...


@dataclass(frozen=True)
class Dataset:
    """The tables of one extract, by name."""

    tables: Mapping[str, Table]
