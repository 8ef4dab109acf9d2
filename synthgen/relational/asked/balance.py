"""Groups made equally frequent, as ``--balance`` asks: which there are, and which each patient belongs to."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.errors import InputError

#: Groups that the model would hardly ever generate by itself are no groups of the source.
_FEWEST: Final = 1e-4
_MOST_GROUPS: Final = 1000


@dataclass(frozen=True, eq=False)
class Balance:
    """The groups among which patients are shared out equally.

    Attributes:
        columns: the code columns whose combinations the groups are.
        groups: int32 ``(n_groups, len(columns))``, the codes of each group.
    """

    columns: tuple[int, ...]
    groups: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        columns: Sequence[int],
        domains: Sequence[Domain],
        masks: Mapping[int, NDArray[np.bool_]],
        log_mass: Callable[[Mapping[int, NDArray[np.int32]], int], NDArray[np.float64]],
    ) -> Balance:
        """All combinations of levels that the model generates; missing is no level.

        Args:
            masks: the codes that conditions allow.
            log_mass: the logarithm of the probability of fixed codes of some columns, for so many rows.

        Raises:
            InputError: there are too many combinations, or fewer than two that the model generates.
        """
        levels = []
        for column in columns:
            allowed = masks.get(column, np.ones(domains[column].size, bool)).copy()
            allowed[list(domains[column].special)] = False
            levels.append(np.flatnonzero(allowed))
        names = ", ".join(domains[column].owner for column in columns)
        if (n := int(np.prod([len(each) for each in levels]))) > _MOST_GROUPS:
            raise InputError(f"--balance {names}: {n} groups are more than {_MOST_GROUPS}; name fewer columns")
        groups = np.array(list(product(*levels)), np.int32).reshape(-1, len(columns))
        if len(groups):
            log_shares = log_mass({column: groups[:, at] for at, column in enumerate(columns)}, len(groups))
            groups = groups[log_shares >= np.log(_FEWEST)]
        if len(groups) < 2:
            raise InputError(f"--balance {names}: the model generates fewer than two groups; name other columns")
        return cls(tuple(columns), groups)

    def deal(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """A group for each of ``n`` patients, ``(n,)``: as many to each as can be, in random order."""
        return np.asarray(rng.permutation(np.arange(n) % len(self.groups)), np.int64)

    def given(self, group: NDArray[np.int64]) -> dict[int, NDArray[np.int32]]:
        """The codes of patients of these groups, by column."""
        return {column: self.groups[group, at] for at, column in enumerate(self.columns)}
