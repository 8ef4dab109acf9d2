"""A patient's whole history as one record, so that what judges records judges patients of several tables."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Records, Variable
from synthgen.metrics.coding.cells import Cells, cut
from synthgen.metrics.extract import Extract, Extracts
from synthgen.metrics.identity import distinct_pairs
from synthgen.metrics.result import HISTORIES

#: A code has columns of its own where so many training patients have it: their names stand in reports.
_FEWEST = 11
#: The last cells of a code: other, and missing.
_REST = ("other", "missing")


@dataclass(frozen=True, eq=False)
class Histories:
    """One record for each patient.

    Its columns are the patient's own, and of each child table: how many rows there are, and how many of each code;
    the first and last time, counted from birth, else from the patient's first date; and mean, least, greatest and last
    value of each number, for each code. Codes are the commonest of the training set. Columns that are constant in the
    training set are left out.

    Attributes:
        tables: the child tables that count.
        codes: how many codes of a table are counted apart, and of how many the values are.
        columns: by table, the column of codes, where it is not the one found.
    """

    extracts: Extracts
    tables: tuple[str, ...]
    counted: int = 20
    valued: int = 10
    columns: Mapping[str, str] | None = None

    def comparison(self) -> Comparison:
        """The records of all sets, on one footing; target, groups and follow-up are those of the patients' table."""
        extracts = self.extracts
        own = None if extracts.structure.patients is None else extracts.comparisons[extracts.structure.patients]
        return Comparison(
            HISTORIES,
            self.variables,
            self.records(extracts.train),
            None if extracts.holdout is None else self.records(extracts.holdout),
            self.records(extracts.synthetic),
            None if own is None else own.target,
            extracts.schema.privacy.rare_below,
            True,
            () if own is None else own.groups,
            None if own is None else own.survival,
        )

    @cached_property
    def variables(self) -> tuple[Variable, ...]:
        """Of the comparison; the patient's own first."""
        made = (
            Variable(name, "numeric", decimals=0 if " number of " in f" {name}" else None)
            for name, values in self._train.items()
            if np.unique(values[np.isfinite(values)]).size > 1
        )
        return (*self._own, *made)

    @property
    def _own(self) -> tuple[Variable, ...]:
        patients = self.extracts.structure.patients
        return () if patients is None else self.extracts.variables(patients)

    def records(self, extract: Extract) -> Records:
        """One record for each patient of a set."""
        columns = self._train if extract is self.extracts.train else self._columns(extract)
        numbers = {each.name: columns[each.name] for each in self.variables[len(self._own) :]}
        codes = {name: np.where(np.isfinite(values), 0, -1).astype(np.int32) for name, values in numbers.items()}
        if self.extracts.structure.patients is not None:
            own = extract.tables[self.extracts.structure.patients].records
            numbers |= own.numbers
            codes |= own.codes
        return Records(np.arange(extract.n_patients), numbers, codes)

    @cached_property
    def _train(self) -> dict[str, NDArray[np.float64]]:
        return self._columns(self.extracts.train)

    def _columns(self, extract: Extract) -> dict[str, NDArray[np.float64]]:
        begun = self.extracts.begun(extract)
        return {what: values for name in self.tables for what, values in self._of_table(name, extract, begun)}

    def _of_table(
        self, name: str, extract: Extract, begun: NDArray[np.float64]
    ) -> Iterator[tuple[str, NDArray[np.float64]]]:
        rows, order = extract.tables[name], self.extracts.structure.members[name].order
        siblings = self.extracts.in_time(name, extract)
        yield f"number of {name}", siblings.numbers.astype(np.float64)
        times, days = self.extracts.times(name, extract), self.extracts.days(name, extract)
        if times is not None:
            since = times if days is None else days - np.append(begun, np.nan)[rows.patient]
            first, last = _ends(since, rows.patient, siblings.order, extract.n_patients)
            yield f"first {order} of {name}", first
            yield f"last {order} of {name}", last
        cells = self._coded[name]
        if cells is not None:
            labels, owned = _labels(cells), rows.patient >= 0
            cell = rows.patient[owned] * cells.size + cells.of(rows.records)[owned]
            counts = np.bincount(cell, minlength=extract.n_patients * cells.size).reshape(-1, cells.size)
            for k, label in enumerate(labels):
                yield f"number of {name}, {label}", counts[:, k].astype(np.float64)
        yield from self._values(name, extract, siblings.order)

    def _values(
        self, name: str, extract: Extract, order: NDArray[np.int64]
    ) -> Iterator[tuple[str, NDArray[np.float64]]]:
        rows, coded = extract.tables[name], self._coded[name]
        labels = [""] if coded is None else [f", {label}" for label in _labels(coded)]
        code = np.zeros(rows.n, np.int64) if coded is None else coded.of(rows.records)
        kept = [k for k in range(len(labels)) if coded is None or k < min(self.valued, len(labels) - len(_REST))]
        for each in self.extracts.variables(name):
            if each.kind != "numeric" or each.name == self.extracts.structure.members[name].order or each.temporal:
                continue
            made = _summaries(
                rows.records.numbers[each.name], rows.patient, code, len(labels), extract.n_patients, order
            )
            for k in kept:
                for what, values in made.items():
                    yield f"{what} {each.name} of {name}{labels[k]}", values[:, k]

    @cached_property
    def _coded(self) -> dict[str, Cells | None]:
        found: dict[str, Cells | None] = {}
        for name in self.tables:
            variable = self.extracts.code(name, (self.columns or {}).get(name))
            records = self.extracts.train.tables[name].records
            if variable is None:
                found[name] = None
                continue
            (cells,) = cut([variable], records, top=self.counted)
            held, _ = distinct_pairs(cells.of(records), records.patient)
            patients = np.bincount(held, minlength=cells.size)
            common = int(np.sum(np.minimum.accumulate(patients[: cells.size - len(_REST)] >= _FEWEST)))
            found[name] = cut([variable], records, top=common)[0]
        return found


def _labels(cells: Cells) -> list[str]:
    """What each cell of a code is called."""
    names = [""] * cells.size
    for code, cell in enumerate(cells.place[1:]):
        names[cell] = cells.variable.labels[code]
    return [*names[: -len(_REST)], *_REST]


def _ends(
    times: NDArray[np.float64], patient: NDArray[np.int64], order: NDArray[np.int64], patients: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The first and the last time of each patient; NaN for those without."""
    rows = order[np.isfinite(times[order])]
    first, last = np.full(patients, np.nan), np.full(patients, np.nan)
    last[patient[rows]] = times[rows]
    first[patient[rows[::-1]]] = times[rows[::-1]]
    return first, last


def _summaries(
    values: NDArray[np.float64],
    patient: NDArray[np.int64],
    code: NDArray[np.int64],
    codes: int,
    patients: int,
    order: NDArray[np.int64],
) -> dict[str, NDArray[np.float64]]:
    """Mean, least, greatest and last value by patient and code, shape ``(patients, codes)``; NaN where none is."""
    rows = order[np.isfinite(values[order])]
    cell = patient[rows] * codes + code[rows]
    place = np.argsort(cell, kind="stable")
    rows, cell = rows[place], cell[place]
    made = {what: np.full(patients * codes, np.nan) for what in ("mean", "least", "greatest", "last")}
    if len(rows):
        held, starts = np.unique(cell, return_index=True)
        ends = np.append(starts[1:], len(rows))
        made["mean"][held] = np.add.reduceat(values[rows], starts) / (ends - starts)
        made["least"][held] = np.minimum.reduceat(values[rows], starts)
        made["greatest"][held] = np.maximum.reduceat(values[rows], starts)
        made["last"][held] = values[rows][ends - 1]
    return {what: each.reshape(patients, codes) for what, each in made.items()}
