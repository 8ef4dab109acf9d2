"""Whether everyone is served alike: a subgroup dropped, garbled or mispredicted is seen and named."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.fairness.group_accuracy import GroupAccuracy
from synthgen.metrics.fairness.group_utility import GroupUtility
from synthgen.metrics.fairness.representation import Representation
from synthgen.metrics.groups import groups
from synthgen.metrics.result import Metric, Verdict
from tests.metrics.build import comparison
from tests.metrics.fidelity.world import draw

GROUPS = ("sex", "ward")


def _against(synthetic: dict[str, Any], seed: int = 0) -> Comparison:
    sets = comparison(draw(1000 + seed), draw(2000 + seed), synthetic, target="died")
    return replace(sets, groups=GROUPS)


def _figure(measure: Measure, synthetic: dict[str, Any], seed: int = 0) -> Metric:
    return measure.measure(_against(synthetic, seed), rng=np.random.default_rng(seed))[0]


def _women_in_intensive_care(columns: dict[str, Any]) -> Any:
    return (columns["sex"] == "f") & (columns["ward"] == "icu")


def test_groups_are_labels_and_pairs_of_them_with_patients_enough() -> None:
    columns = {
        "p": np.arange(200) // 2,
        "sex": np.where(np.arange(200) < 120, "f", "m"),
        "race": np.where(np.arange(200) % 120 < 116, "a", "b"),
    }
    sets = replace(comparison(columns, None, columns, patient="p"), groups=("sex", "race"))
    assessed, small = groups(sets, fewest=20)
    assert [group.name for group in assessed] == ["sex = f", "sex = m", "sex = f, race = a", "sex = m, race = a"]
    assert {group.name for group in small} == {"race = b", "sex = f, race = b"}
    with pytest.raises(NotApplicable, match="no group has 90"):
        groups(sets, fewest=90)


def test_a_log_ratio_by_hand() -> None:
    real = {"sex": ["f"] * 100 + ["m"] * 100}
    made = {"sex": ["f"] * 50 + ["m"] * 150}
    sets = replace(comparison(real, None, made), groups=("sex",))
    found = Representation().measure(sets, rng=np.random.default_rng(0))[0]
    assert found.value == pytest.approx(np.log(150.5 / 50.5))
    row = found.details["rows"][0]
    assert row["log_ratio"] == pytest.approx(-np.log(150.5 / 50.5))
    reach = 1.96 * np.sqrt(2 / 100.5 + 1 / 50.5 + 1 / 150.5)
    assert row["interval"] == pytest.approx([row["log_ratio"] - reach, row["log_ratio"] + reach], abs=1e-3)


def test_a_perfect_generator_keeps_every_group() -> None:
    zero, covered = [], []
    for seed in range(20):
        found = _figure(Representation(), draw(seed), seed)
        zero += [row["interval"][0] <= 0 <= row["interval"][1] for row in found.details["rows"]]
        low, high = _figure(GroupAccuracy(), draw(seed), seed).details["below_ceiling"]["interval"]
        covered.append(low <= 0 <= high)
    assert np.mean(zero) >= 0.9
    assert np.mean(covered) >= 0.85


def test_a_subgroup_that_is_dropped_is_named() -> None:
    columns = draw(5, 3000)
    gone = _women_in_intensive_care(columns)
    columns = {name: values[~gone][:1500] for name, values in columns.items()}
    found = _figure(Representation(), columns)
    assert found.details["rows"][0]["group"] == "sex = f, ward = icu"
    assert found.interval is not None
    assert found.interval[0] > (found.ceiling or 0)
    accuracy = _figure(GroupAccuracy(), columns)
    assert accuracy.details["rows"][0]["group"] == "sex = f, ward = icu"
    assert accuracy.details["rows"][0]["value"] is None
    assert "sex = f, ward = icu" in accuracy.details["not_assessed"]


def test_a_subgroup_whose_columns_are_shuffled_is_named() -> None:
    columns = draw(6)
    inside = np.flatnonzero(_women_in_intensive_care(columns))
    for name in ("crp", "lactate", "died"):
        columns[name] = columns[name].copy()
        columns[name][inside] = np.random.default_rng(1).permutation(draw(7)[name])[inside]
    found = _figure(GroupAccuracy(), columns)
    assert found.details["worst_group"] == "sex = f, ward = icu"
    assert found.details["below_ceiling"]["interval"][1] < 0


def _verdict(sets: Comparison, measure: GroupAccuracy = GroupAccuracy()) -> Verdict:  # noqa: B008  frozen
    (line,) = measure.judge(measure.measure(sets, rng=np.random.default_rng(0)), sets)
    return line


def test_equity_passes_where_no_group_can_be_further_below_its_ceiling_than_the_limit() -> None:
    sets = replace(comparison(draw(1, 4000), draw(2, 4000), draw(3, 4000)), groups=("sex",))
    line = _verdict(sets)
    assert (line.verdict, line.threshold, line.p) == ("pass", 0.05, None)
    assert line.detail.startswith("of 2 groups the furthest below: sex = ")


def test_equity_fails_for_a_garbled_group_though_all_others_are_perfect_and_names_it_alone() -> None:
    columns = draw(6)
    inside = np.flatnonzero(_women_in_intensive_care(columns))
    for name in ("crp", "lactate", "died"):
        columns[name] = columns[name].copy()
        columns[name][inside] = columns[name][inside][0]
    line = _verdict(_against(columns))
    assert line.verdict == "fail"
    assert "sex = f, ward = icu" in line.detail
    assert "sex = m" not in line.detail


def test_equity_fails_where_a_group_was_not_generated() -> None:
    columns = draw(5, 3000)
    gone = _women_in_intensive_care(columns)
    line = _verdict(_against({name: values[~gone][:1500] for name, values in columns.items()}))
    assert line.verdict == "fail"
    assert "hardly any patient of sex = f, ward = icu was generated" in line.detail


def test_equity_is_an_open_question_where_the_limit_lies_within_the_interval() -> None:
    measure = GroupAccuracy()
    row = {
        "group": "sex = f",
        "patients": 900,
        "patients_synthetic": 900,
        "value": 0.88,
        "ceiling": 0.94,
        "difference_from_ceiling": [-0.09, -0.03],
    }
    sets = _against(draw(3))
    (metric,) = measure.measure(sets, rng=np.random.default_rng(0))
    metric = replace(metric, n={**metric.n, "groups": 1, "groups_too_small": 2}, details={"rows": [row]})
    (line,) = measure.judge((metric,), sets)
    assert line.verdict == "not_assessable"
    assert line.detail == (
        "sex = f, -0.060 from its ceiling, interval -0.090 to -0.030: the limit lies within; "
        "2 groups have too few patients to tell"
    )
    # As wide an interval around no difference might reach the limit by chance: of that group nothing is said.
    wide = row | {"value": 0.92, "difference_from_ceiling": [-0.055, 0.015]}
    (line,) = measure.judge((replace(metric, details={"rows": [wide]}),), sets)
    assert line.detail == "no group has patients enough; 3 groups have too few patients to tell"


def test_equity_says_nothing_of_groups_of_too_few_patients() -> None:
    columns = draw(3)
    sets = replace(_against(columns), holdout=comparison(draw(1), draw(2, 60), columns).holdout)
    line = _verdict(sets, GroupAccuracy(fewest=20))
    assert line.verdict == "not_assessable"
    assert line.detail.startswith("no group has patients enough; ")


def test_equity_is_not_guessed_without_a_holdout_and_not_asked_for_without_groups() -> None:
    sets = replace(comparison(draw(1), None, draw(3)), groups=("sex",))
    line = _verdict(sets)
    assert line.verdict == "not_assessable"
    assert "no ceiling" in line.detail
    measure, groupless = GroupAccuracy(), replace(sets, groups=())
    assert measure.judge(measure.measure(groupless, rng=np.random.default_rng(0)), groupless) == ()


def test_equity_never_fails_for_a_perfect_generator() -> None:
    said = [_verdict(_against(draw(seed), seed)).verdict for seed in range(20)]
    assert "fail" not in said


def test_a_subgroup_whose_outcome_is_turned_around_is_named() -> None:
    columns = draw(8)
    inside = columns["sex"] == "f"
    columns["died"] = np.where(inside, np.where(columns["died"] == "yes", "no", "yes"), columns["died"])
    found = _figure(GroupUtility(rounds=20), columns)
    assert found.details["worst_group"].startswith("sex = f")
    assert found.details["below_ceiling"]["interval"][1] < -0.2
    other = next(row for row in found.details["rows"] if row["group"] == "sex = m")
    assert other["difference"] > -0.1


@pytest.mark.parametrize("measure", [Representation(), GroupAccuracy(), GroupUtility()])
def test_without_groups_nothing_applies(measure: Measure) -> None:
    sets = comparison(draw(1), draw(2), draw(3), target="died")
    (found,) = measure.measure(sets, rng=np.random.default_rng(0))
    assert (found.status, found.reason) == ("not_applicable", "the schema names no groups")
