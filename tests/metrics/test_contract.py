"""What every measure owes, on tables that have no good answer."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import pkgutil
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from synthgen.metrics import fairness, fidelity, privacy, utility
from synthgen.metrics.base import Comparison, FollowUp, Measure
from synthgen.metrics.result import Metric
from tests.metrics.build import comparison, silent_of_codes


def _measures() -> list[type[Measure]]:
    """Every concrete measure of every family, found by listing the packages."""
    found = []
    for family in (fidelity, utility, privacy, fairness):
        for module in pkgutil.iter_modules(family.__path__, family.__name__ + "."):
            for member in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(member) and member.__module__ == module.name and issubclass(member, Measure):
                    found.append(member)
    return found


def _columns(n: int, seed: int, patients: int | None = None) -> dict[str, Any]:
    rng = np.random.default_rng(seed)
    sick = rng.random(n) < 0.4
    lab = np.round(rng.normal(5 + 2 * sick, 1), 1)
    return {
        "p": rng.integers(patients, size=n) if patients else np.arange(n),
        "sick": np.where(sick, "yes", "no"),
        "lab": [None if absent else value for absent, value in zip(rng.random(n) < 0.2, lab.tolist(), strict=True)],
        "age": rng.integers(20, 90, size=n),
        "code": rng.choice(["I10", "E11", "J45", "N39"], size=n, p=[0.6, 0.2, 0.15, 0.05]),
    }


def _like(**changed: Any) -> Comparison:
    """Three ordinary sets of 120 rows, with these columns in all of them."""
    sets = [_columns(120, seed) | changed for seed in (0, 1, 2)]
    return comparison(*sets, patient="p", target="sick")


def _sized(train: int, holdout: int | None, synthetic: int) -> Comparison:
    held = None if holdout is None else _columns(holdout, 1)
    return comparison(_columns(train, 0), held, _columns(synthetic, 2), patient="p", target="sick")


HARD = {
    "ordinary": _like,
    "ties": lambda: _like(lab=[1, 2, 3] * 40, age=[0, 1] * 60),
    "constant": lambda: _like(lab=[7] * 120, code=["I10"] * 120),
    "all missing": lambda: _like(lab=[np.nan] * 120, code=[None] * 120),
    "every cell missing": lambda: _like(sick=[None] * 120, lab=[np.nan] * 120, age=[np.nan] * 120, code=[None] * 120),
    "text results": lambda: _like(lab=["neg", 1.5, None] * 40),
    "extreme numbers": lambda: _like(age=[1e15, -1e15, 0, 1e-15] * 30),
    "one patient": lambda: _like(p=[0] * 120),
    "one patient in the synthetic set": lambda: comparison(
        _columns(120, 0, 60), _columns(120, 1, 60), _columns(120, 2, 1), patient="p", target="sick"
    ),
    "few rows": lambda: _sized(12, 11, 10),
    "fewer rows than folds": lambda: _sized(4, 3, 3),
    "one synthetic row": lambda: _sized(120, 60, 1),
    "no synthetic row": lambda: _sized(120, 60, 0),
    "no holdout": lambda: _sized(120, None, 120),
    "one column": lambda: comparison(*({"age": _columns(120, k)["age"]} for k in (0, 1, 2)), target="age"),
    "only in the synthetic set": lambda: comparison(
        *(_columns(120, k) | {"lab": [np.nan] * 120} for k in (0, 1)), _columns(120, 2), patient="p"
    ),
}
#: Of these tables nothing can be said, so that 0 and 1 would be claims out of thin air.
EMPTY = ("one patient", "one patient in the synthetic set", "fewer rows than folds", "one synthetic row")
EMPTY += ("no synthetic row",)


def _measured(measure: type[Measure], case: str) -> tuple[Metric, ...]:
    named = replace(HARD[case](), groups=("sick", "code"), survival=FollowUp("age", "sick", "yes"))
    told = named.told_by(silent_of_codes(lambda _, rows: -1.0 * rows))
    return measure().measure(told, rng=np.random.default_rng(7))


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("measure", _measures())
def test_an_answer_is_finite_or_comes_with_a_reason(measure: type[Measure], case: str) -> None:
    metrics = _measured(measure, case)
    assert metrics
    for metric in metrics:
        json.dumps(dict(metric.details), allow_nan=False)
        assert (metric.value is None) == (metric.status != "ok")
        assert metric.reason or metric.status == "ok"
        for number in (metric.value, metric.floor, metric.ceiling, *(metric.interval or ())):
            assert number is None or math.isfinite(number)
        if metric.interval is not None:
            assert metric.interval[0] <= metric.interval[1]
        if case in EMPTY:
            assert metric.value not in {0.0, 1.0} or metric.reason or np.ptp(metric.interval or (0, 0)) > 0
        for row in metric.details.get("rows", ()):
            assert row.keys() == metric.details["rows"][0].keys()


@pytest.mark.parametrize("measure", _measures())
def test_the_same_seed_gives_the_same_answer(measure: type[Measure]) -> None:
    first, second = (_measured(measure, "ordinary") for _ in range(2))
    assert first == second


@pytest.mark.parametrize("measure", _measures())
def test_nothing_stands_in_for_the_holdout(measure: type[Measure]) -> None:
    for metric in _measured(measure, "no holdout"):
        assert metric.ceiling is None
        assert metric.reason or metric.family == "privacy"


@pytest.mark.parametrize("measure", _measures())
def test_a_measure_is_a_frozen_dataclass_named_for_its_file(measure: type[Measure]) -> None:
    assert measure.__dataclass_params__.frozen  # type: ignore[attr-defined]
    assert measure.__name__.lower() == measure.__module__.rsplit(".", 1)[1].replace("_", "")
