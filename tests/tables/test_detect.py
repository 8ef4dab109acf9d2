"""The dialect of small files whose dialect is plain to see."""

from __future__ import annotations

import codecs
from pathlib import Path

import pytest

from synthgen.errors import InputError
from synthgen.schema.config import Format
from synthgen.tables.detect import detect


def _detect(folder: Path, content: str | bytes, name: str = "data.csv") -> Format:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return detect(path)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_what_splits_all_rows_alike(tmp_path: Path, delimiter: str) -> None:
    rows = [["id", "note", "dose"], ["1", "fine, thanks; bye", "2"], ["2", "a|b\tc", "4"], ["3", "", "8"]]
    text = "".join(delimiter.join(f'"{cell}"' for cell in row) + "\n" for row in rows)
    assert _detect(tmp_path, text).delimiter == delimiter


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_cells_that_all_stand_in_quotes_are_seen(tmp_path: Path, newline: str) -> None:
    rows = ['"id";"note";"dose"', *['"1";"fine";"2"', '"2";"";"4"'] * 6]
    assert _detect(tmp_path, newline.join(rows) + newline).quoted
    odd = newline.join([*rows, '"3";"said ""well""";"8"']) + newline
    assert _detect(tmp_path, odd).quoted
    assert not _detect(tmp_path, newline.join(row.replace('"";', ";") for row in rows) + newline).quoted
    assert not _detect(tmp_path, "id;note" + newline + newline.join(['1;"a;b"'] * 9) + newline).quoted


def test_decimal_commas_do_not_pass_for_delimiters(tmp_path: Path) -> None:
    found = _detect(tmp_path, "id;crp;sodium\n1;3,4;140,1\n2;12,5;138,0\n")
    assert (found.delimiter, found.decimal) == (";", ",")


def test_codes_with_points_do_not_outvote_decimal_commas(tmp_path: Path) -> None:
    found = _detect(tmp_path, "diagnosis;crp\n250.01;3,4\n401.9;12,5\n")
    assert found.decimal == ","


def test_decimal_points_under_semicolons(tmp_path: Path) -> None:
    assert _detect(tmp_path, "id;crp\n1;3.4\n2;12.5\n").decimal == "."


@pytest.mark.parametrize(
    ("cells", "decimal", "thousands"),
    [
        (["1.234,50", "12,00"], ",", "."),
        (["1,234.50", "12.00"], ".", ","),
        (["1'234.50", "12.00"], ".", "'"),
        (["1 234,50", "12,00"], ",", " "),
        (["1\u202f234,50", "12,00"], ",", "\u202f"),
        (["1,234", "5,678"], ",", ""),
        (["1.234", "0.678"], ".", ""),
        (["1.234", "3.456", "7,5"], ",", "."),
        (["1234", "12"], ".", ""),
        ([" 123.4", " 12"], ".", ""),
    ],
)
def test_marks_in_numbers(tmp_path: Path, cells: list[str], decimal: str, thousands: str) -> None:
    found = _detect(tmp_path, "id;cost\n" + "".join(f"{i};{cell}\n" for i, cell in enumerate(cells)))
    assert (found.decimal, found.thousands) == (decimal, thousands)


def test_words_among_results_say_nothing_of_marks(tmp_path: Path) -> None:
    cells = ["4,2", "negativ", "<0,5", "1.234,5", "n.b.", "pos", "138", "+++", "0,67-1,17", "-"]
    found = _detect(tmp_path, "id;value\n" + "".join(f"{i};{cell}\n" for i, cell in enumerate(cells)))
    assert (found.decimal, found.thousands) == (",", ".")


def test_quoted_thousands_between_commas(tmp_path: Path) -> None:
    assert _detect(tmp_path, 'id,cost\n1,"1,234"\n2,"56,789"\n3,12\n').thousands == ","


def test_dates_with_points_are_no_thousands(tmp_path: Path) -> None:
    found = _detect(tmp_path, "id;born\n1;01.02.1950\n2;11.12.2001\n")
    assert (found.decimal, found.thousands) == (".", "")


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (b"id,name\n1,Anna\n", "utf-8"),
        ("id,name\n1,Jürgen\n".encode(), "utf-8"),
        (codecs.BOM_UTF8 + "id,name\n1,Jürgen\n".encode(), "utf-8-sig"),
        ("id,name\n1,Jürgen\n".encode("utf-16"), "utf-16"),
        (codecs.BOM_UTF16_BE + "id,name\n1,Jürgen\n".encode("utf-16-be"), "utf-16"),
        ("id,name\n1,Jürgen €\n".encode("cp1252"), "cp1252"),
    ],
)
def test_encoding(tmp_path: Path, content: bytes, encoding: str) -> None:
    found = _detect(tmp_path, content)
    assert (found.encoding, found.delimiter) == (encoding, ",")


@pytest.mark.parametrize("encoding", ["utf-8", "cp1252"])
def test_encoding_of_accents_that_come_late_and_are_cut_by_the_sample(tmp_path: Path, encoding: str) -> None:
    rows = "id,name\n" + "1,Anna\n" * 149_795  # 1 MB less three bytes
    assert (1 << 20) - len(rows) == 3
    assert _detect(tmp_path, rows.encode() + "1,üü\n".encode(encoding)).encoding == encoding
    assert _detect(tmp_path, rows.encode() * 3 + "1,ü\n".encode(encoding)).encoding == encoding


def test_preamble_of_titles_notes_and_blank_lines(tmp_path: Path) -> None:
    text = "Extract of ward 3, 2024\nmade by;someone\n\nid;age;sex;crp\n1;40;f;3,1\n2;50;m;2,2\n"
    found = _detect(tmp_path, text)
    assert (found.preamble, found.delimiter) == (3, ";")


def test_sep_line_is_preamble_and_decides(tmp_path: Path) -> None:
    found = _detect(tmp_path, "sep=;\r\nid;a,b\r\n1;2,3\r\n")
    assert (found.preamble, found.delimiter, found.newline) == (1, ";", "\r\n")


def test_header_with_a_blank_name_is_no_preamble(tmp_path: Path) -> None:
    assert _detect(tmp_path, ",age\n1,2\n3,4\n").preamble == 0


def test_newline_and_apostrophes_as_quotes(tmp_path: Path) -> None:
    found = _detect(tmp_path, "id,name\r\n1,'a, b'\r\n2,'c'\r\n")
    assert (found.newline, found.quote) == ("\r\n", "'")
    assert _detect(tmp_path, "id,name\n1,'s Gravenhage\n2,O'Hara\n").quote == '"'


def test_tsv_has_tabs_though_commas_abound(tmp_path: Path) -> None:
    assert _detect(tmp_path, "a,b\tc,d\n1,2\t3,4\n", "data.tsv").delimiter == "\t"


def test_one_column(tmp_path: Path) -> None:
    assert _detect(tmp_path, "age\n40\n50\n") == Format()


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"", "empty"),
        (b" \n\n", "empty"),
        (b"\x1f\x8b\x08\0", ".csv.gz"),
        (b"PK\x03\x04....", "Excel"),
        (b"PAR1....", ".parquet"),
    ],
)
def test_what_is_no_text(tmp_path: Path, content: bytes, found: str) -> None:
    with pytest.raises(InputError, match=found):
        _detect(tmp_path, content)
