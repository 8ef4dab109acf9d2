"""The order of the tables of an extract, how each reaches the patient, and how each link is resolved."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from synthgen.errors import InputError
from synthgen.schema.config import Schema
from synthgen.schema.table import TableConfig
from synthgen.tables.keys import KeyColumns

#: What a table is. ``reference``: kept as it is. ``lookup``: belongs to no patient, such as wards. ``patient``: one
#: row for each patient. ``child``: its rows are those of patients, directly or through their parents.
Role = Literal["reference", "lookup", "patient", "child"]

#: How the row that a foreign key names is found. ``ancestor``: it is the row that the parent, or the parent's parent,
#: names anyway (``Kinship.agreement`` says how often). ``itself``: another row of the same table and patient. ``kin``:
#: a row of another table of the same patient. ``drawn``: any row of a table, given the row that refers.
#: ``reference``: a value, learned like any other.
How = Literal["ancestor", "itself", "kin", "drawn", "reference"]

_RANK: Final[tuple[Role, ...]] = ("reference", "lookup", "patient", "child")


@dataclass(frozen=True)
class Link:
    """Columns that hold the key of a table.

    Attributes:
        columns: in the table that refers, in the order of the key.
        table: the table referred to.
        key: its key.
        how: how the row is found; ``None`` for the link to the parent, whose rows come first.
    """

    columns: tuple[str, ...]
    table: str
    key: tuple[str, ...]
    how: How | None = None


@dataclass(frozen=True)
class Member:
    """One table among the others.

    Attributes:
        name: of the table.
        role: what it is.
        parent: the link to what its rows belong to; ``None`` at the top.
        path: the parent, the parent's parent, and so on to the top.
        patient: the column that says whose row it is, if the table has one.
        links: its foreign keys; the patient column is one where the table belongs to the patient through others.
        order: the column that orders siblings in time.
    """

    name: str
    role: Role
    parent: Link | None
    path: tuple[str, ...]
    patient: str | None
    links: tuple[Link, ...]
    order: str | None


@dataclass(frozen=True)
class Structure:
    """All tables, in an order in which they can be generated.

    Each stands behind its parent and, where there is no circle, behind what it refers to: reference tables, lookup
    tables, patients, children.

    Attributes:
        members: by name, in that order.
        patients: the table with one row for each patient; ``None`` where the patients are only named in columns.
    """

    members: Mapping[str, Member]
    patients: str | None

    @classmethod
    def of(cls, schema: Schema) -> Structure:
        """The structure that a config states.

        Raises:
            InputError: no table says whose rows it has.
        """
        if not any(table.patient for table in schema.tables.values()):
            raise InputError("no table names the patient; state `patient` in the table that has persons")
        building = _Building(schema.tables)
        ordered = building.ordered()
        return cls({name: building.member(name) for name in ordered}, building.patients)

    def children(self, name: str) -> tuple[str, ...]:
        """The tables whose rows belong to those of a table."""
        return tuple(each.name for each in self.members.values() if each.parent and each.parent.table == name)

    def echoes(self, name: str, link: Link) -> tuple[tuple[str, Link], ...]:
        """Links of the ancestors to the same table, nearest first: a claim's provider may be its encounter's.

        Whether it is, the data tell: see ``Kinship.repeats``.
        """
        above = (self.members[ancestor] for ancestor in self.members[name].path)
        return tuple((each.name, theirs) for each in above for theirs in each.links if theirs.table == link.table)


@dataclass(frozen=True)
class _Building:
    tables: Mapping[str, TableConfig]

    @cached_property
    def patients(self) -> str | None:
        """The table whose key is the patient; the schema sees to it that there is one at most."""
        for name, table in self.tables.items():
            if table.patient is not None and table.key_columns == (table.patient,) and table.parent is None:
                return name
        return None

    def parent(self, name: str) -> Link | None:
        """The parent that is stated; a table that says whose rows it has and nothing more belongs to the patients."""
        table = self.tables[name]
        if table.parent is not None:
            return Link(table.parent.columns, table.parent.table, self.tables[table.parent.table].key_columns)
        if table.patient is not None and self.patients not in (None, name):
            assert self.patients is not None
            return Link((table.patient,), self.patients, self.tables[self.patients].key_columns)
        return None

    def path(self, name: str) -> tuple[str, ...]:
        link = self.parent(name)
        return () if link is None else (link.table, *self.path(link.table))

    def role(self, name: str) -> Role:
        if self.tables[name].reference:
            return "reference"
        if name == self.patients:
            return "patient"
        owned = any(self.tables[each].patient is not None for each in (name, *self.path(name)))
        return "child" if owned else "lookup"

    def links(self, name: str) -> Iterator[Link]:
        table, parent = self.tables[name], self.parent(name)
        stated = dict(table.foreign_keys)
        if table.patient is not None and self.patients not in (None, name):
            assert self.patients is not None
            stated.setdefault(table.patient, self.patients)
        for column, target in stated.items():
            if parent is None or parent.columns != (column,):
                yield Link((column,), target, self.tables[target].key_columns, self._how(name, target))

    def _how(self, name: str, target: str) -> How:
        if self.tables[target].reference:
            return "reference"
        if target in self.path(name):
            return "ancestor"
        if self.role(target) == "child" and self.role(name) in ("child", "patient"):
            return "itself" if target == name else "kin"
        return "drawn"

    def member(self, name: str) -> Member:
        table = self.tables[name]
        return Member(
            name,
            self.role(name),
            self.parent(name),
            self.path(name),
            table.patient,
            tuple(self.links(name)),
            table.order,
        )

    def ordered(self) -> list[str]:
        waiting = sorted(self.tables, key=lambda name: _RANK.index(self.role(name)))
        done: list[str] = []
        while waiting:
            ready = [name for name in waiting if set(self.path(name)) <= set(done)]
            free = [name for name in ready if self._refers_to(name) <= {*done, name}]
            chosen = (free or ready)[0]
            waiting.remove(chosen)
            done.append(chosen)
        return done

    def _refers_to(self, name: str) -> set[str]:
        return {link.table for link in self.links(name)}


def key_columns(table: TableConfig, columns: tuple[str, ...]) -> KeyColumns:
    """How to read some columns of a table as a key or a link."""
    return KeyColumns(columns, tuple(table.missing_in(column) for column in columns))
