from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from synthgen.metrics.base import FollowUp
from synthgen.metrics.result import Metric
from synthgen.metrics.utility.survival import Survival
from tests.metrics.build import comparison


def _draw(seed: int, n: int = 500, slope: float = 0.8) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    risk = rng.normal(size=n)
    died, left = rng.exponential(size=n) * np.exp(-slope * risk), rng.exponential(2, size=n)
    dead = np.where(died <= left, "yes", "no")
    return {"risk": risk, "noise": rng.normal(size=n), "days": np.round(np.minimum(died, left), 3), "dead": dead}


def _figures(synthetic: dict[str, Any], seed: int = 0) -> dict[str, Metric]:
    sets = comparison(_draw(1000 + seed), _draw(2000 + seed), synthetic)
    named = replace(sets, survival=FollowUp("days", "dead", "yes"))
    return {each.name: each for each in Survival().measure(named, rng=np.random.default_rng(seed))}


def test_a_perfect_generator_is_within_reach_of_the_ceiling() -> None:
    covered = []
    for seed in range(15):
        found = _figures(_draw(seed), seed)
        low, high = found["survival"].details["above_ceiling"]["interval"]
        covered.append(low <= 0 <= high)
    assert np.mean(covered) >= 0.8
    assert found["survival_concordance"].value == pytest.approx(found["survival_concordance"].ceiling, abs=0.03)
    assert (found["survival_hazards"].value or 9) < 0.2


def test_patients_who_live_twice_as_long_are_seen_in_the_curve_alone() -> None:
    columns = _draw(3)
    columns["days"] = 2 * columns["days"]
    found = _figures(columns)
    interval, ceiling = found["survival"].interval, found["survival"].ceiling
    assert interval is not None
    assert ceiling is not None
    assert interval[0] > 2 * ceiling
    assert found["survival_concordance"].value == pytest.approx(found["survival_concordance"].ceiling, abs=0.03)


def test_a_risk_that_is_lost_is_named() -> None:
    found = _figures(_draw(3, slope=0))
    row = found["survival_hazards"].details["rows"][0]
    assert row["column"] == "risk"
    assert row["difference"] == pytest.approx(-0.8, abs=0.25)
    turned = _figures(_draw(3, slope=-0.8))["survival_concordance"]
    assert turned.details["below_ceiling"]["interval"][1] < -0.2


def test_swapped_events_are_seen() -> None:
    columns = _draw(3)
    columns["dead"] = np.where(columns["dead"] == "yes", "no", "yes")
    found = _figures(columns)["survival"]
    assert (found.value or 0) > 5 * (found.ceiling or 1)


def test_what_has_no_follow_up_says_so() -> None:
    sets = comparison(_draw(1), _draw(2), _draw(3))
    assert Survival().measure(sets, rng=np.random.default_rng(0))[0].status == "not_applicable"
    nobody = _figures(_draw(3) | {"dead": ["no"] * 500})["survival"]
    assert (nobody.status, nobody.value) == ("not_assessable", None)
    assert "0 events" in nobody.reason
