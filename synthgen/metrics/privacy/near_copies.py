"""Near copies: real patients of whom a record was released with next to no change."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from synthgen.metrics.attacks.membership import Trial
from synthgen.metrics.attacks.risk import Rate
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.result import Metric
from synthgen.metrics.unanswered import unanswered
from synthgen.progress import Progress, silent

NAME = "near_copies"
#: Squared distances at which copies are counted, and what they mean.
STEPS = (
    (0.0, "equal"),
    (0.25, "numbers one standard deviation apart, all together"),
    (1.0, "one category, or numbers two standard deviations apart"),
    (2.0, "two categories"),
    (3.0, "three categories"),
)


@dataclass(frozen=True)
class NearCopies(Measure):
    """The share of training patients of whom some synthetic record is a near copy, beside that of holdout patients.

    A near copy differs in one category at most, or in numbers by two standard deviations altogether (a distance of at
    most 1). Records of few and common values have near copies by chance; the ``ceiling`` is the share of holdout
    patients who have one, at the same synthetic set, so sizes of training set and holdout do not matter. What is tested
    of it stands in the line ``membership_inference``, which looks at every distance. The interval is for this
    synthetic set and other patients.
    """

    quick: ClassVar[bool] = False

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        """The metric ``near_copies``."""
        reason = obstacle(comparison)
        trial = None if reason else Trial.of(comparison)
        reason = trial.reason if trial is not None else reason
        if trial is None or reason:
            return (unanswered(NAME, "privacy", comparison, reason),)
        squared = trial.most(-trial.distances()[0]) ** 2
        progress(NAME, 1.0)
        rows = [
            {
                "differs by at most": words,
                "train": float(near[trial.member].mean()),
                "holdout": float(near[~trial.member].mean()),
            }
            for near, words in ((squared <= step * (1 + 1e-9) + 1e-9, words) for step, words in STEPS)
        ]
        near = (squared <= 1.0 + 1e-9).astype(np.float64)
        rate = Rate.wilson(float(near[trial.member].mean()), trial.members)
        return (
            Metric(
                name=NAME,
                family="privacy",
                table=comparison.table,
                value=rate.value,
                interval=(rate.low, rate.high),
                ceiling=float(near[~trial.member].mean()),
                better="lower",
                unit="share",
                n=trial.sizes,
                details={"rows": rows},
            ),
        )
