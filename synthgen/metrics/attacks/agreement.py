"""How much it says that two records agree where they do: agreement that is rare by chance says most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Records, Variable

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Agreement:
    """Weights of agreement in each column, from records that know nothing of either side.

    The weight of a column is minus the logarithm of the chance that a known record agrees with the first as well as the
    second does: has the same code, or a number no further away. Columns add up as if they were independent (Fellegi and
    Sunter 1969, Journal of the American Statistical Association 64:1183). A distance says that two patients who are
    both healthy are close; the weight says that this is nothing.
    """

    variables: Sequence[Variable]
    known: Records

    def of(self, first: Records, second: Records) -> Floats:
        """The weight of each pair of records, row by row."""
        total = np.zeros(first.n)
        for variable in self.variables:
            name = variable.name
            same = first.codes[name] == second.codes[name]
            chance = self._codes(first.codes[name], self.known.codes[name])
            if variable.kind == "numeric":
                both = np.isfinite(first.numbers[name]) & np.isfinite(second.numbers[name])
                chance[both] = self._numbers(name, first.numbers[name][both], second.numbers[name][both])
                same = same | both
            total -= np.log(np.where(same, chance, 1.0))
        return total

    def _codes(self, codes: NDArray[np.int32], known: NDArray[np.int32]) -> Floats:
        """The chance of each code; codes begin at -1."""
        counts = np.bincount(known + 1, minlength=int(codes.max(initial=-1)) + 2)
        return np.asarray((counts[codes + 1] + 1.0) / (len(known) + 1.0))

    def _numbers(self, name: str, first: Floats, second: Floats) -> Floats:
        """The chance of a number no further away."""
        known = self.known.numbers[name]
        known = np.sort(known[np.isfinite(known)])
        reach = np.abs(first - second)
        within = np.searchsorted(known, first + reach, side="right") - np.searchsorted(known, first - reach)
        return np.asarray((within + 1.0) / (self.known.n + 1.0))
