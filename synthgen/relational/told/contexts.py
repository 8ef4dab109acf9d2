"""What each row of a table is given: its surroundings, the time, and the rows of its patient before it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.relational.frame import Frame
from synthgen.relational.rows import Rows, Steps, bases, places
from synthgen.relational.time.calendar import Calendar
from synthgen.relational.time.moments import DAY, UNKNOWN, Hand, Moments
from synthgen.relational.time.timeline import Timeline
from synthgen.relational.told.history import History, Memory
from synthgen.relational.told.surroundings import Surroundings


def anchors(timeline: Timeline | None, rows: Rows, above: Rows, births: Moments, ends: Moments) -> Moments:
    """What the first row of each parent is told by: the parent's moment, else the birth; 0 for times without a date.

    Or the moment of the patient's last row, where the timeline says so.

    Args:
        births: by patient.
        ends: of each row.
    """
    if timeline is None:
        return np.full(len(rows), UNKNOWN, np.int64)
    if not timeline.order.dated:
        return np.zeros(len(rows), np.int64)
    of_parent = np.where(rows.parent >= 0, above.moments[np.maximum(rows.parent, 0)], UNKNOWN)
    own = np.where(of_parent == UNKNOWN, births[rows.patient], of_parent)
    by_end = timeline.ended & rows.first & (ends != UNKNOWN)
    return np.where(by_end, ends, own)


def to_come(timeline: Timeline | None, rows: Rows) -> NDArray[np.int64]:
    """How many rows there are until the end of each, itself included: of its patient, or of what it belongs to."""
    return rows.left if timeline is None or not timeline.until else places(rows.first)[1] + 1


def end_unit(order: Hand) -> int:
    """What the last moment of a patient is counted in."""
    return DAY if order.dated else order.tick


def origins(timeline: Timeline | None, births: Moments) -> Moments:
    """From when ages count."""
    return births if timeline is None or timeline.order.dated else np.zeros(len(births), np.int64)


def since(timeline: Timeline | None, moments: Moments, step: int) -> NDArray[np.int64]:
    """The moments by which it is told how long ago something was: without times, the number of the row."""
    return np.full(len(moments), step, np.int64) if timeline is None else np.where(moments == UNKNOWN, 0, moments)


def contexts(
    table: Frame,
    rows: Rows,
    others: Mapping[str, Rows],
    known: Mapping[str, Frame],
    births: Moments,
    ends: Moments,
) -> NDArray[np.integer[Any]]:
    """What every row of a table that is there already would have been given, ``(n_rows, n)``, in the least room.

    Args:
        births: by patient.
        ends: of each row.
    """
    assert table.surroundings is not None
    assert table.memory is not None
    fixed = table.surroundings.context(rows, others, known)
    calendar = () if table.calendar is None else table.calendar.domains
    width = fixed.shape[1] + len(calendar) + len(table.memory.context_domains)
    domains = context_domains(table.surroundings, table.calendar, table.memory, known)
    small = max((domain.size for domain in domains), default=0) <= np.iinfo(np.int16).max
    found = np.empty((len(rows), width), np.int16 if small else np.int32, order="F")
    found[:, : fixed.shape[1]] = fixed
    anchor = anchors(table.timeline, rows, others[table.surroundings.above[0]], births, ends)
    start = bases(rows.first, rows.moments, anchor)
    steps = Steps.of(rows.patient)
    history = History(table.memory, len(steps.patients))
    origin = origins(table.timeline, births)
    if table.calendar is not None:
        found[:, fixed.shape[1] : fixed.shape[1] + len(calendar)] = table.calendar.context(
            start, origin[rows.patient], ends, to_come(table.timeline, rows)
        )
    for step, at in enumerate(steps):
        now = since(table.timeline, start[at], step)
        found[at, fixed.shape[1] + len(calendar) :] = history.context(len(at), now)
        moments = np.where(rows.moments[at] == UNKNOWN, start[at], rows.moments[at])
        history.advance(rows.codes[at], since(table.timeline, moments, step))
    return found


def context_domains(
    surroundings: Surroundings, calendar: Calendar | None, memory: Memory, known: Mapping[str, Frame]
) -> tuple[Domain, ...]:
    """The domains of what rows are given."""
    of_time = () if calendar is None else calendar.domains
    return (*surroundings.domains(known), *of_time, *memory.context_domains)
