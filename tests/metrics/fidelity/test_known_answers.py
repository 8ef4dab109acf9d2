"""Generators whose faults are known: each fidelity measure sees its own, and names the column."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthgen.metrics.base import Measure
from synthgen.metrics.fidelity.accuracy import Accuracy
from synthgen.metrics.fidelity.association import Association
from synthgen.metrics.fidelity.c2st import C2st
from synthgen.metrics.fidelity.marginals import Marginals
from synthgen.metrics.fidelity.missingness import Missingness
from synthgen.metrics.result import Metric
from tests.metrics.build import comparison
from tests.metrics.fidelity.world import N, against, draw, shuffled


def _figures(measure: Measure, synthetic: dict[str, Any], seed: int = 0) -> dict[str, Metric]:
    found = measure.measure(against(synthetic, seed), rng=np.random.default_rng(seed))
    return {metric.name: metric for metric in found}


def _gap(metric: Metric) -> float:
    """How far the value is from the ceiling, where 1 is as far as the floor."""
    assert metric.value is not None
    assert metric.floor is not None
    assert metric.ceiling is not None
    return (metric.value - metric.ceiling) / (metric.floor - metric.ceiling)


@pytest.mark.parametrize("measure", [Accuracy(), Marginals(), Missingness(columns=1), Association()])
def test_a_perfect_generator_is_at_the_ceiling(measure: Measure) -> None:
    covered = []
    for seed in range(20):
        for metric in _figures(measure, draw(seed), seed).values():
            difference = metric.details.get("below_ceiling") or metric.details.get("above_ceiling")
            if difference:
                low, high = difference["interval"]
                covered.append(low <= 0 <= high)
    assert np.mean(covered) >= 0.85


def test_a_perfect_generator_cannot_be_told_apart() -> None:
    found = _figures(C2st(), draw(5))
    for metric in found.values():
        assert metric.value == pytest.approx(0.5, abs=0.05)
        assert metric.ceiling == pytest.approx(0.5, abs=0.05)
        assert metric.floor is not None
        assert metric.floor > 0.75


def test_shuffled_columns_are_seen_in_pairs_and_not_alone() -> None:
    columns = shuffled(draw(6), 7)
    accuracy = _figures(Accuracy(), columns)
    one = accuracy["accuracy_1"]
    assert one.value == pytest.approx(one.ceiling, abs=0.01)
    assert abs(_gap(accuracy["accuracy_2"]) - 1) < 0.2
    assert abs(_gap(accuracy["accuracy_3"]) - 1) < 0.2
    assert abs(_gap(_figures(Association(), columns)["association"]) - 1) < 0.2
    marginals = _figures(Marginals(), columns)["marginals"]
    assert marginals.value == pytest.approx(marginals.ceiling, abs=0.01)
    assert (_figures(C2st(), columns)["c2st"].value or 0) > 0.75


def test_a_column_times_a_thousand_is_named() -> None:
    columns = draw(8)
    columns["crp"] = columns["crp"] * 1000
    assert _figures(Accuracy(), columns)["accuracy_1"].details["rows"][0]["column"] == "crp"
    row = _figures(Marginals(), columns)["marginals"].details["rows"][0]
    assert row["column"] == "crp"
    assert row["wasserstein"] > 100
    assert _figures(C2st(), columns)["c2st"].details["rows"][0]["column"] == "crp"


def test_a_column_nine_tenths_missing_is_named() -> None:
    columns = draw(9)
    columns["lactate"] = np.where(np.random.default_rng(0).random(N) < 0.9, np.nan, columns["lactate"])
    found = _figures(Missingness(), columns)["missingness"]
    assert found.value is not None
    assert found.value > 0.8
    assert found.details["rows"][0]["column"] == "lactate"
    assert found.details["rows"][0]["difference"] == pytest.approx(0.9, abs=0.05)
    assert _figures(Accuracy(), columns)["accuracy_1"].details["rows"][0]["column"] == "lactate"


def test_missing_rates_that_differ_by_chance_alone_are_not_named() -> None:
    named = 0
    for seed in range(20):
        (patterns, _) = Missingness().measure(against(draw(seed), seed), rng=np.random.default_rng(seed))
        named += bool(patterns.details["rows"])
        assert [row["column"] for row in patterns.details["rows_by_patient"]] == ["crp"]
    assert named <= 3


def test_missing_at_random_where_reality_is_not() -> None:
    columns = draw(10)
    columns["crp"] = np.where(
        np.random.default_rng(0).permutation(np.isnan(columns["crp"])), np.nan, np.exp(columns["lactate"])
    )
    found = _figures(Missingness(), columns)
    assert abs(found["missingness"].value or 0) < 0.08  # the rate is right
    informative = found["missingness_informative"]
    assert informative.details["rows"][0]["column"] == "crp"
    assert abs(_gap(informative) - 1) < 0.35


def test_two_labels_swapped_are_named() -> None:
    columns = draw(11)
    columns["ward"] = np.where(columns["ward"] == "icu", "general", "icu")
    assert _figures(Accuracy(), columns)["accuracy_1"].details["rows"][0]["column"] == "ward"
    row = _figures(Marginals(), columns)["marginals"].details["rows"][0]
    assert row["column"] == "ward"
    assert row["distance"] > 0.5


def test_every_mean_moved_by_one_standard_deviation() -> None:
    columns = draw(12)
    for name in ("crp", "lactate", "age"):
        columns[name] = columns[name] + np.nanstd(columns[name])
    rows = _figures(Marginals(), columns)["marginals"].details["rows"]
    assert {row["column"] for row in rows[:3]} == {"crp", "lactate", "age"}
    assert all(row["distance"] > 0.2 for row in rows[:3])
    association = _figures(Association(), columns)["association"]
    assert association.value == pytest.approx(association.ceiling, abs=0.015)  # nothing hangs together differently


def test_an_invented_association_is_named() -> None:
    columns = draw(13)
    columns["sex"] = np.where(columns["ward"] == "icu", "f", columns["sex"])
    row = _figures(Association(), columns)["association"].details["rows"][0]
    assert set(row["pair"].split(" × ")) & {"sex"}
    assert row["difference"] > 0.2


def test_ceilings_of_sparse_cells_are_what_fresh_draws_score() -> None:
    """Three columns of 13 Zipf levels, 500 rows: 2,197 joint cells, most of them empty."""
    law = 1 / np.arange(1, 13)

    def table(rng: np.random.Generator) -> dict[str, Any]:
        return {name: rng.choice([f"L{k:02}" for k in range(12)], 500, p=law / law.sum()) for name in "abc"}

    claimed = []
    rng = np.random.default_rng(0)
    for _ in range(40):
        sets = comparison(table(rng), table(rng), table(rng))
        claimed.append([metric.ceiling for metric in Accuracy().measure(sets, rng=rng)])
    # By simulation on its own: 10 commonest labels, the last two together as "other".
    simulated = []
    for _ in range(200):
        counts = [np.zeros((11, 11, 11)) for _ in range(2)]
        for count in counts:
            drawn = np.minimum(rng.choice(12, (3, 500), p=law / law.sum()), 10)
            np.add.at(count, tuple(drawn), 1 / 500)
        simulated.append(1 - np.abs(counts[0] - counts[1]).sum() / 2)
    assert np.mean([ceiling[2] for ceiling in claimed]) == pytest.approx(np.mean(simulated), abs=0.01)
