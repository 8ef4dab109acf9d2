"""A policy sets limits and asks for lines; quick runs leave slow measures out; one stream for each measure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pytest

from synthgen import plugins
from synthgen.errors import InputError
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.judging import judged, measures, require_known
from synthgen.metrics.result import Metric, Verdict
from synthgen.plugins import Reference
from synthgen.progress import Progress, silent
from synthgen.schema.config import Policy
from tests.metrics.build import comparison

HERE = Reference(__name__, "Limited")


@dataclass(frozen=True)
class Limited(Measure):
    """A risk of one tenth, whatever the data, judged by a limit."""

    quick: ClassVar[bool] = False
    limit: float = 0.09

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        progress("a part of it", 0.5)
        return (Metric(name="risk", family="privacy", table="t", value=0.1 + 0 * rng.random()),)

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        word = "fail" if (metrics[0].value or 0) > self.limit else "pass"
        line = Verdict(name="risk", verdict=word, metric="risk", threshold=self.limit, source="a policy")
        return (line,)


@pytest.fixture(autouse=True)
def _known(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = {name: plugins.metrics()[name] for name in ("missingness", "exact_copies")} | {"risk": HERE}
    monkeypatch.setattr(plugins, "metrics", lambda: chosen)


SETS = comparison(*({"age": np.arange(40.0), "p": np.arange(40)} for _ in range(3)), patient="p")


def test_a_limit_of_the_policy_decides_and_the_line_says_where_it_comes_from() -> None:
    said = {}
    for limits in ({}, {"risk": 0.2}):
        chosen = measures(Policy(limits=limits))
        _, (line,) = judged({"risk": chosen["risk"]}, SETS, seed=1)
        said[line.threshold] = (line.verdict, line.source)
    assert said == {0.09: ("fail", "a policy"), 0.2: ("pass", "limit set by the config, 0.09 without it; a policy")}


def test_quick_leaves_out_what_is_not_quick() -> None:
    assert list(measures(Policy())) == ["missingness", "exact_copies", "risk"]
    assert list(measures(Policy(), quick=True)) == ["missingness", "exact_copies"]


def test_a_policy_that_names_what_there_is_not_is_told_all_at_once() -> None:
    policy = Policy(required=("exact_copies", "exact_copy"), limits={"exact_copies": 0.1, "risks": 0.1})
    with pytest.raises(InputError) as told:
        require_known(policy)
    assert str(told.value).splitlines() == [
        "evaluation.policy.required: there is no verdict line exact_copy; lines: exact_copies, risk, key_integrity",
        "evaluation.policy.limits: exact_copies, risks has no limit to set; lines with a limit: risk (0.09)",
    ]
    require_known(Policy(required=(), limits={"risk": 0.1}))


def test_a_share_is_at_most_one_and_multiples_of_false_positives_may_be_more(monkeypatch: pytest.MonkeyPatch) -> None:
    attack = Reference("synthgen.metrics.privacy.membership_inference", "MembershipInference")
    monkeypatch.setattr(plugins, "metrics", lambda: {"risk": HERE, "membership_inference": attack})
    chosen = measures(Policy(limits={"membership_inference": 5.0}))
    assert getattr(chosen["membership_inference"], "limit", None) == 5.0
    with pytest.raises(InputError, match=r"limits: risk is 1\.5, and can be at most 1; without one it is 0\.09"):
        require_known(Policy(limits={"risk": 1.5}))


def test_every_measure_tells_of_itself_under_its_own_name_from_nothing_to_all() -> None:
    told: list[tuple[str, float]] = []
    judged({"risk_of_all": Limited()}, SETS, seed=1, progress=lambda step, done: told.append((step, done)))
    assert told == [("risk of all", 0.0), ("risk of all", 0.5), ("risk of all", 1.0)]


def test_one_more_measure_changes_no_others_figures() -> None:
    both = measures(Policy())
    alone = {"missingness": both["missingness"]}
    assert judged(both, SETS, seed=3)[0][0] == judged(alone, SETS, seed=3)[0][0]
