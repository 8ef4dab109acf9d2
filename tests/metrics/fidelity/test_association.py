"""Associations of pairs: which pairs count, which of them are strong, and which are named."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from synthgen.metrics.fidelity.association import Association
from synthgen.metrics.result import Metric
from tests.metrics.build import comparison
from tests.metrics.fidelity.world import against, draw

N = 600


def _table(seed: int, *, tied: bool = True, others: int = 8, nearly_constant: int = 0) -> dict[str, Any]:
    """One certain link, of the ward to the diagnosis, among many columns that hang together with nothing."""
    rng = np.random.default_rng(seed)
    diagnosis = rng.choice(["a", "b", "c"], N)
    table: dict[str, Any] = {"diagnosis": diagnosis, "ward": diagnosis if tied else rng.permutation(diagnosis)}
    table |= {f"x{k}": rng.choice(["yes", "no"], N) for k in range(others)}
    table |= {f"rare{k}": np.where(rng.random(N) < 0.02, "yes", "no") for k in range(nearly_constant)}
    return table


def _figures(synthetic: dict[str, Any], seed: int = 0, **more: Any) -> dict[str, Metric]:
    sets = comparison(_table(100 + seed, **more), _table(200 + seed, **more), synthetic)
    return {metric.name: metric for metric in Association().measure(sets, rng=np.random.default_rng(seed))}


def test_one_certain_link_that_is_lost_is_a_forty_fifth_of_all_pairs_and_all_of_the_strong() -> None:
    found = _figures(_table(1, tied=False))
    whole, strong = found["association"], found["association_strong"]
    assert (whole.n["pairs"], strong.n["pairs"]) == (45, 1)
    assert whole.value == pytest.approx(1 / 45 + (whole.ceiling or 0), abs=0.01)
    assert strong.value == pytest.approx(1, abs=0.1)
    assert strong.ceiling == pytest.approx(0, abs=0.01)
    assert strong.floor == pytest.approx(1, abs=0.1)
    assert [row["pair"] for row in whole.details["rows"]] == ["diagnosis × ward"]
    assert [row["pair"] for row in strong.details["rows"]] == ["diagnosis × ward"]


def test_pairs_that_differ_by_chance_alone_are_not_named() -> None:
    """Among nearly constant columns three patients make an association of a third."""
    named, largest = 0, []
    for seed in range(20):
        whole = _figures(_table(seed, nearly_constant=6), seed, nearly_constant=6)["association"]
        named += bool(whole.details["rows"])
        largest.append(whole.details["max_difference"])
    assert np.median(largest) > 0.1
    assert named <= 4


def _ages(seed: int, n: int, tied: float) -> dict[str, Any]:
    """The diagnosis, of 25, tells a part of the age."""
    rng = np.random.default_rng(seed)
    diagnosis = rng.integers(0, 25, n)
    return {"diagnosis": diagnosis.astype(str), "age": 60 + tied * (diagnosis - 12) + rng.normal(0, 10, n)}


def test_a_named_pair_is_shown_as_all_records_have_it() -> None:
    """Of 300 records a weak association is 0 in one of many draws, for the correction of bias leaves nothing of it."""
    shown = []
    for seed in range(5):
        sets = comparison(_ages(seed, 3000, 1.0), _ages(50 + seed, 300, 1.0), _ages(100 + seed, 3000, 0.2))
        (whole, _) = Association().measure(sets, rng=np.random.default_rng(seed))
        (row,) = whole.details["rows"]
        assert row["train"] == pytest.approx(0.58, abs=0.04)
        assert row["difference"] == row["synthetic"] - row["train"]
        shown.append(row["synthetic"])
    assert shown == pytest.approx([0.14] * 5, abs=0.05)


def test_columns_that_hardly_vary_among_as_many_records_are_left_out() -> None:
    """Forty of 3,000 patients are four where only 300 are compared, and four make an association of a third."""
    rare = {"rare": ["y"] * 40 + ["x"] * 2960}
    sets = comparison(
        _ages(1, 3000, 1.0) | rare, _ages(2, 300, 1.0) | {"rare": ["x"] * 300}, _ages(3, 3000, 1.0) | rare
    )
    (whole, _) = Association().measure(sets, rng=np.random.default_rng(0))
    assert whole.details["matrices"]["columns"] == ["diagnosis", "age"]


def test_columns_that_hardly_vary_are_left_out() -> None:
    constant = {"same": ["x"] * N, "ten": ["y"] * 10 + ["x"] * (N - 10), "number": [7.0] * N, "gone": [None] * N}
    eleven = {"eleven": ["y"] * 11 + ["x"] * (N - 11), "lab": [1.0] * 11 + [2.0] * (N - 11)}
    sets = comparison(*(_table(seed, others=0) | constant | eleven for seed in range(3)))
    (whole, _) = Association().measure(sets, rng=np.random.default_rng(0))
    assert whole.details["matrices"]["columns"] == ["diagnosis", "ward", "eleven", "lab"]
    assert whole.n["pairs"] == 6


def test_rows_of_ten_patients_are_still_of_ten_patients() -> None:
    rows = {"p": np.repeat(np.arange(N // 2), 2), "twenty": ["y"] * 20 + ["x"] * (N - 20)}
    sets = comparison(*(_table(seed, others=0) | rows for seed in range(3)), patient="p")
    (whole, _) = Association().measure(sets, rng=np.random.default_rng(0))
    assert "twenty" not in whole.details["matrices"]["columns"]


def test_where_nothing_hangs_together_there_is_no_strong_pair() -> None:
    strong = _figures(_table(1, tied=False), tied=False)["association_strong"]
    assert strong.status == "not_applicable"
    assert "0.3" in strong.reason


def test_of_a_perfect_generator_strong_pairs_are_at_the_ceiling() -> None:
    covered = []
    for seed in range(20):
        (_, strong) = Association().measure(against(draw(seed), seed), rng=np.random.default_rng(seed))
        low, high = strong.details["above_ceiling"]["interval"]
        covered.append(low <= 0 <= high)
    assert np.mean(covered) >= 0.85
