"""Intervals from random halves of the patients, right both where two sets agree and where they differ."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import t

from synthgen.metrics.base import Records

#: Halvings, and how many where so many figures are taken of each that they take most of the time.
HALVINGS, FEW_HALVINGS, MANY_FIGURES = 40, 20, 5000
#: With fewer groups of patients than this, a variance is a guess.
FEWEST_GROUPS = 8


@dataclass(frozen=True)
class Halves:
    """Random halvings of each set's patients.

    A distance such as total variation is biased upwards by sampling, so a bootstrap, which samples once more, is
    centred too high; and where the sets agree it is not smooth, so the jackknife is too wide. Two disjoint halves
    of the patients are two independent experiments of half the size: half the squared difference of what they say
    estimates the variance at half size, and a quarter of it the variance at full size, in either case.

    Attributes:
        chosen: shape ``(1 + 2 * halvings, groups)``: which groups of patients belong to the whole (first row), to
            the first halves, and to the second halves, as 0 or 1.
    """

    chosen: NDArray[np.float64]

    @classmethod
    def draw(
        cls, sets: tuple[Records, ...], rng: np.random.Generator, *, groups: int = 40, halvings: int = HALVINGS
    ) -> Halves:
        """Halvings for sets of these patients, of as many groups as the smallest set allows, always an even number."""
        patients = min(records.n_patients for records in sets)
        groups = max(2, min(groups, patients) // 2 * 2)
        first = np.argsort(rng.random((halvings, groups)), axis=1) < groups // 2
        return cls(np.concatenate([np.ones((1, groups)), first, ~first]).astype(np.float64))

    @classmethod
    def of_columns(cls, sets: tuple[Records, ...], columns: int, rng: np.random.Generator) -> Halves:
        """Halvings where every pair of so many columns has a figure: fewer for wide tables, whose cost is in them."""
        wide = columns * (columns - 1) // 2 > MANY_FIGURES
        return cls.draw(sets, rng, halvings=FEW_HALVINGS if wide else HALVINGS)

    @property
    def groups(self) -> int:
        return int(self.chosen.shape[1])

    def assign(self, records: Records, rng: np.random.Generator) -> NDArray[np.int64]:
        """The group of each record: patients at random, in groups of equal numbers."""
        present, dense = np.unique(records.patient, return_inverse=True)
        return (rng.permutation(len(present)) % self.groups)[dense].astype(np.int64)

    def sums(self, group: NDArray[np.int64], cell: NDArray[np.int64], cells: int) -> NDArray[np.float64]:
        """Records by cell in the whole and in every half, shape ``(1 + 2 * halvings, cells)``."""
        counts = np.bincount(group * cells + cell, minlength=self.groups * cells)
        return np.asarray(self.chosen @ counts.reshape(self.groups, cells))

    def chance(self, differences: NDArray[np.float64]) -> NDArray[np.float64]:
        """What the differences of two sets, shape ``(1 + 2k, ...)``, would be by chance alone, shape ``(k, ...)``.

        Half the difference between two disjoint halves varies as the whole does, around zero, and does not depend on
        what the whole is.
        """
        first, second = np.split(differences[1:], 2)
        return np.asarray((first - second) / 2)

    def noise(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """How far chance moves figures, ``(1 + 2k, n)``: in nineteen of twenty cases all n at once stay within that."""
        reach = t.ppf(1 - 0.025 / max(values.shape[1], 1), max(self.groups - 1, 1))
        return np.asarray(reach * np.std(self.chance(values), axis=0))

    def interval(
        self,
        values: NDArray[np.float64],
        low: float = -np.inf,
        high: float = np.inf,
        tail: float = 0.025,
        chance: NDArray[np.float64] | None = None,
    ) -> tuple[float, float] | None:
        """95 % interval of the expected value, from the figure of the whole and of every half, shape ``(1 + 2k,)``.

        Of a distance that is small by chance the halves say too little: their differences from the whole then nearly
        cancel, so that the smallest distances have the narrowest intervals. ``chance`` is the distance that each
        draw of ``Halves.chance`` makes, which does not depend on the distance found; the larger error counts.

        It leaves ``tail`` on either side: less than 0.025 where several intervals are to hold at once. ``None`` where
        there are too few patients to tell, or where a figure is not finite.
        """
        if self.groups < FEWEST_GROUPS or not np.all(np.isfinite(values)):
            return None
        first, second = np.split(values[1:], 2)
        error = float(np.sqrt(np.mean((first - second) ** 2) / 4))
        if chance is not None:
            error = max(error, float(np.std(chance)))
        reach = float(t.ppf(1 - tail, self.groups - 1)) * error
        return max(low, float(values[0]) - reach), min(high, float(values[0]) + reach)


def interval_of_share(
    flags: NDArray[np.bool_], records: Records, rng: np.random.Generator
) -> tuple[float, float] | None:
    """95 % interval of the share of records that are flagged, ``(n,)``, by halves of the patients."""
    halves = Halves.draw((records,), rng)
    sums = halves.sums(halves.assign(records, rng), flags.astype(np.int64), 2)
    return halves.interval(sums[:, 1] / np.maximum(sums.sum(axis=1), 1), 0.0, 1.0)
