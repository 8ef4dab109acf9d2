"""Children per parent: whether there are as many rows to a patient, a stay, an order as there really are."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Variable
from synthgen.metrics.coding.cells import quantile_edges
from synthgen.metrics.extract import Extracts
from synthgen.metrics.longitudinal.base import Drawn, RelationalMeasure, Scored, Series, by_table, mean_of, shown
from synthgen.metrics.result import Metric
from synthgen.progress import Progress, silent

NAME = "children_per_parent"
BINS = 10
#: Where the bars of charts begin: the same steps whatever the data.
_STEPS = (0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class ChildrenPerParent(RelationalMeasure):
    """Total variation of the number of rows per parent, in ten quantile bins of the training set.

    The parent is what the config says, else the patient; parents without rows count. Where the parent is not the
    patient, the value is the mean of the distances per parent and per patient. The floor deals the rows to parents at
    random.
    """

    def measure(
        self, extracts: Extracts, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        def score(name: str, drawn: Drawn) -> Scored:
            counts = [per_parent(extracts, name)]
            if not of_patients(extracts, name):
                counts.append(per_patient(extracts, name))
            far = [counted(each).distances(drawn) for each in counts]
            drawings = [_drawing(each, extracts.schema.privacy.rare_below) for each in counts]
            return Scored(name, mean_of(far), {"histograms": drawings})

        return by_table(NAME, "total variation", extracts, rng, score, progress)


@dataclass(frozen=True, eq=False)
class Counts:
    """Numbers of rows, by set, and whose each number is."""

    called: str
    numbers: Mapping[str, NDArray[np.int64]]
    patient: Mapping[str, NDArray[np.int64]]


def per_parent(extracts: Extracts, name: str) -> Counts:
    """Rows of a table for each row of its parent table; of a table without one, for each patient."""
    above = extracts.structure.members[name].parent
    if above is None:
        return per_patient(extracts, name)
    return Counts(
        f"{name} per {above.table}",
        {which: each.tables[name].numbers for which, each in extracts.sets.items()},
        {which: each.tables[above.table].patient for which, each in extracts.sets.items()},
    )


def per_patient(extracts: Extracts, name: str) -> Counts:
    """Rows of a table for each patient, whatever they belong to."""
    numbers = {}
    for which, each in extracts.sets.items():
        patient = each.tables[name].patient
        numbers[which] = np.bincount(patient[patient >= 0], minlength=each.n_patients).astype(np.int64)
    whose = {which: np.arange(each.n_patients) for which, each in extracts.sets.items()}
    return Counts(f"{name} per patient", numbers, whose)


def of_patients(extracts: Extracts, name: str) -> bool:
    """Whether the rows of a table belong to patients and to nothing between."""
    above = extracts.structure.members[name].parent
    return above is None or above.table == extracts.structure.patients


def counted(counts: Counts) -> Series:
    """Numbers in bins.

    Raises:
        NotApplicable: there is no parent.
    """
    if not len(counts.numbers["train"]):
        raise NotApplicable("the training set has no row that these could belong to")
    train = counts.numbers["train"].astype(np.float64)
    edges = quantile_edges(train, np.ones(len(train)), BINS)
    cells = {which: np.searchsorted(edges, each, side="right") for which, each in counts.numbers.items()}
    return Series(cells, counts.patient, len(edges) + 1)


def _drawing(counts: Counts, rare_below: int) -> dict[str, Any]:
    steps = {
        which: np.searchsorted(_STEPS, each, side="right") - 1
        for which, each in counts.numbers.items()
        if which != "floor"
    }
    used = np.unique(np.concatenate(list(steps.values())))
    ends = [*(step - 1 for step in _STEPS[1:]), None]
    labels = tuple(_step(_STEPS[k], ends[k]) for k in used)
    codes = {which: np.searchsorted(used, each).astype(np.int32) for which, each in steps.items()}
    variable = Variable(counts.called, "categorical", labels, ordered=True)
    return shown(variable, codes, counts.patient, rare_below)


def _step(first: int, last: int | None) -> str:
    return str(first) if first == last else f"{first} or more" if last is None else f"{first} to {last}"
