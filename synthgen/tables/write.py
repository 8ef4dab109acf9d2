"""Writes tables in the dialect and the types of their originals; a file appears whole or not at all."""

from __future__ import annotations

import codecs
import gzip
import os
import re
import secrets
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from itertools import chain
from pathlib import Path
from typing import BinaryIO, cast

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from synthgen.errors import InputError, SynthgenError
from synthgen.schema.config import Format
from synthgen.tables.arrow import from_text
from synthgen.tables.dataset import Dataset
from synthgen.tables.read import stem

#: So many rows are joined to lines at once: few enough to stay in the processor's cache.
_SLICE_ROWS = 1 << 13
_GROUP_ROWS = 1 << 17
_GZIP_LEVEL = 6


def write_table(
    path: Path,
    name: str,
    columns: Sequence[str],
    blocks: Iterable[pa.RecordBatch],
    format: Format,  # noqa: A002 - its name in the config
    types: Mapping[str, pa.DataType],
) -> None:
    """Write one table as its ending says: ``.csv``, ``.csv.gz``, ``.tsv`` (with tabs) or ``.parquet``.

    The file is written beside its place and renamed, so that it replaces an older one only when it is whole; its
    bytes follow from the content alone. Text files have no preamble; only cells that need quotes have them.

    Args:
        path: the file.
        name: the table's name, for messages.
        columns: the header; the columns of every block, in this order.
        blocks: columns of text, as strings or dictionaries, without nulls.
        format: the dialect of a text file.
        types: for Parquet, the types of columns that are not text; there an empty cell is a null.

    Raises:
        InputError: the ending is another or the parent does not exist; a cell has characters that the encoding
            lacks, or is no value of the column's type.
    """
    stem(path)
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file")
    lower = path.name.lower()
    dialect = format.model_copy(update={"delimiter": "\t"}) if lower.endswith(".tsv") else format
    with _whole(path) as temporary:
        if lower.endswith(".parquet"):
            _write_parquet(temporary, name, columns, blocks, types)
            return
        with temporary.open("wb") as file:
            if not lower.endswith(".gz"):
                _write_text(file, name, columns, blocks, dialect)
                return
            with gzip.GzipFile("", "wb", _GZIP_LEVEL, file, mtime=0) as packed:
                _write_text(cast(BinaryIO, packed), name, columns, blocks, dialect)


def write_text(path: Path, text: str) -> None:
    """Write a text file in UTF-8, whole or not at all.

    Raises:
        InputError: the parent of ``path`` does not exist.
        SynthgenError: the disk refused.
    """
    with _whole(path) as beside:
        beside.write_text(text, encoding="utf-8", newline="\n")


def write_dataset(folder: Path, dataset: Dataset, suffix: str | Mapping[str, str]) -> None:
    """Write every table of the data set to a file of its own in ``folder``, which appears with all of them or not.

    In a folder that is there already, the files are put in place once all are whole; where one cannot be, all are as
    they were. Files of other names stay.

    Args:
        folder: the folder; its parent exists.
        dataset: the tables.
        suffix: what the names of the files end in, for example ``.csv.gz``; or that of each table.

    Raises:
        InputError: as ``write_table``; or ``folder`` is a file.
        SynthgenError: the disk refused.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file, and a folder is needed; choose another name")
    with _whole(folder) as temporary:
        temporary.mkdir()
        for name, table in dataset.tables.items():
            ending = suffix if isinstance(suffix, str) else suffix[name]
            write_table(temporary / f"{name}{ending}", name, table.columns, table, table.format, table.types)
        if folder.is_dir():
            put(sorted(temporary.iterdir()), folder)


def put(files: Sequence[Path], folder: Path) -> None:
    """Move files into a folder; after any exception those that were there before are there again, and no other.

    Raises:
        InputError: a folder is in the place of one of them.
    """
    with ExitStack() as undo:
        for file in files:
            place = folder / file.name
            old = file.with_name(file.name + ".old")
            if place.is_dir():
                raise InputError(f"{place}: is a folder; remove it, or choose another name")
            if place.exists():
                os.replace(place, old)
                undo.callback(os.replace, old, place)
            os.replace(file, place)
            undo.callback(place.unlink, missing_ok=True)
        undo.pop_all()
    for file in files:
        file.with_name(file.name + ".old").unlink(missing_ok=True)


@contextmanager
def _whole(path: Path) -> Iterator[Path]:
    """A path beside ``path`` for a file or folder that takes its place at the end, and is gone after any exception."""
    if not path.parent.is_dir():
        raise InputError(f"{path}: the folder {path.parent} does not exist; make it first")
    whole = path.absolute()  # ``.`` has no name
    temporary = whole.with_name(f".{whole.name}.{secrets.token_hex(4)}")
    try:
        yield temporary
        if temporary.is_dir() and not any(temporary.iterdir()):
            return  # its files went to their places one by one
        os.replace(temporary, path)
    except OSError as error:
        raise SynthgenError(f"{path}: cannot be written ({error.strerror}); mend that or name another place") from error
    finally:
        if temporary.is_dir():
            shutil.rmtree(temporary)
        temporary.unlink(missing_ok=True)


def _write_text(
    file: BinaryIO, name: str, columns: Sequence[str], blocks: Iterable[pa.RecordBatch], dialect: Format
) -> None:
    encoder = codecs.getincrementalencoder(dialect.encoding)()
    utf8 = codecs.lookup(dialect.encoding).name == "utf-8"
    header = pa.record_batch([pa.array([column]) for column in columns], names=list(columns))
    for block in chain([header], blocks):
        try:
            for lines in _lines(block, dialect):
                file.write(lines if utf8 else encoder.encode(str(lines, "utf-8")))
        except UnicodeEncodeError:
            raise _unencodable(block, name, columns, dialect) from None


def _lines(block: pa.RecordBatch, dialect: Format) -> Iterator[memoryview]:
    """The rows as lines of UTF-8, some at a time."""
    only = block.num_columns == 1  # there an empty cell would be a blank line, which is no row
    cells = [_changed(column, partial(_quoted, dialect=dialect, empty=only)) for column in block.columns]
    # the end of the line goes to the few values of a dictionary, not to every row
    cells[-1] = _changed(cells[-1], lambda texts: pc.binary_join_element_wise(texts, dialect.newline, ""))
    for start in range(0, block.num_rows, _SLICE_ROWS):
        texts = [column.slice(start, _SLICE_ROWS).cast(pa.string()) for column in cells]
        yield _data(texts[0] if only else pc.binary_join_element_wise(*texts, dialect.delimiter))


def _changed(column: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """The column with ``change`` made to its texts, or to those of its dictionary where they are fewer."""
    if pa.types.is_dictionary(column.type) and len(column.dictionary) <= len(column):
        return pa.DictionaryArray.from_arrays(column.indices, change(column.dictionary))
    return change(column.cast(pa.string()))


def _quoted(texts: pa.Array, dialect: Format, empty: bool) -> pa.Array:
    """The texts, in quotes where they would not be read back without, or all."""
    if dialect.quoted:
        return _enclosed(texts, dialect)
    special = f"[{re.escape(dialect.delimiter)}{re.escape(dialect.quote)}\r\n]"
    if not empty and not re.search(special.encode(), _data(texts)):
        return texts
    bare = pc.invert(pc.match_substring_regex(texts, special))
    if empty:
        bare = pc.and_(bare, pc.not_equal(texts, ""))
    return pc.if_else(bare, texts, _enclosed(texts, dialect))


def _enclosed(texts: pa.Array, dialect: Format) -> pa.Array:
    doubled = pc.replace_substring(texts, dialect.quote, dialect.quote * 2)
    return pc.binary_join_element_wise(dialect.quote, doubled, dialect.quote, "")


def _data(texts: pa.Array) -> memoryview:
    """The bytes of all texts, one after the other."""
    _, offsets, data = texts.buffers()
    if data is None:
        return memoryview(b"")
    bounds = memoryview(offsets).cast("b").cast("i")
    return memoryview(data)[bounds[texts.offset] : bounds[texts.offset + len(texts)]]


def _unencodable(block: pa.RecordBatch, name: str, columns: Sequence[str], dialect: Format) -> InputError:
    def lacks(column: pa.Array) -> bool:
        try:
            "".join(column.cast(pa.string()).to_pylist()).encode(dialect.encoding)
        except UnicodeEncodeError:
            return True
        return False

    faulty = [column for column, cells in zip(columns, block.columns, strict=True) if lacks(cells)]
    return InputError(
        f"table {name}: {dialect.encoding} has no bytes for characters in column {', '.join(faulty)}; "
        "set format.encoding to utf-8"
    )


def _write_parquet(
    path: Path,
    name: str,
    columns: Sequence[str],
    blocks: Iterable[pa.RecordBatch],
    types: Mapping[str, pa.DataType],
) -> None:
    schema = pa.schema([(column, types.get(column, pa.string())) for column in columns])
    with pq.ParquetWriter(path, schema) as writer:
        group: list[pa.RecordBatch] = []
        for block in blocks:
            cells = [_typed(block.column(i), name, column, types) for i, column in enumerate(columns)]
            group.append(pa.record_batch(cells, schema=schema))
            if sum(len(part) for part in group) >= _GROUP_ROWS:
                writer.write_table(pa.Table.from_batches(group))
                group.clear()
        if group:
            writer.write_table(pa.Table.from_batches(group))


def _typed(cells: pa.Array, name: str, column: str, types: Mapping[str, pa.DataType]) -> pa.Array:
    if column not in types:
        return cells.cast(pa.string())
    try:
        return from_text(cells, types[column])
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        # Arrow's own message holds the cell
        raise InputError(
            f"table {name}: column {column} has a text that is no {types[column]}; write to .csv, or mend its kind"
        ) from None
