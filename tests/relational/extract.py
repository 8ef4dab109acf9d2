"""A small extract with a column of every kind, in which a patient's rows lie far apart."""

from __future__ import annotations

from datetime import datetime, timedelta

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.levels import Unit
from synthgen.relational.codec import Plan
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig
from tests.encoding.build import RARE_BELOW, hashes

PLAN = Plan(
    TableConfig.model_validate(
        {
            "key": "stay",
            "patient": "person",
            "missing": ["", "?"],
            "columns": {
                "stay": {"kind": "id"},
                "person": {"kind": "id"},
                "name": {"kind": "fake", "provider": "name", "sex": "sex"},
                "sex": {"kind": "category"},
                "ward": {"kind": "category"},
                "age": {"kind": "ordinal", "order": [f"[{low}-{low + 10})" for low in range(0, 100, 10)]},
                "died": {"kind": "boolean", "true": "yes", "false": "no"},
                "diagnosis": {"kind": "code", "system": "icd10"},
                "described": {"kind": "category", "determined_by": "diagnosis"},
                "further": {"kind": "code", "system": "icd10", "separator": ", "},
                "days": {"kind": "integer", "min": 0},
                "crp": {"kind": "number", "decimals": 1, "atoms": ["neg"]},
                "dose": {"kind": "number"},
                "born": {"kind": "date", "format": "%d.%m.%Y"},
                "admitted": {"kind": "datetime", "format": "%d.%m.%Y %H:%M"},
                "fed": {"kind": "time", "format": "%H:%M"},
                "country": {"kind": "constant"},
                "note": {"kind": "text"},
                "internal": {"kind": "drop"},
            },
        }
    ),
    Format(delimiter=";", decimal=",", thousands="."),
)

_CODES = ("I10", "E11.65", "E11.69", "E11.9", "J45.0", "J45.9", "K21.9", "S52.5")


def rows(n: int, *, seed: int = 1) -> tuple[list[dict[str, str]], list[int]]:
    """Rows as written in the file, and the patient of each."""
    rng = np.random.default_rng(seed)
    patients = rng.integers(0, max(n // 2, 1), n)
    table = []
    for i, patient in enumerate(patients.tolist()):
        own = np.random.default_rng(patient)
        code = _CODES[min(int(rng.geometric(0.35)) - 1, len(_CODES) - 1)]
        admitted = datetime(2015, 1, 1) + timedelta(minutes=int(rng.integers(0, 10**6)))
        crp = f"{float(np.exp(rng.normal(2, 1))):,.1f}".translate(str.maketrans(",.", ".,"))
        table.append(
            {
                "stay": str(700_000 + i * 7),
                "person": f"P{patient:06d}",
                "name": "Kari Nordmann",
                "sex": str(own.choice(["F", "M"])),
                "ward": str(rng.choice(["medical", "surgical", "eye", "ear", "?"], p=[0.5, 0.4, 0.03, 0.02, 0.05])),
                "age": f"[{(low := int(own.integers(0, 10)) * 10)}-{low + 10})",
                "died": str(rng.choice(["yes", "no"], p=[0.1, 0.9])),
                "diagnosis": code,
                "described": f"the disease {code}",
                "further": ", ".join(rng.choice(_CODES, int(rng.integers(0, 3)), replace=False).tolist()),
                "days": str(int(rng.geometric(0.2))),
                "crp": str(rng.choice([crp, "neg", "<0,5", ""], p=[0.7, 0.1, 0.1, 0.1])),
                "dose": repr(float(np.exp(rng.normal(0, 3)).round(4))).replace(".", ","),
                "born": (datetime(1930, 1, 1) + timedelta(days=int(own.integers(0, 30_000)))).strftime("%d.%m.%Y"),
                "admitted": admitted.strftime("%d.%m.%Y %H:%M"),
                "fed": f"{int(rng.integers(0, 24)):02d}:{int(rng.integers(0, 60)):02d}",
                "country": "NO",
                "note": "a note",
                "internal": "x",
            }
        )
    return table, patients.tolist()


def block(table: list[dict[str, str]]) -> pa.RecordBatch:
    """Rows as a block of a table."""
    columns = [pa.array([row[name] for row in table], pa.string()).dictionary_encode() for name in PLAN.config.columns]
    return pa.RecordBatch.from_arrays(columns, names=list(PLAN.config.columns))


def unit(patients: list[int], chosen: NDArray[np.int64] | slice = slice(None)) -> Unit:
    """Whose rows the chosen rows are."""
    return Unit.patients(hashes(patients)[chosen], RARE_BELOW)
