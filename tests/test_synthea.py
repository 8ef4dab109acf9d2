"""A public extract of 18 tables and 27 patients, from ``init`` to the report, without a hand on the config."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pandas as pd
import pytest

from synthgen import cli
from tests.artifact.test_planted import unpacked
from tests.conftest import REAL_DATA

FOLDER = REAL_DATA / "synthea_csv_28"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.real_data,
    pytest.mark.skipif(not FOLDER.is_dir(), reason="the public extract is not here"),
]
PERSONAL = {
    "patients": ["Id", "SSN", "DRIVERS", "PASSPORT", "ADDRESS"],
    "encounters": ["Id"],
    "claims": ["Id"],
    "providers": ["Id", "NAME", "ADDRESS"],
    "organizations": ["Id", "NAME", "ADDRESS", "PHONE"],
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the model, 100 patients, and the report."""
    here = tmp_path_factory.mktemp("synthea")
    config, model = here / "c.yaml", here / "m.synthgen"
    for arguments in (
        ("init", FOLDER, "-o", config),
        ("fit", FOLDER, "-c", config, "--seed", 1, "-o", model),
        ("sample", model, "-n", 100, "--seed", 1, "-o", here / "made"),
        ("evaluate", here / "made", "--real", FOLDER, "-m", model, "--seed", 1, "--quick", "-o", here / "report"),
    ):
        assert cli.run([str(each) for each in arguments], debug=False) == 0, arguments[0]
    return here


def test_nothing_that_names_a_person_is_in_the_output_or_the_artifact(whole: Path) -> None:
    artifact = unpacked(whole / "m.synthgen").decode("utf-8", "replace")
    texts = "\n".join([artifact, *(path.read_text(encoding="utf-8") for path in (whole / "made").glob("*.csv"))])
    words = set(re.split(r"[^\w-]+", texts))
    for table, columns in PERSONAL.items():
        frame = pd.read_csv(FOLDER / f"{table}.csv.gz", dtype=str, keep_default_na=False)
        for column in columns:
            for text in set(frame[column]) - {""}:
                assert not {*re.split(r"[^\w-]+", text)} <= words or text not in texts, (table, column)
    found = json.loads((whole / "report" / "evaluation.json").read_text(encoding="utf-8"))
    assert {line["name"]: line["verdict"] for line in found["verdicts"]}["key_integrity"] == "pass"


def test_tables_have_about_as_many_rows_a_patient_and_only_the_rarest_none(whole: Path) -> None:
    for path in sorted((whole / "made").glob("*.csv")):
        rows = pd.read_csv(path, dtype=str, keep_default_na=False)
        theirs = pd.read_csv(FOLDER / f"{path.name}.gz", dtype=str, keep_default_na=False)
        owner = next((name for name in ("PATIENT", "PATIENTID") if name in theirs), None)
        if owner is not None and theirs[owner].nunique() < 5:
            assert len(rows) == 0, path.name
        elif owner is not None:
            assert 0.2 < (len(rows) / 100) / (len(theirs) / 27) < 3, path.name
