"""How faithful the tables of an extract are by the definitions of the peers' figures, and a split by patient.

python tests/benchmarks/relational_figures.py --config C --train DIR --holdout DIR --synthetic DIR [--tables t1,t2]
python tests/benchmarks/relational_figures.py --config C --split 0.2 --data DIR --out DIR [--patients N]

The second form writes DIR/train and DIR/holdout.

`synthgen evaluate` differs on purpose: it gives intervals and verdicts; this repeats a published table.
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.metrics.base import Records, Variable
from synthgen.metrics.boosting import tell_apart
from synthgen.metrics.cells import Cells, cut, quantile_edges
from synthgen.metrics.extract import Extract, Extracts, Rows, in_time, moments
from synthgen.metrics.features import Features
from synthgen.relational.kinship import Kinship
from synthgen.schema import load as schema_file
from synthgen.schema.config import Format, Schema
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.read import SUFFIXES, read
from synthgen.tables.split import Split
from synthgen.tables.write import write_dataset
from tests.benchmarks.clock import table

CODES = 20
#: Codes whose numbers and values the per-patient aggregates hold.
AGGREGATED = 40
STRONG = 0.1
#: Sets of patients, all of the same size, that a figure is averaged over; one where a table is long.
DRAWS = 10
LONG = 300_000
DEFINITIONS = f"""\
All sets are cut to as many patients as the smallest has (mean over {DRAWS} draws of patients); score and floor compare
with the training set, and so does the ceiling, which has the holdout in the synthetic set's place. The floor is the
training set with every column, and every link, resampled by itself.
children     total variation of the number of children per parent, in ten bins with edges from the training set
gap          Kolmogorov-Smirnov distance of the time between successive records of a patient in a table
transition   total variation of pairs of successive codes of a patient: {CODES} commonest, other, missing
association  mean absolute error of Cramer's V (label x code) or the correlation ratio (number by code; value within a
             code by label or tenth) of patients' attributes and children, over pairs of at least {STRONG} in training
C2ST         cross-fitted AUC of boosted trees on per-patient aggregates against the holdout; ceiling: training against
             holdout; c2st_train: against the training set"""

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class Figure:
    """One figure of one table; what has no meaning is NaN."""

    table: str
    name: str
    score: float
    ceiling: float = float("nan")
    floor: float = float("nan")


@dataclass(frozen=True, eq=False)
class Judging:
    """What the figures of one comparison share.

    Attributes:
        codes: by table, the column whose labels are the codes; else the one with the highest entropy.
    """

    extracts: Extracts
    seed: int
    tables: tuple[str, ...]
    codes: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def sets(self) -> dict[str, Extract]:
        """The sets by name; the training set first."""
        holdout = self.extracts.holdout
        assert holdout is not None
        floor = self.extracts.unrelated(np.random.default_rng(self.seed))
        return {"train": self.extracts.train, "score": self.extracts.synthetic, "ceiling": holdout, "floor": floor}

    @cached_property
    def size(self) -> int:
        """m, in patients."""
        return min(each.n_patients for each in self.sets.values())

    def draws(self, which: str, at_most: int) -> Iterator[NDArray[np.bool_]]:
        """Patients of a set, ``size`` of them, some times; all of them once where there are no more."""
        patients = self.sets[which].n_patients
        rng = np.random.default_rng([self.seed, *which.encode()])
        for _ in range(1 if patients == self.size else at_most):
            chosen = np.zeros(patients, bool)
            chosen[rng.permutation(patients)[: self.size]] = True
            yield chosen

    def draws_of(self, name: str) -> int:
        return DRAWS if max(each.tables[name].n for each in self.sets.values()) <= LONG else 1

    def code(self, name: str) -> Cells | None:
        """The cells of the code column of a table."""
        found = self.extracts.variables(name)
        labels = [v for v in found if v.kind == "categorical" and v.name == self.codes.get(name, v.name)]
        train = self.extracts.train.tables[name].records
        # names of things that hardly recur are no codes
        labels = [v for v in labels if len(v.labels) <= max(train.n / 5, 20) or v.name in self.codes.values()]
        if not labels or not train.n:
            return None
        chosen = max(labels, key=lambda variable: _entropy(train.codes[variable.name]))
        return cut([chosen], train, top=CODES)[0]

    def averaged(self, name: str, figure: str, of: Mapping[str, Any]) -> Figure:
        """The mean distance to the training set over draws of patients.

        Args:
            of: by set, a function from chosen patients to the distance.
        """
        found = {
            which: float(np.mean([of[which](chosen) for chosen in self.draws(which, self.draws_of(name))]))
            for which in ("score", "ceiling", "floor")
        }
        return Figure(name, figure, **found)

    def children(self, name: str) -> Figure:
        member = self.extracts.structure.members[name]
        held = {which: each.tables[name].numbers for which, each in self.sets.items()}
        whose = {
            which: np.arange(each.n_patients) if member.parent is None else each.tables[member.parent.table].patient
            for which, each in self.sets.items()
        }
        edges = quantile_edges(held["train"].astype(float), np.ones(len(held["train"])), 10)
        binned = {which: np.searchsorted(edges, numbers, side="right") for which, numbers in held.items()}
        return self.averaged(name, "children", _variations(binned, whose, len(edges) + 1))

    def gap(self, name: str) -> Figure | None:
        gaps = {which: self._gaps(name, each) for which, each in self.sets.items()}
        if any(each is None or not len(each[0]) for each in gaps.values()):
            return None
        train = np.sort(gaps["train"][0])  # type: ignore[index]

        def distance(which: str) -> Any:
            values, patient = gaps[which]  # type: ignore[misc]
            return lambda chosen: _ks(train, np.sort(values[chosen[patient]]))

        return self.averaged(name, "gap", {which: distance(which) for which in self.sets})

    def _gaps(self, name: str, extract: Extract) -> tuple[Floats, Integers] | None:
        rows, times = extract.tables[name], self._times(name, extract.tables[name])
        if times is None:
            return None
        before = in_time(rows, extract.n_patients, times).previous
        pairs = np.flatnonzero(before >= 0)
        gaps = times[pairs] - times[before[pairs]]
        known = np.isfinite(gaps)
        return gaps[known], rows.patient[pairs[known]]

    def _times(self, name: str, rows: Rows) -> Floats | None:
        order = self.extracts.structure.members[name].order
        return None if order is None or order not in rows.records.numbers else rows.records.numbers[order]

    def transition(self, name: str) -> Figure | None:
        cells = self.code(name)
        if cells is None:
            return None
        pairs, whose = {}, {}
        for which, extract in self.sets.items():
            rows = extract.tables[name]
            before = in_time(rows, extract.n_patients, self._times(name, rows)).previous
            later = np.flatnonzero(before >= 0)
            code = cells.of(rows.records)
            pairs[which] = code[before[later]] * cells.size + code[later]
            whose[which] = rows.patient[later]
        if not len(pairs["train"]):
            return None
        return self.averaged(name, "transition", _variations(pairs, whose, cells.size**2))

    def association(self, name: str) -> Figure | None:
        patients = self.extracts.structure.patients
        if patients is None or not self.extracts.train.tables[name].n:
            return None
        pairing = _Pairing.of(self.extracts, patients, name, self.code(name))
        everyone = np.ones(self.extracts.train.n_patients, bool)
        real = pairing.strengths(self.sets["train"], everyone)
        strong = real >= STRONG
        if not strong.any():
            return None

        def error(which: str) -> Any:
            return lambda chosen: np.abs(pairing.strengths(self.sets[which], chosen) - real)[strong].mean()

        return self.averaged(name, "association", {which: error(which) for which in self.sets})

    def told_apart(self) -> list[Figure]:
        """C2ST on per-patient aggregates."""
        flat = Flat.of(self)
        sides = {which: flat.records(each) for which, each in self.sets.items()}
        features = Features.of(flat.variables, list(sides.values()))
        matrices = {which: features.matrix(each) for which, each in sides.items()}
        repeats = 3 if self.size < 1000 else 1

        def auc(first: str, second: str) -> float:
            found = []
            for k in range(repeats):
                rng = np.random.default_rng([self.seed, k])
                pair = [
                    (matrices[which][rows], rows)
                    for which in (first, second)
                    for rows in [rng.permutation(len(matrices[which]))[: self.size]]
                ]
                found.append(tell_apart(features, pair[0], pair[1], rng).auc.value)
            return float(np.mean(found))

        ceiling = auc("train", "ceiling")
        return [
            Figure("all", "c2st", auc("score", "ceiling"), ceiling, auc("floor", "ceiling")),
            Figure("all", "c2st_train", auc("score", "train"), ceiling, auc("floor", "train")),
        ]

    def figures(self) -> Iterator[Figure]:
        for name in self.tables:
            for figure in (self.children(name), self.gap(name), self.transition(name), self.association(name)):
                if figure is not None:
                    yield figure
        yield from self.told_apart()


def _entropy(codes: NDArray[np.int32]) -> float:
    shares = np.bincount(codes + 1) / len(codes)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def _variations(cells: Mapping[str, Integers], whose: Mapping[str, Integers], size: int) -> dict[str, Any]:
    """By set, the total variation between the cells of the training set and those of chosen patients."""
    real = np.bincount(cells["train"], minlength=size) / len(cells["train"])

    def variation(which: str, chosen: NDArray[np.bool_]) -> float:
        owned = (whose[which] >= 0) & chosen[np.maximum(whose[which], 0)]
        counts = np.bincount(cells[which][owned], minlength=size)
        return float(np.abs(counts / max(counts.sum(), 1) - real).sum() / 2)

    return {which: lambda chosen, which=which: variation(which, chosen) for which in cells}


def _ks(first: Floats, second: Floats) -> float:
    """The largest difference of the distributions of two sorted samples."""
    if not len(second):
        return 1.0
    points = np.unique(np.concatenate([first, second]))
    shares = [np.searchsorted(each, points, side="right") / len(each) for each in (first, second)]
    return float(np.abs(shares[0] - shares[1]).max())


@dataclass(frozen=True, eq=False)
class _Pairing:
    """Attributes of patients, and what their children hold of it.

    Attributes:
        attributes: cells of each; a number's are tenths.
        values: of each number of the children, quantiles in the training set by code, shape ``(codes, 50)``.
    """

    patients: str
    name: str
    attributes: tuple[Cells, ...]
    code: Cells | None
    values: Mapping[str, Floats]

    @classmethod
    def of(cls, extracts: Extracts, patients: str, name: str, code: Cells | None) -> _Pairing:
        attributes = cut(extracts.variables(patients), extracts.train.tables[patients].records, top=CODES)
        records = extracts.train.tables[name].records
        coded = np.zeros(records.n, np.int64) if code is None else code.of(records)
        order = extracts.structure.members[name].order
        numbers = [v for v in extracts.variables(name) if v.kind == "numeric" and not v.temporal and v.name != order]
        values = {}
        for variable in numbers:
            held, grid = records.numbers[variable.name], np.full((1 if code is None else code.size, 50), np.inf)
            for k in range(len(grid)):
                some = held[(coded == k) & np.isfinite(held)]
                if len(some):
                    grid[k] = np.quantile(some, (np.arange(50) + 0.5) / 50)
            values[variable.name] = grid
        return cls(patients, name, attributes, code, values)

    def strengths(self, extract: Extract, chosen: NDArray[np.bool_]) -> Floats:
        """The association of each pair, in an order that is the same for every set."""
        rows = extract.tables[self.name]
        held = np.flatnonzero((rows.patient >= 0) & chosen[np.maximum(rows.patient, 0)])
        records, owner = rows.records.take(held), rows.patient[held]
        above = extract.tables[self.patients].records
        coded = np.zeros(len(held), np.int64) if self.code is None else self.code.of(records)
        size = 1 if self.code is None else self.code.size
        ranks = {name: self._ranks(name, records.numbers[name], coded) for name in self.values}
        found: list[Floats] = []
        for cells in self.attributes:
            label = cells.of(above)[owner]
            if self.code is not None and cells.variable.kind == "categorical":
                found.append(_cramer(label, cells.size, coded, size))
            elif self.code is not None:
                scores = np.where(label < cells.size - 2, label.astype(float), np.nan)
                found.append(_ratio(scores, coded, size, np.zeros(len(held), np.int64), 1))
            found += [_ratio(each, label, cells.size, coded, size) for each in ranks.values()]
        return np.concatenate(found) if found else np.empty(0)

    def _ranks(self, name: str, held: Floats, coded: Integers) -> Floats:
        ranks = np.full(len(held), np.nan)
        for k, grid in enumerate(self.values[name]):
            here = (coded == k) & np.isfinite(held)
            ranks[here] = (
                np.searchsorted(grid, held[here], side="left") + np.searchsorted(grid, held[here], side="right")
            ) / 2
        return ranks


def _cramer(first: Integers, rows: int, second: Integers, columns: int) -> Floats:
    """Cramer's V, corrected for bias (Bergsma 2013); shape ``(1,)``."""
    counts = np.bincount(first * columns + second, minlength=rows * columns).reshape(rows, columns).astype(float)
    counts = counts[counts.any(axis=1)][:, counts.any(axis=0)]
    n, (r, c) = counts.sum(), counts.shape
    if n < 2 or min(r, c) < 2:
        return np.zeros(1)
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0))
    phi = max(float((counts**2 / expected).sum()) - 1 - (r - 1) * (c - 1) / (n - 1), 0.0)
    smaller = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return np.array([min(np.sqrt(phi / smaller), 1.0)]) if smaller > 0 else np.zeros(1)


def _ratio(scores: Floats, label: Integers, labels: int, group: Integers, groups: int) -> Floats:
    """The correlation ratio of scores by label within each group, corrected for bias (Kelley 1935)."""
    known = np.isfinite(scores)
    cell = group[known] * labels + label[known]
    n, s, q = (
        np.bincount(cell, weights=weights, minlength=groups * labels).reshape(groups, labels)
        for weights in (np.ones(known.sum()), scores[known], scores[known] ** 2)
    )
    total = n.sum(axis=1)
    whole = q.sum(axis=1) - s.sum(axis=1) ** 2 / np.maximum(total, 1)
    within = q.sum(axis=1) - np.divide(s**2, n, out=np.zeros_like(s), where=n > 0).sum(axis=1)
    freedom = whole * (total - (n > 0).sum(axis=1))
    unexplained = np.divide(within * (total - 1), freedom, out=np.ones(groups), where=freedom > 1e-9)
    return np.sqrt(np.clip(1 - unexplained, 0, 1))


@dataclass(frozen=True, eq=False)
class Flat:
    """One row for each patient: attributes, and aggregates of the children."""

    extracts: Extracts
    tables: tuple[str, ...]
    codes: Mapping[str, tuple[Cells, tuple[int, ...]] | None]

    @classmethod
    def of(cls, judging: Judging) -> Flat:
        codes: dict[str, tuple[Cells, tuple[int, ...]] | None] = {}
        for name in judging.tables:
            cells = judging.code(name)
            if cells is not None:
                train = judging.extracts.train.tables[name].records
                cells = cut([cells.variable], train, top=AGGREGATED)[0]
            codes[name] = None if cells is None else (cells, tuple(range(cells.size)))
        return cls(judging.extracts, judging.tables, codes)

    @property
    def _attributes(self) -> tuple[str, tuple[Variable, ...]]:
        patients = self.extracts.structure.patients
        return ("", ()) if patients is None else (patients, self.extracts.variables(patients))

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        made = self._columns(self.extracts.train)
        train = {name: values for name, values in made.items() if np.unique(values[~np.isnan(values)]).size > 1}
        return (*self._attributes[1], *(Variable(name, "numeric") for name in train))

    def records(self, extract: Extract) -> Records:
        table, attributes = self._attributes
        own = {v.name for v in self.variables}
        numbers = {name: values for name, values in self._columns(extract).items() if name in own}
        codes = {name: np.where(np.isnan(values), -1, 0).astype(np.int32) for name, values in numbers.items()}
        if table:
            above = extract.tables[table].records
            numbers |= {v.name: above.numbers[v.name] for v in attributes if v.kind == "numeric"}
            codes |= {v.name: above.codes[v.name] for v in attributes}
        return Records(np.arange(extract.n_patients), numbers, codes)

    def _columns(self, extract: Extract) -> dict[str, Floats]:
        origin = origins(self.extracts, extract, self.tables)
        columns: dict[str, Floats] = {}
        for name in self.tables:
            columns |= {f"{name}.{what}": values for what, values in self._of_table(name, extract, origin).items()}
        return columns

    def _of_table(self, name: str, extract: Extract, origin: Floats) -> dict[str, Floats]:
        rows = extract.tables[name]
        order = self.extracts.structure.members[name].order
        times = None if order is None else rows.records.numbers.get(order)
        siblings = in_time(rows, extract.n_patients, times)
        found: dict[str, Floats] = {"count": siblings.numbers.astype(float)}
        variable = None if order is None else self.extracts.variable(name, order)
        if variable is not None and times is not None:
            moment = moments(variable, rows.records)
            since = times if moment is None else moment - origin[rows.patient]
            found |= _summaries(
                "time", since, rows.patient, np.zeros(rows.n, np.int64), 1, extract.n_patients, siblings.order
            )
            found = {what: values for what, values in found.items() if not what.startswith("time mean")}
        coded = self.codes[name]
        size, code = (1, np.zeros(rows.n, np.int64)) if coded is None else (coded[0].size, coded[0].of(rows.records))
        if coded is not None:
            owned = rows.patient >= 0
            cell = rows.patient[owned] * size + code[owned]
            counts = np.bincount(cell, minlength=extract.n_patients * size).reshape(-1, size)
            found |= {f"count {k}": counts[:, k].astype(float) for k in range(size)}
        for each in self.extracts.variables(name):
            if each.kind == "numeric" and not each.temporal and each.name != order:
                values = rows.records.numbers[each.name]
                found |= _summaries(each.name, values, rows.patient, code, size, extract.n_patients, siblings.order)
        return found


def _summaries(
    what: str, values: Floats, patient: Integers, code: Integers, size: int, n_patients: int, order: Integers
) -> dict[str, Floats]:
    """Mean, minimum, maximum and last value per patient and code; NaN where there is none."""
    rows = order[np.isfinite(values[order])]
    cell = patient[rows] * size + code[rows]
    rows = rows[np.argsort(cell, kind="stable")]
    cell = np.sort(cell)
    held, starts = np.unique(cell, return_index=True)
    made = {key: np.full(n_patients * size, np.nan) for key in ("mean", "min", "max", "last")}
    if len(rows):
        sorted_values = values[rows]
        ends = np.append(starts[1:], len(rows))
        made["mean"][held] = np.add.reduceat(sorted_values, starts) / (ends - starts)
        made["min"][held] = np.minimum.reduceat(sorted_values, starts)
        made["max"][held] = np.maximum.reduceat(sorted_values, starts)
        made["last"][held] = sorted_values[ends - 1]
    return {f"{what} {key} {k}": all_.reshape(-1, size)[:, k] for key, all_ in made.items() for k in range(size)}


_BIRTH = re.compile("birth|born|dob$", re.IGNORECASE)


def birth_of(extracts: Extracts, extract: Extract) -> Floats | None:
    """The day of birth of each patient; ``None`` where no column of the patients is named so."""
    patients = extracts.structure.patients
    for variable in () if patients is None else extracts.variables(patients):
        if variable.temporal in ("date", "datetime") and _BIRTH.search(variable.name):
            assert patients is not None
            return moments(variable, extract.tables[patients].records)
    return None


def origins(extracts: Extracts, extract: Extract, tables: Sequence[str]) -> Floats:
    """The day from which the dates of a patient count: birth, or the first record."""
    birth = birth_of(extracts, extract)
    if birth is not None:
        return birth
    first = np.full(extract.n_patients, np.inf)
    for name in tables:
        order = extracts.structure.members[name].order
        variable = None if order is None else extracts.variable(name, order)
        days = None if variable is None else moments(variable, extract.tables[name].records)
        if days is not None:
            patient = extract.tables[name].patient
            known = np.isfinite(days) & (patient >= 0)
            np.minimum.at(first, patient[known], days[known])
    return np.where(np.isfinite(first), first, np.nan)


def faults(extracts: Extracts, extract: Extract, tables: Sequence[str]) -> Iterator[tuple[str, str, float]]:
    """Shares of rows with a fault: by table, what, share."""
    birth = birth_of(extracts, extract)
    for name in tables:
        rows, member, config = extract.tables[name], extracts.structure.members[name], extracts.schema.tables[name]
        relatives = rows.relatives
        assert relatives is not None
        n = max(rows.n, 1)
        if config.key_columns:
            yield name, "keys unique", 1 - (relatives.keyless + relatives.repeated) / n
        links = dict(relatives.links)
        if relatives.parent is not None and member.parent is not None:
            links[member.parent] = relatives.parent
        for link, joined in links.items():
            yield name, f"{','.join(link.columns)} resolves", 1 - joined.dangling / max(rows.n - joined.missing, 1)
        if relatives.contrary:
            yield name, "other patient than the parent's", relatives.contrary / n
        dates = {v.name: days for v in extracts.variables(name) if (days := moments(v, rows.records)) is not None}
        start = member.order if member.order in dates else None
        if birth is not None and start is not None:
            born = np.where(rows.patient >= 0, birth[np.maximum(rows.patient, 0)], np.nan)
            yield name, "before birth", _share_below(dates[start], born)
        if start is not None and rows.parent is not None and member.parent is not None:
            above = extracts.structure.members[member.parent.table]
            variable = None if above.order is None else extracts.variable(above.name, above.order)
            days = None if variable is None else moments(variable, extract.tables[above.name].records)
            if days is not None and len(days):
                begun = np.where(rows.parent >= 0, days[np.maximum(rows.parent, 0)], np.nan)
                yield name, f"before its {above.name}", _share_below(dates[start], begun)
        for end in _ends(extracts, name, start):
            assert start is not None
            yield name, f"{end} before {start}", _share_below(dates[end], dates[start])
        real = extracts.train.tables[name].records
        for column, days in dates.items():
            variable = extracts.variable(name, column)
            assert variable is not None
            window = moments(variable, real)
            assert window is not None
            if np.isfinite(window).any() and np.isfinite(days).any():
                known = days[np.isfinite(days)]
                outside = (known < np.nanmin(window)) | (known > np.nanmax(window))
                yield name, f"{column} outside the window", float(outside.mean())


def _ends(extracts: Extracts, name: str, start: str | None) -> list[str]:
    """The dates of a row that do not come before its start, but for exceptions, in the training set."""
    first = None if start is None else extracts.variable(name, start)
    if first is None:
        return []
    records = extracts.train.tables[name].records
    begun = moments(first, records)
    found = []
    for variable in extracts.variables(name):
        days = moments(variable, records)
        if days is not None and begun is not None and variable.name != start and np.isfinite(days).any():
            later = np.floor(days) > np.floor(begun)
            if later.any() and _share_below(days, begun) <= 0.1:
                found.append(variable.name)
    return found


def _share_below(days: Floats, limit: Floats) -> float:
    """The share of rows that come on a day before another, among those that have both."""
    both = np.isfinite(days) & np.isfinite(limit)
    return float((np.floor(days[both]) < np.floor(limit[both])).mean()) if both.any() else float("nan")


@dataclass(frozen=True, eq=False)
class Part:
    """Some rows of a table, as a table."""

    whole: Table
    chosen: NDArray[np.bool_]

    @property
    def name(self) -> str:
        return self.whole.name

    @property
    def source(self) -> str:
        return self.whole.source

    @property
    def columns(self) -> tuple[str, ...]:
        return self.whole.columns

    @property
    def format(self) -> Format:
        return self.whole.format

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        return self.whole.types

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        first = 0
        for block in self.whole:
            yield block.filter(pa.array(self.chosen[first : first + block.num_rows]))
            first += block.num_rows

    def digest(self) -> bytes:
        return self.whole.digest()


def split(data: Path, schema: Schema, share: float, seed: int, out: Path, patients: int | None = None) -> None:
    """Write ``out``/train and ``out``/holdout; tables of no patient go to both.

    Args:
        patients: of the training set at most so many, and of the holdout in proportion.
    """
    dataset = read(data, schema=schema)
    kinship = Kinship.of(dataset, schema)
    drawn = Split.draw(dataset, share=share, patient=None, seed=seed)
    sides = kinship.sides(drawn)
    kept = np.ones(kinship.n_patients, bool)
    if patients is not None:
        held = drawn.holds_out(drawn.of_patients(kinship.ids))
        rng = np.random.default_rng(seed)
        for side, number in ((False, patients), (True, round(patients * share / (1 - share)))):
            some = rng.permutation(np.flatnonzero(held == side))
            kept[some[number:]] = False
    endings = {_table_of(file): file.name[len(_table_of(file)) :] for file in data.iterdir() if _table_of(file)}
    out.mkdir(parents=True, exist_ok=True)
    for side, folder in ((False, "train"), (True, "holdout")):
        parts = {}
        for name, table_ in dataset.tables.items():
            rows = kinship.tables[name]
            own = rows.member.role in ("patient", "child")
            there = kept[np.maximum(rows.patient, 0)] if own else np.ones(rows.n_rows, bool)
            parts[name] = Part(table_, there & ((sides[name][1] == side) | (not own)))
        write_dataset(out / folder, Dataset(parts), endings)
        print(f"{out / folder}: " + ", ".join(f"{name} {int(part.chosen.sum()):,}" for name, part in parts.items()))


def _table_of(file: Path) -> str:
    return next((file.name[: -len(s)] for s in SUFFIXES if file.name.lower().endswith(s)), "")


def judge(
    schema: Schema,
    train: Path,
    holdout: Path,
    synthetic: Path,
    tables: Sequence[str],
    seed: int,
    codes: Mapping[str, str],
) -> None:
    """Print all figures."""
    began = time.process_time()
    sets = [read(folder, schema=schema) for folder in (train, holdout, synthetic)]
    extracts = Extracts.of(schema, sets[0], sets[1], sets[2])
    chosen = tuple(name for name in extracts.children if not tables or name in tables)
    judging = Judging(extracts, seed, chosen, codes)
    print(f"{judging.size:,} patients of each set; read in {time.process_time() - began:.0f} s of processor time")
    figures = list(judging.figures())
    lines = [(f.table, f.name, *(f"{value:.3f}" for value in (f.score, f.ceiling, f.floor))) for f in figures]
    for name in ("children", "gap", "transition", "association"):
        own = [f for f in figures if f.name == name]
        if own:
            means = (np.mean([getattr(f, part) for f in own]) for part in ("score", "ceiling", "floor"))
            lines.append(("all", name, *(f"{mean:.3f}" for mean in means)))
    print(table(("table", "figure", "score", "ceiling", "floor"), lines))
    cells = {name: cells for name in chosen if (cells := judging.code(name)) is not None}
    print("codes: " + ", ".join(f"{name}.{cell.variable.name}" for name, cell in cells.items()))
    every = [
        name
        for name in extracts.structure.members
        if name in chosen or name in extracts.train.tables and extracts.structure.members[name].role != "child"
    ]
    both = [
        {(t, what): share for t, what, share in faults(extracts, each, every)}
        for each in (extracts.synthetic, extracts.train)
    ]
    rows, perfect = [], 0
    for t, what in dict.fromkeys([*both[0], *both[1]]):
        shares = [each.get((t, what), float("nan")) for each in both]
        ideal = 1.0 if what.endswith(("unique", "resolves")) else 0.0
        perfect += shares == [ideal, ideal]
        if shares != [ideal, ideal]:
            rows.append((t, what, *(f"{share:.4f}" for share in shares)))
    print(table(("table", "share", "synthetic", "train"), rows))
    print(f"{perfect} other shares of keys, links and dates are perfect in both sets")
    print(f"{time.process_time() - began:.0f} s of processor time")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--config", type=Path, required=True)
    parser.add_argument("--seed", type=int, default=0)
    for name in ("--train", "--holdout", "--synthetic", "--data", "--out"):
        parser.add_argument(name, type=Path)
    parser.add_argument("--tables", default="")
    parser.add_argument("--codes", default="", help="TABLE=COLUMN,...: the column of codes")
    parser.add_argument("--split", type=float)
    parser.add_argument("--patients", type=int)
    given = parser.parse_args()
    schema = schema_file.load(given.config)
    if given.split is not None:
        split(given.data, schema, given.split, given.seed, given.out, given.patients)
        return
    print(DEFINITIONS)
    codes = dict(pair.split("=") for pair in given.codes.split(",") if pair)
    tables = [name for name in given.tables.split(",") if name]
    judge(schema, given.train, given.holdout, given.synthetic, tables, given.seed, codes)


if __name__ == "__main__":
    sys.exit(main())
