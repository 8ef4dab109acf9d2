from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.result import Metric
from synthgen.metrics.utility.inference import Inference
from tests.metrics.build import comparison
from tests.metrics.fidelity.world import against, draw, shuffled


def _figures(synthetic: dict[str, object], seed: int = 0) -> tuple[Metric, ...]:
    return Inference().measure(against(synthetic, seed), rng=np.random.default_rng(seed))


def test_a_perfect_generator_overlaps_as_the_holdout_does() -> None:
    gaps, covered = [], []
    for seed in range(12):
        overlapping, difference = _figures(draw(seed), seed)
        assert overlapping.value is not None
        assert overlapping.ceiling is not None
        gaps.append(overlapping.value - overlapping.ceiling)
        covered.append((difference.value, *(difference.interval or ())))
    assert np.mean(gaps) == pytest.approx(0, abs=0.05)
    expected = np.mean([value for value, _, _ in covered])
    assert np.mean([low <= expected <= high for _, low, high in covered]) >= 0.8


def test_shuffled_columns_are_the_floor() -> None:
    overlapping, difference = _figures(shuffled(draw(1), 2))
    assert overlapping.value == pytest.approx(overlapping.floor, abs=0.1)
    assert difference.value == pytest.approx(difference.floor, rel=0.25)
    assert difference.interval is not None
    assert difference.ceiling is not None
    assert difference.interval[0] > difference.ceiling


def test_every_mean_moved_by_one_standard_deviation_is_no_large_overlap() -> None:
    """Intervals of plus and minus two standard deviations, instead of errors, would overlap by three quarters."""
    columns = draw(12)
    for name in ("crp", "lactate", "age"):
        columns[name] = columns[name] + np.nanstd(columns[name])
    columns["died"] = np.where(np.random.default_rng(0).random(len(columns["died"])) < 0.5, "yes", columns["died"])
    overlapping, _ = _figures(columns)
    assert overlapping.value is not None
    assert overlapping.value < 0.6


def test_a_conclusion_that_is_turned_around_is_named() -> None:
    columns = draw(3)
    columns["lactate"] = -columns["lactate"]
    row = _figures(columns)[0].details["rows"][0]
    assert (row["column"], row["term"]) == ("lactate", "per SD")
    assert row["overlap"] == 0
    assert row["coefficient_train"] * row["coefficient_synthetic"] < 0


def test_synthetic_errors_include_those_of_the_training_set() -> None:
    """At n_synthetic = n_training the synthetic error is sqrt(2) times what the records alone would say."""
    records = draw(5)
    found = Inference().measure(comparison(records, draw(6), records, target="died"), rng=np.random.default_rng(0))
    for row in found[0].details["rows"]:
        assert row["error_synthetic"] == pytest.approx(np.sqrt(2) * row["error_train"])
        assert row["overlap"] == pytest.approx((1 + np.sqrt(0.5)) / 2)


def test_a_column_that_repeats_another_has_no_coefficient_of_its_own() -> None:
    sets = [columns | {"ward number": np.where(columns["ward"] == "icu", 2.0, 1.0)} for columns in map(draw, (1, 2, 3))]
    found = Inference().measure(comparison(*sets, target="died"), rng=np.random.default_rng(0))[0]
    named = {row["column"] for row in found.details["rows"]}
    assert "ward" in named
    assert "ward number" not in named


def test_without_a_target_it_does_not_apply() -> None:
    sets = comparison(draw(1), draw(2), draw(3))
    assert {each.status for each in Inference().measure(sets, rng=np.random.default_rng(0))} == {"not_applicable"}
