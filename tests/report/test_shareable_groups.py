"""What is said of groups of people in the shareable form stands for eleven patients or more, whatever is known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.metrics.result import Evaluation, Metric
from synthgen.report.shareable import redact
from synthgen.report.shareable.grain import SMALLEST


def representation(inside: int, whole: int, ratio: float = 0.1) -> Metric:
    row: dict[str, Any] = {
        "group": "sex = f",
        "patients": inside,
        "share_train": inside / whole,
        "share_holdout": None,
        "share_synthetic": inside / whole,
        "log_ratio": ratio,
        "interval": [ratio - 0.123, ratio + 0.123],
        "log_ratio_holdout": None,
    }
    return Metric(
        name="representation", family="fairness", table="t", value=abs(ratio), interval=(0.0, 0.3), floor=0.01,
        ceiling=0.013, better="lower", unit="log ratio", n={"train_patients": whole, "groups": 1},
        details={"rows": [row], "not_assessed": ["sex = x"]},
    )  # fmt: skip


def redacted(metric: Metric, whole: int) -> Metric:
    inputs = {name: {"rows": whole, "patients": whole} for name in ("train", "synthetic")}
    return redact(Evaluation(seed=1, synthgen="0", inputs=inputs, verdicts=(), metrics=(metric,))).metrics[0]


@given(st.integers(1, 2999), st.floats(-2, 2))
def test_two_groups_whose_sizes_differ_by_ten_are_not_told_apart_for_certain(
    inside: int, synthetic_odds: float
) -> None:
    """Whoever knows the synthetic odds reads the real ones from the ratio: only up to its grain, of eleven patients."""
    whole = 3000

    def log_odds(size: float) -> float:
        return float(np.log(size / (whole - size)))

    found = redacted(representation(inside, whole, synthetic_odds - log_odds(inside)), whole)
    for row in found.details.get("rows", ()):
        assert min(inside, whole - inside) >= SMALLEST
        grain = next(
            g for g in (1.0, 0.5, 0.2, 0.1, 0.05) if abs(row["log_ratio"] / g - round(row["log_ratio"] / g)) < 1e-6
        )
        told = synthetic_odds - row["log_ratio"]
        low, high = (whole / (1 + np.exp(-(told + end))) for end in (-grain / 2, grain / 2))
        # A grain of the ratio is eleven patients where they are, and no fewer than half of that anywhere in it.
        assert high - low >= SMALLEST / 2


def test_groups_too_small_are_not_even_named() -> None:
    assert redacted(representation(10, 3000), 3000).details == {}
    assert redacted(representation(2990, 3000), 3000).details == {}
    found = redacted(representation(1400, 3000), 3000)
    assert found.details["rows"][0]["group"] == "sex = f"
    assert found.details["rows"][0]["patients"] == 1400
    assert "sex = x" not in str(found)


@pytest.mark.parametrize(("inside", "shown"), [(60, 0.2), (300, 0.15), (1500, 0.15)])
def test_the_headline_is_as_coarse_as_its_smallest_group(inside: int, shown: float) -> None:
    assert redacted(representation(inside, 3000, 0.163), 3000).value == shown


def test_bands_of_labels_of_few_patients_are_left_out() -> None:
    rows = [
        {"band": band, "labels": 7, "coverage_synthetic": 0.4321, "coverage_holdout": 0.5, "coverage_floor": 1.0}
        for band in ("1-4", "5-10", "11-50", ">50")
    ]
    metric = Metric(
        name="rare_categories", family="fidelity", table="t", value=0.4321, unit="share of labels",
        n={"train_patients": 3000, "labels": 7}, details={"rows": rows, "columns": [{"column": "d", "lacking": 1}]},
    )  # fmt: skip
    found = redacted(metric, 3000)
    assert found.value == 0.45
    assert found.details == {
        "rows": [
            {"band": band, "coverage_synthetic": 0.45, "coverage_holdout": 0.5, "coverage_floor": 1.0}
            for band in ("11-50", ">50")
        ]
    }


def test_missing_rates_are_of_patients_not_of_rows() -> None:
    rows = [{"column": "crp", "rate_train": 0.9, "rate_synthetic": 0.9, "difference": 0.0}]
    by_patient = [{"column": "crp", "rate_train": 0.3, "rate_synthetic": 0.3, "difference": 0.0}]
    metric = Metric(
        name="missingness", family="fidelity", table="t", value=0.1, unit="distance", n={"train_patients": 3000},
        details={"rows": rows, "rows_by_patient": by_patient},
    )  # fmt: skip
    assert redacted(metric, 3000).details["rows"] == [
        {"column": "crp", "rate_train": 0.3, "rate_synthetic": 0.3, "difference": 0.0}
    ]
