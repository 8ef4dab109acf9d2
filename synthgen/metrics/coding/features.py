"""Records as the matrix that a boosted classifier reads, in a coding shared by every set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Records, Variable

#: Labels kept of a column; histogram boosting takes at most 255 categories.
LEVELS = 200


@dataclass(frozen=True)
class Features:
    """The columns of the matrix: numbers as they are, with NaN; labels as small integers.

    Attributes:
        numeric: variables that give a column of numbers.
        coded: variables that give a column of labels: every categorical one, and numeric ones with text results.
        place: for each coded variable the category of each code ``-1 .. ``, at index code + 1: 0 missing, then the
            commonest labels, all others sharing the last.
    """

    numeric: tuple[Variable, ...]
    coded: tuple[Variable, ...]
    place: tuple[NDArray[np.int64], ...]

    @classmethod
    def of(cls, variables: Iterable[Variable], sets: Iterable[Records]) -> Features:
        """The coding whose labels are the commonest over all ``sets`` together."""
        listed, pooled = tuple(variables), tuple(sets)
        numeric = tuple(v for v in listed if v.kind == "numeric")
        coded = tuple(v for v in listed if v.kind == "categorical" or v.labels)
        return cls(numeric, coded, tuple(_place(v, pooled) for v in coded))

    @property
    def names(self) -> tuple[str, ...]:
        """The variable of each column of the matrix."""
        return tuple(v.name for v in self.numeric + self.coded)

    @property
    def categorical(self) -> NDArray[np.bool_]:
        """Which columns of the matrix are labels."""
        return np.arange(len(self.names)) >= len(self.numeric)

    def matrix(self, records: Records) -> NDArray[np.float64]:
        """The features of each record, shape ``(n, columns)``."""
        found = np.empty((records.n, len(self.names)), order="F")
        for k, variable in enumerate(self.numeric):
            found[:, k] = records.numbers[variable.name]
        for k, (variable, place) in enumerate(zip(self.coded, self.place, strict=True), start=len(self.numeric)):
            found[:, k] = place[records.codes[variable.name] + 1]
        # An infinite number is not a missing one, and the classifier refuses it.
        return np.nan_to_num(found, nan=np.nan, copy=False)


def learnable(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """The matrix with 0 in columns that hold nothing but NaN, which boosting refuses: constant, they teach nothing."""
    return np.where(np.isnan(matrix).all(axis=0), 0.0, matrix)


def _place(variable: Variable, sets: tuple[Records, ...]) -> NDArray[np.int64]:
    levels = len(variable.labels) + (1 if variable.kind == "numeric" else 0)
    codes = np.concatenate([records.codes[variable.name] for records in sets])
    counts = np.bincount(codes[codes >= 0], minlength=max(levels, 1))
    common = np.argsort(-counts, kind="stable")[:LEVELS]
    place = np.full(len(counts) + 1, len(common) + 1, dtype=np.int64)
    place[common + 1] = 1 + np.arange(len(common))
    place[0] = 0
    return place
