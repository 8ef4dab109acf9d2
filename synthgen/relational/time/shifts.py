"""Rows that come by days and times of day: the step of days and the time of day of a row have to fit each other.

The model draws the step and then the time of day as if each could go with each. A row on the day of the one before it
comes later than that, and none after its end; where the two do not fit, the time of day is drawn again given the step.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.models.base import Codes
from synthgen.relational.frame import Frame
from synthgen.relational.time.clocks import Clock
from synthgen.relational.time.moments import Moments


@dataclass(frozen=True, eq=False)
class Shifts:
    """The times of day of a table whose rows come by them.

    Attributes:
        column: the model's column of times of day.
        clock: the ranges that its codes mean.
        blank: the code of rows whose time of day another one tells; ``None`` where there is none.
    """

    column: int
    clock: Clock
    blank: int | None

    @classmethod
    def of(cls, table: Frame) -> Shifts | None:
        """Those of a table; ``None`` where its rows come by steps alone."""
        timeline = table.timeline
        if timeline is None or not timeline.by_clock:
            return None
        encoder, tick = table.numeric(timeline.clock), timeline.order.tick
        if not encoder.quantiser.size:
            return None
        low, high = (bound * tick for bound in encoder.quantiser.bounds())
        kept = encoder.tokens.kept
        blank = encoder.quantiser.size + len(encoder.results) + kept.index("") if "" in kept else None
        return cls(table.column(timeline.clock), Clock(low, high), blank)

    def unmet(
        self, table: Frame, step: str, codes: Codes, start: Moments, end: Moments
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The rows whose time of day cannot be that of their step; and which codes it can have.

        Args:
            step: the derived column of steps that tells these rows.
            start, end: what they are told by, and when they are over.
        """
        assert table.timeline is not None
        quantiser, drawn = table.numeric(step).quantiser, codes[:, self.column]
        allowed = np.zeros((len(codes), table.codec.domains[self.column].size), bool)
        n, code = len(self.clock.low), codes[:, table.column(step)]
        by_day = (code < quantiser.size) & (step in table.timeline.daily)
        if self.blank is not None:
            allowed[~by_day, self.blank] = True
        rows = np.flatnonzero(by_day)
        low, high = (bound[code[rows]] for bound in quantiser.bounds())
        pause = table.timeline.pause_of(step)
        allowed[rows, :n] = (low < high)[:, None] | self.clock.open(low, start[rows], end[rows], pause)
        unmet = np.flatnonzero(~allowed[np.arange(len(codes)), drawn] & allowed.any(axis=1))
        return unmet, allowed[unmet]
