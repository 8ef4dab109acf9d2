"""From steps to moments: inside their bins, the window and the order of rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from synthgen.encoding.numeric import NumericEncoder, NumericKind
from synthgen.encoding.quantiser import Quantiser
from synthgen.relational.rows import bases
from synthgen.relational.time.folding import folded, unfolded
from synthgen.relational.time.moments import DAY, UNKNOWN, Moments, integers
from synthgen.relational.time.stepping import stepped
from synthgen.relational.time.timeline import Timeline
from synthgen.schema.column import Integer
from tests.encoding.build import POINT, learn
from tests.relational.time.lines import at, encoder, hand, line


def moments_of(
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
    return stepped(timeline, encoders, codes, np.array(base), np.array(first), last, nothing, nothing, rng)


MINUTES = line("start", by_day=False, ahead=frozenset({"start.first", "start.gap"}))
SHORT = {"start.first": encoder("start.first", [0, 5, 90]), "start.gap": encoder("start.gap", [0, 15, 60])}


def test_steps_lead_from_the_parent_or_from_the_row_before() -> None:
    ten = at("2024-03-01T10:00")
    found = moments_of(
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
    found = stepped(MINUTES, SHORT, codes, ten, np.array([True]), nothing, nothing, nothing, np.random.default_rng(1))
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
    assert moments_of(DAYS, LONG, steps, [nine, nine], [True, False]).tolist() == [nine, nine]
    either = line("start")
    assert moments_of(either, LONG, steps, [nine, nine], [True, False]).tolist() == [nine - 7200, nine - 1800]


def test_the_last_moment_is_the_one_that_is_told_but_for_the_time_of_day() -> None:
    steps = {"start.first": [0, 0], "start.gap": [3, 3], "start.clock": [420, 420], "start.weekday": [-1, -1]}
    base, end = at("2024-03-01T09:00"), at("2024-06-01")
    found = moments_of(DAYS, LONG, steps, [base, base], [False, False], [end, at("2024-02-01")])
    # An end before the row before is none.
    assert found.tolist() == [at("2024-06-01T07:00"), at("2024-03-04T07:00")]


def test_where_the_last_day_is_told_a_row_is_at_the_time_of_its_step_or_at_any_time_of_that_day() -> None:
    """An hour and a half after ten, on that day; and, told to be on the next day, at which none of its steps ends."""
    ten, steps = at("2024-03-01T10:00"), {"start.first": [90] * 200, "start.gap": [0] * 200}
    today = moments_of(MINUTES, SHORT, steps, [ten] * 200, [True] * 200, [at("2024-03-01")] * 200)
    assert set(today) == {at("2024-03-01T11:30")}
    tomorrow = moments_of(MINUTES, SHORT, steps, [ten] * 200, [True] * 200, [at("2024-03-02")] * 200)
    assert tomorrow.min() >= at("2024-03-02")
    assert tomorrow.max() < at("2024-03-03")
    assert len(set(tomorrow)) > 100


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
    found = stepped(DAYS, encoders, codes, base, np.zeros(n, bool), nothing, nothing, nothing, rng)
    days = (found - base) // DAY
    assert ((found // DAY + 3) % 7 == 6).mean() > 0.95
    assert days.min() >= low[code]
    assert days.max() <= high[code]


def test_nothing_leads_out_of_the_window() -> None:
    window = (at("2024-03-07"), at("2024-03-14"))
    steps = {"start.first": [10, 0], "start.gap": [0, 0], "start.clock": [510, 510], "start.weekday": [-1, -1]}
    found = moments_of(line("start", window=window), LONG, steps, [at("2024-03-12"), at("2024-03-01")], [True, True])
    # The window ends with the day before its end.
    assert found.tolist() == [at("2024-03-13T08:30"), at("2024-03-07T08:30")]


def test_order_goes_before_the_window() -> None:
    window, late = (at("2024-03-07"), at("2024-03-14")), at("2024-03-20T10:00")
    minutes = line("start", by_day=False, ahead=frozenset({"start.first"}), window=window)
    assert moments_of(minutes, SHORT, {"start.first": [5], "start.gap": [0]}, [late], [True]).tolist() == [late]


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
    found = stepped(
        timeline, LONG | {"start.gap": spread}, codes, base, np.zeros(n, bool), nothing, nothing, nothing, rng
    )
    assert found.max() < at("2024-03-14")


@given(st.lists(st.integers(0, 4000), min_size=1, max_size=12), st.booleans())
def test_what_is_folded_exactly_unfolds_to_itself(minutes: list[int], by_day: bool) -> None:
    born = at("2024-02-20")
    moments = np.sort(np.array(minutes, np.int64) * 60 + born)
    texts = hand("start").texts(moments)
    first = np.arange(len(moments)) == 0
    base = bases(first, moments, np.full(len(moments), born))
    timeline = line("start", by_day=by_day, ahead=frozenset({"start.first", "start.gap"}))
    steps = folded(
        timeline, {"start": texts.dictionary_encode()}, {"start": moments}, base, first, np.full(len(base), UNKNOWN)
    )
    numbers = {name: integers(column) for name, column in steps.items()}
    known = {name: np.where(own == UNKNOWN, 0, own) for name, own in numbers.items()}
    encoders = {
        name: encoder(name, sorted(set(own.tolist()))) for name, own in known.items() if name != timeline.weekday
    }
    found = moments_of(
        timeline, encoders, {name: own.tolist() for name, own in known.items()}, base.tolist(), first.tolist()
    )
    assert unfolded(timeline, steps, found)["start"].to_pylist() == texts.to_pylist()


def test_no_step_leads_beyond_an_end_that_is_told_to_the_tick() -> None:
    """Of a bin from 1 to 900 minutes only those until the end; all of them could be, and a stay was over too soon."""
    timeline = line("hour", by_day=False, ahead=frozenset({"hour.first", "hour.gap"}))
    bins = Quantiser.of(np.zeros(0, np.int64), np.array([1]), np.array([900]))
    wide = replace(encoder("hour.gap", [1]), quantiser=bins)
    n = 500
    codes = {name: np.zeros(n, np.int32) for name in ("hour.first", "hour.gap")}
    nothing, start, end = np.full(n, UNKNOWN), np.full(n, 100), np.full(n, 160)
    encoders, rng = {"hour.first": wide, "hour.gap": wide}, np.random.default_rng(1)
    found = stepped(timeline, encoders, codes, start, np.zeros(n, bool), nothing, nothing, end, rng)
    assert (found.min(), found.max()) == (101, 160)
