"""How the moments of a table are told best: by which steps, and what steps never do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.relational.time.clocks import keep_to_clock, shortest, usual_hours
from synthgen.relational.time.moments import DAY, UNKNOWN, Hand, Moments, or_zero
from synthgen.relational.time.timeline import Timeline, after
from synthgen.schema.column import Datetime
from synthgen.schema.rules import expression as ex

#: A moment is told by the end of its window, or of its patient's rows, where it is so many times nearer to that than to
#: the row's own moment, or the birth.
_CLOSELY: Final = 0.2


def learned(
    order: Hand,
    others: Iterable[Hand],
    moments: Mapping[str, Moments],
    base: Moments,
    first: NDArray[np.bool_],
    births: Moments,
    windows: Mapping[str, tuple[int, int] | None],
    *,
    absolute: bool = False,
    ended: bool = False,
    until: tuple[ex.Column, ...] = (),
    whose: NDArray[np.int64] | None = None,
) -> Timeline:
    """The timeline of some rows.

    Args:
        moments: of all columns of moments.
        base: what each row's moment is told by; ``UNKNOWN`` counts as 0.
        first: which rows are the first of their parents.
        births: of the rows' patients.
        windows: by column, the moments between which all lie.
        whose: the patient of each row; each is of another one where ``None``.
    """
    own, start, base = moments[order.name], base, or_zero(base)
    whose = np.arange(len(own)) if whose is None else whose
    known = own != UNKNOWN
    steps = np.abs(own - base)[known & (own != base)]
    by_day = order.dated and (not order.clocked or not len(steps) or _far_off(steps))
    began = known & (start != UNKNOWN)
    every = Timeline(order, tuple(others), by_day, frozenset(), False, windows)
    daily = {after(hand) for hand in every.others if _keeps_to_clock(hand, order, own, moments[hand.name])}
    later, pause, hours = began & ~first & (own != start), 0, tuple[int, ...]()
    if isinstance(order.column, Datetime) and not by_day and keep_to_clock(start[later], own[later], order.tick):
        daily.add(every.gap)
        pause = max(shortest((own - start)[later], whose[later]) or 0, order.tick)
        hours = usual_hours(own[known])
        begun = began & first
        if _far_off(own[begun] - start[begun]) or keep_to_clock(start[begun], own[begun], order.tick):
            daily.add(every.first)
    # Not in steps of days: on its parent's day a row may come before it.
    ticks = own // order.tick - base // order.tick
    distances = {every.first: ticks[known & first], every.gap: ticks[known & ~first]}
    for hand in every.others:
        both = known & (moments[hand.name] != UNKNOWN)
        coarse = every.unit_beside(hand)
        distances[after(hand)] = (moments[hand.name] // coarse - own // coarse)[both]
    ahead = frozenset(name for name, distance in distances.items() if distance.min(initial=0) >= 0)
    both = known & (births != UNKNOWN)
    born = order.dated and bool(both.any()) and bool((own[both] >= births[both]).all())
    closing = frozenset(
        h.name for h in every.others if _is_closing(h, moments[h.name], own, windows.get(h.name), ahead)
    )
    return replace(
        every,
        ahead=ahead,
        born=born,
        absolute=absolute,
        closing=closing,
        ended=ended,
        until=until,
        daily=frozenset(daily),
        pause=pause,
        hours=hours,
    )


def _far_off(distances: NDArray[np.int64]) -> bool:
    """Whether most moments are a day or more from what they are told by."""
    return bool(np.median(np.abs(distances)) >= DAY) if len(distances) else False


def _keeps_to_clock(hand: Hand, order: Hand, own: Moments, theirs: Moments) -> bool:
    both = (own != UNKNOWN) & (theirs != UNKNOWN)
    moments = all(isinstance(each.column, Datetime) for each in (hand, order))
    return moments and keep_to_clock(own[both], theirs[both], max(hand.tick, order.tick))


def _is_closing(
    hand: Hand, theirs: Moments, own: Moments, window: tuple[int, int] | None, ahead: frozenset[str]
) -> bool:
    """Whether a further moment is told far more closely by the end of its window than by the row's own moment.

    So is the end of an observation that goes on until the extract was made, whenever it began.
    """
    both = (own != UNKNOWN) & (theirs != UNKNOWN)
    if window is None or not hand.dated or after(hand) not in ahead or not both.any():
        return False
    return closely(np.abs(window[1] - theirs[both]), np.abs(theirs[both] - own[both]))


def closely(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Whether distances are so much smaller than others that moments are told by them instead."""
    return bool(np.median(one) < _CLOSELY * np.median(other))
