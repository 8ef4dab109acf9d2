import numpy as np

from synthgen.metrics.auc import area, clustered_area


def test_by_hand() -> None:
    scores = np.array([0.1, 0.4, 0.35, 0.8])
    assert area(scores, np.array([False, False, True, True])) == 0.75


def test_ties_count_one_half() -> None:
    assert area(np.zeros(6), np.array([True, False] * 3)) == 0.5


def test_one_class_says_nothing() -> None:
    assert area(np.arange(3.0), np.ones(3, dtype=bool)) == 0.5


def test_repeating_each_patients_rows_adds_no_certainty() -> None:
    rng = np.random.default_rng(0)
    scores, positive = rng.normal(size=200), np.arange(200) % 2 == 0
    once = clustered_area(scores, positive, np.zeros(200, np.int64), np.arange(200))
    tenfold = clustered_area(
        np.repeat(scores, 10), np.repeat(positive, 10), np.zeros(2000, np.int64), np.repeat(np.arange(200), 10)
    )
    assert np.isclose(once.value, tenfold.value)
    assert np.isclose(once.error, tenfold.error)
