"""One table of an extract beside its ancestors, as its rules see it."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Comparison, Records, Rules, Variable
from synthgen.metrics.extract import Extract, Extracts
from synthgen.relational.rules.ruling import Ruling
from synthgen.schema.rules import expression as ex

T = TypeVar("T", np.int32, np.float64)


def with_ancestors(extracts: Extracts, name: str) -> Comparison:
    """The comparison of a table with all that its rules speak of, named as in the rules.

    Beside its own variables there are those of its ancestors, and for columns that hold the key of an ancestor's row
    numbers that tell these apart.
    """
    compared, schema = extracts.comparisons[name], extracts.schema
    if not schema.tables[name].constraints:
        return compared
    marks = {table: schema.format_of(table) for table in schema.tables}
    ruling = Ruling(name, extracts.structure, schema.tables, marks)
    named = dict.fromkeys(column for rule in ruling.stated for column in ex.columns_of(rule))
    above = {column: ruling.table_of(column) for column in named if column.table is not None}
    links = {column.name: ruling.identities[column.name] for column in named if column.name in ruling.identities}
    foreign = {
        column: variable
        for column, table in above.items()
        if (variable := extracts.variable(table, column.name)) is not None
    }
    quantities = {
        Rules.variable(column): schema.tables[ruling.table_of(column)].quantities[column.name] for column in named
    }
    joined = [
        *(replace(variable, name=str(column)) for column, variable in foreign.items()),
        *(Variable(column, "numeric") for column in links),
    ]

    def records(extract: Extract) -> Records:
        """The records of a set with those of the ancestors beside them."""
        rows = extract.tables[name].records
        numbers, codes = dict(rows.numbers), dict(rows.codes)
        for column, variable in foreign.items():
            at, theirs = owners(extracts, extract, name, above[column]), extract.tables[above[column]].records
            codes[str(column)] = _taken(theirs.codes[variable.name], at, -1)
            if variable.kind == "numeric":
                numbers[str(column)] = _taken(theirs.numbers[variable.name], at, np.nan)
        for link, table in links.items():
            at = owners(extracts, extract, name, table)
            numbers[link] = np.where(at < 0, np.nan, at)
            codes[link] = np.where(at < 0, -1, 0).astype(np.int32)
        return Records(rows.patient, numbers, codes)

    return replace(
        compared,
        variables=(*compared.variables, *joined),
        train=records(extracts.train),
        holdout=None if extracts.holdout is None else records(extracts.holdout),
        synthetic=records(extracts.synthetic),
        constraints=Rules(ruling.stated, quantities),
    )


def owners(extracts: Extracts, extract: Extract, name: str, ancestor: str) -> NDArray[np.int64]:
    """The row of an ancestor table that each row of a table belongs to, negative for none; of no table the patient."""
    patient = extract.tables[name].patient
    if ancestor in ("", extracts.structure.patients):
        if not ancestor:
            return patient
        place = np.full(extract.n_patients + 1, -1, np.int64)
        theirs = extract.tables[ancestor].patient
        place[theirs[theirs >= 0]] = np.flatnonzero(theirs >= 0)
        return place[patient]
    at, tables = np.arange(len(patient)), extract.tables
    while name != ancestor:
        parent, link = tables[name].parent, extracts.structure.members[name].parent
        assert parent is not None
        assert link is not None
        at = np.where(at >= 0, parent[np.maximum(at, 0)], -1) if len(parent) else at
        name = link.table
    return at


def _taken(values: NDArray[T], at: NDArray[np.int64], nothing: float) -> NDArray[T]:
    more = np.append(values, np.array([nothing], values.dtype))
    return np.asarray(more[np.where(at < 0, len(values), at)], values.dtype)
