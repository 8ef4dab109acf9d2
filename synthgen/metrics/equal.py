"""The sets of a comparison cut to the same number of rows, whole patients first, with the floor beside them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Records
from synthgen.metrics.floor import independent

#: Fewer patients than this in any set say nothing about a distribution.
FEWEST_PATIENTS = 10


@dataclass(frozen=True)
class EqualSets:
    """Training, holdout, synthetic and floor records, ``rows`` of each; no holdout where the comparison has none."""

    rows: int
    train: Records
    holdout: Records | None
    synthetic: Records
    floor: Records

    @property
    def sizes(self) -> dict[str, int]:
        """Rows of each set and patients by set, for ``Metric.n``."""
        sets = {"train": self.train, "holdout": self.holdout, "synthetic": self.synthetic}
        return {"rows": self.rows} | {f"{name}_patients": s.n_patients for name, s in sets.items() if s is not None}


def equal_sets(comparison: Comparison, rng: np.random.Generator, at_most: int | None = None) -> EqualSets:
    """The sets at m rows (``at_most`` of them): expected values depend on the size, so only equal sizes compare.

    Raises ``NotApplicable`` with the reason where a set has too few patients.
    """
    reason = too_few(comparison)
    if reason:
        raise NotApplicable(reason)
    rows = comparison.size if at_most is None else min(comparison.size, at_most)
    return EqualSets(
        rows,
        whole_patients(comparison.train, rows, rng),
        None if comparison.holdout is None else whole_patients(comparison.holdout, rows, rng),
        whole_patients(comparison.synthetic, rows, rng),
        independent(comparison.train, rows, rng),
    )


def too_few(comparison: Comparison) -> str:
    """Why the sets are too small to be compared; empty where they are not."""
    sets = {"training": comparison.train, "holdout": comparison.holdout, "synthetic": comparison.synthetic}
    for name, records in sets.items():
        if records is not None and records.n_patients < FEWEST_PATIENTS:
            unit = "patients" if comparison.clustered else "rows"
            own = unit.removesuffix("s") if records.n_patients == 1 else unit
            return f"the {name} set has {records.n_patients} {own}, at least {FEWEST_PATIENTS} are needed"
    return ""


def whole_patients(records: Records, rows: int, rng: np.random.Generator) -> Records:
    """``rows`` records of patients drawn at random without replacement, all rows of each but the last, which is cut.

    The records keep their order. There must be at least ``rows`` of them.
    """
    return records if rows == records.n else records.take(chosen_patients(records, rows, rng))


def chosen_patients(records: Records, rows: int, rng: np.random.Generator) -> NDArray[np.int64]:
    """Where those records are, ascending."""
    place = rng.permutation(int(records.patient.max()) + 1)[records.patient]
    chosen: NDArray[np.int64] = np.sort(np.argsort(place, kind="stable")[:rows])
    return chosen
