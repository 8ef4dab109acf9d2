"""Survival curves and coefficients of a regression, real beside synthetic."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from synthgen.metrics.result import Evaluation, Metric
from synthgen.metrics.utility.inference import Inference
from synthgen.report.document import to_json
from synthgen.report.html import render
from synthgen.report.shareable import redact
from synthgen.report.use import use
from tests.metrics.build import comparison

CURVES = {"time": [10.0, 20.0], "train": [0.8, 0.5], "holdout": [0.8, 0.52], "synthetic": [0.7, 0.25]}
SURVIVAL = Metric(
    name="survival",
    family="utility",
    table="t",
    columns=("days", "death"),
    value=0.1,
    details={"survival_curves": CURVES},
)


def row(column: str, real: float, synthetic: float, named: str = "yes") -> dict[str, Any]:
    told = {"column": column, "term": "per SD", "class": named}
    return told | {
        "coefficient_train": real,
        "coefficient_synthetic": synthetic,
        "error_train": 0.1,
        "error_synthetic": 0.1,
    }


def inference(*rows: dict[str, Any]) -> Metric:
    return Metric(
        name="inference", family="utility", table="t", columns=("ill",), value=0.5, details={"rows": list(rows)}
    )


def evaluated(*metrics: Metric) -> Evaluation:
    return Evaluation(seed=1, synthgen="0", inputs={}, verdicts=(), metrics=metrics)


def test_curves_are_drawn_and_told_at_their_end() -> None:
    (drawn,) = use(evaluated(SURVIVAL))
    told = "Share without death (Kaplan and Meier). At 20.0: synthetic 25 %; holdout 52 %; training 50 %."
    assert drawn.note.replace("\u00a0", " ") == told
    assert "<svg" in drawn.svg


def test_coefficients_that_lie_apart_are_counted_and_the_outcome_is_named_once() -> None:
    # Intervals reach 0.196 to either side: 0.5 and 0.1 lie apart, 0.5 and 0.2 do not.
    (drawn,) = use(evaluated(inference(row("age", 0.5, 0.1), row("bmi", 0.5, 0.2))))
    assert drawn.note.startswith("How ill = yes depends on the other columns")
    assert "intervals of 1 lie wholly apart" in drawn.note
    assert "age per SD real 0.500, synthetic 0.100" in drawn.svg


def test_where_there_are_several_classes_each_coefficient_names_its_own() -> None:
    (drawn,) = use(evaluated(inference(row("age", 0.5, 0.1), row("age", -9.0, 0.2, "no"))))
    assert "age per SD (yes against the rest)" in drawn.svg
    assert "age per SD (no against the rest)" in drawn.svg
    assert drawn.note.startswith("How ill depends")


def test_the_page_has_the_section_and_the_shareable_one_no_curve_of_single_patients() -> None:
    both = evaluated(SURVIVAL, inference(row("age", 0.5, 0.1)))
    assert 'id="use"' in render(both, "internal")
    assert "Kaplan" not in render(redact(both), "shareable")
    assert 'id="use"' not in render(evaluated(), "internal")


def _concluded(seed: int) -> Evaluation:
    """A regression of 900 patients: labels of 10, 15 and 60 of them, and columns with one coefficient each."""
    rng = np.random.default_rng(seed)
    places = ["Bergen"] * 60 + ["Utsira"] * 15 + ["Fedje"] * 10 + ["Oslo"] * 815

    def records(size: int) -> dict[str, Any]:
        return {
            "ill": rng.choice(["yes", "no"], size, p=[0.4, 0.6]),
            "place": rng.permutation(places)[:size],
            "unit": np.where(rng.permutation(size) < 10, "burns", "general"),
            "sex": rng.choice(["f", "m"], size),
            "age": rng.normal(size=size),
        }

    compared = comparison(records(900), records(900), records(900), target="ill")
    metrics = Inference().measure(compared, rng=np.random.default_rng(seed))
    sizes = {name: {"rows": 900, "patients": 900} for name in ("train", "holdout", "synthetic")}
    return replace(evaluated(*metrics), inputs=sizes)


@pytest.mark.parametrize("seed", range(5))
def test_no_coefficient_rests_on_a_few_patients_and_none_is_shared(seed: int) -> None:
    both = _concluded(seed)
    page, shared = render(both, "internal"), redact(both)
    terms = {(row["column"], row["term"]) for row in both.metrics[0].details["rows"]}
    # Not even the internal form regresses on what fewer than 20 patients have.
    assert terms == {("place", "Bergen"), ("sex", "f"), ("sex", "m"), ("age", "per SD")} & terms
    assert ("place", "Bergen") in terms
    assert 'id="use"' in page
    for text in (render(shared, "shareable"), json.dumps(to_json(shared, "shareable"))):
        assert not re.search(r'Fedje|Utsira|burns|id="use"|coefficient_|"term"|"class"|per SD', text)
    kept = {key for metric in shared.metrics for row in metric.details.get("rows") or () for key in row}
    assert kept <= {"column", "error_train", "error_synthetic", "difference", "overlap"}
