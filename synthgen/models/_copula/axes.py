"""Code columns as axes of a latent space: whether a value is there, and which it is, each on an axis of its own.

A code column with special codes (reasons for missing, text results) becomes two axes: a *presence* axis whose levels
are "a regular code" and each special code, and a *value* axis whose levels are the regular codes, unobserved where a
special code stands. So why a value is missing has correlations of its own, apart from those of the value.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale


@dataclass(frozen=True)
class Axis:
    """One latent dimension.

    Attributes:
        column: the code column.
        codes: for each level the codes that it stands for; on a presence axis level 0 may stand for several.
        size: of the column's domain.
        ordered: whether the levels have an order of their own; otherwise one has to be found.
        presence: whether it is a presence axis.
        groups: coarser groups of the levels, such as the chapters of codes; empty where there are none.
        target: whether the column is to be predicted.
    """

    column: int
    codes: tuple[tuple[int, ...], ...]
    size: int
    ordered: bool
    presence: bool
    groups: tuple[int, ...] = ()
    target: bool = False

    @property
    def n_levels(self) -> int:
        return len(self.codes)

    @cached_property
    def level_of_code(self) -> NDArray[np.int64]:
        """The level of each code, then that of ``UNOBSERVED`` (reached by index -1): -1 where there is none."""
        levels = np.full(self.size + 1, UNOBSERVED, np.int64)
        for level, codes in enumerate(self.codes):
            levels[list(codes)] = level
        return levels


def axes_of(domains: Sequence[Domain]) -> tuple[Axis, ...]:
    """The axes of all columns; a column with a single code has none."""
    axes: list[Axis] = []
    for column, domain in enumerate(domains):
        regular = tuple(code for code in range(domain.size) if code not in set(domain.special))
        presence = ((regular,) if regular else ()) + tuple((code,) for code in domain.special)
        if len(presence) > 1:
            axes.append(Axis(column, presence, domain.size, ordered=False, presence=True, target=domain.target))
        if len(regular) > 1:
            groups = tuple(domain.parents[0][code] for code in regular) if domain.parents else ()
            values = tuple((code,) for code in regular)
            ordered = domain.scale is not Scale.NOMINAL
            axes.append(Axis(column, values, domain.size, ordered, False, groups, domain.target))
    return tuple(axes)
