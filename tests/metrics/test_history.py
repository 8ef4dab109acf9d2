"""Whole patients as records: a hospital whose every figure can be counted by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from synthgen.metrics.extract import Extracts
from synthgen.metrics.history import Histories
from synthgen.metrics.result import HISTORIES
from tests.metrics.longitudinal.hospital import Tables, extracts, hospital

BY_HAND: Tables = {
    "patients": {
        "id": ["a", "b", "c"],
        "sex": ["F", "M", "F"],
        "birth_date": ["2000-01-01", "1999-12-31", "2000-01-01"],
    },
    "wards": {"ward": ["w1"], "floor": ["1"]},
    "visits": {
        "visit": ["v2", "v1", "v3"],
        "id": ["a", "a", "b"],
        "ward": ["w1"] * 3,
        "start": ["2000-01-31", "2000-01-11", "2000-01-01"],
        "stop": ["2000-02-01", "2000-01-12", "2000-01-02"],
        "reason": ["heart", "lung", "lung"],
    },
    "labs": {
        "visit": ["v2", "v1", "v1", "v3", "v9"],
        "taken": ["2000-01-31", "2000-01-11", "2000-01-12", "2000-01-01", "2000-01-01"],
        "code": ["CRP", "CRP", "HB", "CRP", "CRP"],
        "value": [4, 1, 7, "", 5],
    },
}


def _codes_of_many() -> Tables:
    """Twelve such hospitals with other CRPs, so that their codes have columns of their own."""
    made: Tables = {name: {column: [] for column in table} for name, table in BY_HAND.items()}
    made["wards"] = BY_HAND["wards"]
    for k in range(12):
        for name in ("patients", "visits", "labs"):
            for row in zip(*BY_HAND[name].values(), strict=True):
                cells = dict(zip(BY_HAND[name], row, strict=True))
                for column, cell in cells.items():
                    linked = column in ("id", "visit")
                    raised = column == "value" and cell and cells["code"] == "CRP"
                    made[name][column].append(f"{cell}{k}" if linked else cell + k if raised else cell)
    return made


@pytest.fixture(scope="module")
def compared() -> Extracts:
    return extracts(_codes_of_many(), None, BY_HAND)


def test_a_history_is_counted_and_summed_in_the_order_of_time(compared: Extracts) -> None:
    found = Histories(compared, compared.children).comparison()
    assert found.table == HISTORIES
    records = found.synthetic
    assert records.n == 3

    def held(name: str) -> list[float | None]:
        return [None if math.isnan(value) else float(value) for value in records.numbers[name]]

    assert held("number of visits") == [2, 1, 0]
    assert held("number of visits, lung") == [1, 1, 0]
    assert held("first start of visits") == [10, 1, None]  # days since birth
    assert held("last start of visits") == [30, 1, None]
    assert held("number of labs, CRP") == [2, 1, 0]  # the one without a visit is nobody's
    assert held("mean value of labs, CRP") == [2.5, None, None]
    assert held("least value of labs, CRP") == [1, None, None]
    assert held("greatest value of labs, CRP") == [4, None, None]
    assert held("last value of labs, CRP") == [4, None, None]
    sex = next(variable for variable in found.variables if variable.name == "sex")
    assert [sex.labels[code] for code in records.codes["sex"]] == ["F", "M", "F"]


def test_what_is_constant_in_training_is_no_column(compared: Extracts) -> None:
    names = {variable.name for variable in Histories(compared, compared.children).variables}
    assert "mean value of labs, HB" not in names  # always 7
    assert "number of labs, missing" not in names


def test_a_code_of_few_patients_has_no_column_of_its_own() -> None:
    train = hospital(60, 1)
    train["labs"]["code"][:10] = ["HIV"] * 10
    names = [variable.name for variable in Histories(extracts(train, None, hospital(60, 2)), ("labs",)).variables]
    assert not any("HIV" in name for name in names)
    assert "number of labs, CRP" in names


def test_the_floor_keeps_columns_and_numbers_of_rows_and_nothing_else() -> None:
    found = extracts(hospital(300, 1), None, hospital(300, 2))
    train, floor = found.train, found.sets["floor"]
    assert {name: rows.n for name, rows in floor.tables.items()} == {name: r.n for name, r in train.tables.items()}
    for extract, related in ((train, True), (floor, False)):
        woman = extract.tables["patients"].records.codes["sex"] == 0
        value = extract.tables["labs"].records.numbers["value"]
        of_women = woman[extract.tables["labs"].patient]
        assert (abs(value[of_women].mean() - value[~of_women].mean()) > 2) == related
    means = [extract.tables["labs"].records.numbers["value"].mean() for extract in (train, floor)]
    assert means[0] == pytest.approx(means[1], abs=0.3)
    assert np.array_equal(floor.tables["labs"].patient, floor.tables["visits"].patient[floor.tables["labs"].parent])
