"""SDV's models on the command line: fitted and looked at as any other, sampled from only where the user vouches."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

import synthgen
from synthgen import cli
from synthgen.errors import InputError
from synthgen.models.sdv import FittedSdv
from tests.commands.conftest import Cli
from tests.commands.extract import rows_of

pytestmark = pytest.mark.sdv


@pytest.fixture(scope="module")
def unsafe(small: Path, sample_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("unsafe") / "small.synthgen"
    arguments = ("fit", small, "-c", sample_config, "--model", "sdv-copula", "--seed", 1, "-o", path)
    assert cli.run([str(argument) for argument in arguments]) == 0
    return path


@pytest.fixture
def locked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever brings SDV's object back fails."""

    def refuse(_: FittedSdv) -> None:
        raise AssertionError("unpickled")

    monkeypatch.setattr(FittedSdv, "_synthesizer", property(refuse))


@pytest.mark.usefixtures("locked")
def test_sampling_needs_trust(refused: Callable[..., str], unsafe: Path, tmp_path: Path) -> None:
    told = refused("sample", unsafe, "-n", 5, "-o", tmp_path / "s.csv")
    assert "this sdv-copula model holds training rows, and executes code when it is loaded" in told
    assert "give --trust" in told
    with pytest.raises(InputError, match="trust=True"):
        synthgen.load(unsafe)


def test_with_trust_rows_come_and_conditions_hold(run: Cli, unsafe: Path, tmp_path: Path) -> None:
    path = tmp_path / "women.csv"
    done = run("sample", unsafe, "-n", 40, "--seed", 2, "--trust", "--where", "sex = F", "-o", path)
    assert done.status == 0, done.err
    rows = rows_of(path)
    assert len(rows) == 40
    assert {row["sex"] for row in rows} == {"F"}
    assert 1 < len({row["patient_id"] for row in rows}) < 40  # some have several rows
    assert len(synthgen.sample(synthgen.load(unsafe, trust=True), 3, seed=1).to_pandas()) == 3


@pytest.mark.usefixtures("locked")
def test_inspect_says_unsafe_first_and_executes_nothing(run: Cli, unsafe: Path) -> None:
    done = run("inspect", unsafe)
    assert done.status == 0
    assert done.out.startswith("UNSAFE: holds training rows, and executes code when it is loaded.")
    assert "holds no record" not in done.out
    everything = json.loads(run("inspect", unsafe, "--json").out)
    assert everything["unsafe"] == everything["documents"]["about"]["unsafe"]
    assert everything["constant_within_patient"] == []
    assert len(everything["arrays"]["rows.pickled"]["sha256"]) == 64


@pytest.mark.usefixtures("locked", "few_measures")
def test_evaluate_needs_the_schema_alone(run: Cli, unsafe: Path, small: Path, tmp_path: Path) -> None:
    done = run("evaluate", small, "--real", small, "-m", unsafe, "-o", tmp_path / "e")
    assert done.status == 0, done.err


def test_a_safe_model_needs_no_trust_and_is_not_called_unsafe(run: Cli, model: Path) -> None:
    assert json.loads(run("inspect", model, "--json").out)["unsafe"] is None
    assert "UNSAFE" not in run("inspect", model).out
    synthgen.load(model, trust=True)
