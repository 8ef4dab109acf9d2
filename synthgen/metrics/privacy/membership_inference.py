"""Membership inference: what the strongest of many attacks learns of who was in the training set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from synthgen.metrics.attacks.membership import BY_MODEL, Trial
from synthgen.metrics.attacks.strongest import MaxT, Reached
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.statistics.auc import area
from synthgen.metrics.unanswered import unanswered
from synthgen.metrics.verdicts import LEAK_P
from synthgen.progress import Progress, silent

NAME = "membership_inference"
SOURCE = "permutation of patients' labels, max-T (Westfall and Young 1993); true positives above 3 x false ones: policy"


@dataclass(frozen=True)
class MembershipInference(Measure):
    """How well an attacker can tell training patients from others, by the strongest of several attacks.

    The attacks score each tested patient: (1) distance to the closest synthetic record; (2) the same, calibrated by the
    distance to the closest reference record; (3) log density of synthetic over reference records (DOMIAS, van Breugel
    et al. 2023, "Membership inference attacks against synthetic data through overfitting detection"); (4) a boosted
    classifier between synthetic and reference records; (5) where the generator is a model that has one, its log
    likelihood, less what the reference set explains; (6) how rare it is to agree as well as with the closest synthetic
    record, less the same of the closest reference record (weights of Fellegi and Sunter 1969). (1) and (2) also over
    random halves of the columns. Of a patient's records the one that gives most away counts for distances and
    agreement, and their mean for densities.

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
        reason = obstacle(comparison)
        trial = None if reason else Trial.of(comparison)
        reason = trial.reason if trial is not None else reason
        if trial is None or reason:
            return (unanswered(NAME, "privacy", comparison, reason),)
        progress(NAME, 0.1)
        attacks = trial.attacks
        progress(NAME, 0.7)
        scores = [attack.score for attack in attacks]
        if all(np.ptp(score) <= 1e-12 for score in scores):
            return (unanswered(NAME, "privacy", comparison, "every patient looks the same to every attack"),)
        test = MaxT.of(scores, trial.member, self.permutations, rng)
        progress(NAME, 0.9)
        reached = Reached.of(scores, trial.member, rng)
        rows = [
            {
                "attack": attack.name,
                "columns": attack.columns,
                "auc": area(attack.score, trial.member),
                "z": float(z),
                "p": float(p),
            }
            for attack, z, p in zip(attacks, test.z, test.p, strict=True)
        ]
        return (
            Metric(
                name=NAME,
                family="privacy",
                table=comparison.table,
                value=reached.auc.value,
                interval=reached.auc.interval,
                ceiling=0.5,
                better="lower",
                unit="AUC",
                n=trial.sizes,
                details={
                    "rows": rows,
                    "p": float(test.p.min()),
                    "detectable": _detectable(trial, test),
                    "strongest_top": test.tops[int(np.argmax(test.z))],
                    "chosen_attack": f"{attacks[reached.chosen].name}, {attacks[reached.chosen].columns}",
                    "fpr": reached.rate,
                    "tpr": reached.tpr,
                    "tpr_low": reached.tpr_low,
                    "epsilon_low": reached.epsilon,
                }
                | _curves(reached),
            ),
        )

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        """One line; its p is not yet corrected for the number of lines."""
        return tuple(_verdict(metric, self.limit) for metric in metrics if metric.name == NAME)


def _detectable(trial: Trial, test: MaxT) -> float | None:
    """Copies show as distance 0 to the synthetic set; by the calibrated distance only where the reference has none."""
    by_distance = test.detectable(trial.most(-trial.distances()[0]), trial.member, LEAK_P)
    calibrated = test.detectable(trial.most(trial.closeness()), trial.member, LEAK_P)
    alone = float(np.mean(trial.most(trial.distances()[1])[trial.member] > 0))
    found = [by_distance, None if calibrated is None or alone == 0 else calibrated / alone]
    return min((share for share in found if share is not None and share <= 1), default=None)


def _curves(reached: Reached) -> dict[str, Any]:
    grid = reached.false_positives.tolist()
    return {
        "curves": [
            {"name": "strongest attack", "x": grid, "y": reached.true_positives.tolist()},
            {"name": "guessing", "x": grid, "y": grid},
        ],
        "x_label": "false positives, share of holdout patients",
        "y_label": "true positives, share of training patients",
    }


def _verdict(metric: Metric, limit: float) -> Verdict:
    if metric.status != "ok":
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, detail=metric.reason, source=SOURCE)
    details = metric.details
    p, rate, low = details["p"], details["fpr"], details["tpr_low"]
    if p >= LEAK_P and details["detectable"] is None:
        detail = "too few patients: a copy of the whole training set would not have been seen"
        return Verdict(name=NAME, verdict="not_assessable", metric=NAME, detail=detail, source=SOURCE)
    failed = p < LEAK_P and low is not None and low > limit * rate
    return Verdict(
        name=NAME,
        verdict="fail" if failed else "leak" if p < LEAK_P else "none_detected",
        metric=NAME,
        p=p,
        detectable=details["detectable"],
        threshold=limit,
        detail=_told(metric),
        source=SOURCE,
    )


def _told(metric: Metric) -> str:
    """One account: what the strongest attack did on everyone, and what it is good for.

    How likely that is by chance is for the line's p alone to say, which counts all attacks and the other lines: a
    second p beside it, of this line by itself, would contradict it. The strongest is
    the attack of the smallest p. It may be sure of a few patients only, and then ranks all of them hardly better than
    a guess: an AUC near 0.5 is no contradiction, and the text says so.
    """
    details = metric.details
    strongest = max(details["rows"], key=lambda row: row["z"])
    tried, size, low = len(details["rows"]), details["strongest_top"], details["tpr_low"]
    # Where it is no more than chance, which columns it took says nothing.
    named = strongest["columns"] if details["p"] < LEAK_P else "some of the columns"
    where = "all columns" if strongest["columns"] == "all" else named
    # Who holds the records alone cannot try it: that bears on what is released, the records or the model.
    by_model = strongest["attack"] == BY_MODEL
    needs = " (for which one needs the model, not the records alone)" if by_model else ""
    alone = f". {_without_model(details['rows'])}" if by_model else ""
    sure = "" if size is None else f"is surest of {size} patients or fewer, and "
    reach = "" if low is None else f"{details['tpr']:.2%} found at {details['fpr']:.2%} false alarms, "
    return (
        f"the strongest of {tried} attacks, {strongest['attack']} over {where}{needs}, {sure}ranks all with an AUC of "
        f"{strongest['auc']:.3f}{alone}. What it is worth to an attacker is measured on patients who had no part in "
        f"choosing the attack: {reach}AUC {metric.value:.3f}, ε at least {details['epsilon_low']:.2f}"
    )


def _without_model(rows: Sequence[Mapping[str, Any]]) -> str:
    """What the strongest of the attacks reaches that need the records alone."""
    strongest = max((row for row in rows if row["attack"] != BY_MODEL), key=lambda row: row["z"])
    chance = ", which chance explains" if strongest["p"] >= LEAK_P else ""
    return f"From the records alone the strongest, {strongest['attack']}, has one of {strongest['auc']:.3f}{chance}"
