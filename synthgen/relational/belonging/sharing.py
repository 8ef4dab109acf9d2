"""Numbers that rows of a patient share: the results of one sample have its number, and the samples of one order that.

Such a number is no key and leads nowhere, so that it is made up anew; what is learned is how often a row goes on with
the number of the row before it. The numbers of samples are mostly nested in those of orders, so that the numbers that
change least often are told first, and each other one is given whether the one before it goes on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.relational.belonging.structure import Member
from synthgen.relational.fold import resolved
from synthgen.relational.rows import Rows, Steps, places
from synthgen.relational.time.moments import UNKNOWN
from synthgen.schema.column import Id
from synthgen.schema.rules import expression as ex
from synthgen.schema.table import TableConfig

#: How many rows have a number already: it is told of each of these, and of more than one up to the next together.
SIZES: Final = (1, 2, 3, 4, 5, 6, 8, 10, 12, 16, 24, 32, 48)
#: Whether the number told before goes on or not, and whether both rows are of one moment or not.
_STATES: Final = 4
#: Times ``rare_below``, patients who are so many that what fewer than ``rare_below`` do beside them is nothing.
_MANY: Final = 4

Rates = tuple[tuple[float, ...], ...]
"""How often a row goes on with a number: by state, twice whether the other number goes on plus whether both rows are of
one moment, and by how many rows have it already (``SIZES``)."""


def shareable(config: TableConfig, member: Member) -> tuple[str, ...]:
    """The columns of ids whose numbers several rows of a table may have: no keys, no links, and none that is unique."""
    if member.role != "child":
        return ()
    unique = {column.name for rule in config.rules if isinstance(rule, ex.Unique) for column in rule.columns}
    apart = (
        unique
        | {*config.key_columns}
        | {*resolved(member)}
        | {column for link in member.links for column in link.columns}
    )
    return tuple(name for name, column in config.columns.items() if isinstance(column, Id) and name not in apart)


@dataclass(frozen=True)
class Sharing:
    """How the rows of a table share numbers; learned from its rows, and holding none of them.

    Attributes:
        rates: of each column, those that change least often first.
    """

    rates: Mapping[str, Rates]

    def __post_init__(self) -> None:
        for rates in self.rates.values():
            if len(rates) != _STATES or any(len(of) != len(SIZES) for of in rates):
                raise ValueError("numbers are shared in other states")
            if not all(isinstance(rate, float | int) and 0 <= rate <= 1 for of in rates for rate in of):
                raise ValueError("rows go on with a number at no possible rate")

    @classmethod
    def of(
        cls,
        cells: Mapping[str, pa.DictionaryArray],
        missing: Mapping[str, tuple[str, ...]],
        rows: Rows,
        rare_below: int,
    ) -> Sharing | None:
        """How some rows share the numbers of some columns; ``None`` where those of too few patients do.

        Args:
            cells: of these columns.
            missing: by column the tokens that mean missing, which end a number and are none themselves.
        """
        known, goes_on = {}, {}
        for name, column in cells.items():
            known[name], same = _going_on(column, missing[name], rows)
            if len(np.unique(rows.patient[same])) >= rare_below:
                goes_on[name] = same
        order = sorted(goes_on, key=lambda name: -goes_on[name].sum() / known[name].sum())
        found: dict[str, Rates] = {}
        told = other = np.ones(len(rows), bool)
        for name in order:
            told = told & known[name]
            found[name] = _rates(goes_on[name], told, other, rows, rare_below)
            other = goes_on[name]
        return cls(found) if found else None

    def firsts(self, rows: Rows, rng: np.random.Generator) -> dict[str, NDArray[np.int64]]:
        """The row whose number each of some rows has, by column: itself, or one before it of the same parent."""
        chance = rng.random((len(rows), len(self.rates)))
        at_once = _at_once(rows).astype(np.int64)
        steps = [*Steps.of(np.cumsum(rows.first) - 1)]
        found, other = {}, np.ones(len(rows), np.int64)
        for at, (name, rates) in enumerate(self.rates.items()):
            table, going, sizes = np.array(rates), np.zeros(len(rows), np.int64), np.ones(len(rows), np.int64)
            for own in steps[1:]:
                size = sizes[own - 1]
                rate = table[2 * other[own] + at_once[own], _bin(size)]
                going[own] = chance[own, at] < rate
                sizes[own] = np.where(going[own], size + 1, 1)
            found[name] = np.maximum.accumulate(np.where(going, 0, np.arange(len(rows)))) if len(rows) else going
            other = going
        return found

    def to_json(self) -> list[Any]:
        return [[name, [list(of) for of in rates]] for name, rates in self.rates.items()]

    @classmethod
    def from_json(cls, learned: list[Any]) -> Sharing:
        """The inverse of ``to_json``. Raises ``ValueError`` where these are no rates."""
        return cls({str(name): tuple(tuple(of) for of in rates) for name, rates in learned})


def _going_on(
    cells: pa.DictionaryArray, missing: tuple[str, ...], rows: Rows
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows come after a number of their parent's, and which of them go on with it."""
    index = np.asarray(cells.indices)
    trimmed = pc.utf8_trim_whitespace(cells.dictionary)
    gone = np.asarray(pc.is_in(trimmed, pa.array(missing, pa.string())), bool)[index]
    before = np.maximum(np.arange(len(index)) - 1, 0)
    known = ~rows.first & ~gone[before]
    return known, known & (index == index[before])


def _at_once(rows: Rows) -> NDArray[np.bool_]:
    """Which rows are of the moment of the row before."""
    before = np.r_[UNKNOWN, rows.moments[:-1]] if len(rows) else rows.moments
    return np.asarray((rows.moments == before) & (rows.moments != UNKNOWN), bool)


def _bin(sizes: NDArray[np.int64]) -> NDArray[np.intp]:
    return np.searchsorted(SIZES, sizes, side="right") - 1


def _rates(
    same: NDArray[np.bool_], told: NDArray[np.bool_], other: NDArray[np.bool_], rows: Rows, rare_below: int
) -> Rates:
    """The rates of one column.

    Args:
        same: which rows go on.
        told: of which rows that is known.
        other: where the number told before goes on.
    """
    size = np.r_[1, places(~same)[0][:-1] + 1][: len(rows)]
    cell = np.where(told, (2 * other + _at_once(rows)) * len(SIZES) + _bin(size), _STATES * len(SIZES))
    order = np.argsort(cell, kind="stable")
    ends = np.searchsorted(cell[order], np.arange(_STATES * len(SIZES) + 1))
    counted = [_Counted.of(same[of], rows.patient[of]) for of in (order[a:b] for a, b in pairwise(ends))]
    return tuple(
        tuple(_rate(counted[at : at + each + 1], rare_below) for each in range(len(SIZES)))
        for at in range(0, len(counted), len(SIZES))
    )


@dataclass(frozen=True, eq=False)
class _Counted:
    """Rows that go on and rows that do not, and the patients who have any of either."""

    rows: tuple[int, int]
    patients: tuple[NDArray[np.int64], NDArray[np.int64]]

    @classmethod
    def of(cls, same: NDArray[np.bool_], patient: NDArray[np.int64]) -> _Counted:
        going = int(same.sum())
        return cls((going, len(same) - going), (np.unique(patient[same]), np.unique(patient[~same])))

    def __add__(self, other: _Counted) -> _Counted:
        going, ending = (np.union1d(mine, theirs) for mine, theirs in zip(self.patients, other.patients, strict=True))
        return _Counted((self.rows[0] + other.rows[0], self.rows[1] + other.rows[1]), (going, ending))


def _rate(counted: Sequence[_Counted], rare_below: int) -> float:
    """The share of rows that go on with a number that so many have; rounded.

    None go on where fewer patients have rows that do, and all where many do and few have rows that do not. Rows of too
    few patients to tell are told together with those whose number fewer rows have: else a long run would never end.

    Args:
        counted: by size, up to the one that is asked for.
    """
    found = _Counted((0, 0), (np.zeros(0, np.int64), np.zeros(0, np.int64)))
    for each in reversed(counted):
        found += each
        going, ending = map(len, found.patients)
        if going < rare_below <= ending:
            return 0.0
        if going >= rare_below and ending >= rare_below:
            return round(found.rows[0] / sum(found.rows), 3)
        if ending < rare_below and going >= _MANY * rare_below:
            break
    return 1.0 if len(found.patients[0]) >= rare_below else 0.0
