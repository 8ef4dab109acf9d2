"""The floor: what a generator scores that knows every column and no relation between columns."""

from __future__ import annotations

import numpy as np

from synthgen.metrics.base import Records


def independent(records: Records, rows: int, rng: np.random.Generator) -> Records:
    """``rows`` records whose columns are drawn from ``records`` with replacement, each column by itself.

    A number and its text result stay together, for they are one column. Every row is its own patient.
    """
    chosen = {name: rng.integers(records.n, size=rows) for name in records.codes}
    return Records(
        np.arange(rows, dtype=np.int64),
        {name: values[chosen[name]] for name, values in records.numbers.items()},
        {name: values[chosen[name]] for name, values in records.codes.items()},
    )
