"""Tables that come in pieces, kept in temporary files until all of them are there."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa

from synthgen.schema.config import Format
from synthgen.tables.dataset import Dataset


@dataclass(frozen=True)
class SpooledTable:
    """A table in a temporary file (Arrow IPC), which lasts as long as the ``with`` of ``spooled``."""

    name: str
    path: Path
    columns: tuple[str, ...]
    format: Format
    types: Mapping[str, pa.DataType] = field(default_factory=dict)

    @property
    def source(self) -> str:
        return f"<{self.name}>"

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        with pa.OSFile(str(self.path)) as file, pa.ipc.open_stream(file) as reader:
            for batch in reader:
                encoded = [column.dictionary_encode() for column in batch.columns]
                yield pa.RecordBatch.from_arrays(encoded, names=list(self.columns))

    def digest(self) -> bytes:
        return hashlib.sha256(self.path.read_bytes()).digest()


@contextmanager
def spooled(
    blocks: Iterable[Mapping[str, pa.RecordBatch]],
    columns: Mapping[str, tuple[str, ...]],
    formats: Mapping[str, Format],
    types: Mapping[str, Mapping[str, pa.DataType]],
) -> Iterator[Dataset]:
    """All tables of the blocks, to be read while the ``with`` lasts.

    Args:
        blocks: at each step some rows of some tables.
        columns: of every table, those without rows included.
    """
    with TemporaryDirectory(prefix="synthgen-") as folder:
        paths = {name: Path(folder) / f"{at}.arrow" for at, name in enumerate(columns)}
        with ExitStack() as files:
            writers = {
                name: files.enter_context(pa.ipc.new_stream(str(path), _as_text(columns[name])))
                for name, path in paths.items()
            }
            for block in blocks:
                for name, batch in block.items():
                    writers[name].write_batch(batch.cast(_as_text(columns[name])))
        yield Dataset(
            {
                name: SpooledTable(name, path, columns[name], formats[name], types.get(name, {}))
                for name, path in paths.items()
            }
        )


def _as_text(columns: Iterable[str]) -> pa.Schema:
    """All columns as text."""
    return pa.schema([(column, pa.string()) for column in columns])
