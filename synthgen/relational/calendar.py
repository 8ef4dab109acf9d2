"""When a patient's last row was, as codes: how long after the birth, in which year, month, weekday and hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain, Scale
from synthgen.models.base import Codes
from synthgen.relational.moments import DAY, UNKNOWN, Moments
from synthgen.relational.rows import Rows, require_ascending
from synthgen.relational.timeline import Timeline

_MOST_RANGES: Final = 24
#: Rows per range at least, so that no bound hangs on a few.
_ROWS_PER_RANGE: Final = 50
_MONTH: Final = 30 * DAY
_WEEK: Final = 7
_HOURS: Final = 24


@dataclass(frozen=True)
class Calendar:
    """The ranges of time that are told apart.

    Attributes:
        ages: ascending bounds of how long after its patient's origin a moment is, rounded to two digits.
        dates: ascending bounds of the moments themselves, rounded to 30 days; empty where they have no dates.
        paces: ascending bounds of how much time there is, until the patient's last row, for each row that is to come,
            rounded to two digits.
        untils: ascending bounds of how much time there is until the patient's last row, rounded to two digits.
        clocked: whether moments have a time of day beside their date.
    """

    ages: tuple[int, ...]
    dates: tuple[int, ...]
    paces: tuple[int, ...]
    untils: tuple[int, ...]
    dated: bool
    clocked: bool

    def __post_init__(self) -> None:
        for bounds in (self.ages, self.dates, self.paces, self.untils):
            require_ascending(bounds)

    @classmethod
    def of(cls, timeline: Timeline, rows: Rows, start: Moments, origin: Moments, end: Moments) -> Calendar:
        """The calendar of some rows.

        Args:
            start: what each row's moment is told by.
            origin: of each row's patient: from when ages count.
            end: of each row's patient: the last moment in this table, ``UNKNOWN`` where it is not told.
        """
        hand, moments = timeline.order, rows.moments
        both = (moments != UNKNOWN) & (origin != UNKNOWN)
        both_ends = (start != UNKNOWN) & (end != UNKNOWN)
        paces = [_two_digits(int(pace)) for pace in _inner(_pace(start, rows.left, end)[both_ends])]
        untils = [_two_digits(int(until)) for until in _inner(np.maximum(end - start, 0)[both_ends])]
        ages = [_two_digits(int(age)) for age in _inner(moments[both] - origin[both])]
        dates = [round(float(date) / _MONTH) * _MONTH for date in _inner(moments[moments != UNKNOWN])]
        return cls(
            tuple(sorted(set(ages))),
            tuple(sorted(set(dates))) if hand.dated else (),
            tuple(sorted(set(paces))),
            tuple(sorted(set(untils))),
            hand.dated,
            hand.dated and hand.clocked,
        )

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Of ``context``."""
        sizes = {"age": len(self.ages) + 2, "pace": len(self.paces) + 2, "until": len(self.untils) + 2}
        if self.dated:
            sizes |= {"date": len(self.dates) + 2, "month": 13, "weekday": _WEEK + 1}
        if self.clocked:
            sizes["hour"] = _HOURS + 1
        return tuple(Domain(f"{name} then", f"{name} then", size, Scale.ORDERED) for name, size in sizes.items())

    def context(self, now: Moments, origin: Moments, end: Moments, left: NDArray[np.int64]) -> Codes:
        """Codes of moments, 0 where there is none: shape ``(n, len(domains))``.

        Args:
            end: the last moment of each patient.
            left: how many rows of the patient are to come.
        """
        known = now != UNKNOWN
        aged = known & (origin != UNKNOWN)
        age = np.searchsorted(np.array(self.ages, np.int64), np.where(aged, now - origin, 0))
        paced = known & (end != UNKNOWN)
        pace = np.searchsorted(np.array(self.paces, np.int64), _pace(now, left, end))
        until = np.searchsorted(np.array(self.untils, np.int64), np.where(paced, end - np.where(paced, now, 0), 0))
        columns = [np.where(aged, 1 + age, 0), np.where(paced, 1 + pace, 0), np.where(paced, 1 + until, 0)]
        if self.dated:
            months = np.where(known, now, 0).astype("datetime64[s]").astype("datetime64[M]").astype(np.int64) % 12
            date = np.searchsorted(np.array(self.dates, np.int64), now)
            columns += [np.where(known, 1 + each, 0) for each in (date, months, now // DAY % _WEEK)]
        if self.clocked:
            columns.append(np.where(known, 1 + now % DAY // (DAY // _HOURS), 0))
        return np.stack(columns, axis=1).astype(np.int32)

    def to_json(self) -> dict[str, Any]:
        return {
            "ages": list(self.ages),
            "dates": list(self.dates),
            "paces": list(self.paces),
            "untils": list(self.untils),
            "dated": self.dated,
            "clocked": self.clocked,
        }

    @classmethod
    def from_json(cls, learned: Mapping[str, Any]) -> Calendar:
        """The inverse of ``to_json``."""
        ages, dates, paces, untils = (tuple(learned[name]) for name in ("ages", "dates", "paces", "untils"))
        return cls(ages, dates, paces, untils, learned["dated"], learned["clocked"])


def _pace(now: Moments, left: NDArray[np.int64], end: Moments) -> NDArray[np.int64]:
    """The time until the end for each row that is to come."""
    lasting = np.where((now == UNKNOWN) | (end == UNKNOWN), 0, end) - np.where(
        (now == UNKNOWN) | (end == UNKNOWN), 0, now
    )
    return np.asarray(np.maximum(lasting, 0) // np.maximum(left, 1), np.int64)


def _inner(values: NDArray[np.int64]) -> NDArray[np.float64]:
    """Quantiles that part values into ranges of equal numbers."""
    n = int(np.clip(len(values) // _ROWS_PER_RANGE, 1, _MOST_RANGES))
    return np.quantile(values, np.arange(1, n) / n) if n > 1 else np.zeros(0)


def _two_digits(number: int) -> int:
    return int(float(f"{number:.1e}"))
