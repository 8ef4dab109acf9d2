"""Whose rows they are, by a table that can be checked by hand; and steps in which all patients go through theirs."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.relational.rows import Rows, Steps, bases, places
from synthgen.relational.time.moments import UNKNOWN

#: Patient 0: two rows of parent 0, one of parent 1, one of none. Patient 1: nothing. Patient 2: three of parent 3.
ROWS = Rows(
    patient=np.array([0, 0, 0, 0, 2, 2, 2]),
    parent=np.array([0, 0, 1, -1, 3, 3, 3]),
    n_patients=3,
    n_parents=4,
    codes=np.zeros((7, 0), np.int32),
    moments=np.array([10, 15, 30, 40, 5, UNKNOWN, UNKNOWN]),
)
NONE = Rows(np.zeros(0, np.int64), np.zeros(0, np.int64), 3, 4, np.zeros((0, 0), np.int32), np.zeros(0, np.int64))


def test_rows_are_counted_by_parent_and_by_patient() -> None:
    assert ROWS.numbers.tolist() == [2, 1, 0, 3]
    assert ROWS.orphans.tolist() == [1, 0, 0]
    assert ROWS.first.tolist() == [True, False, True, True, True, False, False]
    assert ROWS.left.tolist() == [4, 3, 2, 1, 3, 2, 1]


def test_no_rows_are_no_trouble() -> None:
    assert NONE.numbers.tolist() == [0, 0, 0, 0]
    assert NONE.orphans.tolist() == [0, 0, 0]
    assert (len(NONE.first), len(NONE.left), len(list(Steps.of(NONE.patient)))) == (0, 0, 0)
    assert len(bases(NONE.first, NONE.moments, NONE.moments)) == 0


def test_each_row_has_a_place_in_its_run() -> None:
    place, behind = places(np.array([True, False, False, True, True, False]))
    assert place.tolist() == [0, 1, 2, 0, 0, 1]
    assert behind.tolist() == [2, 1, 0, 0, 1, 0]


def test_each_step_takes_the_next_row_of_every_patient_who_has_one() -> None:
    steps = Steps.of(ROWS.patient)
    assert steps.patients.tolist() == [0, 2]  # those with most rows first
    assert [step.tolist() for step in steps] == [[0, 4], [1, 5], [2, 6], [3]]


def test_those_with_most_rows_come_first() -> None:
    steps = Steps.of(np.array([4, 7, 7, 7, 9, 9]))
    assert steps.patients.tolist() == [7, 9, 4]
    assert [step.tolist() for step in steps] == [[1, 4, 0], [2, 5], [3]]


@pytest.mark.parametrize("seed", range(5))
def test_the_steps_take_every_row_once(seed: int) -> None:
    patient = np.sort(np.random.default_rng(seed).integers(0, 20, 60))
    steps = Steps.of(patient)
    taken = np.concatenate(list(steps))
    assert sorted(taken.tolist()) == list(range(60))
    for at in steps:  # a patient keeps the place
        assert (patient[at] == steps.patients[: len(at)]).all()


def test_a_row_is_told_from_its_parent_or_from_the_row_before() -> None:
    anchor = np.array([1, 1, 20, 0, 2, 2, 2])
    # The row behind one without a moment is told from its parent again.
    assert bases(ROWS.first, ROWS.moments, anchor).tolist() == [1, 10, 20, 0, 2, 5, 2]
