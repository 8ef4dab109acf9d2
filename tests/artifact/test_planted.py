"""What one patient has, no artifact holds: planted values are hunted in every byte that is unpacked."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import numpy as np
import pytest

from synthgen import plugins
from synthgen.artifact import container
from synthgen.artifact.load import load
from synthgen.artifact.table import TableSynthesizer
from synthgen.workflow import fit
from tests.artifact.extract import PLANTED, rows, schema, write

NATIVE = [name for name in plugins.models() if not name.startswith("sdv")]


@pytest.fixture(scope="module", params=NATIVE)
def artifact(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("planted")
    path = folder / "model.synthgen"
    fit(write(folder), schema(request.param), seed=3).synthesizer.save(path)
    return path


def unpacked(path: Path, without: str = "") -> bytes:
    """All members of the zip and its table of contents, but for one."""
    with zipfile.ZipFile(path) as archive:
        members = [archive.read(name) for name in archive.namelist() if name != without]
        return b"\n".join([*members, "\n".join(archive.namelist()).encode()])


@pytest.mark.parametrize("column", [name for name in PLANTED if name != "status"])
def test_no_planted_text_is_in_the_artifact(artifact: Path, column: str) -> None:
    content = unpacked(artifact)
    for part in PLANTED[column].split(", "):
        found = re.search(rf"(?<![\w.]){re.escape(part)}(?![\w])", content.decode("utf-8", "replace"))
        assert found is None, column
        assert len(part) < 4 or part.encode("utf-16-le") not in content


def test_a_missing_token_of_one_patient_stands_where_the_user_declared_it_and_nowhere_else(artifact: Path) -> None:
    assert PLANTED["status"].encode() not in unpacked(artifact, without="schema.json")


def test_other_patients_names_ids_and_notes_are_not_in_the_artifact(artifact: Path) -> None:
    content = unpacked(artifact)
    for row in rows()[::50]:
        for column in ("who", "row_id", "name", "note"):
            assert row[column].encode() not in content


def test_the_keys_of_planted_numbers_and_dates_are_not_in_the_artifact(artifact: Path) -> None:
    born = int(np.datetime64(PLANTED["born"], "D").astype(int))
    seen = np.datetime64(PLANTED["seen"].replace(" ", "T"), "s").astype(int)
    keys = {98765, 98731, 173, born, int(seen), int(seen) // 86_400, int(seen) % 86_400 // 60}
    documents, arrays = container.read(artifact)
    learned = {name: document for name, document in documents.items() if name != "about"}
    numbers = {float(number) for number in re.findall(r"-?\d+(?:\.\d+)?", json.dumps(learned))}
    assert not keys & numbers
    large = {key for key in keys if abs(key) > 1000}
    assert not any(np.isin(array, list(large)).any() for array in arrays.values())


def test_no_true_minimum_or_maximum_is_in_the_artifact(artifact: Path) -> None:
    documents, _ = container.read(artifact)
    encoders = documents["columns"]["encoders"]
    weights = [round(float(row["weight"]) * 100) for row in rows()]
    days = [int(np.datetime64(row["born"], "D").astype(int)) for row in rows()]
    for held, true in ((encoders["weight"], weights), (encoders["born"], days)):
        numbers = {int(number) for number in re.findall(r"-?\d+", json.dumps(held))}
        assert not numbers & {min(true), max(true), sorted(true)[2], sorted(true)[-3]}


def test_nothing_has_an_entry_for_each_row_or_patient(artifact: Path) -> None:
    documents, arrays = container.read(artifact)
    n = len(rows())
    sizes = {n, n - 2, n // 2, n // 2 + 1}
    assert not any(sizes & set(array.shape) for array in arrays.values())
    assert not [path for path, length in lists(documents) if length in sizes]


def lists(document: object, path: str = "") -> list[tuple[str, int]]:
    """Where lists stand in a document, and how long they are."""
    if isinstance(document, dict):
        return [found for key, item in document.items() for found in lists(item, f"{path}.{key}")]
    if isinstance(document, list):
        return [
            (path, len(document)),
            *(found for i, item in enumerate(document) for found in lists(item, f"{path}[{i}]")),
        ]
    return []


def test_nothing_planted_is_generated(artifact: Path) -> None:
    synthesizer = load(artifact)
    assert isinstance(synthesizer, TableSynthesizer)
    batches = list(synthesizer.flat.blocks(3000, seed=9))
    for name in batches[0].schema.names:
        cells = {text for batch in batches for text in batch.column(name).to_pylist()}
        assert PLANTED[name] not in cells
        assert PLANTED[name].split(", ")[0] not in {part for cell in cells for part in cell.split(", ")}
