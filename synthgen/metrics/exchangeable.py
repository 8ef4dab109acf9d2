"""Whether training and holdout patients could have been dealt at random: the footing of lines that compare them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Records, Variable
from synthgen.metrics.equal import too_few
from synthgen.metrics.identity import pooled, without_repeats
from synthgen.metrics.statistics.permutation import standard_deviation, training_sums
from synthgen.metrics.unanswered import NO_HOLDOUT

#: Below this p the lines that compare training with holdout records have no answer.
LIMIT = 0.01
PERMUTATIONS = 399
#: The most frequent levels of a column that are looked at, missing among them.
LEVELS = 10


def obstacle(comparison: Comparison) -> str:
    """Why lines that compare training with holdout records have no answer here; empty where nothing stands against it.

    Reasons are: no holdout, no variable, too few patients in a set, or training and holdout patients that
    differ by more than chance (p below 0.01), since then a distance to either says nothing about leaks.
    """
    if comparison.holdout is None:
        return NO_HOLDOUT
    if not comparison.variables:
        return "there is no variable to compare"
    reason = too_few(comparison)
    if reason:
        return reason
    unit = "patients" if comparison.clustered else "rows"
    holdout = comparison.holdout
    p = comparison.once("difference", lambda: difference(comparison.variables, comparison.train, holdout))
    if p < LIMIT:
        return f"training and holdout {unit} differ by more than chance (p = {p:.3f}): compare random splits of one set"
    return ""


def difference(variables: tuple[Variable, ...], train: Records, holdout: Records) -> float:
    """p-value that training and holdout patients are exchangeable.

    The statistic is the largest standardised difference, over the mean of every number, the rate of the ten most
    frequent levels of every column, and the number of records of a patient; the null is the permutation of patients
    (Westfall and Young 1993, max-T). What a patient repeats counts once.
    """
    both = pooled(train, holdout)
    both = both.take(without_repeats(variables, both))
    training, patients = train.n_patients, both.n_patients
    rows = np.bincount(both.patient)
    columns = [rows.astype(np.float64)]
    columns += [
        np.bincount(both.patient, cell, minlength=patients) / rows
        for variable in variables
        for cell in _cells(variable, both)
    ]
    weights = np.array(columns).T
    spread = standard_deviation(weights, training)
    weights = (weights - weights.mean(axis=0))[:, spread > 0] / spread[spread > 0]
    if not weights.shape[1]:
        return 1.0
    observed = np.abs(weights[:training].sum(axis=0)).max()
    # A generator of its own: the lines that ask must all hear the same answer.
    draws = training_sums(weights, training, PERMUTATIONS, np.random.default_rng(0))
    return float((1 + np.sum(np.abs(draws).max(axis=1) >= observed * (1 - 1e-9))) / (1 + PERMUTATIONS))


def _cells(variable: Variable, records: Records) -> Iterator[NDArray[np.float64]]:
    """What is averaged over a patient's records: the standardised number, and whether the cell is each level."""
    codes = records.codes[variable.name]
    if variable.kind == "numeric":
        numbers = records.numbers[variable.name]
        has = np.isfinite(numbers)
        spread = float(numbers[has].std()) if has.any() else 0.0
        if spread > 0:
            yield np.where(has, (numbers - numbers[has].mean()) / spread, 0.0)
    levels, counts = np.unique(codes, return_counts=True)
    for level in levels[np.argsort(-counts, kind="stable")][:LEVELS]:
        yield (codes == level).astype(np.float64)
