"""Which weekdays steps of days can reach, by hand: 1970-01-05 was a Monday."""

from __future__ import annotations

import numpy as np

from synthgen.encoding.quantiser import Quantiser
from synthgen.relational.time.moments import DAY, UNKNOWN
from synthgen.relational.time.weekdays import Weekdays, reached

MONDAY = 4 * DAY
#: The steps 1, 7, 8 to 10 but for 9, 9 alone, and 20 to 40.
STEPS = Quantiser.of(np.array([1, 7, 9]), np.array([8, 20]), np.array([10, 40]))
ONE, SEVEN, NINE, EIGHT_OR_TEN, WEEKS = (int(STEPS.encode(np.array([step]))[0]) for step in (1, 7, 9, 8, 30))
#: A code for each working day, and one for no day.
WORKING = Weekdays(0, np.array([0, 1, 2, 3, 4, -1], np.int32))


def test_a_step_ends_on_the_weekdays_of_its_days() -> None:
    from_monday = reached(STEPS)[0]
    assert np.flatnonzero(from_monday[ONE]).tolist() == [1]
    assert np.flatnonzero(from_monday[SEVEN]).tolist() == [0]
    assert np.flatnonzero(from_monday[NINE]).tolist() == [2]
    assert np.flatnonzero(from_monday[EIGHT_OR_TEN]).tolist() == [1, 3]
    assert from_monday[WEEKS].all()


def test_no_step_is_offered_that_surely_ends_on_a_day_without_rows() -> None:
    friday, no_moment = MONDAY + 4 * DAY, UNKNOWN  # what has no moment counts as a Thursday
    offered = WORKING.steps(STEPS, np.array([MONDAY, friday, no_moment]))
    impossible = [sorted(np.flatnonzero(~row).tolist()) for row in offered]
    assert impossible == [[], sorted([ONE, NINE]), [NINE]]
    assert Weekdays(0, np.arange(7, dtype=np.int32)).steps(STEPS, np.array([friday])).all()


def test_a_weekday_is_drawn_again_where_its_step_of_several_days_does_not_hold_it() -> None:
    steps = np.array([EIGHT_OR_TEN, EIGHT_OR_TEN, EIGHT_OR_TEN, WEEKS, ONE, STEPS.size], np.int32)
    tuesday, wednesday, none = 1, 2, 5
    days = np.array([wednesday, tuesday, none, wednesday, wednesday, wednesday], np.int32)
    rows, allowed = WORKING.unmet(STEPS, np.full(6, MONDAY), steps, days)
    assert rows.tolist() == [0]
    assert np.flatnonzero(allowed[0]).tolist() == [1, 3]


def test_an_end_on_a_day_without_rows_moves_back_to_one_with_rows() -> None:
    monday, friday, sunday = MONDAY, MONDAY + 4 * DAY, MONDAY + 6 * DAY
    assert WORKING.ends(np.array([monday, friday, sunday, UNKNOWN])).tolist() == [monday, friday, friday, UNKNOWN]
