"""The dialect of a text file, told from its beginning."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice, takewhile
from pathlib import Path

from synthgen.errors import InputError
from synthgen.schema.config import Format
from synthgen.tables.text import raw_chunks

#: What may stand between fields, likelier first.
DELIMITERS = (",", ";", "\t", "|")

_SAMPLE_BYTES = 1 << 20
_SAMPLE_LINES = 20_000
_ENCODING_BYTES = 16 << 20  # an extract's first accent may come late
_WIDE = {codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_FOREIGN = {
    b"\x1f\x8b": "gzip data; let its name end in .csv.gz",
    b"PK\x03\x04": "a zip archive or an Excel workbook; export it as CSV",
    b"\xd0\xcf\x11\xe0": "an Excel workbook; export it as CSV",
    b"PAR1": "a Parquet file; let its name end in .parquet",
}
_THOUSANDS = {".": ",' \u00a0\u202f", ",": ".' \u00a0\u202f"}
#: What consists of digits and marks, and the share of such cells from which a column tells of marks.
_DIGITS = re.compile(r"[<>]?[+-]?\d[\d.,' \u00a0\u202f]*")
_SOME = 0.1
#: So many lines are of quoted cells alone where all are meant to be; others hold doubled quotes or broken lines.
_NEARLY_ALL = 0.9


def detect(path: Path) -> Format:
    """The dialect of a delimited text file; tabs where it ends in ``.tsv``.

    Delimiter, quote, preamble, decimal mark and the mark between thousands come from the first MB, of which at most
    20,000 lines; so does the encoding: a byte order mark, valid UTF-8, else cp1252. A beginning in ASCII leaves
    UTF-8 or cp1252 open, so the encoding is looked for in the first 16 MB.

    Raises:
        InputError: the file is missing, empty, unreadable, or a gzip, Excel or Parquet file under another name.
    """
    chunks = raw_chunks(path)
    sample = _take(chunks, _SAMPLE_BYTES)
    if not sample.strip():
        raise InputError(f"{path}: the file is empty; export it again or name another file")
    for start, kind in _FOREIGN.items():
        if sample.startswith(start):
            raise InputError(f"{path}: found {kind}")
    encoding = _encoding(chain([sample], _take_each(chunks, _ENCODING_BYTES - len(sample))))
    text = codecs.getincrementaldecoder(encoding)("replace").decode(sample).removeprefix("\ufeff")
    layout = _layout(text, ("\t",) if path.suffix.lower() == ".tsv" else DELIMITERS)
    decimal, thousands = _marks(layout)
    return Format(
        delimiter=layout.delimiter,
        decimal=decimal,
        thousands=thousands,
        encoding=encoding,
        quote=layout.quote,
        preamble=layout.preamble,
        newline="\r\n" if text.partition("\n")[0].endswith("\r") else "\n",
        quoted=_all_quoted(text, layout),
    )


def _all_quoted(text: str, layout: _Layout) -> bool:
    """Whether every cell of nearly all lines below the header stands in quotes, empty ones included."""
    quote = re.escape(layout.quote)
    cell = f"{quote}[^{quote}\r\n]*{quote}"
    line = re.compile(f"{cell}(?:{re.escape(layout.delimiter)}{cell})*")
    lines = [each.rstrip("\r") for each in text.split("\n")[layout.preamble + 1 : -1]][:_SAMPLE_LINES]
    lines = [each for each in lines if each]
    return bool(lines) and sum(bool(line.fullmatch(each)) for each in lines) >= _NEARLY_ALL * len(lines)


def _take(chunks: Iterator[bytes], size: int) -> bytes:
    return b"".join(_take_each(chunks, size))


def _take_each(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    while size > 0 and (chunk := next(chunks, b"")):
        size -= len(chunk)
        yield chunk


def _encoding(chunks: Iterator[bytes]) -> str:
    decoder = codecs.getincrementaldecoder("utf-8")()
    found = "utf-8"
    for position, chunk in enumerate(chunks):
        if position == 0 and chunk.startswith(tuple(_WIDE)):
            return _WIDE[chunk[:2]]
        if position == 0 and chunk.startswith(codecs.BOM_UTF8):
            found = "utf-8-sig"
        if chunk.isascii() and not decoder.getstate()[0]:
            continue
        try:
            decoder.decode(chunk)
        except UnicodeDecodeError:
            return found if found == "utf-8-sig" else "cp1252"
        if not decoder.getstate()[0]:
            break  # the first accents are whole, and UTF-8
    return found


@dataclass(frozen=True)
class _Layout:
    delimiter: str
    quote: str
    preamble: int
    rows: Sequence[Sequence[str]]
    """The rows of the sample after the header that have its number of fields."""
    merit: tuple[float, int]


def _layout(text: str, delimiters: Sequence[str]) -> _Layout:
    """The likeliest delimiter: the one under which most rows have the same number of fields, and several."""
    announced = re.match(r"sep=([,;\t|:^~])\r?\n", text)
    if announced:
        delimiters = announced.group(1)
    quote = _quote(text)
    return max((_split(text, delimiter, quote) for delimiter in delimiters), key=lambda layout: layout.merit)


def _quote(text: str) -> str:
    """An apostrophe where it encloses most fields that it opens, and no double quote opens one; else `"`."""
    start = r"(?:^|[,;\t|])"
    if "'" not in text or re.search(rf'{start}"', text, re.MULTILINE):
        return '"'
    opened = re.findall(rf"{start}'", text, re.MULTILINE)
    enclosed = re.findall(rf"{start}'[^'\r\n]*'(?=[,;\t|\r\n])", text, re.MULTILINE)
    return "'" if len(enclosed) * 2 > len(opened) else '"'


def _split(text: str, delimiter: str, quote: str) -> _Layout:
    lines = list(islice(io.StringIO(text, newline=""), _SAMPLE_LINES))
    if len(lines) > 1 and not lines[-1].endswith(("\n", "\r")):
        lines.pop()  # the sample may end within a row
    records = list(_records(lines, delimiter, quote))
    counts = Counter(len(fields) for _, fields in records if fields)
    width = max(counts, key=lambda fields: (counts[fields], fields), default=1)
    if lines and lines[0].startswith("sep="):
        records = records[1:]
    above = list(takewhile(lambda record: _is_preamble(record[1], width), records))
    header = records[len(above)] if len(above) < len(records) else (0, [])
    rows = [fields for _, fields in records[len(above) + 1 :] if len(fields) == width]
    share = counts[width] / max(1, sum(counts.values()))
    merit = (share if width > 1 and len(header[1]) > 1 else 0.0, width)
    return _Layout(delimiter, quote, header[0], rows, merit)


def _records(lines: Sequence[str], delimiter: str, quote: str) -> Iterator[tuple[int, list[str]]]:
    """Each record with the number of lines before it, as far as the quotes of the sample are closed."""
    reader = csv.reader(lines, delimiter=delimiter, quotechar=quote)
    before = 0
    while True:
        try:
            fields = next(reader)
        except (StopIteration, csv.Error):  # a field too long for one: a quote that is not closed
            return
        yield before, fields
        before = reader.line_num


def _is_preamble(fields: Sequence[str], width: int) -> bool:
    """Whether a line above the rows is a title or a note rather than a header: blank, or half empty or shorter."""
    filled = sum(bool(field.strip()) for field in fields)
    return width > 1 and (not filled or (len(fields) < width and filled * 2 <= width))


def _marks(layout: _Layout) -> tuple[str, str]:
    """The decimal mark and the mark between thousands: those under which most columns are numbers that need them."""
    columns = ["\n".join(column) for column in zip(*layout.rows, strict=True)]
    decimal = _decimal(columns, layout.delimiter)
    groups = Counter(mark for column in columns for mark in _THOUSANDS[decimal] if _has_groups(column, mark, decimal))
    return decimal, groups.most_common(1)[0][0] if groups else ""


def _decimal(columns: Sequence[str], delimiter: str) -> str:
    if delimiter == ",":
        return "."  # a decimal comma could stand in quotes only
    commas, points = (sum(_has_fractions(column, mark) for column in columns) for mark in ",.")
    if commas == points == 0 and delimiter == ";":  # `1,234` where a semicolon makes way for a decimal comma
        return "," if any(_has_groups(column, ",", ".") for column in columns) else "."
    return "," if commas and commas >= points else "."


def _has_fractions(column: str, mark: str) -> bool:
    """Whether its numbers are such under ``mark``, some with a fraction that cannot be a group of thousands instead."""
    point, group = re.escape(mark), f"[{re.escape(_THOUSANDS[mark])}]"
    number = rf"[<>]?[+-]?\d+({group}\d{{3}})*({point}\d+)?"
    fraction = re.compile(
        rf"\D*(\d+{point}(\d{{1,2}}|\d{{4,}})|0+{point}\d+|\d+({group}\d{{3}})+{point}\d+|\d{{4,}}{point}\d+)"
    )
    return _mostly(column, mark, number) and any(fraction.fullmatch(cell.strip()) for cell in column.split("\n"))


def _has_groups(column: str, mark: str, decimal: str) -> bool:
    """Whether its numbers are such, some with thousands set apart by ``mark``."""
    group = re.escape(mark)
    number = rf"[<>]?[+-]?([1-9]\d{{0,2}}({group}\d{{3}})+|\d+)({re.escape(decimal)}\d+)?"
    return re.search(rf"\d{group}\d{{3}}", column) is not None and _mostly(column, mark, number)


def _mostly(column: str, mark: str, number: str) -> bool:
    """Whether ``mark`` occurs in the column, a cell a line, and nine in ten of the cells of digits and marks match.

    Words beside them say nothing of marks: results of a laboratory are numbers, `negative` and `n.d.` in one column.
    """
    if mark not in column:
        return False
    cells = [cell.strip() for cell in column.split("\n") if cell.strip()]
    digits = [cell for cell in cells if _DIGITS.fullmatch(cell)]
    matches = re.compile(number).fullmatch
    return len(digits) >= _SOME * len(cells) and sum(matches(cell) is not None for cell in digits) >= 0.9 * len(digits)
