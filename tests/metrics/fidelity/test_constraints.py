"""The share of records that break rules, on tables counted by hand."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from synthgen.metrics.base import Comparison, Rules
from synthgen.metrics.fidelity.constraints import Constraints
from synthgen.metrics.result import Evaluation, Metric
from synthgen.report.shareable import redact
from synthgen.schema.rules.grammar import parse
from synthgen.schema.table import TableConfig
from tests.metrics.build import comparison

CONFIG = TableConfig.model_validate(
    {
        "patient": "p",
        "columns": {
            "p": {"kind": "id"},
            "start": {"kind": "date"},
            "end": {"kind": "date"},
            "lab": {"kind": "number"},
            "grade": {"kind": "ordinal", "order": ["mild", "severe"]},
            "codes": {"kind": "code", "separator": ", "},
        },
    }
)


def columns(n: int, **changed: Any) -> dict[str, Any]:
    base = {
        "p": np.arange(n),
        "start": [10.0] * n,
        "end": [20.0] * n,
        "lab": [1.0] * n,
        "grade": ["mild", "severe"] * (n // 2),
    }
    return base | changed


def with_rules(compared: Comparison, *rules: str) -> Comparison:
    stated = Rules(tuple(map(parse, rules)), CONFIG.quantities, CONFIG.patient)
    return replace(compared, constraints=stated)


def measured(synthetic: dict[str, Any], *rules: str, holdout: dict[str, Any] | None = None) -> Metric:
    compared = comparison(
        columns(100), holdout or columns(100), synthetic, patient="p", temporal=["start", "end"], ordered=["grade"]
    )
    (found,) = Constraints().measure(with_rules(compared, *rules), rng=np.random.default_rng(0))
    return found


def test_a_record_counts_once_whichever_rules_it_breaks() -> None:
    end = [5.0] * 10 + [20.0] * 90  # 10 records end before they start
    lab = [-1.0] * 30 + [1.0] * 70  # 30 have an impossible result, 10 of them the same ones
    found = measured(columns(100, end=end, lab=lab), "end >= start", "lab >= 0")
    assert (found.value, found.ceiling, found.better) == (0.3, 0.0, "lower")
    rates = {row["measure"]: row["rate_synthetic"] for row in found.details["rows"]}
    assert rates == {"lab >= 0": 0.3, "end >= start": 0.1}
    assert found.interval is not None
    assert found.interval[0] < 0.3 < found.interval[1]


def test_real_records_break_rules_too() -> None:
    found = measured(columns(100), "end - start <= 15", holdout=columns(100, end=[99.0] * 20 + [20.0] * 80))
    assert (found.value, found.ceiling) == (0.0, 0.2)


def test_what_is_missing_or_a_text_breaks_nothing() -> None:
    found = measured(columns(100, lab=[None] * 50 + ["neg"] * 49 + [-1.0]), "lab >= 0")
    assert found.value == 0.01


def test_levels_keep_their_order() -> None:
    assert measured(columns(100), "grade < 'severe'").value == 0.5


def test_repeats_within_a_patient_count_from_the_second_on() -> None:
    found = measured(columns(100, p=np.arange(100) // 2), "unique(p, grade)")
    assert found.value == 0.0
    found = measured(columns(100, p=np.arange(100) // 4), "unique(p, grade)")
    assert found.value == 0.5
    found = measured(columns(100, p=np.arange(100) // 4, end=[None] * 100), "at most one open(start, end)")
    assert found.value == 0.75


def test_a_code_list_without_a_compared_position_is_missing() -> None:
    assert measured(columns(100), "codes is not missing").value == 1.0


def test_the_floor_is_what_shuffled_columns_break() -> None:
    start = np.arange(100, dtype=float)
    train = columns(100, start=start, end=start + 1)
    compared = comparison(train, None, train, patient="p", temporal=["start", "end"])
    (found,) = Constraints().measure(with_rules(compared, "end >= start"), rng=np.random.default_rng(0))
    assert (found.value, found.ceiling) == (0.0, None)
    assert found.floor == pytest.approx(0.5, abs=0.15)
    assert "no ceiling" in found.reason


def test_without_rules_there_is_no_figure() -> None:
    compared = comparison(columns(50), None, columns(50), patient="p")
    (found,) = Constraints().measure(compared, rng=np.random.default_rng(0))
    assert (found.status, found.reason) == ("not_applicable", "the config states no constraints")


def test_rates_of_few_patients_are_not_shared() -> None:
    found = measured(columns(100, lab=[-1.0] * 10 + [1.0] * 90), "lab >= 0", "end >= start")
    inputs = {name: {"rows": 1000, "patients": 1000} for name in ("train", "holdout", "synthetic")}
    wide = replace(found, n={"rows": 1000})
    shared = redact(Evaluation(seed=1, synthgen="0", inputs=inputs, verdicts=(), metrics=(wide,))).metrics[0]
    assert shared.value == 0.1
    few = replace(wide, value=0.005, details={"rows": [wide.details["rows"][0] | {"rate_synthetic": 0.005}]})
    shared = redact(Evaluation(seed=1, synthgen="0", inputs=inputs, verdicts=(), metrics=(few,))).metrics[0]
    assert shared.value is None
    assert shared.details["rows"] == [
        {"measure": "lab >= 0", "rate_train": None, "rate_holdout": None, "rate_synthetic": None, "rate_floor": None}
    ]
