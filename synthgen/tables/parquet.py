"""Tables in Parquet files, their cells as text and their types kept to write them back."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.errors import InputError
from synthgen.schema.config import Format
from synthgen.tables.arrow import (
    check_types,
    coarsest_unit,
    finest,
    has_unit,
    is_ordered,
    levels_of,
    to_text,
)
from synthgen.tables.kept import Kept
from synthgen.tables.names import check_names
from synthgen.tables.text import legible

_BLOCK_ROWS = 1 << 16


@dataclass(frozen=True, eq=False)
class ParquetTable:
    """A Parquet file; made by ``open``."""

    path: Path
    name: str
    types: Mapping[str, pa.DataType]
    format: Format = field(default=Format(), init=False)
    _kept: Kept = field(default_factory=Kept, init=False, repr=False)

    @classmethod
    def open(cls, path: Path, name: str, *, may_be_rowless: bool = False) -> ParquetTable:
        """Read the footer of the file.

        Args:
            may_be_rowless: whether columns alone will do, as they do for one of several tables.

        Raises:
            InputError: the file is missing, no whole Parquet file, without rows, or a column has no text.
        """
        with _opened(path) as file:
            schema, n_rows = file.schema_arrow, file.metadata.num_rows
        check_names(str(path), schema.names)
        check_types(str(path), schema)
        if n_rows == 0 and not may_be_rowless:
            raise InputError(f"{path}: found only a header and no rows; export the file again")
        return cls(path, name, dict(zip(schema.names, schema.types, strict=True)))

    @property
    def source(self) -> str:
        """The path."""
        return str(self.path)

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(self.types)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Blocks of rows; kept after the first pass where they fit in memory."""
        return self._kept.replay(self._read)

    def digest(self) -> bytes:
        """SHA-256 of the bytes of the file."""
        with legible(self.path), self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()

    def _read(self) -> Iterator[pa.RecordBatch]:
        units = self._units
        for batch in _batches(self.path, self.columns):
            cells = [to_text(batch.column(i), units.get(name)) for i, name in enumerate(self.columns)]
            yield pa.record_batch(cells, names=list(self.columns))

    @cached_property
    def levels(self) -> Mapping[str, tuple[str, ...]]:
        """By column, the levels of an ordered categorical, lowest first, where the file keeps their order."""
        with _opened(self.path) as file:
            groups = [file.metadata.row_group(at) for at in range(file.metadata.num_row_groups)]
            # Without a dictionary page, Arrow makes a dictionary of the values as they come, whatever the type says.
            names = [
                name
                for at, (name, kind) in enumerate(self.types.items())
                if is_ordered(kind) and all(group.column(at).has_dictionary_page for group in groups)
            ]
        batches = list(_batches(self.path, names)) if names else []
        found = {name: levels_of(batch.column(name) for batch in batches) for name in names}
        return {name: levels for name, levels in found.items() if levels}

    @cached_property
    def _units(self) -> Mapping[str, str]:
        """For each column of times the unit that all its cells are written in, so that they look alike."""
        times = [name for name, kind in self.types.items() if has_unit(kind)]
        units = dict.fromkeys(times, "s")
        for batch in _batches(self.path, times) if times else ():
            for name in times:
                units[name] = finest((units[name], coarsest_unit(batch.column(name))))
        return units


def _opened(path: Path) -> pq.ParquetFile:
    with legible(path):
        try:
            return pq.ParquetFile(path)
        except pa.ArrowInvalid:
            raise InputError(f"{path}: is not a whole Parquet file; export it again") from None


def _batches(path: Path, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    with _opened(path) as file:
        try:
            yield from file.iter_batches(_BLOCK_ROWS, columns=list(columns))
        except (pa.ArrowInvalid, OSError):
            raise InputError(f"{path}: holds damaged data; export it again") from None
