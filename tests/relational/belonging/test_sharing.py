"""Results of one sample have its number, and samples of one order that: in generated rows as often as in real ones."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.artifact.load import load
from synthgen.relational.belonging.sharing import SIZES, Sharing, shareable
from synthgen.relational.belonging.structure import Structure
from synthgen.relational.rows import Rows
from synthgen.relational.time.moments import UNKNOWN
from synthgen.schema.config import Schema
from synthgen.workflow import fit
from tests.artifact.test_planted import unpacked
from tests.relational.clinic import Tables, schema, write
from tests.relational.test_extract import extract_of

NUMBERS = ["order_no", "sample_id"]


def laboratory(n: int, seed: int = 1) -> Tables:
    """Orders of one to three samples some hours apart, of each of which one to seven things are measured."""
    rng = np.random.default_rng(seed)
    tables: Tables = {"patients": [], "results": []}
    order, sample = 300_000, 7_000_000
    for who in range(n):
        patient = f"P{1000 + 3 * who}"
        tables["patients"].append({"patient": patient, "sex": "FM"[who % 2]})
        when = datetime(2021, 1, 1) + timedelta(minutes=int(rng.integers(0, 1_000_000)))
        for _ in range(int(rng.integers(1, 5))):
            order += int(rng.integers(1, 9))
            when += timedelta(days=int(rng.integers(2, 90)))
            for _ in range(int(rng.integers(1, 4))):
                sample += int(rng.integers(1, 9))
                when += timedelta(minutes=int(rng.integers(120, 900)))
                for code in rng.choice(list("ABCDEFGH"), int(rng.integers(1, 8)), replace=False):
                    tables["results"].append(
                        {
                            "result": f"R{len(tables['results']) * 7 + 10_000}",
                            "patient": patient,
                            "order_no": f"{order}",
                            "sample_id": f"S{sample}",
                            "taken": f"{when:%Y-%m-%d %H:%M}",
                            "code": str(code),
                            "value": str(int(rng.normal(50, 9))),
                        }
                    )
    return tables


DECLARED = {
    "patients": {
        "key": "patient",
        "patient": "patient",
        "columns": {"patient": {"kind": "id"}, "sex": {"kind": "category"}},
    },
    "results": {
        "key": "result",
        "parent": {"table": "patients", "column": "patient"},
        "order": "taken",
        "columns": {
            "result": {"kind": "id"},
            "patient": {"kind": "id"},
            "order_no": {"kind": "id"},
            "sample_id": {"kind": "id"},
            "taken": {"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
            "code": {"kind": "category"},
            "value": {"kind": "integer", "unit_of": "code"},
        },
    },
}
LABORATORY: Schema = schema("autoregressive", DECLARED, holdout=0.0, epochs=20)


def rows(patients: int, moments: list[int]) -> Rows:
    """As many rows of each of some patients as there are moments."""
    patient = np.repeat(np.arange(patients), len(moments))
    nothing = np.zeros((len(patient), 0), np.int32)
    return Rows(patient, patient, patients, patients, nothing, np.tile(np.array(moments, np.int64), patients))


def numbers(*of_patients: str) -> pa.DictionaryArray:
    """A number a letter, no patient's that of another; a dot is missing."""
    texts = ["" if each == "." else f"{who}{each}" for who, letters in enumerate(of_patients) for each in letters]
    return pa.array(texts, pa.string()).dictionary_encode()


def rates(cells: pa.DictionaryArray, of: Rows) -> tuple[tuple[float, ...], ...]:
    """By state: two where the other number ends, then rows of other moments and of the same one."""
    found = Sharing.of({"no": cells}, {"no": ("",)}, of, rare_below=5)
    assert found is not None
    return found.rates["no"]


def test_how_often_a_row_goes_on_is_counted_by_how_many_have_the_number() -> None:
    """Three rows of one moment and one of another: all three have a number in 30 patients, and each its own in 10.

    After the first row that has a number come 30 that go on with it and 20 that do not, after the second 30 that do.
    """
    found = rates(numbers(*["aaab"] * 30, *["abcd"] * 10), rows(40, [7, 7, 7, 8]))
    apart, at_once = found[2], found[3]
    assert at_once[:2] == (0.6, 1.0)
    assert apart == (0.0,) * len(SIZES)
    assert found[:2] == ((0.0,) * len(SIZES),) * 2


def test_what_few_patients_do_is_not_told() -> None:
    """Four who go on are none, and four of many who do not are none either."""
    twice = rows(40, [7, 7])
    assert Sharing.of({"no": numbers(*["aa"] * 4, *["ab"] * 36)}, {"no": ()}, twice, rare_below=5) is None
    assert rates(numbers(*["aa"] * 5, *["ab"] * 35), twice)[3][0] == 0.125
    assert rates(numbers(*["aa"] * 36, *["ab"] * 4), twice)[3][0] == 1.0
    assert rates(numbers(*["aa"] * 35, *["ab"] * 5), twice)[3][0] == 0.875


def test_long_runs_of_few_patients_are_told_together_with_shorter_ones() -> None:
    """Of 40 second rows 30 go on, of 30 third ones 8, of 8 fourth ones 4: the last with the third, 12 of 38."""
    cells = numbers(*["aaaa"] * 4, *["aaab"] * 4, *["aabc"] * 22, *["abcd"] * 10)
    found = rates(cells, rows(40, [7] * 4))[3]
    # Of those that come after the first of a number: 30 second, then 22 and 10 which begin one and end at once.
    assert found[1] == round(8 / 30, 3)
    assert found[2] == round(12 / 38, 3)
    assert found[2] == found[-1]


def test_a_missing_number_ends_one_and_is_none() -> None:
    """It comes after the first in 20 patients of 40; what comes after it goes on with nothing."""
    found = rates(numbers(*["aaa"] * 20, *["a.a"] * 20), rows(40, [7, 7, 7]))
    assert found[3][:2] == (0.5, 1.0)


def test_numbers_go_on_until_another_parent_and_nested_as_they_were() -> None:
    """Orders of four rows, samples of two: no sample in two orders, and no number in two patients."""
    real = rows(40, [1, 1, 2, 2, 3, 3, 4, 4])
    cells = {"sample": numbers(*["aabbccdd"] * 40), "order": numbers(*["aaaabbbb"] * 40)}
    found = Sharing.of(cells, {"sample": (), "order": ()}, real, rare_below=5)
    assert found is not None
    assert [*found.rates] == ["order", "sample"]
    firsts = found.firsts(rows(2, [1, 1, 2, 2, 3, 3, 4, 4]), np.random.default_rng(1))
    assert firsts["order"].tolist() == [0, 0, 0, 0, 4, 4, 4, 4, 8, 8, 8, 8, 12, 12, 12, 12]
    assert firsts["sample"].tolist() == [0, 0, 2, 2, 4, 4, 6, 6, 8, 8, 10, 10, 12, 12, 14, 14]
    assert Sharing.from_json(found.to_json()) == found


def test_rows_without_times_share_numbers_too() -> None:
    found = rates(numbers(*["aabb"] * 40), rows(40, [int(UNKNOWN)] * 4))
    assert found[2][:2] == (1.0, 0.0)


def test_a_key_a_link_or_what_is_unique_is_not_shared() -> None:
    declared = {name: dict(table) for name, table in DECLARED.items()}
    structure = Structure.of(LABORATORY)
    assert shareable(LABORATORY.tables["results"], structure.members["results"]) == ("order_no", "sample_id")
    assert shareable(LABORATORY.tables["patients"], structure.members["patients"]) == ()
    declared["results"]["constraints"] = ["unique(sample_id, code)"]
    ruled = schema("independent", declared)
    assert shareable(ruled.tables["results"], Structure.of(ruled).members["results"]) == ("order_no",)


@dataclass(frozen=True, eq=False)
class World:
    real: pd.DataFrame
    synthesizer: ExtractSynthesizer
    made: pd.DataFrame


#: Numbers of one patient, found nowhere else.
PLANTED = {"order_no": "987654321", "sample_id": "ZZ-31415"}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    tables = laboratory(300)
    whose = tables["results"][700]["patient"]
    tables["results"] = [row | (PLANTED if row["patient"] == whose else {}) for row in tables["results"]]
    made = fit(write(tmp_path_factory.mktemp("laboratory"), tables), LABORATORY, seed=1).synthesizer
    assert isinstance(made, ExtractSynthesizer)
    return World(pd.DataFrame(tables["results"]), made, extract_of(made, 1500).to_pandas()["results"])


@pytest.mark.parametrize("column", NUMBERS)
def test_a_number_belongs_to_one_patient_and_is_new(world: World, column: str) -> None:
    assert (world.made.groupby(column)["patient"].nunique() == 1).all()
    assert not {*world.made[column]} & {*world.real[column]}


def test_a_sample_is_of_one_order_and_of_one_moment(world: World) -> None:
    samples = world.made.groupby("sample_id")
    assert (samples["order_no"].nunique() == 1).all()
    assert (samples["taken"].nunique() == 1).all()
    assert (world.made.groupby(["patient", "taken"])["sample_id"].nunique() == 1).mean() > 0.99


def test_as_many_samples_are_of_an_order_as_in_reality(world: World) -> None:
    """Two on average. Before, each row had an order and a sample of its own."""
    real, made = (each.groupby("order_no")["sample_id"].nunique() for each in (world.real, world.made))
    assert abs(made.mean() - real.mean()) < 0.2
    assert (made > real.max() + 1).mean() < 0.03


@pytest.mark.parametrize("column", NUMBERS)
def test_about_as_many_rows_have_a_number_as_in_reality(world: World, column: str) -> None:
    real, made = (each.groupby(column).size().mean() for each in (world.real, world.made))
    assert made == pytest.approx(real, rel=0.15)


def test_saved_and_loaded_the_same_numbers_are_shared(world: World, tmp_path: Path) -> None:
    world.synthesizer.save(tmp_path / "model")
    again = extract_of(load(tmp_path / "model"), 1500).to_pandas()["results"]
    pd.testing.assert_frame_equal(again, world.made)


@pytest.mark.parametrize("column", NUMBERS)
def test_no_number_is_in_the_artifact(world: World, tmp_path: Path, column: str) -> None:
    world.synthesizer.save(tmp_path / "model")
    assert PLANTED[column].encode() not in unpacked(tmp_path / "model")
    assert PLANTED[column] not in {*world.made[column]}
