"""Moments as steps and back, by tables that can be checked by hand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.encoding.numeric import NumericEncoder, NumericKind
from synthgen.relational.rows import bases
from synthgen.relational.time import timing
from synthgen.relational.time.moments import DAY, UNKNOWN, Hand, Moments, integers
from synthgen.relational.time.steps import NOT_HERE
from synthgen.relational.time.timeline import Timeline
from synthgen.schema.column import Integer
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig
from tests.encoding.build import POINT, learn

CONFIG = TableConfig.model_validate(
    {
        "missing": ["", "?"],
        "columns": {
            "day": {"kind": "date", "format": "%d.%m.%Y", "atoms": ["9999-12-31"]},
            "start": {"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
            "stop": {"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
            "due": {"kind": "date"},
            "taken": {"kind": "date", "format": "%d.%m.%Y", "also": ["00.%m.%Y", "%Y-%m-%d"]},
            "clock": {"kind": "time", "format": "%H:%M"},
            "hour": {"kind": "integer"},
            "since": {"kind": "number", "decimals": 1},
            "loose": {"kind": "number"},
            "sex": {"kind": "category"},
        },
    }
)


def hand(name: str, marks: Format = POINT) -> Hand:
    found = Hand.of(name, CONFIG, marks)
    assert found is not None
    return found


def cells(*texts: str) -> pa.DictionaryArray:
    return pa.array(texts, pa.string()).dictionary_encode()


def at(text: str) -> int:
    """Seconds since 1970."""
    return int((datetime.fromisoformat(text) - datetime(1970, 1, 1)).total_seconds())


def told(column: pa.Array) -> list[str]:
    texts: list[str] = column.cast(pa.string()).to_pylist()
    return texts


# --- one column --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "texts", "moments"),
    [
        ("day", ["02.01.1970", "31.12.1969"], [DAY, -DAY]),
        ("start", ["1970-01-01 00:01", "2024-02-29 12:00"], [60, at("2024-02-29T12:00")]),
        ("clock", ["00:00", "23:59", "47:30"], [0, 86_340, 171_000]),
        ("hour", ["-3", "12"], [-3, 12]),
        ("since", ["0.5", "-12.0"], [5, -120]),
    ],
)
def test_moments_are_read_and_written_as_they_stand(name: str, texts: list[str], moments: list[int]) -> None:
    assert hand(name).read(cells(*texts)).tolist() == moments
    assert hand(name).texts(np.array(moments)).to_pylist() == texts


def test_a_decimal_comma_is_kept() -> None:
    comma = hand("since", Format(delimiter=";", decimal=","))
    assert comma.read(cells("2,5")).tolist() == [25]
    assert comma.texts(np.array([25])).to_pylist() == ["2,5"]


def test_what_is_missing_or_declared_apart_is_no_moment() -> None:
    assert hand("day").read(cells("", " ? ", "9999-12-31")).tolist() == [UNKNOWN] * 3


def test_names_and_numbers_without_fixed_decimals_are_no_times() -> None:
    assert Hand.of("sex", CONFIG, POINT) is None
    assert Hand.of("loose", CONFIG, POINT) is None


# --- rows to steps -----------------------------------------------------------------------------------------------


def line(order: str, others: Sequence[str] = (), window: tuple[int, int] | None = None, **more: Any) -> Timeline:
    known: dict[str, Any] = {"by_day": True, "ahead": frozenset(), "born": False, "windows": {order: window}}
    return Timeline(hand(order), tuple(hand(other) for other in others), **(known | more))


STAYS = {
    "start": cells("2024-03-01 08:30", "2024-03-04 07:00", "2024-03-04 22:15", "?"),
    "stop": cells("2024-03-02 09:00", "", "2024-03-04 22:15", "2024-03-09 10:00"),
    "due": cells("2024-03-01", "2024-03-11", "", ""),
}
BORN = at("2024-02-20")
FIRST = np.array([True, False, False, False])


def folded(timeline: Timeline, table: dict[str, pa.DictionaryArray], anchor: int = BORN) -> dict[str, list[str]]:
    moments = {name: hand(name).read(table[name]) for name in table}
    own = moments[timeline.order.name]
    base = bases(FIRST[: len(own)], own, np.full(len(own), anchor))
    return {name: told(column) for name, column in timeline.folded(table, moments, base, FIRST[: len(own)]).items()}


def test_steps_of_days_have_weekday_and_time_of_day_apart() -> None:
    assert folded(line("start", ("stop", "due")), STAYS) == {
        "start.first": ["10", NOT_HERE, NOT_HERE, NOT_HERE],  # from 20 February, a leap year
        "start.gap": [NOT_HERE, "3", "0", "?"],
        "start.weekday": ["4", "0", "0", ""],  # 1 March 2024 was a Friday
        "start.clock": ["510", "420", "1335", ""],
        "stop.after": ["1470", "", "0", ""],  # minutes; without a start the stop is lost
        "due.after": ["0", "7", "", ""],  # days, since one of both has no time of day
    }


def test_further_moments_that_keep_to_times_of_day_have_these_apart() -> None:
    timeline = line("start", ("stop",), daily=frozenset({"stop.after"}), ahead=frozenset({"stop.after"}))
    steps = folded(timeline, {name: STAYS[name] for name in ("start", "stop")})
    assert steps["stop.after"] == ["1", "", "0", ""]
    assert steps["stop.clock"] == ["540", "", "1335", ""]
    own = hand("start").read(STAYS["start"])
    cells_ = {name: pa.array(texts) for name, texts in steps.items()}
    assert told(timeline.unfolded(cells_, own)["stop"]) == [*told(STAYS["stop"])[:3], ""]
    # on the day of the start no stop is before it
    cells_["stop.clock"] = pa.array(["540", "", "1300", ""])
    assert told(timeline.unfolded(cells_, own)["stop"])[2] == "2024-03-04 22:15"


@pytest.mark.parametrize("token", ["0", "-1", "3"])
def test_a_number_that_means_missing_is_not_taken_for_a_step(token: str) -> None:
    """As a step it would be missing, and a missing moment a step."""
    own = Hand("start", CONFIG.columns["start"], ("", token), POINT)  # type: ignore[arg-type]
    timeline = Timeline(own, (), True, frozenset(), False, {})
    table = {"start": cells("2024-03-01 08:30", "2024-03-04 07:00", "2024-03-04 08:00", token)}
    moments = own.read(table["start"])
    steps = timeline.folded(table, {"start": moments}, bases(FIRST, moments, np.full(4, BORN)), FIRST)
    assert told(steps["start.gap"])[:3] == [NOT_HERE, "3", "0"]
    declared = timeline.columns["start.gap"]
    assert declared.missing is not None
    assert told(steps["start.gap"])[3] in declared.missing
    assert not {"3", "0"} & set(declared.missing)
    assert told(timeline.unfolded(steps, moments)["start"]) == told(table["start"])


def test_a_text_that_is_neither_moment_nor_declared_is_known() -> None:
    column = cells("2024", "2024-03-04 07:00", "?", "soon")
    assert hand("start").unread(column, hand("start").read(column)).tolist() == [True, False, False, True]
    assert hand("hour").unread(cells("x"), np.array([UNKNOWN])).tolist() == [False]


def test_short_steps_are_counted_in_the_ticks_of_the_column() -> None:
    own = {"start": cells("2024-03-01 08:30", "2024-03-01 08:45", "2024-03-01 08:45")}
    assert folded(line("start", by_day=False), own, at("2024-03-01T08:00")) == {
        "start.first": ["30", NOT_HERE, NOT_HERE],
        "start.gap": [NOT_HERE, "15", "0"],
    }


def test_numbers_are_told_by_their_differences() -> None:
    assert folded(line("since", by_day=False), {"since": cells("0.5", "2.0")}, 0) == {
        "since.first": ["5", NOT_HERE],
        "since.gap": [NOT_HERE, "15"],
    }


def test_births_stay_as_they_are_and_other_dates_are_told_from_them() -> None:
    dates = {"day": cells("01.03.2024", "01.04.2024"), "due": cells("2024-03-04", "")}
    assert folded(line("day", ("due",), absolute=True), dates) == {"due.after": ["3", ""]}


def test_a_text_apart_stays_the_text() -> None:
    steps = folded(line("day"), {"day": cells("01.03.2024", "9999-12-31")})
    assert steps["day.gap"] == [NOT_HERE, "9999-12-31"]


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


# --- and back ----------------------------------------------------------------------------------------------------


def encoder(name: str, numbers: Sequence[int], apart: Sequence[str] = ()) -> NumericEncoder:
    """Numbers of which each is common enough to be kept, so that codes are exact."""
    kind = NumericKind(name, Integer(atoms=(NOT_HERE,)), POINT, ("",))
    found = learn(
        kind, [str(number) for number in numbers for _ in range(5)] + [text for text in apart for _ in range(5)]
    )
    assert isinstance(found, NumericEncoder)
    return found


def stepped(
    timeline: Timeline,
    encoders: dict[str, NumericEncoder],
    steps: dict[str, list[int]],
    base: Sequence[int],
    first: Sequence[bool],
    final: Sequence[int] | None = None,
) -> Moments:
    """The moments of rows whose steps are given as numbers, weekdays as they are."""
    codes = {
        name: np.array(own, np.int32) if name == timeline.weekday else encoders[name].quantiser.encode(np.array(own))
        for name, own in steps.items()
    }
    nothing = np.full(len(base), UNKNOWN)
    last = nothing if final is None else np.array(final)
    rng = np.random.default_rng(1)
    return timeline.step(encoders, codes, np.array(base), np.array(first), last, nothing, nothing, rng)


MINUTES = line("start", by_day=False, ahead=frozenset({"start.first", "start.gap"}))
SHORT = {"start.first": encoder("start.first", [0, 5, 90]), "start.gap": encoder("start.gap", [0, 15, 60])}


def test_steps_lead_from_the_parent_or_from_the_row_before() -> None:
    ten = at("2024-03-01T10:00")
    found = stepped(
        MINUTES,
        SHORT,
        {"start.first": [90, 0, 0], "start.gap": [0, 15, 60]},
        [ten, ten, UNKNOWN],
        [True, False, False],
    )
    assert found.tolist() == [at("2024-03-01T11:30"), at("2024-03-01T10:15"), 3600]


def test_a_step_that_is_missing_gives_no_moment() -> None:
    ten = np.array([at("2024-03-01T10:00")])
    codes = {name: np.array([own.quantiser.size], np.int32) for name, own in SHORT.items()}
    nothing = np.array([UNKNOWN])
    found = MINUTES.step(SHORT, codes, ten, np.array([True]), nothing, nothing, nothing, np.random.default_rng(1))
    assert found.tolist() == [UNKNOWN]


DAYS = line("start", ahead=frozenset({"start.first", "start.gap"}))
LONG = {
    "start.first": encoder("start.first", [0, 10]),
    "start.gap": encoder("start.gap", [0, 3]),
    "start.clock": encoder("start.clock", [420, 510]),
}


def test_on_the_same_day_a_row_comes_no_earlier_than_its_parent_or_the_row_before() -> None:
    nine = at("2024-03-01T09:00")
    steps = {"start.first": [0, 0], "start.gap": [0, 0], "start.clock": [420, 510], "start.weekday": [-1, -1]}
    assert stepped(DAYS, LONG, steps, [nine, nine], [True, False]).tolist() == [nine, nine]
    either = line("start")
    assert stepped(either, LONG, steps, [nine, nine], [True, False]).tolist() == [nine - 7200, nine - 1800]


def test_the_last_moment_is_the_one_that_is_told_but_for_the_time_of_day() -> None:
    steps = {"start.first": [0, 0], "start.gap": [3, 3], "start.clock": [420, 420], "start.weekday": [-1, -1]}
    base, end = at("2024-03-01T09:00"), at("2024-06-01")
    found = stepped(DAYS, LONG, steps, [base, base], [False, False], [end, at("2024-02-01")])
    # An end before the row before is none.
    assert found.tolist() == [at("2024-06-01T07:00"), at("2024-03-04T07:00")]


def test_a_weekday_is_met_inside_the_bin_of_the_step() -> None:
    wide = NumericKind("start.gap", Integer(min=0), POINT, ("",))
    spread = learn(wide, [str(number) for number in range(100, 200) for _ in range(2)])
    assert isinstance(spread, NumericEncoder)
    encoders = LONG | {"start.gap": spread}
    low, high = spread.quantiser.bounds()
    code = int(np.argmax(high - low))
    assert high[code] - low[code] >= 6
    n = 50
    codes = {
        "start.first": np.zeros(n, np.int32),
        "start.gap": np.full(n, code, np.int32),
        "start.clock": np.zeros(n, np.int32),
        "start.weekday": np.full(n, 6, np.int32),
    }
    nothing, base = np.full(n, UNKNOWN), np.full(n, at("2024-03-01"))
    rng = np.random.default_rng(1)
    found = DAYS.step(encoders, codes, base, np.zeros(n, bool), nothing, nothing, nothing, rng)
    days = (found - base) // DAY
    assert ((found // DAY + 3) % 7 == 6).mean() > 0.95
    assert days.min() >= low[code]
    assert days.max() <= high[code]


def test_nothing_leads_out_of_the_window() -> None:
    window = (at("2024-03-07"), at("2024-03-14"))
    steps = {"start.first": [10, 0], "start.gap": [0, 0], "start.clock": [510, 510], "start.weekday": [-1, -1]}
    found = stepped(line("start", window=window), LONG, steps, [at("2024-03-12"), at("2024-03-01")], [True, True])
    # The window ends with the day before its end.
    assert found.tolist() == [at("2024-03-13T08:30"), at("2024-03-07T08:30")]


def test_order_goes_before_the_window() -> None:
    window, late = (at("2024-03-07"), at("2024-03-14")), at("2024-03-20T10:00")
    minutes = line("start", by_day=False, ahead=frozenset({"start.first"}), window=window)
    assert stepped(minutes, SHORT, {"start.first": [5], "start.gap": [0]}, [late], [True]).tolist() == [late]


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
    steps = {n: told(c) for n, c in timeline.folded(texts, moments, unknown, np.ones(3, bool)).items()}
    assert steps["stop.after"] == [str(24 * 60 * days) for days in (1, 4, -6)]  # the last one beyond the window
    derived = {name: cells(*column) for name, column in steps.items()}
    late = np.array([at("2024-03-12"), at("2024-03-12"), at("2024-03-01")])
    # None ends before it began, and none after the window.
    assert told(timeline.unfolded(derived, late)["stop"]) == [
        "2024-03-13 00:00",
        "2024-03-12 00:00",
        "2024-03-14 23:59",
    ]
    encoders = {"stop.after": encoder("stop.after", [0, 24 * 60, 4 * 24 * 60])}
    codes = {"stop.after": encoders["stop.after"].quantiser.encode(np.array([24 * 60, 4 * 24 * 60, 0]))}
    assert timeline.late(encoders, codes, late).tolist() == [False, True, False]
    assert Timeline.from_json(CONFIG, POINT, timeline.to_json()) == timeline


def test_rows_of_which_something_would_come_after_the_window_are_known() -> None:
    windows = {"start": None, "stop": (at("2024-03-01"), at("2024-03-14"))}
    encoders = {"stop.after": encoder("stop.after", [0, 24 * 60], [NOT_HERE])}
    size = encoders["stop.after"].quantiser.size
    codes = {"stop.after": np.array([0, 1, 1, size], np.int32)}
    moments = np.array([at("2024-03-14"), at("2024-03-12"), at("2024-03-14"), at("2024-03-20")])
    assert line("start", ("stop",), windows=windows).late(encoders, codes, moments).tolist() == [
        False,
        False,
        True,
        False,
    ]


def test_a_weekday_is_not_kept_at_the_price_of_the_window() -> None:
    """The window ends with a Wednesday: a row that should be of a Sunday is moved back, or left where it was drawn."""
    spread = learn(
        NumericKind("start.gap", Integer(min=0), POINT, ("",)), [str(n) for n in range(100, 200) for _ in "ab"]
    )
    assert isinstance(spread, NumericEncoder)
    low, high = spread.quantiser.bounds()
    n, code = 200, int(np.argmax(high - low))
    base = np.full(n, at("2024-03-13")) - int(low[code] + 3) * DAY
    codes = {name: np.zeros(n, np.int32) for name in ("start.first", "start.clock")}
    codes |= {"start.gap": np.full(n, code, np.int32), "start.weekday": np.full(n, 6, np.int32)}
    nothing, rng = np.full(n, UNKNOWN), np.random.default_rng(1)
    timeline = line("start", window=(at("2000-01-01"), at("2024-03-14")))
    found = timeline.step(LONG | {"start.gap": spread}, codes, base, np.zeros(n, bool), nothing, nothing, nothing, rng)
    assert found.max() < at("2024-03-14")


def test_no_row_comes_of_what_begins_after_the_window() -> None:
    window, last = (at("2024-03-07"), at("2024-03-14")), at("2024-03-13T10:00")
    parents, births = (
        np.array([last, at("2024-03-14"), UNKNOWN, last]),
        np.array([UNKNOWN, UNKNOWN, last, at("2024-04-01")]),
    )
    both = line("start", window=window, ahead=frozenset({"start.first"}), born=True)
    assert both.over(parents, births).tolist() == [False, True, False, True]
    assert line("start", window=window, born=True).over(parents, births).tolist() == [False, False, False, True]
    assert not line("start", ahead=frozenset({"start.first"})).over(parents, births).any()


def test_what_begins_when_nothing_could_end_inside_the_window_is_not_over() -> None:
    """Stays may begin until April here, and have ended until the 14th of March."""
    windows = {"start": None, "stop": (at("2024-03-01"), at("2024-03-14"))}
    starts = np.array([at("2024-03-12T10:00"), at("2024-03-12T10:00"), at("2024-03-20T10:00")])
    derived = {name: cells("10", "10", "10") for name in ("start.first", "start.gap", "start.weekday", "start.clock")}
    derived |= {"stop.after": cells("60", "100000", "60")}
    forward = line("start", ("stop",), windows=windows, ahead=frozenset({"stop.after"}))
    assert told(forward.unfolded(derived, starts)["stop"]) == ["2024-03-12 11:00", "2024-03-14 23:59", ""]
    # Where real stops come before their starts, those inside the window may.
    either = line("start", ("stop",), windows=windows)
    assert told(either.unfolded(derived, starts)["stop"])[2] == "2024-03-14 23:59"


def test_only_steps_that_lead_into_the_window_and_not_beyond_the_end_are_offered() -> None:
    timeline = line("day", window=(at("2024-03-07"), at("2024-03-14")))
    steps = encoder("day.gap", [0, 1, 5, 30]).quantiser
    none = np.array([UNKNOWN])
    base = np.array([at("2024-03-06")])
    assert timeline.reachable(timeline.gap, steps, base, none, none, none).tolist() == [[False, True, True, False]]
    assert timeline.reachable(timeline.gap, steps, base, np.array([at("2024-03-09")]), none, none).tolist() == [
        [False, True, False, False]
    ]
    told_end = np.array([at("2024-03-11")])
    assert timeline.reachable(timeline.gap, steps, base, told_end, told_end, none).tolist() == [
        [False, False, True, False]
    ]


def test_moments_and_further_times_are_written_in_the_formats_of_their_columns() -> None:
    timeline = line("start", ("stop", "due"))
    derived = {
        "start.first": pa.array(["10", NOT_HERE, NOT_HERE]),
        "start.gap": pa.array([NOT_HERE, "3", "?"]),
        "stop.after": pa.array(["1470", "", "5"]),
        "due.after": pa.array(["0", "7", "1"]),
    }
    moments = np.array([at("2024-03-01T08:30"), at("2024-03-04T07:00"), UNKNOWN])
    assert {name: told(column) for name, column in timeline.unfolded(derived, moments).items()} == {
        "start": ["2024-03-01 08:30", "2024-03-04 07:00", "?"],
        "stop": ["2024-03-02 09:00", "", ""],
        "due": ["2024-03-01", "2024-03-11", ""],
    }


def test_each_moment_is_written_in_the_format_that_it_had() -> None:
    texts = ["01.03.2024", "00.04.2024", "2024-05-06", "?"]
    timeline = line("taken")
    moments = {"taken": hand("taken").read(cells(*texts))}
    steps = timeline.folded({"taken": cells(*texts)}, moments, np.full(4, BORN), FIRST)
    assert told(steps["taken.form"]) == ["0", "1", "2", ""]
    assert set(steps) == set(timeline.columns)
    assert told(timeline.unfolded(steps, moments["taken"])["taken"]) == texts


def test_a_text_apart_is_written_again() -> None:
    derived = {"day.first": pa.array([NOT_HERE]), "day.gap": pa.array(["9999-12-31"])}
    assert told(line("day").unfolded(derived, np.array([UNKNOWN]))["day"]) == ["9999-12-31"]


@given(st.lists(st.integers(0, 4000), min_size=1, max_size=12), st.booleans())
def test_what_is_folded_exactly_unfolds_to_itself(minutes: list[int], by_day: bool) -> None:
    born = at("2024-02-20")
    moments = np.sort(np.array(minutes, np.int64) * 60 + born)
    texts = hand("start").texts(moments)
    first = np.arange(len(moments)) == 0
    base = bases(first, moments, np.full(len(moments), born))
    timeline = line("start", by_day=by_day, ahead=frozenset({"start.first", "start.gap"}))
    steps = timeline.folded({"start": texts.dictionary_encode()}, {"start": moments}, base, first)
    numbers = {name: integers(column) for name, column in steps.items()}
    known = {name: np.where(own == UNKNOWN, 0, own) for name, own in numbers.items()}
    encoders = {
        name: encoder(name, sorted(set(own.tolist()))) for name, own in known.items() if name != timeline.weekday
    }
    found = stepped(
        timeline, encoders, {name: own.tolist() for name, own in known.items()}, base.tolist(), first.tolist()
    )
    assert timeline.unfolded(steps, found)["start"].to_pylist() == texts.to_pylist()


def test_saved_and_read_again_it_is_the_same() -> None:
    timeline = line("start", ("stop", "due"), window=(0, DAY), ahead=frozenset({"start.gap"}))
    assert Timeline.from_json(CONFIG, POINT, timeline.to_json()) == timeline
    assert Timeline.from_json(CONFIG, POINT, line("day", absolute=True).to_json()).columns == {}
    with pytest.raises(ValueError, match="holds none"):
        Timeline.from_json(CONFIG, POINT, timeline.to_json() | {"others": ["sex"]})
