"""A model and its split appear together or not at all, and say where they come from."""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from synthgen import load
from tests.commands.conftest import Cli
from tests.commands.extract import rows_of, some_patients, write_rows


def test_a_model_has_its_split_beside_it(model: Path) -> None:
    split = model.with_name("small.synthgen.split")
    assert sorted(path.name for path in model.parent.iterdir()) == [model.name, split.name]
    assert stat.S_IMODE(split.stat().st_mode) == 0o600


def test_the_same_seed_and_data_give_the_same_bytes(
    run: Cli, model: Path, small: Path, sample_config: Path, tmp_path: Path
) -> None:
    again, other = tmp_path / "again", tmp_path / "other"
    assert run("fit", small, "-c", sample_config, "--model", "copula", "--seed", 1, "-o", again).status == 0
    assert again.read_bytes() == model.read_bytes()
    assert run("fit", small, "-c", sample_config, "--model", "copula", "--seed", 2, "-o", other).status == 0
    assert other.read_bytes() != model.read_bytes()


def test_without_config_and_seed_what_was_guessed_and_drawn_is_told(run: Cli, small: Path, tmp_path: Path) -> None:
    done = run("fit", small, "--model", "independent", "-o", tmp_path / "m")
    assert done.status == 0
    assert "guessed: `patient_id` is the patient" in done.err
    assert f"{tmp_path / 'm'}: independent fitted, seed {load(tmp_path / 'm').seed}\n" in done.err


@pytest.mark.parametrize("there", ["m", "m.split"])
def test_nothing_is_written_over_without_force(
    there: str, run: Cli, refused: Callable[..., str], small: Path, tmp_path: Path
) -> None:
    (tmp_path / there).write_text("an older one")
    message = refused("fit", small, "-o", tmp_path / "m")
    assert message == (
        f"synthgen: {tmp_path / there}: the file exists already; give --force to write over it, "
        "or choose another name\n"
    )
    assert run("fit", small, "-o", tmp_path / "m", "--model", "independent", "--force").status == 0
    load(tmp_path / "m")


def test_the_data_are_never_written_over(refused: Callable[..., str], small: Path, tmp_path: Path) -> None:
    data = tmp_path / "data.csv"
    shutil.copy(small, data)
    assert "is also what this command reads" in refused("fit", data, "-o", data, "--force")


def test_a_table_of_the_folder_that_is_read_is_never_written_over(
    run: Cli, refused: Callable[..., str], small: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "extract"
    folder.mkdir()
    table = folder / "small.csv"
    table.write_bytes(small.read_bytes())
    for command in ("fit", "init"):
        assert "is also what this command reads" in refused(command, folder, "-o", table, "--force")
    assert table.read_bytes() == small.read_bytes()
    for _ in range(2):  # what else is in the folder is not read
        assert run("init", folder, "-o", folder / "config.yaml", "--force").status == 0


def test_mistakes_are_told_before_any_work(refused: Callable[..., str], small: Path, tmp_path: Path) -> None:
    assert "the folder nowhere does not exist; make it first" in refused("fit", small, "-o", "nowhere/m")
    assert "known models: autoregressive, copula, ctgan, independent" in refused(
        "fit", small, "--model", "gpt", "-o", tmp_path / "m"
    )
    assert "is a folder; name a file" in refused("fit", small, "-o", tmp_path)
    assert "there is no such file" in refused("fit", "absent.csv", "-o", tmp_path / "m")


def test_a_cell_that_contradicts_its_kind_is_located_and_not_shown(
    refused: Callable[..., str], small: Path, sample_config: Path, tmp_path: Path
) -> None:
    rows = rows_of(small)
    for row in rows:
        row["age"] = "very old"
    data = write_rows(tmp_path / "bad.csv", rows)
    message = refused("fit", data, "-c", sample_config, "-o", tmp_path / "m")
    assert f"{data}: record " in message
    assert "column age: expected" in message
    assert "very old" not in message


def test_a_policy_that_no_line_can_meet_is_a_mistake(
    refused: Callable[..., str], small: Path, sample_config: Path, tmp_path: Path
) -> None:
    config = tmp_path / "config.yaml"
    text = sample_config.read_text(encoding="utf-8")
    config.write_text(text.replace("{policy: {}}", "{policy: {required: [exact_copies, exact_copy]}}"), "utf-8")
    message = refused("fit", small, "-c", config, "-o", tmp_path / "m")
    assert "there is no verdict line exact_copy; lines: " in message


@pytest.mark.parametrize("before", [{}, {"m": b"an older model", "m.split": b"its split"}])
def test_where_the_second_file_fails_all_is_as_it_was(
    before: dict[str, bytes], run: Cli, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, content in before.items():
        (tmp_path / name).write_bytes(content)

    def replace(source: Path, place: Path) -> None:
        if Path(place) == tmp_path / "m" and Path(source).name == "m":  # the new model, not the old one put back
            raise OSError(28, "No space left on device")
        os.rename(source, place)

    monkeypatch.setattr(os, "replace", replace)
    done = run("fit", small, "--model", "independent", "-o", tmp_path / "m", "--force")
    assert done.status == 3
    assert done.err == (
        f"synthgen: {tmp_path / 'm'}: could not be written (No space left on device); mend that, or name another\n"
    )
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_footer_and_few_patients_are_told_though_a_config_says_all_else(
    run: Cli, sample_csv: Path, sample_config: Path, tmp_path: Path
) -> None:
    data = some_patients(sample_csv, tmp_path / "few.csv", first=0, end=60)
    lines = data.read_text().splitlines()
    data.write_text("\n".join([*lines, "Total" + ";" * lines[0].count(";")]) + "\n")
    done = run("fit", data, "-c", sample_config, "--model", "independent", "-o", tmp_path / "m")
    assert done.status == 0, done.err
    assert f"{data}: record {len(lines)}, the last, looks like a total or a footer" in done.err
    assert f"{data}: 60 patients are few" in done.err
