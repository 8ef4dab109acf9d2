"""Pairs of values that reality never has together: does a synthetic record?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Records
from synthgen.metrics.coding.cells import Cells
from synthgen.metrics.equal import EqualSets
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.halves import interval_of_share
from synthgen.metrics.unanswered import NO_HOLDOUT
from synthgen.metrics.value_pairs import ValuePairs

#: So many training patients would have both values by chance, if each had one record.
BY_CHANCE = 50.0
#: Pairs of columns, and of values, named in the details: those with most synthetic records.
NAMED = 20


@dataclass(frozen=True)
class StructuralZeros(ValuePairs):
    """Share of the synthetic records with two values that no training record has together, though chance would.

    A pair of values counts where 50 training patients would have both if columns were independent, and none has; by
    chance that happens once in e^50. Values are labels, ten ranges of numbers, and missing. What is left of real
    records of other patients, the ceiling, is what is rare and not impossible. (A table's structural zeros, as against
    its sampling zeros: Bishop, Fienberg and Holland 1975, chapter 5.)
    """

    name: ClassVar[str] = "structural_zeros"

    def _figure(
        self, comparison: Comparison, equal: EqualSets, cells: tuple[Cells, ...], rng: np.random.Generator
    ) -> Metric | str:
        zeros = _zeros(cells, comparison.train)
        if not zeros:
            return f"every pair of values that {BY_CHANCE:.0f} training patients would have by chance is there"
        synthetic, floor = (_Found.of(cells, zeros, records) for records in (equal.synthetic, equal.floor))
        holdout = None if equal.holdout is None else _Found.of(cells, zeros, equal.holdout)
        return Metric(
            name=self.name,
            family="fidelity",
            table=comparison.table,
            reason="" if holdout is not None else f"no ceiling: {NO_HOLDOUT}",
            value=float(synthetic.records.mean()),
            interval=interval_of_share(synthetic.records, equal.synthetic, rng),
            floor=float(floor.records.mean()),
            ceiling=None if holdout is None else float(holdout.records.mean()),
            better="lower",
            unit="share",
            n=equal.sizes | {"pairs": sum(int(each.cells.sum()) for each in zeros)},
            details={
                "rows": _of_values(zeros, synthetic, holdout),
                "rows_by_patient": _of_columns(zeros, synthetic, holdout),
            },
        )


@dataclass(frozen=True, eq=False)
class _Zeros:
    """The structural zeros of two columns.

    Attributes:
        cells: bool ``(cells of the first, cells of the second)``.
    """

    first: Cells
    second: Cells
    cells: NDArray[np.bool_]


def _zeros(cells: Sequence[Cells], train: Records) -> list[_Zeros]:
    placed = [each.of(train) for each in cells]
    patients = [np.bincount(of, train.weights, each.size) for of, each in zip(placed, cells, strict=True)]
    found = []
    for i, j in combinations(range(len(cells)), 2):
        by_chance = np.outer(patients[i], patients[j]) / train.n_patients
        # Labels that are not told apart are not one value.
        by_chance[cells[i].size - 2, :] = by_chance[:, cells[j].size - 2] = 0
        if by_chance.max() < BY_CHANCE:
            continue
        seen = np.bincount(placed[i] * cells[j].size + placed[j], minlength=by_chance.size)
        never = (by_chance >= BY_CHANCE) & (seen.reshape(by_chance.shape) == 0)
        if never.any():
            found.append(_Zeros(cells[i], cells[j], never))
    return found


@dataclass(frozen=True, eq=False)
class _Found:
    """Where a set has structural zeros.

    Attributes:
        shares: for each pair of columns, the share of records in each of its structural zeros.
        by_patient: for each pair of columns the share in any, every patient weighing the same.
        records: whether a record is in any of any pair, ``(n,)``.
    """

    shares: list[NDArray[np.float64]]
    by_patient: list[float]
    records: NDArray[np.bool_]

    @classmethod
    def of(cls, cells: Sequence[Cells], zeros: Sequence[_Zeros], records: Records) -> _Found:
        placed = {each.variable.name: each.of(records) for each in cells}
        any_of, shares, by_patient = np.zeros(records.n, bool), [], []
        for each in zeros:
            first, second = placed[each.first.variable.name], placed[each.second.variable.name]
            here = each.cells[first, second]
            any_of |= here
            counts = np.bincount(first[here] * each.second.size + second[here], minlength=each.cells.size)
            shares.append(counts.reshape(each.cells.shape) / records.n)
            by_patient.append(float(records.weights[here].sum() / records.n_patients))
        return cls(shares, by_patient, any_of)


def _of_values(zeros: Sequence[_Zeros], synthetic: _Found, holdout: _Found | None) -> list[dict[str, Any]]:
    """The pairs of values that most synthetic records have."""
    rows: list[dict[str, Any]] = [
        {
            "level": f"{each.first.named(i)}, {each.second.named(j)}",
            "rate_synthetic": float(synthetic.shares[k][i, j]),
            "rate_holdout": None if holdout is None else float(holdout.shares[k][i, j]),
        }
        for k, each in enumerate(zeros)
        for i, j in np.argwhere(synthetic.shares[k] > 0).tolist()
    ]
    return _worst(rows)


def _of_columns(zeros: Sequence[_Zeros], synthetic: _Found, holdout: _Found | None) -> list[dict[str, Any]]:
    """The pairs of columns in which most synthetic patients have such values, without the values."""
    rows: list[dict[str, Any]] = [
        {
            "pair": f"{each.first.variable.name} × {each.second.variable.name}",
            "rate_synthetic": synthetic.by_patient[k],
            "rate_holdout": None if holdout is None else holdout.by_patient[k],
        }
        for k, each in enumerate(zeros)
        if synthetic.by_patient[k] > 0
    ]
    return _worst(rows)


def _worst(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(rows, key=lambda row: -float(row["rate_synthetic"]))[:NAMED]
