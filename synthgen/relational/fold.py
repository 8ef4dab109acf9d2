"""A table of an extract as a table of its own: links and moments leave, steps and numbers of children come in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from synthgen.relational.structure import Member
from synthgen.relational.timeline import Timeline
from synthgen.schema.column import Category, Code, Column, Integer
from synthgen.schema.table import TableConfig

#: How a link is told that is drawn: the row that an ancestor names, that which the patient's last row names, another.
ECHO: Final = "^"
SAME: Final = "="
OTHER: Final = "*"
#: The link is missing.
NONE: Final = ""


def number_of(table: str) -> str:
    """The derived column of how many rows of a table belong to a row."""
    return f"rows of {table}"


def orphans_of(table: str) -> str:
    """The derived column of how many rows of a table belong to a patient and to no row of their parents' table."""
    return f"rows of {table} without parent"


def last_of(table: str) -> str:
    """The derived column of a patient's last moment in a table."""
    return f"last of {table}"


def link_of(column: str) -> str:
    """The derived column that says how a link is resolved."""
    return f"{column}.link"


def derived(
    config: TableConfig,
    member: Member,
    *,
    timeline: Timeline | None,
    children: Sequence[str],
    orphaned: Sequence[str],
    timed: Sequence[str],
    told: Sequence[str],
) -> TableConfig:
    """What is learned of a table.

    Args:
        children: tables whose rows belong to rows of this one.
        timed: of the patients' table: those of them that have times.
        orphaned: of the patients' table: tables some of whose rows have no parent.
        told: links that a derived column tells of.
    """
    left_out = {*resolved(member)}
    if timeline is not None:
        left_out |= {hand.name for hand in timeline.others} | (set() if timeline.absolute else {timeline.order.name})
    references = {column for link in member.links if link.how == "reference" for column in link.columns}
    columns: dict[str, Column] = {
        name: _never_merged(column) if name in references else column
        for name, column in config.columns.items()
        if name not in left_out
    }
    columns |= {} if timeline is None else timeline.columns
    columns |= {link_of(column): Category(other=OTHER, missing=(NONE,)) for column in told}
    columns |= {number_of(table): Integer(min=0, missing=(NONE,)) for table in children}
    columns |= {orphans_of(table): Integer(min=0, missing=(NONE,)) for table in orphaned}
    columns |= {last_of(table): Integer(missing=(NONE,)) for table in timed}
    return config.model_copy(update={"columns": columns, "patient": None})


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
