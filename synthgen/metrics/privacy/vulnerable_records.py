"""Vulnerable records: what the attacks reach on the patients who are least like others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.attacks.membership import Trial
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.auc import clustered_area
from synthgen.metrics.unanswered import unanswered
from synthgen.progress import Progress, silent

NAME = "vulnerable_records"
#: Patients of either side that a figure needs.
FEWEST = 20


@dataclass(frozen=True)
class VulnerableRecords(Measure):
    """The AUC of the distance attack on the most isolated one per cent of the patients.

    A record is isolated that is far from the closest record of the reference set, patients drawn at random without
    looking at who was in training. Of each patient the most isolated record counts, and attacked are the patients above
    the 99th percentile of all, or as many as make twenty training and twenty holdout patients. Averages over everyone
    hide what happens to them (Carlini et al. 2022, "The privacy onion effect"; Stadler et al. 2022).

    ``details`` lists the most isolated training records by their place in the training set. Of the internal report
    only: the shareable form leaves this measure out.

    Attributes:
        share: of the patients that counts as vulnerable.
        listed: how many records are listed.
    """

    quick: ClassVar[bool] = False

    share: float = 0.01
    listed: int = 20

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``vulnerable_records``."""
        reason = obstacle(comparison)
        trial = None if reason else Trial.of(comparison)
        reason = trial.reason if trial is not None else reason
        if trial is None or reason:
            return (unanswered(NAME, "privacy", comparison, reason),)
        if min(trial.members, trial.others) < FEWEST:
            reason = f"fewer than {FEWEST} patients of one side are left to be tested beside the reference"
            return (unanswered(NAME, "privacy", comparison, reason),)
        synthetic, reference = trial.distances()
        record = _most_isolated(trial, reference)
        isolation, closeness = reference[record], trial.closeness()[record]
        worst = _worst(isolation, trial.member, self.share)
        member = trial.member[worst]
        auc = clustered_area(closeness[worst], member, np.zeros(len(worst), dtype=np.int64), worst)
        listed = worst[member][: self.listed]
        progress(NAME, 1.0)
        return (
            Metric(
                name=NAME,
                family="privacy",
                table=comparison.table,
                value=auc.value,
                interval=auc.interval,
                ceiling=0.5,
                better="lower",
                unit="AUC",
                n={
                    "train_patients": int(member.sum()),
                    "holdout_patients": int((~member).sum()),
                    "synthetic": trial.sizes["synthetic"],
                },
                details={
                    "rows": [
                        {
                            "record": int(trial.position[record[patient]]) + 1,
                            "distance_to_reference": float(isolation[patient]),
                            "distance_to_synthetic": float(synthetic[record[patient]]),
                        }
                        for patient in listed
                    ]
                },
            ),
        )


def _most_isolated(trial: Trial, reference: NDArray[np.float64]) -> NDArray[np.int64]:
    """Of each patient the record that is furthest from the reference set; of equals the first."""
    order = np.lexsort((-reference, trial.patient))
    return order[np.searchsorted(trial.patient[order], np.arange(len(trial.member)))]


def _worst(isolation: NDArray[np.float64], member: NDArray[np.bool_], share: float) -> NDArray[np.int64]:
    """Patients, the most isolated first: the share asked for, or more until there are enough of either side."""
    order = np.argsort(-isolation, kind="stable")
    fewest = np.minimum(np.cumsum(member[order]), np.cumsum(~member[order]))
    return order[: max(round(share * len(order)), int(np.searchsorted(fewest, FEWEST)) + 1)]
