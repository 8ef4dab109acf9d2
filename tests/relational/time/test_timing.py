"""How the moments of a table are told best, as learned from few rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from synthgen.relational.rows import bases
from synthgen.relational.time import timing
from synthgen.relational.time.folding import folded, unfolded
from synthgen.relational.time.moments import UNKNOWN
from synthgen.relational.time.reach import too_late
from synthgen.relational.time.timeline import Timeline
from tests.encoding.build import POINT
from tests.relational.time.lines import CONFIG, at, cells, encoder, hand, told


def learned(order: str, texts: Sequence[str], anchor: str, first: Sequence[bool], *others: str) -> Timeline:
    moments = {order: hand(order).read(cells(*texts))}
    begins = np.array(first)
    base = bases(begins, moments[order], np.full(len(texts), at(anchor)))
    unborn = np.full(len(base), UNKNOWN)
    return timing.learned(hand(order), (), moments, base, begins, unborn, {})


def test_whole_days_where_most_steps_are_longer_than_a_day() -> None:
    days = ["2024-03-01 08:00", "2024-03-04 07:00", "2024-03-09 12:00"]
    hours = ["2024-03-01 08:00", "2024-03-01 09:00", "2024-03-03 10:00"]
    assert learned("start", days, "2024-02-20", [True, False, False]).by_day
    assert not learned("start", hours, "2024-03-01T07:00", [True, False, False]).by_day


def test_what_never_comes_before_is_known_to() -> None:
    texts = ["2024-03-01 08:00", "2024-03-04 07:00"]
    assert learned("start", texts, "2024-02-20", [True, False]).ahead == {"start.first", "start.gap"}
    assert learned("start", texts, "2024-03-02", [True, False]).ahead == {"start.gap"}
    # On the parent's day, but before it.
    assert learned("start", texts, "2024-03-01T09:00", [True, False]).ahead == {"start.gap"}


def test_what_ends_when_the_extract_does_is_told_by_that_end() -> None:
    """Observations begin whenever they do and end within the last days of their window."""
    start, stop = hand("start"), hand("stop")
    own = np.array([at("2010-01-01"), at("2015-06-01"), at("2020-03-01")])
    ends = np.array([at("2024-03-13"), at("2024-03-10"), at("2024-03-20")])
    windows = {"start": (at("2010-01-01"), at("2024-03-01")), "stop": (at("2010-01-01"), at("2024-03-14"))}
    unknown = np.full(3, UNKNOWN)
    moments = {"start": own, "stop": ends}
    timeline = timing.learned(start, [stop], moments, unknown, np.ones(3, bool), unknown, windows)
    assert timeline.closing == {"stop"}
    texts = {"start": cells(*start.texts(own).to_pylist()), "stop": cells(*stop.texts(ends).to_pylist())}
    steps = {n: told(c) for n, c in folded(timeline, texts, moments, unknown, np.ones(3, bool), unknown).items()}
    assert steps["stop.after"] == [str(24 * 60 * days) for days in (1, 4, -6)]  # the last one beyond the window
    derived = {name: cells(*column) for name, column in steps.items()}
    late = np.array([at("2024-03-12"), at("2024-03-12"), at("2024-03-01")])
    # None ends before it began, and none after the window.
    assert told(unfolded(timeline, derived, late)["stop"]) == [
        "2024-03-13 00:00",
        "2024-03-12 00:00",
        "2024-03-14 00:00",
    ]
    encoders = {"stop.after": encoder("stop.after", [0, 24 * 60, 4 * 24 * 60])}
    codes = {"stop.after": encoders["stop.after"].quantiser.encode(np.array([24 * 60, 4 * 24 * 60, 0]))}
    assert too_late(timeline, encoders, codes, late).tolist() == [False, True, False]
    assert Timeline.from_json(CONFIG, POINT, timeline.to_json()) == timeline
