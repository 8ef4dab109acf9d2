"""Which rows ask for what a model can generate at all, column by column."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain
from synthgen.errors import NotApplicable
from synthgen.models.base import Given, fixes


def possible(given: Given, seen: Sequence[NDArray[np.bool_]], n: int) -> NDArray[np.bool_]:
    """Rows that ask of each column for something that it can be, shape ``(n,)``.

    Args:
        seen: of each column, which of its codes may be generated, shape ``(size,)``.
    """
    result = np.ones(n, bool)
    for column, condition in given.items():
        if fixes(condition):
            result &= (condition == UNOBSERVED) | seen[column][condition]
        else:
            result &= np.logical_and(np.atleast_2d(condition), seen[column]).any(axis=1)
    return result


def require_possible(given: Given, seen: Sequence[NDArray[np.bool_]], domains: Sequence[Domain], n: int) -> None:
    """Refuse what some row asks for in vain, whatever the other columns are: drawing on would never find it.

    Raises:
        NotApplicable: names the columns that something is asked of.
    """
    if not possible(given, seen, n).all():
        names = ", ".join(sorted({domains[column].owner for column in given}))
        raise NotApplicable(f"the model never generates what is asked of {names}")
