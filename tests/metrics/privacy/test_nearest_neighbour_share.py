from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.base import Comparison
from synthgen.metrics.privacy.nearest_neighbour_share import NearestNeighbourShare
from synthgen.metrics.result import Metric, Verdict
from tests.metrics.build import comparison
from tests.metrics.privacy.populations import Columns, categorical, population, riddled, rows, stacked

MEASURE = NearestNeighbourShare(subsets=3, permutations=499)


def run(compared: Comparison, seed: int = 0) -> tuple[Metric, Verdict]:
    metrics = MEASURE.measure(compared, rng=np.random.default_rng(seed))
    (verdict,) = MEASURE.judge(metrics, compared)
    return metrics[0], verdict


def split(rng: np.random.Generator, train: int, holdout: int) -> tuple[Columns, Columns]:
    return population(train, rng), population(holdout, rng, first_patient=train)


def test_perfect_generator_has_uniform_p_and_share_one_half_whatever_the_split() -> None:
    p, shares = [], []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        train, holdout = split(rng, *((200, 200), (300, 75))[seed % 2])
        compared = comparison(train, holdout, population(200, rng), patient="patient")
        metric, verdict = run(compared, seed)
        if verdict.p is not None and metric.value is not None:
            p.append(verdict.p)
            shares.append(metric.value)
    assert len(p) >= 55  # one split in a hundred looks unlike a random one, by construction
    assert np.mean(shares) == pytest.approx(0.5, abs=0.02)
    assert sum(value < 0.01 for value in p) <= 3
    for quantile in (0.25, 0.5, 0.75):  # 3 standard errors of a share of 60 runs
        assert np.mean(np.array(p) < quantile) == pytest.approx(quantile, abs=0.2)


@pytest.mark.parametrize("form", ["as it is", "shuffled", "reindexed", "categorical", "full of missing values"])
def test_copy_of_train_is_a_leak_in_any_form(form: str) -> None:
    rng = np.random.default_rng(1)
    train, holdout = split(rng, 300, 100)
    if form == "categorical":
        train, holdout = categorical(train), categorical(holdout)
    if form == "full of missing values":
        train, holdout = riddled(train, rng), riddled(holdout, rng)
    copy = rows(train, rng.permutation(300)) if form == "shuffled" else dict(train)
    if form == "reindexed":
        copy["patient"] = copy["patient"] + 10_000
    metric, verdict = run(comparison(train, holdout, copy, patient="patient"))
    assert metric.value is not None
    # Half of the cells missing make records of different patients equal, and a tie with a holdout record is split.
    assert metric.value > (0.8 if form == "full of missing values" else 0.99)
    assert verdict.verdict == "leak"


@pytest.mark.parametrize("copied", [0.2, 0.5])
def test_share_of_copied_rows_adds_half_of_itself(copied: float) -> None:
    values = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        train, holdout = split(rng, 300, 300)
        number = int(copied * 300)
        synthetic = stacked(rows(train, rng.permutation(300)[:number]), population(300 - number, rng))
        synthetic["patient"] = np.arange(300)
        metric, _ = run(comparison(train, holdout, synthetic, patient="patient"))
        values += [] if metric.value is None else [metric.value]
    assert np.mean(values) == pytest.approx(0.5 + copied / 2, abs=0.025)


def test_a_generator_that_keeps_away_from_training_rows_is_flagged() -> None:
    rng = np.random.default_rng(3)
    train, holdout = ({"x": rng.normal(size=300), "y": rng.normal(size=300)} for _ in range(2))
    drawn = rng.normal(size=(1200, 2))
    real = np.column_stack([train["x"], train["y"]])
    closest = ((drawn[:, None, :] - real[None, :, :]) ** 2).sum(axis=2).min(axis=1)
    far = drawn[closest > np.median(closest)]
    metric, verdict = run(comparison(train, holdout, {"x": far[:, 0], "y": far[:, 1]}))
    assert metric.value is not None
    assert metric.value < 0.45
    assert verdict.verdict == "leak"
    assert "closer to holdout" in verdict.detail


def test_a_leak_in_some_columns_only_is_found_by_the_subsets() -> None:
    # Half of the columns are copied from one training record, the others are fresh noise.
    rng = np.random.default_rng(5)
    train, holdout, fresh = ({f"x{k}": rng.normal(size=400) for k in range(12)} for _ in range(3))
    leaking = fresh | {f"x{k}": train[f"x{k}"] for k in range(6)}
    compared = comparison(train, holdout, leaking)
    measure = NearestNeighbourShare(permutations=499)
    metrics = measure.measure(compared, rng=np.random.default_rng(0))
    (line,) = measure.judge(metrics, compared)
    assert line.verdict == "leak"
    everything, *subsets = metrics[0].details["rows"]
    assert everything["columns"] == "all"
    assert everything["p"] > 0.01  # over all columns it drowns
    strongest = max(subsets, key=lambda row: row["z"])
    assert strongest["z"] > 4
    # The text says that one of nine tests found it, which, and what p is over all nine.
    assert line.detail.startswith("over one of 8 random sets of columns, not over all columns: share 0.")
    assert "p 0.002 over these 9 tests together; it speaks of these columns alone" in line.detail
    assert strongest["columns"] in line.detail
    assert "; over all columns share 0." in line.detail
    assert line.p == 1 / 500


def test_of_a_copy_and_of_nothing_the_text_names_no_columns() -> None:
    rng = np.random.default_rng(8)
    train, holdout = split(rng, 300, 300)
    for synthetic, said in ((dict(train), "standard deviations closer to training; with 3 random sets of columns p "),
                            (population(300, rng), "; there and over 3 random sets of columns ")):  # fmt: skip
        _, verdict = run(comparison(train, holdout, synthetic, patient="patient"))
        assert verdict.detail.startswith("over all columns share ")
        assert said in verdict.detail
        assert verdict.detail.endswith("over these 4 tests together")


def test_repeating_one_patients_rows_moves_no_p() -> None:
    rng = np.random.default_rng(7)
    train, holdout = population(300, rng, per_patient=2), population(300, rng, first_patient=500, per_patient=2)
    synthetic = stacked(rows(train, np.arange(20)), population(280, rng))
    synthetic["patient"] = np.arange(300)
    once = run(comparison(train, holdout, synthetic, patient="patient"))
    repeated = stacked(train, *[rows(train, np.array([0, 1]))] * 1000)
    again = run(comparison(repeated, holdout, synthetic, patient="patient"))
    assert again[1].p == once[1].p
    assert again[0].value == pytest.approx(once[0].value)


def test_detectable_leak_is_flagged_in_about_eight_of_ten_plantings() -> None:
    flagged = []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        train, holdout = split(rng, 400, 400)
        _, clean = run(comparison(train, holdout, population(400, rng), patient="patient"), seed)
        if clean.detectable is None:
            continue
        number = round(clean.detectable * 400)
        planted = stacked(rows(train, rng.permutation(400)[:number]), population(400 - number, rng))
        planted["patient"] = np.arange(400)
        flagged.append(run(comparison(train, holdout, planted, patient="patient"), seed)[1].verdict == "leak")
    assert len(flagged) > 30
    assert 0.6 <= np.mean(flagged) <= 0.98


def constant(n: int) -> Columns:
    return {"x": np.ones(n), "c": np.array(["a"] * n)}


@pytest.mark.parametrize(
    ("train", "holdout", "synthetic", "reason"),
    [
        (constant(50), None, constant(50), "no holdout"),
        (constant(50), constant(50), constant(50), "as near to every patient"),
        (constant(50), constant(1), constant(50), "at least 10"),
        (constant(1), constant(50), constant(50), "at least 10"),
        ({"x": np.arange(50.0)}, {"x": np.arange(50.0) + 100}, {"x": np.arange(50.0)}, "differ by more than chance"),
        ({"x": np.full(50, np.nan)}, {"x": np.full(50, np.nan)}, {"x": np.full(50, np.nan)}, "as near to every"),
    ],
)
def test_without_an_answer_it_says_why(
    train: Columns, holdout: Columns | None, synthetic: Columns, reason: str
) -> None:
    metric, verdict = run(comparison(train, holdout, synthetic))
    assert (metric.status, metric.value, verdict.verdict) == ("not_assessable", None, "not_assessable")
    assert reason in verdict.detail


def test_one_patient_with_many_rows_is_one_patient() -> None:
    rng = np.random.default_rng(2)
    train = population(100, rng, per_patient=100)
    holdout = population(50, rng, first_patient=500)
    metric, _ = run(comparison(train, holdout, population(50, rng), patient="patient"))
    assert metric.reason == "the training set has 1 patient, at least 10 are needed"


def test_a_tie_counts_half() -> None:
    # Every synthetic record is equally near to one record of each side.
    sets = {"x": np.arange(20.0)}
    metric, _ = run(comparison(sets, sets, {"x": np.arange(10.0)}))
    assert metric.value == 0.5


def test_the_same_seed_gives_the_same_answer() -> None:
    rng = np.random.default_rng(0)
    train, holdout = split(rng, 200, 100)
    compared = comparison(train, holdout, population(100, rng), patient="patient")
    assert run(compared, 4) == run(compared, 4)
