"""Weights that give rows that obey the margins of the model, on dice whose answer is known by hand."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.encoding.domain import Domain, Scale
from synthgen.models.base import Codes
from synthgen.relational.rules.raking import Raking

DICE = tuple(Domain(name, name, 3, Scale.ORDERED) for name in ("a", "b"))


def margins(codes: Codes, weights: np.ndarray[tuple[int], np.dtype[np.float64]] | None = None) -> list[list[float]]:
    counted = [np.bincount(column, weights, minlength=3) for column in codes.T]
    return [(counts / counts.sum()).tolist() for counts in counted]


def test_the_second_die_is_never_above_the_first_and_all_six_pairs_are_equally_frequent() -> None:
    """Real pairs are: then a is 1, 2, 3 in 1, 2, 3 of six. A model without pairs breaks the rule; rejection alone makes
    the pair (3, 1) three times as frequent as (1, 1), and the weights undo exactly that."""
    a, b = np.repeat([0, 1, 1, 2, 2, 2], 6), np.tile([0, 0, 0, 1, 1, 2], 6)
    drawn = np.stack([a, b], 1).astype(np.int32)
    obeying = drawn[b <= a]
    raking = Raking.of(drawn, obeying, DICE, (0, 1))
    share = raking.accepted(obeying)
    assert margins(obeying)[0] != pytest.approx(margins(drawn)[0], abs=0.02)
    weighed = [share[(obeying == pair).all(axis=1)].sum() for pair in ((0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2))]
    assert weighed == pytest.approx([sum(weighed) / 6] * 6, rel=0.1)  # but for the weights that are cut
    assert 0.1 < share.min() <= share.max() == 1


def test_where_rows_that_obey_have_the_margins_already_all_are_looked_at() -> None:
    drawn = np.random.default_rng(0).integers(0, 3, (300, 2)).astype(np.int32)
    raking = Raking.of(drawn, drawn, DICE, (0, 1))
    assert raking.accepted(drawn) == pytest.approx(1)


def test_what_is_missing_is_weighted_by_itself() -> None:
    """Of two codes that are neighbours one means missing, and only the other is thinned out by the rule."""
    domain = Domain("a", "a", 2, Scale.NUMERIC, special=(1,), missing=(1,), positions=(1.0, 0.0))
    drawn = np.repeat([0, 1], [98, 2]).astype(np.int32)[:, None]
    obeying = np.repeat([0, 1], [49, 2]).astype(np.int32)[:, None]
    found = Raking.of(drawn, obeying, (domain,), (0,)).weights[0]
    assert found[0] / found[1] == pytest.approx(2)


def test_margins_that_rows_that_obey_cannot_have_do_not_leave_all_draws_aside() -> None:
    """Rows that obey have one face of the first die alone: no weights give both of them a half."""
    drawn = np.array([(a, b) for a in (0, 1) for b in (0, 1)] * 25, np.int32)
    obeying = np.repeat(np.array([(0, 0), (0, 1)], np.int32), [99, 1], axis=0)
    assert Raking.of(drawn, obeying, DICE, (0, 1)).accepted(obeying).mean() > 0.1
