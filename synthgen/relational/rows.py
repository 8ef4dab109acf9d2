"""The rows of one table while an extract is learned or generated: whose they are, what they hold, and when."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.models.base import Codes
from synthgen.relational.time.moments import UNKNOWN, Moments

_BEYOND: Final = 1 << 62


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows, patient by patient and parent by parent, siblings in the order of time.

    Attributes:
        patient: int64 ``(n_rows,)``, ascending, ``0 .. n_patients-1``.
        parent: int64 ``(n_rows,)``, the row of the parent table (of patients: the patient itself); -1 for none. Rows
            without a parent come last of their patient's.
        n_patients: how many patients there are, those without rows included.
        n_parents: how many rows the parent table has.
        codes: int32 ``(n_rows, n_columns)``.
        moments: when each row was, ``UNKNOWN`` where it has no time.
    """

    patient: NDArray[np.int64]
    parent: NDArray[np.int64]
    n_patients: int
    n_parents: int
    codes: Codes
    moments: Moments

    def __len__(self) -> int:
        return len(self.patient)

    def at(self, kept: NDArray[np.int64]) -> Rows:
        """Some of the rows, in their order."""
        return replace(
            self,
            patient=self.patient[kept],
            parent=self.parent[kept],
            codes=self.codes[kept],
            moments=self.moments[kept],
        )

    @cached_property
    def first(self) -> NDArray[np.bool_]:
        """Which rows are the first of their parents."""
        return _first(self.patient, self.parent)

    @cached_property
    def before(self) -> NDArray[np.int64]:
        """The row before each of the same patient, -1 for the first."""
        return rows_before(self.patient)

    @cached_property
    def left(self) -> NDArray[np.int64]:
        """How many rows of its patient there are from each row on, itself included."""
        first = np.r_[True, self.patient[1:] != self.patient[:-1]][: len(self)]
        return places(first)[1] + 1

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Rows of each parent, shape ``(n_parents,)``."""
        return np.bincount(self.parent[self.parent >= 0], minlength=self.n_parents)

    @cached_property
    def orphans(self) -> NDArray[np.int64]:
        """Rows of each patient that have no parent, shape ``(n_patients,)``."""
        return np.bincount(self.patient[self.parent < 0], minlength=self.n_patients)


def require_ascending(bounds: Sequence[object]) -> None:
    """Raise ``ValueError`` unless all are whole numbers of 64 bits that ascend, as those of an artifact must."""
    if not all(type(bound) is int and abs(bound) < _BEYOND for bound in bounds):
        raise ValueError("a bound is no whole number")
    if list(bounds) != sorted(set(bounds)):  # type: ignore[type-var]
        raise ValueError("the bounds do not ascend")


def _first(patient: NDArray[np.int64], parent: NDArray[np.int64]) -> NDArray[np.bool_]:
    first = np.ones(len(patient), bool)
    first[1:] = (patient[1:] != patient[:-1]) | (parent[1:] != parent[:-1])
    return first


def rows_before(patient: NDArray[np.int64]) -> NDArray[np.int64]:
    """The row before each of the same patient, -1 for the first, where rows stand patient by patient."""
    first = np.r_[True, patient[1:] != patient[:-1]][: len(patient)]
    return np.where(first, -1, np.arange(len(patient)) - 1)


def places(first: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The place of each row in its run, from 0, and how many come after it; a run begins where ``first`` says."""
    starts = np.flatnonzero(first)
    lengths = np.diff(np.r_[starts, len(first)])
    place = np.arange(len(first)) - np.repeat(starts, lengths)
    return place, np.repeat(lengths, lengths) - 1 - place


@dataclass(frozen=True, eq=False)
class Steps:
    """Rows taken one of each patient at a time, so that all patients go through their series together.

    Attributes:
        patients: the patients that have rows, those with most first.
        starts: where the rows of each of them begin.
        numbers: how many there are.
    """

    patients: NDArray[np.int64]
    starts: NDArray[np.int64]
    numbers: NDArray[np.int64]

    @classmethod
    def of(cls, patient: NDArray[np.int64]) -> Steps:
        """Of rows that stand patient by patient."""
        patients, starts, numbers = np.unique(patient, return_index=True, return_counts=True)
        order = np.argsort(-numbers, kind="stable")
        return cls(patients[order], starts[order].astype(np.int64), numbers[order].astype(np.int64))

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        """The rows of each step: the first of all patients, the second of those who have two, and so on."""
        for step in range(int(self.numbers.max(initial=0))):
            active = int(np.searchsorted(-self.numbers, -step, side="left"))
            yield self.starts[:active] + step


def bases(first: NDArray[np.bool_], moments: Moments, anchor: Moments) -> Moments:
    """What each row's moment is told by: for the first row of a parent its anchor, else the row before it.

    Args:
        anchor: of each row, the parent's moment, or the birth.
    """
    before = np.r_[UNKNOWN, moments[:-1]] if len(moments) else moments
    return np.where(first | (before == UNKNOWN), anchor, before)
