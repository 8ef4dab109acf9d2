from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.base import Comparison
from synthgen.metrics.privacy.membership_by_group import MembershipByGroup
from synthgen.metrics.privacy.membership_inference import MembershipInference
from synthgen.metrics.result import Metric, Verdict
from tests.metrics.build import comparison
from tests.metrics.privacy.populations import Columns, categorical, population, riddled, rows, stacked

SIZES = ((2500, 0), (2500, 2500), (2500, 0))
EVERYONE = MembershipInference(permutations=299)
GROUPS = MembershipByGroup(permutations=299)


def run(compared: Comparison, measure: MembershipInference | MembershipByGroup = EVERYONE) -> tuple[Metric, Verdict]:
    metrics = measure.measure(compared, rng=np.random.default_rng(0))
    (verdict,) = measure.judge(metrics, compared)
    return metrics[0], verdict


def split(rng: np.random.Generator, train: int, holdout: int) -> tuple[Columns, Columns]:
    return population(train, rng), population(holdout, rng, first_patient=train)


def planted(train: Columns, chosen: np.ndarray, fresh: Columns) -> Columns:
    """The training rows chosen, in the place of as many fresh ones."""
    synthetic = stacked(rows(train, chosen), rows(fresh, np.arange(len(chosen), len(fresh["patient"]))))
    return synthetic | {"patient": np.arange(len(synthetic["patient"]))}


def test_a_perfect_generator_is_seldom_accused_and_the_best_guess_is_a_guess() -> None:
    p, values, by_group = [], [], []
    for seed in range(14):
        rng = np.random.default_rng(seed)
        train, holdout = split(rng, *((100, 100), (160, 40))[seed % 2])
        compared = comparison(train, holdout, population(150, rng), patient="patient")
        metric, _ = run(compared)
        if metric.value is not None:
            values.append(metric.value)
            p.append(metric.details["p"])
        by_group.append(run(compared, GROUPS)[0].details.get("p", 1.0))
    assert len(p) >= 12
    assert np.mean(values) == pytest.approx(0.5, abs=0.05)
    for found in (p, by_group):
        assert sum(value < 0.05 for value in found) <= 4
        assert np.mean(found) > 0.3


@pytest.mark.parametrize("form", ["as it is", "shuffled", "reindexed", "categorical", "full of missing values"])
def test_copy_of_train_fails_in_any_form(form: str) -> None:
    rng = np.random.default_rng(1)
    train, holdout = split(rng, 300, 200)
    if form == "categorical":
        train, holdout = categorical(train), categorical(holdout)
    if form == "full of missing values":
        train, holdout = riddled(train, rng), riddled(holdout, rng)
    copy = rows(train, rng.permutation(300)) if form == "shuffled" else dict(train)
    if form == "reindexed":
        copy["patient"] = copy["patient"] + 10_000
    metric, verdict = run(comparison(train, holdout, copy, patient="patient"))
    assert metric.value is not None
    # Half of the cells missing make records of different patients equal, and a few are without.
    assert metric.value > (0.8 if form == "full of missing values" else 0.95)
    assert verdict.verdict == "fail" or (verdict.verdict == "leak" and form == "full of missing values")
    assert metric.details["epsilon_low"] > 0.5


def test_one_row_in_a_hundred_shows_though_none_is_an_exact_copy() -> None:
    rng = np.random.default_rng(2)

    def wide(n: int, first: int = 0) -> Columns:
        return {f"{name}_too": values for name, values in population(n, rng).items()} | population(
            n, rng, first_patient=first
        )

    train, holdout, fresh = ({k: v for k, v in wide(n, f).items() if k != "patient_too"} for n, f in SIZES)
    altered = train | {"lab": train["lab"] + rng.normal(0, 0.02, 2500), "age": train["age"] + 1}
    synthetic = planted(altered, rng.permutation(2500)[:25], fresh)
    _, verdict = run(comparison(train, holdout, synthetic, patient="patient"))
    assert verdict.verdict == "leak"


def test_the_verdict_names_one_strongest_attack_and_says_why_its_auc_may_be_near_a_guess() -> None:
    rng = np.random.default_rng(8)
    train, holdout = split(rng, 600, 600)
    synthetic = planted(train, np.arange(24), population(600, rng))
    metric, verdict = run(comparison(train, holdout, synthetic, patient="patient"))
    strongest = max(metric.details["rows"], key=lambda row: row["z"])
    assert verdict.verdict in ("leak", "fail")
    assert metric.details["strongest_top"] <= 48  # two dozen copies show at the top of the ranking, not in its mean
    assert strongest["auc"] < 0.6
    for told in (
        f"the strongest of {len(metric.details['rows'])} attacks, {strongest['attack']} over",
        f"is surest of {metric.details['strongest_top']} patients or fewer, and ranks all with an AUC of "
        f"{strongest['auc']:.3f}",
        f"no part in choosing the attack: {metric.details['tpr']:.2%} found",
        f"AUC {metric.value:.3f}, ε",
    ):
        assert told in verdict.detail
    assert "p 0" not in verdict.detail  # the line has one p, which counts the other lines too


def test_a_leak_in_half_of_the_columns_shows_over_a_half_of_the_columns() -> None:
    rng = np.random.default_rng(5)
    train, holdout, fresh = ({f"x{k}": rng.normal(size=600) for k in range(12)} for _ in range(3))
    leaking = fresh | {f"x{k}": train[f"x{k}"] for k in range(6)}
    metric, verdict = run(comparison(train, holdout, leaking))
    assert verdict.verdict in ("leak", "fail")
    closest = [row for row in metric.details["rows"] if "distance" in row["attack"]]
    assert max(closest, key=lambda row: row["z"])["columns"] != "all"


def test_a_generator_that_keeps_away_from_training_rows_is_flagged() -> None:
    rng = np.random.default_rng(3)
    train, holdout = ({"x": rng.normal(size=400), "y": rng.normal(size=400)} for _ in range(2))
    drawn = rng.normal(size=(3000, 2))
    real = np.column_stack([train["x"], train["y"]])
    closest = ((drawn[:, None, :] - real[None, :, :]) ** 2).sum(axis=2).min(axis=1)
    far = drawn[closest > np.median(closest)]
    metric, verdict = run(comparison(train, holdout, {"x": far[:, 0], "y": far[:, 1]}))
    assert verdict.verdict in ("leak", "fail")
    assert metric.value is not None
    assert metric.value > 0.55  # an attacker who knows calls those members whom no synthetic record comes near


def test_a_leak_in_one_small_group_names_the_group() -> None:
    rng = np.random.default_rng(4)
    train, holdout = split(rng, 1200, 1200)
    fresh = population(1200, rng)
    small = train["code"] == "c4"  # about one patient in sixteen
    moved = train | {"age": train["age"] + rng.choice([-2, -1, 1, 2], 1200)}
    synthetic = stacked(rows(moved, np.flatnonzero(small)), rows(fresh, np.flatnonzero(fresh["code"] != "c4")))
    synthetic["patient"] = np.arange(len(synthetic["patient"]))
    metric, verdict = run(comparison(train, holdout, synthetic, patient="patient"), GROUPS)
    assert verdict.verdict == "leak"
    assert metric.details["rows"][0]["group"] == "code = c4"
    assert metric.details["rows"][0]["auc"] > 0.9


def test_declared_groups_are_tested_with_their_intersections() -> None:
    rng = np.random.default_rng(6)
    train, holdout = split(rng, 700, 700)
    compared = comparison(train, holdout, population(700, rng), patient="patient")
    object.__setattr__(compared, "groups", ("sex", "ward"))
    names = [row["group"] for row in run(compared, GROUPS)[0].details["rows"]]
    assert {"sex = f", "ward = w4", "ward = w4, sex = f"} <= set(names)
    assert not any("code" in name for name in names)


def test_repeating_one_patients_rows_moves_no_p() -> None:
    rng = np.random.default_rng(7)
    train, holdout = population(300, rng, per_patient=2), population(300, rng, first_patient=500, per_patient=2)
    synthetic = planted(train, np.arange(20), population(300, rng))
    repeated = stacked(train, *[rows(train, np.array([0, 1]))] * 1000)
    for measure in (EVERYONE, GROUPS):
        once = run(comparison(train, holdout, synthetic, patient="patient"), measure)
        again = run(comparison(repeated, holdout, synthetic, patient="patient"), measure)
        assert again[0].details["p"] == once[0].details["p"]


@pytest.mark.parametrize("measure", [EVERYONE, GROUPS])
def test_without_an_answer_it_says_why(measure: MembershipInference | MembershipByGroup) -> None:
    one, same = {"x": np.arange(50.0)}, {"c": ["a"] * 50}
    apart = {"x": np.arange(50.0) + 100}
    reasons = {
        "no holdout": (one, None, one),
        "differ by more than chance": (one, apart, one),
        "looks the same" if measure is EVERYONE else "no group has": (same, same, same),
        "beside the reference": (one, {"x": np.arange(10.0) * 5}, one),
    }
    for reason, sets in reasons.items():
        metric, verdict = run(comparison(*sets), measure)
        assert (metric.value, verdict.verdict) == (None, "not_assessable")
        assert reason in verdict.detail
