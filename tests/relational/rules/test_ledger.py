"""No beginning of the rows that have come holds more that break a rule than its limit, in whatever order they come."""

from __future__ import annotations

import numpy as np

from synthgen.relational.rules.ledger import Ledger


def ledger(*limits: float, place: list[int], sizes: list[int] | None = None) -> Ledger:
    counted = np.ones(len(place), np.int64) if sizes is None else np.array(sizes)
    return Ledger(np.array(limits), np.array(place), counted)


def test_of_two_rows_one_may_break_a_rule_that_half_of_the_real_rows_break_and_it_is_not_the_first() -> None:
    kept = ledger(0.5, place=[0, 1])
    kept.open(np.array([0, 1]))
    assert not kept.lets(0, np.array([True]))
    assert kept.lets(1, np.array([True]))
    assert not kept.lets(1, np.array([True]))


def test_a_row_must_be_allowed_by_every_rule_that_it_breaks() -> None:
    kept = ledger(1.0, 0.0, place=[0])
    kept.open(np.array([0]))
    assert kept.has_room(np.array([[True, False], [True, True]])).tolist() == [True, False]
    assert not kept.lets(0, np.array([True, True]))
    assert kept.lets(0, np.array([True, False]))


def test_a_patient_counts_as_all_rows() -> None:
    kept = ledger(0.5, place=[0, 1], sizes=[3, 2])
    kept.open(np.array([0, 1]))
    assert kept.lets(1, np.array([True]))  # two of five
    assert not kept.lets(0, np.array([True]))


def test_rows_that_come_step_by_step_hold_to_the_limit_at_every_step_and_place() -> None:
    rng = np.random.default_rng(0)
    limit, place = 0.3, np.sort(rng.integers(0, 40, 200))
    kept = Ledger(np.array([limit]), place, np.ones(200, np.int64))
    come, let = np.zeros(200, bool), np.zeros(200, bool)
    for step in np.array_split(rng.permutation(200), 7):
        kept.open(step)
        come[step] = True
        for row in step.tolist():
            let[row] = kept.lets(row, np.array([True]))
        for last in range(40):
            assert let[place <= last].sum() <= limit * come[place <= last].sum() + 1e-9
    assert let.sum() > 0.25 * 200
