"""Permutation of patient labels: what a statistic of training against holdout patients does by chance."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import hypergeom, norm

#: Labels held at a time.
BLOCK_LABELS = 2**22


def training_sums(
    weights: NDArray[np.float64], training: int, permutations: int, rng: np.random.Generator
) -> NDArray[np.float64]:
    """Sums of ``weights`` over ``training`` patients chosen at random, shape ``(permutations, n_weights)``.

    Under the hypothesis that training and holdout patients are exchangeable, a sum over the training patients is one
    more such draw, so its p-value is (1 + draws at least as extreme) / (1 + draws), which is exact.

    ``weights`` has shape ``(n_patients, n_weights)``.
    """
    patients = len(weights)
    # Drawing the smaller side is cheaper; the sums of the two sides add up to the sum of all.
    drawn = min(training, patients - training)
    sums = np.empty((permutations, weights.shape[1]))
    block = max(1, BLOCK_LABELS // patients)
    for start in range(0, permutations, block):
        labels = np.zeros((min(block, permutations - start), patients))
        for row in labels:
            row[rng.choice(patients, drawn, replace=False, shuffle=False)] = 1.0
        sums[start : start + len(labels)] = labels @ weights
    return sums if drawn == training else weights.sum(axis=0) - sums


def standard_deviation(weights: NDArray[np.float64], training: int) -> NDArray[np.float64]:
    """The exact standard deviation of those sums, shape ``(n_weights,)``: sampling without replacement."""
    patients = len(weights)
    scatter = ((weights - weights.mean(axis=0)) ** 2).sum(axis=0)
    return np.asarray(np.sqrt(training * (patients - training) / (patients * (patients - 1)) * scatter))


def excess_p(training_hits: int, holdout_hits: int, training: int, holdout: int) -> float:
    """One-sided p-value that this many of the patients that were hit are training patients: exact.

    Under permutation of the patients' labels the number of training patients among those hit is hypergeometric.
    """
    hits = training_hits + holdout_hits
    return float(hypergeom.sf(training_hits - 1, training + holdout, training, hits))


def detectable_hits(holdout_hits: int, training: int, holdout: int, limit: float, power: float = 0.8) -> int | None:
    """How many training patients must be hit, beyond chance, for ``excess_p`` to fall below ``limit``.

    Chance hits training patients at the rate of the holdout. The number of hits is what is reached with probability
    ``power`` by normal approximation to the spread of the chance hits. ``None`` where hitting all is not enough.
    """
    rate = (holdout_hits + 0.5) / (holdout + 1.0) if holdout_hits else 0.0
    chance = rate * training
    low, high = 0, int(training - np.ceil(chance))
    if excess_p(training, holdout_hits, training, holdout) >= limit:
        return None
    while low < high:
        middle = (low + high) // 2
        if excess_p(int(chance) + middle, holdout_hits, training, holdout) < limit:
            high = middle
        else:
            low = middle + 1
    spread = np.sqrt(chance * (1 - rate) * (1 + training / holdout))
    needed = low + int(np.ceil(norm.ppf(power) * spread))
    return needed if needed <= training else None
