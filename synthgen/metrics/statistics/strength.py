"""How strongly two columns hang together, from sums alone, so that any number of sets is told at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def cramers_v(counts: NDArray[np.float64]) -> NDArray[np.float64]:
    """Cramer's V, corrected for bias (Bergsma 2013, J. Korean Statistical Society 42:323).

    Args:
        counts: of pairs of labels, shape ``(..., rows, columns)``.

    Returns:
        Shape ``(...)``; 0 where one of the columns is constant.
    """
    n = counts.sum(axis=(-2, -1))
    across, down = counts.sum(axis=-1), counts.sum(axis=-2)
    expected = across[..., :, None] * down[..., None, :]
    squares = np.divide(counts**2, expected, out=np.zeros_like(counts), where=expected > 0)
    phi = squares.sum(axis=(-2, -1)) - 1
    r, c = (across > 0).sum(axis=-1), (down > 0).sum(axis=-1)
    size = np.maximum(n - 1, 1)
    phi = np.clip(phi - (r - 1) * (c - 1) / size, 0, None)
    smaller = np.minimum(r - (r - 1) ** 2 / size, c - (c - 1) ** 2 / size) - 1
    return np.asarray(np.sqrt(np.clip(over(phi, smaller, n), 0, 1)))


def correlation_ratio(n: NDArray[np.float64], s: NDArray[np.float64], q: NDArray[np.float64]) -> NDArray[np.float64]:
    """How much of a number a label explains: the correlation ratio, corrected for bias (Kelley 1935, PNAS 21:554).

    Args:
        n, s, q: by label the count, the sum and the sum of squares of the numbers, shape ``(..., labels)``.

    Returns:
        Shape ``(...)``; 0 where the number is constant.
    """
    total = n.sum(axis=-1)
    mean = s.sum(axis=-1) / np.maximum(total, 1)
    whole = q.sum(axis=-1) - total * mean**2
    within = q.sum(axis=-1) - np.divide(s**2, n, out=np.zeros_like(s), where=n > 0).sum(axis=-1)
    freedom = total - (n > 0).sum(axis=-1)
    unexplained = over(within * (total - 1), whole * freedom, total, otherwise=1.0)
    return np.asarray(np.sqrt(np.clip(1 - unexplained, 0, 1)))


def over(
    above: NDArray[np.float64], below: NDArray[np.float64], n: NDArray[np.float64], otherwise: float = 0.0
) -> NDArray[np.float64]:
    """``above / below``, or ``otherwise`` where the column is constant up to rounding."""
    defined = below > 1e-9 * np.maximum(n, 1)
    return np.asarray(np.divide(above, below, out=np.full(np.shape(above), otherwise), where=defined))
