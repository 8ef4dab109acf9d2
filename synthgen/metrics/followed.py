"""Records with a follow-up: how long each was followed, and whether the event ended it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, FollowUp, Records, Variable
from synthgen.metrics.coding.covariates import Covariate, matrix
from synthgen.metrics.equal import FEWEST_PATIENTS
from synthgen.metrics.statistics.cox import log_hazard_ratios


def event_of(comparison: Comparison, named: FollowUp) -> Variable:
    """The variable that tells of the event. Raises ``NotApplicable`` where time or event is not compared."""
    event = next((v for v in comparison.variables if v.name == named.event), None)
    if event is None or named.time not in comparison.train.numbers:
        raise NotApplicable("time and event are not among the compared columns")
    return event


@dataclass(frozen=True)
class Followed:
    """The records of a set that have a follow-up."""

    records: Records
    time: NDArray[np.float64]
    event: NDArray[np.bool_]

    @classmethod
    def of(cls, records: Records, event: Variable, named: FollowUp, name: str) -> Followed:
        """Raises ``NotApplicable`` where a set has too few of them, or none whose event happened."""
        codes = records.codes[named.event]
        if event.kind == "numeric":
            happened = records.numbers[named.event] == 1
            told = happened | (records.numbers[named.event] == 0)
        else:
            labels = np.array([label.strip() == named.happened for label in event.labels] + [False])
            happened, told = labels[codes], codes >= 0
        time = records.numbers[named.time]
        known = np.flatnonzero(told & np.isfinite(time) & (np.nan_to_num(time) >= 0))
        found = cls(records.take(known), time[known], happened[known])
        if found.records.n_patients < FEWEST_PATIENTS or not found.event.any():
            raise NotApplicable(
                f"the {name} set has {found.records.n_patients} patients with time and event, "
                f"of {int(found.event.sum())} events; at least {FEWEST_PATIENTS} patients and one event are needed"
            )
        return found

    def take(self, rows: NDArray[np.int64]) -> Followed:
        return Followed(self.records.take(rows), self.time[rows], self.event[rows])

    def ratios(self, chosen: tuple[Covariate, ...], name: str) -> NDArray[np.float64]:
        """Log hazard ratios."""
        try:
            return log_hazard_ratios(matrix(chosen, self.records), self.time, self.event)
        except NotApplicable as found:
            raise NotApplicable(f"{found} ({name})") from None

    def residuals(self) -> NDArray[np.float64]:
        """Whether the event happened, less how many were to be expected by then (Nelson and Aalen)."""
        order = np.argsort(self.time, kind="stable")
        at_risk = len(order) - np.searchsorted(self.time[order], self.time[order], side="left")
        heaped = np.cumsum(self.event[order] / at_risk)
        last = np.searchsorted(self.time[order], self.time, side="right") - 1
        return np.asarray(self.event - heaped[last])


def grid_of(train: Followed, steps: int) -> NDArray[np.float64]:
    """Times of the training set up to the one that 95 % of the follow-up ends before, patients weighing equally."""
    order = np.argsort(train.time, kind="stable")
    heaped = np.cumsum(train.records.weights[order])
    until = train.time[order][np.searchsorted(heaped, 0.95 * heaped[-1])]
    times = np.unique(train.time[train.time <= until])
    if len(times) > steps:
        times = times[np.unique(np.linspace(0, len(times) - 1, steps).round().astype(np.int64))]
    return times if times[-1] > 0 else np.empty(0)
