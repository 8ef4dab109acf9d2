"""Small tables for the tests of inference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from synthgen.inference import Inference, infer
from synthgen.schema.column import Column
from synthgen.schema.config import Format


@dataclass(frozen=True)
class Cells:
    """A table in memory, in blocks of three rows so that nothing depends on one block being all."""

    cells: Mapping[str, list[str]]
    name: str = "visits"
    source: str = "<test>"
    format: Format = field(default_factory=Format)
    types: Mapping[str, pa.DataType] = field(default_factory=dict)
    levels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.cells)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        arrays = [pa.array(texts, pa.string()) for texts in self.cells.values()]
        for start in range(0, len(arrays[0]), 3):
            yield pa.record_batch(
                [array.slice(start, 3).dictionary_encode() for array in arrays], names=list(self.cells)
            )

    def digest(self) -> bytes:
        return b""


def inferred(cells: Mapping[str, list[str]], **table: object) -> Inference:
    return infer(Cells(cells, **table))  # type: ignore[arg-type]


def kind_of(name: str, texts: list[str]) -> Column:
    """What a column of these texts, alone in its table, is taken for."""
    return inferred({name: texts}).schema.tables["visits"].columns[name]


def told(inference: Inference, column: str | None) -> str:
    """The notes on a column, joined."""
    return "; ".join(note.text for note in inference.notes if note.column == column)


def told_of(inference: Inference, table: str, column: str | None) -> str:
    """The notes on a column of one of several tables, joined."""
    return "; ".join(note.text for note in inference.notes if (note.table, note.column) == (table, column))
