"""Values that repeat: marked where they do, and filled in again where that was drawn."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from synthgen.relational.told.repeats import AGAIN, filled, is_marked, marked, row_before, source

UNIT = ["kg", "bpm", "kg", "kg", "bpm", "kg", "kg"]
PATIENT = np.array([0, 0, 0, 0, 0, 1, 1])
VALUE = ["70", "80", "70", "71", "80", "70", ""]


def cells(texts: list[str]) -> pa.DictionaryArray:
    return pa.array(texts, pa.string()).dictionary_encode()


def test_the_row_before_is_of_the_same_patient_and_about_the_same() -> None:
    unit = np.asarray(cells(UNIT).indices)
    assert row_before(unit, PATIENT).tolist() == [-1, -1, 0, 2, 1, -1, 5]


def test_what_stands_as_it_stood_is_marked_and_nothing_that_is_missing() -> None:
    found = marked(cells(VALUE), cells(UNIT), PATIENT, ("",))
    assert found.to_pylist() == ["70", "80", AGAIN, "71", AGAIN, "70", ""]
    twice = marked(cells(["", ""]), cells(["kg", "kg"]), np.zeros(2, np.int64), ("",))
    assert twice.to_pylist() == ["", ""]
    assert is_marked(found)
    assert not is_marked(twice)


def test_quantities_that_seldom_repeat_are_left_as_they_are() -> None:
    values, units = cells([*"1234567899", *"1122334455"]), cells(["bpm"] * 10 + ["kg"] * 10)
    found = marked(values, units, np.zeros(20, np.int64), ("",)).to_pylist()
    assert found[:10] == [*"1234567899"]
    assert found[10:] == [part for digit in "12345" for part in (digit, AGAIN)]
    told = marked(values, units, np.zeros(20, np.int64), ("",), known=["bpm"]).to_pylist()
    assert told == [*"123456789", AGAIN, *"1122334455"]


def test_the_source_of_a_value_is_the_last_row_with_one_of_its_own() -> None:
    unit = np.asarray(cells(["kg", "kg", "bpm", "kg", "kg", "kg"]).indices)
    patient = np.array([0, 0, 0, 0, 1, 1])
    assert source(np.array([False, True, True, True, True, False]), unit, patient).tolist() == [0, 0, -1, 0, -1, 5]


def test_values_are_filled_in_from_the_row_before_or_else_from_another_about_the_same() -> None:
    rng = np.random.default_rng(1)
    values, units = cells(["70", AGAIN, AGAIN, "80", AGAIN]), cells(["kg", "kg", "bpm", "bpm", "cm"])
    found = filled(values, units, np.zeros(5, np.int64), rng)
    assert found.to_pylist() == ["70", "70", "80", "80", ""]


def test_marking_and_filling_in_are_each_others_inverse() -> None:
    rng = np.random.default_rng(2)
    unit, patient = rng.integers(3, size=500), np.sort(rng.integers(20, size=500))
    values, units = cells([str(v) for v in rng.integers(3, size=500)]), cells([str(u) for u in unit])
    again = marked(values, units, patient, ("",))
    assert filled(again, units, patient, rng).to_pylist() == values.to_pylist()
