"""Values that go together in reality, on tables counted by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthgen.metrics.fidelity.lost_links import LostLinks
from synthgen.metrics.result import Evaluation, Metric
from synthgen.report.shareable import redact
from tests.metrics.build import comparison
from tests.metrics.fidelity.world import against, draw, shuffled


def _hospital(sepsis: int, of_them_in_icu: int, icu: int = 160, n: int = 800) -> dict[str, Any]:
    """Patients of whom so many have sepsis, so many of these are in intensive care, and so many of all."""
    elsewhere = n - sepsis - (icu - of_them_in_icu)
    return {
        "diagnosis": ["sepsis"] * sepsis + ["other"] * (n - sepsis),
        "ward": ["icu"] * of_them_in_icu
        + ["general"] * (sepsis - of_them_in_icu)
        + ["icu"] * (icu - of_them_in_icu)
        + ["general"] * elsewhere,
    }


TRAIN = _hospital(80, 80)


def _figure(train: dict[str, Any], holdout: dict[str, Any] | None, synthetic: dict[str, Any], **more: Any) -> Metric:
    sets = comparison(train, holdout, synthetic, **more)
    (found,) = LostLinks().measure(sets, rng=np.random.default_rng(0))
    return found


def test_what_is_lost_of_each_link_is_averaged_and_the_worst_is_named() -> None:
    """Of the septic 1 is in intensive care, of all .2; of those in intensive care .5 are septic, of all .1.

    That leaves two links, .8 and .4. In the synthetic set they are .25 - .2 and .125 - .1: a sixteenth of each. In the
    holdout they are .9 - .2 and .45 - .1: seven eighths.
    """
    found = _figure(TRAIN, _hospital(80, 72), _hospital(80, 20))
    assert found.n["links"] == 2
    assert found.value == pytest.approx(15 / 16)
    assert found.ceiling == pytest.approx(1 / 8)
    assert found.floor == pytest.approx(1, abs=0.2)
    assert found.interval is not None
    assert found.interval[0] < 15 / 16 < found.interval[1]
    assert found.details["more_than_half_lost"] == 2
    assert found.details["rows"] == [
        {
            "level": "ward = icu where diagnosis = sepsis",
            "patients": 80,
            "rate_train": 1.0,
            "rate_holdout": 0.9,
            "rate_synthetic": 0.25,
            "rate_of_all": pytest.approx(0.2),
        }
    ]


def test_a_link_that_is_kept_by_more_patients_is_kept() -> None:
    found = _figure(TRAIN, TRAIN, _hospital(160, 160, icu=320, n=1600))
    assert found.value == 0
    assert found.details["rows"] == []


def test_a_value_that_nobody_has_any_more_has_lost_its_links() -> None:
    found = _figure(TRAIN, None, _hospital(0, 0))
    assert found.value == 1
    assert found.ceiling is None
    assert found.details["rows"][0]["rate_synthetic"] is None


def test_what_holdout_patients_have_not_either_is_no_loss() -> None:
    found = _figure(TRAIN, _hospital(80, 20), _hospital(80, 20))
    assert found.value == found.ceiling == pytest.approx(15 / 16)
    assert found.details["rows"] == []


def test_values_of_few_patients_and_weak_links_do_not_count() -> None:
    assert _figure(_hospital(19, 19), None, TRAIN).status == "not_applicable"
    assert _figure(_hospital(80, 39), None, TRAIN).status == "not_applicable"  # 39 of 80 are .29 above .2


def test_many_rows_of_few_patients_are_no_link() -> None:
    rows = {"p": np.repeat(np.arange(40), 20)}  # the septic are four patients
    assert _figure(TRAIN | rows, None, TRAIN | rows, patient="p").status == "not_applicable"


def test_repeating_one_patients_rows_changes_nothing() -> None:
    once = {name: [*values, values[0]] for name, values in TRAIN.items()} | {"p": [*range(800), 0]}
    often = {name: [*values, *[values[0]] * 500] for name, values in TRAIN.items()} | {"p": [*range(800), *[0] * 500]}
    holdout, synthetic = (_hospital(80, k) | {"p": range(800)} for k in (72, 20))
    first, second = (_figure(train, holdout, synthetic, patient="p") for train in (once, often))
    assert first.value == pytest.approx(second.value)
    assert [row["level"] for row in first.details["rows"]] == [row["level"] for row in second.details["rows"]]
    assert first.details["rows"][0]["rate_train"] == pytest.approx(second.details["rows"][0]["rate_train"])


def test_a_perfect_generator_loses_nothing_and_shuffled_columns_lose_everything() -> None:
    named, above = 0, []
    for seed in range(20):
        (found,) = LostLinks().measure(against(draw(seed), seed), rng=np.random.default_rng(seed))
        named += bool(found.details["rows"])
        low, high = found.details["above_ceiling"]["interval"]
        above.append(low <= 0 <= high)
    assert named <= 3
    assert np.mean(above) >= 0.85
    (lost,) = LostLinks().measure(against(shuffled(draw(1), 2)), rng=np.random.default_rng(0))
    assert lost.value == pytest.approx(lost.floor, abs=0.1)
    assert lost.details["more_than_half_lost"] == lost.n["links"]
    assert {"ward", "lactate"} <= set(" ".join(row["level"] for row in lost.details["rows"]).split())


def test_the_shareable_form_tells_no_link_and_no_mean_over_few() -> None:
    inputs = {name: {"rows": 800, "patients": 800, "effective_patients": 800} for name in ("train", "synthetic")}

    def shared(metric: Metric) -> Metric:
        return redact(Evaluation(seed=1, synthgen="0", inputs=inputs, verdicts=(), metrics=(metric,))).metrics[0]

    few = shared(_figure(TRAIN, None, _hospital(80, 20)))
    assert (few.value, dict(few.details)) == (None, {})
    (many,) = LostLinks().measure(against(draw(3)), rng=np.random.default_rng(0))
    assert shared(many).value == pytest.approx(many.value, abs=0.025)
    assert "where" not in str(shared(many).details)


def test_the_interval_of_a_single_link_covers_its_mean() -> None:
    """Of 36 septic patients 24 are in intensive care, of 360 others one in ten: which set keeps the link is chance."""
    rng = np.random.default_rng(3)
    train = _hospital(36, 24, icu=60, n=396)
    found = []
    for _ in range(80):
        septic = rng.random(396) < 36 / 396
        icu = rng.random(396) < np.where(septic, 24 / 36, 0.1)
        drawn = {"diagnosis": np.where(septic, "sepsis", "other"), "ward": np.where(icu, "icu", "general")}
        found.append(_figure(train, None, drawn))
    assert {each.n["links"] for each in found} == {1}
    values = np.array([each.value for each in found])
    low, high = np.array([each.interval for each in found]).T
    assert ((low <= values.mean()) & (values.mean() <= high)).mean() > 0.9
