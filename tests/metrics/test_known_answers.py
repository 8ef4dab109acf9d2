"""The self-test tells an evaluator that works from one that sees nothing and from one that sees leaks everywhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest

from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.fidelity.accuracy import Accuracy
from synthgen.metrics.fidelity.c2st import C2st
from synthgen.metrics.known_answers import EXPECTED, MOST_PATIENTS, known_answers
from synthgen.metrics.privacy.exact_copies import ExactCopies
from synthgen.metrics.result import Metric, Verdict
from synthgen.progress import Progress, silent
from tests.metrics.build import comparison
from tests.metrics.privacy.populations import Columns, population

PERFECT, COPY, PART, SHUFFLED = EXPECTED


def real(patients: int, **more: Any) -> Comparison:
    """Real records of so many patients, four in five of them training; the synthetic ones are worthless."""
    rng = np.random.default_rng(4)
    training = 4 * patients // 5
    train = population(training, rng)
    holdout = population(patients - training, rng, first_patient=training)
    nothing: Columns = {name: values[:3] for name, values in train.items()}
    return comparison(train, holdout, nothing, patient="patient", **more)


@dataclass(frozen=True)
class Fixed(Measure):
    """Says the same of everything."""

    line: Verdict

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        return ()

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        return (self.line,)


BLIND = Fixed(Verdict(name="blind", verdict="none_detected", metric="m", detectable=0.001))
CRYING = Fixed(Verdict(name="crying", verdict="leak", metric="m", detectable=0.001))


def answers(compared: Comparison, measures: Mapping[str, Measure]) -> dict[str, str]:
    return {known.case: known.answer for known in known_answers(compared, measures, seed=1)}


def test_an_evaluator_that_works_gives_every_known_answer() -> None:
    measures: dict[str, Measure] = {"exact_copies": ExactCopies(), "accuracy": Accuracy(), "c2st": C2st()}
    found = known_answers(real(6_000), measures, seed=1)
    assert [(known.case, known.answer) for known in found] == [(case, "as_expected") for case in EXPECTED]
    assert "leak: exact copies" in found[1].said
    assert found == known_answers(real(6_000), measures, seed=1)


def test_a_line_that_sees_nothing_and_one_that_always_accuses_are_found_out() -> None:
    assert answers(real(300), {"blind": BLIND}) | {SHUFFLED: ""} == {
        PERFECT: "as_expected", COPY: "not_as_expected", PART: "not_as_expected", SHUFFLED: ""
    }  # fmt: skip
    assert answers(real(300), {"crying": CRYING})[PERFECT] == "not_as_expected"


def test_a_line_that_says_how_little_it_sees_is_not_blamed() -> None:
    modest = Fixed(replace(BLIND.line, detectable=0.2))
    assert answers(real(300), {"modest": modest})[PART] == "not_assessable"
    assert answers(real(300), {"modest": modest})[COPY] == "not_as_expected"


def test_without_lines_or_patients_nothing_is_claimed() -> None:
    assert set(answers(real(300), {}).values()) == {"not_assessable"}
    assert set(answers(real(50), {"crying": CRYING}).values()) == {"not_assessable"}
    one = replace(real(300), holdout=None)
    assert answers(one, {"crying": CRYING})[COPY] == "as_expected"  # training records alone can be dealt too


@pytest.mark.parametrize("patients", [90, 3 * MOST_PATIENTS + 900])
def test_the_sets_are_of_different_patients_and_bounded(patients: int) -> None:
    seen: list[Comparison] = []

    @dataclass(frozen=True)
    class Watching(Fixed):
        def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
            seen.append(comparison)
            return (self.line,)

    compared = real(patients)
    everyone = np.arange(1.0, patients + 1)  # a number that tells each patient apart
    train, holdout = compared.train, compared.holdout
    assert holdout is not None
    compared = replace(
        compared,
        train=replace(train, numbers={**train.numbers, "age": everyone[: train.n]}),
        holdout=replace(holdout, numbers={**holdout.numbers, "age": everyone[train.n :]}),
    )
    known_answers(compared, {"watching": Watching(BLIND.line)}, seed=1)
    perfect, copy, part = (
        [set(records.numbers["age"].tolist()) for records in (one.train, one.holdout, one.synthetic) if records]
        for one in (seen[0], seen[-2], seen[-1])
    )
    size = min(patients // 3, MOST_PATIENTS)
    assert [len(numbers) for numbers in perfect] == [size] * 3
    assert len(set.union(*perfect)) == 3 * size
    assert copy[2] == copy[0]
    assert len(part[2] & part[0]) == max(1, round(0.01 * size))
    assert not part[2] & part[1]
