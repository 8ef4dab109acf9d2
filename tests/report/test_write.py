"""The four files appear whole or not at all, and the same evaluation gives the same bytes."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from synthgen.errors import InputError, SynthgenError
from synthgen.report.write import write
from tests.report.build import evaluation

SMALL = evaluation(("age", "sex", "bmi"))
FILES = {"report.html", "evaluation.json", "report-shareable.html", "evaluation-shareable.json"}


def test_both_forms_are_written_each_with_its_marker(tmp_path: Path) -> None:
    paths = write(SMALL, tmp_path / "out")

    assert {path.name for path in paths} == {path.name for path in (tmp_path / "out").iterdir()} == FILES
    assert "personal data" in json.loads((tmp_path / "out/evaluation.json").read_text("utf-8"))["audience"]
    assert json.loads((tmp_path / "out/evaluation-shareable.json").read_text("utf-8"))["audience"] == "shareable"
    assert "contains personal data" in (tmp_path / "out/report.html").read_text("utf-8")
    assert "5f7c0ffee0ddba11" not in (tmp_path / "out/report-shareable.html").read_text("utf-8")


def test_the_same_evaluation_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = write(SMALL, tmp_path / "a"), write(SMALL, tmp_path / "b")

    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(SynthgenError):
        write(dataclasses.replace(SMALL, inputs={"rows": float("nan")}), tmp_path / "out")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_without_a_parent_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist; make it first"):
        write(SMALL, tmp_path / "no" / "out")


def test_a_file_in_the_folders_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")

    with pytest.raises(InputError, match="is a file"):
        write(SMALL, tmp_path / "out")
