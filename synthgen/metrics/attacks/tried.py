"""What attacks on membership reach together: a figure, and a line of the verdicts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from synthgen.metrics.attacks.membership import Attack, Trial
from synthgen.metrics.attacks.strongest import MaxT, Reached
from synthgen.metrics.base import Comparison
from synthgen.metrics.exchangeable import obstacle
from synthgen.metrics.result import Metric, Verdict
from synthgen.metrics.statistics.auc import area
from synthgen.metrics.unanswered import unanswered
from synthgen.metrics.verdicts import LEAK_P
from synthgen.progress import Progress

SOURCE = "permutation of patients' labels, max-T (Westfall and Young 1993); true positives above 3 x false ones: policy"


def tried(
    name: str,
    comparison: Comparison,
    attacks: Callable[[Trial], Sequence[Attack]],
    detectable: Callable[[Trial, MaxT], float | None],
    permutations: int,
    rng: np.random.Generator,
    progress: Progress,
) -> Metric:
    """What the strongest of some attacks reaches, under the name of a measure; not assessable where none can be tried.

    Args:
        attacks: on the patients of the trial.
        detectable: the share of the training patients whose leak the test would have shown.
        permutations: of the patients' labels.
    """
    reason = obstacle(comparison)
    trial = None if reason else Trial.of(comparison)
    reason = trial.reason if trial is not None else reason
    if trial is None or reason:
        return unanswered(name, "privacy", comparison, reason)
    progress(name, 0.1)
    found = attacks(trial)
    progress(name, 0.7)
    return _reached(name, comparison, trial, found, permutations, rng, detectable)


def _reached(
    name: str,
    comparison: Comparison,
    trial: Trial,
    attacks: Sequence[Attack],
    permutations: int,
    rng: np.random.Generator,
    detectable: Callable[[Trial, MaxT], float | None],
) -> Metric:
    """The figure of attacks on a trial that bears them."""
    scores = [attack.score for attack in attacks]
    if all(np.ptp(score) <= 1e-12 for score in scores):
        return unanswered(name, "privacy", comparison, "every patient looks the same to every attack")
    test = MaxT.of(scores, trial.member, permutations, rng)
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
    return Metric(
        name=name,
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
            "detectable": detectable(trial, test),
            "strongest_top": test.tops[int(np.argmax(test.z))],
            "chosen_attack": f"{attacks[reached.chosen].name}, {attacks[reached.chosen].columns}",
            "fpr": reached.rate,
            "tpr": reached.tpr,
            "tpr_low": reached.tpr_low,
            "epsilon_low": reached.epsilon,
        }
        | _curves(reached),
    )


def line_of(metric: Metric, limit: float) -> Verdict:
    """The line of a figure; its p is not yet corrected for the number of lines."""
    if metric.status != "ok":
        name, reason = metric.name, metric.reason
        return Verdict(name=name, verdict="not_assessable", metric=name, detail=reason, source=SOURCE)
    details = metric.details
    p, rate, low = details["p"], details["fpr"], details["tpr_low"]
    if p >= LEAK_P and details["detectable"] is None:
        detail = "too few patients: a copy of the whole training set would not have been seen"
        return Verdict(name=metric.name, verdict="not_assessable", metric=metric.name, detail=detail, source=SOURCE)
    failed = p < LEAK_P and low is not None and low > limit * rate
    return Verdict(
        name=metric.name,
        verdict="fail" if failed else "leak" if p < LEAK_P else "none_detected",
        metric=metric.name,
        p=p,
        detectable=details["detectable"],
        threshold=limit,
        detail=_told(metric),
        source=SOURCE,
    )


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
    columns = strongest["columns"] if details["p"] < LEAK_P else "some of the columns"
    where = "all columns" if strongest["columns"] == "all" else columns
    sure = "" if size is None else f"is surest of {size} patients or fewer, and "
    reach = "" if low is None else f"{details['tpr']:.2%} found at {details['fpr']:.2%} false alarms, "
    named = f"{strongest['attack']} over {where}"
    attack = f"the strongest of {tried} attacks, {named}," if tried > 1 else f"the attack by {named}"
    return (
        f"{attack} {sure}ranks all with an AUC of "
        f"{strongest['auc']:.3f}. What it is worth to an attacker is measured on patients who had no part in "
        f"choosing the attack: {reach}AUC {metric.value:.3f}, ε at least {details['epsilon_low']:.2f}"
    )
