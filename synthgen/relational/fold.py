"""A table of an extract as a table of its own: links and moments leave, steps and numbers of children come in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

from synthgen.relational.belonging.structure import Member
from synthgen.relational.codec import Plan
from synthgen.relational.time.timeline import Timeline
from synthgen.relational.told.repeats import AGAIN
from synthgen.schema.column import Category, Code, Column, Integer, Number
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig

#: How a link is told that is drawn: the row that an ancestor names, that which the patient's last row names, another.
ECHO: Final = "^"
SAME: Final = "="
OTHER: Final = "*"
#: The link is missing, or there is nothing to tell.
NONE: Final = ""
#: When the first row comes, by the moment of the row that it belongs to, where it is not one of the common distances.
BEFORE: Final = "-"
AFTER: Final = "+"


def number_of(table: str) -> str:
    """The derived column of how many rows of a table belong to a row."""
    return f"rows of {table}"


def orphans_of(table: str) -> str:
    """The derived column of how many rows of a table belong to a patient and to no row of their parents' table."""
    return f"rows of {table} without parent"


def last_of(table: str) -> str:
    """The derived column of a patient's last moment in a table."""
    return f"last of {table}"


def panel_of(table: str) -> str:
    """The derived column of what rows of a table come together under a row: see ``synthgen.relational.told.panels``."""
    return f"panel of {table}"


def start_of(table: str) -> str:
    """The derived column of how long before or after a row the first row of a table that belongs to it comes."""
    return f"start of {table}"


def habit_of(table: str) -> str:
    """The derived column of how the rows below a patient's rows of a table usually start."""
    return f"start below {table}"


def named_by(table: str, column: str) -> str:
    """The derived column of a lookup table: how many rows of a table name each of its rows anew."""
    return f"named by {table}.{column}"


def link_of(column: str) -> str:
    """The derived column that says how a link is resolved."""
    return f"{column}.link"


@dataclass(frozen=True)
class Additions:
    """The derived columns of a table that are not of time.

    Attributes:
        children: tables whose rows belong to rows of this one.
        orphaned: of the patients' table: tables some of whose rows have no parent.
        timed: of the patients' table: those of ``children`` that have times.
        told: links that a derived column tells of.
        panelled: those of ``children`` of which it is told what comes together.
        started: those of ``children`` whose first rows may come before the row that they belong to.
        habits: of the patients' table: tables below whose rows first rows may come before them.
        means: of the patients' table: where the values of a quantity lie (see ``synthgen.relational.told.means``).
        same: the column of values of which it is told where they repeat (``synthgen.relational.told.repeats``).
        subject: the column that says what rows are about, where their parents tell by it what comes together, or, of a
            lookup table, those that refer to it; one or none.
        naming: of a lookup table: the columns of how often its rows are named.
    """

    children: tuple[str, ...] = ()
    orphaned: tuple[str, ...] = ()
    timed: tuple[str, ...] = ()
    told: tuple[str, ...] = ()
    panelled: tuple[str, ...] = ()
    started: tuple[str, ...] = ()
    habits: tuple[str, ...] = ()
    means: tuple[str, ...] = ()
    same: tuple[str, ...] = ()
    subject: tuple[str, ...] = ()
    naming: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, Column]:
        """Their declarations."""
        columns: dict[str, Column] = {link_of(column): Category(other=OTHER, missing=(NONE,)) for column in self.told}
        told = (*map(panel_of, self.panelled), *map(start_of, self.started), *map(habit_of, self.habits))
        columns |= {column: Category(other=OTHER, missing=(NONE,)) for column in told}
        columns |= {column: Integer(min=0, missing=(NONE,)) for column in (*self.naming, *self.means)}
        columns |= {number_of(table): Integer(min=0, missing=(NONE,)) for table in self.children}
        columns |= {orphans_of(table): Integer(min=0, missing=(NONE,)) for table in self.orphaned}
        return columns | {last_of(table): Integer(missing=(NONE,)) for table in self.timed}

    def to_json(self) -> dict[str, Any]:
        return {each.name: list(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_json(cls, learned: Mapping[str, Any]) -> Additions:
        """The inverse of ``to_json``."""
        return cls(**{name: tuple(values) for name, values in learned.items()})


def derived(config: TableConfig, member: Member, marks: Format, timeline: Timeline | None, added: Additions) -> Plan:
    """What is learned of a table."""
    moments: set[str] = set()
    if timeline is not None:
        moments = {hand.name for hand in timeline.others} | (set() if timeline.absolute else {timeline.order.name})
    references = {column for link in member.links if link.how == "reference" for column in link.columns}
    columns: dict[str, Column] = {
        name: _never_merged(column) if name in references else column
        for name, column in config.columns.items()
        if name not in resolved(member)
    }
    for name in added.same:
        column = columns[name]
        assert isinstance(column, Integer | Number)
        columns[name] = column.model_copy(update={"atoms": (*column.atoms, AGAIN)})
    columns |= ({} if timeline is None else timeline.columns) | added.columns
    return Plan(config.model_copy(update={"columns": columns, "patient": None}), marks, frozenset(moments))


def implied(added: Additions, marks: Format) -> Plan:
    """What is learned of patients of whom no table has a row each."""
    return Plan(TableConfig(columns=added.columns), marks)


def resolved(member: Member) -> dict[str, str]:
    """The columns that are filled in from the keys of other rows, each with the table whose key it holds."""
    found: dict[str, str] = {}
    if member.parent is not None:
        found |= dict.fromkeys(member.parent.columns, member.parent.table)
    for link in member.links:
        if link.how != "reference":
            found |= dict.fromkeys(link.columns, link.table)
    if member.patient is not None and member.role == "child":
        found.setdefault(member.patient, "")
    return found


def _never_merged(column: Column) -> Column:
    """A column of codes that another table lists: a code that merged codes stand for would not be among them."""
    return column.model_copy(update={"other": None}) if isinstance(column, Category | Code) else column
