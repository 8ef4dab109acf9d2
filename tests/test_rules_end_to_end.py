"""Rules from the config to the report, on the sample data: told in fit, kept in sample, shown by inspect, measured."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from synthgen import cli
from synthgen.schema.load import dump, load
from tests.commands.extract import Row, rows_of

#: Each holds in all real rows but the second, which every child breaks.
RULES = (
    "birth_date <= admitted_at",
    "age >= 18",
    "diabetes == 'no' implies hba1c is missing or hba1c < 6.5",
    "unique(patient_id, admitted_at)",
)


@pytest.fixture(scope="module")
def folder(sample_csv: Path, sample_config: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("rules")
    schema = load(sample_config)
    table = schema.tables["encounters"].model_copy(update={"constraints": RULES})
    with (folder / "config.yaml").open("w", encoding="utf-8") as file:
        dump(schema.model_copy(update={"tables": {"encounters": table}}), file)
    model, n = folder / "model", len(rows_of(sample_csv))
    assert cli.run(["fit", str(sample_csv), "-c", str(folder / "config.yaml"), "--seed", "1", "-o", str(model)]) == 0
    assert cli.run(["sample", str(model), "-n", str(n), "--seed", "2", "-o", str(folder / "synthetic.csv")]) == 0
    return folder


@pytest.fixture(scope="module")
def synthetic(folder: Path) -> list[Row]:
    return rows_of(folder / "synthetic.csv")


def test_the_config_that_is_written_states_the_same_rules(folder: Path) -> None:
    assert load(folder / "config.yaml").tables["encounters"].constraints == RULES


def test_what_holds_in_reality_holds_in_every_synthetic_row(synthetic: list[Row]) -> None:
    for row in synthetic:
        born = datetime.strptime(row["birth_date"], "%d.%m.%Y")
        assert born <= datetime.strptime(row["admitted_at"], "%d.%m.%Y %H:%M")
        if row["diabetes"] == "no" and row["hba1c"]:
            assert float(row["hba1c"].replace(",", ".")) < 6.5
    assert len({(row["patient_id"], row["admitted_at"]) for row in synthetic}) == len(synthetic)


def test_what_real_rows_break_synthetic_ones_break_nearly_as_often(synthetic: list[Row], sample_csv: Path) -> None:
    real, made = ([int(row["age"]) < 18 for row in rows if row["age"]] for rows in (rows_of(sample_csv), synthetic))
    assert sum(real) / len(real) - 0.02 < sum(made) / len(made) <= sum(real) / len(real) + 0.005


def test_fit_tells_the_real_rates_and_inspect_shows_them(
    folder: Path, sample_csv: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["fit", str(sample_csv), "-c", str(folder / "config.yaml"), "--seed", "1", "-o"]
    assert cli.run([*arguments, str(folder / "again")]) == 0
    told = capsys.readouterr().err
    assert "rule birth_date <= admitted_at: broken by real rows of fewer than 11 patients or none" in told
    assert "rule age >= 18: broken by 10." in told
    assert cli.run(["inspect", str(folder / "model")]) == 0
    assert "rule age >= 18: broken by 10." in " ".join(capsys.readouterr().out.split())
    assert cli.run(["inspect", str(folder / "model"), "--json"]) == 0
    rates = json.loads(capsys.readouterr().out)["rules"]
    assert list(rates) == list(RULES)
    assert rates["birth_date <= admitted_at"] is None
    assert rates["age >= 18"] == pytest.approx(0.11, abs=0.01)
    assert (folder / "again").read_bytes() == (folder / "model").read_bytes()


@pytest.mark.slow
def test_the_report_has_the_rates(folder: Path, sample_csv: Path) -> None:
    report, synthetic = folder / "report", folder / "synthetic.csv"
    arguments = ["--real", str(sample_csv), "-m", str(folder / "model"), "--seed", "1", "--quick", "-o", str(report)]
    assert cli.run(["evaluate", str(synthetic), *arguments]) == 0
    figures: dict[str, Any] = {
        figure["name"]: figure for figure in json.loads((report / "evaluation.json").read_text("utf-8"))["metrics"]
    }
    found = figures["constraints"]
    assert found["status"] == "ok"
    assert found["floor"] > found["value"]
    assert found["value"] <= found["ceiling"] + 0.02
    assert [row["rate_synthetic"] for row in found["details"]["rows"] if row["measure"] != "age >= 18"] == [0, 0, 0]
    assert "Rules of the config" in (report / "report.html").read_text("utf-8")
