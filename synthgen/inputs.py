"""What the verbs are given: tables in whatever form, a config or none, a seed or none."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias, Union

from synthgen import inference
from synthgen.errors import InputError
from synthgen.schema import load as schema_file
from synthgen.schema.config import Schema
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.memory import MemoryTable
from synthgen.tables.read import read

if TYPE_CHECKING:
    import pandas as pd

#: A path, a DataFrame, several of them by the names of their tables, or tables that were read already.
Data: TypeAlias = Union[Path, str, "pd.DataFrame", "Mapping[str, pd.DataFrame]", Dataset]


def drawn_seed(seed: int | None) -> int:
    """The seed, or a fresh one."""
    return secrets.randbelow(2**31) if seed is None else seed


def split_path(model: Path) -> Path:
    """Where the split of a model stands."""
    return model.with_name(model.name + ".split")


def dataset_of(data: Data, schema: Schema | None) -> Dataset:
    """The tables, read as the schema says where there is one.

    Raises:
        InputError: they cannot be read, or contradict the schema.
    """
    if isinstance(data, Dataset):
        return data
    if isinstance(data, Mapping):
        return Dataset({name: MemoryTable.from_pandas(frame, name) for name, frame in data.items()})
    if isinstance(data, Path | str):
        return read(Path(data), schema=schema)
    name = next(iter(schema.tables)) if schema is not None else "table"
    return Dataset({name: MemoryTable.from_pandas(data, name)})


def only_table(dataset: Dataset) -> Table:
    """The table of an extract that has one.

    Raises:
        InputError: it has several.
    """
    if len(dataset.tables) != 1:
        sources = ", ".join(table.source for table in dataset.tables.values())
        raise InputError(f"found {len(dataset.tables)} tables ({sources}) where one is meant; name one file")
    (table,) = dataset.tables.values()
    return table


def with_schema(data: Data, schema: Schema | Path | str | None) -> tuple[Dataset, Schema]:
    """The tables of an extract and its schema, which is read from its path or inferred from the tables.

    Raises:
        InputError: the data or the config cannot be read, or contradict each other.
    """
    dataset, found, _ = inferred(data, schema)
    return dataset, found


def inferred(data: Data, schema: Schema | Path | str | None) -> tuple[Dataset, Schema, tuple[str, ...]]:
    """As ``with_schema``; and what was inferred, a line each, nothing where there is a schema.

    Raises:
        InputError: the data or the config cannot be read, or contradict each other.
    """
    if isinstance(schema, Path | str):
        schema = schema_file.load(Path(schema))
    dataset = dataset_of(data, schema)
    if schema is not None:
        return dataset, schema, ()
    several = len(dataset.tables) > 1
    found = inference.infer_tables(dataset) if several else inference.infer(only_table(dataset))
    return dataset, found.schema, tuple(_line(note, several=several) for note in found.notes)


def _line(note: inference.Note, *, several: bool) -> str:
    places = [place for place in (note.table if several else None, note.column) if place]
    return f"{'.'.join(places)}: {note.text}" if places else note.text
