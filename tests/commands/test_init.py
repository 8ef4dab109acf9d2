"""A guessed config can be read back and used."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import synthgen.schema.load
from tests.commands.conftest import Cli
from tests.conftest import ROOT


def test_standard_output_and_the_file_are_the_same_config(run: Cli, small: Path, tmp_path: Path) -> None:
    config = tmp_path / "small.yaml"
    done = run("init", small, "-o", config)
    assert done.status == 0
    assert done.out == ""
    assert done.err.startswith(f"{config}: 24 columns, ")
    assert run("init", small).out == config.read_text(encoding="utf-8")
    schema = synthgen.schema.load.load(config)
    assert schema.tables["small"].patient == "patient_id"


def test_a_config_is_not_written_over_unasked(
    run: Cli, refused: Callable[..., str], small: Path, tmp_path: Path
) -> None:
    config = tmp_path / "small.yaml"
    config.write_text("mine")
    assert "the file exists already; give --force" in refused("init", small, "-o", config)
    assert run("init", small, "-o", config, "--force").status == 0
    assert config.read_text() != "mine"


def test_a_folder_is_guessed_whole(run: Cli, tmp_path: Path) -> None:
    config = tmp_path / "related.yaml"
    done = run("init", ROOT / "sample_data/related", "-o", config)
    assert done.status == 0
    assert done.err.startswith(f"{config}: 4 tables, 23 columns, ")
    assert synthgen.schema.load.load(config).tables["labs"].order == "taken_at"


def test_a_preset_is_chosen_among_those_that_there_are(refused: Callable[..., str], small: Path) -> None:
    assert "none of the tables (small) is of this preset" in refused("init", small, "--preset", "omop")
    assert "'mimic' is not one of 'omop', 'synthea'" in refused("init", small, "--preset", "mimic")
