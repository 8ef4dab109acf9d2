"""A table whose law is known: fresh draws from it are what a perfect generator gives."""

from __future__ import annotations

from typing import Any

import numpy as np

from synthgen.metrics.base import Comparison
from tests.metrics.build import comparison

N = 1500


def draw(seed: int, n: int = N) -> dict[str, Any]:
    """Severity drives two labs, the ward and the outcome; one lab is missing because of the outcome."""
    rng = np.random.default_rng(seed)
    severity = rng.normal(size=n)
    died = rng.random(n) < 1 / (1 + np.exp(-2 * severity))
    crp = np.exp(severity + rng.normal(0, 0.5, n))
    crp[rng.random(n) < np.where(died, 0.7, 0.1)] = np.nan
    return {
        "crp": crp,
        "lactate": severity + rng.normal(0, 0.5, n),
        "age": rng.integers(20, 90, n),
        "ward": np.where(severity + rng.normal(0, 0.5, n) > 1, "icu", "general"),
        "sex": rng.choice(["f", "m"], n),
        "died": np.where(died, "yes", "no"),
    }


def shuffled(columns: dict[str, Any], seed: int) -> dict[str, Any]:
    """Every column by itself in another order."""
    rng = np.random.default_rng(seed)
    return {name: rng.permutation(values) for name, values in columns.items()}


def against(synthetic: dict[str, Any], seed: int = 0) -> Comparison:
    """The synthetic columns beside fresh training and holdout records."""
    return comparison(draw(1000 + seed), draw(2000 + seed), synthetic, target="died")
