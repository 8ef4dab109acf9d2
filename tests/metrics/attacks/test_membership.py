from __future__ import annotations

from typing import Literal

import numpy as np
import pytest
from numpy.typing import NDArray

from synthgen.metrics.attacks.membership import Trial
from synthgen.metrics.base import Comparison
from tests.metrics.build import comparison
from tests.metrics.privacy.populations import population, rows, stacked


def compared(train: int = 120, holdout: int = 60, per_patient: int = 1) -> Comparison:
    rng = np.random.default_rng(0)
    sets = (population(train, rng, per_patient=per_patient), population(holdout, rng, first_patient=10_000))
    return comparison(*sets, population(100, rng), patient="patient")


def test_reference_and_tested_patients_are_apart_and_a_fifth_is_reference() -> None:
    trial = Trial.of(compared())
    assert (trial.reference, trial.tested, len(trial.member)) == (36, 144, 144)
    whose = trial.records.patient
    assert not set(whose[: trial.tested].tolist()) & set(whose[trial.tested :].tolist())
    assert trial.member.tolist() == sorted(trial.member.tolist(), reverse=True)


def test_every_measure_that_asks_hears_of_the_same_trial() -> None:
    one = compared()
    assert Trial.of(one) is Trial.of(one)


def test_position_is_the_row_in_the_set_that_a_record_comes_from() -> None:
    one = compared()
    trial = Trial.of(one)
    member = trial.member[trial.patient]
    assert one.holdout is not None
    for side, records in ((member, one.train), (~member, one.holdout)):
        mine = np.flatnonzero(side)
        assert trial.records.numbers["age"][mine].tolist() == records.numbers["age"][trial.position[side]].tolist()


def test_distances_by_hand() -> None:
    # Both sides hold 0 and 8, the synthetic set 2: mean 4, standard deviation 4, one unit is 8.
    sets = {"x": [0.0, 8.0] * 30}
    trial = Trial.of(comparison(sets, sets, {"x": [2.0] * 20}))
    synthetic, reference = trial.distances()
    at = trial.records.numbers["x"][: trial.tested]
    assert synthetic.tolist() == pytest.approx(np.where(at == 0, 0.25, 0.75).tolist())
    assert reference.tolist() == [0.0] * trial.tested
    assert trial.closeness().tolist() == [-1.0] * trial.tested


def test_of_a_patients_records_the_closest_counts_and_repeats_count_once() -> None:
    rng = np.random.default_rng(1)
    train, holdout, synthetic = (
        population(n, rng, first_patient=k, per_patient=2) for n, k in ((80, 0), (80, 99), (60, 0))
    )
    once = Trial.of(comparison(train, holdout, synthetic, patient="patient"))
    again = Trial.of(
        comparison(stacked(train, *[rows(train, np.array([0]))] * 500), holdout, synthetic, patient="patient")
    )
    assert once.tested == again.tested
    assert [a.score.tolist() for a in once.attacks] == [a.score.tolist() for a in again.attacks]
    values = np.arange(once.tested, dtype=float)
    assert once.most(values).tolist() == [values[once.patient == k].max() for k in range(len(once.member))]
    assert once.mean(values).tolist() == [values[once.patient == k].mean() for k in range(len(once.member))]


def test_a_likelihood_is_asked_for_the_rows_tested_and_what_the_reference_explains_is_taken_out() -> None:
    one = compared()

    def model(which: Literal["train", "holdout"], at: NDArray[np.int64]) -> NDArray[np.float64]:
        # The model is a little surer of its training records, and cannot generate one of them.
        return np.where(at == 5, -np.inf, -1.0 * at) if which == "train" else -1.0 * at - 50

    told = one.told_by(model)
    names = [attack.name for attack in Trial.of(told).attacks]
    assert names[:5] == ["distance", "calibrated distance", "density ratio", "classifier", "likelihood ratio"]
    score = Trial.of(told).attacks[4].score
    assert np.all(np.isfinite(score))
    assert score.mean() == pytest.approx(0.0, abs=1e-9)
    assert "likelihood ratio" not in [attack.name for attack in Trial.of(one).attacks]
