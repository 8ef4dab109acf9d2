"""The rows of one table of an extract, all patients going through theirs together, step by step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.leveled import LeveledEncoder
from synthgen.models.base import Codes, Given, of_rows
from synthgen.relational.fold import number_of, panel_of
from synthgen.relational.frame import FittedTable, Frame
from synthgen.relational.rows import Rows, Steps
from synthgen.relational.rules.judged import Judged
from synthgen.relational.time.lasting import Lasting
from synthgen.relational.time.moments import UNKNOWN, Moments, integers
from synthgen.relational.time.offered import Due, offered
from synthgen.relational.time.reach import too_late
from synthgen.relational.time.shifts import Shifts
from synthgen.relational.time.starts import fitting
from synthgen.relational.time.stepping import is_at_last, stepped
from synthgen.relational.time.weekdays import Weekdays
from synthgen.relational.told.contexts import anchors, origins, since, to_come
from synthgen.relational.told.history import History
from synthgen.relational.told.panels import Room, numbers_of

#: How often a row is drawn again of which something would come after all that is real.
_TRIES: Final = 4


def skeleton_of(above: Rows, numbers: NDArray[np.int64], orphans: pa.Array | None) -> Rows:
    """The rows that belong to some rows of a parent table and to patients, nothing of them drawn yet."""
    parent = np.repeat(np.arange(len(above)), np.maximum(numbers, 0))
    patient = above.patient[parent]
    if orphans is not None:
        alone = np.repeat(np.arange(above.n_patients), np.maximum(integers(orphans), 0))
        parent, patient = np.r_[parent, np.full(len(alone), -1)], np.r_[patient, alone]
        order = np.lexsort((parent < 0, patient))
        parent, patient = parent[order], patient[order]
    nothing = np.full(len(patient), UNKNOWN, np.int64)
    return Rows(patient, parent, above.n_patients, len(above), np.zeros((len(patient), 0), np.int32), nothing)


@dataclass(frozen=True, eq=False)
class Told:
    """What the rows of a parent table tell of a table below.

    Attributes:
        panels: what comes together under each; ``None`` where that is not told.
        begun: when the first row of each comes; ``None`` where that is not told.
    """

    panels: pa.Array | None
    begun: pa.Array | None

    def numbers(self, drawn: NDArray[np.int64]) -> NDArray[np.int64]:
        return drawn if self.panels is None else numbers_of(self.panels, drawn)

    def room(self, table: Frame, n: int) -> Room | None:
        if self.panels is None or not table.added.subject:
            return None
        (subject,) = table.added.subject
        encoder, column = table.codec.encoders[subject], table.column(subject)
        assert isinstance(encoder, LeveledEncoder)
        return Room(self.panels, encoder, column, table.codec.domains[column].size, n)

    def first_steps(self, table: Frame) -> NDArray[np.bool_] | None:
        """Which codes of the first step fit, by parent; the last row is for none."""
        if self.begun is None or table.timeline is None:
            return None
        return fitting(self.begun, table.numeric(table.timeline.first).quantiser)


def series(
    table: FittedTable,
    known: Mapping[str, Frame],
    skeleton: Rows,
    others: Mapping[str, Rows],
    births: Moments,
    ends: Moments,
    told: Told,
    rng: np.random.Generator,
    judged: Judged | None,
    lasting: Sequence[Lasting] = (),
) -> tuple[Rows, NDArray[np.bool_]]:
    """The rows of one table, all patients going through theirs together.

    Args:
        known: all tables.
        skeleton: where the rows stand.
        others: the rows of the tables that come before.
        births: by patient.
        ends: of each row: the last moment of its patient, as far as it is told, or of what it belongs to.
        told: what the rows of the parent tell.
        judged: what judges the rows; ``None`` where there are no rules.
        lasting: which tables below end with these rows.

    Returns:
        The rows, and for which of them there was no time before their end.
    """
    assert table.surroundings is not None
    assert table.memory is not None
    fixed = table.surroundings.context(skeleton, others, known)
    anchor = anchors(table.timeline, skeleton, others[table.surroundings.above[0]], births, ends)
    steps = Steps.of(skeleton.patient)
    history = History(table.memory, len(steps.patients))
    origin, left = origins(table.timeline, births)[steps.patients], to_come(table.timeline, skeleton)
    within = table.timeline is not None and bool(table.timeline.until)
    born = births[steps.patients]
    last = np.full(len(steps.patients), UNKNOWN, np.int64)
    counted_by = [_counted_by(table, child) for child in table.added.panelled]
    room, begun = told.room(table, len(steps.patients)), told.first_steps(table)
    crowded = np.zeros(len(skeleton), bool)
    rows = replace(skeleton, codes=np.empty((len(skeleton), len(table.domains)), np.int32, order="F"))
    for step, at in enumerate(steps):
        active, first, end = len(at), skeleton.first[at], ends[at]
        start = np.where(first | (last[:active] == UNKNOWN), anchor[at], last[:active])
        now = since(table.timeline, start, step)
        parts = [fixed[at]]
        if table.calendar is not None:
            parts.append(table.calendar.context(start, origin[:active], end, left[at]))
        parts.append(history.context(active, now))
        context = np.asfortranarray(np.concatenate(parts, axis=1))
        final = np.where((skeleton.left[at] == 1) & (not within), end, UNKNOWN)
        full = history.full(active) & ~first
        due = Due(first, start, end, final, born[:active], left[at] - 1, full)
        given, crowded[at], latest = offered(table, due)
        if begun is not None:
            given = _begun(table, given, begun[np.where(first, skeleton.parent[at], -1)])
        if table.memory.limits:
            given = {**(given or {}), **history.allowed(active)}
        if room is not None:
            given = {**(given or {}), room.column: room.allowed(first, skeleton.parent[at])}
        draw = _Step(table, given, context, due, latest, counted_by, rng, lasting)
        codes, moments = draw.all_rows()
        if judged is not None:
            judged.settle(at, codes, moments, draw)
        if room is not None:
            room.fill(codes[:, room.column])
        history.advance(codes, since(table.timeline, np.where(moments == UNKNOWN, start, moments), step))
        rows.codes[at] = codes
        rows.moments[at] = moments
        last[:active] = moments
    return rows, crowded


@dataclass(frozen=True, eq=False)
class _Step:
    """Draws rows of which each patient has one at most, given what came before.

    Attributes:
        given, context: what the model is given.
        due: what is known of their time.
        latest: until when each can be.
        lasting: which tables below end with them.
        counted_by: see ``_counted_by``, for each table below whose number of rows a panel tells.
    """

    table: FittedTable
    given: Given | None
    context: Codes
    due: Due
    latest: Moments
    counted_by: Sequence[tuple[int, int, NDArray[np.int32]]]
    rng: np.random.Generator
    lasting: Sequence[Lasting]

    def all_rows(self) -> tuple[Codes, Moments]:
        """Codes and moments of all."""
        every = np.arange(len(self.latest))
        codes = self._on_days(every, self._sampled(self.given, self.context), self.given)
        return self._in_time(every, codes, self.moments(every, codes), self.given)

    def rows(self, which: NDArray[np.int64], *, loose: bool = False) -> tuple[Codes, Moments]:
        """See ``synthgen.relational.rules.judged.Draw``."""
        drawn, given = self, None if self.given is None else of_rows(self.given, which)
        if loose and not (self.table.timeline and self.table.timeline.until):
            drawn = replace(self, due=self.due.endless, latest=self.due.endless.end)
            free, *_ = offered(self.table, drawn.due.of(which))
            given = {**(given or {}), **(free or {})}
        codes = self._on_days(which, self._sampled(given, np.asfortranarray(self.context[which])), given)
        return drawn._in_time(which, codes, drawn.moments(which, codes), given)

    def _in_time(
        self, which: NDArray[np.int64], codes: Codes, moments: Moments, given: Given | None
    ) -> tuple[Codes, Moments]:
        """The rows, drawn again where something in them would come after all that is real: moved, it would pile up.

        How many rows belong to them is drawn again where they do not last as long as real ones with so many.
        """
        timeline = self.table.timeline
        if timeline is None or not timeline.others:
            return codes, moments
        encoders = {name: self.table.numeric(name) for name in timeline.distances}
        columns = {name: self.table.column(name) for name in timeline.distances}
        for _ in range(_TRIES):
            late = np.flatnonzero(too_late(timeline, encoders, {n: codes[:, at] for n, at in columns.items()}, moments))
            if not len(late):
                break
            some = which[late]
            theirs = None if given is None else of_rows(given, late)
            codes[late] = self._on_days(some, self._sampled(theirs, np.asfortranarray(self.context[some])), theirs)
            moments[late] = self.moments(some, codes[late])
        for each in self.lasting:
            unmet, allowed = each.unmet(self.table, codes, moments)
            if len(unmet):
                number = self.table.column(each.number)
                asked = {**dict(enumerate(codes[unmet].T)), number: allowed}
                for panel in (panel for panel in self.counted_by if panel[1] == number):
                    asked[panel[0]] = (panel[2] < 0) | allowed[:, np.maximum(panel[2], 0)]
                codes[unmet] = self._sampled(asked, np.asfortranarray(self.context[which[unmet]]))
        return codes, moments

    def _on_days(self, which: NDArray[np.int64], codes: Codes, given: Given | None) -> Codes:
        """The rows, drawn again given their steps where these do not hold their weekdays, or times of day."""
        weekdays, shifts = Weekdays.of(self.table), Shifts.of(self.table)
        if (weekdays is None and shifts is None) or self.table.timeline is None:
            return codes
        timeline = self.table.timeline
        for name, here in ((timeline.first, self.due.first[which]), (timeline.gap, ~self.due.first[which])):
            rows, column = np.flatnonzero(here), self.table.column(name)
            start, end = self.due.start[which[rows]], self.latest[which[rows]]
            if weekdays is not None:
                of, quantiser = weekdays.column, self.table.numeric(name).quantiser
                unmet, allowed = weekdays.unmet(quantiser, start, codes[rows, column], codes[rows, of])
            elif shifts is not None:
                of, until = shifts.column, end if timeline.until else np.full(len(end), UNKNOWN)
                unmet, allowed = shifts.unmet(self.table, name, codes[rows], start, until)
            if len(unmet):
                rows = rows[unmet]
                asked = {**of_rows(given or {}, rows), column: codes[rows, column], of: allowed}
                codes[rows] = self._sampled(asked, np.asfortranarray(self.context[which[rows]]))
        return codes

    def _sampled(self, given: Given | None, context: Codes) -> Codes:
        codes = self.table.model.sample(len(context), rng=self.rng, given=given, context=context)
        for panel, number, sizes in self.counted_by:
            codes[:, number] = np.where(sizes[codes[:, panel]] < 0, codes[:, number], sizes[codes[:, panel]])
        return codes

    def moments(self, which: NDArray[np.int64], codes: Codes) -> Moments:
        """See ``synthgen.relational.rules.judged.Draw``."""
        timeline = self.table.timeline
        if timeline is None:
            return np.full(len(codes), UNKNOWN, np.int64)
        names = [name for name in (timeline.first, timeline.gap, timeline.clock) if name in timeline.columns]
        drawn = {name: codes[:, self.table.column(name)] for name in names}
        if (weekdays := Weekdays.of(self.table)) is not None:
            drawn[timeline.weekday] = weekdays.numbers[codes[:, weekdays.column]]
        encoders = {name: self.table.numeric(name) for name in names}
        due = self.due.of(which)
        last = is_at_last(encoders[timeline.gap], drawn[timeline.gap]) if timeline.gap in drawn else False
        final = np.where(last, due.end, due.final)
        return stepped(
            timeline, encoders, drawn, due.start, due.first, final, due.births, self.latest[which], self.rng, due.full
        )


def _counted_by(table: Frame, child: str) -> tuple[int, int, NDArray[np.int32]]:
    """The code columns of the panel and of the number of rows of a table below, and by panel the code of its number."""
    encoder, panel = table.codec.encoders[panel_of(child)], table.column(panel_of(child))
    assert isinstance(encoder, LeveledEncoder)
    texts = [*encoder.levels, *[""] * (table.codec.domains[panel].size - len(encoder.levels))]
    sizes = numbers_of(pa.array(texts, pa.string()), np.full(len(texts), -1))
    quantiser = table.numeric(number_of(child)).quantiser
    found = np.where(sizes < 0, -1, quantiser.encode(np.maximum(sizes, 0))).astype(np.int32)
    return panel, table.column(number_of(child)), found


def _begun(table: Frame, given: Given | None, fits: NDArray[np.bool_]) -> Given:
    """The conditions under which first rows come when their parents tell."""
    assert table.timeline is not None
    assert given is not None
    column = table.column(table.timeline.first)
    known: NDArray[np.bool_] = given[column].astype(np.bool_)
    allowed = known.copy()
    allowed[:, : fits.shape[1]] &= fits
    possible = np.logical_or.reduce(allowed, axis=1, keepdims=True)
    return {**given, column: np.where(possible, allowed, known)}
