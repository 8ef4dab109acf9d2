"""Conditions on moments, whose days, weekdays and times of day are codes apart.

How probable codes are to meet one is counted over all that they are decoded to, and draws that do are made of these.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.quantiser import Quantiser, Range

Floats = NDArray[np.float64]
Keys = NDArray[np.int64]


def common(some: Sequence[Range], others: Sequence[Range]) -> tuple[Range, ...]:
    """What ranges have in common, ascending."""
    both = ((max(a[0], b[0]), min(a[1], b[1])) for a in some for b in others)
    return tuple(sorted((low, high) for low, high in both if low <= high))


@dataclass(frozen=True, eq=False)
class AskedMoments:
    """Moments in some ranges, and every way in which codes are decoded to them.

    A moment is a day and a tick of that day; where there is no clock a day has one tick, and where there are no days
    what is called a day here is a time.

    Attributes:
        ranges: ascending, apart from each other, of ``day * ticks + tick``.
        ticks: of a day.
        days: what the first code is of.
        of_day: all that a code of ``days`` is decoded to, each alike: ``(kinds, n)``, a row for each weekday, or one.
        clock: what the last code is of; ``None`` without times beside days.
        of_time: all ticks that a code of ``clock`` is decoded to, each alike.
    """

    ranges: tuple[Range, ...]
    ticks: int
    days: Quantiser
    of_day: Callable[[int], NDArray[np.int64]]
    clock: Quantiser | None
    of_time: Callable[[int], Keys]

    @cached_property
    def _whole(self) -> list[Range]:
        """Days of which every tick is asked for."""
        whole = [(-(-low // self.ticks), (high + 1) // self.ticks - 1) for low, high in self.ranges]
        return [(low, high) for low, high in whole if low <= high]

    @cached_property
    def _parts(self) -> dict[int, list[Range]]:
        """Days of which some ticks are asked for, and which."""
        parts: dict[int, list[Range]] = {}
        reached = self.days.bounds()
        first, last = int(reached[0].min(initial=0)), int(reached[1].max(initial=-1))
        for low, high in self.ranges:
            for day in dict.fromkeys((low // self.ticks, high // self.ticks)):
                own = max(low - day * self.ticks, 0), min(high - day * self.ticks, self.ticks - 1)
                if own != (0, self.ticks - 1) and first <= day <= last:
                    parts.setdefault(day, []).append(own)
        return parts

    @cached_property
    def _of_days(self) -> tuple[Floats, Floats]:
        """How probable each code and weekday are to be a whole day, and each day of which a part is asked for.

        Of shapes ``(codes, kinds)`` and ``(parts, codes, kinds)``.
        """
        low, high = self.days.bounds()
        kinds = len(self.of_day(0)) if self.days.size else 1
        whole, parts = np.zeros((self.days.size, kinds)), np.zeros((len(self._parts), self.days.size, kinds))
        everywhere = [(day, day) for day in self._parts] + self._whole
        starts, ends = np.array(everywhere, np.int64).reshape(-1, 2).T
        for code in range(self.days.size):
            if any(start <= low[code] and high[code] <= end for start, end in self._whole):
                whole[code] = 1.0
            elif ((starts <= high[code]) & (ends >= low[code])).any():
                days = self.of_day(code)
                whole[code] = _among(days, self._whole).mean(axis=1)
                for at, day in enumerate(self._parts):
                    parts[at, code] = (days == day).mean(axis=1)
        return whole, parts

    @cached_property
    def _of_times(self) -> Floats:
        """How probable each code of the clock is to be in what is asked for of each day, ``(parts, codes)``."""
        if self.clock is None or not self.clock.size:
            return np.array([_among(np.zeros(1, np.int64), part) for part in self._parts.values()]).reshape(-1, 1)
        times = [self.of_time(code) for code in range(self.clock.size)]
        shares = [[_among(of, part).mean() for of in times] for part in self._parts.values()]
        return np.array(shares, np.float64).reshape(-1, self.clock.size)

    @cached_property
    def shares(self) -> Floats:
        """How probable codes are to be decoded to what is asked, ``(codes of days, kinds, codes of the clock)``."""
        whole, parts = self._of_days
        return np.asarray(whole[:, :, None] + np.einsum("pdk,pt->dkt", parts, self._of_times), np.float64)

    @cached_property
    def sure(self) -> NDArray[np.bool_]:
        """Which codes of days meet what is asked whatever the others are, ``(codes of days,)``."""
        return np.asarray(self._of_days[0].min(axis=1, initial=1.0) == 1.0)

    @cached_property
    def most(self) -> Floats:
        """The same for each code of days, at most, ``(codes of days,)``."""
        return np.asarray(self.shares.max(axis=(1, 2), initial=0.0), np.float64)

    def draw(
        self, day: NDArray[np.int32], kind: NDArray[np.int32], time: NDArray[np.int32], rng: np.random.Generator
    ) -> tuple[Keys, Keys]:
        """Days and ticks that are asked for, of codes; -1 for a tick that may be any of its code.

        Codes that cannot meet what is asked are drawn from as if nothing were.
        """
        whole, parts = self._of_days
        found, ticks = np.empty(len(day), np.int64), np.full(len(day), -1, np.int64)
        pairs, of_row = np.unique(np.stack([day, kind]), axis=1, return_inverse=True)
        for at, (code, weekday) in enumerate(pairs.T.tolist()):
            rows = np.flatnonzero(of_row.ravel() == at)
            days = self.of_day(code)[weekday]
            full = days[_among(days, self._whole)]
            # Column 0: on a whole day; the others: in the part of a day.
            on_parts = parts[:, code, weekday, None] * self._times(time[rows])
            mass = np.c_[np.full(len(rows), whole[code, weekday]), on_parts.T]
            mass[~mass.any(axis=1), 0] = 1.0
            cumulative = mass.cumsum(axis=1)
            chosen = (cumulative <= (rng.random(len(rows)) * cumulative[:, -1])[:, None]).sum(axis=1)
            found[rows] = rng.choice(full if len(full) else days, len(rows))
            for part, (of_part, asked) in enumerate(self._parts.items(), 1):
                own = rows[chosen == part]
                found[own] = of_part
                ticks[own] = self._ticks(time[own], asked, rng)
        return found, ticks

    def _times(self, time: NDArray[np.int32]) -> Floats:
        return self._of_times[:, time if self._of_times.shape[1] > 1 else np.zeros(len(time), np.int32)]

    def _ticks(self, time: NDArray[np.int32], asked: Sequence[Range], rng: np.random.Generator) -> Keys:
        ticks = np.zeros(len(time), np.int64)
        for code in np.unique(time).tolist() if self.clock is not None and self.clock.size else ():
            rows, possible = np.flatnonzero(time == code), self.of_time(code)
            ticks[rows] = rng.choice(possible[_among(possible, asked)], len(rows))
        return ticks


def _among(keys: Keys, ranges: Iterable[Range]) -> NDArray[np.bool_]:
    """Which keys are in ranges that ascend, apart from each other."""
    low, high = np.array([*ranges], np.int64).reshape(-1, 2).T
    if not len(low):
        return np.zeros(keys.shape, bool)
    at = np.clip(np.searchsorted(low, keys, side="right") - 1, 0, None)
    return np.asarray((keys >= low[at]) & (keys <= high[at]))
