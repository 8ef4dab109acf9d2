from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Side
from synthgen.metrics.privacy.membership_by_model import MembershipByModel
from synthgen.metrics.privacy.membership_inference import MembershipInference
from synthgen.metrics.result import Verdict
from tests.metrics.build import comparison, silent_of_codes
from tests.metrics.privacy.populations import population


def fresh(train: int = 300, holdout: int = 300) -> Comparison:
    rng = np.random.default_rng(9)
    sets = population(train, rng), population(holdout, rng, first_patient=train), population(300, rng)
    return comparison(*sets, patient="patient")


def line(compared: Comparison, measure: MembershipByModel | MembershipInference) -> Verdict:
    (verdict,) = measure.judge(measure.measure(compared, rng=np.random.default_rng(0)), compared)
    return verdict


def test_a_model_may_give_away_what_its_records_do_not() -> None:
    """Two lines, because who is given the records alone cannot ask the model."""
    sure_of_its_own = silent_of_codes(lambda which, at: np.full(len(at), 0.0 if which == "train" else -9.0))
    told = fresh().told_by(sure_of_its_own)
    by_model = line(told, MembershipByModel(permutations=299))
    assert by_model.verdict == "fail"
    assert by_model.detail.startswith("the attack by likelihood ratio over all columns ")
    assert line(told, MembershipInference(permutations=299)).verdict == "none_detected"


def test_a_model_that_finds_others_as_probable_gives_nobody_away() -> None:
    rng = np.random.default_rng(3)

    def forgetful(which: Side, at: NDArray[np.int64]) -> NDArray[np.float64]:
        return rng.normal(size=len(at))

    verdict = line(fresh().told_by(silent_of_codes(forgetful)), MembershipByModel(permutations=299))
    assert verdict.verdict == "none_detected"
    assert verdict.detectable is not None
    assert 0 < verdict.detectable < 0.2


def test_where_no_model_can_be_asked_there_is_no_line() -> None:
    measure, compared = MembershipByModel(permutations=99), fresh()
    metrics = measure.measure(compared, rng=np.random.default_rng(0))
    assert [metric.status for metric in metrics] == ["not_applicable"]
    assert measure.judge(metrics, compared) == ()


def test_with_too_few_of_one_side_the_line_has_no_answer() -> None:
    told = fresh(train=60, holdout=6).told_by(silent_of_codes(lambda which, at: np.zeros(len(at))))
    verdict = line(told, MembershipByModel(permutations=99))
    assert verdict.verdict == "not_assessable"
    assert verdict.detail
