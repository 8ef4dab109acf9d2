"""Extracts of several tables on one footing: whose rows they are, and the same codes in every set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Records, Variable
from synthgen.metrics.floor import independent
from synthgen.metrics.prepare import Sheet, compare
from synthgen.relational.kinship import Kinship, Relatives
from synthgen.relational.siblings import Siblings
from synthgen.relational.structure import Structure
from synthgen.schema.config import Schema
from synthgen.tables.dataset import Dataset

_DAY = 86_400


@dataclass(frozen=True, eq=False)
class Rows:
    """One table of one set.

    Attributes:
        records: on the footing that all sets share. Rows of no patient have numbers of their own there.
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
        n_patients: how many patients there are, those without rows included.
    """

    n_patients: int
    tables: Mapping[str, Rows]


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
    _known: dict[str, object] = field(default_factory=dict, init=False, repr=False)

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
                patients=[_units(each.patient, kin.n_patients) for each, kin in zip(relatives, kinships, strict=True)],
            )
            comparisons[name] = compared
            records = [compared.train, *([] if compared.holdout is None else [compared.holdout]), compared.synthetic]
            for own, each, rows, kin in zip(tables, relatives, records, kinships, strict=True):
                parent = None if each.parent is None else each.parent.rows
                above = None if member.parent is None else kin.tables[member.parent.table].n_rows
                own[name] = Rows(rows, each.patient, parent, kin.n_patients if above is None else above, each)
        sets = [Extract(kin.n_patients, own) for kin, own in zip(kinships, tables, strict=True)]
        return cls(schema, structure, comparisons, sets[0], None if holdout is None else sets[1], sets[-1])

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

    def floor(self, rng: np.random.Generator) -> Extract:
        """The training set where every column of every table is resampled by itself, and so is every link.

        A row belongs to any parent with the same chance: what such a set scores, a generator scores that knows the
        columns and the number of rows, and nothing of patients and time.
        """
        made: dict[str, Rows] = {}
        for name, rows in self.train.tables.items():
            member = self.structure.members[name]
            parent = None if rows.parent is None else rng.integers(rows.n_parents, size=rows.n)
            if parent is not None and member.parent is not None:
                patient = made[member.parent.table].patient[parent]
            elif member.role == "child":
                patient = rng.integers(self.train.n_patients, size=rows.n)
            else:
                patient = rows.patient
            made[name] = Rows(independent(rows.records, rows.n, rng), patient, parent, rows.n_parents)
        return Extract(self.train.n_patients, made)


def _units(patient: NDArray[np.int64], n_patients: int) -> NDArray[np.int64]:
    """Patients' ordinals, where rows of no patient are patients of their own."""
    return np.where(patient >= 0, patient, n_patients + np.arange(len(patient)))


def moments(variable: Variable, records: Records) -> NDArray[np.float64] | None:
    """Days since 1970 of each record, NaN where there are none; ``None`` where the variable is no date."""
    if variable.temporal == "date":
        return records.numbers[variable.name]
    if variable.temporal == "datetime":
        return records.numbers[variable.name] / _DAY
    return None


def in_time(rows: Rows, n_patients: int, times: NDArray[np.float64] | None) -> Siblings:
    """The rows patient by patient, each one's in the order of time."""
    return Siblings.of(rows.patient, n_patients, times)
