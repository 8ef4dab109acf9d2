"""Associations between tables: whether what is known of a patient or a stay fits what happened in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.errors import NotApplicable
from synthgen.metrics.coding.cells import Cells, cut
from synthgen.metrics.extract import Extract, Extracts
from synthgen.metrics.longitudinal.base import Apart, Distances, Drawn, RelationalMeasure, Scored, by_table
from synthgen.metrics.longitudinal.transitions import coded
from synthgen.metrics.result import Metric
from synthgen.metrics.statistics.strength import correlation_ratio, cramers_v
from synthgen.progress import Progress, silent

NAME = "parent_child_association"
#: Quantiles of the training set that stand for ranks.
_GRID = 50
#: Pairs of columns by name, and their associations, shape ``(sets, n)``.
Strengths = list[tuple[str, NDArray[np.float64]]]


@dataclass(frozen=True)
class ParentChildAssociation(RelationalMeasure):
    """Mean absolute difference in association between columns of a table and those of the rows above it.

    Above it are the patient and the parent. Of the table itself the codes (the ``codes`` commonest, other, missing)
    and, within each code, every number. Label and code: Cramer's V. Number above and code: the correlation ratio of
    the number's rank by code. Number below: that of its rank, within the code, by label or by tenth of the number
    above. All are corrected for bias. Ranks come from the training set. Only pairs count whose association in the
    whole training set is at least ``strong``. The floor deals rows to parents at random.
    """

    codes: int = 20
    strong: float = 0.1

    def measure(
        self, extracts: Extracts, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        def score(name: str, drawn: Drawn) -> Scored:
            pairing = Pairing.of(extracts, name, self.codes)
            return pairing.scored(extracts, drawn, self.strong)

        return by_table(NAME, "difference", extracts, rng, score, progress)


@dataclass(frozen=True, eq=False)
class Pairing:
    """The pairs of columns of a table and the rows above it.

    Attributes:
        above: by table, its columns in cells: the commonest labels or tenths.
        code: the codes of the table; ``None`` where it has none.
        grids: by number of the table, quantiles in the training set by code, shape ``(codes, 50)``.
    """

    name: str
    above: Mapping[str, tuple[Cells, ...]]
    code: Cells | None
    grids: Mapping[str, NDArray[np.float64]]

    @classmethod
    def of(
        cls, extracts: Extracts, name: str, codes: int, *, column: str | None = None, parent: bool = True
    ) -> Pairing:
        """The pairs of a table.

        Args:
            column: the codes, instead of the column that is found.
            parent: whether the rows of the parent count beside those of the patient.

        Raises:
            NotApplicable: nothing stands above the table, or it has no rows.
        """
        member, train = extracts.structure.members[name], extracts.train.tables
        if not train[name].n:
            raise NotApplicable("the training set has no rows")
        tables = [extracts.structure.patients, member.parent.table if parent and member.parent else None]
        above = {
            each: cut(extracts.variables(each), train[each].records, top=codes) for each in tables if each is not None
        }
        if not any(above.values()):
            raise NotApplicable("no table above it has columns to compare")
        try:
            code = coded(extracts, name, codes, column)
        except NotApplicable:
            code = None
        records = train[name].records
        where = np.zeros(records.n, np.int64) if code is None else code.of(records)
        grids = {}
        for variable in extracts.variables(name):
            if variable.kind == "numeric" and not variable.temporal and variable.name != member.order:
                size = 1 if code is None else code.size
                grids[variable.name] = _quantiles(records.numbers[variable.name], where, size)
        return cls(name, above, code, grids)

    def scored(self, extracts: Extracts, drawn: Drawn, strong: float) -> Scored:
        """The mean difference over strong pairs.

        Raises:
            NotApplicable: no pair is strong.
        """
        real = self.strengths(extracts, "train", None)
        if not real:
            raise NotApplicable("the table has neither codes nor numbers to set beside what stands above it")
        kept = np.concatenate([each[0] for _, each in real]) >= strong
        if not kept.any():
            raise NotApplicable(f"no association with the rows above reaches {strong:g} in the training set")
        found = {which: self.strengths(extracts, which, drawn) for which in extracts.sets}
        told = {which: np.concatenate([each for _, each in pairs], axis=1) for which, pairs in found.items()}
        target = told.pop("train")
        far = {which: np.abs(each - target)[:, kept].mean(axis=1) for which, each in told.items()}
        differences = (told["synthetic"] - target)[:, kept]
        apart = Apart(differences, lambda found: np.abs(found).mean(axis=1))
        distances = Distances(far["synthetic"], far.get("holdout"), float(far["floor"][0]), apart)
        return Scored(self.name, distances, {"rows": _rows(real, found, kept)})

    def strengths(self, extracts: Extracts, which: str, drawn: Drawn | NDArray[np.bool_] | None) -> Strengths:
        """By pair of columns its name and its associations, one for each code where the column below is a number.

        Each has shape ``(1 + 2 * halvings, n)``; where ``drawn`` says only which patients count, or is ``None`` for all
        of them, shape ``(1, n)``.
        """
        extract = extracts.sets[which]
        rows = extract.tables[self.name]
        sums = _Sums(which, drawn, rows.patient)
        coded_ = np.zeros(rows.n, np.int64) if self.code is None else self.code.of(rows.records)
        size = 1 if self.code is None else self.code.size
        ranks = {name: _ranked(grid, rows.records.numbers[name], coded_) for name, grid in self.grids.items()}
        found: Strengths = []
        for table, columns in self.above.items():
            owner = rows.parent if table != extracts.structure.patients else rows.patient
            assert owner is not None
            for cells in columns:
                label = _of_owner(cells, extract, table, owner)
                called = f"{table}.{cells.variable.name}"
                found += [
                    (f"{called} × {column}", values)
                    for column, values in self._pairs(cells, label, coded_, size, ranks, sums)
                ]
        return found

    def _pairs(
        self,
        cells: Cells,
        label: NDArray[np.int64],
        code: NDArray[np.int64],
        codes: int,
        ranks: Mapping[str, NDArray[np.float64]],
        sums: _Sums,
    ) -> Iterator[tuple[str, NDArray[np.float64]]]:
        known = label >= 0
        if self.code is not None and cells.variable.kind == "categorical":
            counts = sums.of(label * codes + code, cells.size * codes, known)
            yield self.code.variable.name, cramers_v(counts.reshape(-1, cells.size, codes))[:, None]
        elif self.code is not None:
            # Of tenths the place is the rank; the last two cells are text results and missing.
            number = known & (label < cells.size - 2)
            moments = (sums.of(code, codes, number, label.astype(float) ** power) for power in (0, 1, 2))
            yield self.code.variable.name, correlation_ratio(*moments)[:, None]
        for name, rank in ranks.items():
            number = known & np.isfinite(rank)
            joint = code * cells.size + label
            n, s, q = (
                sums.of(joint, codes * cells.size, number, np.where(number, rank, 0.0) ** power).reshape(
                    -1, codes, cells.size
                )
                for power in (0, 1, 2)
            )
            yield name, correlation_ratio(n, s, q)


@dataclass(frozen=True, eq=False)
class _Sums:
    """Sums over rows by cell, of a set's drawn patients in the whole and in every half, or of all in one."""

    which: str
    drawn: Drawn | NDArray[np.bool_] | None
    patient: NDArray[np.int64]

    def of(
        self,
        cells: NDArray[np.int64],
        size: int,
        rows: NDArray[np.bool_],
        weights: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        owned = rows & (self.patient >= 0)
        if isinstance(self.drawn, np.ndarray):
            owned &= self.drawn[np.maximum(self.patient, 0)]
        some = np.flatnonzero(owned)
        heavy = None if weights is None else weights[some]
        if not isinstance(self.drawn, Drawn):
            return np.bincount(cells[some], heavy, size)[None].astype(np.float64)
        return self.drawn.sums(self.which, cells[some], self.patient[some], size, heavy)


def _of_owner(cells: Cells, extract: Extract, table: str, owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """The cell of a column of the row above, -1 where there is none."""
    held = cells.of(extract.tables[table].records)
    return np.where(owner >= 0, held[np.maximum(owner, 0)], -1) if len(held) else np.full(len(owner), -1)


def _quantiles(values: NDArray[np.float64], code: NDArray[np.int64], codes: int) -> NDArray[np.float64]:
    grid = np.full((codes, _GRID), np.inf)
    known = np.isfinite(values)
    order = np.argsort(code[known], kind="stable")
    ends = np.cumsum(np.bincount(code[known], minlength=codes))
    for k, some in enumerate(np.split(values[known][order], ends[:-1])):
        if len(some):
            grid[k] = np.quantile(some, (np.arange(_GRID) + 0.5) / _GRID)
    return grid


def _ranked(grid: NDArray[np.float64], values: NDArray[np.float64], code: NDArray[np.int64]) -> NDArray[np.float64]:
    """The place of each value among the training set's quantiles for its code, from 0 to 1; ties share the mean."""
    ranks = np.full(len(values), np.nan)
    known = np.flatnonzero(np.isfinite(values))
    known = known[np.argsort(code[known], kind="stable")]
    ends = np.cumsum(np.bincount(code[known], minlength=len(grid)))
    for quantiles, rows in zip(grid, np.split(known, ends[:-1]), strict=True):
        low, high = (np.searchsorted(quantiles, values[rows], side=side) for side in ("left", "right"))
        ranks[rows] = (low + high) / (2 * _GRID)
    return ranks


def _rows(
    real: Strengths,
    found: Mapping[str, Strengths],
    kept: NDArray[np.bool_],
) -> list[dict[str, Any]]:
    """Pairs of columns with the mean association over their codes that are strong, worst first."""
    rows = []
    first = 0
    for k, (pair, values) in enumerate(real):
        strong = kept[first : first + values.shape[1]]
        first += values.shape[1]
        if not strong.any():
            continue
        mean = {which: float(pairs[k][1][0][strong].mean()) for which, pairs in found.items()}
        apart = np.abs(found["synthetic"][k][1][0] - values[0])[strong].mean()
        rows.append(
            {
                "pair": pair,
                "train": float(values[0][strong].mean()),
                "holdout": mean.get("holdout"),
                "synthetic": mean["synthetic"],
                "difference": float(apart),
            }
        )
    return sorted(rows, key=lambda row: -row["difference"])
