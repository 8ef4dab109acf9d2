"""What there is time for: which steps lead into the window and not beyond the end, and how long rows surely last."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.numeric import NumericEncoder
from synthgen.encoding.quantiser import Quantiser
from synthgen.relational.time.clocks import Clock, back_to, on_to
from synthgen.relational.time.moments import DAY, UNKNOWN, Moments, or_zero
from synthgen.relational.time.timeline import FAR, Timeline, after, clock_of


def reachable(
    timeline: Timeline,
    step: str,
    quantiser: Quantiser,
    base: Moments,
    end: Moments,
    final: Moments,
    births: Moments,
    clock: Clock | None = None,
) -> NDArray[np.bool_]:
    """Which codes of steps can lead into the window, neither beyond ``end`` nor before the birth.

    And to ``final`` where that is told. Shape ``(len(base), codes)``.

    Args:
        step: the derived column.
        clock: the times of day that there are, where rows come by them.
    """
    low, high = quantiser.bounds()
    unit = timeline.unit_of(step)
    start = (or_zero(base) // unit)[:, None]
    allowed = (end == UNKNOWN)[:, None] | (start + low <= (timeline.at_last(end) // unit)[:, None])
    if timeline.window is not None:
        earliest, latest = timeline.limits(timeline.window, np.array(unit))
        allowed &= (start + high >= earliest) & (start + low <= latest)
    if timeline.born:
        allowed &= (births == UNKNOWN)[:, None] | (start + high >= (births // unit)[:, None])
    if clock is not None and step in timeline.daily:
        until = end if timeline.until else np.full(len(end), UNKNOWN)
        allowed &= clock.possible(low, high, base, until, timeline.pause_of(step))
    told = np.flatnonzero(final != UNKNOWN)
    earliest, latest = (each[told, None] // unit - start[told] for each in (final, timeline.at_last(final)))
    there = (high >= earliest) & (low <= latest)
    nearest = np.arange(quantiser.size) == quantiser.encode(earliest[:, 0])[:, None]
    exactly = (earliest == latest) | ~there.any(axis=1, keepdims=True)
    allowed[told] = np.where(exactly, nearest, there)
    return np.asarray(allowed, bool)


def inside(
    timeline: Timeline, quantiser: Quantiser, steps: NDArray[np.int64], unit: int, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Moments drawn from bins, in steps of a unit; those outside the window again from the part of their bin inside.

    A bin that lies outside whole is moved to the edge, at which nothing piles up so. ``UNKNOWN`` stays so.
    """
    if timeline.window is None:
        return steps
    first, last = (int(limit) for limit in timeline.limits(timeline.window, np.array(unit)))
    outside = np.flatnonzero((steps != UNKNOWN) & ((steps < first) | (steps > last)))
    low, high = (bound[quantiser.encode(steps[outside])] for bound in quantiser.bounds())
    width = high - low
    low, high = np.where(low > last, last - width, low), np.where(high < first, first + width, high)
    found = steps.copy()
    found[outside] = rng.integers(np.clip(low, first, last), np.clip(high, first, last), endpoint=True)
    return found


def too_late(
    timeline: Timeline, encoders: Mapping[str, NumericEncoder], codes: Mapping[str, NDArray[np.int32]], moments: Moments
) -> NDArray[np.bool_]:
    """Which rows have a further moment that surely lies after its window.

    Or that surely lies before the row's own, where it is told by the end of its window, or on the same day.

    Args:
        encoders: of the distances of further moments, and of times of day apart.
        codes: of the same.
        moments: the rows' own.
    """
    found = np.zeros(len(moments), bool)
    for hand in timeline.others:
        quantiser = encoders[after(hand)].quantiser
        if not quantiser.size:
            continue
        unit, code = timeline.unit_beside(hand), codes[after(hand)]
        known = (code < quantiser.size) & (moments != UNKNOWN)
        least, most = (bound[np.where(known, code, 0)] for bound in quantiser.bounds())
        if timeline.windows.get(hand.name) is not None:
            found |= known & (least > timeline.close(hand) // unit - or_zero(moments) // unit)
        clock = encoders[clock_of(hand)].quantiser if after(hand) in timeline.daily & timeline.ahead else None
        if clock is not None and clock.size:
            timed = known & (codes[clock_of(hand)] < clock.size)
            latest = clock.bounds()[1][np.where(timed, codes[clock_of(hand)], 0)] * hand.tick
            found |= timed & (most <= 0) & (latest < moments % DAY)
    return found


def over(timeline: Timeline, parents: Moments, births: Moments) -> NDArray[np.bool_]:
    """Of which rows of the parents' table none can come, for they would have to come after the window.

    Args:
        parents: the moments that first rows are told by.
        births: of their patients.
    """
    none = np.zeros(len(parents), bool)
    if timeline.window is None:
        return none
    unit = np.array(timeline.unit_of(timeline.first))
    latest = timeline.limits(timeline.window, unit)[1]
    for moments, never_before in ((parents, timeline.first in timeline.ahead), (births, timeline.born)):
        none |= never_before & (moments != UNKNOWN) & (moments // unit > latest)
    return none


def how_long(
    timeline: Timeline,
    name: str,
    encoders: Mapping[str, NumericEncoder],
    codes: Mapping[str, NDArray[np.int32]],
    moments: Moments,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How long after each row's own moment a further one surely is at least and at most, as far as it is told.

    Args:
        encoders, codes: see ``too_late``.
    """
    hand = next(hand for hand in timeline.others if hand.name == name)
    quantiser, unit = encoders[after(hand)].quantiser, timeline.unit_beside(hand)
    known = (codes[after(hand)] < quantiser.size) & (moments != UNKNOWN) & (hand.name not in timeline.closing)
    if not known.any():
        return np.zeros(len(moments), np.int64), np.full(len(moments), FAR, np.int64)
    own, code = or_zero(moments), np.where(known, codes[after(hand)], 0)
    first, last = ((own // unit + bound[code]) * unit for bound in quantiser.bounds())
    last = last + unit - hand.tick
    if timeline.apart(hand) and (clock := encoders[clock_of(hand)].quantiser).size:
        timed = known & (codes[clock_of(hand)] < clock.size)
        early, late = (b[np.where(timed, codes[clock_of(hand)], 0)] * hand.tick for b in clock.bounds())
        first, last = np.where(timed, first + early, first), np.where(timed, last // DAY * DAY + late, last)
    return np.where(known, np.maximum(first - own, 0), 0), np.where(known, last - own, FAR)


def usable(timeline: Timeline, start: Moments, end: Moments) -> NDArray[np.int64]:
    """How long it is from the first moment at which a row usually is to the last, between others.

    Negative where one of these is not known, or the end comes first.
    """
    nowhere = (start == UNKNOWN) | (end == UNKNOWN) | (end < start)
    return np.where(nowhere, -1, np.maximum(settled(timeline, end) - _begun(timeline, start), 0))


def _begun(timeline: Timeline, start: Moments) -> Moments:
    return on_to(start, timeline.hours) if timeline.hours else start


def settled(timeline: Timeline, end: Moments) -> Moments:
    """The last moments at which a row usually is before rows are over."""
    return back_to(end, timeline.hours) if timeline.hours else end
