"""When the last row was, as codes that can be checked by hand."""

from __future__ import annotations

from datetime import datetime

import numpy as np

from synthgen.relational.rows import Rows
from synthgen.relational.time.calendar import Calendar
from synthgen.relational.time.moments import DAY, UNKNOWN, Hand
from synthgen.relational.time.timeline import Timeline
from synthgen.schema.table import TableConfig
from tests.encoding.build import POINT

CONFIG = TableConfig.model_validate(
    {"columns": {"start": {"kind": "datetime"}, "day": {"kind": "date"}, "hour": {"kind": "integer"}}}
)
CALENDAR = Calendar((30 * DAY, 3650 * DAY), dates=(0, 600 * DAY), paces=(DAY,), untils=(DAY,), dated=True, clocked=True)


def timeline(order: str) -> Timeline:
    hand = Hand.of(order, CONFIG, POINT)
    assert hand is not None
    return Timeline(hand, (), False, frozenset(), False, {})


def test_a_moment_is_told_as_age_pace_date_month_weekday_and_hour() -> None:
    now = np.array([int((datetime(1971, 3, 5, 14, 30) - datetime(1970, 1, 1)).total_seconds()), UNKNOWN])
    born = np.array([-10 * 365 * DAY, 0])
    end, left = now + np.array([4 * DAY, 0]), np.array([2, 5])
    names = [domain.name.removesuffix(" then") for domain in CALENDAR.domains]
    first, second = CALENDAR.context(now, born, end, left)
    # The second of three ages: ten years and more; two days for each row to come, four to the last one;
    # before 600 days; a Friday in March.
    assert dict(zip(names, first.tolist(), strict=True)) == {
        "age": 3,
        "pace": 2,
        "until": 2,
        "date": 2,
        "month": 3,
        "weekday": 2,  # 1970-01-01 counts as the first day of the week
        "hour": 15,
    }
    assert second.tolist() == [0] * 7
    assert all((code < domain.size) for code, domain in zip(first, CALENDAR.domains, strict=True))


def test_without_an_origin_or_an_end_age_and_pace_are_unknown() -> None:
    unknown = np.array([UNKNOWN])
    found = CALENDAR.context(np.array([DAY]), unknown, unknown, np.array([1]))[0]
    assert found[:3].tolist() == [0, 0, 0]
    assert (found[3:] > 0).all()


def learned(order: str, n: int) -> Calendar:
    moments = np.sort(np.random.default_rng(1).integers(0, 3000 * DAY, n))
    nothing = np.zeros((n, 0), np.int32)
    rows = Rows(np.zeros(n, np.int64), np.zeros(n, np.int64), 1, 1, nothing, moments)
    return Calendar.of(timeline(order), rows, moments, np.zeros(n, np.int64), np.full(n, moments.max()), rows.left)


def test_ranges_are_rounded_and_hang_on_many_rows() -> None:
    found = learned("start", 500)
    assert 1 <= len(found.ages) <= 9
    assert all(date % (30 * DAY) == 0 for date in found.dates)
    assert all(float(f"{age:.1e}") == age for age in (*found.ages, *found.paces))
    assert learned("start", 60).ages == ()


def test_only_what_a_moment_has_is_told() -> None:
    def names(order: str) -> list[str]:
        return [domain.name.removesuffix(" then") for domain in learned(order, 500).domains]

    assert names("start") == ["age", "pace", "until", "date", "month", "weekday", "hour"]
    assert names("day") == ["age", "pace", "until", "date", "month", "weekday"]
    assert names("hour") == ["age", "pace", "until"]


def test_saved_and_read_again_it_is_the_same() -> None:
    assert Calendar.from_json(CALENDAR.to_json()) == CALENDAR
