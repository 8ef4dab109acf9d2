"""What a model holds can be read by a person at 80 columns, and by a program."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.commands.conftest import Cli
from tests.commands.extract import rows_of


def test_a_person_sees_every_column_and_array(
    run: Cli, model: Path, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    done = run("inspect", model)
    assert done.status == 0
    lines = done.out.splitlines()
    assert max(map(len, lines)) <= 80
    for column in rows_of(small)[0]:
        assert any(line.startswith(f"{column} ") for line in lines), column
    words = " ".join(lines)  # a long path moves the ends of lines
    assert "seed 1 " in words
    assert "array rows.correlation" in words
    assert "no value of fewer than 5 patients" in words


def test_a_program_gets_everything(run: Cli, model: Path) -> None:
    everything = json.loads(run("inspect", model, "--json").out)
    assert everything["seed"] == 1
    assert everything["columns"]["diabetes"]["kind"] == "boolean"
    assert everything["patient"] == "patient_id"
    assert "rows.correlation" in everything["arrays"]
