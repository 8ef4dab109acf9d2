"""Reads an extract: a file, or a folder with one table in each file."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from synthgen.errors import InputError
from synthgen.schema.config import Schema
from synthgen.schema.table import TableConfig
from synthgen.tables.csv import CsvTable
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.detect import detect
from synthgen.tables.memory import MemoryTable
from synthgen.tables.parquet import ParquetTable

__all__ = ["SUFFIXES", "CsvTable", "MemoryTable", "ParquetTable", "read", "stem"]

#: The endings of file names that hold tables, in any case.
SUFFIXES = (".csv", ".csv.gz", ".tsv", ".parquet")


def read(path: Path, *, schema: Schema | None = None) -> Dataset:
    """The tables of a file or folder; only headers and Parquet footers are read at once, rows when iterated.

    Each file is a table named by its stem; in a folder, files with other endings and hidden ones are passed over.
    With ``schema``, text files are read in its format or the table's own (a ``.tsv`` always with tabs) and must have
    its tables and columns: where it and the data have one table each, the table takes the name in the schema; columns
    of kind ``drop`` may be absent; a preamble may be, as in what synthgen writes; one of several tables may have no
    rows. Without it the format is detected.

    Raises:
        InputError: nothing to read there, a file is not what its ending says, or it contradicts the schema.
    """
    files = _files(path)
    if schema is None:
        return Dataset({name: _open(file, name) for name, file in files.items()})
    if len(files) == len(schema.tables) == 1:
        files = dict(zip(schema.tables, files.values(), strict=True))
    _check_tables(path, files, schema)
    tables = {name: _open_as(files[name], name, schema) for name in schema.tables}
    differences = [text for name, table in tables.items() if (text := _differences(table, schema.tables[name]))]
    if differences:
        raise InputError(f"{'; '.join(differences)}; mend the config or the data")
    return Dataset(tables)


def stem(path: Path) -> str:
    """The file's name without the ending that says its format.

    Raises:
        InputError: the ending is none of ``SUFFIXES``.
    """
    for suffix in SUFFIXES:
        if path.name.lower().endswith(suffix) and len(path.name) > len(suffix):
            return path.name[: -len(suffix)]
    raise InputError(f"{path}: found the ending {path.suffix or 'none'}; expected one of {' '.join(SUFFIXES)}")


def _files(path: Path) -> dict[str, Path]:
    if not path.is_dir():
        if not path.exists():
            raise InputError(f"{path}: there is no such file or folder; correct the path")
        return {stem(path): path}
    files: dict[str, Path] = {}
    for file in sorted(path.iterdir()):
        if file.name.startswith(".") or not file.name.lower().endswith(SUFFIXES) or not file.is_file():
            continue
        name = stem(file)
        if name in files:
            raise InputError(f"{path}: {files[name].name} and {file.name} are both table {name}; remove one")
        files[name] = file
    if not files:
        raise InputError(f"{path}: the folder holds no table; expected files that end in {' '.join(SUFFIXES)}")
    return files


def _open(path: Path, name: str) -> Table:
    if path.name.lower().endswith(".parquet"):
        return ParquetTable.open(path, name)
    return CsvTable.open(path, name, detect(path))


def _open_as(path: Path, name: str, schema: Schema) -> Table:
    several = len(schema.tables) > 1
    if path.name.lower().endswith(".parquet"):
        return ParquetTable.open(path, name, may_be_rowless=several)
    dialect = schema.format_of(name)
    if path.name.lower().endswith(".tsv"):
        dialect = dialect.model_copy(update={"delimiter": "\t"})
    if dialect.preamble:
        with suppress(InputError):  # without its preamble the file may be anything; it is then read as declared
            table = CsvTable.open(path, name, dialect.model_copy(update={"preamble": 0}), may_be_rowless=several)
            if not _differences(table, schema.tables[name]):
                return table
    return CsvTable.open(path, name, dialect, may_be_rowless=several)


def _check_tables(path: Path, files: Mapping[str, Path], schema: Schema) -> None:
    absent = [name for name in schema.tables if name not in files]
    unknown = [file.name for name, file in files.items() if name not in schema.tables]
    if absent or unknown:
        found = _joined("has no file for table", absent), _joined("has files that the config does not name:", unknown)
        raise InputError(f"{path}: {' and '.join(filter(None, found))}; mend the config or the folder")


def _differences(table: Table, config: TableConfig) -> str:
    """What the columns of the table and those of the config do not share, as words; empty where nothing."""
    declared = [name for name, column in config.columns.items() if column.kind != "drop" or name in table.columns]
    if not set(declared) & set(table.columns):  # perhaps no header at all: its names are then cells, not to be shown
        return f"{table.source}: none of the {len(declared)} columns of the config is in the header"
    absent = [name for name in declared if name not in table.columns]
    unknown = [name for name in table.columns if name not in config.columns]
    found = _joined("lacks the config's", absent), _joined("has columns that the config lacks:", unknown)
    return f"{table.source}: {' and '.join(filter(None, found))}" if absent or unknown else ""


def _joined(words: str, names: list[str]) -> str:
    return f"{words} {', '.join(names)}" if names else ""
