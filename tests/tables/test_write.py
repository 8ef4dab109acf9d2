"""Writing: what is written is read back as it was, and a file appears whole or not at all."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.errors import InputError, SynthgenError
from synthgen.schema.config import Format
from synthgen.tables import write as write_module
from synthgen.tables.csv import CsvTable
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.memory import MemoryTable
from synthgen.tables.parquet import ParquetTable
from synthgen.tables.read import read
from synthgen.tables.write import write_dataset, write_table

#: No NUL, which is no text; no surrogates, which no encoding has.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=8)
TRICKY = st.text("\",;\t|'\r\n é€\ufeff\u2028x", max_size=6)
FORMAT = st.builds(
    Format,
    delimiter=st.sampled_from(",;\t|"),
    quote=st.sampled_from("\"'"),
    newline=st.sampled_from(["\n", "\r\n"]),
    quoted=st.booleans(),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"]),
    decimal=st.just("."),
)


def _block(rows: Sequence[Sequence[str]], width: int, *, dictionary: bool) -> pa.RecordBatch:
    columns = [pa.array([row[i] for row in rows], pa.string()) for i in range(width)]
    return pa.record_batch(
        [column.dictionary_encode() if dictionary else column for column in columns],
        names=[str(i) for i in range(width)],
    )


def _cells(table: Table) -> list[list[str]]:
    return [list(row.values()) for block in table for row in block.to_pylist()]


def _write(path: Path, rows: Sequence[Sequence[str]], dialect: Format, *, dictionary: bool = True) -> None:
    columns = [f"c{i}" for i in range(len(rows[0]))]
    write_table(path, "t", columns, [_block(rows, len(columns), dictionary=dictionary)], dialect, {})


@given(
    rows=st.integers(1, 4).flatmap(
        lambda width: st.lists(st.lists(TEXT | TRICKY, min_size=width, max_size=width), min_size=1, max_size=6)
    ),
    dialect=FORMAT,
    dictionary=st.booleans(),
    suffix=st.sampled_from([".csv", ".csv.gz"]),
)
def test_any_text_comes_back_from_csv(
    tmp_path_factory: pytest.TempPathFactory, rows: list[list[str]], dialect: Format, dictionary: bool, suffix: str
) -> None:
    path = tmp_path_factory.getbasetemp() / f"round{suffix}"
    _write(path, rows, dialect, dictionary=dictionary)
    assert _cells(CsvTable.open(path, "t", dialect)) == rows


@given(rows=st.lists(st.tuples(TEXT | TRICKY, TEXT), min_size=1, max_size=6))
def test_any_text_comes_back_from_parquet(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.getbasetemp() / "round.parquet"
    _write(path, rows, Format())
    assert _cells(ParquetTable.open(path, "t")) == [list(row) for row in rows]


@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.none() | st.integers(-(2**63), 2**63 - 1),
            st.none() | st.floats(allow_nan=False),
            st.none() | st.floats(width=32, allow_nan=False),
            st.none() | st.decimals(-(10**15), 10**15, places=3),
            st.none() | st.dates(),
            st.none() | st.datetimes(datetime(1900, 1, 1), datetime(9998, 1, 1)),
            st.none() | st.times(),
            st.none() | st.booleans(),
            st.none() | st.text(st.characters(codec="utf-8"), min_size=1, max_size=3),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_value_comes_back_with_its_parquet_type(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[object, ...]]
) -> None:
    types = [
        pa.int64(),
        pa.float64(),
        pa.float32(),
        pa.decimal128(20, 3),
        pa.date32(),
        pa.timestamp("us", "+05:30"),
        pa.time64("us"),
        pa.bool_(),
        pa.dictionary(pa.int8(), pa.string()),
    ]
    names = [str(kind) for kind in types]
    original = pa.table(
        [pa.array(cells, kind) for cells, kind in zip(zip(*rows, strict=True), types, strict=True)], names=names
    )
    table = MemoryTable.from_arrow(original, "t")
    path = tmp_path_factory.getbasetemp() / "typed.parquet"
    write_table(path, "t", table.columns, table, table.format, table.types)
    assert pq.read_table(path).equals(original)


def test_times_with_a_zone_are_what_its_clocks_show(tmp_path: Path) -> None:
    kind = pa.timestamp("ms", "Europe/Oslo")
    utc = [datetime(2024, 1, 1, 11), datetime(2024, 7, 1, 11), datetime(2024, 10, 27, 1, 30), None]
    table = MemoryTable.from_arrow(pa.table({"t": pa.array(utc, kind)}), "t")
    shown = ["2024-01-01 12:00:00", "2024-07-01 13:00:00", "2024-10-27 02:30:00", ""]
    assert _cells(table) == [[text] for text in shown]
    block = pa.record_batch([pa.array([*shown, "2024-03-31 02:30:00"])], names=["t"])
    write_table(tmp_path / "t.parquet", "t", ["t"], [block], table.format, table.types)
    again = pq.read_table(tmp_path / "t.parquet").column("t")
    assert again.type == kind
    # at half past two in that October night the clock had shown the same an hour before; in March it never did
    utc[2] = datetime(2024, 10, 27, 0, 30)
    expected = [*utc, datetime(2024, 3, 31, 1)]
    assert again.cast(pa.timestamp("ms", "UTC")).cast(pa.timestamp("ms")).to_pylist() == expected


def test_a_zone_that_is_not_known_is_refused() -> None:
    with pytest.raises(InputError, match=r"zone that is not known here: t \(Nowhere/X\); convert them to UTC"):
        MemoryTable.from_arrow(pa.table({"t": pa.array([0], pa.timestamp("s", "Nowhere/X"))}), "t")


def test_the_bytes_of_a_csv(tmp_path: Path) -> None:
    rows = [["007", 'say "hi"', ""], ["250.00", "a;b", "a,b"], [" x ", "two\nlines", "'"]]
    _write(tmp_path / "a.csv", rows, Format(delimiter=";", newline="\r\n"))
    assert (tmp_path / "a.csv").read_bytes() == (
        b'c0;c1;c2\r\n007;"say ""hi""";\r\n250.00;"a;b";a,b\r\n x ;"two\nlines";\'\r\n'
    )


def test_where_all_cells_stand_in_quotes_empty_ones_do_too(tmp_path: Path) -> None:
    _write(tmp_path / "a.csv", [["007", 'say "hi"'], ["", "3,5"]], Format(delimiter=";", quoted=True))
    assert (tmp_path / "a.csv").read_bytes() == b'"c0";"c1"\n"007";"say ""hi"""\n"";"3,5"\n'


def test_strings_and_dictionaries_are_written_alike(tmp_path: Path) -> None:
    rows = [[f"{i}", "x,y" if i % 7 else "", 'a"b'] for i in range(20_000)]
    _write(tmp_path / "a.csv", rows, Format(), dictionary=True)
    _write(tmp_path / "b.csv", rows, Format(), dictionary=False)
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
    assert _cells(CsvTable.open(tmp_path / "a.csv", "t", Format())) == rows


def test_slices_of_blocks(tmp_path: Path) -> None:
    rows = [[f"{i}", "x,y"] for i in range(100)]
    blocks = [_block(rows, 2, dictionary=flag).slice(start, 25) for flag in (True, False) for start in (0, 25)]
    write_table(tmp_path / "a.csv", "t", ["a", "b"], blocks, Format(), {})
    assert _cells(CsvTable.open(tmp_path / "a.csv", "t", Format())) == rows[:50] * 2


def test_an_empty_cell_of_a_single_column_is_a_row(tmp_path: Path) -> None:
    _write(tmp_path / "a.csv", [["1"], [""], ["2"]], Format())
    assert (tmp_path / "a.csv").read_bytes() == b'c0\n1\n""\n2\n'


@pytest.mark.parametrize(
    ("encoding", "start"),
    [("utf-8", b"c0"), ("utf-8-sig", codecs.BOM_UTF8 + b"c0"), ("cp1252", b"c0"), ("utf-16", "c".encode("utf-16"))],
)
def test_encodings(tmp_path: Path, encoding: str, start: bytes) -> None:
    rows = [["Zoë €", str(i)] for i in range(20_000)]
    _write(tmp_path / "a.csv", rows, Format(encoding=encoding))
    content = (tmp_path / "a.csv").read_bytes()
    assert content.startswith(start)
    assert content.decode(encoding).splitlines()[20_000] == "Zoë €,19999"


def test_tsv_has_tabs_whatever_the_format_says(tmp_path: Path) -> None:
    _write(tmp_path / "a.tsv", [["1;2", "3\t4"]], Format(delimiter=";"))
    assert (tmp_path / "a.tsv").read_bytes() == b'c0\tc1\n1;2\t"3\t4"\n'


def test_gzip_is_the_same_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(tmp_path / "a.csv.gz", [["1", "2"]], Format())
    monkeypatch.setattr("time.time", lambda: 0.0)
    _write(tmp_path / "b.csv.gz", [["1", "2"]], Format())
    content = (tmp_path / "a.csv.gz").read_bytes()
    assert content == (tmp_path / "b.csv.gz").read_bytes()
    assert gzip.decompress(content) == b"c0,c1\n1,2\n"


def test_parquet_types_nulls_and_row_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write_module, "_GROUP_ROWS", 4)
    types = {"a": pa.int16(), "b": pa.string(), "c": pa.timestamp("ms")}
    block = _block([["1", "", "2020-01-01 00:00:00", ""], ["", "x", "", "007"]], 4, dictionary=True)
    write_table(tmp_path / "a.parquet", "t", list("abcd"), [block] * 5, Format(), types)
    file = pq.ParquetFile(tmp_path / "a.parquet")
    assert file.schema_arrow.types == [*types.values(), pa.string()]
    assert file.read().column("b").to_pylist() == [None, "x"] * 5
    assert file.read().column("d").to_pylist() == ["", "007"] * 5
    assert file.num_row_groups == 3


@pytest.mark.real_data
def test_diabetes_is_rewritten_byte_for_byte(tmp_path: Path, diabetes130: Path) -> None:
    (table,) = read(diabetes130).tables.values()
    write_table(tmp_path / "a.csv", "t", table.columns, table, table.format, table.types)
    assert (tmp_path / "a.csv").read_bytes() == gzip.decompress(diabetes130.read_bytes())


# What is refused, and what is left behind


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1"])
def test_characters_that_the_encoding_lacks(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(InputError, match="has no bytes for characters in column c1") as error:
        _write(tmp_path / "a.csv", [["1", "Ω-SECRET", "x"]], Format(encoding=encoding))
    assert "SECRET" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_text_that_is_no_value_of_its_type(tmp_path: Path) -> None:
    block = _block([["1", "SECRET"]], 2, dictionary=True)
    with pytest.raises(InputError, match="column b has a text that is no int64") as error:
        write_table(tmp_path / "a.parquet", "t", ["a", "b"], [block], Format(), {"b": pa.int64()})
    assert "SECRET" not in str(error.value)
    assert list(tmp_path.iterdir()) == []


def test_places_that_do_not_do(tmp_path: Path) -> None:
    for name, found in (("none/a.csv", "does not exist"), ("a.xlsx", "expected one of"), ("b.csv", "is a folder")):
        (tmp_path / "b.csv").mkdir(exist_ok=True)
        with pytest.raises(InputError, match=found):
            _write(tmp_path / name, [["1"]], Format())


def _broken(error: BaseException) -> Iterator[pa.RecordBatch]:
    yield _block([["1", "2"]], 2, dictionary=True)
    raise error


@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".tsv", ".parquet"])
@pytest.mark.parametrize("error", [KeyboardInterrupt(), ValueError("x")])
def test_after_an_exception_the_old_file_stands(tmp_path: Path, suffix: str, error: BaseException) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_text("old")
    with pytest.raises(type(error)):
        write_table(path, "t", ["a", "b"], _broken(error), Format(), {})
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told(tmp_path: Path) -> None:
    with pytest.raises(SynthgenError, match=r"a.csv: cannot be written \(No space left on device\)"):
        write_table(tmp_path / "a.csv", "t", ["a", "b"], _broken(OSError(28, "No space left on device")), Format(), {})
    assert list(tmp_path.iterdir()) == []


def test_a_new_file_has_the_usual_permissions_and_replaces(tmp_path: Path) -> None:
    (tmp_path / "plain").write_text("x")
    for _ in range(2):
        _write(tmp_path / "a.csv", [["1", "2"]], Format())
    assert (tmp_path / "a.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


# Folders


def _dataset(**tables: Mapping[str, list[str]]) -> Dataset:
    return Dataset({name: MemoryTable.from_arrow(pa.table(dict(table)), name) for name, table in tables.items()})


def test_a_folder_appears_with_all_its_tables(tmp_path: Path) -> None:
    dataset = _dataset(stays={"id": ["1"], "b": ["2"]}, labs={"id": ["1"], "crp": ["3"]})
    write_dataset(tmp_path / "out", dataset, ".csv.gz")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == ["labs.csv.gz", "stays.csv.gz"]
    assert _cells(read(tmp_path / "out").tables["labs"]) == [["1", "3"]]
    (tmp_path / "out/other.txt").write_text("kept")
    write_dataset(tmp_path / "out", _dataset(stays={"id": ["7"], "b": ["8"]}), ".csv.gz")
    assert _cells(read(tmp_path / "out").tables["stays"]) == [["7", "8"]]
    assert (tmp_path / "out/other.txt").read_text() == "kept"
    assert [file.name for file in tmp_path.iterdir()] == ["out"]


def test_the_present_folder_is_filled_and_stays_the_same_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = tmp_path.stat().st_ino
    write_dataset(Path(), _dataset(stays={"id": ["1"], "b": ["2"]}), ".csv")
    assert [file.name for file in tmp_path.iterdir()] == ["stays.csv"]
    assert tmp_path.stat().st_ino == before


def test_a_folder_that_fails_is_not_there(tmp_path: Path) -> None:
    dataset = _dataset(stays={"id": ["1"], "b": ["2"]}, labs={"id": ["1"], "name": ["Ω"]})
    table = dataset.tables["labs"]
    assert isinstance(table, MemoryTable)
    object.__setattr__(table, "format", Format(encoding="cp1252"))
    with pytest.raises(InputError, match="table labs"):
        write_dataset(tmp_path / "out", dataset, ".csv")
    assert list(tmp_path.iterdir()) == []


def test_each_table_may_end_in_its_own_way_and_have_its_own_dialect(tmp_path: Path) -> None:
    dataset = _dataset(stays={"id": ["1"], "b": ["2;3"]}, labs={"id": ["1"], "crp": ["3"]})
    object.__setattr__(dataset.tables["stays"], "format", Format(delimiter=";", newline="\r\n"))
    write_dataset(tmp_path / "out", dataset, {"stays": ".csv", "labs": ".parquet"})
    assert (tmp_path / "out/stays.csv").read_bytes() == b'id;b\r\n1;"2;3"\r\n'
    assert _cells(read(tmp_path / "out").tables["labs"]) == [["1", "3"]]


def test_a_folder_that_cannot_take_one_table_keeps_all_it_had(tmp_path: Path) -> None:
    (tmp_path / "out/stays.csv").mkdir(parents=True)  # a folder where a file should be
    (tmp_path / "out/labs.csv").write_text("old")
    dataset = _dataset(labs={"id": ["1"]}, more={"id": ["1"]}, stays={"id": ["1"]})
    with pytest.raises(InputError, match=r"stays.csv: is a folder"):
        write_dataset(tmp_path / "out", dataset, ".csv")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["labs.csv", "stays.csv"]
    assert (tmp_path / "out/labs.csv").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    with pytest.raises(InputError, match="is a file, and a folder is needed"):
        write_dataset(tmp_path / "out/labs.csv", dataset, ".csv")
