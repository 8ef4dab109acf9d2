"""The demo fills its folder, and does it again. (How good it is: tests/test_end_to_end.py.)"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from synthgen.commands import demo
from tests.commands.conftest import Cli


@pytest.mark.usefixtures("few_measures")
def test_a_second_run_writes_over_the_first(
    run: Cli, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(demo, "sample_data", lambda name: small)
    folder = tmp_path / "demo"
    first = run("demo", "-o", folder)
    assert (first.status, first.out) == (0, f"report: {folder / 'report' / 'report.html'}\n")
    assert "accuracy_2" in first.err
    assert "exact_copies" in first.err
    whole = {path.relative_to(folder): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert {"model.synthgen", "model.synthgen.split", "synthetic.csv", "report/report.html"} <= set(map(str, whole))
    assert list(tmp_path.iterdir()) == [folder]

    (folder / "synthetic.csv").write_text("changed")
    (folder / "mine.txt").write_text("kept")
    assert run("demo", "-o", folder).status == 0
    assert {path: (folder / path).read_bytes() for path in whole} == whole
    assert (folder / "mine.txt").read_text() == "kept"


def test_a_place_that_cannot_be_is_a_mistake(refused: Callable[..., str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("mine")
    assert "is a file, and a folder is needed" in refused("demo", "-o", tmp_path / "file")
    assert "does not exist; make it first" in refused("demo", "-o", tmp_path / "no" / "demo")


def test_the_sample_data_are_there(sample_csv: Path) -> None:
    assert demo.sample_data("encounters.csv") == sample_csv
