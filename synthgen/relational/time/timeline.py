"""How the moments of a table's rows are told: as steps from what came before, so that order holds by construction.

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
from numpy.typing import NDArray

from synthgen.relational.time.moments import DAY, Hand, Moments
from synthgen.relational.time.steps import AT_LAST, AT_ONCE, NOT_HERE, unlike_steps
from synthgen.schema.column import Category, Column, Datetime, Integer
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.table import TableConfig

#: Beyond all moments.
FAR: Final = 1 << 60


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
        if not all(-FAR < window[0] <= window[1] < FAR for window in self.windows.values() if window is not None):
            raise ValueError("the window of time ends before it begins")
        if not self.ahead <= {self.first, self.gap, *map(after, self.others)}:
            raise ValueError("what never comes before is no distance")
        if not {*self.hours} <= {*range(24)} or type(self.pause) is not int or not 0 <= self.pause < FAR:
            raise ValueError("rows come at times of day that there are not")
        if any(self.windows.get(name) is None for name in self.closing):
            raise ValueError("what is told by the end of a window has none")

    @property
    def by_clock(self) -> bool:
        """Whether rows come by days and times of day, though the steps between them are shorter."""
        return self.gap in self.daily

    @property
    def arrives(self) -> bool:
        """Whether rows that come at the last moment of their patient are told by that, since it is told to the tick.

        Told by how long after the row before they come, they would hardly ever meet it: only the very last would.
        """
        return not (self.order.dated or self.until or self.absolute)

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
        return (*map(after, self.others), *(clock_of(hand) for hand in self.others if self.apart(hand)))

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
            if self.apart(hand):
                found[clock_of(hand)] = Integer(min=0, missing=("",))
        return found | {form_of(hand): Category(other=None, missing=("",)) for hand in self.formed}

    @property
    def formed(self) -> list[Hand]:
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
        at_last = (AT_LAST,) if self.arrives and name == self.gap else ()
        return Integer(min=self._least(name), atoms=(NOT_HERE, *at_once, *at_last, *apart), missing=missing)

    def _least(self, name: str) -> int | None:
        return 0 if name in self.ahead else None

    def unit_beside(self, hand: Hand) -> int:
        """What the distance of another moment is counted in: days where one has no time of day, or keeps to it."""
        return DAY if after(hand) in self.daily else max(hand.tick, self.order.tick)

    def apart(self, hand: Hand) -> bool:
        """Whether another moment has a time of day that its distance does not tell."""
        return isinstance(hand.column, Datetime) and self.unit_beside(hand) == DAY

    def close(self, hand: Hand) -> int:
        """The end of the window of a further moment."""
        window = self.windows[hand.name]
        assert window is not None
        return window[1]

    @property
    def window(self) -> tuple[int, int] | None:
        """That of the rows' own moments."""
        return self.windows.get(self.order.name)

    def at_last(self, end: Moments) -> Moments:
        """The last moments at which rows can be that end then: on the last day, where that is told, the latest."""
        return end + (DAY - 1) * (self.order.dated and not self.until)

    def limits(self, window: tuple[int, int], unit: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first and the last step of the window, in which a time of day still has room."""
        return -(-window[0] // unit), (window[1] - (unit > self.order.tick)) // unit

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


def clock_of(hand: Hand) -> str:
    """The derived column of a further moment's time of day, where its distance does not tell that."""
    return f"{hand.name}.clock"


def form_of(hand: Hand) -> str:
    """The derived column of the format that a moment is written in, where there are several."""
    return f"{hand.name}.form"
