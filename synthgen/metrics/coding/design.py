"""Records as the matrix that a linear model reads."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix

from synthgen.metrics.base import Records, Variable
from synthgen.metrics.coding.cells import Cells, cut


@dataclass(frozen=True)
class Design:
    """One indicator a cell of each column: quantile bins, commonest labels, other, missing. Bins bend a line."""

    cells: tuple[Cells, ...]

    @classmethod
    def of(cls, variables: Iterable[Variable], train: Records, *, top: int = 30) -> Design:
        """The design whose cells come from the training set."""
        return cls(cut(variables, train, top=top))

    def matrix(self, records: Records) -> csr_matrix:
        """The indicators, shape ``(n, sum of cells)``."""
        sizes = np.array([each.size for each in self.cells], dtype=np.int64)
        first = np.cumsum(sizes) - sizes
        columns: NDArray[np.int64] = np.stack([each.of(records) for each in self.cells], axis=1) + first
        starts = np.arange(records.n + 1) * len(self.cells)
        return csr_matrix((np.ones(columns.size), columns.ravel(), starts), shape=(records.n, int(sizes.sum())))
