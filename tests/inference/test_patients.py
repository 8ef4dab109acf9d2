"""Patients are counted once for each text, however many rows and blocks they spread over."""

from __future__ import annotations

from synthgen.inference.patients import count_patients, named_in
from synthgen.inference.profile import profile
from tests.inference.build import Cells


def test_counts_distinct_patients_by_text() -> None:
    table = Cells({"who": ["1", "1", "2", "1", "3", "3", "1"], "sign": ["x", "x", "x", "x", "y", "y", "y"]})
    counted = count_patients(table, profile(table, table.columns), named_in("who"))
    assert counted["sign"] == {"x": 2, "y": 2}


def test_stops_counting_at_enough() -> None:
    table = Cells({"who": [str(number) for number in range(50)], "sign": ["x"] * 50})
    assert count_patients(table, profile(table, table.columns), named_in("who"), enough=7)["sign"] == {"x": 7}
