"""The characters of a text file as UTF-8 in bounded memory, whatever its encoding and compression."""

from __future__ import annotations

import codecs
import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from synthgen.errors import InputError
from synthgen.schema.config import Format

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

#: How many bytes are read from a file at once.
CHUNK_BYTES = 1 << 20

_GZIP = b"\x1f\x8b"
_UTF8 = ("utf-8", "utf-8-sig")
_ASCII_SUPERSETS = ("utf-8", "ascii", "cp125", "iso8859")


@contextmanager
def legible(path: Path) -> Iterator[None]:
    """Tell what the operating system or the decompression refuses as an ``InputError``."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path}: there is no such file; correct the path") from None
    except OSError as error:
        if error.errno is not None:
            raise InputError(f"{path}: cannot be read ({error.strerror}); mend that or name another file") from None
        reason = "the gzip data end early or are damaged; copy or export the file again"
        raise InputError(f"{path}: {reason}") from None


def raw_chunks(path: Path) -> Iterator[bytes]:
    """The bytes of the file, decompressed where its name ends in ``.gz``.

    Raises:
        InputError: the file is missing, forbidden, no gzip data, or its gzip data are truncated or damaged.
    """
    with legible(path):
        if path.suffix.lower() == ".gz":
            _require_gzip(path)
        source: Any = (
            pa.input_stream(str(path), compression="gzip") if path.suffix.lower() == ".gz" else path.open("rb")
        )
        with source:
            while chunk := source.read(CHUNK_BYTES):
                yield chunk


def _require_gzip(path: Path) -> None:
    with path.open("rb") as file:
        start = file.read(len(_GZIP))
    if start and start != _GZIP:
        raise InputError(f"{path}: is no gzip data; let its name end without .gz, or compress it")


def utf8_chunks(path: Path, dialect: Format) -> Iterator[bytes]:
    """The text of the file in UTF-8, without a byte order mark, checked on the way.

    Raises:
        InputError: as ``raw_chunks``; or, with the number of the line: bytes that ``dialect.encoding`` does not
            define, or NUL characters.
    """
    codec = codecs.lookup(dialect.encoding).name
    decoder = codecs.getincrementaldecoder("utf-8" if codec in _UTF8 else codec)()
    lines = 0
    clean = codec.startswith(_ASCII_SUPERSETS)
    for position, raw in enumerate(raw_chunks(path)):
        chunk = raw
        if not (clean and raw.isascii()):
            text = _decode(decoder, raw, path, dialect, lines)
            # a character cut by the end of the chunk waits in the decoder for the next one
            clean = codec.startswith(_ASCII_SUPERSETS) and not decoder.getstate()[0]
            chunk = text.encode().removeprefix(codecs.BOM_UTF8 if position == 0 else b"")
        if b"\0" in chunk:
            line = lines + _line_ends(chunk[: chunk.index(b"\0")]) + 1
            raise InputError(
                f"{path}:{line}: found a NUL character; this is no text in {dialect.encoding}: "
                "export it as UTF-8 text, or correct format.encoding (utf-16-le where every other byte is NUL)"
            )
        lines += _line_ends(chunk)
        yield chunk
    _decode(decoder, b"", path, dialect, lines, final=True)


def _decode(
    decoder: codecs.IncrementalDecoder, chunk: bytes, path: Path, dialect: Format, lines: int, *, final: bool = False
) -> str:
    try:
        return decoder.decode(chunk, final)
    except UnicodeDecodeError as error:
        before = bytes(error.object[: error.start])
        wide = error.encoding.startswith(("utf-16", "utf-32"))
        line = lines + _line_ends(before.decode(error.encoding, "ignore").encode() if wide else before) + 1
        mend = "try cp1252" if codecs.lookup(dialect.encoding).name in _UTF8 else "export it as UTF-8"
        raise InputError(
            f"{path}:{line}: found bytes that {dialect.encoding} does not define; correct format.encoding ({mend})"
        ) from None
    except UnicodeError:  # UTF-16 and UTF-32 without a byte order mark where the codec insists on one
        raise InputError(f"{path}: is no {dialect.encoding} text; correct format.encoding") from None


def _line_ends(text: bytes) -> int:
    return text.count(b"\n") or text.count(b"\r")


class ChunkFile(io.RawIOBase):
    r"""Chunks of bytes as a readable file; ``see`` is shown each of them once.

    No reading ends between ``\r`` and ``\n``: Arrow would drop that ``\n`` even where it is part of a cell.
    """

    def __init__(self, chunks: Iterable[bytes], see: Callable[[bytes], None] | None = None) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._rest = memoryview(b"")
        self._see = see

    def readable(self) -> bool:
        """Yes."""
        return True

    def readinto(self, buffer: WriteableBuffer) -> int:
        """Fill the buffer as far as the chunks reach; 0 at the end."""
        target = memoryview(buffer).cast("B")
        filled = 0
        while filled < len(target):
            if not self._rest:
                chunk = next(self._chunks, b"")
                if not chunk:
                    break
                if self._see:
                    self._see(chunk)
                self._rest = memoryview(chunk)
            part = self._rest[: len(target) - filled]
            target[filled : filled + len(part)] = part
            filled += len(part)
            self._rest = self._rest[len(part) :]
        if filled > 1 and target[filled - 1] == ord("\r"):
            filled -= 1
            self._rest = memoryview(b"\r" + self._rest)
        return filled


def after(chunks: Iterable[bytes], skip: int) -> Iterator[bytes]:
    """The chunks without their first ``skip`` bytes."""
    for chunk in chunks:
        if skip < len(chunk):
            yield chunk[skip:] if skip else chunk
        skip = max(0, skip - len(chunk))
