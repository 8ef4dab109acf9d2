"""Which moments keep to times of day, and which to their distance from others."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.relational.time.clocks import keep_to_clock, spread
from synthgen.relational.time.moments import DAY

HOUR, MINUTE = 3600, 60
N = 2000


def moments(seed: int = 1) -> tuple[np.ndarray, np.random.Generator]:
    """The beginnings of stays at any minute of any day."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, 300 * DAY // MINUTE, N) * MINUTE, rng


def test_a_discharge_about_noon_keeps_to_its_time_of_day() -> None:
    start, rng = moments()
    noon = (start // DAY + rng.integers(1, 9, N)) * DAY + 12 * HOUR + rng.integers(-60, 60, N) * MINUTE
    assert keep_to_clock(start, noon, MINUTE)


@pytest.mark.parametrize("lasting", [30 * MINUTE, 3 * DAY + 2 * HOUR])
def test_what_lasts_as_long_whenever_it_begins_keeps_to_its_length(lasting: int) -> None:
    start, rng = moments()
    assert not keep_to_clock(start, start + lasting + rng.integers(-10, 10, N) * MINUTE, MINUTE)


def test_readings_by_the_shift_keep_to_their_hours_though_the_steps_between_them_do_as_well() -> None:
    """At 6, 14 and 22 o'clock, give or take a quarter of an hour: steps of eight hours, give or take half an hour."""
    rng = np.random.default_rng(1)
    shifts = (np.arange(N + 1) * 8 + 6) * HOUR + rng.integers(-15, 16, N + 1) * MINUTE
    assert keep_to_clock(shifts[:-1], shifts[1:], MINUTE)
    drifting = np.cumsum(8 * HOUR + rng.integers(-15, 16, N + 1) * MINUTE)
    assert not keep_to_clock(drifting[:-1], drifting[1:], MINUTE)


def test_few_moments_keep_to_nothing() -> None:
    start, _ = moments()
    assert not keep_to_clock(start[:100], (start[:100] // DAY + 1) * DAY, MINUTE)


def test_the_spread_of_numbers_is_their_entropy() -> None:
    """Of one number none, of two as common ones that of a coin, of a thousand as common ones the logarithm of that."""
    assert spread(np.full(500, 7)) == pytest.approx(0)
    assert spread(np.repeat([3, 400], 250)) == pytest.approx(np.log(2))
    assert spread(np.arange(1000)) == pytest.approx(np.log(1000), abs=0.02)
