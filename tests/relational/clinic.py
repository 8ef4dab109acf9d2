"""A seeded clinic of several tables in which everything that an extract may have occurs, and what is true is known.

No visit is before the birth, no stop before its start, no laboratory value before its visit. Everything lies between
``OPENED`` and ``CLOSED``. The value of a laboratory row depends on its code alone.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from synthgen.schema.config import Schema

Row = dict[str, str]
Tables = dict[str, list[Row]]

OPENED: Final = datetime(2019, 1, 1)
CLOSED: Final = datetime(2024, 1, 1)
#: What is measured: the code, the middle and the spread of its values.
ANALYTES: Final = {"NA": (140, 3), "CRP": (30, 20), "PLT": (250_000, 40_000), "HB": (14, 1)}
DIAGNOSES: Final = ("I10", "E11.9", "J45.0", "S52.5", "N39.0", "K21.9")
_HOUR: Final = 3600


def clinic(n: int = 240, seed: int = 1) -> Tables:
    """All tables of ``n`` patients, every fifth of whom was never there."""
    rng = np.random.default_rng(seed)
    tables: Tables = {
        "codes": [{"code": code, "meaning": f"the measurement of {code}"} for code in (*ANALYTES, "LI")],
        "wards": [{"ward": f"W{30 + 7 * i}", "specialty": ("surgery", "medicine")[i % 2]} for i in range(12)],
        **{name: [] for name in ("patients", "visits", "diagnoses", "labs", "claims", "outcomes", "vitals")},
    }
    for who in range(n):
        born = date(1930, 1, 1) + timedelta(days=int(rng.integers(0, 28_000)))
        patient = {
            "patient": f"PAT-{100_000 + 137 * who + int(rng.integers(0, 100))}",
            "born": born.isoformat(),
            "sex": "FM"[int(rng.integers(0, 2))],
            "name": f"Realname{who:04d} Family{who:04d}",
        }
        tables["patients"].append(patient)
        if who % 5:
            _visits(patient, tables, rng)
        tables["outcomes"].append(
            {
                "patient": patient["patient"],
                "died": "yes" if rng.random() < (0.3 if born.year < 1960 else 0.1) else "no",
            }
        )
    return tables


def _visits(patient: Row, tables: Tables, rng: np.random.Generator) -> None:
    """The visits of a patient and all that belongs to them."""
    ill = rng.random() < 0.5
    visits: list[Row] = []
    starts: list[datetime] = []
    when = OPENED + timedelta(seconds=int(rng.integers(0, 2 * 365 * 24)) * _HOUR)
    ward = int(rng.integers(0, 12))
    for _ in range(1 + int(rng.poisson(3 if ill else 1))):
        when += timedelta(days=int(1 + rng.exponential(60)), minutes=int(rng.integers(0, 1440)))
        if when >= CLOSED - timedelta(days=20):
            break
        if rng.random() < 0.3:
            ward = int(rng.integers(0, 12))
        visits.append(
            {
                "visit": f"{len(tables['visits']) * 3 + 1_000_000 + int(rng.integers(0, 3))}",
                "patient": patient["patient"],
                "start": when.strftime("%Y-%m-%d %H:%M"),
                "stop": (when + timedelta(minutes=int(rng.exponential(3000)))).strftime("%Y-%m-%d %H:%M"),
                "ward": tables["wards"][ward]["ward"] if rng.random() < 0.95 else "",
                "previous": visits[-1]["visit"] if visits and rng.random() < 0.8 else "",
                "urgent": "yes" if rng.random() < (0.6 if ill else 0.1) else "no",
            }
        )
        starts.append(when)
        tables["visits"].append(visits[-1])
    for visit, start in zip(visits, starts, strict=True):
        _within(visit, start, ill, tables, rng)
    for _ in range(int(rng.poisson(1)) if visits else 0):
        at = int(rng.integers(0, len(visits)))
        tables["claims"].append(
            {
                "claim": f"C{len(tables['claims']) * 11 + 5000 + int(rng.integers(0, 9))}",
                "patient": patient["patient"],
                "payer_of": patient["patient"],
                "visit": visits[at]["visit"] if rng.random() < 0.9 else "",
                "filed": (starts[at] + timedelta(days=int(rng.integers(1, 15)))).date().isoformat(),
                "cost": f"{float(rng.gamma(2, 150)):.2f}",
            }
        )
    if rng.random() < 0.2:  # measured without a visit
        taken = starts[0] if starts else when
        tables["labs"].append({"visit": "", "patient": patient["patient"], **_lab(taken + timedelta(days=1), rng)})


def _within(visit: Row, start: datetime, ill: bool, tables: Tables, rng: np.random.Generator) -> None:
    """What happens in one visit."""
    weights = np.array([4, 4, 2, 1, 1, 1] if ill else [1, 1, 2, 3, 3, 3], float)
    codes = rng.choice(DIAGNOSES, int(rng.integers(1, 4)), replace=False, p=weights / weights.sum())
    tables["diagnoses"] += [
        {"visit": visit["visit"], "position": str(at), "code": str(code)} for at, code in enumerate(codes, 1)
    ]
    taken = start
    for _ in range(int(rng.poisson(3))):
        taken += timedelta(minutes=int(5 + rng.exponential(300)))
        tables["labs"].append({"visit": visit["visit"], "patient": visit["patient"], **_lab(taken, rng)})
    hour = 0
    for _ in range(int(rng.poisson(2))):
        hour += int(rng.geometric(0.3)) - 1
        tables["vitals"].append(
            {"visit": visit["visit"], "hour": str(hour), "pulse": str(int(rng.normal(95 if ill else 70, 8)))}
        )


def _lab(taken: datetime, rng: np.random.Generator) -> Row:
    code = str(rng.choice([*ANALYTES]))
    middle, spread = ANALYTES[code]
    value = "" if rng.random() < 0.1 else str(round(max(float(rng.normal(middle, spread)), 1.0), 1))
    return {"taken": taken.strftime("%Y-%m-%d %H:%M"), "code": code, "value": value}


_DATETIME: Final = {"kind": "datetime", "format": "%Y-%m-%d %H:%M"}
TABLES: Final[dict[str, Any]] = {
    "codes": {
        "key": "code",
        "reference": True,
        "columns": {"code": {"kind": "category"}, "meaning": {"kind": "category"}},
    },
    "wards": {"key": "ward", "columns": {"ward": {"kind": "id"}, "specialty": {"kind": "category"}}},
    "patients": {
        "key": "patient",
        "patient": "patient",
        "columns": {
            "patient": {"kind": "id"},
            "born": {"kind": "date"},
            "sex": {"kind": "category"},
            "name": {"kind": "fake", "provider": "name", "sex": "sex"},
        },
    },
    "visits": {
        "key": "visit",
        "patient": "patient",
        "parent": {"table": "patients", "column": "patient"},
        "foreign_keys": {"ward": "wards", "previous": "visits"},
        "order": "start",
        "columns": {
            "visit": {"kind": "id"},
            "patient": {"kind": "id"},
            "start": _DATETIME,
            "stop": _DATETIME,
            "ward": {"kind": "id"},
            "previous": {"kind": "id"},
            "urgent": {"kind": "boolean", "true": "yes", "false": "no"},
        },
    },
    "diagnoses": {
        "key": ["visit", "position"],
        "parent": {"table": "visits", "column": "visit"},
        "order": "position",
        "columns": {
            "visit": {"kind": "id"},
            "position": {"kind": "integer", "min": 1},
            "code": {"kind": "code", "system": "icd10"},
        },
    },
    "labs": {
        "patient": "patient",
        "parent": {"table": "visits", "column": "visit"},
        "foreign_keys": {"code": "codes"},
        "order": "taken",
        "columns": {
            "visit": {"kind": "id"},
            "patient": {"kind": "id"},
            "taken": _DATETIME,
            "code": {"kind": "category"},
            "value": {"kind": "number", "unit_of": "code"},
        },
    },
    "claims": {
        "key": "claim",
        "patient": "patient",
        "parent": {"table": "patients", "column": "patient"},
        "foreign_keys": {"payer_of": "patients", "visit": "visits"},
        "order": "filed",
        "columns": {
            "claim": {"kind": "id"},
            "patient": {"kind": "id"},
            "payer_of": {"kind": "id"},
            "visit": {"kind": "id"},
            "filed": {"kind": "date"},
            "cost": {"kind": "number", "decimals": 2},
        },
    },
    "outcomes": {
        "parent": {"table": "patients", "column": "patient"},
        "columns": {"patient": {"kind": "id"}, "died": {"kind": "boolean", "true": "yes", "false": "no"}},
    },
    "vitals": {
        "parent": {"table": "visits", "column": "visit"},
        "order": "hour",
        "columns": {"visit": {"kind": "id"}, "hour": {"kind": "integer", "min": 0}, "pulse": {"kind": "integer"}},
    },
}


def schema(
    model: str = "copula", tables: Mapping[str, Any] = TABLES, *, holdout: float = 0.2, **options: Any
) -> Schema:
    """The config of the clinic, with the options of the model."""
    document = {"version": 1, "tables": tables, "model": {"name": model, **options}, "holdout": holdout}
    return Schema.model_validate(document)


def without_patients(tables: Tables) -> tuple[Tables, dict[str, Any]]:
    """The clinic whose patients no table lists, and the declarations of its tables."""
    kept = {name: rows for name, rows in tables.items() if name not in ("patients", "outcomes", "claims")}
    declared = {name: dict(TABLES[name]) for name in kept}
    del declared["visits"]["parent"]
    return kept, declared


def write(folder: Path, tables: Mapping[str, Sequence[Row]]) -> Path:
    """Each table as a file of text."""
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
    return folder


#: Columns of the Parquet variant that are no text.
TYPES: Final = {
    "born": pa.date32(),
    "filed": pa.date32(),
    "start": pa.timestamp("us"),
    "stop": pa.timestamp("us"),
    "taken": pa.timestamp("us"),
    "position": pa.int64(),
    "hour": pa.int32(),
    "pulse": pa.int32(),
    "value": pa.float64(),
    "cost": pa.float64(),
}


def write_parquet(folder: Path, tables: Mapping[str, Sequence[Row]]) -> Path:
    """Each table as a Parquet file, with dates, moments and numbers of their types."""
    folder.mkdir(exist_ok=True)
    for name, rows in tables.items():
        columns = {}
        for column in rows[0]:
            texts = pa.array([row[column] or None for row in rows], pa.string())
            kind = TYPES.get(column, pa.string())
            columns[column] = texts.cast(kind) if column != "meaning" else texts
        pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    return folder


def read(folder: Path) -> Tables:
    """The tables of a folder of text files."""
    found: Tables = {}
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            found[path.stem] = list(csv.DictReader(file))
    return found
