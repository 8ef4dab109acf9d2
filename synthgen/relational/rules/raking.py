"""Which codes are taken how often, so that rows that obey rules keep the margins of the model.

Rejection alone selects: what obeys by nature becomes more frequent. The model's margins came from real rows, which obey
and have these margins all the same. Of all distributions that obey and have them, the nearest to the model (by Kullback
and Leibler's divergence) is the model's, among rows that obey, times one weight for each code of each column (Csiszar
1975, I-divergence geometry); the weights are found by iterative proportional fitting (Deming and Stephan 1940), and a
draw is looked at with a probability in proportion to the product of its codes' weights.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.models.base import Codes

#: Neighbouring codes are weighted together, so that each group holds about this share of rows at least.
_GROUPS: Final = 10
_ROUNDS: Final = 30
#: High weights are cut where no more than this share of rows would be missing for it, or at so many times the mean:
#: where rows that obey cannot have the margins, the weights would grow without end.
_CUT: Final = 0.03
_HIGHEST: Final = 5.0


@dataclass(frozen=True, eq=False)
class Raking:
    """How often draws are looked at, by their codes.

    Attributes:
        weights: by code column, of each code.
        most: what a product of weights counts as one at.
    """

    weights: Mapping[int, NDArray[np.float64]]
    most: float

    @classmethod
    def of(cls, wanted: Codes, found: Codes, domains: Sequence[Domain], columns: Sequence[int]) -> Raking:
        """The weights by which rows that were found to obey have the margins of others.

        Args:
            wanted: codes as the model draws them, ``(n, len(domains))``.
            found: the same, of rows that obey.
            columns: those that are weighted.
        """
        groups = {column: _groups(wanted[:, column], domains[column]) for column in columns}
        weights = {column: np.ones(domains[column].size) for column in columns}
        of_row = np.ones(len(found))
        for _ in range(_ROUNDS):
            for column, group in groups.items():
                size = int(group.max(initial=0)) + 1
                there = np.bincount(group[wanted[:, column]], minlength=size) / max(len(wanted), 1)
                here = np.bincount(group[found[:, column]], of_row, minlength=size) / max(of_row.sum(), 1e-300)
                factor = np.divide(there, here, out=np.ones(size), where=(here > 0) & (there > 0))[group]
                weights[column] *= factor
                of_row *= factor[found[:, column]]
        return cls(weights, _most(of_row))

    def accepted(self, codes: Codes) -> NDArray[np.float64]:
        """How probable each row of codes is to be looked at, from 0 to 1."""
        product = np.ones(len(codes))
        for column, weight in self.weights.items():
            product *= weight[codes[:, column]]
        return np.minimum(product / self.most, 1.0)


def _groups(codes: NDArray[np.int32], domain: Domain) -> NDArray[np.int64]:
    """The group of each code of a column: neighbours, but for those that mean missing, which stand alone."""
    counts = np.bincount(codes, minlength=domain.size).astype(np.float64)
    known = np.ones(domain.size, bool)
    known[list(domain.missing)] = False
    counts[~known] = 0
    before = (np.cumsum(counts) - counts) / max(counts.sum(), 1.0)
    group: NDArray[np.int64] = np.floor(before * _GROUPS).astype(np.int64)
    group[~known] = _GROUPS + 1 + np.arange(int((~known).sum()))
    return group


def _most(weights: NDArray[np.float64]) -> float:
    """The lowest bound above which little of the sum of some weights is, if it is not too high."""
    if not len(weights):
        return 1.0
    ordered = np.sort(weights)
    above = np.cumsum(ordered[::-1])[::-1] - ordered * np.arange(len(ordered), 0, -1)
    return float(min(ordered[np.argmax(above <= _CUT * ordered.sum())], _HIGHEST * ordered.mean()))
