"""Rules that compare what a row holds with the dates of a row above it, where the real rows bear them out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.inference.patients import Whose
from synthgen.inference.sequences import OBEYED
from synthgen.reshape.operands import Operand
from synthgen.schema.column import Date, Datetime
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Values, truth
from synthgen.schema.table import TableConfig

#: A rule is stated where the rows of so many patients tell of it; of fewer, if no row breaks it.
FEWEST: Final = 30


@dataclass(frozen=True, eq=False)
class Above:
    """The rows of a table above another.

    Attributes:
        name: of that table.
        find: which of its rows each row of a block belongs to, negative for none.
        dates: what its rows hold, by column.
    """

    name: str
    find: Callable[[pa.RecordBatch], NDArray[np.int64]]
    dates: Mapping[str, Values]

    def column(self, name: str) -> ex.Column:
        """A column as the rules of a table below name it."""
        return ex.Column(name, self.name)


@dataclass(frozen=True)
class BorneOut:
    """A rule, and the share of the rows that it can be told of which obey it."""

    rule: ex.Compare | ex.Between | ex.Implies
    share: float


def dated(table: TableConfig) -> list[str]:
    """The columns of days."""
    return [name for name, column in table.columns.items() if isinstance(column, Date | Datetime)]


def borne_out(
    blocks: Iterable[pa.RecordBatch],
    rules: Sequence[ex.Compare | ex.Between],
    operands: Mapping[str, Operand],
    above: Above,
    whose: Whose,
    *,
    fewest: int = FEWEST,
) -> list[BorneOut]:
    """The rules that hold in all but few of the rows, where enough patients have any.

    Args:
        rules: each on a column of the rows and one of those above.
        operands: how the former are read.
        whose: the patients of the rows.
        fewest: so many patients must tell of a rule that no row breaks.
    """
    rows = np.zeros(len(rules), np.int64)
    obeyed = np.zeros(len(rules), np.int64)
    tell: list[list[NDArray[np.uint64]]] = [[np.zeros(0, np.uint64)] for _ in rules]
    for block in blocks:
        at, patient = above.find(block), whose(block)
        known = np.flatnonzero(at >= 0)
        values: dict[ex.Column, Values] = {
            ex.Column(name): operand.read(block.column(name)).at(known) for name, operand in operands.items()
        }
        values |= {above.column(name): dates.at(at[known]) for name, dates in above.dates.items()}
        for i, rule in enumerate(rules):
            judged = truth(rule, values)
            told = judged.holds | judged.fails
            rows[i] += int(told.sum())
            obeyed[i] += int(judged.holds.sum())
            tell[i].append(np.unique(patient[known[told]]))
    people = [len(np.unique(np.concatenate(each))) for each in tell]
    return [
        BorneOut(rule, obeyed[i] / rows[i])
        for i, rule in enumerate(rules)
        if (people[i] >= FEWEST and obeyed[i] >= OBEYED * rows[i]) or (people[i] >= fewest and obeyed[i] == rows[i])
    ]
