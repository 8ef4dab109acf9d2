from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synthgen.metrics.attacks.membership import Trial
from synthgen.metrics.base import Comparison, Likelihood, Side
from synthgen.metrics.statistics.auc import area
from tests.metrics.build import comparison, silent_of_codes
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
    assert trial.learned[: trial.tested].tolist() == trial.member[trial.patient].tolist()
    assert len(trial.position) == len(trial.learned) == trial.tested + trial.reference
    assert one.holdout is not None
    for side, records in ((trial.learned, one.train), (~trial.learned, one.holdout)):
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

    def model(which: Side, at: NDArray[np.int64]) -> NDArray[np.float64]:
        # The model is a little surer of its training records, and cannot generate one of them.
        return np.where(at == 5, -np.inf, -1.0 * at) if which == "train" else -1.0 * at - 50

    told = one.told_by(silent_of_codes(model))
    (attack,) = Trial.of(told).by_model
    assert (attack.name, attack.columns) == ("likelihood ratio", "all")
    score = attack.score
    assert np.all(np.isfinite(score))
    assert score.mean() == pytest.approx(0.0, abs=1e-9)
    assert Trial.of(one).by_model == ()
    assert "likelihood ratio" not in [attack.name for attack in Trial.of(told).attacks]


def test_what_a_model_remembers_is_looked_for_in_its_own_codes() -> None:
    """A model that knows the shares of a hundred codes a column of those it learned from, and nothing else."""
    rng, columns, codes = np.random.default_rng(4), 40, 100
    train, holdout, synthetic = (rng.integers(0, codes, (n, columns)) for n in (300, 300, 200))
    shares = [(np.bincount(column, minlength=codes) + 0.5) / (300 + codes / 2) for column in train.T]
    sides = {"train": train, "holdout": holdout}

    def log_prob(which: Side, at: NDArray[np.int64]) -> NDArray[np.float64]:
        return sum(np.log(share[column]) for share, column in zip(shares, sides[which][at].T, strict=True))

    def occurrences(which: Side, at: NDArray[np.int64]) -> csr_array:
        places = sides[which][at] + codes * np.arange(columns)
        return csr_array(
            (np.ones(places.size), (np.repeat(np.arange(len(at)), columns), places.ravel())),
            shape=(len(at), columns * codes),
        )

    sets = [{f"x{k}": column.astype(float) for k, column in enumerate(of.T)} for of in (train, holdout, synthetic)]
    told = comparison(*sets).told_by(Likelihood(log_prob, occurrences, np.repeat(np.arange(columns), codes)))
    trial = Trial.of(told)
    (by_model,) = trial.by_model
    (by_records,) = (attack for attack in trial.attacks if attack.name == "classifier")
    assert area(by_model.score, trial.member) > 0.9
    assert area(by_records.score, trial.member) < 0.65
