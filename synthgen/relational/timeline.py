"""Moments of a table's rows as steps from what came before, so that order holds by construction, and back.

The first row of a parent is told by its distance from the parent's own moment (of a patient: the birth, or the last
row where that is far closer), each other one by its distance from the row before it, and further times of a row by
their distance from its moment. No moment of a real person is learned, and a generated time line begins, or ends, at a
generated date.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.numeric import NumericEncoder
from synthgen.encoding.quantiser import Quantiser
from synthgen.relational.moments import DAY, UNKNOWN, WEEK, Hand, Moments, integers, or_zero, weekday_of
from synthgen.relational.steps import NOT_HERE, cells_of, texts_of, unlike_steps
from synthgen.schema.column import Category, Column, Datetime, Integer
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig

#: Beyond all moments.
_FAR: Final = 1 << 60
#: How often a bin is drawn from again before a moment outside the window is moved to its edge.
_TRIES: Final = 4
#: A moment is told by the end of its window, or of its patient's rows, where it is so many times nearer to that than to
#: the row's own moment, or the birth.
_CLOSELY: Final = 0.2


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

    def __post_init__(self) -> None:
        if self.window is not None and not -_FAR < self.window[0] <= self.window[1] < _FAR:
            raise ValueError("the window of time ends before it begins")
        if not self.ahead <= {self.first, self.gap, *map(_after, self.others)}:
            raise ValueError("what never comes before is no distance")
        if any(self.windows.get(name) is None for name in self.closing):
            raise ValueError("what is told by the end of a window has none")

    @property
    def unit(self) -> int:
        """Seconds (or units of the number) per step."""
        return DAY if self.by_day else self.order.tick

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
        """The derived columns of the distances of further moments."""
        return tuple(map(_after, self.others))

    @cached_property
    def columns(self) -> dict[str, Column]:
        """The derived columns instead of those of moments."""
        found = {} if self.absolute else self._own_columns()
        for hand in self.others:
            found[_after(hand)] = Integer(
                min=None if hand.name in self.closing else self._least(_after(hand)),
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
            if self.order.clocked:
                found[self.clock] = Integer(min=0, missing=("",))
        return found

    def _steps(self, name: str) -> Integer:
        column = self.order.column
        apart, missing = unlike_steps(column.atoms), unlike_steps(self.order.missing)
        return Integer(min=self._least(name), atoms=(NOT_HERE, *apart), missing=missing)

    def _least(self, name: str) -> int | None:
        return 0 if name in self.ahead else None

    def _unit_of(self, hand: Hand) -> int:
        """What the distance of another moment is counted in: days where one of both has no time of day."""
        return max(hand.tick, self.order.tick)

    def _apart(self, hand: Hand) -> bool:
        """Whether another moment has a time of day that its distance does not tell."""
        return isinstance(hand.column, Datetime) and self._unit_of(hand) == DAY

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
            steps, labels = own // self.unit - or_zero(base) // self.unit, cells[self.order.name]
            found[self.first] = cells_of(steps, labels, unknown, elsewhere=~first)
            found[self.gap] = cells_of(steps, labels, unknown, elsewhere=first)
            if self.by_day:
                found[self.weekday] = cells_of(weekday_of(own), nothing, unknown)
            if self.by_day and self.order.clocked:
                found[self.clock] = cells_of(own % DAY // self.order.tick, nothing, unknown)
        for hand in self.others:
            theirs = moments[hand.name]
            unit = self._unit_of(hand)
            # A time without that of its row is as lost as one that is missing.
            lost = (theirs == UNKNOWN) | unknown
            why = pc.if_else(pa.array(theirs == UNKNOWN), cells[hand.name].cast(pa.string()), "").dictionary_encode()
            distance = theirs // unit - own // unit
            if hand.name in self.closing:
                distance = self._close(hand) // unit - theirs // unit
            found[_after(hand)] = cells_of(distance, why, lost)
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
            end: the day of the last moment of the rows' patients, as far as it is told.
        """
        before, moments, base = base, np.full(len(base), UNKNOWN, np.int64), or_zero(base)
        latest = self._latest(base, end)
        for name, rows in ((self.first, np.flatnonzero(first)), (self.gap, np.flatnonzero(~first))):
            known, keys = self._keys(encoders[name], codes[name][rows], base[rows], latest[rows], rng)
            encoder = encoders[name]
            if not encoder.quantiser.size:
                # Too few patients have such a step for any to be shown: the row comes when the one before it did.
                tokens = len(encoder.results) + np.arange(len(encoder.tokens.kept))
                known = ~np.isin(codes[name][rows], tokens) & (before[rows] != UNKNOWN)
            moments[rows[known]] = (base[rows] // self.unit + keys)[known] * self.unit
        known, last_step = moments != UNKNOWN, final // self.unit
        if self.window is not None:
            last_step = np.clip(last_step, *self._limits(self.window))
        told = known & (final != UNKNOWN) & (last_step >= base // self.unit)
        moments[told] = last_step[told] * self.unit
        if self.weekday in codes:
            for name, rows in ((self.first, np.flatnonzero(first)), (self.gap, np.flatnonzero(~first))):
                wanted, quantiser = codes[self.weekday][rows], encoders[name].quantiser
                moments[rows] = self._on_weekday(
                    quantiser, codes[name][rows], base[rows], moments[rows], wanted, latest[rows]
                )
        if self.born:
            moments[known] = np.maximum(moments[known], births[known])
        if self.by_day and self.order.clocked:
            quantiser = encoders[self.clock].quantiser
            code = codes[self.clock]
            timed = known & (code < quantiser.size)
            if quantiser.size:
                moments[timed] += quantiser.decode(code[timed], rng) * self.order.tick
        # What never comes before does not where the day is the same, nor for the sake of the window.
        after = known & (before != UNKNOWN) & np.where(first, self.first in self.ahead, self.gap in self.ahead)
        moments[after] = np.maximum(moments[after], before[after] // self.order.tick * self.order.tick)
        return moments

    def _latest(self, base: Moments, end: Moments) -> NDArray[np.int64]:
        """The last step at which each row can be: that of the window, and of its patient's end where it is ahead."""
        latest = np.full(len(base), _FAR if self.window is None else self._limits(self.window)[1], np.int64)
        if not self.by_day:
            return latest
        return np.where((end == UNKNOWN) | (end < base // DAY * DAY), latest, np.minimum(latest, end // DAY))

    def reachable(
        self, quantiser: Quantiser, base: Moments, end: Moments, final: Moments, births: Moments
    ) -> NDArray[np.bool_]:
        """Which codes of steps can lead into the window, neither beyond ``end`` nor before the birth.

        And to ``final`` where that is told. Shape ``(len(base), codes)``.
        """
        low, high = quantiser.bounds()
        start = (or_zero(base) // self.unit)[:, None]
        allowed = (end == UNKNOWN)[:, None] | (start + low <= (end // self.unit)[:, None])
        if self.window is not None:
            earliest, latest = self._limits(self.window)
            allowed &= (start + high >= earliest) & (start + low <= latest)
        if self.born:
            allowed &= (births == UNKNOWN)[:, None] | (start + high >= (births // self.unit)[:, None])
        told = np.flatnonzero(final != UNKNOWN)
        allowed[told] = (
            np.arange(quantiser.size) == quantiser.encode(final[told] // self.unit - start[told, 0])[:, None]
        )
        return np.asarray(allowed, bool)

    def late(
        self, encoders: Mapping[str, NumericEncoder], codes: Mapping[str, NDArray[np.int32]], moments: Moments
    ) -> NDArray[np.bool_]:
        """Which rows have a further moment that surely lies after its window.

        Or that surely lies before the row's own, where it is told by the end of its window.

        Args:
            encoders: of the distances of further moments.
            codes: of the same.
            moments: the rows' own.
        """
        found = np.zeros(len(moments), bool)
        for hand in self.others:
            quantiser = encoders[_after(hand)].quantiser
            if self.windows.get(hand.name) is None or not quantiser.size:
                continue
            unit, code = self._unit_of(hand), codes[_after(hand)]
            known = (code < quantiser.size) & (moments != UNKNOWN)
            least = quantiser.bounds()[0][np.where(known, code, 0)]
            room = self._close(hand) // unit - or_zero(moments) // unit
            found |= known & (least > room)
        return found

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
        latest = self._limits(self.window)[1]
        for moments, never_before in ((parents, self.first in self.ahead), (births, self.born)):
            none |= never_before & (moments != UNKNOWN) & (moments // self.unit > latest)
        return none

    @property
    def window(self) -> tuple[int, int] | None:
        """That of the rows' own moments."""
        return self.windows.get(self.order.name)

    def _limits(self, window: tuple[int, int]) -> tuple[int, int]:
        """The first and the last step of the window, in which a time of day still has room."""
        return -(-window[0] // self.unit), (window[1] - (self.unit > self.order.tick)) // self.unit

    def _keys(
        self,
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
        drawn, start = codes[known], base[known] // self.unit
        low, high = (bound[drawn] for bound in quantiser.bounds())
        found = quantiser.decode(drawn, rng)
        earliest, latest = -_FAR if self.window is None else self._limits(self.window)[0], latest[known]
        for _ in range(_TRIES):
            outside = (start + found < earliest) | (start + found > latest)
            outside &= low < high
            if not outside.any():
                break
            found[outside] = quantiser.decode(drawn[outside], rng)
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
            low = np.maximum(low, self._limits(self.window)[0])
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
            distance = integers(cells[_after(hand)])
            unit = self._unit_of(hand)
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
            labels = pc.cast(cells[_after(hand)], pa.string())
            found[hand.name] = texts_of(hand, self._inside(hand, theirs, moments), labels, forms.get(hand.name))
        return found

    def _inside(self, hand: Hand, theirs: Moments, own: Moments) -> Moments:
        """Further moments of rows in the window of their column, and still no earlier than their rows' own.

        A row that begins when no row of that window could end has none: it is not over.
        """
        if (window := self.windows.get(hand.name)) is None:
            return theirs
        inside = np.clip(theirs, window[0], window[1] + (DAY - 1) * hand.clocked)
        if _after(hand) in self.ahead:
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
        )


def _after(hand: Hand) -> str:
    return f"{hand.name}.after"


def _clock(hand: Hand) -> str:
    return f"{hand.name}.clock"


def _form(hand: Hand) -> str:
    return f"{hand.name}.form"


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
) -> Timeline:
    """The timeline of some rows.

    Args:
        moments: of all columns of moments.
        base: what each row's moment is told by; ``UNKNOWN`` counts as 0.
        first: which rows are the first of their parents.
        births: of the rows' patients.
        windows: by column, the moments between which all lie.
    """
    own, base = moments[order.name], or_zero(base)
    known = own != UNKNOWN
    steps = np.abs(own - base)[known & (own != base)]
    by_day = order.dated and (not order.clocked or not len(steps) or float(np.median(steps)) >= DAY)
    every = Timeline(order, tuple(others), by_day, frozenset(), False, windows)
    # Not in steps of days: on its parent's day a row may come before it.
    ticks = own // order.tick - base // order.tick
    distances = {every.first: ticks[known & first], every.gap: ticks[known & ~first]}
    for hand in every.others:
        both = known & (moments[hand.name] != UNKNOWN)
        coarse = every._unit_of(hand)
        distances[_after(hand)] = (moments[hand.name] // coarse - own // coarse)[both]
    ahead = frozenset(name for name, distance in distances.items() if distance.min(initial=0) >= 0)
    both = known & (births != UNKNOWN)
    born = order.dated and bool(both.any()) and bool((own[both] >= births[both]).all())
    closing = frozenset(
        h.name for h in every.others if _is_closing(h, moments[h.name], own, windows.get(h.name), ahead)
    )
    return Timeline(order, every.others, by_day, ahead, born, windows, absolute, closing, ended)


def _is_closing(
    hand: Hand, theirs: Moments, own: Moments, window: tuple[int, int] | None, ahead: frozenset[str]
) -> bool:
    """Whether a further moment is told far more closely by the end of its window than by the row's own moment.

    So is the end of an observation that goes on until the extract was made, whenever it began.
    """
    both = (own != UNKNOWN) & (theirs != UNKNOWN)
    if window is None or not hand.dated or _after(hand) not in ahead or not both.any():
        return False
    return closely(np.abs(window[1] - theirs[both]), np.abs(theirs[both] - own[both]))


def closely(one: NDArray[np.int64], other: NDArray[np.int64]) -> bool:
    """Whether distances are so much smaller than others that moments are told by them instead."""
    return bool(np.median(one) < _CLOSELY * np.median(other))
