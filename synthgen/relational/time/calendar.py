"""When a patient's last row was, as codes: how long after the birth, in which year, month, weekday and hour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain, Scale
from synthgen.models.base import Codes
from synthgen.relational.rows import Rows, require_ascending
from synthgen.relational.time.clocks import shortest
from synthgen.relational.time.moments import DAY, UNKNOWN, Moments
from synthgen.relational.time.reach import settled
from synthgen.relational.time.timeline import Timeline

_MOST_RANGES: Final = 24
#: Rows per range at least, so that no bound hangs on a few.
_ROWS_PER_RANGE: Final = 50
_MONTH: Final = 30 * DAY
_WEEK: Final = 7
_HOURS: Final = 24
#: Numbers of rows that are told apart where their time is: all of a few, of more such as differ by a sixteenth.
NUMBERS: Final = (*range(32), *(2**power * step // 16 for power in range(5, 12) for step in range(16, 32)))
#: By what share rows may last shorter or longer than those of eleven patients with as many rows below them.
_SLACK: Final = 0.03
#: Of so many patients eleven are few.
_SEVERAL: Final = 110
#: More than any number of rows, or seconds.
_MANY: Final = 1 << 60


@dataclass(frozen=True, eq=False)
class Above:
    """The rows that those of a table below end with.

    Attributes:
        numbers: how many rows belong to each.
        lasting: how long each lasts, negative where that is not known.
        patient: whose each is.
        until: how long each of the rows below came after the beginning of the one that it belongs to, negative where
            that is not known: as many as ``numbers`` says, one after the other, in the order of time.
        before: how long it is from there to the last time at which such a row could have come before it.
    """

    numbers: NDArray[np.int64]
    lasting: NDArray[np.int64]
    patient: NDArray[np.int64]
    until: NDArray[np.int64]
    before: NDArray[np.int64]

    @property
    def lengths(self) -> tuple[tuple[int, int], ...]:
        """How long rows last to which so many rows belong (``NUMBERS``), at least and at most; rounded.

        Each row tells this as if it had ended earlier too: when the tenth of forty readings is taken, ten belong to the
        stay, and nine until then. Told by whole rows alone, the shortest of a hundred patients would be those that the
        eleven left aside are all longer than, which may be by far.
        """
        known, most = self.lasting >= 0, []
        parent = np.repeat(np.arange(len(self.numbers)), self.numbers)
        place = np.arange(len(parent)) - np.repeat(np.cumsum(self.numbers) - self.numbers, self.numbers)
        told, over = known[parent] & (self.until >= 0), self.lasting[parent]
        least = (0, *_least(place + 1, np.minimum(self.until, over), self.patient[parent], told)[1:])
        for beyond in (*NUMBERS[1:], _MANY):
            fewer, then = known & (self.numbers < beyond), told & (place + 1 == beyond)
            longest = shortest(
                -np.r_[self.lasting[fewer], np.minimum(self.before, over)[then]],
                np.r_[self.patient[fewer], self.patient[parent[then]]],
            )
            most.append(_MANY if longest is None else int(-longest * (1 + _SLACK)))
        # However long a row lasts, some number fits it.
        greatest = [max(long, short) for long, short in zip(most, (*least[1:], 0), strict=True)]
        return tuple((int(short * (1 - _SLACK)), long) for short, long in zip(least, greatest, strict=True))


@dataclass(frozen=True)
class Calendar:
    """The ranges of time that are told apart.

    Attributes:
        ages: ascending bounds of how long after its patient's origin a moment is, rounded to two digits.
        dates: ascending bounds of the moments themselves, rounded to 30 days; empty where they have no dates.
        paces: ascending bounds of how much time there is, until the patient's last row or the end of what rows belong
            to, for each row that is to come until then, rounded to two digits.
        untils: ascending bounds of how much time there is until then, rounded to two digits.
        rooms: by how many rows are still to come (``NUMBERS``), how much time real rows leave for them at least until
            the last usual hour before the end, rounded down to two digits; empty where rows have no end that is told.
        lengths: by how many rows belong to a row above (``NUMBERS``), how long that lasts at least and at most, rounded
            to two digits; empty where rows have no end that is not a row itself.
        clocked: whether moments have a time of day beside their date.
    """

    ages: tuple[int, ...]
    dates: tuple[int, ...]
    paces: tuple[int, ...]
    untils: tuple[int, ...]
    dated: bool
    clocked: bool
    rooms: tuple[int, ...] = ()
    lengths: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        for bounds in (self.ages, self.dates, self.paces, self.untils):
            require_ascending(bounds)
        if not {len(self.rooms), len(self.lengths)} <= {0, len(NUMBERS)}:
            raise ValueError("room is left for other numbers of rows")

    @classmethod
    def of(
        cls,
        timeline: Timeline,
        rows: Rows,
        start: Moments,
        origin: Moments,
        end: Moments,
        left: NDArray[np.int64],
        above: Above | None = None,
    ) -> Calendar:
        """The calendar of some rows.

        Args:
            start: what each row's moment is told by.
            origin: of each row's patient: from when ages count.
            end: the end of each row: of its patient the last moment in this table, or that of what it belongs to;
                ``UNKNOWN`` where it is not told.
            left: how many rows there are until then.
            above: the rows that they end with, if so.
        """
        hand, moments = timeline.order, rows.moments
        both = (moments != UNKNOWN) & (origin != UNKNOWN)
        both_ends = (start != UNKNOWN) & (end != UNKNOWN)
        paces = [_two_digits(int(pace)) for pace in _inner(_pace(start, left, end)[both_ends])]
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
            _rooms(timeline, left - 1, moments, end, rows.patient) if both_ends.any() else (),
            () if above is None else above.lengths,
        )

    def room(self, left: NDArray[np.int64]) -> NDArray[np.int64]:
        """The time that is left at least where so many rows are still to come."""
        if not self.rooms:
            return np.zeros(len(left), np.int64)
        return np.array(self.rooms, np.int64)[np.searchsorted(NUMBERS, left, side="right") - 1]

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
            end: the end of each row.
            left: how many rows are to come until then.
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
            "rooms": list(self.rooms),
            "lengths": [list(each) for each in self.lengths],
        }

    @classmethod
    def from_json(cls, learned: Mapping[str, Any]) -> Calendar:
        """The inverse of ``to_json``."""
        ages, dates, paces, untils = (tuple(learned[name]) for name in ("ages", "dates", "paces", "untils"))
        rooms, lengths = tuple(learned["rooms"]), tuple((least, most) for least, most in learned["lengths"])
        return cls(ages, dates, paces, untils, learned["dated"], learned["clocked"], rooms, lengths)


def _pace(now: Moments, left: NDArray[np.int64], end: Moments) -> NDArray[np.int64]:
    """The time until the end for each row that is to come."""
    lasting = np.where((now == UNKNOWN) | (end == UNKNOWN), 0, end) - np.where(
        (now == UNKNOWN) | (end == UNKNOWN), 0, now
    )
    return np.asarray(np.maximum(lasting, 0) // np.maximum(left, 1), np.int64)


def _rooms(
    timeline: Timeline, to_come: NDArray[np.int64], moments: Moments, end: Moments, patient: NDArray[np.int64]
) -> tuple[int, ...]:
    known = (moments != UNKNOWN) & (end != UNKNOWN)
    last = settled(timeline, end) if timeline.until else timeline.at_last(end)
    return _least(to_come, np.where(known, last - moments, -1), patient, known)


def _least(
    numbers: NDArray[np.int64], times: NDArray[np.int64], patient: NDArray[np.int64], known: NDArray[np.bool_]
) -> tuple[int, ...]:
    """The least time that goes with so many rows (``NUMBERS``), as enough patients have it.

    More rows take no less time. Where few patients have so many, of whom those left aside would be many, no more than
    in proportion to fewer rows.
    """
    known, found, sure = known & (times >= 0), list[int](), 0
    for at, count in enumerate(NUMBERS):
        chosen = known & (numbers == count)
        least, several = shortest(times[chosen], patient[chosen]), len(np.unique(patient[chosen])) >= _SEVERAL
        if several:
            sure = at
        else:
            in_proportion = found[sure] * count // max(NUMBERS[sure], 1) if found else 0
            least = in_proportion if least is None else min(least, in_proportion)
        found.append(least or 0)
    return tuple(found)


def _inner(values: NDArray[np.int64]) -> NDArray[np.float64]:
    """Quantiles that part values into ranges of equal numbers."""
    n = int(np.clip(len(values) // _ROWS_PER_RANGE, 1, _MOST_RANGES))
    return np.quantile(values, np.arange(1, n) / n) if n > 1 else np.zeros(0)


def _two_digits(number: int) -> int:
    return int(float(f"{number:.1e}"))
