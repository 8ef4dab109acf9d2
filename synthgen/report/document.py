"""An evaluation as the JSON document that programs outside synthgen read: null, never NaN."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any, Literal

from synthgen.errors import SynthgenError
from synthgen.metrics.result import FORMAT_VERSION, Contender, Contest, Evaluation, Metric, Verdict

#: Who may read the document: ``internal`` holds personal data, ``shareable`` went through ``shareable.redact``.
Audience = Literal["internal", "shareable"]

#: What the document says of itself under ``audience``.
MARKER: Mapping[Audience, str] = {
    "internal": "internal: contains personal data, do not share",
    "shareable": "shareable",
}


def to_json(evaluation: Evaluation, audience: Audience = "internal") -> dict[str, Any]:
    """The document with the keys of the CLI contract, of plain JSON values only.

    It has a further key, ``self_test``, where a self-test was asked for.

    Raises:
        SynthgenError: where a measure left a NaN, an infinity or what JSON cannot hold; the message says where.
    """
    asked = {"self_test": [dataclasses.asdict(known) for known in evaluation.self_test]} if evaluation.self_test else {}
    return {
        "format_version": FORMAT_VERSION,
        "audience": MARKER[audience],
        "synthgen": evaluation.synthgen,
        "seed": evaluation.seed,
        "inputs": _plain(evaluation.inputs, "inputs"),
        "verdicts": [_verdict(verdict) for verdict in evaluation.verdicts],
        "metrics": [_metric(metric) for metric in evaluation.metrics],
        **asked,
    }


def contest_to_json(contest: Contest) -> dict[str, Any]:
    """``compare.json``: what each model cost and scored, of plain JSON values only.

    Raises:
        SynthgenError: where a measure left a NaN or an infinity; the message says where.
    """
    return {
        "format_version": FORMAT_VERSION,
        "audience": MARKER["internal"],
        "synthgen": contest.synthgen,
        "seed": contest.seed,
        "inputs": _plain(contest.inputs, "inputs"),
        "machine": _plain(contest.machine, "machine"),
        "models": [_contender(contender) for contender in contest.contenders],
    }


def _contender(contender: Contender) -> dict[str, Any]:
    keys = ("model", "options", "failure", "fit_seconds", "sample_seconds", "rows", "peak_mebibytes")
    return {key: _plain(getattr(contender, key), f"model {contender.model}: {key}") for key in keys} | {
        "rows_per_second": contender.rows_per_second,
        "metrics": [_metric(metric) for metric in contender.metrics],
        "verdicts": [_verdict(verdict) for verdict in contender.verdicts],
    }


def _verdict(verdict: Verdict) -> dict[str, Any]:
    keys = ("name", "verdict", "metric", "p", "detectable", "threshold", "detail", "source")
    return {key: _plain(getattr(verdict, key), f"verdict {verdict.name}: {key}") for key in keys}


def _metric(metric: Metric) -> dict[str, Any]:
    keys = (
        *("name", "family", "table", "columns", "status", "reason", "value", "interval"),
        *("floor", "ceiling", "better", "unit", "n", "details"),
    )
    return {key: _plain(getattr(metric, key), f"metric {metric.name}: {key}") for key in keys}


def _plain(value: Any, place: str) -> Any:
    """``value`` as plain JSON; numpy scalars become numbers, tuples become lists."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, Mapping):
        return {str(key): _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{place}[{i}]") for i, item in enumerate(value)]
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        number = float(value)
        if math.isfinite(number):
            return number
        raise SynthgenError(f"{place} is {number}; a measure must give None and a reason instead")
    raise SynthgenError(f"{place} is of type {type(value).__name__}; a measure must give JSON values only")
