"""The Arrow types of columns as short texts, read back without trusting them."""

from __future__ import annotations

import re
from typing import Final

import pyarrow as pa

_DECIMAL: Final = re.compile(r"decimal(128|256)\((\d+), (-?\d+)\)")
_ZONED: Final = re.compile(r"timestamp\[(s|ms|us|ns), tz=([\w/+:-]+)\]")
_DICTIONARY: Final = re.compile(r"dictionary\[(.+)\]")


def kept_type(kind: pa.DataType) -> pa.DataType:
    """The type of the cells that a model generates: a dictionary has no order, and room for any number of values.

    The order of a dictionary is that of all its values, and a model keeps the common ones alone.
    """
    return pa.dictionary(pa.int32(), kind.value_type) if pa.types.is_dictionary(kind) else kind


def type_text(kind: pa.DataType) -> str:
    """The text of a ``kept_type``."""
    return f"dictionary[{kind.value_type}]" if pa.types.is_dictionary(kind) else str(kind)


def type_named(text: str) -> pa.DataType:
    """The type that ``type_text`` wrote. Raises ``ValueError`` where there is none."""
    if found := _DICTIONARY.fullmatch(text):
        return pa.dictionary(pa.int32(), _plain_named(found[1]))
    return _plain_named(text)


def _plain_named(text: str) -> pa.DataType:
    if found := _DECIMAL.fullmatch(text):
        make = pa.decimal128 if found[1] == "128" else pa.decimal256
        return make(int(found[2]), int(found[3]))
    if found := _ZONED.fullmatch(text):
        return pa.timestamp(found[1], found[2])
    return pa.type_for_alias(text.replace("large_string", "string"))
