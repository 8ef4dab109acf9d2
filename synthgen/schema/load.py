"""A config file as a ``Schema``, a ``Schema`` as YAML, and what editors need to help with writing it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, TextIO, get_args

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from synthgen import plugins
from synthgen.errors import InputError
from synthgen.schema.column import Column, ColumnBase
from synthgen.schema.config import Schema
from synthgen.schema.document import Document, Place, parse
from synthgen.schema.table import TableConfig
from synthgen.schema.words import words

_KINDS = frozenset(kind.model_fields["kind"].default for kind in get_args(get_args(Column)[0]))
_PLAIN = re.compile(r"[^\W\d][\w.-]*")
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
#: Words that some YAML reader takes for something else than a text.
_RESERVED = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})


def load(path: Path | str) -> Schema:
    """Read a config.

    Raises:
        InputError: the file cannot be read, is not YAML, or has mistakes: then the message has one line for each,
            ``path:line: place: what was found; the mend``.
    """
    document = parse(_text(Path(path)), str(path))
    if not isinstance(document.content, dict):
        raise InputError(f"{path}:1: the config has no keys; write one with `synthgen init DATA -o {path}`")
    mistakes = list(document.mistakes)
    try:
        schema = Schema.model_validate(document.content)
    except ValidationError as error:
        mistakes += _located(error.errors(include_url=False), document)
    if mistakes:
        ordered = sorted(mistakes, key=lambda mistake: mistake[1])
        raise InputError("\n".join(f"{path}:{line}: {_dotted(place)}{told}" for place, line, told in ordered))
    return schema


def dump(schema: Schema, stream: TextIO, *, comments: Mapping[Place, str] | None = None) -> None:
    """Write a config that ``load`` reads back as an equal schema.

    Every top-level key is written; within tables only what differs from the defaults.

    Args:
        schema: what to write.
        stream: where to write it; a file must be open as UTF-8.
        comments: text to stand above a place: ``()`` for the head of the file, else one or more keys down to a
            column, such as ``("tables", "encounters", "columns", "age")``.
    """
    told = comments or {}
    for place, line in _yaml(schema):
        indent = line[: len(line) - len(line.lstrip(" "))]
        for remark in told.get(place, "").splitlines():
            printable = "".join(char if char.isprintable() else " " for char in remark)
            stream.write(f"{indent}# {printable}".rstrip() + "\n")
        if line:
            stream.write(line + "\n")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a config, with which editors complete keys and mark mistakes."""
    found = Schema.model_json_schema()
    found["$defs"]["ModelConfig"]["properties"]["name"]["enum"] = list(plugins.models())
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **found}


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path}: not UTF-8 text; save the config as UTF-8") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); check the path") from None


def _located(errors: list[ErrorDetails], document: Document) -> Iterator[tuple[Place, int, str]]:
    by_place: dict[Place, list[ErrorDetails]] = {}
    for error in errors:
        by_place.setdefault(_place(error, document), []).append(error)
    for place, here in by_place.items():
        told = [words([error]) for error in here if _speaks(error)] or [words(here)]
        for sentence in dict.fromkeys(told):
            yield place, document.line(place), sentence


def _speaks(error: ErrorDetails) -> bool:
    """Whether an error is a sentence of its own, not one of the types that a place may have."""
    return error["type"] in ("mistake", "value_error")


def _place(error: ErrorDetails, document: Document) -> Place:
    """The place in the file, without the steps that pydantic adds for the members of a union."""
    place = error["loc"]
    if place[2:3] == ("columns",) and len(place) > 4 and place[4] in _KINDS:
        place = place[:4] + place[5:]
    if error["type"] != "missing":
        while place and place not in document.lines:
            place = place[:-1]
    return place


def _dotted(place: Place) -> str:
    parts = [str(part) if re.fullmatch(r"[\w-]+", str(part)) else f'"{part}"' for part in place]
    return ".".join(parts) + ": " if parts else ""


def _yaml(schema: Schema) -> Iterator[tuple[Place, str]]:
    """The lines of a config, each with the place that begins on it."""
    plain = schema.model_dump(mode="json")
    yield (), ""
    yield ("version",), f"version: {schema.version}"
    yield ("format",), f"format: {_dialect(plain['format'])}"
    yield ("tables",), "tables:"
    for name, table in schema.tables.items():
        yield ("tables", name), f"  {_flow(name)}:"
        yield from _table_lines(("tables", name), table)
    yield ("privacy",), f"privacy: {_keys(plain['privacy'])}"
    yield ("holdout",), f"holdout: {_flow(plain['holdout'])}"
    policy = schema.evaluation.policy.model_dump(mode="json", exclude_defaults=True)
    yield ("evaluation",), f"evaluation: {{policy: {_keys(policy)}}}"
    yield ("model",), f"model: {_keys(plain['model'])}"


def _table_lines(place: Place, table: TableConfig) -> Iterator[tuple[Place, str]]:
    plain = table.model_dump(mode="json", exclude={"columns"})
    differs = table.model_dump(mode="json", exclude_defaults=True)
    links = ("parent", "foreign_keys", "order", "reference")
    for key in ("key", "patient", *links, "target", "survival", "groups", "format", "missing", "constraints"):
        if key in differs or key == "missing":
            yield (*place, key), f"    {key}: {_dialect(plain[key]) if key == 'format' else _flow(plain[key])}"
    yield (*place, "columns"), "    columns:"
    for name, column in table.columns.items():
        yield (*place, "columns", name), f"      {_flow(name)}: {_keys(_told(column))}"


def _told(column: ColumnBase) -> dict[str, Any]:
    """What a column must say of itself: its kind, and what is not the default, kind first."""
    plain = column.model_dump(mode="json")
    differs = column.model_dump(mode="json", exclude_defaults=True)
    own = {key: plain[key] for key in differs if key not in ColumnBase.model_fields}
    return {"kind": plain["kind"], **own, **{key: plain[key] for key in differs if key not in own}}


def _dialect(entries: Mapping[str, Any]) -> str:
    """The keys of a format; that every cell stands in quotes is told where it is so."""
    return _keys({key: value for key, value in entries.items() if key != "quoted" or value})


def _keys(entries: Mapping[str, Any]) -> str:
    """The config's own keys, or a model's options, with their values on one line."""
    return "{" + ", ".join(f"{key}: {_flow(value)}" for key, value in entries.items()) + "}"


def _flow(value: Any) -> str:
    """A value on one line. A text stands in quotes unless every YAML reader takes it for that text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_flow(key)}: {_flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return _text_flow(value)
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)


def _text_flow(text: str) -> str:
    if text.isprintable():
        if _PLAIN.fullmatch(text) and text.lower() not in _RESERVED:
            return text
        if '"' in text and "'" not in text:
            return f"'{text}'"
    escaped = text.replace("\\", r"\\").replace('"', r"\"")
    return '"' + "".join(char if char.isprintable() else _escape(char) for char in escaped) + '"'


def _escape(char: str) -> str:
    return _SHORT.get(char) or f"\\U{ord(char):08x}"
