"""Where the values of each quantity of a long table lie in a patient on average, told with the patient.

What sets patients apart in a long series stays the same for all of it: who is heavy is so in every row. Told row by row
by the past alone, such a level drifts as errors add up, and what it has to do with the patient's attributes is lost.
As columns of the patient, the levels are drawn with the attributes, and every row is told that of its own quantity.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.models.base import Codes

#: Ranges of a mean.
RANGES: Final = 12
#: Quantities of a table of which means are told at most, and patients that have to have one.
_MOST: Final = 40
_FEWEST: Final = 100
#: Rows of a quantity per patient from which on a mean says more than a value.
_SEVERAL: Final = 2.0


def mean_of(table: str, code: int) -> str:
    """The derived column of where a patient's values of one quantity lie, on average, from 0 to ``RANGES - 1``."""
    return f"mean of {table} {code}"


def means(
    unit: NDArray[np.int32],
    value: NDArray[np.int32],
    domain: Domain,
    patient: NDArray[np.int64],
    n_patients: int,
    known: Collection[int] | None = None,
) -> dict[int, NDArray[np.int64]]:
    """By quantity the range of each patient's mean, -1 where there is none; of the quantities that many have.

    Args:
        unit: what each row is about.
        value: the code of its value.
        domain: of the values, whose codes ascend.
        patient: whose each row is.
        known: the quantities, where they are known.
    """
    apart = np.zeros(domain.size + 1, bool)
    apart[[*domain.special, domain.size]] = True
    rows = np.flatnonzero((unit >= 0) & ~apart[value])
    place = (value[rows] + 0.5) / max(domain.size - len(domain.special), 1)
    n_codes = 1 + max((*(known or ()), int(unit.max(initial=-1))))
    at = unit[rows].astype(np.int64) * n_patients + patient[rows]
    counts = np.bincount(at, minlength=n_codes * n_patients).reshape(n_codes, n_patients)
    sums = np.bincount(at, place, n_codes * n_patients).reshape(n_codes, n_patients)
    people = (counts > 0).sum(axis=1)
    told = np.flatnonzero((people >= _FEWEST) & (counts.sum(axis=1) >= _SEVERAL * people))
    commonest = told[np.argsort(-people[told], kind="stable")[:_MOST]]
    found = {}
    for code in sorted(commonest.tolist() if known is None else known):
        level = np.minimum(sums[code] / np.maximum(counts[code], 1) * RANGES, RANGES - 1).astype(np.int64)
        found[code] = np.where(counts[code] > 0, level, -1)
    return found


@dataclass(frozen=True)
class Levels:
    """How the rows of a table are told the means that stand with their patient.

    Attributes:
        unit: the column that says what a row is about.
        of: by column of the patients' table, the code of ``unit`` that it is about.
    """

    unit: str
    of: Mapping[str, int]

    def told(self, domain: Domain, owner: str) -> Domain:
        """The domain of a column of the patients' table, as rows are given it.

        Args:
            owner: the column by its name in the patients' table.
        """
        if owner not in self.of:
            return domain
        code = self.of[owner]
        return replace(
            domain,
            name=f"mean at {self.unit} {code}",
            owner=f"mean at {self.unit}",
            size=RANGES + 1,
            scale=Scale.ORDERED,
            special=(),
            missing=(),
            positions=(),
            widths=(),
            about=(self.unit, code),
        )

    def codes(self, domains: Sequence[Domain], codes: Codes) -> Codes:
        """The codes of patients, with means as ranges from 1, alike for all quantities; 0 where there is none.

        Args:
            domains: of the patients' table.
            codes: ``(n, len(domains))``.
        """
        found = codes.copy(order="F")
        for at, domain in enumerate(domains):
            if domain.owner in self.of:
                ranges = np.zeros(domain.size + 1, np.int32)
                regular = [code for code in range(domain.size) if code not in domain.special]
                ranges[regular] = [1 + round(domain.positions[code]) for code in regular]
                found[:, at] = ranges[np.where(codes[:, at] == UNOBSERVED, domain.size, codes[:, at])]
        return found
