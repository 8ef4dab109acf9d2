from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.metrics.attacks import neighbours
from synthgen.metrics.attacks.neighbours import Frame, Points, log_density, nearest
from synthgen.metrics.base import Records, Variable

VARIABLES = (
    Variable("small", "numeric", ("neg",)),
    Variable("large", "numeric", ("neg",)),
    Variable("few", "categorical"),
    Variable("many", "categorical"),
    Variable("more", "categorical"),
)


def random_records(n: int, rng: np.random.Generator) -> Records:
    state = {name: rng.choice([0, 0, 0, -1, 1], n).astype(np.int32) for name in ("small", "large")}
    numbers = {
        "small": np.where(state["small"] == 0, rng.integers(0, 5, n).astype(float), np.nan),
        "large": np.where(state["large"] == 0, rng.integers(0, 5, n) * 1e6 + 7e7, np.nan),
    }
    codes = {"few": rng.integers(-1, 3, n), "many": rng.integers(-1, 20, n), "more": rng.integers(0, 300, n)}
    return Records(np.arange(n), numbers, state | {name: values.astype(np.int32) for name, values in codes.items()})


def all_squared(queries: Points, pool: Points) -> np.ndarray:
    squared = (queries.codes[:, :, None] != pool.codes[:, None, :]).sum(axis=0).astype(float)
    for a, has_a, b, has_b in zip(queries.numbers, queries.present, pool.numbers, pool.present, strict=True):
        squared += np.where(has_a[:, None] & has_b[None, :], (a[:, None] - b[None, :]) ** 2, 0.0)
    return squared


@settings(max_examples=25, deadline=None)
@given(
    *(st.integers(0, 2**32 - 1), st.integers(1, 60), st.integers(1, 80)),
    *(st.sampled_from([slice(0, 5), slice(2, 5)]), st.booleans()),
)
def test_neighbours_and_ties_are_those_of_the_full_matrix(
    seed: int, n: int, size: int, kept: slice, one_by_one: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        if one_by_one:  # as where most records have the commonest level
            patch.setattr(neighbours, "PAIR_COST", 0.0)
            patch.setattr(neighbours, "QUERY_COST", 0.0)
        _compare_with_the_full_matrix(seed, n, size, kept)


def _compare_with_the_full_matrix(seed: int, n: int, size: int, kept: slice) -> None:
    rng = np.random.default_rng(seed)
    variables = VARIABLES[kept]
    a, b = random_records(n, rng), random_records(size, rng)
    frame = Frame.of(variables, b)
    queries, pool = Points.of(variables, a, frame), Points.of(variables, b, frame)
    squared = all_squared(queries, pool)
    tied = squared <= squared.min(axis=1)[:, None] + 1e-9
    pairs: set[tuple[int, int]] = set()
    for block in nearest(queries, pool, further=True):
        stop = block.start + len(block.distance)
        np.testing.assert_allclose(block.distance, np.sqrt(squared[block.start : stop].min(axis=1)), atol=1e-9)
        further = np.where(tied, np.inf, squared)[block.start : stop].min(axis=1)
        np.testing.assert_allclose(block.further, np.sqrt(further), atol=1e-9)
        pairs |= set(zip((block.query + block.start).tolist(), block.neighbour.tolist(), strict=True))
    assert pairs == set(zip(*(part.tolist() for part in np.nonzero(tied)), strict=True))


def test_distance_by_hand() -> None:
    # Scale: the pool's numbers 0 and 4 have standard deviation 2, so one unit is 4.
    variables = (Variable("x", "numeric"), Variable("c", "categorical", ("a", "b")))
    none = np.zeros(2, dtype=np.int32)
    pool = Records(np.arange(2), {"x": np.array([0.0, 4.0])}, {"x": none, "c": none})
    query = Records(
        np.arange(3),
        {"x": np.array([1.0, np.nan, 4.0])},
        {"x": np.array([0, -1, 0], dtype=np.int32), "c": np.array([0, 0, 1], dtype=np.int32)},
    )
    frame = Frame.of(variables, pool)
    (block,) = nearest(Points.of(variables, query, frame), Points.of(variables, pool, frame))
    assert block.distance == pytest.approx([0.25, 1.0, 1.0])  # a number; missing against a number; a category
    assert (block.query.tolist(), block.neighbour.tolist()) == ([0, 1, 1, 2], [0, 0, 1, 1])


def test_an_empty_pool_is_refused() -> None:
    records = random_records(3, np.random.default_rng(0))
    points = Points.of(VARIABLES, records, Frame.of(VARIABLES, records))
    empty = points.take(np.empty(0, dtype=np.int64))
    with pytest.raises(ValueError, match="at least one point"):
        list(nearest(points, empty))


def test_a_log_density_is_the_mean_of_kernels() -> None:
    rng = np.random.default_rng(0)
    variables = VARIABLES[2:]
    a, b = random_records(30, rng), random_records(50, rng)
    queries, pool = (Points.of(variables, records, Frame({})) for records in (a, b))
    expected = np.log(np.exp(-all_squared(queries, pool) / (2 * 0.5**2)).mean(axis=1))
    np.testing.assert_allclose(log_density(queries, pool, 0.5), expected, rtol=1e-5)
