"""Rows that come by the clock come at their times of day, though the steps between them are shorter than a day."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthgen.relational.time.clocks import Clock, back_to, shortest, usual_hours
from synthgen.relational.time.moments import DAY, UNKNOWN
from synthgen.workflow import fit
from tests.relational.clinic import write
from tests.relational.test_extract import extract_of
from tests.relational.time.stays import HOUR, beside, stays, three_times_a_day

#: At 6, 14 and 22 o'clock, a quarter of an hour more or less.
SHIFTS = np.array([6, 14, 22]) * HOUR
CLOCK = Clock(SHIFTS - 900, SHIFTS + 900)


@pytest.fixture(scope="module")
def readings(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    folder: Path = write(tmp_path_factory.mktemp("wards"), stays(150, (2, 6), three_times_a_day))
    return beside(extract_of(fit(folder, seed=1).synthesizer, n=150).to_pandas())


def test_readings_are_taken_at_their_hours(readings: pd.DataFrame) -> None:
    """By steps of eight hours, half an hour more or less, they would drift away from these: five in six did."""
    assert len(readings) > 1500
    minutes = readings["taken"].dt.hour * 60 + readings["taken"].dt.minute
    assert ((minutes - 345) % 480 <= 30).mean() > 0.85
    assert (readings["taken"] <= readings["left"]).all()


def test_what_is_read_at_once_has_one_moment(readings: pd.DataFrame) -> None:
    at_once = readings.groupby(["stay", "taken"])["what"].size()
    assert (at_once == 2).mean() > 0.8


def test_days_are_possible_on_which_a_time_of_day_is_left() -> None:
    """From six on the 14th hour is next, from 22 the next day's sixth, and what ends at noon ends at six."""
    start = 10 * DAY + np.array([6, 22, 22, 6]) * HOUR
    end = np.array([UNKNOWN, UNKNOWN, 11 * DAY + 5 * HOUR, 10 * DAY + 12 * HOUR])
    days = np.array([0, 1, 2])
    possible = CLOCK.possible(days, days, start, end, 7 * HOUR)
    assert possible.tolist() == [[True, True, True], [False, True, True], [False] * 3, [False] * 3]


def test_times_of_day_are_open_after_the_row_before_and_until_the_end() -> None:
    start = 10 * DAY + np.array([6, 22, 6]) * HOUR
    end = np.array([UNKNOWN, UNKNOWN, 10 * DAY + 15 * HOUR])
    found = CLOCK.open(np.array([0, 1, 0]), start, end, 7 * HOUR)
    assert found.tolist() == [[False, True, True], [True, True, True], [False, True, False]]
    unknown = CLOCK.open(np.array([0]), np.array([UNKNOWN]), np.array([UNKNOWN]), 7 * HOUR)
    assert unknown.all()


def test_the_shortest_time_is_that_of_eleven_patients() -> None:
    """Of each patient the shortest counts, and the eleventh of these is rounded down to two digits."""
    times = np.r_[np.full(30, 1), np.arange(101, 112)]
    assert shortest(times, np.r_[np.zeros(30, np.int64), np.arange(11)]) == 110
    assert shortest(times, np.minimum(np.arange(41), 5)) is None


def test_before_noon_the_last_usual_hour_is_the_sixth() -> None:
    rounds = np.arange(300) * 8 * HOUR + 6 * HOUR
    assert usual_hours(np.r_[rounds, 12 * HOUR]) == (6, 14, 22)
    assert back_to(np.array([12 * HOUR, 6 * HOUR + 60, UNKNOWN]), (6, 14, 22)).tolist() == [
        7 * HOUR - 1,
        6 * HOUR + 60,
        UNKNOWN,
    ]
