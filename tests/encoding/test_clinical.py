"""Coding systems as hierarchies."""

from __future__ import annotations

import pytest

from synthgen.encoding.clinical import SYSTEMS


@pytest.mark.parametrize(
    ("system", "code", "ancestors"),
    [
        ("icd9", "250.83", ["250.8", "250"]),
        ("icd9", "E885.9", ["E885"]),
        ("icd9", "V45", []),
        ("icd10", "S52.521A", ["S52.521", "S52.52", "S52.5", "S52"]),
        ("atc", "A10BA02", ["A10BA", "A10B", "A10"]),
        ("atc", "A10", []),
        ("icd10", "U07.1!", ["U07.1", "U07"]),
        ("ops", "5-470.11", ["5-470.1", "5-470"]),
        ("ops", "8-83b.m1", ["8-83b.m", "8-83b"]),
        ("ops", "3-225", []),
        ("sks", "DE119B", ["DE119", "DE11"]),
        ("other", "12.3", []),
    ],
)
def test_ancestors(system: str, code: str, ancestors: list[str]) -> None:
    parent = SYSTEMS[system].parent
    found: list[str] = []
    above = parent(code)
    while above is not None:
        found.append(above)
        above = parent(above)
    assert found == ancestors


@pytest.mark.parametrize(
    ("system", "code", "chapter"),
    [
        ("icd9", "001", "1"),
        ("icd9", "139.8", "1"),
        ("icd9", "140", "140"),
        ("icd9", "250.83", "240"),
        ("icd9", "25083", "240"),
        ("icd9", "8", "1"),
        ("icd9", "V45.81", "V"),
        ("icd9", "E885", "E"),
        ("icd9", "other", ""),
        ("icd9", "²", ""),
        ("icd10", "D48.9", "C00"),
        ("icd10", "D50", "D50"),
        ("icd10", "h59", "H00"),
        ("icd10", "W19", "V00"),
        ("atc", "c09aa05", "C"),
        ("sks", "DD509", "D50"),
        ("ops", "5-470.11", "5"),
    ],
)
def test_chapters(system: str, code: str, chapter: str) -> None:
    assert SYSTEMS[system].chapter(code) == chapter


def test_what_is_treated_is_the_category_of_a_procedure() -> None:
    assert [SYSTEMS["ops"].category(code) for code in ("5-470.11", "5-471", "5-820.00")] == ["5-47", "5-47", "5-82"]
