"""Values that are never together, on tables counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthgen.metrics.fidelity.structural_zeros import StructuralZeros
from synthgen.metrics.result import Evaluation, Metric
from synthgen.report.shareable import redact
from tests.metrics.build import comparison

#: 400 women and 400 men; a quarter of all by chance, and no man, is pregnant: 100 women are.
TRAIN = {"sex": ["f"] * 400 + ["m"] * 400, "pregnant": ["yes"] * 200 + ["no"] * 600, "age": list(range(400)) * 2}


def _figure(train: dict[str, Any], holdout: dict[str, Any] | None, synthetic: dict[str, Any], **more: Any) -> Metric:
    sets = comparison(train, holdout, synthetic, **more)
    (found,) = StructuralZeros().measure(sets, rng=np.random.default_rng(0))
    return found


def _with_pregnant_men(n: int) -> dict[str, Any]:
    return TRAIN | {"pregnant": ["yes"] * 200 + ["no"] * 200 + ["yes"] * n + ["no"] * (400 - n)}


def test_pairs_that_are_never_there_are_counted_and_named() -> None:
    """By chance 200 × 400 / 800 = 100 men would be pregnant. 24 of 800 records are, of the holdout 1."""
    found = _figure(TRAIN, _with_pregnant_men(1), _with_pregnant_men(24))
    assert found.value == pytest.approx(24 / 800)
    assert found.ceiling == pytest.approx(1 / 800)
    assert found.floor == pytest.approx(100 / 800, abs=0.03)
    assert found.interval is not None
    assert found.interval[0] < found.value < found.interval[1]
    assert found.details["rows"] == [
        {"level": "sex = m, pregnant = yes", "rate_synthetic": 24 / 800, "rate_holdout": 1 / 800}
    ]
    assert found.n["pairs"] == 1


def test_one_training_record_makes_a_pair_possible() -> None:
    found = _figure(_with_pregnant_men(1), TRAIN, _with_pregnant_men(24))
    assert found.status == "not_applicable"


def test_what_chance_would_seldom_give_is_no_zero() -> None:
    """98 pregnant women of 800 leave 49 men by chance."""
    few = TRAIN | {"pregnant": ["yes"] * 98 + ["no"] * 702}
    assert _figure(few, None, _with_pregnant_men(24)).status == "not_applicable"


def test_many_rows_of_few_patients_are_no_zero() -> None:
    rows = {"p": np.repeat(np.arange(40), 20)}
    assert _figure(TRAIN | rows, None, _with_pregnant_men(24) | rows, patient="p").status == "not_applicable"


def test_ranges_of_numbers_and_missing_values_are_values_too() -> None:
    """Nobody under 60 is retired, whoever is has no employer, and a fifth of all are just 18."""
    age = np.repeat([18, *range(20, 100)], [200, *[10] * 80])
    retired = age >= 60
    train = {"age": age, "works": np.where(retired, "no", "yes"), "employer": [None if r else "a" for r in retired]}
    synthetic = {"age": [18] * 500 + [95] * 500, "works": ["no"] * 500 + ["yes"] * 500, "employer": [None] * 1000}
    found = _figure(train, None, synthetic)
    rates = {row["level"]: row["rate_synthetic"] for row in found.details["rows"]}
    assert rates == {
        "works = yes, employer missing": 0.5,
        "age = 18, works = no": 0.5,
        "age = 18, employer missing": 0.5,
        "89 <= age, works = yes": 0.5,
    }
    assert found.value == 1


def test_moments_are_told_as_dates() -> None:
    days = np.arange(1200) + 18_000  # from 14 April 2019 on
    train = {"day": days, "wave": np.where(days < 18_600, "first", "second")}
    found = _figure(train, None, {"day": [18_000] * 1200, "wave": ["second"] * 1200}, temporal=["day"])
    assert [row["level"] for row in found.details["rows"]] == ["day < 2019-08-11, wave = second"]


def test_the_shareable_form_names_columns_alone() -> None:
    found = _figure(TRAIN, _with_pregnant_men(1), _with_pregnant_men(24))
    inputs = {name: {"rows": 800, "patients": 800, "effective_patients": 800} for name in ("train", "synthetic")}
    (shared,) = redact(Evaluation(seed=1, synthgen="0", inputs=inputs, verdicts=(), metrics=(found,))).metrics
    assert "sex × pregnant" in str(shared.details)
    assert "yes" not in str(shared.details)
