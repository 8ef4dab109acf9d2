"""Whether moments keep to times of day: the visit at six o'clock, and not eight hours after the last one.

A moment can be told by how long it comes after another, or by how many days later and at what time. Both say the same,
and what is learned of a distance does not depend on the hour it starts from, so that the steadier of the two is to be
learned: by the other one a pattern is lost, since errors of distances add up and those of times of day do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.relational.time.moments import DAY, UNKNOWN, Moments

_HOUR: Final = 3600
#: Ranges of equal numbers of moments by which their spread is measured, and moments in each at least.
_RANGES: Final = 64
_LEAST: Final = 10
#: Moments that start in an hour are looked at by themselves where they are so many.
_ENOUGH: Final = 200
#: The share of all moments that makes an hour usual.
_USUAL: Final = 0.01
#: So many patients have as short a time at least, where it is told.
_PATIENTS: Final = 11
#: Nats by which times of day have to be steadier than distances.
_CLEARLY: Final = 0.1


@dataclass(frozen=True, eq=False)
class Clock:
    """The times of day at which rows come.

    Attributes:
        low, high: in seconds since midnight, the ends of each range that is told apart, ascending; both included.
    """

    low: NDArray[np.int64]
    high: NDArray[np.int64]

    def possible(
        self, low: NDArray[np.int64], high: NDArray[np.int64], start: Moments, end: Moments, pause: int | None
    ) -> NDArray[np.bool_]:
        """After how many days a row can come, shape ``(len(start), len(low))``.

        Args:
            low, high: the days of each step, both included.
            start: what rows are told by, ``UNKNOWN`` for nothing.
            end: when they are over, ``UNKNOWN`` where that is not told.
            pause: the seconds from ``start`` on at least; ``None`` where rows may come before it.
        """
        known = start != UNKNOWN
        today = np.where(known, start // DAY, 0)[:, None]
        first = np.full((len(start), len(low)), self.low.min())
        for days in (0, 1):
            least = _first(start, np.array(days), pause)
            room = np.where(self.high >= least[:, None], np.maximum(self.low, least[:, None]), 2 * DAY).min(axis=1)
            first = np.where(low == days, room[:, None], first)
        found = (first < DAY) | (high > low)
        found &= (end == UNKNOWN)[:, None] | ((today + low) * DAY + first * (first < DAY) <= end[:, None])
        return np.asarray(found, bool)

    def open(self, days: NDArray[np.int64], start: Moments, end: Moments, pause: int | None) -> NDArray[np.bool_]:
        """At which times of day rows can come so many days later, shape ``(len(days), len(self.low))``."""
        today = np.where(start == UNKNOWN, 0, start // DAY) + days
        least = _first(start, days, pause)
        most = np.where((end != UNKNOWN) & (today == end // DAY), end % DAY, DAY)
        return np.asarray((self.high >= least[:, None]) & (self.low <= most[:, None]), bool)


def _first(start: Moments, days: NDArray[np.int64], pause: int | None) -> NDArray[np.int64]:
    """The first time of day so many days later."""
    return np.where((start == UNKNOWN) | (pause is None), 0, start % DAY + (pause or 0) - days * DAY)


def usual_hours(moments: Moments) -> tuple[int, ...]:
    """The hours of the day that have such a share of moments, all known."""
    counts = np.bincount(moments % DAY // _HOUR, minlength=DAY // _HOUR)
    return tuple(np.flatnonzero(counts >= max(_USUAL * len(moments), 1)).tolist())


def back_to(moments: Moments, hours: Sequence[int]) -> Moments:
    """The last moments in some hours of the day, up to others; ``UNKNOWN`` stays so."""
    hour = moments % DAY // _HOUR
    back = (hour[:, None] - np.array(hours)) % (DAY // _HOUR)
    least = back.min(axis=1)
    ends = (moments // _HOUR - least + 1) * _HOUR - 1
    return np.where((moments == UNKNOWN) | (least == 0), moments, ends)


def on_to(moments: Moments, hours: Sequence[int]) -> Moments:
    """The first moments in some hours of the day, from others on; ``UNKNOWN`` stays so."""
    hour = moments % DAY // _HOUR
    least = ((np.array(hours) - hour[:, None]) % (DAY // _HOUR)).min(axis=1)
    return np.where((moments == UNKNOWN) | (least == 0), moments, (moments // _HOUR + least) * _HOUR)


def shortest(times: NDArray[np.int64], patient: NDArray[np.int64]) -> int | None:
    """The shortest of some times that enough patients reach from below, rounded down; ``None`` for too few of them."""
    order = np.argsort(times, kind="stable")
    _, firsts = np.unique(patient[order], return_index=True)
    if len(firsts) < _PATIENTS:
        return None
    least = int(times[order[np.sort(firsts)[_PATIENTS - 1]]])
    grain = int(10 ** max(len(str(abs(least))) - 2, 0))
    return least // grain * grain


def keep_to_clock(start: Moments, moments: Moments, tick: int) -> bool:
    """Whether moments are better told by days and time of day than by their distance from others.

    Args:
        start: what they are told by, all known, each of the same row as its moment.
        tick: the seconds that moments are counted in.
    """
    if len(moments) < _ENOUGH:
        return False
    days = moments // DAY - start // DAY
    clock, hour = moments % DAY // tick, start % DAY // _HOUR
    by_clock = _given(days, hour) + _given(clock, np.where(days == 0, hour, hour + DAY // _HOUR))
    return by_clock < spread((moments - start) // tick) - _CLEARLY


def _given(values: NDArray[np.int64], groups: NDArray[np.int64]) -> float:
    """The spread of values within groups, those of few values taken together."""
    sizes = np.bincount(groups)
    merged = np.where(sizes[groups] < _ENOUGH, -1, groups)
    shares = ((group, float((merged == group).mean())) for group in np.unique(merged))
    return sum(share * spread(values[merged == group]) for group, share in shares)


def spread(values: NDArray[np.int64]) -> float:
    """The entropy of whole numbers in nats, as if they were spread evenly over ranges of about as many each."""
    n = int(np.clip(len(values) // _LEAST, 1, _RANGES))
    edges = np.unique(np.quantile(values, np.arange(n) / n, method="lower"))
    # A number that many are is a range of its own.
    common, counts = np.unique(values, return_counts=True)
    common = common[counts >= len(values) / n]
    edges = np.unique(np.r_[edges, common, common + 1])
    top = int(values.max()) + 1
    edges = np.r_[edges[edges < top], top]
    shares = np.histogram(values, edges)[0] / len(values)
    held = shares > 0
    return float((shares[held] * np.log(np.diff(edges)[held] / shares[held])).sum())
