"""Extracts on one footing: whose rows they are, in which order, and from when their dates count."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen import plugins
from synthgen.metrics.extract import Extracts
from synthgen.metrics.history import Histories
from synthgen.schema.config import Schema
from tests.metrics.longitudinal.hospital import SCHEMA, Tables, dataset, hospital

TABLES = SCHEMA.model_dump(exclude_unset=True)["tables"]


def _without_patients(tables: Tables) -> Tables:
    return {name: table for name, table in tables.items() if name != "patients"}


@pytest.fixture(scope="module")
def nameless() -> Extracts:
    """Patients are only named in a column of the visits."""
    visits = {key: value for key, value in TABLES["visits"].items() if key != "parent"}
    schema = Schema.model_validate({"tables": {**_without_patients(TABLES), "visits": visits}})
    sets = [dataset(_without_patients(hospital(60, seed, prefix))) for seed, prefix in ((1, ""), (2, "h"), (3, "s"))]
    return Extracts.of(schema, *sets)


def test_patients_may_be_only_named_in_a_column(nameless: Extracts) -> None:
    assert nameless.structure.patients is None
    assert set(nameless.children) == {"visits", "labs"}
    assert nameless.birth(nameless.train) is None
    days = nameless.days("visits", nameless.train)
    assert days is not None
    first = nameless.begun(nameless.train)
    for patient in range(3):  # there is no birth, so dates count from the first visit
        assert first[patient] == days[nameless.train.tables["visits"].patient == patient].min()
    compared = Histories(nameless, nameless.children).comparison()
    assert compared.train.n == nameless.train.n_patients
    assert {"number of visits", "number of labs, CRP"} <= {variable.name for variable in compared.variables}
    for name in plugins.relational_metrics():
        metrics = plugins.load_relational_metric(name)().measure(nameless, rng=np.random.default_rng(1))
        assert metrics[0].value is not None, name


def test_rows_are_those_of_the_patient_of_the_visit_in_the_order_of_time() -> None:
    tables = hospital(30, 1)
    found = Extracts.of(SCHEMA, dataset(tables), None, dataset(hospital(30, 2)))
    labs = found.train.tables["labs"]
    ids = found.train.ids.to_pylist()
    assert [ids[patient] for patient in labs.patient] == [visit.split("v")[0] for visit in tables["labs"]["visit"]]
    siblings = found.in_time("labs", found.train)
    times = found.times("labs", found.train)
    assert times is not None
    before = siblings.previous
    later = np.flatnonzero(before >= 0)
    assert (times[later] >= times[before[later]]).all()
    assert found.train.tables["wards"].patient.tolist() == [-1, -1]


def test_the_codes_of_a_table_are_its_most_diverse_labels_that_recur() -> None:
    found = Extracts.of(SCHEMA, dataset(hospital(60, 1)), None, dataset(hospital(60, 2)))
    for table, column in (("labs", "code"), ("visits", "reason")):
        variable = found.code(table)
        assert variable is not None
        assert variable.name == column
    assert found.code("labs", "value") is None


def test_of_several_codes_in_a_cell_the_first_may_say_what_a_row_is_about() -> None:
    declared = SCHEMA.model_dump(exclude_unset=True)
    declared["tables"]["visits"]["columns"]["reason"] = {"kind": "code", "separator": " "}
    sets = []
    for seed in (1, 2):
        tables = hospital(60, seed)
        tables["visits"]["reason"] = [f"{first} I10" for first in tables["visits"]["reason"]]
        sets.append(dataset(tables))
    found = Extracts.of(Schema.model_validate(declared), sets[0], None, sets[1])
    variable = found.code("visits")
    assert variable is not None
    assert variable.name == "reason[1]"
