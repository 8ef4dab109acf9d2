"""Last rows that are no records, and extracts of too few patients."""

from __future__ import annotations

import pytest

from synthgen.inference.doubts import Footer, doubts
from synthgen.schema.column import Category, Id
from synthgen.schema.config import Schema
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset
from tests.inference.build import Cells, inferred, told

ROWS = [(f"F{number:03d}", f"P{number // 2:03d}", "2020-01-01", "m" if number % 2 else "", "1") for number in range(30)]


def rows(*last: tuple[str, ...]) -> Cells:
    return Cells({name: list(cells) for name, cells in zip("abcde", zip(*ROWS, *last, strict=True), strict=True)})


def footer_of(table: Cells) -> int | None:
    footer = Footer(len(table.columns))
    for block in table:
        footer.read(block)
    return footer.row


@pytest.mark.parametrize(
    "last",
    [
        ("Summe", "", "", "", "30"),
        ("Total:", "15", "2020", "2", "30"),
        ("", "", "", "Gesamtsumme", "30"),
        ("Anzahl Datensätze: 30", "", "", "", ""),
        ("30", "", "", "", ""),  # blank where no other row is
    ],
)
def test_a_total_or_a_footer_is_found_by_its_row(last: tuple[str, ...]) -> None:
    assert footer_of(rows(last)) == 31
    assert "record 31, the last, looks like a total" in told(inferred(rows(last).cells), None)


@pytest.mark.parametrize(
    "last",
    [
        ("F030", "P015", "2020-01-01", "", "1"),
        ("F030", "P015", "", "", ""),
        ("F030", "P015", "2020-01-01", "Total", "1"),
        ("Sommer", "P015", "", "", ""),
    ],
)
def test_a_record_is_none_though_much_of_it_is_blank_or_a_word_is_in_it(last: tuple[str, ...]) -> None:
    assert footer_of(rows(last)) is None


def test_a_word_that_other_rows_begin_with_is_a_value() -> None:
    assert footer_of(rows(("total", "P1", "", "m", "1"), ("total", "P1", "2020-01-01", "m", "1"))) is None


def test_patients_are_counted_and_not_rows() -> None:
    cells = Cells({"who": [str(row % 99) for row in range(300)], "sex": ["m"] * 300})
    columns = {"who": Id(), "sex": Category()}
    schema = Schema(tables={"visits": TableConfig(patient="who", columns=columns)})
    (text,) = doubts(Dataset({"visits": cells}), schema)["visits"]
    assert text.startswith("99 patients are few")
    assert not doubts(Dataset({"visits": cells}), Schema(tables={"visits": TableConfig(columns=columns)}))


def test_of_several_tables_none_of_which_names_patients_nothing_is_said_of_their_number() -> None:
    configs = {name: TableConfig(columns={"sex": Category()}) for name in ("wards", "drugs")}
    tables = {name: Cells({"sex": ["m", "f"] * 5}, name=name) for name in configs}
    assert doubts(Dataset(tables), Schema(tables=configs)) == {}
    patients = configs | {"wards": TableConfig(key="id", patient="id", columns={"id": Id(), "sex": Category()})}
    told = doubts(Dataset(tables), Schema(tables=patients))
    assert list(told) == ["wards"]
