"""Which steps rows are offered before these are drawn: those that lead where there is time, and room, for them."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.numeric import NumericEncoder
from synthgen.encoding.quantiser import Quantiser
from synthgen.models.base import Given
from synthgen.relational.frame import Frame
from synthgen.relational.time.moments import DAY, UNKNOWN, Moments
from synthgen.relational.time.reach import reachable, settled
from synthgen.relational.time.shifts import Shifts
from synthgen.relational.time.steps import AT_LAST, AT_ONCE, NOT_HERE
from synthgen.relational.time.timeline import Timeline
from synthgen.relational.time.weekdays import Weekdays


@dataclass(frozen=True, eq=False)
class Due:
    """What is known of the time of some rows before their steps are, of each patient the next one.

    Attributes:
        first: which are the first of their parents.
        start: what each row's moment is told by.
        end: the day of the last moment of their patients, as far as it is told, or when what they belong to is over.
        final: the moment, but for the time of day, where it is told already.
        births: of their patients.
        to_come: how many rows come after each until its end.
        full: which of them do not come when the one before did, as no more do, where another time can be.
    """

    first: NDArray[np.bool_]
    start: Moments
    end: Moments
    final: Moments
    births: Moments
    to_come: NDArray[np.int64]
    full: NDArray[np.bool_]

    def of(self, which: NDArray[np.int64]) -> Due:
        """Some of the rows."""
        return Due(*(getattr(self, each.name)[which] for each in fields(self)))

    @property
    def endless(self) -> Due:
        """The same, nothing being known of any end."""
        nothing = np.full(len(self.start), UNKNOWN, np.int64)
        return replace(self, end=nothing, final=nothing)


def offered(table: Frame, due: Due) -> tuple[Given | None, NDArray[np.bool_], Moments]:
    """Which codes of the steps can be, for which rows there is no time before their end, and until when each can be.

    One column applies to the first row of a parent and the other to the next ones; no step leads out of the window of
    time, or beyond the end, and the last one of a patient leads there. Rows leave those after them as much time before
    the end as real ones do, where that can be.
    """
    timeline, weekdays, shifts, first = table.timeline, Weekdays.of(table), Shifts.of(table), due.first
    crowded = np.zeros(len(first), bool)
    if timeline is None:
        return None, crowded, due.end
    closing = _closing(table, due)
    latest = closing.copy()
    given: dict[int, NDArray[np.bool_]] = {}
    for name, here in ((timeline.first, first), (timeline.gap, ~first)):
        encoder, column = table.numeric(name), table.column(name)
        allowed = np.ones((len(first), table.codec.domains[column].size), bool)
        steps = encoder.quantiser
        reached = _reached(table, name, due, closing)
        if len(cramped := np.flatnonzero(~reached.any(axis=1))):
            some = due.of(cramped)
            reached[cramped] = _reached(table, name, some, some.end)
            latest[cramped[here[cramped]]] = due.end[cramped[here[cramped]]]
        at_once = None
        if AT_ONCE in encoder.results:
            at_once = steps.size + encoder.results.index(AT_ONCE)
            same = (due.start != UNKNOWN) & ((due.final == UNKNOWN) | (due.start // DAY == due.final // DAY))
            same &= ~(due.full & reached.any(axis=1))
            allowed[:, at_once] = same & ((due.end == UNKNOWN) | (due.start // DAY * DAY <= due.end))
        if timeline.until:
            none = ~reached.any(axis=1) & (due.end != UNKNOWN) & here
            crowded |= none if at_once is None else none & ~allowed[:, at_once]
        # Where no step leads there, all can be: what comes out of it is moved into the window.
        nowhere = ~reached.any(axis=1) if at_once is None else ~reached.any(axis=1) & ~allowed[:, at_once]
        reached[nowhere] = True
        if timeline.arrives and name == timeline.gap:
            # Rather than that all rows which are left come at the last moment, they come after it.
            reached &= ~(due.full[:, None] & _still(steps))
            latest[nowhere & due.full] = UNKNOWN
        if weekdays is not None:
            possible = reached & weekdays.steps(steps, due.start)
            reached = np.where(possible.any(axis=1, keepdims=True), possible, reached)
        allowed[:, : steps.size] = reached
        if name == timeline.gap:
            allowed = _arriving(timeline, encoder, allowed, due, latest)
        if NOT_HERE in encoder.results:
            absent = steps.size + encoder.results.index(NOT_HERE)
            allowed[:, absent] = False
            allowed[~here] = False
            allowed[~here, absent] = True
        allowed[~allowed.any(axis=1)] = True
        given[column] = allowed
    if shifts is not None and shifts.blank is not None and timeline.first not in timeline.daily:
        times = np.ones((len(first), table.codec.domains[shifts.column].size), bool)
        times[first] = np.arange(times.shape[1]) == shifts.blank
        given[shifts.column] = times
    return given, crowded, latest


def _reached(table: Frame, step: str, due: Due, until: Moments) -> NDArray[np.bool_]:
    """Which codes of steps lead where rows can be, ``(n, codes)``; away from the row before where they have to."""
    assert table.timeline is not None
    timeline, steps, shifts = table.timeline, table.numeric(step).quantiser, Shifts.of(table)
    clock = None if shifts is None else shifts.clock
    reached = reachable(timeline, step, steps, due.start, until, due.final, due.births, clock)
    if step == timeline.gap and timeline.unit_of(step) == timeline.order.tick:
        reached &= ~(due.full[:, None] & _still(steps))
    return reached


def _still(steps: Quantiser) -> NDArray[np.bool_]:
    """Which codes of steps lead nowhere."""
    low, high = steps.bounds()
    return np.asarray((low == 0) & (high == 0))


def _closing(table: Frame, due: Due) -> Moments:
    """Until when rows have to be for those after them to have as much time before the end as real ones have.

    Where there is less, and few patients have so many rows, until the fair share of what there is has passed; and no
    longer than the moments take that they need, of which none holds more than real ones do.
    """
    if table.calendar is None or table.timeline is None or not table.calendar.rooms:
        return due.end
    assert table.memory is not None
    timeline, time, together = table.timeline, table.calendar.room(due.to_come), table.memory.together
    if timeline.until:
        return np.where(due.end == UNKNOWN, UNKNOWN, settled(timeline, due.end) - time)
    begun = np.where((due.start == UNKNOWN) | (due.end == UNKNOWN), due.end, np.minimum(due.start, due.end))
    fair = begun + (due.end - begun) // (due.to_come + 1) * max(together, 1)
    closing = np.minimum(np.maximum(due.end - time, fair), due.end)
    if together and timeline.unit_of(timeline.gap) == timeline.order.tick:
        needed = due.to_come // together * timeline.order.tick
        closing = np.minimum(closing, np.maximum(due.end - needed, begun))
    return np.where((due.end == UNKNOWN) | (due.to_come == 0), due.end, closing)


def _arriving(
    timeline: Timeline, encoder: NumericEncoder, allowed: NDArray[np.bool_], due: Due, latest: Moments
) -> NDArray[np.bool_]:
    """The steps that can be where those to the last moment are told as such: these, or others that end before it."""
    if AT_LAST not in encoder.results:
        return allowed
    size, at_last, unit = encoder.quantiser.size, encoder.results.index(AT_LAST), timeline.unit_of(timeline.gap)
    ahead = (due.end != UNKNOWN) & (due.start != UNKNOWN) & (due.start < due.end) & (latest != UNKNOWN)
    short = due.start[:, None] // unit + encoder.quantiser.bounds()[0] < due.end[:, None] // unit
    found = allowed.copy()
    found[:, :size] &= ~ahead[:, None] | (short & (due.final == UNKNOWN)[:, None])
    found[:, size + at_last] = ahead & ((latest >= due.end) | ~found[:, :size].any(axis=1))
    return found
