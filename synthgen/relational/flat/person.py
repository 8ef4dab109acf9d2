"""Which columns of a flat table belong to the patient, and how many rows patients have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding import quantiser
from synthgen.encoding.domain import Domain, Scale
from synthgen.encoding.levels import LevelCounts
from synthgen.encoding.quantiser import Quantiser
from synthgen.models.base import Codes

#: A column belongs to the patient where it changes within so few of the patients with several rows, in proportion to
#: those in whom it would change if rows were drawn at random. (A bare share would take any rare finding for a trait.)
MOST_VARYING = 0.1


@dataclass(frozen=True, eq=False)
class Persons:
    """The patients behind rows.

    Attributes:
        of_row: int64 ``(n_rows,)``, the patient of each row, ``0 .. n-1``.
        order: int64 ``(n_rows,)``, the rows patient by patient, each patient's in the order of the table.
        starts: int64 ``(n,)``, where each patient begins in ``order``.
    """

    of_row: NDArray[np.int64]
    order: NDArray[np.int64]
    starts: NDArray[np.int64]

    @classmethod
    def of(cls, hashes: NDArray[np.uint64]) -> Persons:
        """Group rows by the hash of their patient."""
        _, of_row = np.unique(hashes, return_inverse=True)
        order = np.argsort(of_row, kind="stable")
        starts = np.searchsorted(of_row[order], np.arange(int(of_row.max(initial=-1)) + 1))
        return cls(of_row.astype(np.int64), order, starts)

    @property
    def n_rows(self) -> NDArray[np.int64]:
        """Rows per patient."""
        return np.asarray(np.diff(np.r_[self.starts, len(self.order)]))

    def first_rows(self, codes: NDArray[np.int32]) -> NDArray[np.int32]:
        """What stands in the first row of each patient."""
        return codes[self.order[self.starts]]

    def varying_share(self, levels: NDArray[np.int64]) -> float:
        """Patients in whom a column changes, as a share of those expected to if rows were drawn at random.

        A patient with k random rows sees no change with probability sum over levels of share ** k.
        1 where no change is expected: a column that never changes anywhere is no trait of patients.

        Args:
            levels: the level of each row, ``0 .. n_levels-1``, shape ``(n_rows,)``.
        """
        in_order = levels[self.order]
        changes = np.r_[False, in_order[1:] != in_order[:-1]]
        changes[self.starts] = False
        varying = np.logical_or.reduceat(changes, self.starts).sum()
        shares = np.bincount(levels) / len(levels)
        numbers, patients = np.unique(self.n_rows, return_counts=True)
        expected = sum(count * (1 - (shares**number).sum()) for number, count in zip(numbers, patients, strict=True))
        return float(varying / expected) if expected >= 1 else 1.0


def personal_columns(persons: Persons, codes: NDArray[np.int32], domains: tuple[Domain, ...]) -> tuple[int, ...]:
    """The code columns that stay constant within patients; the code columns of one column stay together."""
    owners = dict.fromkeys(domain.owner for domain in domains)
    personal: list[int] = []
    for owner in owners:
        mine = [i for i, domain in enumerate(domains) if domain.owner == owner]
        levels = codes[:, mine[0]] + 1  # the first code column of a column holds what it is; -1 is a level too
        if persons.varying_share(levels.astype(np.int64)) <= MOST_VARYING:
            personal.extend(mine)
    return tuple(personal)


def rows_per_person(persons: Persons, rare_below: int) -> Quantiser:
    """How the number of rows of a patient becomes a code."""
    numbers, counts = np.unique(persons.n_rows, return_counts=True)
    nobody = np.empty((len(numbers), 0), np.uint64)  # each patient counts once, so counts are patients
    return quantiser.solve(LevelCounts(numbers, counts.astype(np.int64), nobody), rare_below, lowest=1)


def rows_domain(numbers: Quantiser) -> Domain:
    """The domain of the number of rows."""
    name, positions, widths = "rows per patient", tuple(numbers.positions), tuple(numbers.n_keys)
    return Domain(name, name, numbers.size, Scale.NUMERIC, positions=positions, widths=widths)


def own_codes(persons: Persons, codes: Codes, personal: tuple[int, ...], numbers: Quantiser) -> Codes:
    """The codes of each patient's own columns and, last, of the number of their rows."""
    own = np.empty((len(persons.starts), len(personal) + 1), np.int32, order="F")
    for at, column in enumerate(personal):
        own[:, at] = persons.first_rows(codes[:, column])
    own[:, -1] = numbers.encode(persons.n_rows)
    return own
