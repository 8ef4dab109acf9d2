"""Smooth functions of the rank of a code, by which neighbouring codes of an ordered column share what is learned."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain, Scale

#: Cosines of a column: the first tells low from high, each further one adds detail. One for so many codes.
_COSINES: Final = 6
_CODES_PER_COSINE: Final = 8
#: How many functions a column has: the cosines and, first, whether a cell is on the scale at all.
WAVES: Final = 1 + _COSINES
#: The larger, the less it costs to learn what codes have in common rather than what is a single code's own. By trial.
_AMPLITUDE: Final = 1.0
#: With fewer codes on the scale there is nothing to share.
_FEWEST: Final = 3


def waves(domain: Domain, log_shares: NDArray[np.floating]) -> NDArray[np.float32]:
    """What each code is on the functions of its column, ``(WAVES, codes)``.

    First, where there are codes outside the scale (missing values, text results), whether a code is one of these, as
    1 or -1. Then cosines of each code's mid-rank among the training rows: orthonormal under the training distribution,
    as the first terms of a series for a density of ranks. 0 for codes outside the scale, for functions that a column of
    few codes has no room for, and for columns without a scale. All times one amplitude.

    Args:
        log_shares: the logarithm of each code's share, minus infinity for what was never seen, ``(codes,)``.
    """
    found = np.zeros((WAVES, domain.size), np.float32)
    on_scale = np.ones(domain.size, bool)
    on_scale[list(domain.special)] = False
    share = np.exp(log_shares, dtype=np.float64) * on_scale
    codes = int(on_scale.sum())
    if domain.system or codes < _FEWEST or not share.sum():
        return found
    if domain.special:
        found[0] = np.where(on_scale, -1.0, 1.0)
    if domain.scale is not Scale.NOMINAL:
        mid_rank = (np.cumsum(share) - share / 2) / share.sum()
        for k in range(1, min(_COSINES, max(1, codes // _CODES_PER_COSINE)) + 1):
            found[k] = np.sqrt(2) * np.cos(np.pi * k * mid_rank) * on_scale
    return _AMPLITUDE * found
