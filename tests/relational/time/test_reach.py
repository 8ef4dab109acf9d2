"""What there is no time for is known."""

from __future__ import annotations

import numpy as np

from synthgen.encoding.quantiser import Quantiser
from synthgen.relational.time.moments import DAY, UNKNOWN
from synthgen.relational.time.reach import inside, over, reachable, too_late
from synthgen.relational.time.steps import NOT_HERE
from tests.relational.time.lines import at, encoder, line


def test_rows_of_which_something_would_come_after_the_window_are_known() -> None:
    windows = {"start": None, "stop": (at("2024-03-01"), at("2024-03-14"))}
    encoders = {"stop.after": encoder("stop.after", [0, 24 * 60], [NOT_HERE])}
    size = encoders["stop.after"].quantiser.size
    codes = {"stop.after": np.array([0, 1, 1, size], np.int32)}
    moments = np.array([at("2024-03-14"), at("2024-03-12"), at("2024-03-14"), at("2024-03-20")])
    assert too_late(line("start", ("stop",), windows=windows), encoders, codes, moments).tolist() == [
        False,
        False,
        True,
        False,
    ]


def test_no_row_comes_of_what_begins_after_the_window() -> None:
    window, last = (at("2024-03-07"), at("2024-03-14")), at("2024-03-13T10:00")
    parents, births = (
        np.array([last, at("2024-03-14"), UNKNOWN, last]),
        np.array([UNKNOWN, UNKNOWN, last, at("2024-04-01")]),
    )
    both = line("start", window=window, ahead=frozenset({"start.first"}), born=True)
    assert over(both, parents, births).tolist() == [False, True, False, True]
    assert over(line("start", window=window, born=True), parents, births).tolist() == [False, False, False, True]
    assert not over(line("start", ahead=frozenset({"start.first"})), parents, births).any()


def test_only_steps_that_lead_into_the_window_and_not_beyond_the_end_are_offered() -> None:
    timeline = line("day", window=(at("2024-03-07"), at("2024-03-14")))
    steps = encoder("day.gap", [0, 1, 5, 30]).quantiser
    none = np.array([UNKNOWN])
    base = np.array([at("2024-03-06")])
    assert reachable(timeline, timeline.gap, steps, base, none, none, none).tolist() == [[False, True, True, False]]
    assert reachable(timeline, timeline.gap, steps, base, np.array([at("2024-03-09")]), none, none).tolist() == [
        [False, True, False, False]
    ]
    told_end = np.array([at("2024-03-11")])
    assert reachable(timeline, timeline.gap, steps, base, told_end, told_end, none).tolist() == [
        [False, False, True, False]
    ]


def test_moments_outside_the_window_are_drawn_again_inside() -> None:
    """The window ends with the 19th day. Of the bin from the 15th to the 30th some lie behind it, of the last one all.

    The last one is ten days wide, so that it becomes those from the 9th to the 19th.
    """
    timeline = line("day", window=(5 * DAY, 19 * DAY))
    bins = Quantiser.of(np.zeros(0, np.int64), np.array([15, 31]), np.array([30, 41]))
    drawn = np.repeat([16, 28, 35, UNKNOWN], 200)
    found = inside(timeline, bins, drawn, DAY, np.random.default_rng(1)).reshape(4, 200)
    assert set(found[0]) == {16}
    assert set(found[1]) == {15, 16, 17, 18, 19}
    assert set(found[2]) == {*range(9, 20)}
    assert set(found[3]) == {UNKNOWN}


def test_the_last_day_is_reached_at_any_time_of_it() -> None:
    """From ten at night on at once, or after half an hour, two and a half or 48: the last day is the next one."""
    timeline = line("start", by_day=False)
    steps = encoder("start.gap", [0, 30, 150, 2880]).quantiser
    base, end, none = np.array([at("2024-03-01T22:00")]), np.array([at("2024-03-02")]), np.array([UNKNOWN])
    assert reachable(timeline, timeline.gap, steps, base, end, none, none).tolist() == [[True, True, True, False]]
    assert reachable(timeline, timeline.gap, steps, base, end, end, none).tolist() == [[False, False, True, False]]
