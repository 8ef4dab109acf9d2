"""The rules of one table among several: what they speak of, in its rows and their ancestors, and what real rows do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.errors import InputError
from synthgen.relational.belonging.structure import Structure
from synthgen.relational.rules.real import counted
from synthgen.reshape.operands import Operand
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Values
from synthgen.schema.table import TableConfig


@dataclass(frozen=True, eq=False)
class Ruling:
    """The rules of one table of an extract.

    Attributes:
        name: of the table.
        structure: which tables belong to which.
        configs: the declarations of all tables as the user stated them.
        marks: by table, decimal and thousands marks.
        windows: by computed column of moments, the first and the last moment that generated rows may have, as written.
    """

    name: str
    structure: Structure
    configs: Mapping[str, TableConfig]
    marks: Mapping[str, Format]
    windows: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def config(self) -> TableConfig:
        """The table's own declaration."""
        return self.configs[self.name]

    @cached_property
    def stated(self) -> tuple[ex.Expression, ...]:
        """What the user states."""
        return self.config.rules

    @cached_property
    def rules(self) -> tuple[ex.Expression, ...]:
        """What generated rows obey: what is stated, that a key of several learned columns is unique, and windows."""
        within = (
            ex.Between(ex.Column(name), ex.Text(low), ex.Text(high)) for name, (low, high) in self.windows.items()
        )
        return (*self.stated, *(() if self._key is None else (self._key,)), *within)

    @cached_property
    def _key(self) -> ex.Unique | None:
        """The rule that the key is; ``None`` where it holds by construction, or links decide that are drawn later.

        A whole number in the key counts the rows of a parent (``Linking``), and an identifier is made up anew.
        """
        key, columns = self.config.key_columns, self.config.columns
        if len(key) < 2 or self.structure.members[self.name].role == "reference":
            return None
        own = [name for name in key if name not in self.identities]
        if any(columns[name].kind in ("id", "integer") for name in own):
            return None
        return ex.Unique(tuple(map(ex.Column, key)))

    @cached_property
    def identities(self) -> dict[str, str]:
        """The columns that hold the key of an ancestor's row, each with that table."""
        member = self.structure.members[self.name]
        found = {}
        if member.parent is not None and len(member.parent.columns) == 1:
            found[member.parent.columns[0]] = member.parent.table
        found |= {link.columns[0]: link.table for link in member.links if link.how == "ancestor"}
        if member.patient is not None and member.role == "child":
            found[member.patient] = self.structure.patients or ""
        return found

    @cached_property
    def columns(self) -> tuple[ex.Column, ...]:
        """All that the rules speak of, but for identifiers."""
        named = dict.fromkeys(column for rule in self.rules for column in ex.columns_of(rule))
        return tuple(c for c in named if self.configs[self.table_of(c)].columns[c.name].kind != "id")

    def table_of(self, column: ex.Column) -> str:
        """The table that a column is in: this one, or an ancestor."""
        if column.table is None:
            return self.name
        return self.structure.members[self.name].path[0] if column.table == "parent" else column.table

    @cached_property
    def operands(self) -> dict[ex.Column, Operand]:
        """How to read the columns that the rules speak of."""
        return {
            column: Operand.of(self.configs[table], column.name, self.marks[table])
            for column in self.columns
            for table in [self.table_of(column)]
        }

    @property
    def own(self) -> tuple[str, ...]:
        """The columns of the table itself that are read."""
        return tuple(column.name for column in self.columns if column.table is None)

    def read(self, cells: Mapping[str, pa.Array]) -> dict[ex.Column, Values]:
        """The values of the table's own columns."""
        return {ex.Column(name): self.operands[ex.Column(name)].read(cells[name]) for name in self.own}

    def above(
        self, cells: Mapping[str, Mapping[str, pa.Array]], at: Callable[[str], NDArray[np.int64]]
    ) -> dict[ex.Column, Values]:
        """The values of the ancestors' columns, of each row that of its ancestor; missing where it has none.

        Args:
            cells: of the ancestors, their columns by table.
            at: the row of an ancestor table that each row belongs to, negative for none.
        """
        found = {}
        for column in (column for column in self.columns if column.table is not None):
            table = self.table_of(column)
            values = self.operands[column].read(cells[table][column.name])
            found[column] = _of(values, at(table))
        return found

    def require_possible(self) -> None:
        """Raise ``InputError`` where a rule speaks of what is not known while the rows are made."""
        member = self.structure.members[self.name]
        for place, rule in enumerate(self.stated):
            where = f"tables.{self.name}.constraints.{place}: `{rule}`"
            above = next((column for column in ex.columns_of(rule) if column.table is not None), None)
            if above is not None and member.role != "child":
                raise InputError(
                    f"{where} speaks of {above}, and rows that belong to no patient are made by themselves; remove it"
                )
            for column in ex.columns_of(rule) if isinstance(rule, ex.Unique) else ():
                linked = any(column.name in link.columns and link.how != "reference" for link in member.links)
                if linked and column.name not in self.identities:
                    raise InputError(
                        f"{where} speaks of {column}, whose row is chosen when all rows are there; remove it"
                    )

    def rates(
        self,
        cells: Mapping[str, pa.Array],
        above: Mapping[ex.Column, Values],
        hashes: NDArray[np.uint64],
        *,
        persons: bool,
    ) -> tuple[float | None, ...]:
        """The share of real rows that break each stated rule; ``None`` where too few patients' do, if any.

        Args:
            cells: the columns of the real rows.
            above: what ``above`` gives for them.
            hashes: the keyed hash of each row's patient (or of the row).
            persons: whether rows are those of patients; else each is a unit of its own.

        Raises:
            InputError: nearly all rows break a rule.
        """
        named = {c for rule in self.stated for c in ex.columns_of(rule) if c.table is None and c not in self.operands}
        keys = {c: Operand.of(self.config, c.name, self.marks[self.name]).read(cells[c.name]) for c in named}
        try:
            return counted(self.stated, self.read(cells) | keys | dict(above), hashes, persons=persons).rates(
                self.stated
            )
        except InputError as error:
            raise InputError(f"tables.{self.name}.{error}") from None


def _of(values: Values, rows: NDArray[np.int64]) -> Values:
    """The values of some rows of an ancestor's; missing where the row is negative."""
    more = Values(values.quantity, np.r_[values.numbers, np.nan], np.r_[values.missing, True], values.labels)
    return more.at(np.where(rows < 0, len(values.numbers), rows))
