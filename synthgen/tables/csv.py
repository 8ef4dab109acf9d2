"""Tables in delimited text files: every cell as it is written, in blocks of bounded size."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv

from synthgen.errors import InputError
from synthgen.schema.config import Format
from synthgen.tables.arrow import CELL
from synthgen.tables.detect import DELIMITERS, detect
from synthgen.tables.kept import Kept
from synthgen.tables.names import check_names
from synthgen.tables.quotes import QuoteWatch
from synthgen.tables.text import ChunkFile, after, legible, utf8_chunks

#: The blocks of a file hold about this many bytes of text; a row must fit in one.
BLOCK_BYTES = 2 << 20
#: A row of too few fields is perhaps a footer where none of so many rows after it is whole.
_FOOTER_ROWS = 20


@dataclass(frozen=True, eq=False)
class CsvTable:
    """A delimited text file, plain or gzip; made by ``open``.

    Blank lines carry no row. Iterating raises ``InputError`` at rows with too few or too many fields, unclosed
    quotes and bytes outside the encoding, each with its line.

    Attributes:
        header_bytes: how many bytes of the text, as UTF-8, stand before the first row.
        header_lines: how many lines they are.
        rowless: whether there is nothing but the header.
    """

    path: Path
    name: str
    format: Format
    columns: tuple[str, ...]
    header_bytes: int
    header_lines: int
    rowless: bool = False
    types: Mapping[str, pa.DataType] = field(default_factory=dict, init=False, repr=False)
    _kept: Kept = field(default_factory=Kept, init=False, repr=False)

    @classmethod
    def open(cls, path: Path, name: str, dialect: Format, *, may_be_rowless: bool = False) -> CsvTable:
        """Read the header of the file.

        Args:
            may_be_rowless: whether a header alone will do, as it does for one of several tables.

        Raises:
            InputError: the file cannot be read as text, is empty, has no rows, or its header is not one.
        """
        if not (dialect.delimiter.isascii() and dialect.quote.isascii()):
            raise InputError(f"{path}: dialect.delimiter and dialect.quote must be ASCII characters; correct them")
        text = next(utf8_chunks(path, dialect), b"").decode()
        if not text.strip():
            raise InputError(f"{path}: the file is empty; export it again or name another file")
        lines = list(io.StringIO(text, newline=""))
        header, used = _header(path, lines, dialect)
        rowless = not any(line.strip("\r\n") for line in islice(lines, used, None))
        if rowless and not may_be_rowless:
            raise InputError(f"{path}:{used}: found only a header and no rows; export the file again")
        _check_delimiter(path, header, used, dialect)
        check_names(f"{path}:{used}", header)
        size = sum(len(line.encode()) for line in islice(lines, used))
        return cls(path, name, dialect, tuple(header), size, used, rowless)

    @property
    def source(self) -> str:
        """The path."""
        return str(self.path)

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """Blocks of rows; kept after the first pass where they fit in memory."""
        return self._kept.replay(self._read)

    def digest(self) -> bytes:
        """SHA-256 of the bytes of the file."""
        with legible(self.path), self.path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()

    def _read(self) -> Iterator[pa.RecordBatch]:
        if self.rowless:
            return
        # Arrow drops a byte order mark at the start of a stream; the line put before the rows keeps one in a cell
        chunks = chain([b"\n"], after(utf8_chunks(self.path, self.format), self.header_bytes))
        quotes = QuoteWatch(self.format.delimiter, self.format.quote)
        file = ChunkFile(chunks, quotes.see)
        try:
            with pa_csv.open_csv(pa.PythonFile(file, mode="r"), *self._options()) as reader:
                yield from (block for block in reader if block.num_rows)
        except pa.ArrowInvalid:
            # Arrow's own message holds the cells of the row
            raise self._fault() or InputError(
                f"{self.path}: found a row of more than {BLOCK_BYTES >> 20} MB; shorten its texts"
            ) from None
        # Arrow closes an open quote at the end of the file and takes text after a closing quote for part of the cell
        if quotes.doubtful and not self._kept.sound and (fault := self._fault()):
            raise fault
        self._kept.sound = True

    def _options(self) -> tuple[pa_csv.ReadOptions, pa_csv.ParseOptions, pa_csv.ConvertOptions]:
        return (
            pa_csv.ReadOptions(column_names=self.columns, skip_rows=1, block_size=BLOCK_BYTES),
            pa_csv.ParseOptions(delimiter=self.format.delimiter, quote_char=self.format.quote, newlines_in_values=True),
            pa_csv.ConvertOptions(column_types=dict.fromkeys(self.columns, CELL), check_utf8=False),
        )

    def _fault(self) -> InputError | None:
        """The first row with a wrong number of fields or a quote out of place, from a second, slow reading."""
        ended = False

        def lines() -> Iterator[str]:
            nonlocal ended
            file = ChunkFile(utf8_chunks(self.path, self.format))
            yield from islice(io.TextIOWrapper(io.BufferedReader(file), "utf-8", newline=""), self.header_lines, None)
            ended = True
            yield "\n"  # a row of its own, unless a quote is still open

        limit = csv.field_size_limit(2**31 - 1)
        first = self.header_lines + 1
        rows = csv.reader(lines(), delimiter=self.format.delimiter, quotechar=self.format.quote, strict=True)
        try:
            for row in rows:
                last = self.header_lines + rows.line_num
                if row and len(row) != len(self.columns):
                    return self._ragged(first, last, len(row), ends=_no_whole(rows, len(self.columns)))
                first = last + 1
        except csv.Error:
            return self._misquoted(
                first, "never closed; close it" if ended else "closed before the cell ends; double it"
            )
        finally:
            csv.field_size_limit(limit)
        return None

    def _ragged(self, first: int, last: int, found: int, *, ends: bool) -> InputError:
        mend = f"quote cells that contain {_shown(self.format.delimiter)}, or mend the line"
        if last > first:
            mend = f"the row reaches to line {last}: close a quote there, or mend the line"
        elif ends and found < len(self.columns):
            mend = "no whole row comes after it: if it is a total or a footer, remove it, else mend the line"
        fields = "1 field" if found == 1 else f"{found} fields"
        return InputError(
            f"{self.path}:{first}: found {fields}, expected the {len(self.columns)} of the header; {mend}"
        )

    def _misquoted(self, line: int, found: str) -> InputError:
        return InputError(f"{self.path}:{line}: a quote {_shown(self.format.quote)} opened in this row is {found}")


def _no_whole(rows: Iterator[list[str]], width: int) -> bool:
    """Whether none of the next rows is whole; not where a quote is wrong, which may hide whole ones."""
    try:
        return not any(len(row) == width for row in islice(rows, _FOOTER_ROWS))
    except csv.Error:
        return False


def _header(path: Path, lines: list[str], dialect: Format) -> tuple[list[str], int]:
    """The column names, and how many lines end with them; blank lines before them count as preamble."""
    reader = csv.reader(iter(lines[dialect.preamble :]), delimiter=dialect.delimiter, quotechar=dialect.quote)
    try:
        header = next((row for row in reader if row), None)
    except csv.Error:
        raise InputError(f"{path}:{dialect.preamble + 1}: a quote in the header is never closed; close it") from None
    if header is None:
        raise InputError(f"{path}: found no header after {dialect.preamble} lines; correct format.preamble")
    return header, dialect.preamble + reader.line_num


def _check_delimiter(path: Path, header: list[str], line: int, dialect: Format) -> None:
    if len(header) > 1 or not any(other in header[0] for other in DELIMITERS):
        return
    other = detect(path).delimiter
    if other != dialect.delimiter and other in header[0]:
        raise InputError(
            f"{path}:{line}: found one column split at {_shown(dialect.delimiter)}, but {_shown(other)} splits it into "
            f"several; set format.delimiter to {_shown(other)}"
        )


def _shown(character: str) -> str:
    return "a tab" if character == "\t" else f"`{character}`"
