"""What a patient's rows say of the next one, by a series of three rows that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.relational.time.moments import UNKNOWN
from synthgen.relational.told.history import (
    COUNTS,
    RECENT,
    History,
    Memory,
    count_domain,
    counted,
    ever,
    limits,
    most_together,
)

#: What was measured (NA, K, CRP, rare), and how high it was, in 32 steps or missing.
TEST = Domain("test", "test", 4, Scale.NOMINAL)
VALUE = Domain("value", "value", 33, Scale.ORDERED, (32,), (32,), unit="test")
ALWAYS = Domain("always", "always", 1, Scale.NOMINAL)
SPANS = (0, 60, 600)
MEMORY = Memory((ALWAYS, TEST, VALUE), main=1, followed=(0, 2), value=2, told=(1, 2), recent=4, spans=SPANS)
#: Forty rows, all of one patient.
ONE_PATIENT = np.arange(40) - 1


def named(context: np.ndarray) -> dict[str, int]:
    """The context of one patient by the names of its domains."""
    return dict(zip((domain.name for domain in MEMORY.context_domains), context.tolist(), strict=True))


def test_a_series_of_three_rows() -> None:
    past = History(MEMORY, 1)
    assert named(past.context(1, np.array([1000]))[0]) == {
        "test before": UNOBSERVED,  # ``always`` has nothing to tell
        "value before": UNOBSERVED,
        "test 2 before": UNOBSERVED,
        "test 3 before": UNOBSERVED,
        "test 4 before": UNOBSERVED,
        "since test 0": 0,
        "since test 2": 0,
        "value at test 0": 0,
        "value at test 2": 0,
        "usual at test 0": 0,
        "usual at test 2": 0,
    }
    past.advance(np.array([[0, 0, 31]], np.int32), np.array([1000]))  # NA, very high
    past.advance(np.array([[0, 1, 4]], np.int32), np.array([1030]))  # K, which is not followed
    past.advance(np.array([[0, 2, 32]], np.int32), np.array([1700]))  # CRP, missing
    assert named(past.context(1, np.array([1700]))[0]) == {
        "test before": 2,
        "value before": 32,
        "test 2 before": 1,
        "test 3 before": 0,
        "test 4 before": UNOBSERVED,
        "since test 0": 4,  # beyond 600
        "since test 2": 1,  # now
        "value at test 0": 16,
        "value at test 2": 0,  # never measured, though done
        "usual at test 0": 23,
        "usual at test 2": 0,
    }
    past.advance(np.array([[0, 2, 0]], np.int32), np.array([1750]))
    found = named(past.context(1, np.array([1790]))[0])
    assert (found["since test 2"], found["value at test 2"], found["usual at test 2"]) == (2, 1, 1)
    past.advance(np.array([[0, 2, 31]], np.int32), np.array([1800]))
    # The last value is the highest; one of the lowest and one of the highest are in the middle on average.
    found = named(past.context(1, np.array([1800]))[0])
    assert (found["value at test 2"], found["usual at test 2"]) == (16, 12)


def test_a_value_that_stands_again_is_the_last_one_once_more() -> None:
    again = Domain("value", "value", 34, Scale.ORDERED, (32, 33), (32,), unit="test")
    memory = replace(MEMORY, domains=(ALWAYS, TEST, again), same=33)
    past, now = History(memory, 1), np.array([0])
    past.advance(np.array([[0, 2, 33]], np.int32), now)  # of nothing that is known
    assert not past.context(1, now)[0, -4:].any()
    for value in (0, 33, 33, 31):
        past.advance(np.array([[0, 2, value]], np.int32), now)
    found = dict(zip((domain.name for domain in memory.context_domains), past.context(1, now)[0].tolist(), strict=True))
    # Three of the lowest and one of the highest.
    assert (found["value at test 2"], found["usual at test 2"]) == (15, 6)
    assert Memory.from_json(memory.domains, memory.to_json()) == memory
    with pytest.raises(ValueError, match="stands among the values"):
        replace(memory, same=3)


def test_patients_do_not_see_each_other_and_leave_when_they_are_done() -> None:
    past = History(MEMORY, 2)
    past.advance(np.array([[0, 0, 5], [0, 2, 6]], np.int32), np.array([0, 0]))
    past.advance(np.array([[0, 1, 7]], np.int32), np.array([10]))  # only the first one
    first, second = past.context(2, np.array([10, 10]))
    assert (named(first)["test before"], named(first)["test 2 before"]) == (1, 0)
    assert (named(second)["test before"], named(second)["test 2 before"]) == (2, UNOBSERVED)
    assert past.context(1, np.array([10])).shape == (1, len(MEMORY.context_domains))


@pytest.mark.parametrize("seed", range(3))
def test_every_code_is_one_of_its_domain(seed: int) -> None:
    rng = np.random.default_rng(seed)
    past, n = History(MEMORY, 30), 30
    now = np.zeros(n, np.int64)
    for _ in range(8):
        context = past.context(n, now)
        for column, domain in zip(context.T, MEMORY.context_domains, strict=True):
            assert UNOBSERVED <= column.min() <= column.max() < domain.size, domain.name
        codes = np.stack([rng.integers(-1, domain.size, n) for domain in MEMORY.domains], axis=1).astype(np.int32)
        now = now + rng.integers(0, 400, n)
        past.advance(codes, now)


def test_the_main_column_is_the_nominal_one_of_most_entropy() -> None:
    ward = Domain("ward", "ward", 8, Scale.NOMINAL)
    yes_no = Domain("yes", "yes", 2, Scale.NOMINAL)
    codes = np.array([[0, i % 4, i % 2, i % 33] for i in range(40)], np.int32)
    domains = (ward, TEST, yes_no, VALUE)
    found = Memory.of(domains, codes, before=ONE_PATIENT, left_out=(), value=3, spans=SPANS)
    assert (found.main, found.followed, found.value) == (1, (0, 1, 2, 3), 3)
    assert Memory.of(domains, codes, before=ONE_PATIENT, left_out=["test"], value=None, spans=SPANS).main == 0
    nothing = Memory.of((yes_no, VALUE), codes[:, 2:], before=ONE_PATIENT, left_out=(), value=1, spans=SPANS)
    assert (nothing.main, nothing.followed, nothing.value) == (None, (), None)


def test_without_a_main_column_the_row_before_is_told() -> None:
    memory = Memory((VALUE,), None, (), None, (0,), 1, SPANS)
    past = History(memory, 1)
    past.advance(np.array([[7]], np.int32), np.array([0]))
    assert past.context(1, np.array([0])).tolist() == [[7]]


def test_only_common_codes_are_followed_one_by_one() -> None:
    many = Domain("code", "code", 100, Scale.NOMINAL)
    codes = np.repeat(np.arange(60), np.arange(60, 0, -1)).reshape(-1, 1).astype(np.int32)
    before = np.arange(len(codes)) - 1
    found = Memory.of((many,), codes, before=before, left_out=(), value=None, spans=SPANS)
    assert found.followed == tuple(range(48))


def test_of_the_row_before_is_told_what_hangs_together_with_it() -> None:
    rng = np.random.default_rng(1)
    steady, random = Domain("steady", "steady", 4, Scale.NOMINAL), Domain("random", "random", 4, Scale.NOMINAL)
    codes = np.stack([np.repeat(rng.integers(0, 4, 300), 2), rng.integers(0, 4, 600)], axis=1).astype(np.int32)
    before = np.where(np.arange(600) % 2 == 0, -1, np.arange(600) - 1)
    found = Memory.of((random, steady), codes[:, ::-1], before=before, left_out=["random"], value=None, spans=SPANS)
    assert (found.told, found.main) == ((1,), 1)
    # Two rows a patient are no series: nothing is followed, and one code is told.
    assert (found.followed, found.recent) == ((), 1)


def test_what_is_counted_up_is_told_though_it_never_stays_the_same() -> None:
    """Two hundred patients of five rows: a counter from 0 or 5, a coin, and a constant but for chance."""
    rng = np.random.default_rng(3)
    counter = (5 * rng.integers(0, 2, 200)[:, None] + np.arange(5)).ravel()
    codes = np.stack([counter, rng.integers(0, 2, 1000), rng.integers(0, 100, 1000) == 0], axis=1).astype(np.int32)
    before = np.where(np.arange(1000) % 5 == 0, -1, np.arange(1000) - 1)
    domains = tuple(Domain(name, name, size, Scale.ORDERED) for name, size in (("count", 10), ("coin", 2), ("rare", 2)))
    memory = Memory.of(domains, codes, before=before, left_out=(), value=None, spans=SPANS)
    assert memory.told == (0,)


def test_which_codes_a_patient_ever_has() -> None:
    codes = np.array([[0, 0, 1], [0, 1, 1], [0, 2, 1]], np.int32)
    assert ever(MEMORY, codes, np.array([0, 0, 2]), 3, most=24).tolist() == [[1, 0], [0, 0], [0, 1]]
    assert ever(MEMORY, codes, np.array([0, 0, 2]), 3, most=1).tolist() == [[1], [0], [0]]


def test_counts_have_ranges() -> None:
    assert counted(np.array([0, 1, 4, 5, 6, 7, 10**6])).tolist() == [0, 1, 4, 5, 5, 6, len(COUNTS)]
    assert count_domain("place").size == len(COUNTS) + 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"main": None},
        {"main": 9},
        {"value": 9},
        {"followed": [0, 4]},
        {"spans": [5, 1]},
        {"spans": [1, 1]},
    ],
)
def test_a_memory_that_contradicts_itself_is_none(wrong: dict[str, object]) -> None:
    assert Memory.from_json(MEMORY.domains, MEMORY.to_json()) == MEMORY
    with pytest.raises((ValueError, IndexError)):
        Memory.from_json(MEMORY.domains, MEMORY.to_json() | wrong)


def test_four_main_codes_are_told() -> None:
    assert RECENT == 4


def test_marks_are_followed_and_limited() -> None:
    """Codes 0 and 1 of a panel both hold what may come twice; code 2 holds something else, which may come once."""
    panel = Domain("panel", "panel", 4, Scale.NOMINAL)
    both, single = (0, (0, 1)), (0, (2,))
    memory = Memory((panel,), None, (), None, (0,), 1, SPANS, (both, single), ((both, 2), (single, 1)))
    assert Memory.from_json((panel,), memory.to_json()) == memory
    past = History(memory, 1)
    assert past.allowed(1)[0].tolist() == [[True] * 4]
    past.advance(np.array([[1]], np.int32), np.array([0]))
    past.advance(np.array([[2]], np.int32), np.array([50]))
    names = [domain.name for domain in memory.context_domains]
    assert dict(zip(names, past.context(1, np.array([50]))[0].tolist(), strict=True)) == {
        "panel before": 2,
        "since panel 0": 2,
        "since panel 1": 1,
        "times panel 0": 1,
        "times panel 1": 1,
    }
    assert past.allowed(1)[0].tolist() == [[True, True, False, True]]
    past.advance(np.array([[0]], np.int32), np.array([60]))
    assert past.allowed(1)[0].tolist() == [[False, False, False, True]]


def test_a_limit_is_what_several_patients_reach() -> None:
    codes = np.zeros((8, 1), np.int32)
    patient = np.array([0, 0, 0, 1, 1, 2, 2, 3])
    # Patient 0 has three rows, which nobody else has; two patients more have two.
    assert limits([(0, (0,))], codes, patient, 3) == (((0, (0,)), 2),)
    assert limits([(0, (0,))], codes, patient, 5) == ()


def test_it_is_told_how_many_rows_the_last_moment_has() -> None:
    """Two at once and one later; where as many come at once as ever do, no more do."""
    memory = replace(MEMORY, main=None, followed=(), value=None, told=(), recent=1, together=2)
    (domain,) = memory.context_domains
    assert (domain.name, domain.size) == ("rows then", 3)
    past, row, seen = History(memory, 1), np.array([[0, 0, 3]], np.int32), []
    for moment in (60, 60, 90):
        past.advance(row, np.array([moment]))
        seen.append((*past.context(1, np.array([moment]))[0].tolist(), *past.full(1).tolist()))
    assert seen == [(1, False), (2, True), (1, False)]


def test_as_many_rows_come_at_once_as_enough_patients_have() -> None:
    """Of four patients two have three rows at once, and one of them five; rows without a time are not at once."""
    patient = np.repeat([0, 1, 2, 3], [5, 4, 3, 2])
    moments = np.array([7, 7, 7, 7, 7, 1, 1, 1, 2, UNKNOWN, UNKNOWN, UNKNOWN, 4, 5])
    assert [most_together(patient, moments, enough) for enough in (1, 2, 3, 5)] == [5, 3, 1, 0]
