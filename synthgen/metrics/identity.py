"""Which records are equal in every variable: exact, on raw values, with missing and text results as values."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Records, Variable

Integers = NDArray[np.int64]

#: Up to so many possible pairs for each one given, ticking them off in a table is faster than sorting.
ROOM = 64


def pooled(*sets: Records) -> Records:
    """The records of all sets, one set after another, patients renumbered so that no two sets share one."""
    patients: list[Integers] = []
    offset = 0
    for records in sets:
        _, dense = np.unique(records.patient, return_inverse=True)
        patients.append(dense.astype(np.int64) + offset)
        offset += records.n_patients
    first = sets[0]
    return Records(
        np.concatenate(patients),
        {name: np.concatenate([records.numbers[name] for records in sets]) for name in first.numbers},
        {name: np.concatenate([records.codes[name] for records in sets]) for name in first.codes},
    )


def integer_columns(variables: Sequence[Variable], records: Records) -> Integers:
    """Every variable as integers that are equal exactly where the cells are, shape ``(n_variables, n)``."""
    columns = np.empty((len(variables), records.n), dtype=np.int64)
    for row, variable in enumerate(variables):
        columns[row] = codes = records.codes[variable.name]
        if variable.kind == "numeric":
            has = codes == 0
            # Adding 0.0 turns -0.0 into 0.0.
            ranks = np.unique(records.numbers[variable.name][has] + 0.0, return_inverse=True)[1]
            columns[row, has] = len(variable.labels) + 1 + ranks
    return columns


def identities(columns: Integers) -> Integers:
    """A dense number per row of ``columns`` (transposed), the same for two rows exactly where all columns are.

    Rows are grouped by a 64-bit random linear hash, and the groups are then compared cell by cell; a collision, of
    probability about n² / 2⁶⁵, leads to another hash, so the answer is exact.
    """
    n_columns, n = columns.shape
    if n_columns == 0:
        return np.zeros(n, dtype=np.int64)
    rng = np.random.default_rng(0)
    while True:
        factors = rng.integers(1, 2**63, (n_columns, 1), dtype=np.uint64) * 2 + 1
        keys = np.zeros(n, dtype=np.uint64)
        for row in range(n_columns):
            keys += columns[row].astype(np.uint64) * factors[row]
        _, first, inverse = np.unique(keys, return_index=True, return_inverse=True)
        representative = first[inverse]
        if all(np.array_equal(column[representative], column) for column in columns):
            return inverse.astype(np.int64)


def distinct_pairs(a: Integers, b: Integers) -> tuple[Integers, Integers]:
    """The distinct pairs of entries of two arrays of numbers from 0 up, sorted."""
    width = int(b.max(initial=0)) + 1
    pairs = a * width + b
    possible = (int(a.max(initial=0)) + 1) * width
    if possible <= ROOM * len(pairs):
        present = np.zeros(possible, dtype=bool)
        present[pairs] = True
        pairs = np.flatnonzero(present)
    else:
        pairs = np.unique(pairs)
    return pairs // width, pairs % width


def without_repeats(variables: Sequence[Variable], records: Records) -> Integers:
    """Rows, ascending, that hold every distinct record of every patient once: what a patient repeats adds nothing."""
    identity = identities(integer_columns(variables, records))
    keys = records.patient * (int(identity.max(initial=0)) + 1) + identity
    return np.sort(np.unique(keys, return_index=True)[1]).astype(np.int64)
