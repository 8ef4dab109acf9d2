"""Reading: what stands in a file comes out as it stands, and what is wrong with a file is told where it is."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from synthgen.errors import InputError
from synthgen.schema.column import Category, Drop
from synthgen.schema.config import Format, Schema
from synthgen.schema.table import TableConfig
from synthgen.tables import csv as csv_module
from synthgen.tables import kept
from synthgen.tables.arrow import CELL
from synthgen.tables.csv import CsvTable
from synthgen.tables.dataset import Table
from synthgen.tables.memory import MemoryTable
from synthgen.tables.parquet import ParquetTable
from synthgen.tables.read import read


def _cells(table: Iterable[pa.RecordBatch]) -> list[list[str]]:
    return [list(row.values()) for block in table for row in block.to_pylist()]


def _write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def _only(path: Path, schema: Schema | None = None) -> Table:
    (table,) = read(path, schema=schema).tables.values()
    return table


def _schema(columns: Sequence[str], name: str = "stays", **dialect: object) -> Schema:
    config = TableConfig(columns={column: Category() for column in columns})
    return Schema(format=Format.model_validate(dialect), tables={name: config})


def _refused(path: Path, schema: Schema | None = None) -> str:
    """The one line that says why the file is refused, at once or when its rows are read."""
    with pytest.raises(InputError) as error:
        [_cells(table) for table in read(path, schema=schema).tables.values()]
    assert "\n" not in str(error.value)
    return str(error.value)


# What comes through


def test_every_cell_is_the_text_of_the_file(tmp_path: Path) -> None:
    cells = [
        ["007", "250.00", "9007199254740993", "1e5", "None", "TRUE"],
        ["", "NULL", "NaN", "93703.0", " padded ", "2020-01-01"],
    ]
    text = "a,b,c,d,e,f\n" + "".join(",".join(row) + "\n" for row in cells)
    table = _only(_write(tmp_path / "stays.csv", text))
    assert _cells(table) == cells
    assert all(field.type == CELL for block in table for field in block.schema)
    assert (table.name, table.columns, dict(table.types)) == ("stays", ("a", "b", "c", "d", "e", "f"), {})


def test_quotes_newlines_and_a_missing_last_newline(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", 'id,"no\nte"\r\n1,"x, ""y""\r\nz"\r\n\r\n2,5" tube')
    table = _only(path)
    assert table.columns == ("id", "no\nte")
    assert _cells(table) == [["1", 'x, "y"\r\nz'], ["2", '5" tube']]


def test_blocks_cut_anywhere_hold_the_same_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [[str(i), 'é"\r\n,' * (i % 3), "" if i % 5 else "x"] for i in range(400)]
    lines = (",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows)
    table = _only(_write(tmp_path / "a.csv", "id,note,flag\r\n" + "\r\n".join(lines)))
    monkeypatch.setattr(csv_module, "BLOCK_BYTES", 97)
    assert len(list(table)) > 10
    assert _cells(table) == rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252", "latin-1", "utf-32"])
@pytest.mark.parametrize("rows", [1, 60_000])  # 60,000 rows: characters are cut between chunks
def test_encodings(tmp_path: Path, encoding: str, rows: int) -> None:
    text = "größe,name\n" + "".join(f"{i},Zoë\n" if i % 2 else f"{i},Bob\n" for i in range(1, rows + 1))
    path = _write(tmp_path / "a.csv", text.encode(encoding))
    table = CsvTable.open(path, "a", Format(encoding=encoding))
    assert table.columns == ("größe", "name")
    blocks = pa.Table.from_batches(list(table))
    assert blocks.num_rows == rows
    assert set(blocks["name"].unique().to_pylist()) <= {"Zoë", "Bob"}


def test_a_mark_of_byte_order_is_read_under_plain_utf8_too(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", codecs.BOM_UTF8 + b"id,b\n1,2\n")
    assert CsvTable.open(path, "a", Format()).columns == ("id", "b")


def test_a_cell_may_begin_with_the_mark_of_byte_order(tmp_path: Path) -> None:
    assert _cells(_only(_write(tmp_path / "a.csv", "a,b\n\ufeffx,y\n"))) == [["\ufeffx", "y"]]


def test_gzip_in_several_members_and_tsv(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv.gz", gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n"))
    assert _cells(_only(path)) == [["1", "2"], ["3", "4"]]
    table = _only(_write(tmp_path / "b.TSV", "a\tb\n1,5\t2\n"))
    assert (table.name, _cells(table)) == ("b", [["1,5", "2"]])


def test_preamble_is_passed_over(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "sep=;\r\nid;crp\r\n1;2,5\r\n")
    assert _cells(_only(path)) == [["1", "2,5"]]
    assert _cells(_only(path, _schema(["id", "crp"], delimiter=";", preamble=1))) == [["1", "2,5"]]


def test_a_declared_preamble_may_be_absent(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "id;crp\n1;2,5\n2;3\n")
    assert _cells(_only(path, _schema(["id", "crp"], delimiter=";", preamble=1))) == [["1", "2,5"], ["2", "3"]]


def test_a_single_table_takes_the_name_in_the_schema(tmp_path: Path) -> None:
    path = _write(tmp_path / "export_2024.csv", "id,b\n1,2\n")
    assert list(read(path, schema=_schema(["id", "b"])).tables) == ["stays"]
    assert list(read(tmp_path, schema=_schema(["id", "b"])).tables) == ["stays"]
    assert list(read(path).tables) == ["export_2024"]


def test_a_folder_is_a_table_for_each_file(tmp_path: Path) -> None:
    _write(tmp_path / "labs.csv.gz", gzip.compress(b"id;crp\n1;2,5\n"))
    _write(tmp_path / "stays.csv", "id,b\n1,2\n")
    _write(tmp_path / "README.txt", "not a table")
    _write(tmp_path / ".hidden.csv", "")
    dataset = read(tmp_path)
    assert list(dataset.tables) == ["labs", "stays"]
    assert dataset.tables["labs"].format.delimiter == ";"


def test_small_tables_are_kept_and_large_ones_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _write(tmp_path / "a.csv", "a,b\n1,2\n3,4\n")
    small, large = _only(path), _only(path)
    first = _cells(small)
    with monkeypatch.context() as patch:
        patch.setattr(kept, "KEEP_BYTES", 10)
        list(large)
    path.unlink()
    assert _cells(small) == first
    with pytest.raises(InputError, match="no such file"):
        list(large)


def test_a_pass_given_up_half_way_keeps_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_module, "BLOCK_BYTES", 40)
    table = _only(_write(tmp_path / "a.csv", "a,b\n" + "1,2\n" * 100))
    next(iter(table))
    assert len(_cells(table)) == 100


def test_digest_is_that_of_the_bytes(tmp_path: Path) -> None:
    one, two = (_only(_write(tmp_path / name, "a,b\n1,2\n")) for name in ("a.csv", "b.csv"))
    other = _only(_write(tmp_path / "c.csv", "a,b\n1,3\n"))
    assert one.digest() == two.digest() != other.digest()


@pytest.mark.real_data
def test_diabetes(diabetes130: Path) -> None:
    table = _only(diabetes130)
    blocks = pa.Table.from_batches(list(table))
    assert blocks.shape == (101_766, 50)
    assert blocks["max_glu_serum"].combine_chunks().cast("string").value_counts().to_pylist()[0] == {
        "values": "None",
        "counts": 96_420,
    }
    assert "250.01" in blocks["diag_1"].unique().to_pylist()
    assert table.format == Format(newline="\r\n")


# What is refused


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "a.csv: the file is empty"),
        ("\n \n", "a.csv: the file is empty"),
        ("id,b\n", "a.csv:1: found only a header and no rows"),
        ("id,b\n\n\n", "a.csv:1: found only a header and no rows"),
        ("id,,b,\n1,2,3,4\n5,6,7,8\n", "a.csv:1: column 2, 4 of 4 has no name; give every column a name"),
        (
            ",id,b\n0,2,3\n1,6,7\n",
            "a.csv:1: column 1 of 3 has no name; give it a name, or export without the row index",
        ),
        ("id,b,\n0,2,\n1,6,\n", "a.csv:1: column 3 of 3 has no name; give it a name, or export without the delimiter"),
        ("id,b,id,b,id\n1,2,3,4,5\n", "a.csv:1: columns 1 and 3, 2 and 4, 1 and 5 have the same name"),
        ("id,b\n1,2\n\n3\n4,5\n", "a.csv:4: found 1 field, expected the 2 of the header"),
        ("id,b\n1,2\n\n3\n4,5\n", "quote cells that contain `,`, or mend the line"),
        ("id,b\n1,2\n3,4\nTotal 2\n\nby X\n", "a.csv:4: found 1 field, expected the 2 of the header; no whole row"),
        ("id,b\n1,2\n3,4\n5,6,7\n", "a.csv:4: found 3 fields, expected the 2 of the header"),
        ('id,b\n1,"x\ny"\n3,4,5\n6,7\n', "a.csv:4: found 3 fields"),
        ('id,b\n1,2\n3,"4\n5,6"7\n8,9,"10\n', 'a.csv:3: a quote `"` opened in this row is closed before'),
        ('id,b\n1,2\n3,"x\n4,5\n6,"y"\n', 'a.csv:3: a quote `"` opened in this row is closed before'),
        ('id,b\n1,2\n3,"x\n4,5\n6,"y\n', 'a.csv:3: a quote `"` opened in this row is closed before'),
        ('id,b\n1,2\n3,"a "small" tube"\n', 'a.csv:3: a quote `"` opened in this row is closed before'),
        ('id,b\n1,2\n3,"x\ny",4\n', "the row reaches to line 4"),
        ('id,b\n1,2\n3,"x\n4,5\n6,7\n', 'a.csv:3: a quote `"` opened in this row is never closed'),
        ("id,b\n1,2\n3,\0\n", "a.csv:3: found a NUL character"),
    ],
)
def test_faulty_texts_are_located(tmp_path: Path, content: str, told: str) -> None:
    message = _refused(_write(tmp_path / "a.csv", content))
    assert told in message
    assert message.startswith(str(tmp_path))


def test_a_ragged_line_far_down_is_located_and_shows_no_cell(tmp_path: Path) -> None:
    text = "id,note\n" + '1,"two\nlines"\n' * 100_000 + "1,SECRET,3\n" + "1,2\n" * 1000
    message = _refused(_write(tmp_path / "a.csv.gz", gzip.compress(text.encode(), 1)))
    assert "a.csv.gz:200002: found 3 fields" in message
    assert "SECRET" not in message


def test_an_unclosed_quote_that_swallows_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_module, "BLOCK_BYTES", 1 << 16)
    text = 'id,note\n1,2\n1,"SECRET\n' + "1,2\n" * 50_000  # more than a block
    message = _refused(_write(tmp_path / "a.csv", text))
    assert "a.csv:3: a quote" in message
    assert "SECRET" not in message


def test_stray_quotes_inside_cells_are_no_fault(tmp_path: Path) -> None:
    rows = [["1", '5" tube'], ["2", 'a "big" one'], ["3", '6"']]
    assert _cells(_only(_write(tmp_path / "a.csv", 'id,b\n1,5" tube\n2,a "big" one\n3,6"\n'))) == rows


def test_a_wrong_delimiter_is_told_with_the_right_one(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "id;b\n1;2\n3;4\n")
    assert "found one column split at `,`, but `;` splits it" in _refused(path, _schema(["id", "b"]))
    path = _write(tmp_path / "a.csv", "id\tb\n1\t2\n3\t4\n")
    assert "set format.delimiter to a tab" in _refused(path, _schema(["id", "b"]))


@pytest.mark.parametrize(
    ("content", "encoding", "told"),
    [
        ("id,b\n1,ä\n2,ü\n".encode("cp1252"), "utf-8", "a.csv:2: found bytes that utf-8 does not define"),
        (b"id,b\n1,2\n2,\x81\n", "cp1252", "a.csv:3: found bytes that cp1252 does not define"),
        (b"id,b\n1,2\n2,\xc3", "utf-8", "a.csv:3: found bytes that utf-8 does not define"),
        ("id,b\n1,2\n".encode("utf-16"), "utf-8", "a.csv:1: found bytes that utf-8 does not define"),
        ("id,b\n1,2\n".encode("utf-16-le"), "utf-8", "a.csv:1: found a NUL character"),
        ("id,b\n1,2\n3,4\n".encode("utf-16-le") + b"\x00\xd8\x0a\x00", "utf-16", "a.csv:4: found bytes that utf-16"),
    ],
)
def test_undecodable_bytes_are_located(tmp_path: Path, content: bytes, encoding: str, told: str) -> None:
    path = _write(tmp_path / "a.csv", content)
    assert told in _refused(path, _schema(["id", "b"], encoding=encoding))


def test_undecodable_bytes_far_down_are_located(tmp_path: Path) -> None:
    text = "id,b\n1,é\n" + "1,2\n" * 300_000
    path = _write(tmp_path / "a.csv", text.encode() + b"1,\xe9\n")
    assert "a.csv:300003: found bytes that utf-8 does not define" in _refused(path)


def test_gzip_cut_short_or_damaged(tmp_path: Path) -> None:
    whole = gzip.compress(b"id,b\n" + b"1,2\n" * 400_000, 1)
    for content in (whole[:-6], whole[: len(whole) // 2], whole[:-5] + b"\xff" * 5, whole + b"junk"):
        assert "the gzip data end early or are damaged" in _refused(_write(tmp_path / "a.csv.gz", content))
    assert "the file is empty" in _refused(_write(tmp_path / "a.csv.gz", b""))
    assert "is no gzip data" in _refused(_write(tmp_path / "a.csv.gz", b"id,b\n1,2\n"))


def test_a_row_longer_than_a_block(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_module, "BLOCK_BYTES", 1000)
    path = _write(tmp_path / "a.csv", "id,b\n1," + "x" * 5000 + "\n2,3\n")
    assert "found a row of more than" in _refused(path)


def test_places_without_tables(tmp_path: Path) -> None:
    assert "no such file" in _refused(tmp_path / "none.csv")
    assert "holds no table" in _refused(tmp_path)
    assert "found the ending .xlsx" in _refused(_write(tmp_path / "a.xlsx", "x"))
    assert "found the ending none" in _refused(_write(tmp_path / "a", "x"))
    _write(tmp_path / "a.csv", "a,b\n1,2\n")
    _write(tmp_path / "a.tsv", "a\tb\n1\t2\n")
    assert "a.csv and a.tsv are both table a" in _refused(tmp_path)


def test_parquet_that_is_none(tmp_path: Path) -> None:
    assert "not a whole Parquet file" in _refused(_write(tmp_path / "a.parquet", "PAR1 and no more"))
    pq.write_table(pa.table({"a": pa.array([], "int64")}), tmp_path / "b.parquet")
    assert "no rows" in _refused(tmp_path / "b.parquet")
    pq.write_table(pa.table({"a": [[1]], "b": [b"x"], "c": [1]}), tmp_path / "c.parquet")
    message = _refused(tmp_path / "c.parquet")
    assert "a (list<" in message
    assert "b (binary)" in message


def test_columns_of_config_and_file_must_agree(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "id,age,sex\n1,2,3\n")
    message = _refused(path, _schema(["id", "ages", "gender"]))
    assert "lacks the config's ages, gender and has columns that the config lacks: age, sex" in message


def test_a_headless_file_shows_none_of_its_cells(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.csv", "SECRET,40\n1,2\n")
    message = _refused(path, _schema(["id", "age"]))
    assert "none of the 2 columns of the config is in the header" in message
    assert "SECRET" not in message


def test_a_dropped_column_may_be_absent(tmp_path: Path) -> None:
    config = TableConfig(columns={"id": Category(), "name": Drop()})
    schema = Schema(tables={"stays": config})
    assert _only(_write(tmp_path / "a.csv", "id\n1\n"), schema).columns == ("id",)
    assert _only(_write(tmp_path / "a.csv", "id,name\n1,2\n"), schema).columns == ("id", "name")


def test_a_folder_may_mix_endings_and_dialects(tmp_path: Path) -> None:
    (tmp_path / "stays.csv").write_text("id;los\n1;2,5\n")
    (tmp_path / "labs.csv").write_text("id,crp\n1,3.5\n")
    (tmp_path / "meds.TSV").write_text("id\tdose\n1\t2;5\n")
    (tmp_path / "notes.csv.gz").write_bytes(gzip.compress(b"id;text\n1;x\n"))
    pq.write_table(pa.table({"id": [1], "beds": [7]}), tmp_path / "wards.parquet")
    (tmp_path / "README.txt").write_text("no table")
    (tmp_path / ".stays.csv").write_text("hidden")
    (tmp_path / "old.csv").mkdir()
    names = {"stays": "los", "labs": "crp", "meds": "dose", "notes": "text", "wards": "beds"}
    detected = read(tmp_path)
    assert set(detected.tables) == set(names)
    assert detected.source == str(tmp_path)
    tables: dict[str, Any] = {
        name: {"columns": {"id": {"kind": "category"}, column: {"kind": "category"}}} for name, column in names.items()
    }
    tables["labs"]["format"] = {"delimiter": ","}
    schema = Schema.model_validate({"format": {"delimiter": ";", "decimal": ","}, "tables": tables})
    cells = {name: _cells(table) for name, table in read(tmp_path, schema=schema).tables.items()}
    assert cells == {name: _cells(table) for name, table in detected.tables.items()}
    assert cells["meds"] == [["1", "2;5"]]
    assert cells["labs"] == [["1", "3.5"]]


def test_tables_of_config_and_folder_must_agree(tmp_path: Path) -> None:
    _write(tmp_path / "a.csv", "id,b\n1,2\n")
    _write(tmp_path / "b.csv", "id,b\n1,2\n")
    message = _refused(tmp_path, _schema(["id", "b"]))
    assert "has no file for table stays and has files that the config does not name: a.csv, b.csv" in message


# Typed tables

TYPED = pa.table(
    {
        "integer": pa.array([2**53 + 1, None, -7], "int64"),
        "unsigned": pa.array([2**64 - 1, 0, None], "uint64"),
        "real": pa.array([0.1, float("nan"), None], "float64"),
        "single": pa.array([0.1, 93703.0, None], "float32"),
        "truth": pa.array([True, False, None]),
        "text": pa.array(["007", None, "x"]),
        "large": pa.array(["a", None, "b"], "large_string"),
        "level": pa.array(["a", None, "a"]).dictionary_encode().cast(pa.dictionary(pa.int8(), pa.string())),
        "coded": pa.array([5, None, 5]).dictionary_encode(),
        "exact": pa.array([Decimal("1.50"), None, Decimal("-2.25")], pa.decimal128(10, 2)),
        "day": pa.array([date(2020, 2, 29), None, date(9999, 12, 31)]),
        "seconds": pa.array([datetime(2020, 2, 29, 1, 2, 3), None, datetime(1950, 1, 1)], pa.timestamp("ns")),
        "micros": pa.array([datetime(2020, 2, 29, 1, 2, 3, 4), None, datetime(1950, 1, 1)], pa.timestamp("us")),
        "zoned": pa.array([datetime(2020, 7, 1), None, datetime(2020, 1, 1)], pa.timestamp("us", "Europe/Berlin")),
        "clock": pa.array([time(1, 2, 3), None, time(4, 5, 6)], pa.time64("us")),
        "millis": pa.array([time(1, 2, 3, 4000), None, time(4, 5, 6)], pa.time32("ms")),
        "span": pa.array([timedelta(hours=1), None, timedelta(0)], pa.duration("ms")),
        "nothing": pa.nulls(3),
    }
)
TEXTS = {
    "integer": ["9007199254740993", "", "-7"],
    "unsigned": ["18446744073709551615", "0", ""],
    "real": ["0.1", "nan", ""],
    "single": ["0.1", "93703", ""],
    "truth": ["true", "false", ""],
    "text": ["007", "", "x"],
    "large": ["a", "", "b"],
    "level": ["a", "", "a"],
    "coded": ["5", "", "5"],
    "exact": ["1.50", "", "-2.25"],
    "day": ["2020-02-29", "", "9999-12-31"],
    "seconds": ["2020-02-29 01:02:03", "", "1950-01-01 00:00:00"],
    "micros": ["2020-02-29 01:02:03.000004", "", "1950-01-01 00:00:00.000000"],
    "zoned": ["2020-07-01 02:00:00", "", "2020-01-01 01:00:00"],
    "clock": ["01:02:03", "", "04:05:06"],
    "millis": ["01:02:03.004", "", "04:05:06.000"],
    "span": ["3600000", "", "0"],
    "nothing": ["", "", ""],
}


def _columns(table: Table) -> dict[str, list[str]]:
    return {name: list(cells) for name, cells in zip(table.columns, zip(*_cells(table), strict=True), strict=True)}


def test_parquet_as_text(tmp_path: Path) -> None:
    pq.write_table(TYPED, tmp_path / "stays.parquet", row_group_size=2)
    table = _only(tmp_path / "stays.parquet")
    assert _columns(table) == TEXTS
    assert all(field.type == CELL for block in table for field in block.schema)
    assert table.types["zoned"] == pa.timestamp("us", "Europe/Berlin")
    assert table.types["level"] == pa.dictionary(pa.int8(), pa.string())


def test_arrow_in_memory_as_text() -> None:
    table = MemoryTable.from_arrow(TYPED, "stays")
    assert _columns(table) == TEXTS
    assert dict(table.types) == dict(zip(TYPED.column_names, TYPED.schema.types, strict=True))


def test_pandas_as_text() -> None:
    frame = pd.DataFrame(
        {
            "id": [1, 2],
            "real": [1.5, np.nan],
            "name": ["007", None],
            "day": pd.to_datetime(["2020-01-01", None]),
            "level": pd.Categorical(["x", None]),
            3: [True, False],
        },
        index=[7, 9],
    )
    table = MemoryTable.from_pandas(frame, "stays")
    assert table.columns == ("id", "real", "name", "day", "level", "3")
    assert _cells(table) == [["1", "1.5", "007", "2020-01-01 00:00:00", "x", "true"], ["2", "", "", "", "", "false"]]
    assert table.source == "<DataFrame>"


def test_pandas_refused_without_showing_a_cell() -> None:
    with pytest.raises(InputError, match="column mixed holds values of several types") as error:
        MemoryTable.from_pandas(pd.DataFrame({"mixed": ["SECRET", 1]}), "stays")
    assert "SECRET" not in str(error.value)
    with pytest.raises(InputError, match="columns 1 and 2 have the same name"):
        MemoryTable.from_pandas(pd.DataFrame([[1, 2]], columns=["a", "a"]), "stays")
    with pytest.raises(InputError, match="no rows"):
        MemoryTable.from_pandas(pd.DataFrame({"a": []}), "stays")


def test_digest_in_memory_is_that_of_the_content() -> None:
    whole = pa.table({"a": ["x", "yz", "x"], "b": [1, 2, 3]})
    parts = pa.Table.from_batches([part for i in range(3) for part in whole.slice(i, 1).to_batches()])
    digest = MemoryTable.from_arrow(whole, "t").digest()
    assert MemoryTable.from_arrow(parts, "t").digest() == digest
    for other in ({"a": ["xy", "z", "x"]}, {"b": [1, 2, 4]}, {"b": pa.array([1, 2, 3], "int8")}):
        columns = {"a": whole["a"], "b": whole["b"]} | other
        assert MemoryTable.from_arrow(pa.table(columns), "t").digest() != digest


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_one_of_several_tables_may_have_no_rows(tmp_path: Path, suffix: str) -> None:
    """A rare event need not happen to any patient of a small set."""
    _write(tmp_path / "stays.csv", "id,b\n1,2\n")
    if suffix == ".csv":
        _write(tmp_path / "devices.csv", "id,b\n")
    else:
        pq.write_table(
            pa.table({"id": pa.array([], pa.string()), "b": pa.array([], pa.int64())}), tmp_path / "devices.parquet"
        )
    tables = {**_schema(["id", "b"]).tables, **_schema(["id", "b"], "devices").tables}
    found = read(tmp_path, schema=Schema(tables=tables)).tables
    assert [_cells(found[name]) for name in ("stays", "devices")] == [[["1", "2"]], []]
    assert found["devices"].columns == ("id", "b")
    (tmp_path / "stays.csv").unlink()
    assert "no rows" in _refused(tmp_path, _schema(["id", "b"], "devices"))


def _stages(*parts: list[str | None]) -> pa.Table:
    """Ordered categoricals, a part in each chunk, with a level that nobody has."""
    kind = pa.dictionary(pa.int8(), pa.string(), ordered=True)
    levels = pa.array(["low", "high", "highest"])
    chunks = [
        pa.DictionaryArray.from_arrays(pc.index_in(pa.array(part), levels).cast(pa.int8()), levels, ordered=True)
        for part in parts
    ]
    return pa.table({"n": pa.array(range(sum(map(len, parts)))), "stage": pa.chunked_array(chunks, kind)})


@pytest.mark.parametrize("group", [2, 100])
def test_the_levels_of_ordered_types_are_known_in_their_order(tmp_path: Path, group: int) -> None:
    stages = _stages(["high", "low", None], ["high"])
    pq.write_table(stages, tmp_path / "t.parquet", row_group_size=group)
    expected = {"stage": ("low", "high", "highest")}
    assert ParquetTable.open(tmp_path / "t.parquet", "t").levels == expected
    assert MemoryTable.from_arrow(stages, "t").levels == expected


def test_the_order_is_not_known_where_the_file_does_not_keep_it(tmp_path: Path) -> None:
    pq.write_table(_stages(["high", "low"]), tmp_path / "t.parquet", use_dictionary=False)
    assert ParquetTable.open(tmp_path / "t.parquet", "t").levels == {}
