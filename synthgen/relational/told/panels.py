"""Which rows of a table come together under one parent, told as one label: the tests of a panel, the drugs of a visit.

A parent's own columns are drawn given its patient's rows before, so what is taken together, and how long ago and how
often it was, is decided there; the rows below only fill in what their panel holds.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.leveled import LeveledEncoder
from synthgen.relational.fold import OTHER
from synthgen.relational.rows import Rows

#: The share of parents with rows whose panel is told at least; else panels are no way to tell of these rows.
_COVERED: Final = 0.8
#: The commonest panels are told, and none of more rows.
_MOST: Final = 256
_LARGEST: Final = 128
#: Where anything may come, as often as it likes.
_ANY: Final = np.iinfo(np.int16).max


def told_together(
    subjects: pa.DictionaryArray, rows: Rows, whose: NDArray[np.int64], rare_below: int
) -> pa.DictionaryArray | None:
    """What comes together under each parent, one label each, ``OTHER`` where few patients share it.

    Args:
        subjects: what each row is about.
        whose: the patient of each parent.
        rare_below: a panel is told where at least so many patients have it.

    Returns:
        ``(n_parents,)``; ``None`` where too few parents share what they have.
    """
    texts, index = _distinct(subjects)
    below = np.flatnonzero(rows.parent >= 0)
    order = below[np.lexsort((index[below], rows.parent[below]))]
    parts = np.split(index[order], np.cumsum(rows.numbers)[:-1]) if rows.n_parents else []
    numbered: dict[bytes, int] = {}
    label = np.array([numbered.setdefault(part.tobytes(), len(numbered)) for part in parts], np.int64)
    pairs = np.unique(np.stack([label, whose], axis=1), axis=0)
    patients = np.bincount(pairs[:, 0], minlength=len(numbered))
    panels = [np.frombuffer(each, np.int64) for each in numbered]
    sizes = np.array([len(panel) for panel in panels])
    parents = np.bincount(label, minlength=len(numbered))
    shared = (patients >= rare_below) & (sizes <= _LARGEST)
    shared &= np.argsort(np.argsort(-np.where(shared, parents, -1), kind="stable")) < _MOST
    filled = sizes > 0
    if not filled.any() or parents[filled & shared].sum() < _COVERED * parents[filled].sum():
        return None
    names = [_label(texts[i] for i in panel) if told else OTHER for panel, told in zip(panels, shared, strict=True)]
    return (
        pa.DictionaryArray.from_arrays(pa.array(label.astype(np.int32)), pa.array(names, pa.string()))
        .cast(pa.string())
        .dictionary_encode()
    )


def _distinct(subjects: pa.DictionaryArray) -> tuple[list[str], NDArray[np.int64]]:
    """The texts in ascending order, and which each row holds."""
    texts = np.array(subjects.dictionary.to_pylist(), object)
    distinct, at = np.unique(texts, return_inverse=True)
    return distinct.tolist(), at[np.asarray(subjects.indices)].astype(np.int64)


def _label(texts: Iterable[str]) -> str:
    return json.dumps([*texts], ensure_ascii=False)


def held(label: str) -> tuple[str, ...] | None:
    """What a panel holds; ``None`` where the label tells of none. Raises ``ValueError`` where it is no label."""
    if label in (OTHER, ""):
        return None
    found = json.loads(label)
    if not isinstance(found, list) or len(found) > _LARGEST or not all(isinstance(text, str) for text in found):
        raise ValueError("a panel is no list of texts")
    return tuple(found)


def numbers_of(labels: pa.Array, otherwise: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rows the panel of each parent holds; where none is told, the number that is drawn."""
    encoded = labels if pa.types.is_dictionary(labels.type) else labels.dictionary_encode()
    sizes = [-1 if (panel := held(text)) is None else len(panel) for text in encoded.dictionary.to_pylist()]
    found = np.array([*sizes, -1], np.int64)[np.asarray(encoded.indices)]
    return np.where(found < 0, otherwise, found)


class Room:
    """What each patient's present panel still has room for, while rows come one after another.

    Patients are sorted as in ``synthgen.relational.told.history.History``.
    """

    def __init__(self, labels: pa.Array, encoder: LeveledEncoder, column: int, size: int, n: int) -> None:
        """Room for nothing yet.

        Args:
            labels: of every parent.
            encoder: of what the rows are about.
            column: the code column of that.
            size: of its domain.
            n: the number of patients.
        """
        self.column = column
        encoded = labels if pa.types.is_dictionary(labels.type) else labels.dictionary_encode()
        self._panel = np.append(np.asarray(encoded.indices).astype(np.int64), len(encoded.dictionary))
        self._numbers = np.full((len(encoded.dictionary) + 1, size), _ANY, np.int16)
        for at, text in enumerate(encoded.dictionary.to_pylist()):
            codes = [encoder.code(each) for each in held(text) or ()]
            if codes and min(codes) >= 0:
                self._numbers[at] = np.bincount(codes, minlength=size)
        self._left = np.full((n, size), _ANY, np.int16)

    def allowed(self, first: NDArray[np.bool_], parent: NDArray[np.int64]) -> NDArray[np.bool_]:
        """What the next row of the first patients may be about, ``(len(first), size)``.

        Args:
            first: whether the row is the first of its parent.
            parent: -1 for none.
        """
        begun = np.flatnonzero(first)
        self._left[begun] = self._numbers[self._panel[parent[begun]]]
        allowed = self._left[: len(first)] > 0
        allowed[~allowed.any(axis=1)] = True
        return allowed

    def fill(self, codes: NDArray[np.int32]) -> None:
        """Take the next row of the first patients: what each is about."""
        self._left[np.arange(len(codes)), codes] -= 1


def constituents(labels: Iterable[str]) -> list[tuple[int, ...]]:
    """What panels are made of: sets of labels, by their place, each the panels that hold one thing.

    Things that always come together count once.
    """
    holding: dict[str, list[int]] = {}
    for at, label in enumerate(labels):
        for text in sorted(set(held(label) or ())):
            holding.setdefault(text, []).append(at)
    return sorted({tuple(each) for each in holding.values()})
