"""Singling out, linkability and attribute inference: nothing where nothing leaks, nearly all for a copy."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.privacy.attribute_inference import AttributeInference
from synthgen.metrics.privacy.linkability import Linkability
from synthgen.metrics.privacy.singling_out import SinglingOut
from synthgen.metrics.result import Metric, Verdict
from tests.metrics.build import comparison
from tests.metrics.privacy.populations import Columns, categorical, population, riddled, rows, stacked

RISKS: tuple[Measure, ...] = (SinglingOut(attacks=600), Linkability(), AttributeInference())
NAMES = ("singling out", "linkability", "attribute inference")


def run(measure: Measure, compared: Comparison) -> tuple[Metric, Verdict]:
    metrics = measure.measure(compared, rng=np.random.default_rng(0))
    (verdict,) = measure.judge(metrics, compared)
    return metrics[0], verdict


def split(rng: np.random.Generator, train: int, holdout: int) -> tuple[Columns, Columns]:
    return population(train, rng), population(holdout, rng, first_patient=train)


@pytest.mark.parametrize("measure", RISKS, ids=NAMES)
@pytest.mark.parametrize("sizes", [(400, 400), (640, 160)])
def test_a_perfect_generator_adds_no_risk_whatever_the_split(measure: Measure, sizes: tuple[int, int]) -> None:
    found = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        train, holdout = split(rng, *sizes)
        metric, verdict = run(measure, comparison(train, holdout, population(600, rng), patient="patient"))
        if metric.value is not None:
            assert verdict.verdict != "fail"
            found.append(metric.value)
    assert len(found) >= 5
    assert np.mean(found) == pytest.approx(0.0, abs=0.05)


@pytest.mark.parametrize("measure", RISKS, ids=NAMES)
@pytest.mark.parametrize("form", ["as it is", "shuffled", "categorical", "full of missing values"])
def test_copy_of_train_fails_in_any_form(measure: Measure, form: str) -> None:
    rng = np.random.default_rng(1)
    train, holdout = split(rng, 400, 200)
    if form == "categorical":
        train, holdout = categorical(train), categorical(holdout)
    if form == "full of missing values":
        train, holdout = riddled(train, rng), riddled(holdout, rng)
    copy = rows(train, rng.permutation(400)) if form == "shuffled" else train
    metric, verdict = run(measure, comparison(train, holdout, copy, patient="patient"))
    assert metric.value is not None
    assert metric.value > 0.3
    assert verdict.verdict == "fail"


def test_a_description_of_a_unique_value_singles_out() -> None:
    # Every synthetic patient is alone with a label that only one training patient has: the attack never fails.
    train, holdout = ({"c": [f"{side}{k}" for k in range(60)]} for side in "th")
    metric, _ = run(SinglingOut(attacks=300), comparison(train, holdout, train))
    assert metric.value == 1.0
    # And where half of the labels are those of holdout patients, it hits either side alike.
    both = {"c": train["c"][:30] + holdout["c"][:30]}
    metric, _ = run(SinglingOut(attacks=300), comparison(train, holdout, both))
    assert metric.value == pytest.approx(0.0, abs=0.3)


def test_halves_of_fresh_records_are_not_linked_better_than_those_of_outsiders() -> None:
    rng = np.random.default_rng(2)
    train, holdout, fresh = ({f"x{k}": rng.normal(size=300) for k in range(6)} for _ in range(3))
    assert run(Linkability(), comparison(train, holdout, fresh))[1].verdict == "pass"
    half = fresh | {f"x{k}": train[f"x{k}"] for k in range(6)}
    assert run(Linkability(), comparison(train, holdout, half))[0].value == 1.0


def test_a_leaked_column_is_named_and_fails_though_the_others_are_safe() -> None:
    rng = np.random.default_rng(3)

    def people(n: int) -> Columns:
        # The secret is a coin that nothing tells; the others are a fingerprint that any column helps to find.
        return {f"x{k}": rng.normal(size=n) for k in range(9)} | {"secret": rng.choice(["yes", "no"], n)}

    train, holdout = people(800), people(800)
    near = {name: values + rng.normal(0, 0.6, 800) for name, values in train.items() if name != "secret"}
    metric, verdict = run(AttributeInference(), comparison(train, holdout, near | {"secret": train["secret"]}))
    assert metric.details["rows"][0]["column"] == "secret"
    assert verdict.verdict == "fail"
    assert "secret stands out most" in verdict.detail


def test_negative_secrets_are_guessed_like_positive_ones_and_missing_guesses_are_wrong() -> None:
    rng = np.random.default_rng(4)
    key = np.arange(600.0)
    train, holdout = ({"key": rng.permutation(key), "secret": rng.normal(-100, 1, 600)} for _ in range(2))
    wrong = {"key": train["key"], "secret": train["secret"] + 10}
    assert run(AttributeInference(), comparison(train, holdout, wrong))[0].details["rows"][0]["attack_rate"] == 0.0
    missing = {"key": train["key"], "secret": np.full(600, np.nan)}
    gone = run(AttributeInference(), comparison(train, holdout, missing))[0].details["rows"]
    assert {row["column"]: row["attack_rate"] for row in gone}["secret"] == 0.0
    right = run(AttributeInference(), comparison(train, holdout, train))[0].details["rows"]
    assert {row["column"]: row["attack_rate"] for row in right}["secret"] == 1.0


def test_what_most_people_have_is_no_secret() -> None:
    rng = np.random.default_rng(5)
    train, holdout = ({"x": rng.normal(size=900), "ill": np.where(rng.random(900) < 0.05, "yes", "no")} for _ in "ab")
    (metric,) = AttributeInference().measure(comparison(train, holdout, train), rng=rng)
    assert {row["column"]: row["targets"] for row in metric.details["rows"]}["ill"] < 100
    assert {row["column"]: row["risk"] for row in metric.details["rows"]}["ill"] is None


@pytest.mark.parametrize("measure", RISKS, ids=NAMES)
def test_without_an_answer_it_says_why(measure: Measure) -> None:
    one, same = {"x": np.arange(50.0)}, {"c": ["a"] * 50, "d": ["b"] * 50}
    for sets in ((one, None, one), (one, {"x": np.arange(50.0) + 100}, one), (same, same, same)):
        metric, verdict = run(measure, comparison(*sets))
        assert (metric.value, verdict.verdict) == (None, "not_assessable")
        assert verdict.detail


def test_repeating_one_patients_rows_changes_little() -> None:
    rng = np.random.default_rng(6)
    train, holdout = split(rng, 300, 300)
    synthetic = population(300, rng)
    repeated = stacked(train, *[rows(train, np.array([0]))] * 1000)
    for measure in RISKS:
        once, again = (run(measure, comparison(t, holdout, synthetic, patient="patient"))[0] for t in (train, repeated))
        assert once.value is not None
        assert again.value == pytest.approx(once.value, abs=0.06)
