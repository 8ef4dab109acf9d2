"""Columns that say what the numbers of another column measure, so that these have a scale for each of its values."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.numeric import plain_numbers
from synthgen.schema.config import Format

#: Rows that are looked at.
_ROWS: Final = 200_000
_FEWEST_ROWS: Final = 200
#: The share of the variance of ranks that lies between the values of the other column.
_APART: Final = 0.6
_MOST_LEVELS: Final = 1000
_NUMBER: Final = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def find_units(
    batches: Iterable[pa.RecordBatch], numbers: Sequence[str], labels: Sequence[str], marks: Format
) -> dict[str, str]:
    """For each column of numbers the column on which its scale depends, where there is one.

    It does where most of the variance of its ranks lies between the values of the other: weights and temperatures in
    one column are told apart by their names.

    Args:
        numbers: columns of numbers.
        labels: columns of named levels.
        marks: decimal and thousands marks.
    """
    if not numbers or not labels:
        return {}
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in numbers}
    levels: dict[str, list[pa.Array]] = {name: [] for name in labels}
    rows = 0
    for batch in batches:
        for name in numbers:
            values[name].append(_read(batch.column(name), marks))
        for name in labels:
            levels[name].append(batch.column(name).cast(pa.string()))
        rows += batch.num_rows
        if rows >= _ROWS:
            break
    if rows < _FEWEST_ROWS:
        return {}
    groups = {
        name: np.asarray(pa.chunked_array(parts).combine_chunks().dictionary_encode().indices)
        for name, parts in levels.items()
    }
    found: dict[str, str] = {}
    for name in numbers:
        ranks = _ranks(np.concatenate(values[name]))
        shares = {each: _between(ranks, group) for each, group in groups.items()}
        best = max(labels, key=lambda each: (round(shares[each], 2), -int(groups[each].max(initial=0))))
        if shares[best] >= _APART:
            found[name] = best
    return found


def _read(cells: pa.DictionaryArray, marks: Format) -> NDArray[np.float64]:
    plain, _ = plain_numbers(cells.dictionary.to_pylist(), marks)
    sound = np.asarray(pc.match_substring_regex(plain, _NUMBER), bool)
    values = np.full(len(plain), np.nan)
    values[sound] = np.asarray(plain.filter(pa.array(sound)).cast(pa.float64()))
    return np.asarray(values[np.asarray(cells.indices)])


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks with ties in the middle; not a number stays so."""
    known = np.flatnonzero(~np.isnan(values))
    _, place, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    ranks = np.full(len(values), np.nan)
    ranks[known] = (ends - (counts - 1) / 2)[place]
    return ranks


def _between(ranks: NDArray[np.float64], group: NDArray[np.integer]) -> float:
    """The share of the variance between groups; 0 where there are too many, or too few rows."""
    known = ~np.isnan(ranks)
    own, group = ranks[known], group[known]
    n_groups = len(np.unique(group))
    if len(own) < _FEWEST_ROWS or not 1 < n_groups <= min(_MOST_LEVELS, len(own) // 10):
        return 0.0
    counts = np.bincount(group)
    sums = np.bincount(group, own)
    whole = float(((own - own.mean()) ** 2).sum())
    between = float((counts[counts > 0] * (sums[counts > 0] / counts[counts > 0] - own.mean()) ** 2).sum())
    return between / whole if whole else 0.0
