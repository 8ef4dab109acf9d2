"""Conditions on computed columns: rows are generated and chosen, a bounded number of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.leveled import COMPARE
from synthgen.errors import InputError
from synthgen.relational.condition import Condition
from synthgen.reshape.operands import Operand
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig

#: Rows that are looked at for each that is asked for, before a condition counts as one that is hardly ever met.
_ROWS_PER_ROW: Final = 1000
_FEWEST: Final = 200_000


def chosen(
    batches: Iterable[pa.RecordBatch], n: int, conditions: Sequence[Condition], config: TableConfig, marks: Format
) -> Iterator[pa.RecordBatch]:
    """The first ``n`` rows of which all conditions hold.

    What a computed column holds follows from all its operands together, so there is no code to condition on; choosing
    among rows gives the distribution under the condition all the same.

    Raises:
        InputError: a value is none of its column's, or hardly any row meets the conditions.
    """
    tests = [(condition, Operand.of(config, condition.column, marks)) for condition in conditions]
    found = looked_at = 0
    for batch in batches:
        met = np.ones(batch.num_rows, bool)
        for condition, operand in tests:
            met &= _meets(batch.column(condition.column), condition, operand)
        rows = np.flatnonzero(met)[: n - found]
        looked_at += batch.num_rows
        found += len(rows)
        if len(rows):
            yield batch.take(pa.array(rows))
        if found == n:
            return
        if looked_at > max(_FEWEST, _ROWS_PER_ROW * max(found, 1)):
            names = ", ".join(dict.fromkeys(condition.column for condition in conditions))
            raise InputError(
                f"--where: of {looked_at} rows {found} meet what is asked of {names}, which is computed; ask for more "
                "of them, or condition on what it is computed from"
            )


def _meets(cells: pa.Array, condition: Condition, operand: Operand) -> NDArray[np.bool_]:
    read, asked = operand.read(cells), operand.read(pa.array(condition.values, pa.string()))
    if not (asked.missing | ~np.isnan(asked.numbers)).all():
        raise InputError(f"--where: column {condition.column}: a value of the condition is none of the column's")
    if condition.operator in ("=", "!=", "in"):
        with_value = np.isin(read.numbers, asked.numbers[~np.isnan(asked.numbers)])
        alike = with_value | (read.missing & bool(asked.missing.any()))
        return np.asarray(~alike if condition.operator == "!=" else alike, bool)
    with np.errstate(invalid="ignore"):
        return np.asarray(COMPARE[condition.operator](read.numbers, asked.numbers[0]), bool)
