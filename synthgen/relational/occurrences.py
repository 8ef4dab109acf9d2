"""What a model takes records for: how often each record has each code."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synthgen.encoding.domain import Domain
from synthgen.models.base import Codes


def columns_of(domains: Sequence[Domain]) -> NDArray[np.int64]:
    """Of each code of some code columns, one after the other, which column it is of."""
    return np.repeat(np.arange(len(domains)), [domain.size for domain in domains])


def occurrences(
    codes: Codes, domains: Sequence[Domain], record: NDArray[np.int64] | None = None, n_records: int | None = None
) -> csr_array:
    """How often each record has each code, ``(n_records, sum of sizes)``; what is unobserved is none.

    Args:
        codes: ``(rows, len(domains))``.
        record: whose row each row is; each is a record by itself where left out.
    """
    whose = np.arange(len(codes)) if record is None else record
    starts = np.cumsum([0, *(domain.size for domain in domains)])
    row, column = np.nonzero(codes >= 0)
    places = whose[row], starts[column] + codes[row, column]
    return csr_array((np.ones(len(row)), places), shape=(n_records or len(codes), int(starts[-1])))
