"""Keys match where their texts do, in any number of columns."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from synthgen.tables.keys import KeyColumns, KeyIndex


def block(**columns: list[str]) -> pa.RecordBatch:
    return pa.record_batch({name: pa.array(texts).dictionary_encode() for name, texts in columns.items()})


def test_a_link_finds_its_row() -> None:
    key = KeyColumns(("id",), ((),))
    index = KeyIndex.of(*key.read(block(id=["7", "07", "x ", "7", ""])))
    assert (index.missing, index.repeated) == (1, 1)
    links = KeyColumns(("link",), (("?", "NA"),))
    assert index.find(*links.read(block(link=["x", "07", " 7", "?", "", "NA", "8"]))).tolist() == [
        2,
        1,
        0,
        -1,
        -1,
        -1,
        -2,
    ]


def test_the_columns_of_a_key_have_an_order() -> None:
    key = KeyColumns(("a", "b"), ((), ("0",)))
    index = KeyIndex.of(*key.read(block(a=["1", "2", "12", "1"], b=["2", "1", "", "0"])))
    assert index.missing == 2
    assert index.find(*key.read(block(a=["2", "1", "1", "1"], b=["1", "2", "1", "0"]))).tolist() == [1, 0, -2, -1]


def test_nothing_is_found_among_no_rows() -> None:
    empty = KeyIndex.of(np.empty(0, np.uint64), np.empty(0, bool))
    assert empty.find(np.arange(2, dtype=np.uint64), np.array([True, False])).tolist() == [-1, -2]


def test_many_keys_hardly_ever_share_a_hash() -> None:
    texts = [str(number) for number in range(200_000)]
    one, _ = KeyColumns(("id",), ((),)).read(block(id=texts))
    two, _ = KeyColumns(("a", "b"), ((), ())).read(block(a=texts, b=["x"] * len(texts)))
    assert len(np.unique(one)) == len(np.unique(two)) == len(texts)
