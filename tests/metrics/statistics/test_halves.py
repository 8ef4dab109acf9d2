import numpy as np
import pytest

from synthgen.metrics.base import Records
from synthgen.metrics.statistics.halves import Halves


def _rows(n: int) -> Records:
    return Records(np.arange(n), {}, {})


def test_every_patient_is_in_one_half() -> None:
    rng = np.random.default_rng(0)
    halves = Halves.draw((_rows(100),), rng)
    sums = halves.sums(halves.assign(_rows(100), rng), np.zeros(100, np.int64), 1)[:, 0]
    assert sums[0] == 100
    first, second = np.split(sums[1:], 2)
    assert (first + second == 100).all()


@pytest.mark.parametrize("shift", [0.0, 0.3])
def test_the_interval_covers_the_expected_value(shift: float) -> None:
    """Of a total variation that is biased upwards by sampling, whether the two sets agree or not."""
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(20))
    q = p * (1 + shift * np.where(np.arange(20) % 2, 1, -1))
    values, intervals = [], []
    for _ in range(200):
        halves = Halves.draw((_rows(300),), rng)
        shares = []
        for law in (p, q / q.sum()):
            counts = halves.sums(halves.assign(_rows(300), rng), rng.choice(20, size=300, p=law), 20)
            shares.append(counts / counts.sum(axis=1, keepdims=True))
        distance = np.abs(shares[0] - shares[1]).sum(axis=1) / 2
        values.append(distance[0])
        intervals.append(halves.interval(distance))
    covered = [low <= np.mean(values) <= high for low, high in intervals if low is not None]
    assert 0.9 <= np.mean(covered) <= 0.985


def test_a_distance_that_is_small_by_chance_has_no_narrower_interval() -> None:
    rng = np.random.default_rng(2)
    values, alone, both = [], [], []
    for _ in range(300):
        halves = Halves.draw((_rows(200),), rng)
        counts = [halves.sums(halves.assign(_rows(200), rng), rng.integers(0, 2, 200), 2) for _ in range(2)]
        difference = counts[0] / counts[0].sum(axis=1, keepdims=True) - counts[1] / counts[1].sum(axis=1, keepdims=True)
        distance = np.abs(difference).sum(axis=1) / 2
        chance = np.abs(halves.chance(difference)).sum(axis=1) / 2
        values.append(distance[0])
        alone.append(halves.interval(distance))
        both.append(halves.interval(distance, chance=chance))
    covers = [
        np.mean([low <= np.mean(values) <= high for low, high in each if low is not None]) for each in (alone, both)
    ]
    assert covers[0] < 0.85
    assert covers[1] >= 0.93


def test_too_few_patients_give_no_interval() -> None:
    halves = Halves.draw((_rows(4),), np.random.default_rng(0))
    assert halves.interval(np.zeros(len(halves.chosen))) is None
