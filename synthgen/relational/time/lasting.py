"""As many rows belong to a row as to real ones that last so long: no stay of a day has forty daily readings.

How long a row lasts and how many rows belong to it are drawn one after the other, each as likely beside the other as
the model tells, which tells it roughly. Numbers beside which no real row lasts so long are drawn again, given how long
it is: if it were drawn again whole, long rows would become rare, since few numbers fit them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.models.base import Codes
from synthgen.relational.fold import number_of
from synthgen.relational.frame import Frame
from synthgen.relational.time.calendar import NUMBERS, Calendar
from synthgen.relational.time.moments import Moments, or_zero
from synthgen.relational.time.reach import how_long, usable
from synthgen.relational.time.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Lasting:
    """A table whose rows end with the row that they belong to, and how many of them there are.

    Attributes:
        number: the derived column of how many there are.
        end: the further moment of the row that they end with.
        calendar: of the table, which says how long what so many rows belong to lasts.
        timeline: of the table, which says at what times of day its rows usually are.
    """

    number: str
    end: str
    calendar: Calendar
    timeline: Timeline

    @classmethod
    def below(cls, name: str, tables: Mapping[str, Frame]) -> tuple[Lasting, ...]:
        """Those that rows of a table last for."""
        found = []
        timeline = tables[name].timeline
        ends = () if timeline is None else tuple(hand.name for hand in timeline.others)
        for child in tables[name].added.children:
            line, calendar = tables[child].timeline, tables[child].calendar
            if line is not None and calendar is not None:
                until = [column.name for column in line.until if column.table == name and column.name in ends]
                found += [cls(number_of(child), end, calendar, line) for end in until]
        return tuple(found)

    def unmet(self, table: Frame, codes: Codes, moments: Moments) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The rows that surely last shorter, or longer, than real ones to which so many belong; and what can be.

        Returns:
            Which they are, and which codes of the number each can have.
        """
        assert table.timeline is not None
        column = table.column(self.number)
        quantiser, size = table.numeric(self.number).quantiser, table.codec.domains[column].size
        encoders = {name: table.numeric(name) for name in table.timeline.distances}
        drawn = {name: codes[:, table.column(name)] for name in encoders}
        start = or_zero(moments)
        lasting = how_long(table.timeline, self.end, encoders, drawn, moments)
        shortest, longest = (usable(self.timeline, start, start + each) for each in lasting)
        fewest, most = map(_place, quantiser.bounds())
        least, greatest = np.array(self.calendar.lengths, np.int64).T
        allowed = np.zeros((len(codes), size), bool)
        allowed[:, : quantiser.size] = (longest[:, None] >= least[fewest]) & (shortest[:, None] <= greatest[most])
        met = allowed[np.arange(len(codes)), codes[:, column]] | (codes[:, column] >= quantiser.size)
        unmet = np.flatnonzero(~met & allowed.any(axis=1))
        return unmet, allowed[unmet]

    def fitted(
        self,
        table: Frame,
        codes: NDArray[np.int32],
        numbers: NDArray[np.int64],
        lasting: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """Numbers drawn again within their codes where the rows do not last as long as real ones with so many.

        Args:
            codes: of the number, of each row.
            lasting: how long each lasts, negative where it has no end.
        """
        quantiser = table.numeric(self.number).quantiser
        least, greatest = np.array(self.calendar.lengths, np.int64).T
        bounds = np.array([*NUMBERS, np.iinfo(np.int32).max])
        most = bounds[np.searchsorted(np.maximum.accumulate(least), lasting, side="right")] - 1
        fewest = bounds[np.searchsorted(np.maximum.accumulate(greatest), lasting)]
        told = (lasting >= 0) & (codes < quantiser.size)
        low, high = (bound[np.where(told, codes, 0)] for bound in quantiser.bounds())
        unlike = told & ((numbers < fewest) | (numbers > most)) & (fewest <= most)
        # Of a code that holds no such number the nearest: such a row was cut short by the window of time.
        low, high = (np.clip(bound, fewest, np.maximum(fewest, most)) for bound in (low, high))
        found = numbers.copy()
        found[unlike] = rng.integers(low[unlike], high[unlike], endpoint=True)
        return found


def _place(numbers: NDArray[np.int64]) -> NDArray[np.intp]:
    return np.searchsorted(NUMBERS, np.maximum(numbers, 0), side="right") - 1
