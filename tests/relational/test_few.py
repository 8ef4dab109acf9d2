"""Extracts of a few patients: what can be learned is, what cannot is told, and no date goes missing for it."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import synthgen
from synthgen import cli, workflow
from synthgen.schema.config import Schema

SCHEMA = Schema.model_validate(
    {
        "holdout": 0,
        "model": {"name": "copula"},
        "tables": {
            "patients": {
                "key": "id",
                "patient": "id",
                "columns": {"id": {"kind": "id"}, "born": {"kind": "date"}, "sex": {"kind": "category"}},
            },
            "visits": {
                "key": "visit",
                "patient": "id",
                "order": "day",
                "columns": {
                    "visit": {"kind": "id"},
                    "id": {"kind": "id"},
                    "day": {"kind": "date"},
                    "why": {"kind": "category", "other": None},
                },
            },
            "scans": {
                "parent": {"table": "visits", "column": "visit"},
                "order": "at",
                "columns": {"visit": {"kind": "id"}, "at": {"kind": "date"}, "organ": {"kind": "category"}},
            },
            "implants": {
                "parent": {"table": "visits", "column": "visit"},
                "columns": {"visit": {"kind": "id"}, "device": {"kind": "category"}},
            },
        },
    }
)


@pytest.fixture(scope="module")
def fitted() -> workflow.Fit:
    """Twelve patients; two have an implant, four a second scan of a visit, and no two visits have the same reason."""
    rng = np.random.default_rng(1)
    tables: dict[str, list[dict[str, str]]] = {name: [] for name in SCHEMA.tables}
    for who in range(12):
        tables["patients"].append({"id": f"P{who + 10}", "born": f"19{who + 50}-03-01", "sex": "FM"[who % 2]})
        day = date(2020, 1, 1) + timedelta(days=int(rng.integers(0, 60)))
        for number in range(3):
            visit = f"V{who * 3 + number + 100}"
            day += timedelta(days=int(rng.integers(10, 40)))
            tables["visits"].append({"visit": visit, "id": f"P{who + 10}", "day": day.isoformat(), "why": visit})
            for later in range(1 + (who < 4)):
                at = day + timedelta(days=later)
                tables["scans"].append({"visit": visit, "at": at.isoformat(), "organ": "heart"})
        if who < 2:
            tables["implants"].append({"visit": f"V{who * 3 + 100}", "device": "pacemaker"})
    return synthgen.fit({name: pd.DataFrame(rows) for name, rows in tables.items()}, SCHEMA, seed=1)


def test_a_table_of_too_few_patients_is_named(fitted: workflow.Fit) -> None:
    assert fitted.synthesizer.notes == (
        "implants: fewer than 5 patients have rows, too few to learn from; it comes out without any",
        "visits: no value of why is that of 5 patients or more; it comes out missing",
    )
    made = synthgen.sample(fitted.synthesizer, 100, seed=1).to_pandas()
    assert len(made["implants"]) == 0
    assert made["visits"]["why"].isna().all()


def test_no_date_is_missing_where_too_few_patients_have_such_a_step(fitted: workflow.Fit) -> None:
    made = synthgen.sample(fitted.synthesizer, 200, seed=1).to_pandas()
    scans = made["scans"].merge(made["visits"], on="visit")
    assert (scans["at"] >= scans["day"]).all()
    assert len(scans) / len(made["visits"]) == pytest.approx(1 + 4 / 12, abs=0.35)


def test_inspect_tells_it(fitted: workflow.Fit, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fitted.save(tmp_path / "m.synthgen")
    assert cli.run(["inspect", str(tmp_path / "m.synthgen")], debug=False) == 0
    assert "implants: fewer than 5 patients have rows" in " ".join(capsys.readouterr().out.split())
