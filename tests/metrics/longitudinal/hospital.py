"""A small hospital: patients, their visits, and what was measured in them, drawn from a known distribution."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.metrics.extract import Extracts
from synthgen.schema.config import Schema
from synthgen.tables.dataset import Dataset
from synthgen.tables.memory import MemoryTable

SCHEMA = Schema.model_validate(
    {
        "version": 1,
        "tables": {
            "patients": {
                "key": "id",
                "patient": "id",
                "columns": {"id": {"kind": "id"}, "sex": {"kind": "category"}, "birth_date": {"kind": "date"}},
            },
            "wards": {"key": "ward", "columns": {"ward": {"kind": "id"}, "floor": {"kind": "category"}}},
            "visits": {
                "key": "visit",
                "patient": "id",
                "parent": {"table": "patients", "column": "id"},
                "foreign_keys": {"ward": "wards"},
                "order": "start",
                "columns": {
                    "visit": {"kind": "id"},
                    "id": {"kind": "id"},
                    "ward": {"kind": "id"},
                    "start": {"kind": "date"},
                    "stop": {"kind": "date"},
                    "reason": {"kind": "category"},
                },
            },
            "labs": {
                "parent": {"table": "visits", "column": "visit"},
                "order": "taken",
                "columns": {
                    "visit": {"kind": "id"},
                    "taken": {"kind": "date"},
                    "code": {"kind": "category"},
                    "value": {"kind": "number", "decimals": 1},
                },
            },
        },
    }
)
CODES = ("CRP", "HB", "NA", "K", "PSA", "FERR")
Tables = dict[str, dict[str, list[Any]]]


def hospital(patients: int, seed: int, prefix: str = "") -> Tables:
    """Women have other codes and higher values than men; codes come in an order; the old have more visits.

    Args:
        prefix: of every id, so that two hospitals share none.
    """
    rng = np.random.default_rng(seed)
    made: Tables = {
        "patients": {"id": [], "sex": [], "birth_date": []},
        "wards": {"ward": ["w1", "w2"], "floor": ["1", "2"]},
        "visits": {"visit": [], "id": [], "ward": [], "start": [], "stop": [], "reason": []},
        "labs": {"visit": [], "taken": [], "code": [], "value": []},
    }
    for patient in range(patients):
        woman, born = rng.random() < 0.5, date(1930, 1, 1) + timedelta(int(rng.integers(0, 25_000)))
        _add(made["patients"], f"{prefix}p{patient}", "F" if woman else "M", born.isoformat())
        start = date(2015, 1, 1) + timedelta(int(rng.integers(0, 700)))
        for number in range(int(rng.poisson(1 + (1998 - born.year) / 20))):
            visit, stop = f"{prefix}p{patient}v{number}", start + timedelta(int(rng.geometric(0.3)))
            reason = str(rng.choice(["heart", "lung"], p=[0.8, 0.2] if woman else [0.3, 0.7]))
            dates = (start.isoformat(), stop.isoformat())
            _add(made["visits"], visit, f"{prefix}p{patient}", f"w{1 + number % 2}", *dates, reason)
            code = int(rng.integers(0, len(CODES)))
            for _ in range(int(rng.geometric(0.3))):
                value = round(float(rng.normal(10 + 4 * woman + 3 * code, 2)), 1)
                _add(made["labs"], visit, start.isoformat(), CODES[code], value)
                code = (code + int(rng.choice([1, 1, 1, 3 if woman else 2]))) % len(CODES)
            start = stop + timedelta(int(rng.exponential(60)))
    return made


def _add(table: Mapping[str, list[Any]], *cells: Any) -> None:
    for column, cell in zip(table.values(), cells, strict=True):
        column.append(cell)


def shuffled(cells: list[Any], rng: np.random.Generator) -> list[Any]:
    """The cells in another order."""
    order: NDArray[np.int64] = rng.permutation(len(cells))
    return [cells[i] for i in order]


def dataset(tables: Mapping[str, Mapping[str, list[Any]]]) -> Dataset:
    """The tables as an extract of texts."""
    return Dataset(
        {
            name: MemoryTable.from_arrow(
                pa.table({column: [str(cell) for cell in cells] for column, cells in table.items()}), name
            )
            for name, table in tables.items()
        }
    )


def extracts(train: Tables, holdout: Tables | None, synthetic: Tables) -> Extracts:
    """The three on one footing."""
    return Extracts.of(SCHEMA, dataset(train), None if holdout is None else dataset(holdout), dataset(synthetic))
