"""Columns cut into a few cells that come from the training set and are the same for every set compared."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Records, Variable
from synthgen.metrics.coding.calendar import iso


@dataclass(frozen=True)
class Cells:
    """How one column falls into cells: bins of numbers, commonest labels, "other", and missing last.

    Attributes:
        edges: inner edges of the bins, which are open at both ends and closed on the left; none where categorical.
        place: the cell of each code ``-1 .. len(labels)``, at index code + 1. For numbers (code 0) it is unused.
        size: the number of cells.
    """

    variable: Variable
    edges: NDArray[np.float64]
    place: NDArray[np.int64]
    size: int

    def of(self, records: Records) -> NDArray[np.int64]:
        """The cell of each record, shape ``(n,)``, from 0 to ``size - 1``."""
        cells = self.place[records.codes[self.variable.name].astype(np.int64) + 1]
        if self.variable.kind == "numeric":
            number = records.codes[self.variable.name] == 0
            values = records.numbers[self.variable.name][number]
            cells[number] = np.searchsorted(self.edges, values, side="right")
        return cells

    def named(self, place: int) -> str:
        """What a cell holds, in words; not for "other"."""
        name, ranges = self.variable.name, len(self.edges) + 1 if self.variable.kind == "numeric" else 0
        if place == self.size - 1:
            return f"{name} missing"
        if place >= ranges:
            (code,) = np.flatnonzero(self.place == place) - 1
            return f"{name} = {self.variable.labels[code - (ranges > 0)]}"
        edges = [iso(edge, self.variable.temporal) if self.variable.temporal else f"{edge:g}" for edge in self.edges]
        # A value that fills a range has an edge right behind itself.
        own = np.flatnonzero(np.diff(self.edges, prepend=-np.inf) <= np.spacing(np.abs(self.edges)))
        if place in own:
            return f"{name} = {edges[place - 1]}"
        low = f"{edges[place - 1]} {'<' if place - 1 in own else '<='} " if place > 0 else ""
        high = f" < {edges[place]}" if place < len(edges) else ""
        return f"{low}{name}{high}"


def cut(variables: Iterable[Variable], train: Records, *, bins: int = 10, top: int = 10) -> tuple[Cells, ...]:
    """The cells of each variable: ``bins`` quantile bins of its numbers, ``top`` commonest labels, other, missing.

    Patients weigh equally, however many rows they have.
    """
    weight = 1.0 / np.bincount(train.patient)[train.patient]
    return tuple(_cut(variable, train, weight, bins, top) for variable in variables)


def _cut(variable: Variable, train: Records, weight: NDArray[np.float64], bins: int, top: int) -> Cells:
    codes = train.codes[variable.name]
    edges = np.empty(0)
    first = 0
    if variable.kind == "numeric":
        number = codes == 0
        edges = quantile_edges(train.numbers[variable.name][number], weight[number], bins)
        first = len(edges) + 1
    labels = len(variable.labels)
    offset = 1 if variable.kind == "numeric" else 0
    known = codes >= offset
    seen = np.bincount(codes[known] - offset, weights=weight[known], minlength=labels)
    # Descending weight; the label's own order decides between equals, so the cells are always the same.
    common = np.argsort(-seen, kind="stable")[:top]
    common = common[seen[common] > 0]
    place = np.full(labels + 1 + offset, first + len(common), dtype=np.int64)
    place[common + 1 + offset] = first + np.arange(len(common))
    place[0] = first + len(common) + 1
    return Cells(variable, edges, place, first + len(common) + 2)


def quantile_edges(values: NDArray[np.float64], weight: NDArray[np.float64], bins: int) -> NDArray[np.float64]:
    """Inner edges of ``bins`` weighted quantile bins, ascending.

    A value that fills several quantiles gets a bin of its own; so a column that is nearly constant keeps two
    sides, and a constant one shows when it moves.
    """
    if not len(values):
        return np.empty(0)
    order = np.argsort(values, kind="stable")
    heaped = np.cumsum(weight[order])
    share = np.arange(1, bins) / bins * heaped[-1]
    at = values[order][np.minimum(np.searchsorted(heaped, share * (1 - 1e-12)), len(values) - 1)]
    edges, times = np.unique(at, return_counts=True)
    return np.unique(np.concatenate([edges, np.nextafter(edges[times > 1], np.inf)]))
