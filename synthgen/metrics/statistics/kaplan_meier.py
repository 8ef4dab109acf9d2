"""Kaplan-Meier curves of a set of records and of its parts, from counts on a shared grid of times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class LifeTable:
    """Events and exits of groups of patients, by step of ``grid``; arrays have shape ``(groups, steps)``.

    Attributes:
        grid: times, ascending; a time falls into the step of the first grid point that is not below it. Times beyond
            the last are in no step, but at risk in all.
    """

    grid: NDArray[np.float64]
    events: NDArray[np.float64]
    left: NDArray[np.float64]
    at_first: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        grid: NDArray[np.float64],
        time: NDArray[np.float64],
        event: NDArray[np.bool_],
        group: NDArray[np.int64],
        groups: int,
    ) -> LifeTable:
        """The counts of records with a follow-up ``time`` that an ``event`` ended, or not."""
        steps = len(grid)
        cell = group * (steps + 1) + np.searchsorted(grid, time, side="left")
        counts = [
            np.bincount(cell[which], minlength=groups * (steps + 1)).reshape(groups, steps + 1).astype(np.float64)
            for which in (event, ~event)
        ]
        both = counts[0] + counts[1]
        return cls(grid, counts[0][:, :-1], both[:, :-1], both.sum(axis=1))

    def survival(self, chosen: NDArray[np.float64]) -> NDArray[np.float64]:
        """Kaplan and Meier (1958) estimate at each grid point, of groups weighing ``chosen``, shape ``(n, steps)``.

        Who is censored within a step is at risk throughout it, so the estimate is exact where the grid holds all event
        times. Where nobody is left at risk, the curve stays where it was.
        """
        events, left = chosen @ self.events, chosen @ self.left
        before = np.cumsum(left, axis=1) - left
        at_risk = (chosen @ self.at_first)[:, None] - before
        hazard = np.divide(events, at_risk, out=np.zeros_like(events), where=at_risk > 0)
        return np.asarray(np.cumprod(1 - np.minimum(hazard, 1), axis=1))


def area_between(grid: NDArray[np.float64], difference: NDArray[np.float64]) -> NDArray[np.float64]:
    """Integral of the absolute difference of step curves from 0 to the last grid point, over its length.

    ``difference`` has shape ``(n, steps)``: that of the curves at each grid point, which holds until the next. Before
    the first both curves are 1.
    """
    widths = np.diff(grid)
    return np.asarray(np.abs(difference[:, :-1]) @ widths / grid[-1])
