"""Folders of several tables on the command line: from ``fit`` to a folder that can be read, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from synthgen import cli
from synthgen.models.independent import Independent
from tests.commands.conftest import Cli
from tests.relational import clinic


def config(path: Path, **more: object) -> Path:
    document = {"version": 1, "tables": clinic.TABLES, "model": {"name": "independent"}, **more}
    with path.open("w", encoding="utf-8") as file:
        YAML().dump(json.loads(json.dumps(document)), file)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data, the config and the model of a small clinic."""
    made = tmp_path_factory.mktemp("several")
    clinic.write(made / "data", clinic.clinic(60))
    config(made / "config.yaml")
    arguments = ("fit", made / "data", "-c", made / "config.yaml", "--seed", 1, "-o", made / "model")
    assert cli.run([str(each) for each in arguments]) == 0
    return made


def test_a_folder_of_tables_and_a_readme_come_out(
    run: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("sample", folder / "model", "-n", 30, "--seed", 7, "-o", tmp_path / "out")
    assert done.err == f"{tmp_path / 'out'}: 9 tables of 30 synthetic patients, seed 7\n"
    found = clinic.read(tmp_path / "out")
    real = clinic.read(folder / "data")
    assert {name: list(rows[0]) for name, rows in found.items()} == {n: list(rows[0]) for n, rows in real.items()}
    assert len(found["patients"]) == 30
    text = (tmp_path / "out" / "README.txt").read_text(encoding="utf-8")
    assert text.startswith("This folder (out) holds synthetic records.")
    assert "30 patients, seed 7" in text
    assert "independent, fitted with seed 1" in text

    assert "--force" in run("sample", folder / "model", "-n", 30, "-o", tmp_path / "out").err
    (tmp_path / "again").mkdir()
    monkeypatch.chdir(tmp_path / "again")
    again = run("sample", folder / "model", "-n", 30, "--seed", 7, "-o", ".")
    assert again.status == 0
    for path in (tmp_path / "out").glob("*.csv"):
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


def test_inspect_shows_every_table(run: Cli, folder: Path) -> None:
    done = run("inspect", folder / "model")
    assert done.status == 0
    for word in ("visits.start.gap", "labs.value", "bins of their own for", "codes", "kept as it is", "joined by"):
        assert word in done.out
    shown = json.loads(run("inspect", folder / "model", "--json").out)
    assert set(shown["tables"]) == set(clinic.TABLES) - {"codes"}
    assert shown["kept_as_they_are"].keys() == {"codes"}
    words = " ".join(done.out.split())  # a long path moves the ends of lines
    assert "joined by their keys), but for what is kept as it is: codes" in words


def test_typed_tables_come_out_typed(run: Cli, tmp_path: Path) -> None:
    clinic.write_parquet(tmp_path / "data", clinic.clinic(60))
    # As text, moments of this type have seconds.
    tables = json.loads(json.dumps(clinic.TABLES).replace("%H:%M", "%H:%M:%S"))
    done = run(
        *("fit", tmp_path / "data", "-c", config(tmp_path / "config.yaml", tables=tables)),
        *("--seed", 1, "-o", tmp_path / "model"),
    )
    assert done.status == 0, done.err
    assert run("sample", tmp_path / "model", "-n", 40, "-o", tmp_path / "out").status == 0
    for path in (tmp_path / "data").iterdir():
        real, made = pq.read_table(path), pq.read_table(tmp_path / "out" / path.name)
        assert made.schema.types == real.schema.types, path.name
        assert made.column_names == real.column_names
    visits = pq.read_table(tmp_path / "out" / "visits.parquet")
    assert visits.column("start").null_count == 0
    assert pa.types.is_timestamp(visits.column("start").type)


def test_conditions_are_on_patients_and_on_tables_of_none(
    run: Cli, refused: Callable[..., str], folder: Path, tmp_path: Path
) -> None:
    asked = ("--where", "sex=F", "--where", "wards.specialty = surgery", "--balance", "patients.sex")
    out = tmp_path / "out"
    text = refused("sample", folder / "model", "-n", 40, *asked, "-o", out)
    assert "--balance sex: the model generates fewer than two groups" in text
    assert run("sample", folder / "model", "-n", 40, *asked[:4], "-o", out).status == 0
    made = clinic.read(out)
    assert {row["sex"] for row in made["patients"]} == {"F"}
    assert {row["specialty"] for row in made["wards"]} == {"surgery"}
    assert "Condition:  sex=F" in (out / "README.txt").read_text()
    assert run("sample", folder / "model", "-n", 40, *asked[4:], "--force", "-o", out).status == 0
    assert 8 <= sum(row["sex"] == "F" for row in clinic.read(out)["patients"]) <= 32


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (("--where", "urgent=yes"), "is on visits; conditions are on the patients and on tables of no patient"),
        (("--where", "labs.code=HB"), "labs: conditions are on the patients"),
        (("--where", "labs.code=HB"), "choose among the rows that come out"),
        (("--where", "height=3"), "COLUMN one of patient, born, sex, name"),
        (("--where", "sex=X"), "nothing that the model generates meets this condition"),
        (("--balance", "visits.urgent"), "is no column of patients"),
    ],
)
def test_conditions_on_the_rows_of_patients_are_refused(
    refused: Callable[..., str], folder: Path, tmp_path: Path, option: tuple[str, str], told: str
) -> None:
    assert told in refused("sample", folder / "model", "-n", 3, *option, "-o", tmp_path / "out").replace("\n", " ")


def test_a_file_where_a_folder_is_meant_is_refused(refused: Callable[..., str], folder: Path, tmp_path: Path) -> None:
    one = folder / "data" / "visits.csv"
    assert "visits.csv: has no file for table codes" in refused(
        "fit", one, "-c", folder / "config.yaml", "-o", tmp_path / "model"
    )
    (tmp_path / "out.csv").write_text("mine")
    assert "folder" in refused("sample", folder / "model", "-n", 3, "-o", tmp_path / "out.csv", "--force")


def test_a_model_that_cannot_be_given_anything_is_refused(
    refused: Callable[..., str], folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Independent, "conditional", False)
    text = refused("fit", folder / "data", "-c", folder / "config.yaml", "-o", tmp_path / "model")
    assert "independent cannot be given" in text
    assert "choose autoregressive or copula" in text


def test_a_holdout_that_leaves_nobody_is_refused(refused: Callable[..., str], tmp_path: Path) -> None:
    clinic.write(tmp_path / "data", clinic.clinic(3))
    conf = config(tmp_path / "config.yaml", holdout=0.99)
    assert "no patient is left" in refused("fit", tmp_path / "data", "-c", conf, "-o", tmp_path / "model")


def test_a_moment_that_cannot_be_read_is_named_by_its_record(refused: Callable[..., str], tmp_path: Path) -> None:
    tables = clinic.clinic(40)
    tables["visits"][6]["start"] = "2019"
    clinic.write(tmp_path / "data", tables)
    text = refused("fit", tmp_path / "data", "-c", config(tmp_path / "config.yaml"), "-o", tmp_path / "model")
    assert "visits.csv: record 7, column start: expected" in text


def test_visits_without_a_start_are_learned(run: Cli, tmp_path: Path) -> None:
    tables = clinic.clinic(60)
    for row in tables["visits"][::6]:
        row["start"] = ""  # and the stop is known
    clinic.write(tmp_path / "data", tables)
    done = run("fit", tmp_path / "data", "-c", config(tmp_path / "config.yaml"), "--seed", 1, "-o", tmp_path / "model")
    assert done.status == 0, done.err
    assert run("sample", tmp_path / "model", "-n", 200, "--seed", 1, "-o", tmp_path / "out").status == 0
    visits = clinic.read(tmp_path / "out")["visits"]
    assert 0.05 < sum(row["start"] == "" for row in visits) / len(visits) < 0.35
    assert all(row["stop"] == "" for row in visits if row["start"] == "")
