"""Models compared: the same patients for all, a process for each, and no failure that takes the others along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pandas as pd
import pytest

from synthgen import contest, plugins
from synthgen.errors import InputError
from synthgen.metrics.result import Contender, Contest
from synthgen.schema import load as schema_file
from synthgen.schema.config import ModelConfig
from tests.commands.extract import some_patients

ROOT = Path(__file__).parent.parent

#: Models that fail, each in its own way, as another package would supply them.
FAULTY = """
import os, signal
from dataclasses import dataclass
from synthgen.errors import NotApplicable
from synthgen.models.independent import FittedIndependent, Independent
from synthgen.models.base import Model

class Faulty(Model):
    @staticmethod
    def fitted():
        return FittedIndependent

@dataclass(frozen=True)
class Killed(Faulty):
    def fit(self, source, **rest):
        os.kill(os.getpid(), signal.SIGKILL)

@dataclass(frozen=True)
class Odd(Faulty):
    def fit(self, source, **rest):
        raise KeyError("a cell of a patient")

@dataclass(frozen=True)
class Unable(Faulty):
    def fit(self, source, **rest):
        raise NotApplicable("it needs\\ntwo numeric columns")

@dataclass(frozen=True)
class Endless(Faulty):
    def fit(self, source, **rest):
        import time
        time.sleep(600)

@dataclass(frozen=True)
class Kept(Faulty):
    times: int = 1

    def fit(self, source, **rest):
        print("0.1\\tno step of ours")
        return Independent().fit(source, **rest)
"""
NAMES = {"killed": "Killed", "odd": "Odd", "unable": "Unable", "endless": "Endless", "kept": "Kept", "lost": "Lost"}


@pytest.fixture
def faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a package with models that fail, on the path of this process and of those that it starts."""
    folder = tmp_path / "faulty"
    (folder / "faulty-1.dist-info").mkdir(parents=True)
    (folder / "faulty_models.py").write_text(FAULTY)
    modules = dict.fromkeys(NAMES, "faulty_models") | {"lost": "a_package_that_nobody_has"}
    points = "".join(f"{name} = {modules[name]}:{attribute}\n" for name, attribute in NAMES.items())
    (folder / "faulty-1.dist-info" / "entry_points.txt").write_text(f"[synthgen.models]\n{points}")
    (folder / "faulty-1.dist-info" / "METADATA").write_text("Metadata-Version: 2.1\nName: faulty\nVersion: 1\n")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    monkeypatch.syspath_prepend(str(folder))
    plugins.models.cache_clear()
    monkeypatch.setattr(plugins, "models", plugins.models.__wrapped__)
    return folder


@pytest.fixture(scope="session")
def few(sample_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """60 patients: enough to judge, quick to compare."""
    return some_patients(sample_csv, tmp_path_factory.mktemp("few") / "few.csv", first=0, end=60)


def _one(result: Contest, model: str) -> Contender:
    (found,) = (contender for contender in result.contenders if contender.model == model)
    return found


@pytest.mark.slow
def test_failures_are_told_and_the_others_go_on(few: Path, sample_config: Path, faulty: Path) -> None:
    models = ("killed", "odd", "unable", "lost", "independent", "kept")
    schema = schema_file.load(sample_config).model_copy(
        update={"model": ModelConfig.model_validate({"name": "kept", "times": 3})}
    )
    steps: list[tuple[str, float]] = []
    result = contest.compare(few, schema, models=models, seed=3, progress=lambda text, done: steps.append((text, done)))
    assert [contender.model for contender in result.contenders] == list(models)
    failures = {contender.model: contender.failure for contender in result.contenders if contender.failure}
    assert failures == {
        "killed": "its process was killed, most likely because memory ran out",
        "odd": "internal error (KeyError); `synthgen fit --debug` with this model shows it",
        "unable": "it needs two numeric columns",
        "lost": "a_package_that_nobody_has needs the package a_package_that_nobody_has; install it with pip",
    }
    one, same = _one(result, "independent"), _one(result, "kept")
    # The same rows, seed and split: what two models have learned alike is judged alike.
    assert one.metrics == same.metrics
    assert one.verdicts == same.verdicts
    assert (one.options, same.options) == ({}, {"times": 3})
    assert one.rows == result.inputs["train"]["rows"]
    assert result.inputs["train"]["patients"] + result.inputs["holdout"]["patients"] == 60
    assert {"accuracy_1", "c2st"} <= {metric.name for metric in one.metrics}
    assert all(not metric.details for metric in one.metrics)
    assert min(one.fit_seconds or 0, one.sample_seconds or 0, one.rows_per_second or 0) > 0
    if sys.platform == "linux":
        assert 30 < (one.peak_mebibytes or 0) < 2000
    shares = [done for _, done in steps]
    assert shares == sorted(shares)
    assert any(text == "independent: accuracy" for text, _ in steps)
    assert not any("no step of ours" in text for text, _ in steps)


@pytest.mark.slow
def test_an_interruption_ends_the_process_and_leaves_no_file(
    few: Path, faulty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # a shell's background job, and so would be what it starts
        signal.signal(signal.SIGINT, signal.default_int_handler)
    command = [sys.executable, "-m", "synthgen.cli", "compare", few, "--models", "endless", "-o", tmp_path / "out"]
    with subprocess.Popen(
        command,
        cwd=ROOT,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{faulty}"},
        start_new_session=True,
        text=True,
    ) as process:
        jobs = lambda: list((tmp_path / "temporary").rglob("job.json"))  # noqa: E731
        deadline = time.monotonic() + 60
        while not jobs() and time.monotonic() < deadline:
            time.sleep(0.05)
        assert jobs()
        os.killpg(process.pid, signal.SIGINT)  # what Ctrl-C does
        _, told = process.communicate(timeout=30)
    assert (process.returncode, told) == (130, "synthgen: interrupted\n")
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not (tmp_path / "out").exists()
    deadline = time.monotonic() + 30  # what was ended is in the process table until somebody has asked for its status
    while _is_there(process.pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _is_there(process.pid)


def _is_there(group: int) -> bool:
    """Whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


def test_mistakes_are_told_before_a_process_starts(
    few: Path, sample_config: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "Popen", None)
    with pytest.raises(InputError, match=r"there is no model cpula; known models: .*copula"):
        contest.compare(few, sample_config, models=["cpula"])
    with pytest.raises(InputError, match="named twice"):
        contest.compare(few, sample_config, models=["copula", "copula"])
    nothing = schema_file.load(sample_config).model_copy(update={"holdout": 0.0})
    with pytest.raises(InputError, match="holdout: found 0"):
        contest.compare(few, nothing)
    with pytest.raises(InputError, match="there is no such file"):
        contest.compare("absent.csv", models=["copula"])


def test_left_out_models_are_all_but_those_that_must_be_named() -> None:
    assert contest._names(()) == tuple(name for name in plugins.models() if name != "ctgan" and "sdv" not in name)


def test_how_a_process_ended_is_told_in_words() -> None:
    assert contest._end(-9) == "its process was killed, most likely because memory ran out"
    assert contest._end(-11) == "its process crashed (SIGSEGV)"
    assert contest._end(3) == "its process ended with status 3 and without a result"


def test_a_dataframe_is_handed_over_as_a_file(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", None]})
    path = contest._file(frame, tmp_path)
    pd.testing.assert_frame_equal(pd.read_parquet(path), frame)
    assert contest._file("here.csv", tmp_path) == Path("here.csv").absolute()


def test_a_dataframe_that_cannot_be_a_table_is_refused_without_a_cell() -> None:
    with pytest.raises(InputError, match="<DataFrame>: column a holds values of several types") as refused:
        contest.compare(pd.DataFrame({"a": [1, "SECRET"] * 20}), models=["independent"])
    assert "SECRET" not in str(refused.value)


def test_temporary_files_go_to_a_folder_that_goes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(InputError):
        contest.compare("absent.csv", models=["copula"])
    assert list(tmp_path.iterdir()) == []
