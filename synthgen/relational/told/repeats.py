"""Values that stand again as they were: told as such, where a draw from a bin would never be the same number twice.

A weight that is written every hour is one weight, and half of the temperatures of a feverless night are the same.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

#: Stands for the value of the patient's row before that is about the same.
AGAIN: Final = "·="
#: The share of a quantity's values that repeat the one before from which on that is told. Of fewer, as many come back
#: by chance as do in reality, for the draws are not told which number stood before.
_OFTEN: Final = 0.2


def row_before(unit: NDArray[np.integer], patient: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row before each that is of the same patient and about the same, -1 where there is none.

    Args:
        unit: what each row is about.
        patient: whose it is; ascending.
    """
    order = np.lexsort((unit, patient))
    before = np.full(len(order), -1, np.int64)
    alike = (unit[order[1:]] == unit[order[:-1]]) & (patient[order[1:]] == patient[order[:-1]])
    before[order[1:][alike]] = order[:-1][alike]
    return before


def marked(
    values: pa.DictionaryArray,
    units: pa.DictionaryArray,
    patient: NDArray[np.int64],
    missing: tuple[str, ...],
    known: Collection[str] | None = None,
) -> pa.DictionaryArray:
    """The cells of values with ``AGAIN`` where they repeat the one before, of quantities that often do.

    What is missing repeats nothing.

    Args:
        known: these quantities, where they are known.
    """
    texts, index, unit = values.dictionary, np.asarray(values.indices), np.asarray(units.indices)
    gone = np.asarray(pc.is_in(pc.utf8_trim_whitespace(texts), pa.array(missing, pa.string())), bool)
    before = row_before(unit, patient)
    same = (before >= 0) & (index == index[before]) & ~gone[index]
    if known is None:
        several = np.bincount(unit, before >= 0, len(units.dictionary))
        often = np.bincount(unit, same, len(units.dictionary)) >= _OFTEN * np.maximum(several, 1)
    else:
        often = np.asarray(pc.is_in(units.dictionary, pa.array([*known], pa.string())), bool)
    return pa.DictionaryArray.from_arrays(
        pa.array(np.where(same & often[unit], len(texts), index).astype(np.int32)),
        pa.concat_arrays([texts, pa.array([AGAIN])]),
    )


def is_marked(cells: pa.DictionaryArray) -> bool:
    """Whether any of some cells is marked."""
    return bool((np.asarray(cells.indices) == len(cells.dictionary) - 1).any())


def source(same: NDArray[np.bool_], unit: NDArray[np.integer], patient: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row whose value each row has: itself, or where it is the same the last one before that has its own.

    -1 where no row before is about the same.
    """
    order = np.lexsort((unit, patient))
    begins = np.r_[True, (unit[order[1:]] != unit[order[:-1]]) | (patient[order[1:]] != patient[order[:-1]])]
    place = np.arange(len(order))
    own = np.maximum.accumulate(np.where(same[order], -1, place)) if len(order) else place
    first = np.maximum.accumulate(np.where(begins[: len(order)], place, 0))
    found = np.full(len(order), -1, np.int64)
    known = own >= first
    found[order[known]] = order[own[known]]
    return found


def filled(values: pa.Array, units: pa.Array, patient: NDArray[np.int64], rng: np.random.Generator) -> pa.Array:
    """Values with the one before wherever that is meant; without any, that of another row about the same."""
    texts = values.cast(pa.string())
    same = np.asarray(pc.equal(texts, AGAIN), bool)
    if not same.any():
        return values
    unit = np.asarray(units.cast(pa.string()).dictionary_encode().indices)
    found = source(same, unit, patient)
    for lost in np.flatnonzero(found < 0):
        others = np.flatnonzero((unit == unit[lost]) & ~same)
        found[lost] = rng.choice(others) if len(others) else lost
    taken = texts.take(pa.array(found))
    return pc.if_else(pc.equal(taken, AGAIN), "", taken)
