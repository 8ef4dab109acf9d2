"""Faults that are planted in a perfect stand-in: each moves its own measure, and leaves the others where they were."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from datetime import date, timedelta

import numpy as np
import pytest

from synthgen import plugins
from synthgen.metrics.extract import Extracts
from synthgen.metrics.fidelity.c2st import C2st
from synthgen.metrics.history import Histories
from synthgen.metrics.result import Metric
from tests.metrics.longitudinal.hospital import Tables, extracts, hospital, shuffled

PATIENTS = 300


@pytest.fixture(scope="module")
def sets() -> tuple[Tables, Tables, Tables]:
    return hospital(PATIENTS, 1), hospital(PATIENTS, 2, "h"), hospital(PATIENTS, 3, "s")


def _children_shuffled(tables: Tables, rng: np.random.Generator) -> None:
    """Whole visits, with all that happened in them, go to other patients."""
    tables["visits"]["id"] = shuffled(tables["visits"]["id"], rng)


def _times_shuffled(tables: Tables, rng: np.random.Generator) -> None:
    tables["visits"]["start"] = shuffled(tables["visits"]["start"], rng)


def _codes_shuffled(tables: Tables, rng: np.random.Generator) -> None:
    tables["labs"]["code"] = shuffled(tables["labs"]["code"], rng)


def _one_each(tables: Tables, rng: np.random.Generator) -> None:
    """Every patient has as many visits as the next."""
    patients = tables["patients"]["id"]
    tables["visits"]["id"] = [patients[k % len(patients)] for k in range(len(tables["visits"]["id"]))]


def _before_birth(tables: Tables, rng: np.random.Generator) -> None:
    tables["patients"]["birth_date"] = [
        (date.fromisoformat(born) + timedelta(40_000)).isoformat() if k % 2 else born
        for k, born in enumerate(tables["patients"]["birth_date"])
    ]


def _in_the_future(tables: Tables, rng: np.random.Generator) -> None:
    for column in ("start", "stop"):
        cells = tables["visits"][column]
        tables["visits"][column] = [
            (date.fromisoformat(day) + timedelta(36_500)).isoformat() if k % 10 == 0 else day
            for k, day in enumerate(cells)
        ]


FAULTS: dict[str, tuple[Callable[[Tables, np.random.Generator], None], str, str]] = {
    "parent_child_association": (_children_shuffled, "visits", "visits"),
    "gaps": (_times_shuffled, "visits", "visits"),
    "transitions": (_codes_shuffled, "labs", "labs"),
    "children_per_parent": (_one_each, "visits", "visits"),
    "time_order": (_before_birth, "visits", "visits"),
    "date_window": (_in_the_future, "visits", "visits"),
}


def _of(name: str, table: str, found: Extracts) -> Metric:
    metrics = plugins.load_relational_metric(name)().measure(found, rng=np.random.default_rng(1))
    return next(metric for metric in metrics if metric.table == table)


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_moves_its_measure_off_the_ceiling(name: str, sets: tuple[Tables, Tables, Tables]) -> None:
    plant, table, _ = FAULTS[name]
    train, holdout, sound = sets
    faulty = deepcopy(sound)
    plant(faulty, np.random.default_rng(1))
    before, after = (_of(name, table, extracts(train, holdout, each)) for each in (sound, faulty))
    assert before.ceiling is not None
    assert before.value is not None
    assert after.value is not None
    low, high = before.details["above_ceiling"]["interval"]
    width = (high - low) / 2
    assert before.value <= before.ceiling + 2 * width + 1e-12
    assert after.value > before.ceiling + 2 * width + 0.02


def test_children_of_other_patients_are_seen_by_association_and_by_the_telling_apart(
    sets: tuple[Tables, Tables, Tables],
) -> None:
    """Gaps within visits and transitions stay as they are, since visits stay whole."""
    train, holdout, sound = sets
    faulty = deepcopy(sound)
    _children_shuffled(faulty, np.random.default_rng(1))
    found = extracts(train, holdout, faulty)
    whole = _of("parent_child_association", "labs", found)
    assert whole.value is not None
    assert whole.ceiling is not None
    assert whole.value > 2 * whole.ceiling
    pairs = [row["pair"] for row in whole.details["rows"]]
    assert "patients.sex × value" in pairs[:3]
    auc = {}
    for name, each in (("sound", sound), ("faulty", faulty)):
        compared = Histories(extracts(train, holdout, each), ("visits", "labs")).comparison()
        auc[name] = C2st().measure(compared, rng=np.random.default_rng(1))[0].value
    assert auc["sound"] is not None
    assert auc["faulty"] is not None
    assert abs(auc["sound"] - 0.5) < 0.1
    assert auc["faulty"] > auc["sound"] + 0.1


def test_broken_keys_fail_and_are_named(sets: tuple[Tables, Tables, Tables]) -> None:
    measure = plugins.load_relational_metric("key_integrity")()
    train, holdout, sound = sets
    for plant, told in (
        (lambda tables: None, "every key is unique and every link leads to a row"),
        (lambda tables: tables["visits"]["visit"].__setitem__(0, tables["visits"]["visit"][1]), "visits: key: 1 of "),
        (lambda tables: tables["labs"]["visit"].__setitem__(0, "nowhere"), "labs: visit → visits: 1 of "),
        (lambda tables: tables["visits"]["ward"].__setitem__(0, "w9"), "visits: ward → wards: 1 of "),
        (lambda tables: tables["visits"]["visit"].__setitem__(0, ""), "visits: key: 1 of "),
    ):
        tables = deepcopy(sound)
        plant(tables)
        found = extracts(train, holdout, tables)
        metrics = measure.measure(found, rng=np.random.default_rng(1))
        (line,) = measure.judge(metrics, found)
        assert line.verdict == ("pass" if told.startswith("every") else "fail")
        assert told in line.detail
        assert (metrics[0].value == 1) == (line.verdict == "pass")
