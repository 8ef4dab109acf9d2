"""Counting levels and their patients: merging is exact, however rows are cut, ordered and grouped."""

from __future__ import annotations

import random
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.encoding.levels import LevelCounts, smallest_hashes
from tests.encoding.build import cells, count, hashes


def counted(levels: LevelCounts) -> dict[object, tuple[int, int]]:
    """Rows and patients per level."""
    return {
        key: (int(rows), int(patients))
        for key, rows, patients in zip(levels.keys, levels.counts, levels.patients, strict=True)
    }


def test_a_patient_with_many_rows_is_one_patient() -> None:
    levels = count(["flu"] * 10 + ["cold"] * 2, patients=["Ada"] * 10 + ["Ada", "Bo"])
    assert counted(levels) == {"cold": (2, 2), "flu": (10, 1)}


def test_without_patients_rows_are_the_unit() -> None:
    assert counted(count([3, 1, 3])) == {1: (1, 1), 3: (2, 2)}


def test_patients_are_counted_up_to_the_width() -> None:
    assert counted(count(["x"] * 9, patients=list(range(9)), rare_below=4)) == {"x": (9, 4)}


def test_a_patient_in_two_chunks_is_counted_once() -> None:
    one, two = count(["x", "x"], patients=["Ada", "Bo"]), count(["x", "y"], patients=["Ada", "Cy"])
    assert counted(one.merge(two)) == {"x": (3, 2), "y": (1, 1)}


def test_levels_can_be_renamed_and_pooled() -> None:
    levels = count(["a", "b", "b", "c"], patients=["Ada", "Ada", "Bo", "Cy"])
    assert counted(levels.regroup(np.array(["x", "x", "c"], object))) == {"c": (1, 1), "x": (3, 2)}
    assert levels.pooled_patients() == 3
    assert levels.take(levels.counts > 9).pooled_patients() == 0


def test_only_chosen_texts_are_counted() -> None:
    column = cells(["a", "b", "a"], patients=["Ada", "Bo", "Cy"])
    assert counted(column.levels(np.array(["a", "b"], object), np.array([True, False]))) == {"a": (2, 2)}


def test_a_text_that_no_row_of_the_block_has_is_no_level() -> None:
    column = cells(["a", "b"], patients=["Ada", "Bo"])
    column = type(column)([*column.texts, "elsewhere"], column.indices, column.unit)
    names = np.array(column.texts, object)
    assert list(column.levels(names, np.ones(3, bool)).keys) == ["a", "b"]


@pytest.mark.parametrize("n_rows", [10, 2048, 2049, 20_000])
def test_the_smallest_hashes_are_those_that_sorting_finds(n_rows: int) -> None:
    rng = np.random.default_rng(n_rows)
    # Common levels and rare ones, and patients with several rows.
    level = np.minimum(rng.geometric(0.3, n_rows) - 1, 30)
    patient = hashes(rng.integers(0, n_rows // 2, n_rows).tolist())
    found = smallest_hashes(level, 31, patient, 5)
    for number in range(31):
        expected = sorted(set(patient[level == number].tolist()))[:5]
        assert found[number, : len(expected)].tolist() == expected
        assert (found[number, len(expected) :] == np.iinfo(np.uint64).max).all()


rows = st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 12)), min_size=1, max_size=80)


@given(rows, st.lists(st.integers(0, 80)), st.randoms(use_true_random=False))
def test_merging_is_exact_in_any_order_and_grouping(
    table: list[tuple[str, int]], cuts: list[int], order: random.Random
) -> None:
    def summary(part: list[tuple[str, int]]) -> LevelCounts:
        return count([text for text, _ in part], patients=[patient for _, patient in part], rare_below=3)

    bounds = [0, *sorted({cut for cut in cuts if 0 < cut < len(table)}), len(table)]
    parts = [summary(table[a:b]) for a, b in pairwise(bounds)]
    order.shuffle(parts)
    middle = len(parts) // 2 or 1
    left, right = parts[:middle], parts[middle:]
    merged = reduce(LevelCounts.merge, left)
    assert (merged.merge(reduce(LevelCounts.merge, right)) if right else merged) == summary(table)
