"""Rows as steps and back, by tables that can be checked by hand."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from synthgen.relational.rows import bases
from synthgen.relational.time.folding import folded, unfolded
from synthgen.relational.time.moments import UNKNOWN, Hand
from synthgen.relational.time.steps import AT_LAST, NOT_HERE
from synthgen.relational.time.timeline import Timeline
from tests.encoding.build import POINT
from tests.relational.time.lines import BORN, CONFIG, FIRST, at, cells, hand, line, told

STAYS = {
    "start": cells("2024-03-01 08:30", "2024-03-04 07:00", "2024-03-04 22:15", "?"),
    "stop": cells("2024-03-02 09:00", "", "2024-03-04 22:15", "2024-03-09 10:00"),
    "due": cells("2024-03-01", "2024-03-11", "", ""),
}


def steps_of(
    timeline: Timeline, table: dict[str, pa.DictionaryArray], anchor: int = BORN, end: int = UNKNOWN
) -> dict[str, list[str]]:
    moments = {name: hand(name).read(table[name]) for name in table}
    own = moments[timeline.order.name]
    base = bases(FIRST[: len(own)], own, np.full(len(own), anchor))
    first, ends = FIRST[: len(own)], np.full(len(own), end)
    return {name: told(column) for name, column in folded(timeline, table, moments, base, first, ends).items()}


def test_a_step_to_the_last_moment_is_told_as_that_where_the_moment_is_told_to_the_tick() -> None:
    """Three rows at once, of which the first leads there; of dates only the day is told."""
    hours = {"hour": cells("2", "5", "9", "9")}
    assert steps_of(line("hour", by_day=False), hours, 0, 9) == {
        "hour.first": ["2", NOT_HERE, NOT_HERE, NOT_HERE],
        "hour.gap": [NOT_HERE, "3", AT_LAST, "0"],
    }
    assert AT_LAST not in steps_of(line("start"), {"start": STAYS["start"]}, BORN, at("2024-03-04"))["start.gap"]


def test_steps_of_days_have_weekday_and_time_of_day_apart() -> None:
    assert steps_of(line("start", ("stop", "due")), STAYS) == {
        "start.first": ["10", NOT_HERE, NOT_HERE, NOT_HERE],  # from 20 February, a leap year
        "start.gap": [NOT_HERE, "3", "0", "?"],
        "start.weekday": ["4", "0", "0", ""],  # 1 March 2024 was a Friday
        "start.clock": ["510", "420", "1335", ""],
        "stop.after": ["1470", "", "0", ""],  # minutes; without a start the stop is lost
        "due.after": ["0", "7", "", ""],  # days, since one of both has no time of day
    }


def test_further_moments_that_keep_to_times_of_day_have_these_apart() -> None:
    timeline = line("start", ("stop",), daily=frozenset({"stop.after"}), ahead=frozenset({"stop.after"}))
    steps = steps_of(timeline, {name: STAYS[name] for name in ("start", "stop")})
    assert steps["stop.after"] == ["1", "", "0", ""]
    assert steps["stop.clock"] == ["540", "", "1335", ""]
    own = hand("start").read(STAYS["start"])
    cells_ = {name: pa.array(texts) for name, texts in steps.items()}
    assert told(unfolded(timeline, cells_, own)["stop"]) == [*told(STAYS["stop"])[:3], ""]
    # on the day of the start no stop is before it
    cells_["stop.clock"] = pa.array(["540", "", "1300", ""])
    assert told(unfolded(timeline, cells_, own)["stop"])[2] == "2024-03-04 22:15"


@pytest.mark.parametrize("token", ["0", "-1", "3"])
def test_a_number_that_means_missing_is_not_taken_for_a_step(token: str) -> None:
    """As a step it would be missing, and a missing moment a step."""
    own = Hand("start", CONFIG.columns["start"], ("", token), POINT)  # type: ignore[arg-type]
    timeline = Timeline(own, (), True, frozenset(), False, {})
    table = {"start": cells("2024-03-01 08:30", "2024-03-04 07:00", "2024-03-04 08:00", token)}
    moments = own.read(table["start"])
    steps = folded(
        timeline, table, {"start": moments}, bases(FIRST, moments, np.full(4, BORN)), FIRST, np.full(4, UNKNOWN)
    )
    assert told(steps["start.gap"])[:3] == [NOT_HERE, "3", "0"]
    declared = timeline.columns["start.gap"]
    assert declared.missing is not None
    assert told(steps["start.gap"])[3] in declared.missing
    assert not {"3", "0"} & set(declared.missing)
    assert told(unfolded(timeline, steps, moments)["start"]) == told(table["start"])


def test_short_steps_are_counted_in_the_ticks_of_the_column() -> None:
    own = {"start": cells("2024-03-01 08:30", "2024-03-01 08:45", "2024-03-01 08:45")}
    assert steps_of(line("start", by_day=False), own, at("2024-03-01T08:00")) == {
        "start.first": ["30", NOT_HERE, NOT_HERE],
        "start.gap": [NOT_HERE, "15", "0"],
    }


def test_numbers_are_told_by_their_differences() -> None:
    assert steps_of(line("since", by_day=False), {"since": cells("0.5", "2.0")}, 0) == {
        "since.first": ["5", NOT_HERE],
        "since.gap": [NOT_HERE, "15"],
    }


def test_births_stay_as_they_are_and_other_dates_are_told_from_them() -> None:
    dates = {"day": cells("01.03.2024", "01.04.2024"), "due": cells("2024-03-04", "")}
    assert steps_of(line("day", ("due",), absolute=True), dates) == {"due.after": ["3", ""]}


def test_a_text_apart_stays_the_text() -> None:
    steps = steps_of(line("day"), {"day": cells("01.03.2024", "9999-12-31")})
    assert steps["day.gap"] == [NOT_HERE, "9999-12-31"]


def test_what_begins_when_nothing_could_end_inside_the_window_is_not_over() -> None:
    """Stays may begin until April here, and have ended until the 14th of March."""
    windows = {"start": None, "stop": (at("2024-03-01"), at("2024-03-14"))}
    starts = np.array([at("2024-03-12T10:00"), at("2024-03-12T10:00"), at("2024-03-20T10:00")])
    derived = {name: cells("10", "10", "10") for name in ("start.first", "start.gap", "start.weekday", "start.clock")}
    derived |= {"stop.after": cells("60", "100000", "60")}
    forward = line("start", ("stop",), windows=windows, ahead=frozenset({"stop.after"}))
    assert told(unfolded(forward, derived, starts)["stop"]) == ["2024-03-12 11:00", "2024-03-14 20:40", ""]
    # Where real stops come before their starts, those inside the window may.
    either = line("start", ("stop",), windows=windows)
    assert told(unfolded(either, derived, starts)["stop"])[2] == "2024-03-14 23:59"
    # What is moved to the first day of the window keeps its time of day: no heap at midnight.
    before = unfolded(forward, derived, np.full(3, at("2024-02-20T10:00")))
    assert told(before["stop"]) == ["2024-03-01 11:00", "2024-03-14 20:40", "2024-03-01 11:00"]


def test_moments_and_further_times_are_written_in_the_formats_of_their_columns() -> None:
    timeline = line("start", ("stop", "due"))
    derived = {
        "start.first": pa.array(["10", NOT_HERE, NOT_HERE]),
        "start.gap": pa.array([NOT_HERE, "3", "?"]),
        "stop.after": pa.array(["1470", "", "5"]),
        "due.after": pa.array(["0", "7", "1"]),
    }
    moments = np.array([at("2024-03-01T08:30"), at("2024-03-04T07:00"), UNKNOWN])
    assert {name: told(column) for name, column in unfolded(timeline, derived, moments).items()} == {
        "start": ["2024-03-01 08:30", "2024-03-04 07:00", "?"],
        "stop": ["2024-03-02 09:00", "", ""],
        "due": ["2024-03-01", "2024-03-11", ""],
    }


def test_each_moment_is_written_in_the_format_that_it_had() -> None:
    texts = ["01.03.2024", "00.04.2024", "2024-05-06", "?"]
    timeline = line("taken")
    moments = {"taken": hand("taken").read(cells(*texts))}
    steps = folded(timeline, {"taken": cells(*texts)}, moments, np.full(4, BORN), FIRST, np.full(4, UNKNOWN))
    assert told(steps["taken.form"]) == ["0", "1", "2", ""]
    assert set(steps) == set(timeline.columns)
    assert told(unfolded(timeline, steps, moments["taken"])["taken"]) == texts


def test_a_text_apart_is_written_again() -> None:
    derived = {"day.first": pa.array([NOT_HERE]), "day.gap": pa.array(["9999-12-31"])}
    assert told(unfolded(line("day"), derived, np.array([UNKNOWN]))["day"]) == ["9999-12-31"]
