"""Tables in memory, from Arrow or pandas, under the same rules as Parquet files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from synthgen.errors import InputError
from synthgen.schema.config import Format
from synthgen.tables.arrow import check_types, coarsest_unit, has_unit, is_ordered, levels_of, to_text
from synthgen.tables.names import check_names

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class MemoryTable:
    """A table whose cells stand in memory as text; made by ``from_arrow`` or ``from_pandas``."""

    name: str
    source: str
    columns: tuple[str, ...]
    types: Mapping[str, pa.DataType]
    blocks: tuple[pa.RecordBatch, ...] = field(repr=False)
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    format: Format = field(default=Format(), init=False)

    @classmethod
    def from_arrow(cls, table: pa.Table, name: str, *, source: str = "<Arrow table>") -> MemoryTable:
        """The cells of an Arrow table, a null as the empty text.

        Raises:
            InputError: there are no rows, a column name is blank or occurs twice, or a column has no text.
        """
        check_names(source, table.column_names)
        check_types(source, table.schema)
        if table.num_rows == 0:
            raise InputError(f"{source}: found no rows; give a table that has some")
        columns = {field.name: table.column(field.name) for field in table.schema}
        units = {name: coarsest_unit(column) for name, column in columns.items() if has_unit(column.type)}
        blocks = tuple(
            pa.record_batch([to_text(batch.column(name), units.get(name)) for name in columns], names=list(columns))
            for batch in table.to_batches()
            if batch.num_rows
        )
        types = {name: column.type for name, column in columns.items()}
        ordered = {name: levels_of(column.chunks) for name, column in columns.items() if is_ordered(column.type)}
        levels = {name: known for name, known in ordered.items() if known}
        return cls(name, source, tuple(columns), types, blocks, levels)

    @classmethod
    def from_pandas(cls, frame: pd.DataFrame, name: str) -> MemoryTable:
        """The cells of a DataFrame without its index; ``None``, ``NaN`` and ``NaT`` are the empty text.

        Raises:
            InputError: as ``from_arrow``; or a column holds values of several types.
        """
        source = "<DataFrame>"
        columns = [str(column) for column in frame.columns]
        check_names(source, columns)
        return cls.from_arrow(
            pa.table({column: _array(frame.iloc[:, i], column, source) for i, column in enumerate(columns)}),
            name,
            source=source,
        )

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The blocks."""
        return iter(self.blocks)

    def digest(self) -> bytes:
        """SHA-256 of the names, types and cells, whatever the cuts between blocks."""
        types = {column: str(kind) for column, kind in self.types.items()}
        total = hashlib.sha256(json.dumps([list(self.columns), types]).encode())
        for i in range(len(self.columns)):
            lengths, texts = hashlib.sha256(), hashlib.sha256()
            for block in self.blocks:
                cells = block.column(i).cast(pa.large_string())
                sizes = pc.binary_length(cells).to_numpy()
                lengths.update(sizes.tobytes())
                texts.update(memoryview(cells.buffers()[2] or b"")[: int(sizes.sum())])
            total.update(lengths.digest() + texts.digest())
        return total.digest()


def _array(series: pd.Series[Any], column: str, source: str) -> pa.Array:
    try:
        return pa.Array.from_pandas(series)
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError):
        # Arrow's own message holds a cell
        raise InputError(f"{source}: column {column} holds values of several types; make them one, or text") from None
