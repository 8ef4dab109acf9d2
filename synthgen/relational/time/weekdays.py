"""Steps of days that lead to a weekday on which something can be, and weekdays that their steps can reach.

A step that is one number of days says on which weekday it ends, one of a few days leaves some weekdays, and one of a
week leaves all. The model draws the step and then the weekday as if each could go with each; what cannot go together is
not offered, or drawn again given the step, so that steps keep how often they are drawn.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.leveled import LeveledEncoder
from synthgen.encoding.quantiser import Quantiser
from synthgen.relational.frame import Frame
from synthgen.relational.time.moments import DAY, UNKNOWN, Moments, weekday_of

_WEEK: Final = 7


@dataclass(frozen=True, eq=False)
class Weekdays:
    """The weekdays of a table whose rows come by steps of days.

    Attributes:
        column: the model's column of weekdays.
        numbers: int32, the weekday that each of its codes is, 0 for Mondays; -1 for none.
    """

    column: int
    numbers: NDArray[np.int32]

    @classmethod
    def of(cls, table: Frame) -> Weekdays | None:
        """Those of a table; ``None`` where its steps are not of days."""
        timeline = table.timeline
        if timeline is None or timeline.weekday not in timeline.columns:
            return None
        encoder, column = table.codec.encoders[timeline.weekday], table.column(timeline.weekday)
        assert isinstance(encoder, LeveledEncoder)
        numbers = np.full(table.codec.domains[column].size, -1, np.int32)
        numbers[: len(encoder.levels)] = [int(level) for level in encoder.levels]
        return cls(column, numbers)

    @property
    def known(self) -> NDArray[np.bool_]:
        """On which days anything is at all, shape ``(7,)``."""
        return np.isin(np.arange(_WEEK), self.numbers)

    def ends(self, days: Moments) -> Moments:
        """Days moved back to the last one each on which something is."""
        back = (np.arange(_WEEK)[:, None] - np.arange(_WEEK)) % _WEEK
        least = np.where(self.known[back], np.arange(_WEEK), _WEEK).min(axis=1) % _WEEK
        return np.where(days == UNKNOWN, UNKNOWN, days - least[_weekdays(days)] * DAY)

    def steps(self, quantiser: Quantiser, start: Moments) -> NDArray[np.bool_]:
        """Which codes of steps lead to a weekday on which something is, shape ``(n, codes)``."""
        if self.known.all():
            return np.ones((len(start), quantiser.size), bool)
        leading: NDArray[np.bool_] = np.einsum("scw,w->sc", reached(quantiser), self.known)
        return leading[_weekdays(start)]

    def unmet(
        self, quantiser: Quantiser, start: Moments, steps: NDArray[np.int32], codes: NDArray[np.int32]
    ) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The rows whose step, of several days, holds another weekday than theirs; and which codes they can have.

        Args:
            steps: the code of each row's step.
            codes: that of its weekday.
        """
        wanted = self.numbers[codes]
        low, high = quantiser.bounds()
        several = np.flatnonzero((wanted >= 0) & (steps < quantiser.size))
        several = several[(low < high)[steps[several]]]
        held = reached(quantiser)[_weekdays(start[several]), steps[several]]
        allowed = held[:, self.numbers] & (self.numbers >= 0)
        unmet = ~held[np.arange(len(several)), wanted[several]] & allowed.any(axis=1)
        return several[unmet], allowed[unmet]


def reached(quantiser: Quantiser) -> NDArray[np.bool_]:
    """On which weekdays each code of steps of days can end, shape ``(weekdays to start from, codes, weekdays)``."""
    low, high = (bound[:, None] for bound in quantiser.bounds())
    days = low + np.arange(2 * _WEEK)
    held = (days <= high) & (~np.isin(days, quantiser.atoms) | (low == high))
    after = np.stack([(held & (days % _WEEK == later)).any(axis=1) for later in range(_WEEK)], axis=1)
    weekday = np.arange(_WEEK)
    return np.stack([after[:, (weekday - start) % _WEEK] for start in range(_WEEK)])


def _weekdays(start: Moments) -> NDArray[np.int64]:
    """What steps are told by that has no moment counts as 0."""
    return weekday_of(np.where(start == UNKNOWN, 0, start))
