"""Membership inference by the model: what whoever has the fitted model learns of who was in the training set."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthgen.metrics.attacks.membership import Trial
from synthgen.metrics.attacks.strongest import MaxT
from synthgen.metrics.attacks.tried import line_of, tried
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.unanswered import unanswered
from synthgen.metrics.verdicts import LEAK_P
from synthgen.progress import Progress, silent

NAME = "membership_by_model"


@dataclass(frozen=True)
class MembershipByModel(Measure):
    """How well an attacker who has the model can tell training patients from others.

    A line of its own beside ``membership_inference``, whose attacks need the records alone: the one bears on whether
    the model may leave the house, the other on whether the records may. The attack scores each tested patient by the
    model's log likelihood, less what the reference set explains of it in the model's own codes (a likelihood ratio
    attack, Carlini et al. 2022, with the reference's columns by themselves for the other model). Figure and test are
    those of ``membership_inference``.

    Where the generator is no model that says how probable records are, there is no such line.

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
        """The metric of this name; not assessable where the sets do not bear the test."""
        if comparison.likelihood is None:
            reason = "the generator is no model that says how probable records are"
            return (unanswered(NAME, "privacy", comparison, reason, "not_applicable"),)
        return (tried(NAME, comparison, lambda trial: trial.by_model, _detectable, self.permutations, rng, progress),)

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line; its p is not yet corrected for the number of lines."""
        return tuple(line_of(metric, self.limit) for metric in metrics if metric.status != "not_applicable")


def _detectable(trial: Trial, test: MaxT) -> float | None:
    """Whoever is known by heart is at the very top."""
    (attack,) = trial.by_model
    return test.detectable(attack.score - attack.score.max(), trial.member, LEAK_P)
