"""Moments of a table's rows as steps from what came before, so that order holds by construction, and back.

The first row of a parent is told by its distance from the parent's own moment (of a patient: the birth, or the last
row where that is far closer), each other one by its distance from the row before it, and further times of a row by
their distance from its moment. No moment of a real person is learned, and a generated time line begins, or ends, at a
generated date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.numeric import NumericEncoder
from synthgen.encoding.quantiser import Quantiser
from synthgen.relational.time.clocks import Clock, back_to, on_to
from synthgen.relational.time.moments import DAY, UNKNOWN, WEEK, Hand, Moments, integers, or_zero, weekday_of
from synthgen.relational.time.steps import AT_ONCE, NOT_HERE, cells_of, texts_of, unlike_steps
from synthgen.schema.column import Category, Column, Datetime, Integer
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.table import TableConfig

#: Beyond all moments.
_FAR: Final = 1 << 60
#: How often a bin is drawn from again before a moment outside the window is moved to its edge.
_TRIES: Final = 4


@dataclass(frozen=True)
class Timeline:
    """How the moments of one table become steps; learned from its rows, and holding none of them.

    Attributes:
        order: the column of the rows' own moments.
        others: further columns of moments, told by their distance from that.
        by_day: whether steps are whole days, with weekday and time of day apart; else they are ticks of the column.
        ahead: the derived columns that never hold a negative distance: those moments never come before.
        born: whether no row is before its patient's birth.
        windows: by column the moments between which its own lie, rounded inwards; ``None`` where too few have any.
        absolute: whether the rows' own moments are learned as they stand, as births are.
        closing: columns of ``others`` told by their distance from the end of their window, as the end of observation.
        ended: whether patients' first rows are told by their distance from their last ones.
        until: dates of rows above, each with its table, that no row comes after.
        daily: derived columns of distances that are counted in days, with the time of day apart, though both moments
            have one: where times of day are kept to.
        pause: how long after the one before a row comes at least that does not come at once, where rows come by times
            of day; in seconds.
        hours: those of the day at which rows usually come, where they come by times of day.
    """

    order: Hand
    others: tuple[Hand, ...]
    by_day: bool
    ahead: frozenset[str]
    born: bool
    windows: Mapping[str, tuple[int, int] | None]
    absolute: bool = False
    closing: frozenset[str] = frozenset()
    ended: bool = False
    until: tuple[ex.Column, ...] = ()
    daily: frozenset[str] = frozenset()
    pause: int = 0
    hours: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if not all(-_FAR < window[0] <= window[1] < _FAR for window in self.windows.values() if window is not None):
            raise ValueError("the window of time ends before it begins")
        if not self.ahead <= {self.first, self.gap, *map(after, self.others)}:
            raise ValueError("what never comes before is no distance")
        if not {*self.hours} <= {*range(24)} or type(self.pause) is not int or not 0 <= self.pause < _FAR:
            raise ValueError("rows come at times of day that there are not")
        if any(self.windows.get(name) is None for name in self.closing):
            raise ValueError("what is told by the end of a window has none")

    @property
    def by_clock(self) -> bool:
        """Whether rows come by days and times of day, though the steps between them are shorter."""
        return self.gap in self.daily

    def unit_of(self, step: str) -> int:
        """Seconds (or units of the number) per step, of first rows or of others."""
        return DAY if self.by_day or step in self.daily else self.order.tick

    def pause_of(self, step: str) -> int | None:
        """How long after what it is told by a row comes at least; ``None`` where it may come before."""
        if step not in self.ahead:
            return None
        return self.pause if step == self.gap else 0

    @property
    def first(self) -> str:
        """The derived column of the first rows' distances from their parents."""
        return f"{self.order.name}.first"

    @property
    def gap(self) -> str:
        """The derived column of the distances from the row before."""
        return f"{self.order.name}.gap"

    @property
    def weekday(self) -> str:
        """The derived column of weekdays."""
        return f"{self.order.name}.weekday"

    @property
    def clock(self) -> str:
        """The derived column of times of day, in ticks."""
        return f"{self.order.name}.clock"

    @property
    def distances(self) -> tuple[str, ...]:
        """The derived columns of the distances of further moments, and of times of day apart."""
        return (*map(after, self.others), *(_clock(hand) for hand in self.others if self._apart(hand)))

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The derived columns instead of those of moments."""
        found = {} if self.absolute else self._own_columns()
        for hand in self.others:
            found[after(hand)] = Integer(
                min=None if hand.name in self.closing else self._least(after(hand)),
                atoms=unlike_steps(hand.column.atoms) if hand.dated else (),
                missing=tuple(dict.fromkeys((*unlike_steps(hand.missing), ""))),
            )
            if self._apart(hand):
                found[_clock(hand)] = Integer(min=0, missing=("",))
        return found | {_form(hand): Category(other=None, missing=("",)) for hand in self._formed}

    @property
    def _formed(self) -> list[Hand]:
        """The columns whose moments are written in several formats; which is a derived column."""
        return [hand for hand in (*(() if self.absolute else (self.order,)), *self.others) if hand.several]

    def _own_columns(self) -> dict[str, Column]:
        found: dict[str, Column] = {self.first: self._steps(self.first), self.gap: self._steps(self.gap)}
        if self.by_day:
            found[self.weekday] = Category(other=None, missing=("",))
        if self.by_clock or (self.by_day and self.order.clocked):
            found[self.clock] = Integer(min=0, missing=("",))
        return found

    def _steps(self, name: str) -> Integer:
        column = self.order.column
        apart, missing = unlike_steps(column.atoms), unlike_steps(self.order.missing)
        at_once = (AT_ONCE,) if name in self.daily else ()
        return Integer(min=self._least(name), atoms=(NOT_HERE, *at_once, *apart), missing=missing)

    def _least(self, name: str) -> int | None:
        return 0 if name in self.ahead else None

    def unit_beside(self, hand: Hand) -> int:
        """What the distance of another moment is counted in: days where one has no time of day, or keeps to it."""
        return DAY if after(hand) in self.daily else max(hand.tick, self.order.tick)

    def _apart(self, hand: Hand) -> bool:
        """Whether another moment has a time of day that its distance does not tell."""
        return isinstance(hand.column, Datetime) and self.unit_beside(hand) == DAY

    def folded(
        self,
        cells: Mapping[str, pa.DictionaryArray],
        moments: Mapping[str, Moments],
        base: Moments,
        first: NDArray[np.bool_],
    ) -> dict[str, pa.DictionaryArray]:
        """The derived columns of some rows.

        Args:
            cells: the columns of moments as they are written.
            moments: of the same columns.
            base: what each row's moment is told by, of the parent or of the row before; ``UNKNOWN`` counts as 0.
            first: which rows are the first of their parents.
        """
        own = moments[self.order.name]
        unknown = own == UNKNOWN
        nothing = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(own), np.int32)), pa.array([""]))
        found: dict[str, pa.DictionaryArray] = {}
        if not self.absolute:
            untimed = unknown
            for name, elsewhere in ((self.first, ~first), (self.gap, first)):
                unit, at_once = self.unit_of(name), None
                if self.by_clock:
                    at_once = (own == base) & ~unknown if name in self.daily else None
                    untimed = untimed | (~elsewhere if at_once is None else at_once & ~elsewhere)
                steps = own // unit - or_zero(base) // unit
                found[name] = cells_of(steps, cells[self.order.name], unknown, elsewhere, at_once)
            if self.by_day:
                found[self.weekday] = cells_of(weekday_of(own), nothing, unknown)
            if self.clock in self.columns:
                found[self.clock] = cells_of(own % DAY // self.order.tick, nothing, untimed)
        for hand in self.others:
            theirs = moments[hand.name]
            unit = self.unit_beside(hand)
            # A time without that of its row is as lost as one that is missing.
            lost = (theirs == UNKNOWN) | unknown
            why = pc.if_else(pa.array(theirs == UNKNOWN), cells[hand.name].cast(pa.string()), "").dictionary_encode()
            distance = theirs // unit - own // unit
            if hand.name in self.closing:
                distance = self._close(hand) // unit - theirs // unit
            found[after(hand)] = cells_of(distance, why, lost)
            if self._apart(hand):
                found[_clock(hand)] = cells_of(theirs % DAY // hand.tick, nothing, lost)
        for hand in self._formed:
            found[_form(hand)] = cells_of(hand.forms(cells[hand.name]), nothing, moments[hand.name] == UNKNOWN)
        return found

    def step(
        self,
        encoders: Mapping[str, NumericEncoder],
        codes: Mapping[str, NDArray[np.int32]],
        base: Moments,
        first: NDArray[np.bool_],
        final: Moments,
        births: Moments,
        end: Moments,
        rng: np.random.Generator,
    ) -> Moments:
        """The moments of rows of which all derived columns are drawn.

        Args:
            encoders: of ``first``, ``gap`` and ``clock``.
            codes: of the same, and the weekday itself (-1 where there is none) under its column.
            base: the moments that steps are told by; ``UNKNOWN`` counts as 0.
            first: which rows are the first of their parents.
            final: the moment, but for the time of day, where it is told already.
            births: of the rows' patients.
            end: when no row can come any more: the day of the last moment of its patient, as far as it is told, or the
                last moment of what it belongs to.
        """
        before, moments, base = base, np.full(len(base), UNKNOWN, np.int64), or_zero(base)
        unit = np.where(first, self.unit_of(self.first), self.unit_of(self.gap))
        latest = self._latest(base, end, unit)
        at_once = np.zeros(len(base), bool)
        for name, rows in ((self.first, np.flatnonzero(first)), (self.gap, np.flatnonzero(~first))):
            known, keys = self._keys(name, encoders[name], codes[name][rows], base[rows], latest[rows], rng)
            encoder = encoders[name]
            if AT_ONCE in encoder.results:
                at_once[rows] = codes[name][rows] == encoder.quantiser.size + encoder.results.index(AT_ONCE)
            if not encoder.quantiser.size:
                # Too few patients have such a step for any to be shown: the row comes when the one before it did.
                tokens = len(encoder.results) + np.arange(len(encoder.tokens.kept))
                known = ~np.isin(codes[name][rows], tokens) & (before[rows] != UNKNOWN)
            moments[rows[known]] = ((base // unit)[rows] + keys)[known] * unit[rows[known]]
        known, last_step = moments != UNKNOWN, final // unit
        if self.window is not None:
            last_step = np.clip(last_step, *self._limits(self.window, unit))
        told = known & (final != UNKNOWN) & (last_step >= base // unit)
        moments[told] = (last_step * unit)[told]
        if self.weekday in codes:
            for name, rows in ((self.first, np.flatnonzero(first)), (self.gap, np.flatnonzero(~first))):
                wanted, quantiser = codes[self.weekday][rows], encoders[name].quantiser
                moments[rows] = self._on_weekday(
                    quantiser, codes[name][rows], base[rows], moments[rows], wanted, latest[rows]
                )
        if self.born:
            moments[known] = np.maximum(moments[known], births[known])
        if self.clock in codes and (quantiser := encoders[self.clock].quantiser).size:
            code = codes[self.clock]
            timed = np.flatnonzero(known & (unit == DAY) & (code < quantiser.size))
            days, moments[timed] = moments[timed], moments[timed] + quantiser.decode(code[timed], rng) * self.order.tick
            if self.by_clock or self.until:
                ahead = np.where(first, self.first in self.ahead, self.gap in self.ahead)
                least = np.where(ahead & (before != UNKNOWN), before + self.pause * ~first, -_FAR)[timed]
                most = np.where((end == UNKNOWN) | (not self.until), _FAR, end)[timed]
                low, high = (days + bound[code[timed]] * self.order.tick for bound in quantiser.bounds())
                moments[timed] = self._between(moments[timed], low, high, least, most, rng)
        moments[at_once] = before[at_once]
        # What never comes before does not where the day is the same, nor for the sake of the window.
        after = known & (before != UNKNOWN) & np.where(first, self.first in self.ahead, self.gap in self.ahead)
        moments[after] = np.maximum(moments[after], before[after] // self.order.tick * self.order.tick)
        return moments

    def _between(
        self,
        moments: Moments,
        low: NDArray[np.int64],
        high: NDArray[np.int64],
        least: NDArray[np.int64],
        most: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> Moments:
        """Moments drawn from ``low`` to ``high``; those not between two others from the part of that which is."""
        tick = self.order.tick
        first, last = np.maximum(low, least) // tick, np.minimum(high, most) // tick
        again = np.flatnonzero(((moments < least) | (moments > most)) & (first <= last))
        found = moments.copy()
        found[again] = rng.integers(first[again], last[again], endpoint=True) * tick
        return np.where(first <= last, found, np.minimum(np.maximum(found, least), most // tick * tick))

    def _latest(self, base: Moments, end: Moments, unit: NDArray[np.int64]) -> NDArray[np.int64]:
        """The last step at which each row can be: that of the window, and of its end where that is ahead."""
        latest = np.full(len(base), _FAR, np.int64)
        if self.window is not None:
            latest = self._limits(self.window, unit)[1]
        bound = (unit == DAY) if not self.until else np.ones(len(base), bool)
        last, start = end // unit, base // unit
        return np.where(~bound | (end == UNKNOWN) | (last < start), latest, np.minimum(latest, last))

    def reachable(
        self,
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
        unit = self.unit_of(step)
        start = (or_zero(base) // unit)[:, None]
        allowed = (end == UNKNOWN)[:, None] | (start + low <= (end // unit)[:, None])
        if self.window is not None:
            earliest, latest = self._limits(self.window, np.array(unit))
            allowed &= (start + high >= earliest) & (start + low <= latest)
        if self.born:
            allowed &= (births == UNKNOWN)[:, None] | (start + high >= (births // unit)[:, None])
        if clock is not None and step in self.daily:
            over = end if self.until else np.full(len(end), UNKNOWN)
            allowed &= clock.possible(low, high, base, over, self.pause_of(step))
        told = np.flatnonzero(final != UNKNOWN)
        allowed[told] = np.arange(quantiser.size) == quantiser.encode(final[told] // unit - start[told, 0])[:, None]
        return np.asarray(allowed, bool)

    def late(
        self, encoders: Mapping[str, NumericEncoder], codes: Mapping[str, NDArray[np.int32]], moments: Moments
    ) -> NDArray[np.bool_]:
        """Which rows have a further moment that surely lies after its window.

        Or that surely lies before the row's own, where it is told by the end of its window, or on the same day.

        Args:
            encoders: of the distances of further moments, and of times of day apart.
            codes: of the same.
            moments: the rows' own.
        """
        found = np.zeros(len(moments), bool)
        for hand in self.others:
            quantiser = encoders[after(hand)].quantiser
            if not quantiser.size:
                continue
            unit, code = self.unit_beside(hand), codes[after(hand)]
            known = (code < quantiser.size) & (moments != UNKNOWN)
            least, most = (bound[np.where(known, code, 0)] for bound in quantiser.bounds())
            if self.windows.get(hand.name) is not None:
                found |= known & (least > self._close(hand) // unit - or_zero(moments) // unit)
            clock = encoders[_clock(hand)].quantiser if after(hand) in self.daily & self.ahead else None
            if clock is not None and clock.size:
                timed = known & (codes[_clock(hand)] < clock.size)
                latest = clock.bounds()[1][np.where(timed, codes[_clock(hand)], 0)] * hand.tick
                found |= timed & (most <= 0) & (latest < moments % DAY)
        return found

    def usable(self, start: Moments, end: Moments) -> NDArray[np.int64]:
        """How long it is from the first moment at which a row usually is to the last, between others.

        Negative where one of these is not known, or the end comes first.
        """
        nowhere = (start == UNKNOWN) | (end == UNKNOWN) | (end < start)
        return np.where(nowhere, -1, np.maximum(self.settled(end) - self._begun(start), 0))

    def _begun(self, start: Moments) -> Moments:
        return on_to(start, self.hours) if self.hours else start

    def settled(self, end: Moments) -> Moments:
        """The last moments at which a row usually is before rows are over."""
        return back_to(end, self.hours) if self.hours else end

    def lasting(
        self,
        name: str,
        encoders: Mapping[str, NumericEncoder],
        codes: Mapping[str, NDArray[np.int32]],
        moments: Moments,
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """How long after each row's own moment a further one surely is at least and at most, as far as it is told.

        Args:
            encoders, codes: see ``late``.
        """
        hand = next(hand for hand in self.others if hand.name == name)
        quantiser, unit = encoders[after(hand)].quantiser, self.unit_beside(hand)
        known = (codes[after(hand)] < quantiser.size) & (moments != UNKNOWN) & (hand.name not in self.closing)
        if not known.any():
            return np.zeros(len(moments), np.int64), np.full(len(moments), _FAR, np.int64)
        own, code = or_zero(moments), np.where(known, codes[after(hand)], 0)
        first, last = ((own // unit + bound[code]) * unit for bound in quantiser.bounds())
        last = last + unit - hand.tick
        if self._apart(hand) and (clock := encoders[_clock(hand)].quantiser).size:
            timed = known & (codes[_clock(hand)] < clock.size)
            early, late = (b[np.where(timed, codes[_clock(hand)], 0)] * hand.tick for b in clock.bounds())
            first, last = np.where(timed, first + early, first), np.where(timed, last // DAY * DAY + late, last)
        return np.where(known, np.maximum(first - own, 0), 0), np.where(known, last - own, _FAR)

    def _close(self, hand: Hand) -> int:
        """The end of the window of a further moment."""
        window = self.windows[hand.name]
        assert window is not None
        return window[1]

    def over(self, parents: Moments, births: Moments) -> NDArray[np.bool_]:
        """Of which rows of the parents' table none can come, for they would have to come after the window.

        Args:
            parents: the moments that first rows are told by.
            births: of their patients.
        """
        none = np.zeros(len(parents), bool)
        if self.window is None:
            return none
        unit = np.array(self.unit_of(self.first))
        latest = self._limits(self.window, unit)[1]
        for moments, never_before in ((parents, self.first in self.ahead), (births, self.born)):
            none |= never_before & (moments != UNKNOWN) & (moments // unit > latest)
        return none

    @property
    def window(self) -> tuple[int, int] | None:
        """That of the rows' own moments."""
        return self.windows.get(self.order.name)

    def _limits(self, window: tuple[int, int], unit: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first and the last step of the window, in which a time of day still has room."""
        return -(-window[0] // unit), (window[1] - (unit > self.order.tick)) // unit

    def _keys(
        self,
        step: str,
        encoder: NumericEncoder,
        codes: NDArray[np.int32],
        base: Moments,
        latest: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
        """The steps of some rows, inside the window and no later than ``latest`` as far as their bins allow.

        And which rows have one.
        """
        quantiser = encoder.quantiser
        known = codes < quantiser.size
        steps = np.zeros(len(codes), np.int64)
        if not known.any():
            return known, steps
        unit = np.array(self.unit_of(step))
        drawn, start = codes[known], base[known] // unit
        low, high = (bound[drawn] for bound in quantiser.bounds())
        found = quantiser.decode(drawn, rng)
        earliest, latest = -_FAR if self.window is None else int(self._limits(self.window, unit)[0]), latest[known]
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
        self,
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
        if self.window is not None:
            low = np.maximum(low, self._limits(self.window, np.array(DAY))[0])
        high = np.minimum(high, latest[rows])
        shift = (wanted[rows] - weekday_of(moments[rows])) % WEEK
        found = day
        for to in (day + shift, day + shift - WEEK):
            fits = (to >= low) & (to <= high) & ~np.isin(to - start, quantiser.atoms) & (found == day)
            found = np.where(fits, to, found)
        moved[rows] = found * DAY
        return moved

    def unfolded(self, cells: Mapping[str, pa.Array], moments: Moments) -> dict[str, pa.Array]:
        """The columns of moments of rows whose own moments are known.

        Args:
            cells: the derived columns as decoded; where a row has no moment, its first or gap says why.
        """
        found: dict[str, pa.Array] = {}
        forms = {hand.name: np.maximum(integers(cells[_form(hand)]), 0) for hand in self._formed}
        if not self.absolute:
            first, gap = (pc.cast(cells[name], pa.string()) for name in (self.first, self.gap))
            labels = pc.if_else(pc.equal(first, NOT_HERE), gap, first)
            found[self.order.name] = texts_of(self.order, moments, labels, forms.get(self.order.name))
        for hand in self.others:
            distance = integers(cells[after(hand)])
            unit = self.unit_beside(hand)
            known = (distance != UNKNOWN) & (moments != UNKNOWN)
            theirs = np.full(len(moments), UNKNOWN, np.int64)
            if hand.name in self.closing:
                theirs[known] = np.maximum(self._close(hand) // unit - distance[known], moments[known] // unit) * unit
            else:
                theirs[known] = (moments[known] // unit + distance[known]) * unit
            if self._apart(hand):
                clock = integers(cells[_clock(hand)])
                timed = known & (clock != UNKNOWN)
                theirs[timed] += clock[timed] * hand.tick
            if after(hand) in self.daily & self.ahead:
                theirs[known] = np.maximum(theirs[known], moments[known])
            labels = pc.cast(cells[after(hand)], pa.string())
            found[hand.name] = texts_of(hand, self._inside(hand, theirs, moments), labels, forms.get(hand.name))
        return found

    def _inside(self, hand: Hand, theirs: Moments, own: Moments) -> Moments:
        """Further moments of rows in the window of their column, and still no earlier than their rows' own.

        A row that begins when no row of that window could end has none: it is not over.
        """
        if (window := self.windows.get(hand.name)) is None:
            return theirs
        inside = np.clip(theirs, window[0], window[1] + (DAY - 1) * hand.clocked)
        if after(hand) in self.ahead:
            inside = np.where(inside < np.minimum(own, theirs), UNKNOWN, inside)
        return np.where(theirs == UNKNOWN, UNKNOWN, inside)

    def to_json(self) -> dict[str, Any]:
        return {
            "order": self.order.name,
            "others": [hand.name for hand in self.others],
            "by_day": self.by_day,
            "ahead": sorted(self.ahead),
            "born": self.born,
            "windows": {name: None if window is None else list(window) for name, window in self.windows.items()},
            "absolute": self.absolute,
            "closing": sorted(self.closing),
            "ended": self.ended,
            "daily": sorted(self.daily),
            "pause": self.pause,
            "hours": list(self.hours),
            "until": [[column.table, column.name] for column in self.until],
        }

    @classmethod
    def from_json(cls, config: TableConfig, marks: Format, learned: Mapping[str, Any]) -> Timeline:
        """The inverse of ``to_json``. Raises ``ValueError`` where a column holds no moments."""
        hands = [Hand.of(name, config, marks) for name in (learned["order"], *learned["others"])]
        order, *others = [hand for hand in hands if hand is not None]
        if None in hands:
            raise ValueError("a column of moments holds none")
        windows = {name: None if w is None else (int(w[0]), int(w[1])) for name, w in learned["windows"].items()}
        return cls(
            order,
            tuple(others),
            learned["by_day"],
            frozenset(learned["ahead"]),
            learned["born"],
            windows,
            learned["absolute"],
            frozenset(learned["closing"]),
            learned["ended"],
            tuple(ex.Column(name, table) for table, name in learned["until"]),
            frozenset(learned["daily"]),
            learned["pause"],
            tuple(learned["hours"]),
        )


def after(hand: Hand) -> str:
    """The derived column of how long after a row's own moment a further one is."""
    return f"{hand.name}.after"


def _clock(hand: Hand) -> str:
    return f"{hand.name}.clock"


def _form(hand: Hand) -> str:
    return f"{hand.name}.form"
