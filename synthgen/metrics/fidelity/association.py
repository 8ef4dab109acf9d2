"""How strongly columns hang together, pair by pair: associations lost and associations invented."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata

from synthgen.errors import NotApplicable
from synthgen.metrics.base import Comparison, Measure, Records, Variable
from synthgen.metrics.coding.cells import Cells, cut
from synthgen.metrics.equal import EqualSets, equal_sets
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.halves import Halves
from synthgen.metrics.statistics.strength import correlation_ratio, cramers_v, over
from synthgen.metrics.unanswered import NO_HOLDOUT, unanswered
from synthgen.progress import Progress, silent

NAME, STRONG = NAMES = ("association", "association_strong")
#: Patients beside the commonest value of a column of whom nothing could be said.
FEW = 10
#: Pairs named in the details: the worst ones.
NAMED = 20


@dataclass(frozen=True)
class Association(Measure):
    """Mean over pairs of columns of the absolute difference in association, training against synthetic.

    Two numbers: Spearman's rank correlation, over the records that have both, with ranks within each column. Two
    labels: Cramer's V, corrected for bias (Bergsma 2013, J. Korean Statistical Society 42:323). A number and a
    label: the correlation ratio of the number's ranks, corrected for bias (Kelley 1935, PNAS 21:554). Labels are the
    ``levels`` commonest of the training set, other, and missing, which is a level like any other; text results
    among numbers are left out. So are columns in which all training patients but ``FEW`` have the commonest value: what
    they hang together with cannot be told. A column that is constant in another set has association 0 with every other
    there.

    ``association`` is the mean over all pairs. Most pairs of a wide table hardly hang together, so that what is lost
    of the few that do is diluted: ``association_strong`` is the mean over the pairs whose association in the training
    set is at least ``strong`` beyond sampling noise. Both are of as many records of each set; a pair that is named is
    shown with its association in all of them.
    """

    levels: int = 30
    strong: float = 0.3

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        try:
            equal = equal_sets(comparison, rng)
        except NotApplicable as reason:
            return tuple(unanswered(name, "fidelity", comparison, str(reason)) for name in NAMES)
        varying = [variable for variable in comparison.variables if _varies(variable, equal.train)]
        if len(varying) < 2:
            reason_ = f"{len(varying)} of the compared columns vary in the training set, 2 are needed"
            return tuple(unanswered(name, "fidelity", comparison, reason_, "not_applicable") for name in NAMES)
        cells = cut(varying, comparison.train, top=self.levels)
        real = {"train": equal.train} | ({} if equal.holdout is None else {"holdout": equal.holdout})
        sets = real | {"synthetic": equal.synthetic, "floor": equal.floor}
        halves = Halves.of_columns((*real.values(), equal.synthetic), len(cells), rng)
        strengths = {}
        for done, (name, records) in enumerate(sets.items()):
            progress(NAME, done / len(sets))
            strengths[name] = _Ranked.of(records, cells, halves, rng).strengths()
        every = {"train": comparison.train, "holdout": comparison.holdout, "synthetic": comparison.synthetic}
        entire = Halves(np.ones((1, 1)))
        named = {name: _Ranked.of(each, cells, entire, rng) for name, each in every.items() if each is not None}
        pairs = _Pairs.of(varying, halves, strengths, named)
        strong = pairs.chosen(pairs.least("train") >= self.strong)
        details = {
            "matrices": {"columns": [variable.name for variable in varying], "holdout": None}
            | {name: _square(each[0], len(varying)) for name, each in strengths.items() if name != "floor"},
        }
        whole = pairs.figure(NAME, comparison, equal, details)
        if not len(strong.places):
            none = f"no pair of columns has an association of {self.strong:g} or more in the training set"
            return whole, unanswered(STRONG, "fidelity", comparison, none, "not_applicable")
        return whole, strong.figure(STRONG, comparison, equal, {})


def _varies(variable: Variable, records: Records) -> bool:
    """Whether more than ``FEW`` patients have another value than the commonest; missing is one, but among numbers."""
    codes = records.codes[variable.name]
    here = codes == 0 if variable.kind == "numeric" else np.ones(records.n, bool)
    values = records.numbers[variable.name][here] if variable.kind == "numeric" else codes
    if not len(values):
        return False
    _, place, times = np.unique(values, return_inverse=True, return_counts=True)
    return records.patients_at(np.flatnonzero(here)[place != times.argmax()]) > FEW


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
        """Association of every pair, shape ``(1 + 2 * halvings, pairs)``, in the order of ``numpy.tril_indices``."""
        columns = len(self.variables)
        pairs = [(first, second) for first in range(columns) for second in range(first)]
        found = np.empty((len(self.halves.chosen), len(pairs)), order="F")
        for k, (first, second) in enumerate(pairs):
            found[:, k] = self.pair(first, second)
        return found

    def pair(self, first: int, second: int) -> NDArray[np.float64]:
        """Association of one pair, in the whole and in every half."""
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


def _square(pairs: NDArray[np.float64], columns: int) -> list[list[float]]:
    """The matrix of these associations of pairs, 1 on the diagonal."""
    found = np.eye(columns)
    found[np.tril_indices(columns, -1)] = pairs
    square: list[list[float]] = (found + np.tril(found, -1).T).tolist()
    return square


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Pairs of columns with their associations.

    Attributes:
        columns: the names of all columns.
        places: of the two columns of each pair, shape ``(pairs, 2)``.
        strengths: by set, shape ``(1 + 2 * halvings, pairs)``, each of as many records.
        every: the sets with all their records.
    """

    columns: list[str]
    places: NDArray[np.int64]
    halves: Halves
    strengths: dict[str, NDArray[np.float64]]
    every: dict[str, _Ranked]

    @classmethod
    def of(
        cls,
        variables: list[Variable],
        halves: Halves,
        strengths: dict[str, NDArray[np.float64]],
        every: dict[str, _Ranked],
    ) -> _Pairs:
        second, first = np.tril_indices(len(variables), -1)
        return cls([each.name for each in variables], np.stack([first, second], axis=1), halves, strengths, every)

    def chosen(self, some: NDArray[np.bool_]) -> _Pairs:
        strengths = {name: each[:, some] for name, each in self.strengths.items()}
        return replace(self, places=self.places[some], strengths=strengths)

    def least(self, which: str) -> NDArray[np.float64]:
        """The size of each association less what sampling noise explains of it."""
        return np.asarray(np.abs(self.strengths[which][0]) - self.halves.noise(self.strengths[which]))

    def figure(self, name: str, comparison: Comparison, equal: EqualSets, more: dict[str, Any]) -> Metric:
        apart = {which: each - self.strengths["train"] for which, each in self.strengths.items() if which != "train"}
        mean = {which: np.abs(each).mean(axis=1) for which, each in apart.items()}
        chance = np.abs(self.halves.chance(apart["synthetic"])).mean(axis=1)
        details: dict[str, Any] = {
            "max_difference": float(np.abs(apart["synthetic"][0]).max()),
            "rows": self._rows(apart["synthetic"]),
        } | more
        if equal.holdout is not None:
            beyond = mean["synthetic"] - mean["holdout"]
            interval = self.halves.interval(beyond)
            details["above_ceiling"] = {"difference": float(beyond[0]), "interval": interval and list(interval)}
            # One pair in twenty of the holdout's own lies beyond this: the share to expect of a perfect generator.
            limit = np.quantile(np.abs(apart["holdout"][0]), 0.95)
            details["share_beyond_ceiling"] = float(np.mean(np.abs(apart["synthetic"][0]) > limit))
            details["ceiling_limit"] = float(limit)
        return Metric(
            name=name,
            family="fidelity",
            table=comparison.table,
            reason="" if equal.holdout is not None else f"no ceiling: {NO_HOLDOUT}",
            value=float(mean["synthetic"][0]),
            interval=self.halves.interval(mean["synthetic"], 0.0, chance=chance),
            floor=float(mean["floor"][0]),
            ceiling=float(mean["holdout"][0]) if equal.holdout is not None else None,
            better="lower",
            unit="difference",
            n=equal.sizes | {"pairs": len(self.places)},
            details=details,
        )

    def _rows(self, apart: NDArray[np.float64]) -> list[dict[str, Any]]:
        """The worst pairs: those with the largest differences beyond sampling noise, and none that are within it.

        Their associations are those of all records, for what few records say of a weak one is mostly chance, and
        corrected for bias it is often 0.
        """
        excess = np.abs(apart[0]) - self.halves.noise(apart)
        order = [k for k in np.argsort(-excess, kind="stable")[:NAMED].tolist() if excess[k] > 0]
        rows = []
        for first, second in self.places[order].tolist():
            whole = {name: float(each.pair(second, first)[0]) for name, each in self.every.items()}
            rows.append(
                {
                    "pair": f"{self.columns[first]} × {self.columns[second]}",
                    "train": whole["train"],
                    "holdout": whole.get("holdout"),
                    "synthetic": whole["synthetic"],
                    "difference": whole["synthetic"] - whole["train"],
                }
            )
        return rows
