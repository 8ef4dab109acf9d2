"""Extracts of several tables on one footing: whose rows they are, and the same codes in every set."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, partial

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Records, Variable
from synthgen.metrics.floor import independent
from synthgen.metrics.once import Once
from synthgen.metrics.prepare import Sheet, compare
from synthgen.relational.belonging.kinship import Kinship, Relatives
from synthgen.relational.belonging.siblings import Siblings
from synthgen.relational.belonging.structure import Structure
from synthgen.reshape.code_list import CodeList
from synthgen.schema.column import Code, Column
from synthgen.schema.config import Schema
from synthgen.tables.dataset import Dataset

_DAY = 86_400
#: What the day of birth is called.
_BIRTH = re.compile("birth|born|dob$", re.IGNORECASE)
_CODES = ("category", "code", "ordinal", "boolean")
#: So many rows to a label, or so few labels, make a column one of codes.
_RECURRING, _FEW_LABELS = 5, 20
#: The floor is resampled once for all measures.
_FLOOR_SEED = 0


@dataclass(frozen=True, eq=False)
class Rows:
    """One table of one set.

    Attributes:
        records: on the footing that all sets share. Each row of no patient is a patient of its own there.
        patient: int64 ``(n,)``, the ordinal of the patient, -1 where there is none.
        parent: int64 ``(n,)``, the row of the parent table, negative where there is none; ``None`` at the top.
        n_parents: how many rows the parent table has; of a table at the top, how many patients there are.
        relatives: what was found when the tables were joined; ``None`` where nothing was, as in a floor.
    """

    records: Records
    patient: NDArray[np.int64]
    parent: NDArray[np.int64] | None
    n_parents: int
    relatives: Relatives | None = None

    @property
    def n(self) -> int:
        return len(self.patient)

    @cached_property
    def numbers(self) -> NDArray[np.int64]:
        """Rows per parent, shape ``(n_parents,)``."""
        of = self.patient if self.parent is None else self.parent
        return np.bincount(of[of >= 0], minlength=self.n_parents).astype(np.int64)


@dataclass(frozen=True, eq=False)
class Extract:
    """One set: its tables by name, in an order in which each stands behind its parent; reference tables are not there.

    Attributes:
        ids: the patients' ids, by ordinal, those without rows included. Personal data.
    """

    ids: pa.StringArray
    tables: Mapping[str, Rows]

    @property
    def n_patients(self) -> int:
        return len(self.ids)


@dataclass(frozen=True, eq=False)
class Extracts:
    """Training, holdout and synthetic sets of one extract, with the same variables in every table.

    Attributes:
        variables: of each table.
        comparisons: each table's rows as an ordinary comparison.
    """

    schema: Schema
    structure: Structure
    comparisons: Mapping[str, Comparison]
    train: Extract
    holdout: Extract | None
    synthetic: Extract
    once: Once = field(default_factory=Once, init=False, repr=False)

    @classmethod
    def of(cls, schema: Schema, train: Dataset, holdout: Dataset | None, synthetic: Dataset) -> Extracts:
        """The comparison of the sets of an extract.

        Raises:
            InputError: no table names the patient, or a table cannot be read or lacks columns.
        """
        given = [train, *([] if holdout is None else [holdout]), synthetic]
        kinships = [Kinship.of(dataset, schema) for dataset in given]
        structure = kinships[0].structure
        comparisons: dict[str, Comparison] = {}
        tables: list[dict[str, Rows]] = [{} for _ in given]
        for name, member in structure.members.items():
            if member.role == "reference":
                continue
            relatives = [kinship.tables[name] for kinship in kinships]
            sheets = [Sheet.of(dataset.tables[name], schema.format_of(name)) for dataset in given]
            compared = compare(
                schema.tables[name],
                table=name,
                train=sheets[0],
                holdout=None if holdout is None else sheets[1],
                synthetic=sheets[-1],
                rare_below=schema.privacy.rare_below,
                patients=None
                if member.role == "lookup"
                else [_units(each.patient, kin.n_patients) for each, kin in zip(relatives, kinships, strict=True)],
            )
            comparisons[name] = compared
            records = [compared.train, *([] if compared.holdout is None else [compared.holdout]), compared.synthetic]
            for own, each, rows, kin in zip(tables, relatives, records, kinships, strict=True):
                parent = None if each.parent is None else each.parent.rows
                above = None if member.parent is None else kin.tables[member.parent.table].n_rows
                own[name] = Rows(rows, each.patient, parent, kin.n_patients if above is None else above, each)
        sets = [Extract(kin.ids, own) for kin, own in zip(kinships, tables, strict=True)]
        return cls(schema, structure, comparisons, sets[0], None if holdout is None else sets[1], sets[-1])

    def times(self, name: str, extract: Extract) -> NDArray[np.float64] | None:
        """What orders the rows of a table, in seconds where it is a date or a time; ``None`` without such a column."""
        order = self.structure.members[name].order
        variable = None if order is None else self.variable(name, order)
        if variable is None or variable.kind != "numeric":
            return None
        numbers = extract.tables[name].records.numbers[variable.name]
        return numbers * _DAY if variable.temporal == "date" else numbers

    def days(self, name: str, extract: Extract) -> NDArray[np.float64] | None:
        """The day of each row by the column that orders the table; ``None`` where that is no date."""
        order = self.structure.members[name].order
        variable = None if order is None else self.variable(name, order)
        return None if variable is None else moments(variable, extract.tables[name].records)

    def in_time(self, name: str, extract: Extract) -> Siblings:
        """The rows of a table patient by patient, each one's in the order of time, or as they stand without one."""
        which = next((key for key, each in self.sets.items() if each is extract), None)
        made = partial(Siblings.of, extract.tables[name].patient, extract.n_patients, self.times(name, extract))
        return made() if which is None else self.once(f"order of {name} in {which}", made)

    def birth(self, extract: Extract) -> NDArray[np.float64] | None:
        """The day of birth of each patient; ``None`` where no date of the patients' table is named so."""
        table = self.structure.patients
        for variable in () if table is None else self.variables(table):
            if variable.temporal in ("date", "datetime") and _BIRTH.search(variable.name):
                assert table is not None
                return moments(variable, extract.tables[table].records)
        return None

    def begun(self, extract: Extract) -> NDArray[np.float64]:
        """The day from which the dates of a patient count: birth, else that of the first row of any child table."""
        birth = self.birth(extract)
        if birth is not None:
            return birth
        first = np.full(extract.n_patients, np.inf)
        for name in self.children:
            days, patient = self.days(name, extract), extract.tables[name].patient
            if days is not None:
                known = np.isfinite(days) & (patient >= 0)
                np.minimum.at(first, patient[known], days[known])
        return np.where(np.isfinite(first), first, np.nan)

    def code(self, name: str, column: str | None = None) -> Variable | None:
        """The variable that says what each row of a table is about: of the labels of many rows the most diverse.

        Args:
            column: that one instead. Of several codes in a cell the first counts.
        """
        config, records = self.schema.tables[name], self.train.tables[name].records
        labels = {_first_of(column, of) for column, of in config.columns.items() if of.kind in _CODES}
        found = [
            each
            for each in self.variables(name)
            if each.kind == "categorical" and each.name in labels and len(each.labels) > 1
        ]
        if column is not None:
            return next((each for each in found if each.name == column), None)
        # The names of things that hardly recur say nothing of what happened.
        recurring = [each for each in found if len(each.labels) <= max(records.n / _RECURRING, _FEW_LABELS)]
        return max(recurring, key=lambda each: _entropy(records.codes[each.name]), default=None)

    @property
    def real(self) -> dict[str, Extract]:
        """The training set and, where there is one, the holdout."""
        return {"train": self.train} | ({} if self.holdout is None else {"holdout": self.holdout})

    @property
    def sets(self) -> dict[str, Extract]:
        """The real sets, the synthetic one, and the floor, by name."""
        floor = self.once("floor", lambda: self.unrelated(np.random.default_rng(_FLOOR_SEED)))
        return self.real | {"synthetic": self.synthetic, "floor": floor}

    @property
    def children(self) -> tuple[str, ...]:
        """The tables whose rows are those of patients, but for the patients' own."""
        return tuple(name for name, member in self.structure.members.items() if member.role == "child")

    def variables(self, name: str) -> tuple[Variable, ...]:
        """The variables of a table."""
        return self.comparisons[name].variables

    def variable(self, name: str, column: str) -> Variable | None:
        """One of them; ``None`` where the column is not compared."""
        return next((each for each in self.variables(name) if each.name == column), None)

    def unrelated(self, rng: np.random.Generator) -> Extract:
        """The floor: the training set where every column of every table is resampled by itself, and so is every link.

        A row belongs to any parent with the same chance: what such a set scores, a generator scores that knows the
        columns and the number of rows, and nothing of patients and time.
        """
        made: dict[str, Rows] = {}
        for name, rows in self.train.tables.items():
            member = self.structure.members[name]
            parent = None if rows.parent is None else rng.integers(max(rows.n_parents, 1), size=rows.n)
            if parent is not None and member.parent is not None:
                patient = made[member.parent.table].patient[parent]
            elif member.role == "child":
                patient = rng.integers(self.train.n_patients, size=rows.n)
            else:
                patient = rows.patient
            made[name] = Rows(independent(rows.records, rows.n, rng), patient, parent, rows.n_parents)
        return Extract(self.train.ids, made)


def _units(patient: NDArray[np.int64], n_patients: int) -> NDArray[np.int64]:
    """Patients as dense numbers, where each row of no patient is a patient of its own."""
    apart = np.where(patient >= 0, patient, n_patients + np.arange(len(patient)))
    return np.unique(apart, return_inverse=True)[1].astype(np.int64)


def moments(variable: Variable, records: Records) -> NDArray[np.float64] | None:
    """Days since 1970 of each record, NaN where there are none; ``None`` where the variable is no date."""
    if variable.temporal == "date":
        return records.numbers[variable.name]
    if variable.temporal == "datetime":
        return records.numbers[variable.name] / _DAY
    return None


def _entropy(codes: NDArray[np.int32]) -> float:
    shares = np.bincount(codes + 1) / max(len(codes), 1)
    shares = shares[shares > 0]
    return float(-(shares * np.log(shares)).sum())


def _first_of(name: str, column: Column) -> str:
    """The variable of a column of labels; of several codes in a cell that of the first."""
    if isinstance(column, Code) and column.separator and not column.determined_by:
        return CodeList(name, column.separator).positions[0]
    return name
