"""The columns of moments of a table as steps from what came before, and the way back."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.relational.time.moments import DAY, UNKNOWN, Hand, Moments, integers, or_zero, weekday_of
from synthgen.relational.time.steps import NOT_HERE, cells_of, texts_of
from synthgen.relational.time.timeline import Timeline, after, clock_of, form_of


def folded(
    timeline: Timeline,
    cells: Mapping[str, pa.DictionaryArray],
    moments: Mapping[str, Moments],
    base: Moments,
    first: NDArray[np.bool_],
    ends: Moments,
) -> dict[str, pa.DictionaryArray]:
    """The derived columns of some rows.

    Args:
        cells: the columns of moments as they are written.
        moments: of the same columns.
        base: what each row's moment is told by, of the parent or of the row before; ``UNKNOWN`` counts as 0.
        first: which rows are the first of their parents.
        ends: of each row, the last moment of its patient where that is told.
    """
    own = moments[timeline.order.name]
    unknown = own == UNKNOWN
    nothing = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(own), np.int32)), pa.array([""]))
    found: dict[str, pa.DictionaryArray] = {}
    if not timeline.absolute:
        untimed = unknown
        for name, elsewhere in ((timeline.first, ~first), (timeline.gap, first)):
            unit, at_once = timeline.unit_of(name), None
            if timeline.by_clock:
                at_once = (own == base) & ~unknown if name in timeline.daily else None
                untimed = untimed | (~elsewhere if at_once is None else at_once & ~elsewhere)
            steps = own // unit - or_zero(base) // unit
            at_last = None
            if timeline.arrives and name == timeline.gap:
                at_last = (own == ends) & (base != UNKNOWN) & (own > base) & ~unknown
            found[name] = cells_of(steps, cells[timeline.order.name], unknown, elsewhere, at_once, at_last)
        if timeline.by_day:
            found[timeline.weekday] = cells_of(weekday_of(own), nothing, unknown)
        if timeline.clock in timeline.columns:
            found[timeline.clock] = cells_of(own % DAY // timeline.order.tick, nothing, untimed)
    for hand in timeline.others:
        theirs = moments[hand.name]
        unit = timeline.unit_beside(hand)
        # A time without that of its row is as lost as one that is missing.
        lost = (theirs == UNKNOWN) | unknown
        why = pc.if_else(pa.array(theirs == UNKNOWN), cells[hand.name].cast(pa.string()), "").dictionary_encode()
        distance = theirs // unit - own // unit
        if hand.name in timeline.closing:
            distance = timeline.close(hand) // unit - theirs // unit
        found[after(hand)] = cells_of(distance, why, lost)
        if timeline.apart(hand):
            found[clock_of(hand)] = cells_of(theirs % DAY // hand.tick, nothing, lost)
    for hand in timeline.formed:
        found[form_of(hand)] = cells_of(hand.forms(cells[hand.name]), nothing, moments[hand.name] == UNKNOWN)
    return found


def unfolded(timeline: Timeline, cells: Mapping[str, pa.Array], moments: Moments) -> dict[str, pa.Array]:
    """The columns of moments of rows whose own moments are known.

    Args:
        cells: the derived columns as decoded; where a row has no moment, its first or gap says why.
    """
    found: dict[str, pa.Array] = {}
    forms = {hand.name: np.maximum(integers(cells[form_of(hand)]), 0) for hand in timeline.formed}
    if not timeline.absolute:
        first, gap = (pc.cast(cells[name], pa.string()) for name in (timeline.first, timeline.gap))
        labels = pc.if_else(pc.equal(first, NOT_HERE), gap, first)
        found[timeline.order.name] = texts_of(timeline.order, moments, labels, forms.get(timeline.order.name))
    for hand in timeline.others:
        distance = integers(cells[after(hand)])
        unit = timeline.unit_beside(hand)
        known = (distance != UNKNOWN) & (moments != UNKNOWN)
        theirs = np.full(len(moments), UNKNOWN, np.int64)
        if hand.name in timeline.closing:
            theirs[known] = np.maximum(timeline.close(hand) // unit - distance[known], moments[known] // unit) * unit
        else:
            theirs[known] = (moments[known] // unit + distance[known]) * unit
        if timeline.apart(hand):
            clock = integers(cells[clock_of(hand)])
            timed = known & (clock != UNKNOWN)
            theirs[timed] += clock[timed] * hand.tick
        if after(hand) in timeline.daily & timeline.ahead:
            theirs[known] = np.maximum(theirs[known], moments[known])
        labels = pc.cast(cells[after(hand)], pa.string())
        found[hand.name] = texts_of(hand, _inside(timeline, hand, theirs, moments), labels, forms.get(hand.name))
    return found


def _inside(timeline: Timeline, hand: Hand, theirs: Moments, own: Moments) -> Moments:
    """Further moments of rows in the window of their column, and still no earlier than their rows' own.

    What is moved to the first or the last day keeps its time of day, but where it would come before its row there. A
    row that begins when no row of that window could end has none: it is not over.
    """
    if (window := timeline.windows.get(hand.name)) is None:
        return theirs
    inside = np.clip(theirs, window[0], window[1] + (DAY - 1) * hand.clocked)
    if hand.dated and hand.clocked:
        moved = np.where(inside == theirs, theirs, inside // DAY * DAY + theirs % DAY)
        inside = np.where(moved < own, inside, moved)
    if after(hand) in timeline.ahead:
        inside = np.where(inside < np.minimum(own, theirs), UNKNOWN, inside)
    return np.where(theirs == UNKNOWN, UNKNOWN, inside)
