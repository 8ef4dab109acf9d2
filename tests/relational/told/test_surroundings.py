"""What a row is given of other tables, by three patients that can be checked by hand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
import pytest

from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.models.base import FittedModel
from synthgen.relational.asked.asking import Asked
from synthgen.relational.rows import Rows, Steps
from synthgen.relational.time.moments import UNKNOWN
from synthgen.relational.told.contexts import contexts
from synthgen.relational.told.history import Memory
from synthgen.relational.told.surroundings import Surroundings
from synthgen.workflow import fit
from tests.relational import clinic


@dataclass(frozen=True)
class Told:
    domains: tuple[Domain, ...]
    memory: Memory | None = None


def rows(patient: list[int], parent: list[int], n_parents: int, *codes: list[int]) -> Rows:
    table = np.array(codes, np.int32).T if codes else np.zeros((len(patient), 0), np.int32)
    whose, of = np.array(patient, np.int64), np.array(parent, np.int64)
    return Rows(whose, of, 3, n_parents, table, np.full(len(patient), UNKNOWN))


SEX = Domain("sex", "sex", 2, Scale.NOMINAL)
WARD = Domain("ward", "ward", 5, Scale.NOMINAL)
DRUG = Domain("drug", "drug", 4, Scale.NOMINAL, parents=((0, 0, 1, 1), (0, 1, 2, 3)), system="atc", target=True)
ALIVE = Domain("alive", "alive", 2, Scale.NOMINAL)
KNOWN: Mapping[str, Any] = {
    "patients": Told((SEX,)),
    "visits": Told((WARD,), Memory((WARD,), 0, (1, 3), None, (0,), 4, ())),
    "drugs": Told((DRUG,), Memory((DRUG,), 0, (0, 2), None, (0,), 4, ())),
    "ends": Told((ALIVE,), Memory((ALIVE,), None, (), None, (), 1, ())),
}
OTHERS = {
    "patients": rows([0, 1, 2], [0, 1, 2], 3, [0, 1, 0]),
    "visits": rows([0, 0, 2], [0, 0, 2], 3, [1, 4, 3]),
    "drugs": rows([0, 0, 0, 2], [0, 0, 1, -1], 3, [2, 3, 0, 0]),  # the last one without a visit
    "ends": rows([2], [2], 3, [1]),
}
#: The laboratory values of patient 0 (two of the first visit, one of the second), and of patient 2 one without a visit.
LABS = rows([0, 0, 0, 2, 2], [0, 0, 1, 2, -1], 3)
AROUND = Surroundings(above=("visits", "patients"), single=("ends",), beside=("drugs",), elsewhere=("drugs",))


def test_a_row_knows_its_ancestors_and_what_is_beside_it() -> None:
    names = [domain.name for domain in AROUND.domains(KNOWN)]
    assert names == [
        "visits.ward",
        "patients.sex",
        "ends.alive",
        "drugs.drug 0",
        "drugs.drug 1",
        "drugs has 0",
        "drugs has 2",
        "place",
        "left",
        "place of all",
        "left of all",
    ]
    found = AROUND.context(LABS, OTHERS, KNOWN)
    none = UNOBSERVED
    assert found.tolist() == [
        [1, 0, none, 2, 3, 1, 1, 0, 1, 0, 2],
        [1, 0, none, 2, 3, 1, 1, 1, 0, 1, 1],
        [4, 0, none, 0, none, 1, 1, 0, 0, 2, 0],
        [3, 0, 1, none, none, 1, 0, 0, 0, 0, 1],
        [none, 0, none, none, none, 1, 0, 0, 0, 1, 0],  # without a visit the patient is known all the same
    ]


def test_what_another_table_means_is_not_taken_for_ones_own() -> None:
    foreign = AROUND.domains(KNOWN)[3]
    assert (foreign.parents, foreign.system, foreign.target) == ((), "", False)
    assert len({domain.name for domain in AROUND.domains(KNOWN)}) == len(AROUND.domains(KNOWN))


def test_rows_of_the_patients_themselves_have_one_place() -> None:
    around = Surroundings(("patients",), (), (), ())
    assert [domain.name for domain in around.domains(KNOWN)] == ["patients.sex", "place of all", "left of all"]
    assert around.context(rows([0, 0, 1], [0, 0, 1], 3), OTHERS, KNOWN).tolist() == [[0, 0, 1], [0, 1, 0], [1, 0, 0]]


def test_tables_without_rows_tell_nothing() -> None:
    nothing = {name: rows([], [], 3, []) for name in OTHERS} | {"patients": OTHERS["patients"]}
    found = AROUND.context(LABS, nothing, KNOWN)
    assert found[:, 0].tolist() == [UNOBSERVED] * 5
    assert found[:, 1].tolist() == [0] * 5
    assert found[:, 5:7].tolist() == [[0, 0]] * 5


def test_saved_and_read_again_they_are_the_same() -> None:
    assert Surroundings.from_json(AROUND.to_json()) == AROUND


class Recorded:
    """A fitted model that notes what it is given."""

    def __init__(self, inner: FittedModel) -> None:
        self.inner, self.given = inner, list[Any]()

    def sample(self, n: int, *, rng: Any, given: Any = None, context: Any = None) -> Any:
        self.given.append(context)
        return self.inner.sample(n, rng=rng, given=given, context=context)


@pytest.fixture(scope="module")
def synthesizer(tmp_path_factory: pytest.TempPathFactory) -> ExtractSynthesizer:
    folder = clinic.write(tmp_path_factory.mktemp("clinic"), clinic.clinic(100))
    found = fit(folder, clinic.schema("independent"), seed=1).synthesizer
    assert isinstance(found, ExtractSynthesizer)
    return found


@pytest.mark.parametrize("name", ["visits", "labs", "diagnoses", "claims", "vitals"])
def test_what_rows_are_given_in_training_is_what_they_are_given_in_generation(
    synthesizer: ExtractSynthesizer, name: str
) -> None:
    extract = synthesizer.extract
    recorded = Recorded(extract.tables[name].model)
    table = replace(extract.tables[name], model=cast(FittedModel, recorded))
    drawn = replace(extract, tables={**extract.tables, name: table})._draw(3, 0, b"key", {}, Asked())
    births = drawn.rows["patients"].moments
    ends = extract._row_ends(name, drawn.rows[name], drawn.rows, drawn.cells)
    learned_from = contexts(table, drawn.rows[name], drawn.rows, extract.tables, births, ends)
    steps = list(Steps.of(drawn.rows[name].patient))
    assert len(recorded.given) >= len(steps) > 1
    # Some rows of a step may be drawn again, as where no such step ends on such a weekday; all come first.
    calls = iter(recorded.given)
    for at in steps:
        np.testing.assert_array_equal(learned_from[at], next(given for given in calls if len(given) == len(at)))
