"""What is remembered of each column while links between tables are looked for: hashes of its texts, no text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.inference.dates import find_format
from synthgen.inference.header import Header, read_header
from synthgen.inference.missing import WORDS
from synthgen.inference.numbers import KNOWN_MARKS, read_numbers
from synthgen.inference.profile import Profile, profile
from synthgen.inference.values import Values, values
from synthgen.tables.dataset import Table
from synthgen.tables.keys import KeyColumns, concatenated, hashes

#: Texts that say "none" in a link where they are the only ones that the table referred to lacks.
NONE_SIGNS = ("0", "-1", "-9", "-99", "-999", "99999", ".", "-")
#: One word without spaces, such as identifiers and codes are.
_WORD = r"\S{1,80}"
_UUID_LIKE = r"[0-9a-fA-F-]{32,36}|.*[A-Za-z].*\d.*|.*\d.*[A-Za-z].*"
#: The share of rows that must be such.
_MOST = 0.95


@dataclass(frozen=True, eq=False)
class Shape:
    """A column as links are told from it.

    Attributes:
        header: its name as words.
        held: how many rows are not missing.
        hashes: of its distinct texts, ascending; a sample where there are very many, unless it is unique.
        counts: rows of each.
        none: by hash, the sign for "none" that the column holds (see ``NONE_SIGNS``).
        complete: whether ``hashes`` are all there are.
        unique: whether no row misses it and no two share it; exact.
        may_link: whether it could name rows: single words that are no dates and no numbers with decimals.
        telling: whether its texts are such that another column has them only by referring to it, as UUIDs are.
    """

    header: Header
    held: int
    hashes: NDArray[np.uint64]
    counts: NDArray[np.int64]
    none: Mapping[int, str]
    complete: bool
    unique: bool
    may_link: bool
    telling: bool

    @property
    def constant(self) -> bool:
        """Whether all rows that hold anything hold the same: such a column tells of a link only by its name."""
        return len(self.hashes) < 2


@dataclass(frozen=True, eq=False)
class Outline:
    """A table as links are told from it.

    Attributes:
        table: to read it again.
        rows: how many it has.
        shapes: its columns by name.
    """

    table: Table
    rows: int
    shapes: Mapping[str, Shape]


def outline(table: Table) -> Outline:
    """Profile a table and keep what links need: 16 bytes for each distinct text of a column that may link."""
    profiles = profile(table, table.columns)
    rows = next(iter(profiles.values())).rows
    shapes = {name: _shape(name, column, rows, table) for name, column in profiles.items()}
    return Outline(table, rows, shapes)


def distinct_keys(table: Table, columns: tuple[str, ...]) -> NDArray[np.uint64] | None:
    """The hashes of the values of some columns, ascending; ``None`` where two rows share them or one lacks one."""
    keys, missing = _keys(table, columns)
    distinct = np.unique(keys)
    return None if missing.any() or len(distinct) < len(keys) else distinct


def contained(table: Table, columns: tuple[str, ...], other: Table, key: tuple[str, ...]) -> tuple[float, float]:
    """The share of rows that hold the columns, and of those the share that names a row of another table."""
    keys, missing = _keys(table, columns)
    known = np.unique(_keys(other, key)[0])
    held = keys[~missing]
    if not len(held):
        return 0.0, 0.0
    return len(held) / len(keys), float(np.isin(held, known).mean())


def _keys(table: Table, columns: tuple[str, ...]) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    reader = KeyColumns(columns, (WORDS,) * len(columns))
    return concatenated([reader.read(block) for block in table])


def _shape(name: str, column: Profile, rows: int, table: Table) -> Shape:
    present = (everything := values(column, None)).take(~everything.among(("", *WORDS)))
    header = read_header(name)
    if not _may_link(present):
        nothing = np.empty(0, np.uint64), np.empty(0, np.int64)
        return Shape(header, present.rows, *nothing, {}, column.complete, False, False, False)
    keys = hashes(present.stripped)
    order = np.argsort(keys)
    kept, counts = keys[order], present.counts[order]
    signs = present.take(present.among(NONE_SIGNS)).stripped
    none = dict(zip(hashes(signs).tolist(), signs.to_pylist(), strict=True)) if len(signs) else {}
    unique, complete = False, column.complete
    if column.distinct >= 0.98 * rows and present.rows == everything.rows:
        whole = np.unique(kept) if column.complete else distinct_keys(table, (name,))
        if unique := whole is not None and len(whole) == rows:
            kept, counts, complete = whole, np.ones(rows, np.int64), True
    named = present.take(~present.among(NONE_SIGNS))
    telling = named.matching(_UUID_LIKE) >= _MOST and named.distinct > 1
    held = present.rows if column.complete else rows
    return Shape(header, held, kept, counts, none, complete, unique, True, telling)


def _may_link(present: Values) -> bool:
    if not present.rows or present.matching(_WORD) < _MOST:
        return False
    numbers = read_numbers(present, KNOWN_MARKS[0])
    if bool(numbers.is_number.all()):
        return bool(numbers.is_whole.all() and not numbers.is_censored.any() and (numbers.value >= 0).mean() > _MOST)
    return find_format(present) is None
