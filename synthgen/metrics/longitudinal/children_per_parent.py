"""Children per parent: whether there are as many rows to a patient, a stay, an order as there really are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Variable
from synthgen.metrics.cells import quantile_edges
from synthgen.metrics.extract import Extract, Extracts
from synthgen.metrics.longitudinal.base import Drawn, RelationalMeasure, Scored, Series, by_table, shown
from synthgen.metrics.result import Metric
from synthgen.progress import Progress, silent

NAME = "children_per_parent"
BINS = 10
#: Where the bars of charts begin: the same steps whatever the data.
_STEPS = (0, 1, 2, 3, 4, 5, 7, 10, 15, 20, 30, 50, 100, 200, 500, 1000)


@dataclass(frozen=True)
class ChildrenPerParent(RelationalMeasure):
    """Total variation of the number of rows per parent, in ten quantile bins of the training set.

    The parent is what the config says, else the patient; parents without rows count. The floor deals the rows to
    parents at random.
    """

    def measure(
        self, extracts: Extracts, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        def score(name: str, drawn: Drawn) -> Scored:
            above = extracts.structure.members[name].parent
            called = f"{name} per {'patient' if above is None else above.table}"
            numbers = {which: each.tables[name].numbers.astype(np.float64) for which, each in extracts.sets.items()}
            patient = {which: parents(extracts, name, each) for which, each in extracts.sets.items()}
            series = counted(numbers, patient)
            drawing = _drawing(called, numbers, patient, extracts)
            return Scored(name, series.distances(drawn), {"histograms": [drawing]})

        return by_table(NAME, "total variation", extracts, rng, score, progress)


def parents(extracts: Extracts, name: str, extract: Extract) -> NDArray[np.int64]:
    """The patient of each row that rows of a table can belong to."""
    above = extracts.structure.members[name].parent
    return np.arange(extract.n_patients) if above is None else extract.tables[above.table].patient


def counted(numbers: dict[str, NDArray[np.float64]], patient: dict[str, NDArray[np.int64]]) -> Series:
    """Numbers in bins.

    Raises:
        NotApplicable: there is no parent.
    """
    if not len(numbers["train"]):
        raise NotApplicable("the training set has no row that these could belong to")
    edges = quantile_edges(numbers["train"], np.ones(len(numbers["train"])), BINS)
    cells = {which: np.searchsorted(edges, each, side="right") for which, each in numbers.items()}
    return Series(cells, patient, len(edges) + 1)


def _drawing(
    called: str, numbers: dict[str, NDArray[np.float64]], patient: dict[str, NDArray[np.int64]], extracts: Extracts
) -> dict[str, Any]:
    steps = {
        which: np.searchsorted(_STEPS, each, side="right") - 1 for which, each in numbers.items() if which != "floor"
    }
    used = np.unique(np.concatenate(list(steps.values())))
    ends = [*(step - 1 for step in _STEPS[1:]), None]
    labels = tuple(_step(_STEPS[k], ends[k]) for k in used)
    codes = {which: np.searchsorted(used, each).astype(np.int32) for which, each in steps.items()}
    variable = Variable(called, "categorical", labels, ordered=True)
    return shown(variable, codes, patient, extracts.schema.privacy.rare_below)


def _step(first: int, last: int | None) -> str:
    return str(first) if first == last else f"{first} or more" if last is None else f"{first} to {last}"
