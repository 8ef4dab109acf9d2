"""The reports, the gate, and what stands in for a holdout."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthgen.tables.read import read
from synthgen.tables.split import Split
from tests.commands.conftest import Cli
from tests.commands.extract import rows_of, some_patients, write_rows

pytestmark = pytest.mark.usefixtures("few_measures")
REPORTS = ["evaluation-shareable.json", "evaluation.json", "report-shareable.html", "report.html"]


@pytest.fixture(scope="session")
def synthetic(model: Path, small: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    from synthgen import cli

    path = tmp_path_factory.mktemp("synthetic") / "synthetic.csv"
    assert cli.run(["sample", str(model), "-n", str(len(rows_of(small))), "--seed", "3", "-o", str(path)]) == 0
    return path


def verdicts(folder: Path) -> dict[str, str]:
    lines: list[dict[str, Any]] = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["verdicts"]
    return {line["name"]: line["verdict"] for line in lines}


def inputs(folder: Path) -> Any:
    return json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))["inputs"]


def test_four_reports_and_the_same_bytes_for_the_same_seed(
    run: Cli, synthetic: Path, small: Path, model: Path, tmp_path: Path
) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    for folder in (one, two):
        done = run("evaluate", synthetic, "--real", small, "-m", model, "--seed", 5, "-o", folder)
        assert done.status == 0
        assert f"report: {folder / 'report.html'}" in done.err
        assert sorted(path.name for path in folder.iterdir()) == REPORTS
    for name in REPORTS:
        assert (one / name).read_bytes() == (two / name).read_bytes(), name


def test_a_model_finds_its_holdout_again(run: Cli, synthetic: Path, small: Path, model: Path, tmp_path: Path) -> None:
    run("evaluate", synthetic, "--real", small, "-m", model, "-o", tmp_path / "e")
    found = inputs(tmp_path / "e")
    assert found["train"]["patients"] + found["holdout"]["patients"] == 150
    assert 10 <= found["holdout"]["patients"] <= 50


def test_a_holdout_may_be_a_file_of_its_own(
    run: Cli, synthetic: Path, small: Path, sample_csv: Path, sample_config: Path, tmp_path: Path
) -> None:
    apart = some_patients(sample_csv, tmp_path / "apart.csv", first=150, end=200)
    done = run("evaluate", synthetic, "--real", small, "--holdout", apart, "-c", sample_config, "-o", tmp_path / "e")
    assert done.status == 0
    found = inputs(tmp_path / "e")
    assert (found["train"]["patients"], found["holdout"]["patients"]) == (150, 50)


def test_without_a_holdout_the_real_data_stay_whole(run: Cli, synthetic: Path, small: Path, tmp_path: Path) -> None:
    done = run("evaluate", synthetic, "--real", small, "-o", tmp_path / "e", "--gate")
    assert done.status == 1
    assert "gate refused: exact_copies: required, but not assessable; there is no holdout" in done.err
    assert "gate refused: rare_values_leaked: required, but not measured in this run\n" in done.err
    found = inputs(tmp_path / "e")
    assert (found["train"]["patients"], found["holdout"]) == (150, None)
    assert verdicts(tmp_path / "e") == {"exact_copies": "not_assessable"}


def requiring(lines: str, sample_config: Path, tmp_path: Path) -> Path:
    """The sample config with a policy that requires these lines."""
    config = tmp_path / "config.yaml"
    text = sample_config.read_text(encoding="utf-8")
    config.write_text(text.replace("{policy: {}}", f"{{policy: {{required: {lines}}}}}"), "utf-8")
    return config


def test_the_gate_refuses_a_required_line_without_an_answer_and_none_where_none_is_required(
    run: Cli, synthetic: Path, small: Path, sample_config: Path, tmp_path: Path
) -> None:
    arguments = ("evaluate", synthetic, "--real", small, "-o", tmp_path / "e", "--force")
    config = requiring("[exact_copies]", sample_config, tmp_path)
    assert run(*arguments, "-c", config).status == 0
    done = run(*arguments, "-c", config, "--gate")
    assert done.status == 1
    assert done.err.count("gate refused: ") == 1
    config = requiring("[]", sample_config, tmp_path)
    assert run(*arguments, "-c", config, "--gate").status == 0


def test_the_gate_refuses_a_copy_of_the_training_rows_and_passes_a_sample(
    run: Cli, synthetic: Path, small: Path, model: Path, sample_config: Path, tmp_path: Path
) -> None:
    (table,) = read(small).tables.values()
    held_out = np.concatenate([held for _, _, held in Split.load(Path(f"{model}.split")).blocks(table)])
    copy = write_rows(
        tmp_path / "copy.csv", [row for row, held in zip(rows_of(small), held_out, strict=True) if not held]
    )
    done = run("evaluate", copy, "--real", small, "-m", model, "--seed", 5, "--gate", "-o", tmp_path / "copy")
    assert done.status == 1
    assert "gate refused: exact_copies: leak; " in done.err
    real, held = (
        [row for row, out in zip(rows_of(small), held_out, strict=True) if out == want] for want in (False, True)
    )
    apart = ("--real", write_rows(tmp_path / "real.csv", real), "--holdout", write_rows(tmp_path / "held.csv", held))
    config = requiring("[exact_copies]", sample_config, tmp_path)
    done = run("evaluate", synthetic, *apart, "-c", config, "--seed", 5, "--gate", "-o", tmp_path / "fresh")
    assert done.status == 0, done.err


def test_another_input_or_a_lost_split_is_refused(
    refused: Callable[..., str], synthetic: Path, small: Path, sample_csv: Path, model: Path, tmp_path: Path
) -> None:
    message = refused("evaluate", synthetic, "--real", sample_csv, "-m", model, "-o", tmp_path / "e")
    assert "not the data the model was fitted on" in message
    assert "--holdout" in message
    shutil.copy(model, tmp_path / "lone")
    message = refused("evaluate", synthetic, "--real", small, "-m", tmp_path / "lone", "-o", tmp_path / "e")
    assert "there is no split beside the model; put the file that `fit` wrote back" in message


def test_mistakes_are_told_before_any_work(
    refused: Callable[..., str], synthetic: Path, small: Path, model: Path, sample_config: Path, tmp_path: Path
) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    assert "is not empty; give --force" in refused("evaluate", synthetic, "--real", small, "-o", tmp_path)
    out = ("-o", tmp_path / "e")
    both = ("-m", model, "-c", sample_config)
    assert "give one of them" in refused("evaluate", synthetic, "--real", small, *both, *out)
    assert "there is no such file" in refused("evaluate", "absent.csv", "--real", small, *out)
    assert "missing option '--real'" in refused("evaluate", synthetic, *out)
    assert "is a file, and a folder" in refused("evaluate", synthetic, "--real", small, "-o", tmp_path / "mine.txt")


def test_a_quick_run_says_what_it_left_out(
    run: Cli, synthetic: Path, small: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from synthgen.metrics.privacy.exact_copies import ExactCopies

    monkeypatch.setattr(ExactCopies, "quick", False)
    done = run("evaluate", synthetic, "--real", small, "-m", model, "--quick", "-o", tmp_path / "e")
    assert done.status == 0
    assert (inputs(tmp_path / "e")["mode"], inputs(tmp_path / "e")["not_run"]) == ("quick", ["exact_copies"])
    assert verdicts(tmp_path / "e") == {}
    assert "not run: exact copies" in (tmp_path / "e" / "report.html").read_text("utf-8")


def test_the_self_test_prints_what_was_said_beside_what_had_to_be_said(
    run: Cli, synthetic: Path, small: Path, model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = ("evaluate", synthetic, "--real", small, "-m", model, "--seed", 5, "--self-test", "--force")
    done = run(*arguments, "-o", tmp_path / "e")
    assert done.status == 0, done.err
    assert "self-test, full copy: as expected\n  expected a leak, " in done.err
    document = json.loads((tmp_path / "e" / "evaluation.json").read_text(encoding="utf-8"))
    assert [answer["case"] for answer in document["self_test"]][:2] == ["perfect stand-in", "full copy"]

    from synthgen.metrics.privacy import exact_copies

    monkeypatch.setattr(exact_copies, "excess_p", lambda *counts: 1.0)  # an evaluator that sees no copies
    done = run(*arguments, "-o", tmp_path / "e")
    assert done.status == 1
    assert "self-test, full copy: not as expected\n" in done.err
