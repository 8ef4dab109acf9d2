"""Comparisons from plain columns, so that a test can state its data in a line."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synthgen.metrics.base import Comparison, Likelihood, Records, Side, Variable

Columns = Mapping[str, Sequence[Any] | NDArray[Any]]


def comparison(
    train: Columns,
    holdout: Columns | None,
    synthetic: Columns,
    *,
    patient: str | None = None,
    target: str | None = None,
    ordered: Iterable[str] = (),
    codes: Iterable[str] = (),
    temporal: Iterable[str] = (),
    rare_below: int = 5,
) -> Comparison:
    """A comparison of three sets of columns.

    A column with a number in any set is numeric, and its strings are text results; so is a column of nothing but NaN.
    Any other column is categorical. ``None`` and NaN are missing. ``patient`` names the column that says whose row
    it is; it is not compared itself.
    """
    sets = [columns for columns in (train, holdout, synthetic) if columns is not None]
    names = [name for name in train if name != patient]
    variables = tuple(_variable(name, sets, set(ordered), set(codes), set(temporal)) for name in names)
    return Comparison(
        table="t",
        variables=variables,
        train=records(train, variables, patient),
        holdout=None if holdout is None else records(holdout, variables, patient),
        synthetic=records(synthetic, variables, patient),
        target=target,
        rare_below=rare_below,
        clustered=patient is not None,
    )


def silent_of_codes(log_prob: Callable[[Side, NDArray[np.int64]], NDArray[np.float64]]) -> Likelihood:
    """A model that says how probable records are, and takes all for the same code."""
    return Likelihood(log_prob, lambda _, rows: csr_array(np.ones((len(rows), 1))), np.zeros(1, np.int64))


def records(columns: Columns, variables: tuple[Variable, ...], patient: str | None = None) -> Records:
    """One set of records in the coding of ``variables``."""
    n = len(next(iter(columns.values())))
    who = np.arange(n) if patient is None else np.unique(np.asarray(columns[patient]), return_inverse=True)[1]
    coded = {v.name: _codes(columns[v.name], v) for v in variables}
    numbers = {v.name: _numbers(columns[v.name]) for v in variables if v.kind == "numeric"}
    return Records(who.astype(np.int64), numbers, coded)


def _variable(name: str, sets: list[Columns], ordered: set[str], codes: set[str], temporal: set[str]) -> Variable:
    cells = [cell for columns in sets for cell in _cells(columns[name])]
    labels = tuple(sorted({cell for cell in cells if isinstance(cell, str)}))
    numeric = any(isinstance(cell, float) for cell in cells) or all(_dtype(columns[name]) in "fiu" for columns in sets)
    return Variable(
        name,
        "numeric" if numeric else "categorical",
        labels,
        ordered=name in ordered,
        code=name in codes,
        temporal="date" if name in temporal else "",
    )


def _dtype(values: Sequence[Any] | NDArray[Any]) -> str:
    return np.asarray(values, dtype=None if len(values) else object).dtype.kind


def _cells(values: Sequence[Any] | NDArray[Any]) -> list[float | str | None]:
    """Every cell as a number, a text, or ``None`` where it is missing."""
    array = np.asarray(values)
    listed = array.tolist() if array.dtype.kind in "fiub" else list(values)
    return [_cell(value) for value in listed]


def _cell(value: Any) -> float | str | None:
    if value is None or (isinstance(value, float) and np.isnan(value)):
        return None
    return str(value) if isinstance(value, str) else float(value)


def _numbers(values: Sequence[Any] | NDArray[Any]) -> NDArray[np.float64]:
    return np.array([cell if isinstance(cell, float) else np.nan for cell in _cells(values)], dtype=np.float64)


def _codes(values: Sequence[Any] | NDArray[Any], variable: Variable) -> NDArray[np.int32]:
    first = 1 if variable.kind == "numeric" else 0
    index: dict[float | str | None, int] = {label: first + k for k, label in enumerate(variable.labels)}
    index[None] = -1
    return np.array([index.get(cell, 0) for cell in _cells(values)], dtype=np.int32)
