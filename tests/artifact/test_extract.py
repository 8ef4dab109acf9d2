"""A synthesizer of several tables survives the way to disk and back; a file that contradicts itself is refused."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pytest

from synthgen.artifact import container
from synthgen.artifact.describe import describe, summary
from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.artifact.load import load
from synthgen.errors import InputError
from synthgen.schema.config import Schema
from synthgen.workflow import fit
from tests.artifact.mutants import try_mutants
from tests.artifact.test_synthesizer import leaves
from tests.relational import clinic

MODELS: Final[dict[str, dict[str, Any]]] = {"independent": {}, "copula": {}, "autoregressive": {"epochs": 1}}


@dataclass(frozen=True, eq=False)
class Saved:
    folder: Path
    schema: Schema
    made: ExtractSynthesizer
    path: Path


def saved(folder: Path, schema: Schema, tables: clinic.Tables) -> Saved:
    data = clinic.write(folder / "data", tables)
    made = fit(data, schema, seed=3).synthesizer
    assert isinstance(made, ExtractSynthesizer)
    made.save(folder / "model")
    return Saved(data, schema, made, folder / "model")


@pytest.fixture(scope="module", params=MODELS)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Saved:
    schema = clinic.schema(request.param, **MODELS[request.param])
    return saved(tmp_path_factory.mktemp("model"), schema, clinic.clinic(80))


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Saved:
    """An independent model; of a clinic that lists its patients nowhere, so that there is an identifier."""
    tables, declared = clinic.without_patients(clinic.clinic(80))
    return saved(tmp_path_factory.mktemp("plain"), clinic.schema("independent", declared), tables)


def frames(synthesizer: object) -> dict[str, pd.DataFrame]:
    assert isinstance(synthesizer, ExtractSynthesizer)
    blocks = list(synthesizer.extract.blocks(40, seed=4))
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in synthesizer.written}
    for block in blocks:
        for name, batch in block.items():
            found[name].append(pd.DataFrame(batch.to_pydict()))
    return {name: pd.concat(parts) for name, parts in found.items()}


def test_saved_and_loaded_it_generates_the_same(model: Saved, tmp_path: Path) -> None:
    loaded = load(model.path)
    assert isinstance(loaded, ExtractSynthesizer)
    for (name, mine), theirs in zip(frames(loaded).items(), frames(model.made).values(), strict=True):
        pd.testing.assert_frame_equal(mine, theirs, obj=name)
    assert (loaded.schema, loaded.seed, loaded.versions, loaded.types, loaded.formats) == (
        model.made.schema,
        model.made.seed,
        model.made.versions,
        model.made.types,
        model.made.formats,
    )
    loaded.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == model.path.read_bytes()


def test_fitted_again_it_has_the_same_bytes(plain: Saved, tmp_path: Path) -> None:
    fit(plain.folder, plain.schema, seed=3).synthesizer.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == plain.path.read_bytes()


def test_patients_that_no_table_lists_are_named_alike_in_all_tables(plain: Saved) -> None:
    made, real = frames(load(plain.path)), {path.stem: pd.read_csv(path, dtype=str) for path in plain.folder.iterdir()}
    visits, labs = made["visits"], made["labs"]
    whose = visits.set_index("visit")["patient"]
    linked = labs[labs["visit"] != ""]
    assert (linked["visit"].map(whose) == linked["patient"]).all()
    assert 20 < visits["patient"].nunique() <= 40
    assert visits["patient"].str.fullmatch(r"PAT-\d{6}").all()
    assert not set(visits["patient"]) & set(real["visits"]["patient"])


def test_describe_shows_everything(model: Saved) -> None:
    shown = describe(model.made)
    documents, arrays = container.read(model.path)
    text = set(leaves(shown))
    assert not [leaf for document in documents.values() for leaf in leaves(document) if leaf not in text]
    assert shown["arrays"].keys() == arrays.keys()
    codes = pd.read_csv(model.folder / "codes.csv", dtype=str, keep_default_na=False)
    assert shown["kept_as_they_are"] == {"codes": codes.to_dict("list")}
    json.dumps(shown)
    lines = [name for name, _, _ in summary(model.made)]
    assert {"patients.born", "visits.start.gap", "labs.value", "codes"} <= set(lines)


class TestDamage:
    """What passes the container's checks, since a hostile hand made the checksums fit."""

    @pytest.mark.parametrize(
        "change",
        [
            lambda d, a: d["schema"]["tables"].pop("labs"),
            lambda d, a: d["schema"]["tables"]["visits"].update(order=None),
            lambda d, a: d["about"]["formats"].pop("labs"),
            lambda d, a: d["about"].update(tables=[]),
            lambda d, a: d["about"].update(types={"labs": {"value": "nonsense"}}),
            lambda d, a: d["columns"].pop("visits"),
            lambda d, a: d["columns"]["visits"]["encoders"].pop("start.gap"),
            lambda d, a: d["columns"][""]["encoders"]["rows of visits"]["quantiser"].update(atoms=[0, 1, 1 << 40]),
            lambda d, a: d["given"]["visits"]["timeline"].update(window=[5, 1]),
            lambda d, a: d["given"]["visits"]["timeline"].update(ahead=["nothing"]),
            lambda d, a: d["given"]["visits"]["calendar"].update(dates=[3, 1]),
            lambda d, a: d["given"]["labs"]["memory"].update(spans=[0, 1.5]),
            lambda d, a: d["columns"]["labs"]["encoders"]["value"].pop("others"),
            lambda d, a: d["given"].pop("labs"),
            lambda d, a: d["given"]["visits"].update(timeline=None),
            lambda d, a: d["given"]["visits"].update(memory=None),
            lambda d, a: d["given"]["visits"].update(surroundings=None),
            lambda d, a: d["given"]["visits"]["timeline"].update(order="ward"),
            lambda d, a: d["given"]["visits"]["timeline"].update(window=[5]),
            lambda d, a: d["given"]["visits"]["timeline"].update(by_day=False),
            lambda d, a: d["given"]["labs"]["memory"].update(main=99),
            lambda d, a: d["given"]["labs"]["memory"].update(followed=[-1]),
            lambda d, a: d["given"]["labs"]["surroundings"].update(above=["nowhere"]),
            lambda d, a: d["given"][""]["added"].update(children=["labs"]),
            lambda d, a: d["extract"].update(order=["visits"]),
            lambda d, a: d["extract"].update(order=d["extract"]["order"][::-1]),
            lambda d, a: d["extract"].update(numbers={}),
            lambda d, a: d["extract"].update(numbers={"wards": -3}),
            lambda d, a: d["extract"].update(numbers={"wards": 1 << 40}),
            lambda d, a: d["extract"].update(births="born"),
            lambda d, a: d["extract"].update(identifier=None),
            lambda d, a: d["extract"].update(references={}),
            lambda d, a: d["extract"]["references"]["codes"].update(rows=7),
            lambda d, a: d["extract"]["references"]["codes"].update(columns=["code"]),
            lambda d, a: d["models"].pop("labs"),
            lambda d, a: a.clear(),
            lambda d, a: a.pop(next(name for name in a if name.startswith("reference"))),
            lambda d, a: a.update({n: np.full_like(x, 99) for n, x in a.items() if n.startswith("reference")}),
            lambda d, a: a.update({n: x[..., :1] for n, x in a.items()}),
        ],
    )  # fmt: skip
    def test_parts_that_contradict_each_other_are_refused_in_one_line(
        self, plain: Saved, tmp_path: Path, change: Any
    ) -> None:
        documents, arrays = container.read(plain.path)
        change(documents, arrays)
        container.write(tmp_path / "bad", documents, arrays)
        with pytest.raises(InputError) as caught:
            load(tmp_path / "bad")
        assert str(tmp_path) in str(caught.value)
        assert "\n" not in str(caught.value)

    def test_whatever_stands_in_the_documents_is_loaded_or_refused(
        self, plain: Saved, tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        def use(path: Path) -> None:
            loaded = load(path)
            assert isinstance(loaded, ExtractSynthesizer)
            list(loaded.extract.blocks(5, seed=1))

        folder = tmp_path_factory.mktemp("mutants")
        try_mutants(plain.path, folder, use, sparing=("about", "schema"), examples=60)
