"""Extracts of several tables, from the files to generated tables: what holds always, and what holds nearly."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest

from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.generated import ExtractSample
from synthgen.workflow import fit, sample
from tests.relational import clinic

MODELS: Final[dict[str, dict[str, Any]]] = {
    "independent": {},
    "autoregressive": {"epochs": 3},
}
PATIENTS: Final = 300
TIMES: Final = {"visits": ("start", "stop"), "labs": ("taken",), "claims": ("filed",)}


@dataclass(frozen=True, eq=False)
class World:
    folder: Path
    real: dict[str, pd.DataFrame]
    synthesizer: ExtractSynthesizer
    made: dict[str, pd.DataFrame]


def extract_of(synthesizer: object, n: int = PATIENTS, seed: int = 5) -> ExtractSample:
    assert isinstance(synthesizer, ExtractSynthesizer)
    found = sample(synthesizer, n, seed=seed)
    assert isinstance(found, ExtractSample)
    return found


def frames(tables: clinic.Tables) -> dict[str, pd.DataFrame]:
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}


@pytest.fixture(scope="module", params=MODELS)
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> World:
    tables = clinic.clinic()
    folder = clinic.write(tmp_path_factory.mktemp("clinic"), tables)
    made = fit(folder, clinic.schema(request.param, **MODELS[request.param]), seed=3).synthesizer
    assert isinstance(made, ExtractSynthesizer)
    return World(folder, frames(tables), made, extract_of(made).to_pandas())


# --- keys and links ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "key", "shape"),
    [
        ("patients", "patient", r"PAT-\d{6}"),
        ("visits", "visit", r"\d{7}"),
        ("claims", "claim", r"C\d{4}"),
        ("wards", "ward", r"W\d+"),
    ],
)
def test_every_key_is_unique_new_and_of_the_originals_shape(world: World, table: str, key: str, shape: str) -> None:
    keys = world.made[table][key]
    assert keys.is_unique
    assert not set(keys) & set(world.real[table][key])
    assert all(re.fullmatch(shape, text) for text in keys)


def test_a_key_of_two_columns_is_unique(world: World) -> None:
    assert not world.made["diagnoses"].duplicated(["visit", "position"]).any()


@pytest.mark.parametrize(
    ("table", "column", "target", "key", "may_be_missing"),
    [
        ("visits", "patient", "patients", "patient", False),
        ("visits", "ward", "wards", "ward", True),
        ("visits", "previous", "visits", "visit", True),
        ("diagnoses", "visit", "visits", "visit", False),
        ("labs", "visit", "visits", "visit", True),
        ("labs", "patient", "patients", "patient", False),
        ("labs", "code", "codes", "code", False),
        ("claims", "patient", "patients", "patient", False),
        ("claims", "payer_of", "patients", "patient", False),
        ("claims", "visit", "visits", "visit", True),
        ("outcomes", "patient", "patients", "patient", False),
        ("vitals", "visit", "visits", "visit", False),
    ],
)
def test_every_foreign_key_resolves(
    world: World, table: str, column: str, target: str, key: str, may_be_missing: bool
) -> None:
    named = world.made[table][column]
    assert set(named) - set(world.made[target][key]) <= ({""} if may_be_missing else set())
    assert (named == "").any() == may_be_missing


def test_all_links_of_a_row_lead_to_one_patient(world: World) -> None:
    whose = world.made["visits"].set_index("visit")["patient"]
    labs, claims, visits = world.made["labs"], world.made["claims"], world.made["visits"]
    for table in (labs, claims):
        linked = table[table["visit"] != ""]
        assert (linked["visit"].map(whose) == linked["patient"]).all()
    assert (claims["payer_of"] == claims["patient"]).all()
    again = visits[visits["previous"] != ""]
    assert (again["previous"].map(whose) == again["patient"]).all()


def test_the_visit_before_is_an_earlier_one(world: World) -> None:
    visits = world.made["visits"]
    starts = visits.set_index("visit")["start"]
    again = visits[visits["previous"] != ""]
    assert (again["previous"].map(starts) <= again["start"]).all()
    assert (again["previous"] != again["visit"]).all()


def test_everyone_has_one_outcome(world: World) -> None:
    assert sorted(world.made["outcomes"]["patient"]) == sorted(world.made["patients"]["patient"])


def test_reference_tables_come_through_unchanged(world: World) -> None:
    pd.testing.assert_frame_equal(world.made["codes"], world.real["codes"])


def test_the_columns_are_those_of_the_originals(world: World) -> None:
    assert {name: list(table) for name, table in world.made.items()} == {
        name: list(table) for name, table in world.real.items()
    }
    assert len(world.made["patients"]) == PATIENTS
    assert len(world.made["wards"]) == len(world.real["wards"])


# --- time --------------------------------------------------------------------------------------------------------


def test_nothing_is_before_what_it_belongs_to(world: World) -> None:
    made = world.made
    born = made["patients"].set_index("patient")["born"]
    starts = made["visits"].set_index("visit")["start"]
    assert (made["visits"]["start"] >= made["visits"]["patient"].map(born)).all()
    assert (made["visits"]["stop"] >= made["visits"]["start"]).all()
    assert (made["claims"]["filed"] >= made["claims"]["patient"].map(born)).all()
    labs = made["labs"][made["labs"]["visit"] != ""]
    assert (labs["taken"] >= labs["visit"].map(starts)).all()


def test_siblings_stand_in_the_order_of_time(world: World) -> None:
    for name, parent, order in (("visits", "patient", "start"), ("vitals", "visit", "hour")):
        table = world.made[name]
        when = table[order].astype(int) if order == "hour" else pd.to_datetime(table[order])
        assert (when.groupby(table[parent], sort=False).apply(lambda own: own.is_monotonic_increasing)).all(), name
    positions = world.made["diagnoses"]["position"].astype(int)
    numbered = positions.groupby(world.made["diagnoses"]["visit"]).agg(list)
    assert all(own == list(range(1, len(own) + 1)) for own in numbered)


def test_nothing_is_missing_where_nothing_was(world: World) -> None:
    for name, table in world.real.items():
        for column in table:
            if not (table[column] == "").any():
                assert not (world.made[name][column] == "").any(), (name, column)


def test_nothing_is_outside_the_window_of_time(world: World) -> None:
    week = pd.Timedelta(days=7)
    for name, column in (("visits", "start"), ("labs", "taken"), ("claims", "filed")):
        real, made = (pd.to_datetime(tables[name][column]) for tables in (world.real, world.made))
        assert made.min() >= real.min() - week, name
        assert made.max() <= real.max() + week, name


def test_no_series_of_dates_is_a_shift_of_a_real_one(world: World) -> None:
    def gaps(tables: dict[str, pd.DataFrame]) -> set[tuple[int, ...]]:
        start = pd.to_datetime(tables["visits"]["start"])
        minutes = (start - pd.Timestamp(0)) // pd.Timedelta(minutes=1)
        series = minutes.groupby(tables["visits"]["patient"]).agg(lambda own: tuple(np.diff(np.sort(own)).tolist()))
        return {own[at : at + 4] for own in series for at in range(len(own) - 3)}

    assert len(gaps(world.real)) > 50
    assert len(gaps(world.made)) > 30
    assert not gaps(world.real) & gaps(world.made)


# --- what holds nearly -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("table", "parents", "key"),
    [("visits", "patients", "patient"), ("diagnoses", "visits", "visit"), ("labs", "visits", "visit")],
)
def test_parents_have_as_many_children(world: World, table: str, parents: str, key: str) -> None:
    def shares(tables: dict[str, pd.DataFrame]) -> pd.Series:
        numbers = tables[parents][key].map(tables[table][key].value_counts()).fillna(0).clip(upper=8)
        return numbers.value_counts(normalize=True)

    both = pd.concat([shares(world.real), shares(world.made)], axis=1).fillna(0)
    assert (both.iloc[:, 0] - both.iloc[:, 1]).abs().sum() / 2 < 0.12


def test_every_value_is_one_of_what_was_measured(world: World) -> None:
    real, made = world.real["labs"], world.made["labs"]
    assert abs((real["value"] == "").mean() - (made["value"] == "").mean()) < 0.05
    for code in clinic.ANALYTES:
        theirs, ours = (labs.loc[(labs["code"] == code) & (labs["value"] != ""), "value"] for labs in (real, made))
        theirs, ours = theirs.astype(float), ours.astype(float)
        assert theirs.min() * 0.98 <= ours.min() <= ours.max() <= theirs.max() * 1.02, code
        assert abs(ours.median() - theirs.median()) < theirs.std() / 2, code


def test_a_ward_is_often_that_of_the_visit_before(world: World) -> None:
    if world.synthesizer.schema.model.name == "independent":
        pytest.skip("this model knows no row before")

    def stays(tables: dict[str, pd.DataFrame]) -> float:
        visits = tables["visits"]
        same = (visits["ward"] == visits["ward"].shift()) & (visits["ward"] != "")
        return float(same[visits["patient"] == visits["patient"].shift()].mean())

    assert abs(stays(world.real) - stays(world.made)) < 0.2


# --- the same again ----------------------------------------------------------------------------------------------


def test_the_first_patients_of_more_are_the_same_and_another_seed_gives_others(world: World) -> None:
    more, other = (
        extract_of(world.synthesizer, 2 * PATIENTS).to_pandas(),
        extract_of(world.synthesizer, 50, 6).to_pandas(),
    )
    for name, table in world.made.items():
        pd.testing.assert_frame_equal(table, more[name].head(len(table)))
        assert name == "codes" or not table.head(40).equals(other[name].head(40)), name


# --- conditions ------------------------------------------------------------------------------------------------------


def test_a_condition_on_patients_keeps_their_law(world: World) -> None:
    """Births within a learned range: years come as often as among patients that nothing was asked of."""
    where = ("born >= 1950-05-17", "born < 1957-03-01", "sex=F")
    asked, free = (
        ExtractSample(world.synthesizer, n, seed=7, where=conditions).to_pandas()["patients"]
        for n, conditions in ((400, where), (6000, ()))
    )
    assert asked["born"].between("1950-05-17", "1957-02-28").all()
    free = free[free["born"].between("1950-05-17", "1957-02-28") & (free["sex"] == "F")]
    for cut in ("1951-01-01", "1952-06-01", "1955-01-01"):
        expected = (free["born"] < cut).mean()
        assert (asked["born"] < cut).mean() == pytest.approx(expected, abs=0.1)
