"""What every measure of tables and time owes, on extracts that have no good answer."""

from __future__ import annotations

import json
import math
from copy import deepcopy

import numpy as np
import pytest

from synthgen import plugins
from synthgen.metrics.extract import Extracts
from synthgen.metrics.longitudinal.base import RelationalMeasure
from synthgen.metrics.result import HISTORIES, Metric
from tests.metrics.longitudinal.hospital import Tables, extracts, hospital

MEASURES = {name: plugins.load_relational_metric(name) for name in plugins.relational_metrics()}


def _sets(patients: int = 40) -> tuple[Tables, Tables, Tables]:
    return hospital(patients, 1), hospital(patients, 2, "h"), hospital(patients, 3, "s")


def _without(table: str) -> Extracts:
    """The synthetic set has a row or two of a table, which lead to nobody."""
    train, holdout, synthetic = _sets()
    for column, cells in synthetic[table].items():
        synthetic[table][column] = ["nobody's"] if column in ("visit", "id") else cells[:1]
    return extracts(train, holdout, synthetic)


def _blank(table: str, column: str) -> Extracts:
    sets = _sets()
    for each in sets:
        each[table][column] = [""] * len(each[table][column])
    return extracts(*sets)


def _childless() -> Extracts:
    """Half of the synthetic patients have no visit, and their visits' measurements are nobody's."""
    train, holdout, synthetic = _sets()
    kept = [int(patient.removeprefix("sp")) % 2 == 0 for patient in synthetic["visits"]["id"]]
    for column, cells in synthetic["visits"].items():
        synthetic["visits"][column] = [cell for cell, keep in zip(cells, kept, strict=True) if keep]
    return extracts(train, holdout, synthetic)


HARD = {
    "ordinary": lambda: extracts(*_sets()),
    "no holdout": lambda: extracts(_sets()[0], None, _sets()[2]),
    "few patients": lambda: extracts(hospital(5, 1), hospital(4, 2, "h"), hospital(3, 3, "s")),
    "a patient": lambda: extracts(hospital(1, 4), None, hospital(1, 5, "s")),
    "hardly any visit": lambda: _without("visits"),
    "hardly any measurement": lambda: _without("labs"),
    "no time": lambda: _blank("labs", "taken"),
    "no code": lambda: _blank("labs", "code"),
    "no value": lambda: _blank("labs", "value"),
    "no birth": lambda: _blank("patients", "birth_date"),
    "patients without children": _childless,
}


def _measured(name: str, case: str) -> tuple[Metric, ...]:
    measure: RelationalMeasure = MEASURES[name]()
    found = HARD[case]()
    metrics = measure.measure(found, rng=np.random.default_rng(7))
    for line in measure.judge(metrics, found):
        assert line.detail
    return metrics


@pytest.mark.parametrize("case", HARD)
@pytest.mark.parametrize("name", MEASURES)
def test_an_answer_is_finite_or_comes_with_a_reason(name: str, case: str) -> None:
    metrics = _measured(name, case)
    assert metrics[0].table == HISTORIES
    for metric in metrics:
        assert metric.name == name
        json.dumps(dict(metric.details), allow_nan=False)
        assert (metric.value is None) == (metric.status != "ok")
        assert metric.reason or metric.status == "ok"
        for number in (metric.value, metric.floor, metric.ceiling, *(metric.interval or ())):
            assert number is None or math.isfinite(number)
        for row in metric.details.get("rows", ()):
            assert row.keys() == metric.details["rows"][0].keys()


@pytest.mark.parametrize("name", MEASURES)
def test_the_same_seed_gives_the_same_answer(name: str) -> None:
    first, second = (_measured(name, "ordinary") for _ in range(2))
    assert first == second


@pytest.mark.parametrize("name", MEASURES)
def test_nothing_stands_in_for_the_holdout(name: str) -> None:
    for metric in _measured(name, "no holdout"):
        assert (metric.ceiling is None and metric.reason) or name == "key_integrity"


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_is_a_frozen_dataclass_named_for_its_file(name: str) -> None:
    measure = MEASURES[name]
    assert measure.__dataclass_params__.frozen
    assert measure.__name__.lower() == name.replace("_", "")


@pytest.mark.parametrize("name", sorted(set(MEASURES) - {"key_integrity"}))
def test_a_perfect_stand_in_is_no_further_than_the_holdout(name: str) -> None:
    """Over twelve hospitals of the same distribution the mean distance is that of the holdout."""
    apart = []
    for seed in range(12):
        sets = (hospital(60, 100 + seed), hospital(60, 200 + seed, "h"), hospital(60, 300 + seed, "s"))
        whole, *_ = MEASURES[name]().measure(extracts(*sets), rng=np.random.default_rng(seed))
        apart.append(whole.value - whole.ceiling)
    assert abs(np.mean(apart)) <= 3 * np.std(apart) / np.sqrt(len(apart)) + 1e-12


@pytest.mark.parametrize("name", sorted(set(MEASURES) - {"key_integrity"}))
def test_the_order_of_rows_that_have_a_time_says_nothing(name: str) -> None:
    train, holdout, synthetic = _sets()
    turned = deepcopy(synthetic)
    order = np.random.default_rng(1).permutation(len(turned["visits"]["visit"]))
    turned["visits"] = {column: [cells[i] for i in order] for column, cells in turned["visits"].items()}
    first, second = (
        MEASURES[name]().measure(extracts(train, holdout, each), rng=np.random.default_rng(7))
        for each in (synthetic, turned)
    )
    assert [metric.value for metric in first] == pytest.approx([metric.value for metric in second], abs=1e-12)
