"""Tables that come in pieces are read as they came, and leave no file behind."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pytest

from synthgen.schema.config import Format
from synthgen.tables.spool import SpooledTable, spooled

COLUMNS = {"patients": ("nr", "sex"), "visits": ("id",), "never": ("a", "b")}
FORMATS = dict.fromkeys(COLUMNS, Format(delimiter=";"))


def batch(**columns: list[str]) -> pa.RecordBatch:
    return pa.RecordBatch.from_pydict({name: pa.array(texts).dictionary_encode() for name, texts in columns.items()})


BLOCKS: list[Mapping[str, pa.RecordBatch]] = [
    {"patients": batch(nr=["1", "2"], sex=["F", "F"])},
    {"patients": batch(nr=["3"], sex=["M"]), "visits": batch(id=["a", "a", ""])},
    {"visits": pa.RecordBatch.from_pydict({"id": pa.array([], pa.string())})},
]


def rows(table: SpooledTable) -> list[dict[str, str]]:
    return [row for part in table for row in part.to_pylist()]


def test_every_table_is_there_with_all_its_rows_in_order() -> None:
    with spooled(BLOCKS, COLUMNS, FORMATS, {"visits": {"id": pa.int64()}}) as dataset:
        tables = {name: table for name, table in dataset.tables.items() if isinstance(table, SpooledTable)}
        assert list(tables) == ["patients", "visits", "never"]
        assert rows(tables["patients"]) == [
            {"nr": "1", "sex": "F"},
            {"nr": "2", "sex": "F"},
            {"nr": "3", "sex": "M"},
        ]
        assert rows(tables["visits"]) == [{"id": "a"}, {"id": "a"}, {"id": ""}]
        assert rows(tables["never"]) == []
        assert rows(tables["patients"]) == rows(tables["patients"])  # as often as one likes
        assert all(pa.types.is_dictionary(column.type) for part in tables["patients"] for column in part.columns)
        assert (tables["visits"].types, tables["patients"].types) == ({"id": pa.int64()}, {})
        assert tables["patients"].format.delimiter == ";"


def test_equal_rows_have_equal_digests() -> None:
    digests = []
    for blocks in (BLOCKS, BLOCKS, BLOCKS[:1]):
        with spooled(blocks, COLUMNS, FORMATS, {}) as dataset:
            digests.append(dataset.tables["patients"].digest())
    assert digests[0] == digests[1] != digests[2]


def test_nothing_stays_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with spooled(BLOCKS, COLUMNS, FORMATS, {}):
        assert list(tmp_path.iterdir())
    assert not list(tmp_path.iterdir())

    def interrupted() -> Iterator[Mapping[str, pa.RecordBatch]]:
        yield BLOCKS[0]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), spooled(interrupted(), COLUMNS, FORMATS, {}):
        pass
    assert not list(tmp_path.iterdir())
