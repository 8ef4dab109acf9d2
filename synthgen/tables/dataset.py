"""An extract as synthgen sees it: named tables of text, read block by block."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

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


@runtime_checkable
class Leveled(Protocol):
    """A table of a typed source whose types may say that levels have an order."""

    @property
    def levels(self) -> Mapping[str, tuple[str, ...]]:
        """By column, all levels that its type names, lowest first; only of columns whose type says so, and in full."""
        ...


@dataclass(frozen=True)
class Dataset:
    """The tables of one extract, by name."""

    tables: Mapping[str, Table]

    @property
    def source(self) -> str:
        """Where it came from, for messages: that of its only table, the folder of its files, else all sources."""
        sources = [table.source for table in self.tables.values()]
        folders = {str(Path(source).parent) for source in sources}
        alike = len(sources) > 1 and len(folders) == 1 and not any(source.startswith("<") for source in sources)
        return folders.pop() if alike else ", ".join(dict.fromkeys(sources))

    def digest(self) -> bytes:
        """SHA-256 of all tables and their names, whatever their order; of a single table, that of its content."""
        if len(self.tables) == 1:
            (table,) = self.tables.values()
            return table.digest()
        whole = hashlib.sha256()
        for name in sorted(self.tables):
            whole.update(hashlib.sha256(name.encode()).digest() + self.tables[name].digest())
        return whole.digest()
