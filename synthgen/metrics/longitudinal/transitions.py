"""Transitions: which code follows which."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Variable
from synthgen.metrics.coding.cells import Cells, cut
from synthgen.metrics.extract import Extract, Extracts
from synthgen.metrics.longitudinal.base import Drawn, RelationalMeasure, Scored, Series, by_table, shown
from synthgen.metrics.result import Metric
from synthgen.progress import Progress, silent

NAME = "transitions"


@dataclass(frozen=True)
class Transitions(RelationalMeasure):
    """Total variation of pairs of successive codes of a patient in a table.

    The codes are those of the most diverse column of labels: the ``codes`` commonest of the training set, other, and
    missing. Rows of the same time stand as in the file. The floor draws the code of every row at random from all.
    """

    codes: int = 20

    def measure(
        self, extracts: Extracts, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        def score(name: str, drawn: Drawn) -> Scored:
            cells = coded(extracts, name, self.codes)
            found = {which: pairs(extracts, name, each, cells) for which, each in extracts.sets.items()}
            series = successions(found, cells)
            return Scored(
                name,
                series.distances(drawn),
                {"histograms": [_drawing(name, series, cells, extracts)]},
                (cells.variable.name,),
            )

        return by_table(NAME, "total variation", extracts, rng, score, progress)


def coded(extracts: Extracts, name: str, codes: int, column: str | None = None) -> Cells:
    """The codes of a table in cells.

    Raises:
        NotApplicable: the table has no column of codes.
    """
    variable = extracts.code(name, column)
    if variable is None:
        raise NotApplicable("the table has no column of labels that recur")
    return cut([variable], extracts.train.tables[name].records, top=codes)[0]


def pairs(extracts: Extracts, name: str, extract: Extract, cells: Cells) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The cell of each pair of successive codes, and whose it is."""
    before = extracts.in_time(name, extract).previous
    later = np.flatnonzero(before >= 0)
    code = cells.of(extract.tables[name].records)
    return code[before[later]] * cells.size + code[later], extract.tables[name].patient[later]


def successions(found: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]], cells: Cells) -> Series:
    """Pairs of codes by set.

    Raises:
        NotApplicable: nobody of the training set has two rows.
    """
    if not len(found["train"][0]):
        raise NotApplicable("no patient of the training set has two rows")
    made = {which: each[0] for which, each in found.items()}
    return Series(made, {which: each[1] for which, each in found.items()}, cells.size**2)


def _drawing(name: str, series: Series, cells: Cells, extracts: Extracts) -> dict[str, object]:
    names = [""] * cells.size
    for code, cell in enumerate(cells.place[1:]):
        names[cell] = cells.variable.labels[code]
    names[-2:] = ["other", "missing"]
    labels = tuple(f"{first} → {second}" for first in names for second in names)
    variable = Variable(f"successive {cells.variable.name} of {name}", "categorical", labels)
    codes = {which: each.astype(np.int32) for which, each in series.cells.items() if which != "floor"}
    return shown(variable, codes, series.patient, extracts.schema.privacy.rare_below)
