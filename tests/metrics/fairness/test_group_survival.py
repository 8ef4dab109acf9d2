"""Survival within groups: an arm whose patients live too long is named, and only that arm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from synthgen.metrics.base import FollowUp
from synthgen.metrics.fairness.group_survival import GroupSurvival
from synthgen.metrics.result import Evaluation, Metric
from synthgen.report.html import render
from synthgen.report.shareable import redact
from tests.metrics.build import comparison


def _trial(seed: int, n: int = 3000, longer: float = 1.0) -> dict[str, Any]:
    """Three arms; those of arm c live three times as long, and in a synthetic set ``longer`` times that."""
    rng = np.random.default_rng(seed)
    arm = rng.choice(["a", "b", "c"], n)
    died = rng.exponential(np.where(arm == "c", 3 * longer, 1.0))
    left = rng.exponential(4, n)
    dead = np.where(died <= left, "yes", "no")
    return {"arm": arm, "days": np.round(np.minimum(died, left), 3), "dead": dead}


def _figure(synthetic: dict[str, Any], holdout: bool = True, groups: tuple[str, ...] = ("arm",)) -> Metric:
    sets = comparison(_trial(1), _trial(2) if holdout else None, synthetic)
    named = replace(sets, survival=FollowUp("days", "dead", "yes"), groups=groups)
    (found,) = GroupSurvival().measure(named, rng=np.random.default_rng(0))
    return found


def test_the_arm_that_lives_too_long_comes_first_and_the_others_are_at_their_ceilings() -> None:
    found = _figure(_trial(3, longer=4))
    rows = {row["group"]: row for row in found.details["rows"]}
    assert found.details["worst_group"] == "arm = c"
    assert found.value == rows["arm = c"]["value"]
    assert found.value == pytest.approx(_area(), abs=0.05)
    assert found.interval is not None
    assert found.interval[0] > (found.ceiling or 0) + 0.05
    for arm in ("arm = a", "arm = b"):
        low, high = rows[arm]["interval"]
        assert low <= rows[arm]["ceiling"] <= high


def _area() -> float:
    """Between exp(-t / 3) and exp(-t / 12), to the time that 95 % of the real follow-up ends before, over that time."""
    until = float(np.quantile(_trial(1, 10**5)["days"], 0.95))
    return ((12 * (1 - np.exp(-until / 12))) - 3 * (1 - np.exp(-until / 3))) / until


def test_arms_of_swapped_patients_are_wrong_though_the_whole_is_right() -> None:
    swapped = _trial(3)
    swapped["arm"] = np.random.default_rng(0).permutation(swapped["arm"])
    found = _figure(swapped)
    assert found.interval is not None
    assert found.interval[0] > (found.ceiling or 0)


def test_a_perfect_generator_is_within_reach_in_every_arm() -> None:
    for seed in (3, 4, 5):
        for row in _figure(_trial(seed)).details["rows"]:
            assert row["interval"][0] <= row["ceiling"] <= row["interval"][1]


def test_what_it_needs() -> None:
    assert _figure(_trial(3), groups=()).reason == "the schema names no groups"
    assert _figure(_trial(3), holdout=False).ceiling is None
    nobody = _trial(3)
    nobody["dead"] = np.where(nobody["arm"] == "a", "no", nobody["dead"])
    assert _figure(nobody).details["not_assessed"] == ["arm = a"]


def test_the_curves_of_each_arm_are_drawn_and_not_shared() -> None:
    found = _figure(_trial(3, longer=4))
    inputs = {name: {"rows": 3000, "patients": 3000, "effective_patients": 3000} for name in ("train", "synthetic")}
    evaluation = Evaluation(seed=1, synthgen="0", inputs=inputs, verdicts=(), metrics=(found,))
    page = render(evaluation, "internal")
    assert all(f"Survival within groups: arm = {arm}" in page for arm in "abc")
    (shared,) = redact(evaluation).metrics
    assert {row["group"] for row in shared.details["rows"]} == {"arm = a", "arm = b", "arm = c"}
    assert "group_curves" not in shared.details
