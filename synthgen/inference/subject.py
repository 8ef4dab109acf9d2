"""All that is known of one column when its kind is guessed, and the guess."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from synthgen.inference.dates import DateFormat, find_format
from synthgen.inference.header import Header
from synthgen.inference.numbers import Marks, Numbers, read_numbers
from synthgen.inference.values import Values
from synthgen.schema.column import Column


@dataclass(frozen=True)
class Guess:
    """What kind a column probably is, and what a person should know about that."""

    column: Column
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Subject:
    """One column.

    Attributes:
        header: its name.
        values: its values, missing ones left out.
        rows: the rows of the table.
        texts: the distinct texts of the column, missing ones included.
        patients: the distinct patients of the table; ``None`` where each row is one.
        marks: the decimal and thousands marks of the table.
        rare_below: a text of fewer patients is never named.
        of_people: whether the table may be about persons, told from its name.
        beside_first_name: whether another column of the table is named like first names.
    """

    header: Header
    values: Values
    rows: int
    texts: int
    patients: int | None
    marks: Marks
    rare_below: int
    of_people: bool
    beside_first_name: bool

    @cached_property
    def numbers(self) -> Numbers:
        """The values read as numbers."""
        return read_numbers(self.values, self.marks)

    @cached_property
    def dates(self) -> DateFormat | None:
        """The format of the values, if they are dates or times."""
        return find_format(self.values)

    @cached_property
    def whole(self) -> bool:
        """Whether all values are plain whole numbers."""
        numbers = self.numbers
        return bool(numbers.is_whole.all() and not numbers.is_censored.any()) and self.values.rows > 0

    @cached_property
    def shared(self) -> float:
        """The share of rows whose text is held by at least ``rare_below`` patients."""
        return self.values.share(self.values.people >= self.rare_below)

    @property
    def all_shared(self) -> bool:
        """Whether every text may be named."""
        return self.values.complete and bool((self.values.people >= self.rare_below).all())
