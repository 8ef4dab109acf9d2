"""Arrow columns of any plain type as text, such that the text can be cast back without loss.

Times with a zone are an exception in one hour of the year, the one that summer time repeats.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from synthgen.errors import InputError

CELL = pa.dictionary(pa.int32(), pa.string())
"""The Arrow type of every column of every table: texts without nulls."""

_UNITS = ("s", "ms", "us", "ns")
_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def plain(kind: pa.DataType) -> pa.DataType:
    """The type of the values, for a dictionary of them; else ``kind``."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def has_text(kind: pa.DataType) -> bool:
    """Whether cells of the type have a text: not so nested values and bytes."""
    value = plain(kind)
    return (
        is_text(value)
        or pa.types.is_null(value)
        or pa.types.is_boolean(value)
        or pa.types.is_integer(value)
        or pa.types.is_floating(value)
        or pa.types.is_decimal(value)
        or (pa.types.is_temporal(value) and not pa.types.is_interval(value))
    )


def check_types(where: str, schema: pa.Schema) -> None:
    """Refuse columns of bytes or nested values, and of times in a zone that is not known here.

    Raises:
        InputError: names them all.
    """
    faulty = [f"{field.name} ({field.type})" for field in schema if not has_text(field.type)]
    if faulty:
        raise InputError(
            f"{where}: columns of bytes or nested values cannot be read: {', '.join(faulty)}; leave them out"
        )
    nowhere = [f"{field.name} ({plain(field.type).tz})" for field in schema if not _has_known_zone(plain(field.type))]
    if nowhere:
        raise InputError(
            f"{where}: columns of times in a zone that is not known here: {', '.join(nowhere)}; convert them to UTC"
        )


def _has_known_zone(kind: pa.DataType) -> bool:
    if not pa.types.is_timestamp(kind) or kind.tz is None:
        return True
    try:
        pc.local_timestamp(pa.scalar(0, kind))
    except pa.ArrowInvalid:
        return False
    return True


def is_text(kind: pa.DataType) -> bool:
    """Whether the type is one of Arrow's string types."""
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind))


def is_ordered(kind: pa.DataType) -> bool:
    """Whether the type says that its values have an order, as an ordered categorical of pandas does."""
    return bool(pa.types.is_dictionary(kind) and kind.ordered)


def levels_of(parts: Iterable[pa.DictionaryArray]) -> tuple[str, ...]:
    """The texts of the dictionary that all parts of a column have; none where they differ."""
    found = {tuple(to_text(part.dictionary).cast(pa.string()).to_pylist()) for part in parts}
    return found.pop() if len(found) == 1 else ()


def has_unit(kind: pa.DataType) -> bool:
    """Whether the text of the type ends in a fraction of a second whose length is open to choice."""
    value = plain(kind)
    return bool(pa.types.is_timestamp(value) or pa.types.is_time(value)) and value.unit != "s"


def finest(units: Iterable[str]) -> str:
    """The finest of some units; seconds where there are none."""
    return max(units, key=_UNITS.index, default="s")


def coarsest_unit(column: pa.Array | pa.ChunkedArray) -> str:
    """The coarsest of ``s ms us ns`` that holds every time of the column without loss."""
    kind = plain(column.type)
    ticks = column.cast(kind).cast(pa.int32() if kind.bit_width == 32 else pa.int64()).cast(pa.int64()).drop_null()
    for unit in _UNITS[: _UNITS.index(kind.unit)]:
        factor = _PER_SECOND[kind.unit] // _PER_SECOND[unit]
        if pc.all(pc.equal(pc.multiply(pc.divide(ticks, factor), factor), ticks)).as_py() is not False:
            return unit
    return str(kind.unit)


def to_text(column: pa.Array, unit: str | None = None) -> pa.DictionaryArray:
    """The cells as ``CELL``, a null as the empty text, a time with a zone as what a clock in that zone showed.

    Args:
        column: an array of a type that ``has_text``.
        unit: for times, the unit that their text is cut to, from ``coarsest_unit``.
    """
    values = column.cast(plain(column.type))
    if is_text(values.type):
        return _indexed(pc.fill_null(values.cast(pa.string()), "").dictionary_encode())
    if pa.types.is_null(values.type):
        return pa.DictionaryArray.from_arrays(pa.array([0] * len(values), pa.int32()), pa.array([""]))
    encoded = values.dictionary_encode(null_encoding="encode")
    texts = pc.fill_null(_texts(encoded.dictionary, unit), "")
    return pa.DictionaryArray.from_arrays(encoded.indices, texts)


def _indexed(encoded: pa.DictionaryArray) -> pa.DictionaryArray:
    return encoded if encoded.type == CELL else encoded.cast(CELL)


def _texts(values: pa.Array, unit: str | None) -> pa.Array:
    kind = values.type
    if pa.types.is_duration(kind):
        return values.cast(pa.int64()).cast(pa.string())
    if unit is not None and pa.types.is_timestamp(kind):
        values = values.cast(pa.timestamp(unit, kind.tz))
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        values = pc.local_timestamp(values)
    if unit is not None and pa.types.is_time(kind):
        values = values.cast(_time(unit))
    return values.cast(pa.string())


def _time(unit: str) -> pa.DataType:
    return pa.time32(unit) if unit in ("s", "ms") else pa.time64(unit)


def from_text(column: pa.Array, kind: pa.DataType) -> pa.Array:
    """The cells as ``kind``, an empty text as null: the inverse of ``to_text``.

    Of a time that a zone's clock showed twice, the first is meant; one that it skipped becomes the next that it showed.

    Raises:
        pyarrow.ArrowInvalid: a text that is no value of the type; its message holds the text.
    """
    texts = column.cast(pa.string())
    texts = pc.if_else(pc.equal(texts, ""), pa.scalar(None, pa.string()), texts)
    value = plain(kind)
    if pa.types.is_null(value):
        if texts.null_count < len(texts):
            raise pa.ArrowInvalid("a text in a column of nulls")
        cells: Any = pa.nulls(len(texts), value)
    elif pa.types.is_duration(value):
        cells = texts.cast(pa.int64()).cast(value)
    elif pa.types.is_time(value):
        cells = pc.binary_join_element_wise("1970-01-01", texts, " ").cast(pa.timestamp(value.unit)).cast(value)
    elif pa.types.is_timestamp(value) and value.tz is not None:
        shown = texts.cast(pa.timestamp(value.unit))
        cells = pc.assume_timezone(shown, value.tz, ambiguous="earliest", nonexistent="latest")
    else:
        cells = texts.cast(value)
    return cells.dictionary_encode().cast(kind) if pa.types.is_dictionary(kind) else cells
