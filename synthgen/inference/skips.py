"""Columns that are there for some labels of another one and for no other: a date of death where the stay ended in one.

Such are the skip patterns of forms and registers. Of a label that few have a model cannot be certain: one row in ten of
those who died would lack the day of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.inference.values import Values
from synthgen.schema.rules import expression as ex

#: So many rows have the column, and so many lack it.
_TELLING: Final = 30
#: Columns of more labels say what a row is about, not which part of a form it is.
_MOST_LABELS: Final = 12
#: No more columns are told so: rules on each row take time.
_MOST_RULED: Final = 12


@dataclass(frozen=True)
class Skip:
    """``column`` has a value where ``by`` is one of ``labels``, and nowhere else."""

    column: str
    by: str
    labels: tuple[str, ...]

    @property
    def rules(self) -> tuple[str, str]:
        """In the language of rules: where it is there, and where it may be."""
        by, there = ex.Column(self.by), ex.Not(ex.Missing(ex.Column(self.column)))
        among: ex.Expression = ex.OneOf((by,), tuple((ex.Text(label),) for label in self.labels))
        if len(self.labels) == 1:
            among = ex.Compare("==", by, ex.Text(self.labels[0]))
        return str(ex.Implies(among, there)), str(ex.Implies(there, among))


def find_skips(
    blocks: Iterable[pa.RecordBatch],
    columns: Sequence[str],
    tokens: Mapping[str, Sequence[str]],
    labelled: Mapping[str, Values],
    rare_below: int,
) -> list[Skip]:
    """The skip patterns of a table, each column by that of the fewest labels which tells.

    Args:
        columns: of the blocks, in order.
        tokens: the columns that may lack values, with the texts that mean missing there.
        labelled: columns of labels, with their distinct texts; one with a label of fewer than ``rare_below`` patients
            is left aside.
    """
    by = {
        name: of.stripped.to_pylist()
        for name, of in labelled.items()
        if of.complete and 1 < of.distinct <= _MOST_LABELS and bool((of.people >= rare_below).all())
    }
    if not by or not tokens:
        return []
    sizes = [len(texts) + 1 for texts in by.values()]
    lacking, rows = np.zeros((sum(sizes), len(tokens))), np.zeros(sum(sizes))
    for block in blocks:
        missing = np.stack([_among(block.column(columns.index(name)), of) for name, of in tokens.items()], axis=1)
        places = [_places(block.column(columns.index(name)), texts) for name, texts in by.items()]
        one_hot = np.concatenate(
            [np.equal.outer(place, np.arange(size)) for place, size in zip(places, sizes, strict=True)], axis=1
        ).astype(np.float32)
        lacking += one_hot.T @ missing.astype(np.float32)
        rows += one_hot.sum(axis=0)
    return _found(tuple(tokens), by, lacking, rows)


def _found(
    names: Sequence[str], by: Mapping[str, Sequence[str]], lacking: NDArray[np.float64], rows: NDArray[np.float64]
) -> list[Skip]:
    """Of each column the first of the columns of labels that tells, those of few labels first."""
    ends = np.cumsum([len(texts) + 1 for texts in by.values()])
    parts = {name: slice(int(end) - len(by[name]) - 1, int(end)) for name, end in zip(by, ends, strict=True)}
    skips = []
    for at, name in enumerate(names):
        for other in sorted(by, key=lambda each: len(by[each])):
            lacks, n = lacking[parts[other], at], rows[parts[other]]
            there = n - lacks
            settled = bool((np.minimum(lacks, there) == 0).all()) and there[-1] == 0
            if other != name and settled and min(there.sum(), lacks.sum()) >= _TELLING:
                labels = tuple(text for text, has in zip(by[other], there[:-1], strict=True) if has)
                skips.append(Skip(name, other, labels))
                break
    return skips[:_MOST_RULED]


def _among(cells: pa.DictionaryArray, tokens: Sequence[str]) -> NDArray[np.bool_]:
    """Which cells mean missing."""
    known = {*tokens, *(token.strip() for token in tokens)}
    told = np.array([text in known or text.strip() in known for text in cells.dictionary.to_pylist()], bool)
    return np.asarray(told[np.asarray(cells.indices)])


def _places(cells: pa.DictionaryArray, texts: Sequence[str]) -> NDArray[np.int64]:
    """The place of each cell's label; behind the last for what is none."""
    place = {text: at for at, text in enumerate(texts)}
    told = np.array([place.get(text.strip(), len(texts)) for text in cells.dictionary.to_pylist()], np.int64)
    return np.asarray(told[np.asarray(cells.indices)])
