"""What the policy of a config lets pass."""

from __future__ import annotations

from collections.abc import Mapping

from synthgen.metrics.result import OF_THE_MODEL, Evaluation, Verdict


def refusals(evaluation: Evaluation) -> tuple[str, ...]:
    """Why a gate refuses, a line each; empty where it lets the release pass.

    A line that found a leak or failed refuses, and so does one that the policy requires but that was not assessable
    or is not there. Where the policy releases the records alone, lines on the model refuse nothing.
    """
    found = [line for line in evaluation.decisive if line.verdict in ("leak", "fail")]
    reasons = [f"{line.name}: {line.verdict}; {line.detail}{_unless(line)}" for line in found]
    told = {line.name: line for line in evaluation.verdicts}
    return (*reasons, *(_missing(name, told.get(name)) for name in evaluation.required if not _assessed(told, name)))


def _unless(line: Verdict) -> str:
    if line.name not in OF_THE_MODEL:
        return ""
    return "; if only the records leave the house, say so in the config: evaluation: {policy: {release: records}}"


def _assessed(told: Mapping[str, Verdict], name: str) -> bool:
    return name in told and told[name].verdict != "not_assessable"


def _missing(name: str, line: Verdict | None) -> str:
    if line is None:
        return f"{name}: required, but not measured in this run"
    return f"{name}: required, but not assessable" + (f"; {line.detail}" if line.detail else "")
