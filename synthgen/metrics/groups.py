"""The groups of people by which it is asked whether everyone is served alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Records, Variable

#: Groups of fewer training patients than this are not assessed: what is said of them would be chance, and about them.
FEWEST = 50


@dataclass(frozen=True)
class Group:
    """The records that have these codes in these variables; -1 where the cell is missing."""

    variables: tuple[Variable, ...]
    codes: tuple[int, ...]

    @property
    def name(self) -> str:
        """``sex = f`` or ``race = Asian, sex = f``."""
        pairs = zip(self.variables, self.codes, strict=True)
        return ", ".join(f"{v.name} = {v.labels[code] if code >= 0 else '(missing)'}" for v, code in pairs)

    def of(self, records: Records) -> NDArray[np.bool_]:
        """Which records are in the group, shape ``(n,)``."""
        inside = np.ones(records.n, dtype=bool)
        for variable, code in zip(self.variables, self.codes, strict=True):
            inside &= records.codes[variable.name] == code
        return inside

    def patients(self, records: Records) -> int:
        """How many patients have a record in the group."""
        return records.patients_at(self.of(records))


def groups(comparison: Comparison, fewest: int = FEWEST) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Groups of each declared column and of each pair of them: those that can be assessed, and those too small for it.

    A group can be assessed where ``fewest`` training patients are in it and as many are not. Groups are those that the
    training set has.

    Raises:
        NotApplicable: the schema names no groups, none is compared, or none can be assessed.
    """
    if not comparison.groups:
        raise NotApplicable("the schema names no groups")
    by_name = {v.name: v for v in comparison.variables if v.kind == "categorical"}
    named = [by_name[name] for name in comparison.groups if name in by_name]
    if not named:
        raise NotApplicable("no column of the groups is among the compared ones")
    found = [group for size in (1, 2) for some in combinations(named, size) for group in _of(some, comparison.train)]
    whole = comparison.train.n_patients
    large = {group: fewest <= group.patients(comparison.train) for group in found}
    assessed = tuple(group for group in found if large[group] and whole - group.patients(comparison.train) >= fewest)
    if not assessed:
        raise NotApplicable(f"no group has {fewest} training patients in it and {fewest} outside it")
    return assessed, tuple(group for group in found if not large[group])


def _of(variables: tuple[Variable, ...], records: Records) -> list[Group]:
    codes = np.stack([records.codes[v.name].astype(np.int64) for v in variables])
    return [Group(variables, tuple(int(code) for code in each)) for each in np.unique(codes, axis=1).T]
