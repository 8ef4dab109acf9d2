from __future__ import annotations

import numpy as np

from synthgen.metrics.base import Comparison
from synthgen.metrics.privacy.rare_values_leaked import RareValuesLeaked
from synthgen.metrics.result import Metric, Verdict
from tests.metrics.build import comparison
from tests.metrics.privacy.populations import population, rows, stacked


def run(compared: Comparison) -> tuple[Metric, Verdict]:
    metrics = RareValuesLeaked().measure(compared, rng=np.random.default_rng(0))
    (verdict,) = RareValuesLeaked().judge(metrics, compared)
    return metrics[0], verdict


def test_counts_by_hand_are_of_patients_and_name_no_label() -> None:
    # "r" is on three rows of one patient, "s" common in the holdout, "t" in the holdout alone, "x" a text result.
    train = {
        "p": [0, 0, 0, *range(1, 13)],
        "c": ["r", "r", "r", "s", *["a"] * 11],
        "n": [1.0, 2.0, 3.0, "x", *[5.0] * 11],
    }
    holdout = {"p": [20, 21, 22, 23], "c": ["s", "s", "s", "t"], "n": [1.0, 2.0, 3.0, 4.0]}
    synthetic = {"p": list(range(12)), "c": ["r", "s", "a", "t"] * 3, "n": ["x", 1.0, 1.0, 1.0] * 3}
    metric, verdict = run(comparison(train, holdout, synthetic, patient="p", rare_below=3))
    assert metric.value == 2  # "r" and "x"
    assert metric.ceiling == 2  # the one label of the holdout alone was shown: chance explains both
    assert metric.details["rows"] == [
        {"column": "c", "rare": 1, "leaked": 1, "rare_in_holdout_only": 1, "of_these_seen": 1},
        {"column": "n", "rare": 1, "leaked": 1, "rare_in_holdout_only": 0, "of_these_seen": 0},
    ]
    assert verdict.verdict == "not_assessable"  # four patients in the holdout
    assert "'r'" not in str(metric)


def test_a_copy_fails_and_fresh_draws_of_a_public_vocabulary_pass() -> None:
    fails = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        train, holdout, fresh = ({"c": (rng.zipf(1.4, n) % 500).astype(str)} for n in (400, 200, 400))
        metric, verdict = run(comparison(train, holdout, fresh))
        assert metric.value is not None
        assert metric.value > 0
        fails += verdict.verdict == "fail"
    assert fails <= 3
    metric, verdict = run(comparison(train, holdout, train))
    assert metric.value == metric.details["rows"][0]["rare"]
    assert verdict.verdict == "fail"


def test_labels_of_one_patient_tell_a_copy_where_shared_ones_do_not_and_too_few_tell_nothing() -> None:
    # Four in five patients are training patients. Each of 40 has a label alone, each of 100 shares one with another.
    alone = [f"alone {k}" for k in range(32)], [f"alone {k}" for k in range(32, 40)]
    shared = (
        [f"shared {k}" for k in range(32)] * 2 + [f"shared {k}" for k in range(32, 50)],
        [f"shared {k}" for k in range(32, 50)],
    )
    train, holdout = (
        {"c": own + also + ["a"] * rest} for own, also, rest in zip(alone, shared, (318, 94), strict=True)
    )
    metric, verdict = run(comparison(train, holdout, train))
    # Of the 40 labels of one patient the 32 shown are those of training patients: 2 x 0.8^32, about.
    assert verdict.verdict == "fail"
    assert metric.details["p"] < 0.002
    few, line = run(comparison(*({"c": each["c"][-n:]} for each, n in ((train, 320), (holdout, 95), (train, 320)))))
    assert few.value == 2
    assert line.verdict == "not_assessable"
    assert "copy of the training set would not stand out" in line.detail
    assert line.detail.startswith("2 labels of fewer than 5 training patients appear,")
    one = comparison({"c": ["a"] * 200 + ["r"]}, {"c": ["a"] * 200}, {"c": ["a"] * 200 + ["r"]})
    assert run(one)[1].detail.startswith("1 label of fewer than 5 training patients appears,")


def test_no_rare_label_passes_even_without_a_holdout() -> None:
    train = {"c": ["a"] * 20 + ["r"]}
    _, clean = run(comparison(train, None, {"c": ["a"] * 20}))
    _, shown = run(comparison(train, None, {"c": ["a", "r"] * 10}))
    assert (clean.verdict, shown.verdict) == ("pass", "not_assessable")
    assert "no holdout" in shown.detail


def test_repeating_one_patients_rows_moves_no_p() -> None:
    rng = np.random.default_rng(4)
    train, holdout = population(200, rng), population(200, rng, first_patient=200)
    synthetic = population(200, rng)
    once, line = run(comparison(train, holdout, synthetic, patient="patient"))
    repeated = stacked(train, *[rows(train, np.array([0]))] * 1000)
    again, same = run(comparison(repeated, holdout, synthetic, patient="patient"))
    assert (again.value, same.p) == (once.value, line.p)


def test_numbers_alone_have_no_labels() -> None:
    metric, verdict = run(comparison(*({"x": [1.0] * 20} for _ in range(3))))
    assert (metric.status, metric.reason) == ("not_applicable", "no variable has labels")
    assert verdict.verdict == "not_assessable"
