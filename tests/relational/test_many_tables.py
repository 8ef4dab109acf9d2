"""A schema of 26 tables runs from ``init`` to a folder that can be read back, without a hand on the config."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd

from synthgen import cli
from synthgen.schema.load import load
from tests.relational import clinic

CHILDREN: Final = 19


def hospital(n: int = 100, seed: int = 3) -> clinic.Tables:
    """Patients with names, addresses and social security numbers; three lookup tables, visits, and what is below."""
    rng = np.random.default_rng(seed)
    tables: clinic.Tables = {
        "organizations": [{"organization_id": f"ORG{i:04d}", "city": f"City {i % 3}"} for i in range(20)],
        "payers": [{"payer_id": f"PAY{i:03d}", "kind": ("public", "private")[i % 2]} for i in range(10)],
        "providers": [
            {
                "provider_id": f"DOC{i:05d}",
                "organization_id": f"ORG{int(rng.integers(0, 20)):04d}",
                "speciality": ("gp", "surgeon", "nurse")[i % 3],
            }
            for i in range(40)
        ],
        "patients": [
            {
                "patient_id": f"{10_000_000 + 13 * i}",
                "birth_date": str(np.datetime64("1940-01-01") + int(rng.integers(0, 25_000))),
                "sex": "FM"[int(rng.integers(0, 2))],
                "first_name": f"Nameq{i:03d}",
                "last_name": f"Nameq{i:03d}son",
                "address": f"{i + 1} Streetq{i:03d} Road",
                "ssn": f"999-{10 + i % 80}-{1000 + 7 * i}",
            }
            for i in range(n)
        ],
        "visits": [],
        **{f"event_{k:02d}": [] for k in range(CHILDREN)},
        "insurance": [],
        "deaths": [],
    }
    for patient in tables["patients"]:
        own = {"patient_id": patient["patient_id"]}
        tables["insurance"].append({**own, "payer_id": f"PAY{int(rng.integers(0, 10)):03d}", "year": "2020"})
        if rng.random() < 0.3:
            tables["deaths"].append({**own, "cause": "ab"[int(rng.integers(0, 2))]})
        day = np.datetime64("2019-01-01") + int(rng.integers(0, 500))
        for _ in range(int(rng.integers(1, 5))):
            day += int(rng.integers(1, 90))
            visit = f"{len(tables['visits']) + 500_000}"
            doctor = f"DOC{int(rng.integers(0, 40)):05d}"
            tables["visits"].append({"visit_id": visit, **own, "start_date": str(day), "provider_id": doctor})
            for k in range(CHILDREN):
                tables[f"event_{k:02d}"] += [
                    {
                        "visit_id": visit,
                        "date": str(day + int(rng.integers(0, 3))),
                        "code": "wxyz"[int(rng.integers(0, 4))],
                        "value": f"{float(rng.normal(50 + k, 5)):.1f}",
                    }
                    for _ in range(int(rng.poisson(0.8)))
                ]
    return tables


def test_26_tables_run_from_init_to_a_folder_without_editing(tmp_path: Path) -> None:
    tables = hospital()
    assert len(tables) == 26
    data, config, model, out = (tmp_path / name for name in ("data", "config.yaml", "model", "out"))
    clinic.write(data, tables)
    for arguments in (
        ("init", data, "-o", config),
        ("fit", data, "-c", config, "--model", "independent", "--seed", 1, "-o", model),
        ("sample", model, "-n", 200, "--seed", 1, "-o", out),
    ):
        assert cli.run([str(each) for each in arguments]) == 0, arguments[0]
    made = {name: pd.DataFrame(rows) for name, rows in clinic.read(out).items()}
    schema = load(config)
    assert made.keys() | {n for n in tables if not (out / f"{n}.csv").stat().st_size} >= tables.keys()
    assert len(made["patients"]) == 200
    links = 0
    for name, table in schema.tables.items():
        if len(table.key_columns) == 1 and not table.reference:
            (key,) = table.key_columns
            assert made[name][key].is_unique, name
            assert not set(made[name][key]) & {row[key] for row in tables[name]}, name
        targets = dict(table.foreign_keys)
        if table.parent is not None and len(table.parent.columns) == 1:
            targets[table.parent.columns[0]] = table.parent.table
        for column, target in targets.items():
            allowed = set(made[target][schema.tables[target].key_columns[0]]) | set(table.missing_in(column))
            assert set(made[name][column]) <= allowed, (name, column)
            links += 1
    assert links >= CHILDREN + 5
    for text in (path.read_text(encoding="utf-8") for path in out.iterdir()):
        assert "Nameq" not in text
        assert "Streetq" not in text
    assert not set(made["patients"]["ssn"]) & {row["ssn"] for row in tables["patients"]}
