"""For how many patients the sets of a figure stand."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from synthgen.metrics.result import HISTORIES, Metric
from synthgen.report.shareable.grain import SMALLEST, step

SETS = ("train", "holdout", "synthetic")
TABLES = "tables"
_FEW = SMALLEST - 1
# Of all tables together, means of shares of rows, of whichever table has the fewest patients behind them.
_MEANS_OF_SHARES = frozenset({"time_order", "date_window"})


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How many patients each set of a figure stands for, and the rows that the patients with most rows have each."""

    of: Mapping[str, int]
    patients: Mapping[str, int]
    rows_each: int = 1

    @property
    def least(self) -> int | None:
        return min(self.of.values(), default=None)

    @property
    def fewest_patients(self) -> int | None:
        """Of the smallest set, whatever the numbers of their rows: what scores and associations rest on."""
        return min(self.patients.values(), default=None)

    @property
    def grain(self) -> float:
        """The grain of scores of one column."""
        return max(0.01, step(self.fewest_patients) or 0.1)

    def narrowed(self, n: Mapping[str, Any]) -> Sizes:
        """With the sizes of one figure, the smaller number of each set counting."""
        of, patients = dict(self.of), dict(self.patients)
        for key, value in n.items():
            name = key.removesuffix("_patients")
            if name in SETS and isinstance(value, int):
                for sizes in (of, patients):
                    sizes[name] = min(value, sizes.get(name, value))
        return Sizes(of, patients, self.rows_each)


def sizes_of(metric: Metric, inputs: Mapping[str, Any]) -> Sizes:
    """The sizes of the table that a figure is of, where the inputs tell them table by table."""
    tables = inputs.get(TABLES)
    if not isinstance(tables, Mapping):
        return _known_sizes(inputs)
    if metric.table == HISTORIES and metric.name in _MEANS_OF_SHARES:
        each = [_known_sizes(told) for told in tables.values()]
        fewest = {name: min(one.of[name] for one in each if name in one.of) for one in each for name in one.of}
        return dataclasses.replace(_known_sizes(tables.get(HISTORIES, {})), of=fewest)
    return _known_sizes(tables.get(metric.table, {}))


def _known_sizes(inputs: Mapping[str, Any]) -> Sizes:
    """The sizes of the sets, where the inputs tell them."""
    told = {name: inputs[name] for name in SETS if isinstance(inputs.get(name), Mapping)}
    sizes = {name: _effective(one) for name, one in told.items() if is_size(one.get("patients"))}
    each = [rows_each(told[name]) for name in sizes]
    return Sizes(sizes, {name: told[name]["patients"] for name in sizes}, max(each, default=1))


def is_size(value: Any) -> bool:
    """Whether it is a whole number."""
    return isinstance(value, int) and not isinstance(value, bool)


def _effective(told: Mapping[str, Any]) -> int:
    """How many patients the rows of a set stand for: ten would hold ten times as large a part of them.

    Where a set does not say, ten patients may hold all rows but one of each other patient.
    """
    patients, rows = int(told["patients"]), told.get("rows")
    if not isinstance(rows, int) or rows <= patients:
        return patients
    effective = told.get("effective_patients")
    if not isinstance(effective, int):
        effective = _FEW * rows // (rows - max(patients - _FEW, 0))
    return min(patients, effective)


def rows_each(told: Mapping[str, Any]) -> int:
    """How many rows the patients with most have each, rounded up, by what is told of a set."""
    rows = told.get("rows")
    return max(1, math.ceil(rows / max(_effective(told), 1))) if isinstance(rows, int) else 1
