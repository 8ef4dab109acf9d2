"""How first rows start, by distances that can be counted."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from synthgen.encoding.quantiser import Quantiser
from synthgen.relational.fold import AFTER, BEFORE, NONE, OTHER
from synthgen.relational.time.starts import distances, fitting, habits


def test_common_distances_are_told_as_they_are_and_others_by_their_sign() -> None:
    steps = np.array([0] * 150 + [-1] * 48 + [-7, 12])
    assert distances(steps).tolist() == ["0"] * 150 + ["-1"] * 48 + [BEFORE, AFTER]


def test_a_patient_has_a_habit_where_nearly_all_rows_start_alike() -> None:
    labels = np.array(["-1", NONE, "-1", "-1", "-1", "0", "0", "-1", NONE], object)
    found = habits(np.array([0, 0, 0, 0, 0, 0, 1, 1, 2]), labels, 4)
    # Four rows of five; one of two; none of the rows tells; no row at all.
    assert found.tolist() == ["-1", OTHER, NONE, NONE]


def test_first_steps_are_those_that_fit() -> None:
    # -9 to -2 in one bin, -1, 0, and 1 to 9 in one bin.
    quantiser = Quantiser.of(np.array([-1, 0]), np.array([-9, 1]), np.array([-2, 9]))
    found = fitting(pa.array(["-1", BEFORE, "4", OTHER, NONE]), quantiser)
    assert found.astype(int).tolist() == [
        [0, 1, 0, 0],
        [1, 1, 0, 0],
        [0, 0, 0, 1],
        [1, 1, 1, 1],
        [1, 1, 1, 1],
        [1, 1, 1, 1],  # of no parent
    ]
