"""From the steps that are drawn to moments: inside their bins, the window of time and the end as far as that goes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.numeric import NumericEncoder
from synthgen.encoding.quantiser import Quantiser
from synthgen.relational.time.moments import DAY, UNKNOWN, WEEK, Moments, or_zero, weekday_of
from synthgen.relational.time.steps import AT_LAST, AT_ONCE
from synthgen.relational.time.timeline import FAR, Timeline

#: How often a bin is drawn from again before a moment outside the window is moved to its edge.
_TRIES: Final = 4


def stepped(
    timeline: Timeline,
    encoders: Mapping[str, NumericEncoder],
    codes: Mapping[str, NDArray[np.int32]],
    base: Moments,
    first: NDArray[np.bool_],
    final: Moments,
    births: Moments,
    end: Moments,
    rng: np.random.Generator,
    full: NDArray[np.bool_] | None = None,
) -> Moments:
    """The moments of rows of which all derived columns are drawn.

    Args:
        encoders: of ``first``, ``gap`` and ``clock``.
        codes: of the same, and the weekday itself (-1 where there is none) under its column.
        base: the moments that steps are told by; ``UNKNOWN`` counts as 0.
        first: which rows are the first of their parents.
        final: the moment, but for the time of day, where it is told already; of rows drawn as ``AT_LAST`` too.
        births: of the rows' patients.
        end: when no row can come any more: the day of the last moment of its patient, as far as it is told, or the
            last moment of what it belongs to.
        full: which rows do not come when the one before did, where another time can be.
    """
    before, moments, base = base, np.full(len(base), UNKNOWN, np.int64), or_zero(base)
    unit = np.where(first, timeline.unit_of(timeline.first), timeline.unit_of(timeline.gap))
    latest = _latest(timeline, base, end, unit)
    ahead = np.where(first, timeline.first in timeline.ahead, timeline.gap in timeline.ahead)
    earliest = _earliest(timeline, base, unit, None if full is None else full & ~first)
    at_once, low, high = np.zeros(len(base), bool), base.copy(), base.copy()
    for name, rows in ((timeline.first, np.flatnonzero(first)), (timeline.gap, np.flatnonzero(~first))):
        between = earliest[rows], latest[rows]
        known, keys = _keys(timeline, name, encoders[name], codes[name][rows], base[rows], between, rng)
        encoder = encoders[name]
        if AT_ONCE in encoder.results:
            at_once[rows] = codes[name][rows] == encoder.quantiser.size + encoder.results.index(AT_ONCE)
        if not encoder.quantiser.size:
            # Too few patients have such a step for any to be shown: the row comes when the one before it did.
            tokens = len(encoder.results) + np.arange(len(encoder.tokens.kept))
            known = ~np.isin(codes[name][rows], tokens) & (before[rows] != UNKNOWN)
        moments[rows[known]] = ((base // unit)[rows] + keys)[known] * unit[rows[known]]
        arriving = rows[is_at_last(encoder, codes[name][rows])]
        moments[arriving] = final[arriving]
        drawn = rows[codes[name][rows] < encoder.quantiser.size]
        for bound, own in zip((low, high), encoder.quantiser.bounds(), strict=True):
            bound[drawn] = (base[drawn] // unit[drawn] + own[codes[name][drawn]]) * unit[drawn]
    known = moments != UNKNOWN
    told = np.flatnonzero(known & (final != UNKNOWN) & (timeline.at_last(final) // unit >= base // unit))
    since = np.where(ahead & (before != UNKNOWN), before, -FAR)
    bins = low[told], high[told]
    moments[told] = _last(timeline, moments[told], bins, final[told], since[told], unit[told], rng)
    if timeline.weekday in codes:
        for name, rows in ((timeline.first, np.flatnonzero(first)), (timeline.gap, np.flatnonzero(~first))):
            wanted, quantiser = codes[timeline.weekday][rows], encoders[name].quantiser
            moments[rows] = _on_weekday(
                timeline, quantiser, codes[name][rows], base[rows], moments[rows], wanted, latest[rows]
            )
    if timeline.born:
        moments[known] = np.maximum(moments[known], births[known])
    if timeline.clock in codes and (quantiser := encoders[timeline.clock].quantiser).size:
        code = codes[timeline.clock]
        timed = np.flatnonzero(known & (unit == DAY) & (code < quantiser.size))
        least = np.where(ahead & (before != UNKNOWN), before + timeline.pause * ~first, -FAR)
        most = np.where((end == UNKNOWN) | (not timeline.until), FAR, end)
        moments[timed] = _by_clock(timeline, quantiser, code[timed], moments[timed], least[timed], most[timed], rng)
    moments[at_once] = before[at_once]
    # What never comes before does not where the day is the same, nor for the sake of the window.
    after = known & (before != UNKNOWN) & ahead
    moments[after] = np.maximum(moments[after], before[after] // timeline.order.tick * timeline.order.tick)
    return moments


def is_at_last(encoder: NumericEncoder, codes: NDArray[np.int32]) -> NDArray[np.bool_]:
    """Which rows come at the last moment of their patient, by the codes of their steps."""
    if AT_LAST not in encoder.results:
        return np.zeros(len(codes), bool)
    return np.asarray(codes == encoder.quantiser.size + encoder.results.index(AT_LAST))


def _last(
    timeline: Timeline,
    moments: Moments,
    bins: tuple[NDArray[np.int64], NDArray[np.int64]],
    final: Moments,
    since: NDArray[np.int64],
    unit: NDArray[np.int64],
    rng: np.random.Generator,
) -> Moments:
    """The moments of rows where the last one is told; where that is a day and steps are shorter, at a time of it.

    Args:
        bins: from which the moments were drawn, the first and the last of each.
        since: before which none can be.
    """
    first, last = final // unit, timeline.at_last(final) // unit
    if timeline.window is not None:
        first, last = (np.clip(each, *timeline.limits(timeline.window, unit)) for each in (first, last))
    found, least, most = first * unit, np.maximum(first * unit, since), last * unit
    some = np.flatnonzero(first < last)
    least, most, (low, high) = least[some], most[some], (bound[some] for bound in bins)
    # Of a bin that does not reach the day any time of it: at its ends they would pile up.
    elsewhere = np.maximum(low, least) > np.minimum(high, most)
    low, high = np.where(elsewhere, least, low), np.where(elsewhere, most, high)
    found[some] = _between(timeline, moments[some], low, high, least, most, rng)
    return found


def _by_clock(
    timeline: Timeline,
    quantiser: Quantiser,
    codes: NDArray[np.int32],
    days: Moments,
    least: NDArray[np.int64],
    most: NDArray[np.int64],
    rng: np.random.Generator,
) -> Moments:
    """Days with the times of day of some codes, between two moments where rows come by these or until an end."""
    tick = timeline.order.tick
    drawn = days + quantiser.decode(codes, rng) * tick
    if not (timeline.by_clock or timeline.until):
        return drawn
    low, high = (days + bound[codes] * tick for bound in quantiser.bounds())
    return _between(timeline, drawn, low, high, least, most, rng)


def _between(
    timeline: Timeline,
    moments: Moments,
    low: NDArray[np.int64],
    high: NDArray[np.int64],
    least: NDArray[np.int64],
    most: NDArray[np.int64],
    rng: np.random.Generator,
) -> Moments:
    """Moments drawn from ``low`` to ``high``; those not between two others from the part of that which is."""
    tick = timeline.order.tick
    first, last = np.maximum(low, least) // tick, np.minimum(high, most) // tick
    again = np.flatnonzero(((moments < least) | (moments > most)) & (first <= last))
    found = moments.copy()
    found[again] = rng.integers(first[again], last[again], endpoint=True) * tick
    return np.where(first <= last, found, np.minimum(np.maximum(found, least), most // tick * tick))


def _latest(timeline: Timeline, base: Moments, end: Moments, unit: NDArray[np.int64]) -> NDArray[np.int64]:
    """The last step at which each row can be: that of the window, and of its end where that is ahead."""
    latest = np.full(len(base), FAR, np.int64)
    if timeline.window is not None:
        latest = timeline.limits(timeline.window, unit)[1]
    last, start = timeline.at_last(end) // unit, base // unit
    return np.where((end == UNKNOWN) | (last < start), latest, np.minimum(latest, last))


def _earliest(
    timeline: Timeline, base: Moments, unit: NDArray[np.int64], full: NDArray[np.bool_] | None
) -> NDArray[np.int64]:
    """The first step at which each row can be: that of the window, and after the row before where that is so."""
    earliest = np.full(len(base), -FAR, np.int64)
    if timeline.window is not None:
        earliest = timeline.limits(timeline.window, unit)[0]
    if full is None or timeline.gap not in timeline.ahead:
        return earliest
    return np.where(full & (unit == timeline.order.tick), np.maximum(earliest, base // unit + 1), earliest)


def _keys(
    timeline: Timeline,
    step: str,
    encoder: NumericEncoder,
    codes: NDArray[np.int32],
    base: Moments,
    between: tuple[NDArray[np.int64], NDArray[np.int64]],
    rng: np.random.Generator,
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """The steps of some rows, no earlier and no later than two others ``between`` as far as their bins allow.

    And which rows have one.
    """
    quantiser = encoder.quantiser
    known = codes < quantiser.size
    steps = np.zeros(len(codes), np.int64)
    if not known.any():
        return known, steps
    drawn, start = codes[known], base[known] // timeline.unit_of(step)
    low, high = (bound[drawn] for bound in quantiser.bounds())
    found = quantiser.decode(drawn, rng)
    earliest, latest = (each[known] for each in between)
    for _ in range(_TRIES):
        outside = (start + found < earliest) | (start + found > latest)
        outside &= low < high
        if not outside.any():
            break
        found[outside] = quantiser.decode(drawn[outside], rng)
    outside = (start + found < earliest) | (start + found > latest)
    if outside.any():
        # The part of the bin that is inside may be small; at its end they would pile up.
        first, last = np.maximum(low, earliest - start)[outside], np.minimum(high, latest - start)[outside]
        found[outside] = rng.integers(np.minimum(first, last), last, endpoint=True)
    found = np.clip(start + found, earliest, latest) - start
    steps[known] = found
    return known, steps


def _on_weekday(
    timeline: Timeline,
    quantiser: Quantiser,
    codes: NDArray[np.int32],
    base: Moments,
    moments: Moments,
    wanted: NDArray[np.int32],
    latest: NDArray[np.int64],
) -> Moments:
    """Moments by day, moved to the weekdays that are wanted (-1 for none) as far as bins and window allow."""
    moved = moments.copy()
    rows = np.flatnonzero((codes < quantiser.size) & (moments != UNKNOWN) & (wanted >= 0))
    if not len(rows):
        return moved
    start, day = base[rows] // DAY, moments[rows] // DAY
    low, high = (start + bound[codes[rows]] for bound in quantiser.bounds())
    if timeline.window is not None:
        low = np.maximum(low, timeline.limits(timeline.window, np.array(DAY))[0])
    high = np.minimum(high, latest[rows])
    shift = (wanted[rows] - weekday_of(moments[rows])) % WEEK
    found = day
    for to in (day + shift, day + shift - WEEK):
        fits = (to >= low) & (to <= high) & ~np.isin(to - start, quantiser.atoms) & (found == day)
        found = np.where(fits, to, found)
    moved[rows] = found * DAY
    return moved
