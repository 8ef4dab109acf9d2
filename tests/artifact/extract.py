"""A small extract of every kind, with things planted in it that no artifact may hold."""

from __future__ import annotations

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np

from synthgen.schema.config import Schema
from tests.quick import OPTIONS

HEADER = (
    *("who", "row_id", "name", "sex", "city", "city_name", "diagnosis", "others", "crp", "weight"),
    *("born", "seen", "grade", "status", "note"),
)

#: In two rows of one patient each; every text of them is found nowhere else.
PLANTED: dict[str, str] = {
    "who": "PAT-777333",
    "row_id": "R9418827",
    "name": "Zebedee Quux",
    "sex": "hermaphrodite",
    "city": "Xyzzyville",
    "city_name": "Plughtown",
    "diagnosis": "Q87.4",
    "others": "G71.2, E75.6",
    "crp": "<0.0173",
    "weight": "987.31",
    "born": "1873-03-29",
    "seen": "1998-02-27 03:17",
    "grade": "grade-IVz",
    "status": "not.asked.7",
    "note": "fell off an elephant",
}


def rows(n: int = 1200, seed: int = 5) -> list[dict[str, str]]:
    """``n`` rows of half as many patients, and the planted patient in the middle of them."""
    rng = np.random.default_rng(seed)
    found = []
    for i in range(n):
        who = i // 2
        own = np.random.default_rng([seed, who])
        city = int(own.integers(0, 4))
        born = np.datetime64("1930-01-01") + own.integers(0, 25_000)
        seen = np.datetime64("2020-01-01T08:00") + rng.integers(0, 1_000_000)
        found.append(
            {
                "who": f"PAT-{100_000 + who * 7}",
                "row_id": f"R{1_000_000 + i * 3}",
                "name": f"Name {who}",
                "sex": "FM"[int(own.integers(0, 2))],
                "city": f"C{city}",
                "city_name": f"City {city}",
                "diagnosis": str(rng.choice(["I10", "E11.9", "J45.0", "J45.9", "I48.9"])),
                "others": str(rng.choice(["", "I10", "I10, E66.9", "E66.9, J44.9"])),
                "crp": "<5" if rng.random() < 0.2 else str(int(rng.gamma(2, 20))),
                "weight": f"{rng.normal(75, 12):.2f}",
                "born": str(born),
                "seen": str(seen).replace("T", " "),
                "grade": str(int(rng.integers(1, 4))),
                "status": str(rng.choice(["", "?", "ok", "bad"])),
                "note": f"seen {i}",
            }
        )
    found.insert(n // 2, PLANTED | {"crp": "98765"})
    found.insert(n // 2, PLANTED)
    return found


def text(table: list[dict[str, str]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, table[0].keys(), lineterminator="\n")
    writer.writeheader()
    writer.writerows(table)
    return out.getvalue()


def schema(model: str = "independent", **more: Any) -> Schema:
    columns: dict[str, Any] = {
        "who": {"kind": "id"},
        "row_id": {"kind": "id"},
        "name": {"kind": "fake", "provider": "name"},
        "sex": {"kind": "category"},
        "city": {"kind": "category"},
        "city_name": {"kind": "category", "determined_by": "city"},
        "diagnosis": {"kind": "code", "system": "icd10"},
        "others": {"kind": "code", "system": "icd10", "separator": ", "},
        "crp": {"kind": "integer", "min": 0},
        "weight": {"kind": "number", "decimals": 2},
        "born": {"kind": "date"},
        "seen": {"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
        "grade": {"kind": "category"},
        "status": {"kind": "category", "missing": ["", "?", PLANTED["status"]]},
        "note": {"kind": "text"},
    }
    table = {"patient": "who", "columns": columns}
    chosen = {"name": model, **OPTIONS.get(model, {})}
    document = {"version": 1, "format": {}, "tables": {"visits": table}, "model": chosen, "holdout": 0}
    return Schema.model_validate(document | more)


def write(folder: Path, table: list[dict[str, str]] | None = None) -> Path:
    path = folder / "visits.csv"
    path.write_text(text(rows() if table is None else table), encoding="utf-8")
    return path
