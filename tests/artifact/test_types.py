"""Arrow types survive as texts, and a text that is none is refused."""

import contextlib

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.artifact.types import kept_type, type_named, type_text


@pytest.mark.parametrize(
    "kind",
    [
        *(pa.int8(), pa.uint64(), pa.float32(), pa.bool_(), pa.string(), pa.date32(), pa.date64()),
        *(pa.time32("s"), pa.time64("us"), pa.timestamp("ms")),
        *(pa.timestamp("ns", "Europe/Oslo"), pa.timestamp("s", "+02:00")),
        *(pa.decimal128(12, 3), pa.decimal256(60, -2), pa.null()),
    ],
    ids=str,
)  # fmt: skip
def test_a_type_comes_back(kind: pa.DataType) -> None:
    assert type_named(type_text(kind)) == kind


@pytest.mark.parametrize("value", [pa.string(), pa.int64(), pa.timestamp("ns", "Europe/Oslo")], ids=str)
def test_a_dictionary_stays_one_without_its_order(value: pa.DataType) -> None:
    kept = kept_type(pa.dictionary(pa.int8(), value, ordered=True))
    assert kept == pa.dictionary(pa.int32(), value)
    assert type_named(type_text(kept)) == kept
    with pytest.raises(ValueError, match="dictionary"):
        type_named("dictionary[dictionary[string]]")


def test_large_text_counts_as_text() -> None:
    assert type_named(type_text(pa.large_string())) == pa.string()


@given(st.text(max_size=30))
def test_no_text_does_anything_but_name_a_type_or_raise(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(type_named(text), pa.DataType)
