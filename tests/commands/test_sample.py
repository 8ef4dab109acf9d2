"""The rows that were asked for, the same ones each time, under the conditions that were given."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.commands.conftest import Cli
from tests.commands.extract import Row, rows_of


def test_the_first_rows_of_a_longer_sample_are_the_same(run: Cli, model: Path, tmp_path: Path) -> None:
    few, many, other = tmp_path / "few.csv", tmp_path / "many.csv", tmp_path / "other.csv"
    for path, n, seed in ((few, 20_000, 7), (many, 40_000, 7), (other, 20_000, 8)):
        assert run("sample", model, "-n", n, "--seed", seed, "-o", path).status == 0
    lines = few.read_bytes().splitlines()
    assert len(lines) == 20_001
    assert many.read_bytes().splitlines()[:20_001] == lines
    assert other.read_bytes().splitlines()[0] == lines[0]
    assert other.read_bytes().splitlines()[1:] != lines[1:]


def test_every_ending_holds_the_same_cells(run: Cli, model: Path, small: Path, tmp_path: Path) -> None:
    for ending in ("csv", "csv.gz", "tsv", "parquet"):
        done = run("sample", model, "-n", 3, "--seed", 7, "-o", tmp_path / f"s.{ending}")
        assert done.err == f"{tmp_path / f's.{ending}'}: 3 synthetic rows, seed 7\n"
    rows = rows_of(tmp_path / "s.csv")
    assert list(rows[0]) == list(rows_of(small)[0])
    assert rows_of(tmp_path / "s.tsv", "\t") == rows
    assert gzip.decompress((tmp_path / "s.csv.gz").read_bytes()) == (tmp_path / "s.csv").read_bytes()
    assert pq.read_table(tmp_path / "s.parquet").to_pylist() == rows


def test_a_readme_says_what_the_file_is(run: Cli, model: Path, tmp_path: Path) -> None:
    done = run("sample", model, "-n", 2, "--where", "sex=F", "-o", tmp_path / "s.csv")
    text = (tmp_path / "s.csv.README.txt").read_text(encoding="utf-8")
    assert text.startswith("s.csv holds synthetic records.")
    assert "copula, fitted with seed 1" in text
    assert f"2 rows, seed {done.err.split()[-1]}" in text
    assert "Condition:  sex=F" in text


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%d.%m.%Y %H:%M")


@pytest.mark.parametrize(
    ("where", "holds"),
    [
        (["sex=F"], lambda row: row["sex"] == "F"),
        (["sex != F"], lambda row: row["sex"] == "M"),
        (["encounters.sex = F"], lambda row: row["sex"] == "F"),
        (
            ["department in (Cardiology, Emergency)"],
            lambda row: row["department"] in ("Cardiology", "Emergency"),
        ),
        (["severity >= moderate"], lambda row: row["severity"] in ("moderate", "severe")),
        (["age>=65", "age<70", "icu=0"], lambda row: 65 <= int(row["age"]) < 70 and row["icu"] == "0"),
        (["age=40"], lambda row: row["age"] == "40"),
        (["hba1c > 6,5"], lambda row: float(row["hba1c"].replace(",", ".")) > 6.5),
        (["hba1c in (6,5)"], lambda row: row["hba1c"] == "6,5"),
        (["hba1c in (7,1; 7,2; 8,5)"], lambda row: row["hba1c"] in ("7,1", "7,2", "8,5")),
        (["age in (63, 64, 68)"], lambda row: row["age"] in ("63", "64", "68")),
        (["hba1c in (5,4; 7,5)"], lambda row: row["hba1c"] in ("5,4", "7,5")),
        (["hba1c="], lambda row: row["hba1c"] == ""),
        (["hba1c!="], lambda row: row["hba1c"] != ""),
        (["crp = <5"], lambda row: row["crp"] == "<5"),
        (["smoker=unknown"], lambda row: row["smoker"] == "unknown"),
        (["admitted_at >= 01.06.2022 00:00"], lambda row: moment(row["admitted_at"]) >= datetime(2022, 6, 1)),
        (["municipality=Nordvik"], lambda row: row["municipality_code"] == "0101"),
    ],
    ids=lambda of: " and ".join(of) if isinstance(of, list) else "holds",
)
def test_every_row_meets_the_conditions(
    where: list[str], holds: Callable[[Row], bool], run: Cli, model: Path, tmp_path: Path
) -> None:
    given = [word for text in where for word in ("--where", text)]
    assert run("sample", model, "-n", 40, "--seed", 7, *given, "-o", tmp_path / "s.csv").status == 0
    rows = rows_of(tmp_path / "s.csv")
    assert len(rows) == 40
    assert all(map(holds, rows))


@pytest.mark.parametrize(
    ("where", "found"),
    [
        (["sex=Q"], "nothing that the model generates meets this condition; its levels are F, M"),
        (["sex=F", "sex=M"], "nothing that the model generates meets"),
        (["weight>3"], "COLUMN one of encounter_id, "),
        (["age>=old"], "column age: the value is not an integer"),
        (["municipality<Nordvik"], "determined by municipality_code; use =, != or in"),
        (["name=Anna"], "regenerated, not learned"),
    ],
    ids=str,
)
def test_a_condition_without_support_or_sense_is_refused(
    where: list[str], found: str, refused: Callable[..., str], model: Path, tmp_path: Path
) -> None:
    given = [word for text in where for word in ("--where", text)]
    assert found in refused("sample", model, "-n", 40, *given, "-o", tmp_path / "s.csv")


def test_the_present_folder_is_no_file(
    refused: Callable[..., str], model: Path, small: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert ".: is a folder; name a file" in refused("sample", model, "-n", 1, "-o", ".")
    assert ".: is a folder; name a file" in refused("fit", small, "-o", ".", "--force")


def test_mistakes_are_told_before_any_work(
    refused: Callable[..., str], model: Path, small: Path, tmp_path: Path
) -> None:
    (tmp_path / "there.csv").write_text("mine")
    assert "exists already; give --force" in refused("sample", model, "-n", 1, "-o", tmp_path / "there.csv")
    (tmp_path / "new.csv.README.txt").write_text("mine")
    assert "new.csv.README.txt: the file exists" in refused("sample", model, "-n", 1, "-o", tmp_path / "new.csv")
    assert (tmp_path / "new.csv.README.txt").read_text() == "mine"
    assert "is also what this command reads" in refused("sample", model, "-n", 1, "-o", model, "--force")
    assert "expected one of .csv" in refused("sample", model, "-n", 1, "-o", tmp_path / "s.xlsx")
    assert "0 is not in the range" in refused("sample", model, "-n", 0, "-o", tmp_path / "s.csv")
    assert str(small) in refused("sample", small, "-n", 1, "-o", tmp_path / "s.csv")


def test_what_a_condition_costs_is_told_and_an_option_only_where_the_model_has_it(
    run: Cli, model: Path, tmp_path: Path
) -> None:
    """The department belongs to single stays, so patients are weighed by it; the sex is the patient's own."""
    done = run("sample", model, "-n", 5, "--seed", 1, "--where", "department=Cardiology", "-o", tmp_path / "a.csv")
    assert "5 rows are worth about" in done.err
    assert "condition_on" not in done.err
    done = run("sample", model, "-n", 5, "--seed", 1, "--where", "sex=F", "-o", tmp_path / "b.csv")
    assert "worth" not in done.err


def test_an_empty_value_means_missing_whatever_token_stands_there(run: Cli, model: Path, tmp_path: Path) -> None:
    run("sample", model, "-n", 40, "--seed", 1, "--where", "smoker=", "-o", tmp_path / "a.csv")
    assert {row["smoker"] for row in rows_of(tmp_path / "a.csv")} == {"", "unknown"}
    run("sample", model, "-n", 40, "--seed", 1, "--where", "smoker!=", "-o", tmp_path / "b.csv")
    assert not {row["smoker"] for row in rows_of(tmp_path / "b.csv")} & {"", "unknown"}
