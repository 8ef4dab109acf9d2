"""Rejection gives the conditional distribution, row by row, and gives up where there is none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.errors import NotApplicable
from synthgen.models._rejection import draw_until_met, probability_met
from synthgen.models.base import Codes

DOMAINS = (Domain("a", "a", 3, Scale.NOMINAL), Domain("b", "b", 2, Scale.NOMINAL))


def test_each_row_keeps_what_was_drawn_for_it() -> None:
    """The first draw of ``a`` is the row's own context; only rows whose ``b`` is 1 are taken."""
    rng = np.random.default_rng(1)

    def draw(positions: NDArray[np.int64]) -> Codes:
        return np.stack([positions % 3, rng.random(len(positions)) < 0.3], axis=1).astype(np.int32)

    codes = draw_until_met(draw, 60, {1: np.array([False, True])}, DOMAINS, np.random.default_rng(2))
    assert codes.tolist() == [[row % 3, 1] for row in range(60)]


def _draw(rng: np.random.Generator) -> Callable[[NDArray[np.int64]], Codes]:
    """``b`` is 1 in nine of ten rows where ``a`` is 2, in one of ten elsewhere; positions are the rows' context."""

    def draw(positions: NDArray[np.int64]) -> Codes:
        a = rng.integers(0, 3, len(positions))
        b = rng.random(len(positions)) < np.where(a == 2, 0.9, 0.1)
        return np.stack([a, b], axis=1).astype(np.int32)

    return draw


def test_what_is_drawn_meets_the_condition_and_keeps_the_rest() -> None:
    """P(a = 2 | b = 1) is .9 / 1.1."""
    codes = draw_until_met(
        _draw(np.random.default_rng(1)), 9000, {1: np.array([False, True])}, DOMAINS, np.random.default_rng(2)
    )
    assert (codes[:, 1] == 1).all()
    assert (codes[:, 0] == 2).mean() == pytest.approx(0.9 / 1.1, abs=0.015)


def test_each_row_has_its_own_condition() -> None:
    asked = np.array([0, 1, 2, UNOBSERVED] * 50, np.int32)
    codes = draw_until_met(_draw(np.random.default_rng(1)), 200, {0: asked}, DOMAINS, np.random.default_rng(2))
    assert (codes[asked >= 0, 0] == asked[asked >= 0]).all()


def test_what_never_comes_is_refused_by_the_column_s_name() -> None:
    with pytest.raises(NotApplicable, match="asked of a in"):
        draw_until_met(_draw(np.random.default_rng(1)), 5, {0: np.zeros(3, bool)}, DOMAINS, np.random.default_rng(2))


def test_what_comes_once_in_a_hundred_comes_for_every_row() -> None:
    """Tried 300 times each, one row in twenty would go without."""
    rng = np.random.default_rng(1)

    def draw(positions: NDArray[np.int64]) -> Codes:
        return np.stack([np.zeros(len(positions)), rng.random(len(positions)) < 0.01], axis=1).astype(np.int32)

    assert (draw_until_met(draw, 400, {1: np.array([False, True])}, DOMAINS, np.random.default_rng(2))[:, 1] == 1).all()


def test_masks_and_fixed_codes_are_met_together() -> None:
    codes = np.array([[0, 1], [2, 1], [2, 0]], np.int32)
    own = np.array([[True, False, False], [False, False, True], [False, True, False]])
    assert probability_met(codes, {0: own}).tolist() == [1, 1, 0]
    assert probability_met(codes, {0: own, 1: np.array([UNOBSERVED, 0, UNOBSERVED], np.int32)}).tolist() == [1, 0, 0]
