"""How strongly columns hang together, pair by pair: associations lost and associations invented."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.cells import Cells, cut
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.halves import Halves
from synthgen.metrics.result import Metric
from synthgen.metrics.strength import correlation_ratio, cramers_v, over
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

#: Pairs named in the details: the worst ones.
NAMED = 20


@dataclass(frozen=True)
class Association(Measure):
    """Mean over pairs of columns of the absolute difference in association, training against synthetic.

    Two numbers: Spearman's rank correlation, over the records that have both, with ranks within each column. Two
    labels: Cramer's V, corrected for bias (Bergsma 2013, J. Korean Statistical Society 42:323). A number and a
    label: the correlation ratio of the number's ranks, corrected for bias (Kelley 1935, PNAS 21:554). Labels are the
    ``levels`` commonest of the training set, other, and missing, which is a level like any other; text results
    among numbers are left out. A column that is constant in a set has association 0 with every other there.
    """

    levels: int = 30

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        try:
            equal = equal_sets(comparison, rng)
        except NotApplicable as reason:
            return (unanswered("association", "fidelity", comparison, str(reason)),)
        if len(comparison.variables) < 2:
            reason_ = f"the table has {len(comparison.variables)} compared columns, 2 are needed"
            return (unanswered("association", "fidelity", comparison, reason_, "not_applicable"),)
        cells = cut(comparison.variables, comparison.train, top=self.levels)
        real = {"train": equal.train} | ({} if equal.holdout is None else {"holdout": equal.holdout})
        sets = real | {"synthetic": equal.synthetic, "floor": equal.floor}
        halves = Halves.draw((*real.values(), equal.synthetic), rng)
        strengths = {}
        for done, (name, records) in enumerate(sets.items()):
            progress("association", done / len(sets))
            strengths[name] = _Ranked.of(records, cells, halves, rng).strengths()
        return (_figure(comparison, equal, halves, strengths),)


@dataclass(frozen=True)
class _Ranked:
    """One set, ready for any pair: sums over groups of patients are enough for the whole and every half.

    Attributes:
        ranks: centred ranks of each numeric column by its place in the table, NaN where there is no number.
        cells: the cell of each record in each categorical column, by its place in the table.
    """

    variables: tuple[Variable, ...]
    sizes: dict[int, int]
    ranks: dict[int, NDArray[np.float64]]
    cells: dict[int, NDArray[np.int64]]
    group: NDArray[np.int64]
    halves: Halves

    @classmethod
    def of(cls, records: Records, cells: tuple[Cells, ...], halves: Halves, rng: np.random.Generator) -> _Ranked:
        ranks = {k: _ranks(each.variable, records) for k, each in enumerate(cells) if each.variable.kind == "numeric"}
        coded = {k: each.of(records) for k, each in enumerate(cells) if each.variable.kind == "categorical"}
        sizes = {k: cells[k].size for k in coded}
        variables = tuple(each.variable for each in cells)
        # The floor has other patients than the sets that the halves were drawn for, but never fewer.
        return cls(variables, sizes, ranks, coded, halves.assign(records, rng), halves)

    def strengths(self) -> NDArray[np.float64]:
        """Association of every pair, shape ``(1 + 2 * halvings, columns, columns)``, 1 on the diagonal."""
        columns = len(self.variables)
        found = np.zeros((len(self.halves.chosen), columns, columns))
        found[:, np.arange(columns), np.arange(columns)] = 1
        for first in range(columns):
            for second in range(first):
                found[:, first, second] = found[:, second, first] = self._pair(first, second)
        return found

    def _pair(self, first: int, second: int) -> NDArray[np.float64]:
        if first in self.ranks and second in self.ranks:
            return self._spearman(self.ranks[first], self.ranks[second])
        if first in self.cells and second in self.cells:
            return self._cramer(first, second)
        number, label = (first, second) if first in self.ranks else (second, first)
        return self._ratio(self.ranks[number], label)

    def _spearman(self, first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
        both = np.isfinite(first) & np.isfinite(second)
        x, y, group = first[both], second[both], self.group[both]
        n, sx, sy, sxx, syy, sxy = (
            self.halves.chosen @ np.bincount(group, weights=weights, minlength=self.halves.groups)
            for weights in (np.ones(len(x)), x, y, x * x, y * y, x * y)
        )
        covariance = n * sxy - sx * sy
        spread = np.clip(n * sxx - sx**2, 0, None) * np.clip(n * syy - sy**2, 0, None)
        return over(covariance, np.sqrt(spread), n)

    def _cramer(self, first: int, second: int) -> NDArray[np.float64]:
        rows, columns = self.sizes[first], self.sizes[second]
        joint = self.cells[first] * columns + self.cells[second]
        counts = self.halves.sums(self.group, joint, rows * columns).reshape(-1, rows, columns)
        return cramers_v(counts)

    def _ratio(self, ranks: NDArray[np.float64], label: int) -> NDArray[np.float64]:
        here = np.isfinite(ranks)
        levels, groups = self.sizes[label], self.halves.groups
        cell = self.group[here] * levels + self.cells[label][here]
        n, s, q = (
            self.halves.chosen @ np.bincount(cell, weights=weights, minlength=groups * levels).reshape(groups, levels)
            for weights in (np.ones(here.sum()), ranks[here], ranks[here] ** 2)
        )
        return correlation_ratio(n, s, q)


def _ranks(variable: Variable, records: Records) -> NDArray[np.float64]:
    """Centred ranks of the numbers, from -0.5 to 0.5, ties sharing the mean; NaN where there is no number."""
    values = records.numbers[variable.name]
    number = (records.codes[variable.name] == 0) & ~np.isnan(values)
    ranks = np.full(records.n, np.nan)
    if number.any():
        ranks[number] = (rankdata(values[number]) - 0.5) / number.sum() - 0.5
    return ranks


def _figure(
    comparison: Comparison, equal: EqualSets, halves: Halves, strengths: dict[str, NDArray[np.float64]]
) -> Metric:
    pairs = np.tril_indices(len(comparison.variables), -1)
    delta = {
        name: np.abs(each - strengths["train"])[:, pairs[0], pairs[1]]
        for name, each in strengths.items()
        if name != "train"
    }
    mean = {name: each.mean(axis=1) for name, each in delta.items()}
    details: dict[str, Any] = {
        "max_difference": float(delta["synthetic"][0].max()),
        "rows": _rows(comparison, strengths, pairs),
        "matrices": {"columns": [v.name for v in comparison.variables], "holdout": None}
        | {name: each[0].tolist() for name, each in strengths.items() if name != "floor"},
    }
    if equal.holdout is not None:
        beyond = mean["synthetic"] - mean["holdout"]
        interval = halves.interval(beyond)
        details["above_ceiling"] = {"difference": float(beyond[0]), "interval": interval and list(interval)}
        # One pair in twenty of the holdout's own lies beyond this: the share to expect of a perfect generator.
        limit = np.quantile(delta["holdout"][0], 0.95)
        details["share_beyond_ceiling"] = float(np.mean(delta["synthetic"][0] > limit))
        details["ceiling_limit"] = float(limit)
    return Metric(
        name="association",
        family="fidelity",
        table=comparison.table,
        reason="" if equal.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
        value=float(mean["synthetic"][0]),
        interval=halves.interval(mean["synthetic"], 0.0),
        floor=float(mean["floor"][0]),
        ceiling=float(mean["holdout"][0]) if equal.holdout is not None else None,
        better="lower",
        unit="difference",
        n=equal.sizes | {"pairs": len(pairs[0])},
        details=details,
    )


def _rows(
    comparison: Comparison, strengths: dict[str, NDArray[np.float64]], pairs: tuple[NDArray[Any], NDArray[Any]]
) -> list[dict[str, Any]]:
    """The worst pairs: the largest differences first."""
    whole = {name: each[0][pairs] for name, each in strengths.items()}
    order = np.argsort(-np.abs(whole["synthetic"] - whole["train"]), kind="stable")[:NAMED]
    names = [v.name for v in comparison.variables]
    return [
        {
            "pair": f"{names[pairs[1][k]]} × {names[pairs[0][k]]}",
            "train": float(whole["train"][k]),
            "holdout": float(whole["holdout"][k]) if "holdout" in whole else None,
            "synthetic": float(whole["synthetic"][k]),
            "difference": float(whole["synthetic"][k] - whole["train"][k]),
        }
        for k in order
    ]
