"""Who belongs to whom in an extract: the parent, the patient and the place in time of every row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.relational.belonging.siblings import Siblings, times_of
from synthgen.relational.belonging.structure import Link, Member, Structure, key_columns
from synthgen.schema.config import Format, Schema
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.keys import DANGLING, MISSING, KeyColumns, KeyIndex, concatenated
from synthgen.tables.split import Split


@dataclass(frozen=True, eq=False)
class Joined:
    """The rows that a link names.

    Attributes:
        rows: int64 ``(n_rows,)``, the row of the table referred to, ``MISSING`` or ``DANGLING``; ``None`` for links to
            reference tables, of which only the numbers are kept.
        missing: how many rows have no link.
        dangling: how many rows have one that names no row.
    """

    rows: NDArray[np.int64] | None
    missing: int
    dangling: int


@dataclass(frozen=True, eq=False)
class Relatives:
    """One table as its rows stand to others.

    Attributes:
        member: its place in the structure.
        n_rows: how many rows it has.
        keyless: rows whose key is missing, in a table with a key.
        repeated: rows with the key of an earlier row, which alone is found by links.
        patient: int64 ``(n_rows,)``, the ordinal of the patient, -1 where there is none: the parent's patient, and
            where the row has no parent, that of its own patient column.
        contrary: rows whose own patient column names another patient than their parent does.
        siblings: the rows parent by parent; of a table at the top that has a patient column, patient by patient;
            ``None`` for others.
        links: what each foreign key names.
        parent: what the link to the parent names; ``None`` at the top.
        untimed: rows without a time, in a table with an order.
    """

    member: Member
    n_rows: int
    keyless: int
    repeated: int
    patient: NDArray[np.int64]
    contrary: int
    siblings: Siblings | None
    links: Mapping[Link, Joined]
    parent: Joined | None
    untimed: int


@dataclass(frozen=True, eq=False)
class Kinship:
    """All tables of an extract, joined.

    Holds 8 bytes for each row and link and for each row's patient, parent and time, and the patients' ids; no cell.

    Attributes:
        structure: which tables belong to which.
        tables: by name, in the order of the structure.
        ids: the patients' ids as they are written, by ordinal; empty where one has none. Personal data.
    """

    structure: Structure
    tables: Mapping[str, Relatives]
    ids: pa.StringArray

    @classmethod
    def of(cls, dataset: Dataset, schema: Schema) -> Kinship:
        """Join the tables. Each is read once, block by block; twice where no table has a row for each patient.

        Raises:
            InputError: no table names the patient, or a table cannot be read.
        """
        structure = Structure.of(schema)
        joining = _Joining(schema, structure)
        if structure.patients is None:
            joining.name_patients(_named(dataset, schema))
        for name in structure.members:
            joining.add(name, dataset.tables[name])
        return cls(structure, joining.finished(), joining.ids)

    @property
    def n_patients(self) -> int:
        """How many patients there are, those without rows in other tables included."""
        return len(self.ids)

    def agreement(self, name: str, link: Link) -> float:
        """Of the rows in which an ``ancestor`` link names a row, the share in which it is the row's ancestor.

        1 where no row names one. Rows whose parents are missing count as agreeing: nothing contradicts them.
        """
        named, above = self.tables[name].links[link].rows, self._ancestor(name, link.table)
        assert named is not None
        return _share(named, above)

    def repeats(self, name: str, link: Link) -> Mapping[tuple[str, Link], float]:
        """For each link of an ancestor to the same table, the share of rows that name the same row as it does."""
        named = self.tables[name].links[link].rows
        shares = {}
        for ancestor, theirs in self.structure.echoes(name, link):
            above = self.tables[ancestor].links[theirs].rows
            if named is not None and above is not None:
                shares[ancestor, theirs] = _share(named, _through(self._ancestor(name, ancestor), above))
        return shares

    def sides(self, split: Split) -> Mapping[str, tuple[NDArray[np.uint64], NDArray[np.bool_]]]:
        """For each table the keyed hash of each row's unit, and which rows are held out.

        All rows of a patient are on one side. A row of no patient is a unit of its own; those of tables that belong
        to no patient (reference and lookup tables) are never held out.
        """
        by_patient = split.of_patients(self.ids)
        sides = {}
        for name, table in self.tables.items():
            hashes = split.of_rows(name, table.n_rows)
            owned = table.patient >= 0
            hashes[owned] = by_patient[table.patient[owned]]
            of_persons = table.member.role in ("patient", "child")
            sides[name] = hashes, split.holds_out(hashes) & of_persons
        return sides

    def _ancestor(self, name: str, ancestor: str) -> NDArray[np.int64]:
        """The row of an ancestor table that each row belongs to, negative where a link on the way has none."""
        rows = np.arange(self.tables[name].n_rows)
        while name != ancestor:
            member, parent = self.tables[name].member, self.tables[name].parent
            assert member.parent is not None
            assert parent is not None
            assert parent.rows is not None
            rows, name = _through(rows, parent.rows), member.parent.table
        return rows


def _through(rows: NDArray[np.int64], links: NDArray[np.int64]) -> NDArray[np.int64]:
    """What the named rows name in turn."""
    return np.where(rows >= 0, links[np.maximum(rows, 0)], rows) if len(links) else rows


def _share(named: NDArray[np.int64], expected: NDArray[np.int64]) -> float:
    both = (named >= 0) & (expected >= 0)
    return float((named[both] == expected[both]).mean()) if both.any() else 1.0


#: Hashes of keys, and which rows have none.
_Keys = tuple[NDArray[np.uint64], NDArray[np.bool_]]


class _Joining:
    """What is known while the tables come in, each after those that it belongs to."""

    def __init__(self, schema: Schema, structure: Structure) -> None:
        self.schema, self.structure = schema, structure
        self.ids = pa.array([], pa.string())
        self.patients: KeyIndex | None = None
        self.indices: dict[str, KeyIndex] = {}
        self.done: dict[str, Relatives] = {}
        self.waiting: dict[str, dict[Link, _Keys]] = {}

    def name_patients(self, ids: pa.StringArray) -> None:
        """Take the patients' ids, by ordinal."""
        self.ids = ids
        block = pa.record_batch([ids.dictionary_encode()], names=["id"])
        self.patients = KeyIndex.of(*KeyColumns(("id",), ((),)).read(block))

    def add(self, name: str, table: Table) -> None:
        """Read a table and join it to those that are there."""
        member, config = self.structure.members[name], self.schema.tables[name]
        read = _read(table, member, config, table.format if table.types else self.schema.format_of(name))
        if config.key_columns:
            self.indices[name] = KeyIndex.of(*read.key)
        if member.role == "patient":
            self.ids, self.patients = read.ids, self.indices[name]
        parent = None if member.parent is None else self._found(member.parent, read.links[member.parent])
        patient, contrary = self._patient(member, read, parent)
        joined = {}
        for link in member.links:
            if link.table in self.indices:
                found = self._found(link, read.links[link])
                joined[link] = found if link.how != "reference" else replace(found, rows=None)
            else:  # in a circle of links one of the tables comes later
                self.waiting.setdefault(name, {})[link] = read.links[link]
        index = self.indices.get(name)
        self.done[name] = Relatives(
            member=member,
            n_rows=read.n_rows,
            keyless=0 if index is None else index.missing,
            repeated=0 if index is None else index.repeated,
            patient=patient,
            contrary=contrary,
            siblings=self._siblings(member, read, parent, patient),
            links=joined,
            parent=parent,
            untimed=0 if read.times is None else int(np.isnan(read.times).sum()),
        )

    def finished(self) -> dict[str, Relatives]:
        """All tables, with the links that had to wait."""
        tables = {}
        for name, table in self.done.items():
            late = {link: self._found(link, keys) for link, keys in self.waiting.get(name, {}).items()}
            joined = {**table.links, **late}
            tables[name] = replace(table, links={link: joined[link] for link in table.member.links})
        return tables

    def _found(self, link: Link, keys: _Keys) -> Joined:
        rows = self.indices[link.table].find(*keys)
        return Joined(rows, int((rows == MISSING).sum()), int((rows == DANGLING).sum()))

    def _patient(self, member: Member, read: _Read, parent: Joined | None) -> tuple[NDArray[np.int64], int]:
        """The patient of each row, and how many rows name another than their parent's."""
        if member.role == "patient":
            return np.arange(read.n_rows), 0
        stated = np.full(read.n_rows, -1, np.int64)
        if member.patient is not None:
            assert self.patients is not None
            stated = np.maximum(self.patients.find(*read.patient), -1)
        if member.role != "child" or member.parent is None:
            return stated, 0
        assert parent is not None
        assert parent.rows is not None
        inherited = np.maximum(_through(parent.rows, self.done[member.parent.table].patient), -1)
        contrary = int(((inherited >= 0) & (stated >= 0) & (inherited != stated)).sum())
        return np.where(inherited >= 0, inherited, stated), contrary

    def _siblings(
        self, member: Member, read: _Read, parent: Joined | None, patient: NDArray[np.int64]
    ) -> Siblings | None:
        if member.parent is not None and parent is not None and parent.rows is not None:
            return Siblings.of(parent.rows, self.done[member.parent.table].n_rows, read.times)
        return Siblings.of(patient, len(self.ids), read.times) if member.role == "child" else None


@dataclass(frozen=True, eq=False)
class _Read:
    """What one reading of a table gives: keys as hashes, times as numbers."""

    n_rows: int
    key: _Keys
    patient: _Keys
    links: Mapping[Link, _Keys]
    times: NDArray[np.float64] | None
    ids: pa.StringArray


def _read(table: Table, member: Member, config: TableConfig, marks: Format) -> _Read:
    links = (*member.links, *([] if member.parent is None else [member.parent]))
    columns = {link: key_columns(config, link.columns) for link in links}
    key = key_columns(config, config.key_columns)
    patient = key_columns(config, () if member.patient is None else (member.patient,))
    keys: list[_Keys] = []
    patients: list[_Keys] = []
    linked: dict[Link, list[_Keys]] = {link: [] for link in links}
    times: list[NDArray[np.float64]] = []
    ids: list[pa.StringArray] = [pa.array([], pa.string())]
    n_rows = 0
    for block in table:
        n_rows += block.num_rows
        keys.append(key.read(block))
        patients.append(patient.read(block))
        for link in links:
            linked[link].append(columns[link].read(block))
        if member.order is not None:
            column, missing = config.columns[member.order], config.missing_in(member.order)
            times.append(times_of(block.column(member.order), column, missing, marks))
        if member.role == "patient":
            cells = block.column(config.key_columns[0])
            texts = pc.utf8_trim_whitespace(cells.dictionary).take(cells.indices)
            ids.append(pc.if_else(pa.array(keys[-1][1]), "", texts))
    return _Read(
        n_rows=n_rows,
        key=concatenated(keys),
        patient=concatenated(patients),
        links={link: concatenated(parts) for link, parts in linked.items()},
        times=np.concatenate(times) if times else None,
        ids=pa.concat_arrays(ids),
    )


def _named(dataset: Dataset, schema: Schema) -> pa.StringArray:
    """The ids of the patients that columns name, each once, in the order in which they come."""
    texts: list[pa.StringArray] = [pa.array([], pa.string())]
    for name, config in schema.tables.items():
        if config.patient is None:
            continue
        missing = pa.array(["", *(token.strip() for token in config.missing_in(config.patient))], pa.string())
        for block in dataset.tables[name]:
            cells = block.column(config.patient)
            held = pc.utf8_trim_whitespace(cells.dictionary.take(pc.unique(cells.indices)))
            texts.append(held.filter(pc.invert(pc.is_in(held, missing))))
    return pc.unique(pa.chunked_array(texts))
