"""What a person with five minutes takes away: what was found, what could not be found, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from synthgen.metrics.result import OF_THE_MODEL, Evaluation, Verdict
from synthgen.report import wording
from synthgen.report.numbers import figure, percent

_BAD = ("leak", "fail")
#: Lines whose advice is their own, as is that of lines on the model: of keys and of groups, which speak of likeness.
_KEYS, _GROUPS = "key_integrity", "group_accuracy"
_LINKS = "lost_links"
#: An AUC this far above its ceiling means that a person could be misled by what the set gets wrong.
_TOLD_APART = 0.1


@dataclass(frozen=True)
class Summary:
    """Sentences under three headings.

    Attributes:
        found: every line that found a leak or went over a limit.
        open: every line that could not be assessed, with its reason; and lines that were not run.
        unseen: the lines that found nothing, with what they could have missed.
        todo: what to do now, most urgent first.
    """

    found: tuple[str, ...]
    unseen: tuple[str, ...]
    open: tuple[str, ...]
    todo: tuple[str, ...]


def summary(evaluation: Evaluation) -> Summary:
    """The verdicts in a few sentences; nothing in it is not in the table."""
    lines = evaluation.verdicts
    return Summary(
        tuple(_said(line) for line in lines if line.verdict in _BAD),
        tuple(_unseen(line) for line in lines if line.verdict in ("none_detected", "pass")),
        (*(_said(line) for line in lines if line.verdict == "not_assessable"), *_not_run(evaluation)),
        tuple(_todo(evaluation)),
    )


def _said(line: Verdict) -> str:
    return f"{wording.title(line.name)}: {line.detail}." if line.detail else f"{wording.title(line.name)}."


def _unseen(line: Verdict) -> str:
    if line.verdict == "pass":
        return f"{wording.title(line.name)}: within the limit."
    if line.detectable is None:
        return f"{wording.title(line.name)}: nothing seen."
    leak = wording.LEAKS.get(line.name, "copies of")
    return (
        f"{wording.title(line.name)}: nothing seen; {leak} fewer than {percent(line.detectable)} "
        "of the training patients could be there unseen."
    )


def _not_run(evaluation: Evaluation) -> Iterator[str]:
    names = evaluation.inputs.get("not_run") or ()
    if names:
        yield f"Left out of a quick run, not run: {', '.join(name.replace('_', ' ') for name in names)}."


def _todo(evaluation: Evaluation) -> Iterator[str]:
    if any(answer.answer == "not_as_expected" for answer in evaluation.self_test):
        yield "Do not rely on this report: the self-test gave an answer that is known to be wrong. Report it."
    if any(line.name == _KEYS and line.verdict == "fail" for line in evaluation.verdicts):
        yield "Do not hand this set on: its tables cannot be joined. Mend the keys and links that are named above."
    if any(line.name == _GROUPS and line.verdict == "fail" for line in evaluation.verdicts):
        yield (
            "Do not use this set for what concerns the groups that are named above: their records are less like real "
            "ones than the limit allows. The whole set may still serve for the others."
        )
    if any(line.name in OF_THE_MODEL and line.verdict in _BAD for line in evaluation.verdicts):
        kept = " (your policy releases the records alone)" if evaluation.records_only else ""
        yield (
            f"Keep the model in the house{kept}: whoever has it can tell better than chance who it was learned from. "
            "Whether the records may be released is for the other lines to say."
        )
    apart = (_KEYS, _GROUPS, *OF_THE_MODEL)
    bad = [line for line in evaluation.verdicts if line.verdict in _BAD and line.name not in apart]
    if bad:
        yield (
            "Do not release this set. The lines above say what shows; the figures by column and group say where. "
            "Train again with what leaks left out, coarsened or merged, sample anew and evaluate anew. Taking single "
            "records out until the lines fall silent does not help: the choice itself gives them away."
        )
    if "holdout" in evaluation.inputs and evaluation.inputs["holdout"] is None:
        yield (
            "Evaluate again with a holdout (-m with the model that synthgen fitted, or --holdout): without real "
            "records that the generator never saw, most kinds of leak cannot be told from chance."
        )
    if evaluation.inputs.get("not_run"):
        yield "Run the full evaluation, without --quick, before anything is decided."
    assessed = {line.name for line in evaluation.verdicts if line.verdict != "not_assessable"}
    if missing := [wording.title(name) for name in evaluation.required if name not in assessed]:
        yield f"Your policy requires an answer that is not there: {', '.join(missing)}."
    if not bad and assessed:
        yield (
            "Decide whether a leak as small as could be there unseen is acceptable for what is to be released, and to "
            "whom. The report is evidence for that decision; it does not make it."
        )
    yield from _lost(evaluation)
    yield _use(evaluation)


def _lost(evaluation: Evaluation) -> Iterator[str]:
    """The link between two values that is lost most, if most of it is."""
    rows = [row for metric in evaluation.metrics if metric.name == _LINKS for row in metric.details.get("rows") or ()]
    lost = [row for row in rows if _kept(row) < row["rate_of_all"] + (row["rate_train"] - row["rate_of_all"]) / 2]
    if not lost:
        return
    worst = max(lost, key=lambda row: float(row["rate_train"]) - _kept(row))
    more = f" {len(lost) - 1} more pairs of columns are" if len(lost) > 2 else " One more pair is" if lost[1:] else ""
    others = f"{more} under “{wording.title(_LINKS)}”." if more else ""
    yield (
        f"Do not study in this set what it has lost: “{worst['level']}” holds for {percent(worst['rate_train'])} "
        f"in reality and for {percent(_kept(worst))} here.{others}"
    )


def _kept(row: Mapping[str, Any]) -> float:
    """The share of the synthetic records; of nobody with the first value it is none."""
    return float(row["rate_synthetic"] or 0.0)


def _use(evaluation: Evaluation) -> str:
    """What the likeness of the set allows, from the one figure that looks at all columns together."""
    confirm = "confirm findings that matter on real data."
    # Of several tables the first is that of whole patients.
    for metric in [metric for metric in evaluation.metrics if metric.name == "c2st"][:1]:
        value, ceiling = metric.value, metric.ceiling
        if value is not None and ceiling is not None and value - ceiling > _TOLD_APART:
            return (
                f"A classifier tells it from real records with an AUC of {figure(value)}, where real records reach "
                f"{figure(ceiling)}. Use it to develop, to test and to teach; do not take what it says of the columns "
                f"under “Worst offenders” for true, and {confirm}"
            )
    return f"Whoever uses the set should know the figures below, and {confirm}"
