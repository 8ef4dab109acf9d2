"""One table on standard output, two files, and a status that says whether any model has a result."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from synthgen import contest
from synthgen.metrics.result import Contender, Contest
from tests.commands.conftest import Cli
from tests.report.test_board import CONTEST


@pytest.fixture
def held(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """A contest that was held already, and what the command asked for."""
    asked: list[dict[str, Any]] = []

    def compare(data: Path, schema: Path | None, **rest: Any) -> Contest:
        asked.append({"data": data, "schema": schema, **rest})
        return CONTEST

    monkeypatch.setattr(contest, "compare", compare)
    return asked


def test_the_table_and_what_failed(run: Cli, held: list[dict[str, Any]], small: Path, tmp_path: Path) -> None:
    done = run("compare", small, "--models", "copula, ctgan,sdv-tvae", "--seed", 7, "-o", tmp_path / "out")
    assert done.status == 0, done.err
    assert [line.split() for line in done.out.splitlines()] == [
        line.split()
        for line in (
            "floor copula ctgan ceiling",
            "accuracy_1 0.990 0.970 0.960 0.980",
            "c2st 0.900 0.700 1 0.500",
            "c2st_train 0.900 0.700 1 0.500",
            "tstr – does not apply does not apply –",
            "exact_copies none detected leak",
            "fit_seconds 1 min 1 s 1 min 1 s",
            "sample_seconds 2.0 s 2.0 s",
            "rows_per_second 2,500 2,500",
            "peak_mebibytes 321 321",
        )
    ]
    columns = [line.find("leak") for line in done.out.splitlines() if "leak" in line]
    assert done.out.splitlines()[0].find("ctgan") + len("ctgan") == columns[0] + len("leak")  # flush right
    assert "sdv-tvae has no result: its process was killed" in done.err
    assert "seed 7\n" in done.err
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["compare.html", "compare.json"]
    assert held[0]["models"] == ("copula", "ctgan", "sdv-tvae")
    assert held[0]["seed"] == 7


def test_without_any_result_the_status_is_three_and_the_files_say_why(
    run: Cli, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nothing = Contest(
        seed=1, synthgen="0", inputs={}, machine={}, contenders=(Contender(model="copula", failure="lost"),)
    )
    monkeypatch.setattr(contest, "compare", lambda *_, **__: nothing)
    done = run("compare", small, "-o", tmp_path / "out")
    assert (done.status, done.out) == (3, "")
    assert "copula has no result: lost" in done.err
    assert json.loads((tmp_path / "out" / "compare.json").read_text("utf-8"))["models"][0]["failure"] == "lost"


@pytest.mark.usefixtures("held")
def test_mistakes_are_told(refused: Callable[..., str], small: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert "is not empty; give --force" in refused("compare", small, "-o", tmp_path)
    assert "is a file, and a folder" in refused("compare", small, "-o", tmp_path / "mine.txt")
    assert "missing option '-o'" in refused("compare", small)
