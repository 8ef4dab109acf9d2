"""What comes together under a parent, by visits of a few patients."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from synthgen.encoding.category import CategoryEncoder
from synthgen.encoding.leveled import Tokens
from synthgen.relational.rows import Rows
from synthgen.relational.told.panels import Room, constituents, held, numbers_of, told_together

BLOOD, BOTH = '["HB", "WBC"]', '["HB", "WBC", "WBC"]'


def rows(parent: list[int], whose: list[int]) -> Rows:
    """Rows of visits, whose patients are told by visit."""
    patient = np.array([whose[at] for at in parent])
    nothing = np.zeros((len(parent), 0), np.int32)
    return Rows(patient, np.array(parent), 3, len(whose), nothing, np.zeros(len(parent), np.int64))


def test_what_several_patients_share_is_told_and_the_rest_is_another() -> None:
    whose = [0, 0, 0, 0, 1, 1, 2]
    below = rows([0, 0, 1, 1, 2, 2, 4, 4, 5, 6], whose)
    tests = pa.array(["WBC", "HB", "HB", "WBC", "HB", "WBC", "WBC", "HB", "secret", "secret"]).dictionary_encode()
    found = told_together(tests[:9], rows([0, 0, 1, 1, 2, 2, 4, 4, 5], whose), np.array(whose), 2)
    # Patients 0 and 1 have blood counts, in any order; of one visit nobody else has what it has.
    assert found is not None
    assert found.to_pylist() == [BLOOD, BLOOD, BLOOD, "[]", BLOOD, "*", "[]"]
    assert "secret" not in "".join(found.dictionary.to_pylist())
    assert told_together(tests, below, np.array(whose), 3) is None


def test_the_number_of_rows_is_that_of_the_panel_where_one_is_told() -> None:
    assert numbers_of(pa.array([BLOOD, "*", "[]", BOTH]), np.array([9, 4, 9, 9])).tolist() == [2, 4, 0, 3]


@pytest.mark.parametrize("label", ["[1]", "{}", "HB", "[" + ", ".join(['"HB"'] * 200) + "]"])
def test_what_is_no_panel_is_refused(label: str) -> None:
    with pytest.raises(ValueError):
        held(label)


def test_a_panel_has_room_for_what_it_holds_and_no_more() -> None:
    encoder = CategoryEncoder("test", ("HB", "NA", "WBC"), Tokens((), ()), None)
    room = Room(pa.array([BOTH, "*"]), encoder, 0, 3, 2)
    first, parent = np.array([True, True]), np.array([0, 1])
    assert room.allowed(first, parent).tolist() == [[True, False, True], [True, True, True]]
    room.fill(np.array([0, 1]))
    room.fill(np.array([2]))
    # A second WBC is all that is left; the other visit may go on as it likes.
    assert room.allowed(~first, parent).tolist() == [[False, False, True], [True, True, True]]
    # The next parent begins anew, and rows without one are about anything.
    assert room.allowed(np.array([True]), np.array([-1])).tolist() == [[True, True, True]]


def test_things_that_always_come_together_count_once() -> None:
    assert constituents(["[]", BLOOD, '["NA"]', '["HB", "NA", "WBC"]', "*"]) == [(1, 3), (2, 3)]
