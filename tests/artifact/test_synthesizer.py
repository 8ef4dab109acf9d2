"""A fitted synthesizer survives the way to disk and back; a file that contradicts itself gets one clear line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthgen import plugins
from synthgen.artifact import container
from synthgen.artifact.describe import describe, summary
from synthgen.artifact.load import load
from synthgen.artifact.table import TableSynthesizer
from synthgen.errors import InputError
from synthgen.workflow import fit
from tests.artifact.extract import rows, schema, write
from tests.artifact.mutants import try_mutants

NATIVE = [name for name in plugins.models() if not name.startswith("sdv")]


@pytest.fixture(scope="module", params=NATIVE)
def model(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[TableSynthesizer, Path]:
    folder = tmp_path_factory.mktemp("model")
    made = fit(write(folder, rows(400)), schema(request.param), seed=3).synthesizer
    made.save(folder / "model.synthgen")
    return made, folder / "model.synthgen"


def generated(synthesizer: TableSynthesizer) -> list[dict[str, list[str]]]:
    return [batch.to_pydict() for batch in synthesizer.flat.blocks(500, seed=4)]


def test_saved_and_loaded_it_generates_the_same(model: tuple[TableSynthesizer, Path]) -> None:
    made, path = model
    loaded = load(path)
    assert generated(loaded) == generated(made)
    assert loaded.config_hash == made.config_hash
    assert (loaded.schema, loaded.table, loaded.seed, loaded.versions) == (
        made.schema,
        made.table,
        made.seed,
        made.versions,
    )


def test_saved_again_it_has_the_same_bytes(model: tuple[TableSynthesizer, Path], tmp_path: Path) -> None:
    _, path = model
    load(path).save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_fitted_again_it_has_the_same_bytes(model: tuple[TableSynthesizer, Path], tmp_path: Path) -> None:
    made, path = model
    fit(write(tmp_path, rows(400)), made.schema, seed=3).synthesizer.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_describe_shows_everything(model: tuple[TableSynthesizer, Path]) -> None:
    made, path = model
    shown = describe(made)
    documents, arrays = container.read(path)
    text = set(leaves(shown))
    assert not [leaf for name, document in documents.items() for leaf in leaves(document) if leaf not in text]
    for name, array in arrays.items():
        assert shown["arrays"][name]["shape"] == list(array.shape)
        assert shown["arrays"][name]["values"] == array.tolist()
    json.dumps(shown)


def leaves(document: Any) -> list[str]:
    """The names and values in a document."""
    if isinstance(document, dict):
        return [leaf for key, item in document.items() for leaf in (key, *leaves(item))]
    if isinstance(document, list):
        return [leaf for item in document for leaf in leaves(item)]
    return [json.dumps(document)]


def test_a_line_per_column(model: tuple[TableSynthesizer, Path]) -> None:
    assert [name for name, _, _ in summary(model[0])] == list(model[0].schema.tables["visits"].columns)


class TestDamage:
    """What passes the container's checks, since a hostile hand made the checksums fit."""

    def refused(self, path: Path, tmp_path: Path, change: Any) -> str:
        documents, arrays = container.read(path)
        change(documents, arrays)
        container.write(tmp_path / "bad", documents, arrays)
        with pytest.raises(InputError) as caught:
            load(tmp_path / "bad")
        assert "\n" not in str(caught.value)
        return str(caught.value)

    @pytest.mark.parametrize(
        "change",
        [
            lambda d, a: d["schema"].update(version=7),
            lambda d, a: d["schema"]["tables"].clear(),
            lambda d, a: d.pop("schema"),
            lambda d, a: d["about"].update(table="another"),
            lambda d, a: d["about"].update(seed=None),
            lambda d, a: d["about"].update(versions=["1"]),
            lambda d, a: d["about"].update(types={"sex": "list<item: no>"}),
            lambda d, a: d["columns"]["encoders"].pop("sex"),
            lambda d, a: d["columns"]["encoders"]["sex"].update(levels=["F"]),
            lambda d, a: d["columns"]["encoders"]["sex"].update(levels=[1, 2]),
            lambda d, a: d["columns"]["encoders"]["weight"]["quantiser"].update(atoms=[1 << 70]),
            lambda d, a: d["columns"]["encoders"]["weight"]["quantiser"].update(starts=[5], ends=[1]),
            lambda d, a: d["columns"]["encoders"]["weight"].update(decimals=1 << 40),
            lambda d, a: d["persons"].update(columns=[0, 99]),
            lambda d, a: d["persons"].update(columns=[-1]),
            lambda d, a: d["persons"].update(columns=[0, 0]),
            lambda d, a: d["persons"].update(rows=None),
            lambda d, a: d["persons"]["rows"].update(atoms=[-3, 1]),
            lambda d, a: d["persons"]["rows"].update(atoms=[1, 1 << 40]),
            lambda d, a: d["models"].pop("person"),
            lambda d, a: a.clear(),
            lambda d, a: a.update({name: array[..., :1] for name, array in a.items()}),
            lambda d, a: a.update({name: np.full_like(array, 200) for name, array in a.items()}),
        ],
    )  # fmt: skip
    def test_parts_that_contradict_each_other_are_refused_in_one_line(
        self, model: tuple[TableSynthesizer, Path], tmp_path: Path, change: Any
    ) -> None:
        assert str(tmp_path) in self.refused(model[1], tmp_path, change)

    def test_not_a_number_is_refused(self, model: tuple[TableSynthesizer, Path], tmp_path: Path) -> None:
        if not any(array.dtype.kind == "f" for array in container.read(model[1])[1].values()):
            pytest.skip("this model keeps no floating-point array")
        self.refused(
            model[1], tmp_path, lambda d, a: a.update({n: x * np.nan for n, x in a.items() if x.dtype.kind == "f"})
        )

    def test_a_model_that_is_not_installed_is_named(self, model: tuple[TableSynthesizer, Path], tmp_path: Path) -> None:
        text = self.refused(model[1], tmp_path, lambda d, a: d["schema"]["model"].update(name="oracle"))
        assert "oracle" in text

    def test_whatever_stands_in_the_documents_is_loaded_or_refused(
        self, model: tuple[TableSynthesizer, Path], tmp_path_factory: pytest.TempPathFactory
    ) -> None:
        def use(path: Path) -> None:
            list(load(path).flat.blocks(20, seed=1))

        try_mutants(model[1], tmp_path_factory.mktemp("mutants"), use, examples=80)
