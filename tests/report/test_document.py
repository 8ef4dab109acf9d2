"""The JSON document has the keys of the CLI contract and never a NaN."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

import numpy as np
import pytest

from synthgen.errors import SynthgenError
from synthgen.metrics.result import Evaluation, Metric
from synthgen.report.document import to_json
from tests.report.build import evaluation


def of(metric: Metric) -> Evaluation:
    return Evaluation(seed=1, synthgen="0", inputs={}, verdicts=(), metrics=(metric,))


def test_the_document_has_exactly_the_keys_of_the_contract() -> None:
    document = to_json(dataclasses.replace(evaluation(), self_test=()))

    assert set(document) == {"format_version", "audience", "synthgen", "seed", "inputs", "verdicts", "metrics"}
    assert document["format_version"] == 1
    assert "personal data" in document["audience"]
    for verdict in document["verdicts"]:
        assert set(verdict) == {"name", "verdict", "metric", "p", "detectable", "threshold", "detail", "source"}
    for metric in document["metrics"]:
        assert set(metric) == {
            *("name", "family", "table", "columns", "status", "reason", "value", "interval"),
            *("floor", "ceiling", "better", "unit", "n", "details"),
        }


def test_a_self_test_has_a_key_of_its_own() -> None:
    assert [set(known) for known in to_json(evaluation())["self_test"]] == [{"case", "expected", "said", "answer"}] * 2


def test_the_document_survives_strict_json() -> None:
    document = to_json(evaluation(), "shareable")

    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["audience"] == "shareable"


def test_nothing_measured_is_null() -> None:
    (metric,) = to_json(of(Metric(name="c2st", family="fidelity", table="t", status="not_assessable")))["metrics"]

    assert metric["value"] is None
    assert metric["interval"] is None


@pytest.mark.parametrize("wrong", [float("nan"), float("inf"), np.float64("nan")])
def test_a_nan_raises_and_names_its_place(wrong: float) -> None:
    metric = Metric(name="c2st", family="fidelity", table="t", details={"rows": [{"column": "age", "auc": wrong}]})

    with pytest.raises(SynthgenError, match=r"metric c2st: details\.rows\[0\]\.auc is (nan|inf)"):
        to_json(of(metric))


def test_numpy_scalars_become_plain_numbers() -> None:
    size: Any = np.int64(3)
    value: Any = np.float32(0.5)
    metric = Metric(name="c2st", family="fidelity", table="t", n={"train": size}, value=value)

    (written,) = to_json(of(metric))["metrics"]
    assert (type(written["n"]["train"]), type(written["value"])) == (int, float)


def test_what_json_cannot_hold_raises() -> None:
    broken = dataclasses.replace(evaluation(), inputs={"sizes": {1, 2}})

    with pytest.raises(SynthgenError, match=r"inputs\.sizes is of type set"):
        to_json(broken)
