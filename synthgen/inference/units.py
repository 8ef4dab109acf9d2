"""Columns that say what the numbers of another column measure, so that these have a scale for each of its values.

And those that say which rows of a column hold numbers and which words: questions with answers among measurements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
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
#: A level of which this share of the rows has the same number has no scale.
_ONE_NUMBER: Final = 0.95
#: The share of rows that are numbers where the other rows of the same level are, and words where those are.
_TOLD: Final = 0.95
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
    values, groups = _columns(batches, numbers, labels, marks)
    found: dict[str, str] = {}
    for name, own in values.items():
        shares = _shares(own, groups)
        best = _best(shares, groups)
        if shares[best] >= _APART:
            found[name] = best
    return found


def find_questions(
    batches: Iterable[pa.RecordBatch],
    mixed: Mapping[str, Sequence[str]],
    labels: Sequence[str],
    marks: Format,
) -> dict[str, str]:
    """For each column of numbers and words the column that tells which it is in each row, where there is one.

    Of several, that on which the scale of the numbers depends most.

    Args:
        mixed: columns of numbers and words, each with its missing tokens.
        labels: columns of named levels.
        marks: decimal and thousands marks.
    """
    if not mixed or not labels:
        return {}
    values, groups = _columns(batches, [*mixed], labels, marks, mixed)
    found: dict[str, str] = {}
    for name, own in values.items():
        telling = {each: group for each, group in groups.items() if _tells(own, group)}
        if telling:
            found[name] = _best(_shares(own, telling), telling)
    return found


#: What stands for a word among numbers; what is missing is not a number.
_WORD: Final = np.inf


def _columns(
    batches: Iterable[pa.RecordBatch],
    numbers: Sequence[str],
    labels: Sequence[str],
    marks: Format,
    mixed: Mapping[str, Sequence[str]] | None = None,
) -> tuple[dict[str, NDArray[np.float64]], dict[str, NDArray[np.int64]]]:
    """The numbers and the levels of the first rows; where ``mixed`` has tokens, other texts are ``_WORD``."""
    values: dict[str, list[NDArray[np.float64]]] = {name: [] for name in numbers}
    levels: dict[str, list[pa.Array]] = {name: [] for name in labels}
    rows = 0
    for batch in batches:
        for name in numbers:
            values[name].append(_read(batch.column(name), marks, None if mixed is None else mixed[name]))
        for name in labels:
            levels[name].append(batch.column(name).cast(pa.string()))
        rows += batch.num_rows
        if rows >= _ROWS:
            break
    groups = {
        name: np.asarray(pa.chunked_array(parts, pa.string()).combine_chunks().dictionary_encode().indices, np.int64)
        for name, parts in levels.items()
    }
    return {name: np.concatenate([np.empty(0), *parts]) for name, parts in values.items()}, groups


def _shares(values: NDArray[np.float64], groups: Mapping[str, NDArray[np.int64]]) -> dict[str, float]:
    ranks = _ranks(np.where(np.isinf(values), np.nan, values))
    return {name: _between(ranks, group) for name, group in groups.items()}


def _best(shares: Mapping[str, float], groups: Mapping[str, NDArray[np.int64]]) -> str:
    return max(shares, key=lambda each: (round(shares[each], 2), -int(groups[each].max(initial=0))))


def _tells(values: NDArray[np.float64], group: NDArray[np.int64]) -> bool:
    """Whether the other rows of the same level tell of each row whether it holds a word."""
    known = ~np.isnan(values)
    word, group = np.isinf(values[known]).astype(np.int64), group[known]
    if len(word) < _FEWEST_ROWS or not 0 < word.sum() < len(word):
        return False
    others = np.bincount(group)[group] - 1
    share = (np.bincount(group, word)[group] - word) / np.maximum(others, 1)
    return float(((others > 0) & ((share > 0.5) == (word > 0))).mean()) >= _TOLD


def _read(cells: pa.DictionaryArray, marks: Format, missing: Sequence[str] | None) -> NDArray[np.float64]:
    texts = cells.dictionary.to_pylist()
    plain, _ = plain_numbers(texts, marks)
    sound = np.asarray(pc.match_substring_regex(plain, _NUMBER), bool)
    values = np.full(len(plain), np.nan)
    if missing is not None:
        values[[text.strip() not in missing for text in texts]] = _WORD
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


def _has_one_number(ranks: NDArray[np.float64], group: NDArray[np.integer]) -> NDArray[np.bool_]:
    """For each row whether hardly any of its group has another number than the commonest of it; ranks hold no nan."""
    halves = np.int64(2 * len(ranks) + 2)  # ranks are multiples of a half
    cells, counts = np.unique(group * halves + (2 * ranks).astype(np.int64), return_counts=True)
    commonest = np.zeros(int(group.max(initial=0)) + 1, np.int64)
    np.maximum.at(commonest, cells // halves, counts)
    return np.asarray((commonest >= _ONE_NUMBER * np.bincount(group, minlength=len(commonest)))[group], bool)


def _between(ranks: NDArray[np.float64], group: NDArray[np.integer]) -> float:
    """The share of the variance between groups; 0 where there are too many, or too few rows.

    A group that has one number (no days in hospital of those who were not admitted, 1 for the first diagnosis) has no
    scale to tell apart, so it is left aside.
    """
    known = ~np.isnan(ranks)
    own, group = ranks[known], group[known]
    varied = ~_has_one_number(own, group)
    own, group = own[varied], group[varied]
    n_groups = len(np.unique(group))
    if len(own) < _FEWEST_ROWS or not 1 < n_groups <= min(_MOST_LEVELS, len(own) // 10):
        return 0.0
    counts = np.bincount(group)
    sums = np.bincount(group, own)
    whole = float(((own - own.mean()) ** 2).sum())
    between = float((counts[counts > 0] * (sums[counts > 0] / counts[counts > 0] - own.mean()) ** 2).sum())
    return between / whole if whole else 0.0
