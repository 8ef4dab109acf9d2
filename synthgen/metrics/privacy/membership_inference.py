"""Membership inference: what the strongest of many attacks learns of who was in the training set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthgen.metrics.attacks.membership import Trial
from synthgen.metrics.attacks.strongest import MaxT
from synthgen.metrics.attacks.tried import line_of, tried
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.verdicts import LEAK_P
from synthgen.progress import Progress, silent

NAME = "membership_inference"


@dataclass(frozen=True)
class MembershipInference(Measure):
    """How well an attacker can tell training patients from others, by the strongest of several attacks.

    The attacks score each tested patient: (1) distance to the closest synthetic record; (2) the same, calibrated by the
    distance to the closest reference record; (3) log density of synthetic over reference records (DOMIAS, van Breugel
    et al. 2023, "Membership inference attacks against synthetic data through overfitting detection"); (4) a boosted
    classifier between synthetic and reference records; (5) how rare it is to agree as well as with the closest
    synthetic record, less the same of the closest reference record (weights of Fellegi and Sunter 1969). (1) and (2)
    also over random halves of the columns. Of a patient's records the one that gives most away counts for distances and
    agreement, and their mean for densities. What the fitted model gives away is for ``membership_by_model``.

    ``value`` is the AUC of the attack that ranks best, chosen on a third of the patients and measured on the others,
    so that the choice does not flatter it; 0.5 is a guess. Beside it, of the attack that is surest of a few, the rate
    of true positives where ten false positives are expected, and a lower bound on ε. p is corrected for all attacks,
    columns and statistics together: of each score the mean rank (in either direction: avoiding training records gives
    them away too) and the tops of 16, 20, 25 ... patients are tested, so that a few wholly leaked patients show as
    well as many that leak a little.

    The line fails where the lower bound of the true positives' rate exceeds ``limit`` times that of the false ones.

    Attributes:
        limit: of true positives, in multiples of the false ones.
        permutations: of the patients' labels.
    """

    quick: ClassVar[bool] = False
    highest_limit: ClassVar[float] = 1000.0

    limit: float = 3.0
    permutations: int = 1999

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``membership_inference``; not assessable where the sets do not bear the test."""
        return (tried(NAME, comparison, lambda trial: trial.attacks, _detectable, self.permutations, rng, progress),)

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line; its p is not yet corrected for the number of lines."""
        return tuple(line_of(metric, self.limit) for metric in metrics if metric.name == NAME)


def _detectable(trial: Trial, test: MaxT) -> float | None:
    """Copies show as distance 0 to the synthetic set; by the calibrated distance only where the reference has none."""
    by_distance = test.detectable(trial.most(-trial.distances()[0]), trial.member, LEAK_P)
    calibrated = test.detectable(trial.most(trial.closeness()), trial.member, LEAK_P)
    alone = float(np.mean(trial.most(trial.distances()[1])[trial.member] > 0))
    found = [by_distance, None if calibrated is None or alone == 0 else calibrated / alone]
    return min((share for share in found if share is not None and share <= 1), default=None)
