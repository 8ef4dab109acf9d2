"""The file below an artifact: one zip of JSON documents and safetensors arrays, checked whole before it is believed."""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import secrets
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import InputError, SynthgenError, require_version

JSON: TypeAlias = "bool | int | float | str | Sequence[JSON] | Mapping[str, JSON] | None"

FORMAT = "synthgen-model"
#: Raised whenever what models keep changes: a model of an older version is fitted again rather than misread.
FORMAT_VERSION = 8

_MANIFEST = "manifest.json"
_ARRAYS = "arrays.safetensors"
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LEVEL = 6
_DOCUMENT = re.compile(r"[a-z0-9][a-z0-9_-]*")

# What a reader accepts. Deflate reaches 1032:1 at most, and only on content that says nothing.
_MAX_MEMBERS = 256
_MAX_BYTES = 2 << 30
_MAX_JSON_BYTES = 256 << 20
_MAX_MANIFEST_BYTES = 1 << 20
_MAX_HEADER_BYTES = 16 << 20
_MAX_RATIO = 1000
_MAX_DEPTH = 64
_MAX_RANK = 8
_CHUNK = 1 << 20

_DTYPES = {
    "BOOL": np.bool_,
    "I8": np.int8,
    "I16": np.int16,
    "I32": np.int32,
    "I64": np.int64,
    "U8": np.uint8,
    "U16": np.uint16,
    "U32": np.uint32,
    "U64": np.uint64,
    "F16": np.float16,
    "F32": np.float32,
    "F64": np.float64,
}
_NAMES = {np.dtype(kind): name for name, kind in _DTYPES.items()}

_STRING = re.compile(rb'"(?:[^"\\]|\\.)*"', re.DOTALL)
_DAMAGED = "the file is damaged; copy it again from its source or fit again"


def write(path: Path, documents: Mapping[str, JSON], arrays: Mapping[str, NDArray[Any]]) -> None:
    """Write a model file whole or not at all: beside ``path``, then renamed over it.

    The same documents (key order included) and arrays give the same bytes.

    Args:
        path: where to; an existing file is replaced.
        documents: one JSON object per name; a name is lower-case letters, digits, ``_`` and ``-``.
        arrays: named boolean, integer and floating-point arrays of any shape.

    Raises:
        ValueError: a name, a document or an array that the format cannot hold.
        InputError: the folder of ``path`` does not exist, or ``path`` is a folder.
        SynthgenError: the disk refused.
    """
    members = {f"{name}.json": _encode_document(name, documents[name]) for name in sorted(documents)}
    members[_ARRAYS] = _encode_arrays(arrays)
    listed = [{"name": name, "size": len(data), "sha256": _sha256(data)} for name, data in sorted(members.items())]
    manifest = {"format": FORMAT, "format_version": FORMAT_VERSION, "members": listed}
    packed = {_MANIFEST: json.dumps(manifest, indent=1).encode(), **members}
    if not path.parent.is_dir():
        raise InputError(f"{path}: its folder does not exist; create it first")
    if path.is_dir():
        raise InputError(f"{path}: is a folder; name a file to write")
    beside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(6)}.part")
    try:
        _write_zip(beside, packed)
        os.replace(beside, path)
    except OSError as error:
        raise SynthgenError(f"{path}: could not be written ({error.strerror}); check space and permissions") from error
    finally:
        beside.unlink(missing_ok=True)


def read(path: Path) -> tuple[dict[str, dict[str, Any]], dict[str, NDArray[Any]]]:
    """Read the documents and arrays of a model file after checking everything that can be checked about it.

    Nothing in the file is executed, and no more than 2 GiB is ever unpacked.

    Raises:
        InputError: the file is missing, damaged, truncated, foreign, made by a newer synthgen, or hostile;
            the message is one line, ``path: what was found; what to do``.
    """
    try:
        members = _read_members(path)
        documents = {
            name.removesuffix(".json"): _decode_json(path, name, data)
            for name, data in members.items()
            if name != _ARRAYS
        }
        return documents, _decode_arrays(path, members[_ARRAYS])
    except FileNotFoundError as error:
        raise InputError(f"{path}: there is no such file; check the path") from error
    except IsADirectoryError as error:
        raise InputError(f"{path}: is a folder; name a model file") from error
    except PermissionError as error:
        raise InputError(f"{path}: may not be read by this user; change its permissions") from error
    except zipfile.BadZipFile as error:
        raise InputError(f"{path}: is not a whole zip archive, so not a synthgen model; {_DAMAGED}") from error
    except MemoryError as error:
        raise InputError(f"{path}: asks for more memory than there is; {_DAMAGED}") from error
    # What zipfile and zlib raise on bytes that lie about themselves; the list is theirs and not documented.
    except (
        zlib.error,
        struct.error,
        EOFError,
        OSError,
        RuntimeError,
        ValueError,
        LookupError,
        OverflowError,
    ) as error:
        raise InputError(f"{path}: cannot be unpacked ({type(error).__name__}); {_DAMAGED}") from error


# --- writing ---------------------------------------------------------------------------------------------------------


def _encode_document(name: str, document: JSON) -> bytes:
    if not _DOCUMENT.fullmatch(name) or f"{name}.json" == _MANIFEST:
        raise ValueError(f"document {name!r}: a name is lower-case letters, digits, _ and -, and not manifest")
    if not isinstance(document, Mapping):
        raise ValueError(f"document {name!r}: must be a JSON object, not {type(document).__name__}")
    data = json.dumps(document, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    if len(data) > _MAX_JSON_BYTES or _depth(data) > _MAX_DEPTH:
        raise ValueError(f"document {name!r}: larger than {_MAX_JSON_BYTES} bytes or deeper than {_MAX_DEPTH} levels")
    return data


def _encode_arrays(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    """The safetensors layout: length of the header, header, then the arrays end to end (huggingface/safetensors)."""
    header: dict[str, Any] = {}
    blobs: list[bytes] = []
    end = 0
    # Wide types first keeps every array on a boundary of its own width.
    for name in sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name)):
        array = arrays[name]
        kind = _NAMES.get(array.dtype)
        if kind is None or array.ndim > _MAX_RANK or not name or name == "__metadata__":
            raise ValueError(f"array {name!r}: cannot hold type {array.dtype}, {array.ndim} dimensions under this name")
        blob = array.astype(array.dtype.newbyteorder("<"), copy=False).tobytes(order="C")
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [end, end + len(blob)]}
        end += len(blob)
        blobs.append(blob)
    text = json.dumps(header, ensure_ascii=False, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    if len(text) > _MAX_HEADER_BYTES or end > _MAX_BYTES // 2:
        raise ValueError(f"{len(arrays)} arrays of {end} bytes are more than a model file holds")
    return b"".join((struct.pack("<Q", len(text)), text, *blobs))


def _write_zip(path: Path, members: Mapping[str, bytes]) -> None:
    with path.open("xb") as file:
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in members.items():
                info = zipfile.ZipInfo(name, _EPOCH)
                info.create_system = 3
                info.external_attr = 0o100644 << 16
                info.compress_type = zipfile.ZIP_DEFLATED if _deflate_pays(data) else zipfile.ZIP_STORED
                archive.writestr(info, data, compresslevel=_LEVEL)
        file.flush()
        os.fsync(file.fileno())


def _deflate_pays(data: bytes) -> bool:
    """Whether deflating saves a tenth, without becoming so small that a reader would take it for a bomb."""
    head = data[:_CHUNK]
    if len(zlib.compress(head, _LEVEL)) * 10 > len(head) * 9:
        return False
    return len(data) < _MAX_RATIO // 2 * len(zlib.compress(data, _LEVEL))


# --- reading ---------------------------------------------------------------------------------------------------------


def _read_members(path: Path) -> dict[str, bytes]:
    """The bytes of every member but the manifest, proven to be what the manifest lists."""
    with path.open("rb") as file:
        if os.fstat(file.fileno()).st_size > _MAX_BYTES:
            _refuse(path, f"is larger than {_MAX_BYTES >> 30} GiB", "no synthgen model is; check the path")
        with zipfile.ZipFile(file) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            _check_directory(path, archive.infolist())
            if _MANIFEST not in infos:
                _refuse(path, "is a zip archive without a manifest, so not a synthgen model", "check the path")
            listed = _listed(path, _unpack(path, archive, infos[_MANIFEST], _MAX_MANIFEST_BYTES))
            _check_membership(path, set(listed), infos.keys() - {_MANIFEST})
            members = {}
            for name, (size, sha256) in listed.items():
                limit = _MAX_BYTES if name == _ARRAYS else _MAX_JSON_BYTES
                data = _unpack(path, archive, infos[name], limit)
                if len(data) != size or _sha256(data) != sha256:
                    _refuse(path, f"{name} is not the content that the manifest vouches for", _DAMAGED)
                members[name] = data
            return members


def _check_directory(path: Path, infos: Sequence[zipfile.ZipInfo]) -> None:
    """Refuse an archive whose table of contents alone shows that synthgen did not write it."""
    if len(infos) > _MAX_MEMBERS:
        _refuse(path, f"holds {len(infos)} members, more than the {_MAX_MEMBERS} allowed", "do not trust this file")
    if len({info.filename for info in infos}) < len(infos):
        _refuse(path, "holds two members of the same name", "do not trust this file")
    if sum(info.file_size for info in infos) > _MAX_BYTES:
        _refuse(path, f"would unpack to more than {_MAX_BYTES >> 30} GiB", "do not trust this file")
    for info in infos:
        stem, dot, suffix = info.filename.rpartition(".")
        if info.filename != _ARRAYS and not (_DOCUMENT.fullmatch(stem) and dot + suffix == ".json"):
            found = ascii(info.filename)[:60]
            _refuse(path, f"holds a member named {found}, which no synthgen model has", "do not trust this file")
        if info.flag_bits & 0x1:
            _refuse(path, f"{info.filename} is encrypted", "synthgen models are not; check the path")
        if info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
            _refuse(path, f"{info.filename} is packed by a method that synthgen does not use", _DAMAGED)
        if info.file_size > _MAX_RATIO * max(info.compress_size, 1):
            _refuse(path, f"{info.filename} would swell more than {_MAX_RATIO}-fold", "do not trust this file")


def _listed(path: Path, data: bytes) -> dict[str, tuple[int, str]]:
    """Size and sha256 of each member, as the manifest states them."""
    manifest = _decode_json(path, _MANIFEST, data)
    version = manifest.get("format_version")
    if manifest.get("format") != FORMAT or not isinstance(version, int):
        _refuse(path, "is a zip archive of another program, not a synthgen model", "check the path")
    if version >= 1:
        require_version(path, "file format", version, FORMAT_VERSION, "fit it again")
    if version < 1 or not isinstance(manifest.get("members"), list):
        _refuse(path, "its manifest lists no members", _DAMAGED)
    listed = {}
    for member in manifest["members"]:
        if not isinstance(member, dict) or set(member) != {"name", "size", "sha256"}:
            _refuse(path, "its manifest has a malformed entry", _DAMAGED)
        name, size, sha256 = member["name"], member["size"], member["sha256"]
        if not isinstance(name, str) or not _is_count(size) or not isinstance(sha256, str) or name in listed:
            _refuse(path, "its manifest has a malformed entry", _DAMAGED)
        listed[name] = (size, sha256)
    return listed


def _check_membership(path: Path, listed: set[str], present: set[str]) -> None:
    if present - listed:
        found = f"holds {len(present - listed)} members that its manifest does not list"
        _refuse(path, found, "do not trust this file")
    if listed - present or _ARRAYS not in listed:
        _refuse(path, "lacks members that its manifest lists", _DAMAGED)


def _unpack(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo, limit: int) -> bytes:
    """Read one member in chunks and stop as soon as it is larger than it declared or than it may be."""
    chunks: list[bytes] = []
    size = 0
    with archive.open(info) as member:
        while chunk := member.read(_CHUNK):
            size += len(chunk)
            if size > min(limit, info.file_size):
                _refuse(path, f"{info.filename} is larger than it may be", "do not trust this file")
            chunks.append(chunk)
    return b"".join(chunks)


def _decode_json(path: Path, name: str, data: bytes) -> dict[str, Any]:
    if _depth(data) > _MAX_DEPTH:
        _refuse(path, f"{name} is nested more than {_MAX_DEPTH} deep", "do not trust this file")
    try:
        document = json.loads(data.decode(), object_pairs_hook=_object, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        _refuse(path, f"{name} is not JSON", _DAMAGED)
    if not isinstance(document, dict):
        _refuse(path, f"{name} is not a JSON object", _DAMAGED)
    return document


def _depth(data: bytes) -> int:
    """How deep brackets nest, found without parsing so that parsing cannot exhaust the stack."""
    marks = np.frombuffer(_STRING.sub(b"", data), dtype=np.uint8)
    opens = (marks == ord("[")) | (marks == ord("{"))
    closes = (marks == ord("]")) | (marks == ord("}"))
    steps = opens[opens | closes].astype(np.int64) * 2 - 1
    return int(np.cumsum(steps).max(initial=0))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key appears twice")
    return found


def _no_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not JSON")


def _decode_arrays(path: Path, data: bytes) -> dict[str, NDArray[Any]]:
    """Arrays of a safetensors member whose header agrees with itself and with the bytes that follow it."""
    refuse: Callable[[str], NoReturn] = lambda found: _refuse(path, f"{_ARRAYS}: {found}", _DAMAGED)  # noqa: E731
    if len(data) < 8:
        refuse("has no header")
    (length,) = struct.unpack_from("<Q", data)
    if length > min(_MAX_HEADER_BYTES, len(data) - 8):
        refuse("its header is larger than it may be")
    header = _decode_json(path, _ARRAYS, data[8 : 8 + length])
    arrays: dict[str, NDArray[Any]] = {}
    end = 0
    total = len(data) - 8 - length
    for name, entry in sorted(header.items(), key=lambda item: _offsets(item[1])):
        if not isinstance(entry, dict) or set(entry) != {"dtype", "shape", "data_offsets"}:
            refuse("its header has a malformed entry")
        kind = _DTYPES.get(entry["dtype"]) if isinstance(entry["dtype"], str) else None
        shape = entry["shape"]
        if kind is None:
            refuse("an array is of a type that synthgen does not use")
        if not isinstance(shape, list) or len(shape) > _MAX_RANK or not all(_is_count(size) for size in shape):
            refuse("an array has an impossible shape")
        start, stop = _offsets(entry)
        if start != end or stop > total or stop - start != math.prod(shape) * np.dtype(kind).itemsize:
            refuse("an array's shape contradicts its bytes")
        if math.prod(size for size in shape if size) > _MAX_BYTES:
            refuse("an array has an impossible shape")
        flat = np.frombuffer(data, np.dtype(kind).newbyteorder("<"), math.prod(shape), 8 + length + start)
        if kind is np.bool_ and flat.view(np.uint8).max(initial=0) > 1:
            refuse("a boolean array holds something else")
        arrays[name] = flat.astype(kind).reshape(shape)
        end = stop
    if end != total:
        refuse("holds bytes that belong to no array")
    return arrays


def _offsets(entry: object) -> tuple[int, int]:
    """Where an array lies; an impossible place where the entry does not say."""
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if isinstance(offsets, list) and len(offsets) == 2 and all(_is_count(offset) for offset in offsets):
        return offsets[0], offsets[1]
    return -1, -1


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _refuse(path: Path, found: str, mend: str) -> NoReturn:
    raise InputError(f"{path}: {found}; {mend}")
