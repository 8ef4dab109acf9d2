"""A small population of mixed records whose distribution is known, so that a perfect generator can be written down."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Columns = dict[str, NDArray[Any]]


def population(n: int, rng: np.random.Generator, *, first_patient: int = 0, per_patient: int = 1) -> Columns:
    """``n`` fresh records: two numbers, one sometimes missing, and three categories, one of which depends on them."""
    risk = rng.normal(size=n)
    lab = np.where(rng.random(n) < 0.2, np.nan, risk + rng.normal(size=n))
    return {
        "patient": first_patient + np.arange(n) // per_patient,
        "age": np.round(60 + 10 * risk + 5 * rng.normal(size=n)),
        "lab": lab,
        "ward": np.array([f"w{k}" for k in np.clip(np.round(2 * risk + 4), 0, 8).astype(int)]),
        "sex": rng.choice(["f", "m"], n),
        "code": np.array([f"c{k}" for k in rng.zipf(1.7, n) % 40]),
    }


def rows(columns: Columns, chosen: NDArray[Any]) -> Columns:
    return {name: values[chosen] for name, values in columns.items()}


def stacked(*sets: Columns) -> Columns:
    return {name: np.concatenate([columns[name] for columns in sets]) for name in sets[0]}


def categorical(columns: Columns) -> Columns:
    """The same records with every value a text."""
    return {name: values if name == "patient" else values.astype(str) for name, values in columns.items()}


def riddled(columns: Columns, rng: np.random.Generator) -> Columns:
    """The same records with half of all cells missing."""
    return {name: values if name == "patient" else _holed(values, rng) for name, values in columns.items()}


def _holed(values: NDArray[Any], rng: np.random.Generator) -> NDArray[Any]:
    holes = rng.random(len(values)) < 0.5
    empty = np.nan if values.dtype.kind == "f" else None
    return np.where(holes, empty, values if empty is not None else values.astype(object))
