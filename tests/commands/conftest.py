"""What the tests of the commands share: a command line in this process, a small extract, and a model of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from synthgen import cli, plugins
from tests.commands.extract import some_patients


@dataclass(frozen=True)
class Done:
    status: int
    out: str
    err: str


Cli = Callable[..., Done]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command in this process."""

    def call(*arguments: object, debug: bool = False) -> Done:
        capsys.readouterr()
        status = cli.run([str(argument) for argument in arguments], debug=debug)
        return Done(status, *capsys.readouterr())

    return call


@pytest.fixture
def refused(run: Cli, tmp_path: Path) -> Callable[..., str]:
    """Run a command that the user got wrong: one line, status 2, and no file that was not there before."""

    def call(*arguments: object) -> str:
        before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
        done = run(*arguments)
        assert done.status == 2, done.err
        assert done.err.count("\n") == 1, done.err
        assert done.out == ""
        assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
        return done.err

    return call


@pytest.fixture(scope="session")
def small(sample_csv: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """150 patients of the sample extract."""
    return some_patients(sample_csv, tmp_path_factory.mktemp("small") / "small.csv", first=0, end=150)


@pytest.fixture(scope="session")
def model(small: Path, sample_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copula fitted to ``small`` with seed 1, its split beside it."""
    path = tmp_path_factory.mktemp("model") / "small.synthgen"
    assert (
        cli.run(["fit", str(small), "-c", str(sample_config), "--model", "copula", "--seed", "1", "-o", str(path)]) == 0
    )
    return path


@pytest.fixture
def few_measures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only the measures that take no time, for tests of what happens around them."""
    chosen = {name: plugins.metrics()[name] for name in ("accuracy", "missingness", "exact_copies")}
    monkeypatch.setattr(plugins, "metrics", lambda: chosen)
