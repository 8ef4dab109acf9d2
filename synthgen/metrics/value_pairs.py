"""What measures of pairs of values, each of one column, have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar

import numpy as np

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.coding.cells import Cells, cut
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.result import Metric
from synthgen.metrics.unanswered import unanswered
from synthgen.progress import Progress, silent

#: Labels of a column that are told apart: rarer ones have too few patients beside anything.
LABELS = 500


class ValuePairs(Measure):
    """A measure of values of two columns: labels, ten ranges of numbers, and missing.

    Attributes:
        name: of its one figure.
    """

    name: ClassVar[str]

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        if len(comparison.variables) < 2:
            return (unanswered(self.name, "fidelity", comparison, "there is only one variable", "not_applicable"),)
        try:
            equal = equal_sets(comparison, rng)
        except NotApplicable as reason:
            return (unanswered(self.name, "fidelity", comparison, str(reason)),)
        progress(self.name, 0.0)
        cells = cut(comparison.variables, comparison.train, top=LABELS)
        found = self._figure(comparison, equal, cells, rng)
        if isinstance(found, str):
            return (unanswered(self.name, "fidelity", comparison, found, "not_applicable"),)
        return (found,)

    @abstractmethod
    def _figure(
        self, comparison: Comparison, equal: EqualSets, cells: tuple[Cells, ...], rng: np.random.Generator
    ) -> Metric | str:
        """The figure, or why there is nothing to measure."""
