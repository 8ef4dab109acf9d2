"""A file whose rows have an order in time, as an extract of two tables: its patients, and their rows.

So the rows of a patient are learned and generated one after the other, their dates as distances from the row before,
by what does it for several tables; what is constant within a patient is the patients' table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.base import BadCells
from synthgen.encoding.numeric import NumericEncoder
from synthgen.encoding.temporal import TemporalEncoder
from synthgen.errors import InputError
from synthgen.relational.codec import encoded
from synthgen.relational.flat.person import MOST_VARYING, Persons
from synthgen.reshape.computed import Computed, ComputedCounts
from synthgen.schema.column import Category, Column, Computable, Fake, Integer, Number
from synthgen.schema.config import Format, Schema
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.grammar import parse
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.split import Split

#: Columns of these kinds hold nothing that could be constant.
_EMPTY: Final = ("text", "drop")
#: What writes the values of a computed column.
Writers = Mapping[str, NumericEncoder | TemporalEncoder]


@dataclass(frozen=True)
class Apart:
    """One table with a patient and an order, and the two that it is made into.

    Attributes:
        schema: of the one table, as stated.
        personal: the columns that go to the patients.
    """

    schema: Schema
    personal: tuple[str, ...]

    @classmethod
    def of(cls, table: Table, schema: Schema, split: Split) -> Apart:
        """Find the columns that are constant within the patients; those who are held out are left aside."""
        config = schema.tables[table.name]
        pinned = _pinned(config)
        free = [
            name
            for name, column in config.columns.items()
            if name not in (config.patient, config.order, *pinned)
            and column.kind not in (*_EMPTY, "fake")
            and not _causes(column)
        ]
        levels: dict[str, list[NDArray[np.int64]]] = {name: [] for name in free}
        known: dict[str, dict[str, int]] = {name: {} for name in free}
        whose: list[NDArray[np.uint64]] = []
        for block, hashes, held_out in split.blocks(table):
            kept = ~held_out
            whose.append(hashes[kept])
            for name in free:
                cells = block.column(name)
                texts = cells.dictionary.to_pylist()
                place = np.array([known[name].setdefault(text, len(known[name])) for text in texts], np.int64)
                levels[name].append(place[np.asarray(cells.indices)[kept]])
        persons = Persons.of(np.concatenate([np.zeros(0, np.uint64), *whose]))
        personal = set()
        for name in free if len(persons.of_row) else ():
            if persons.varying_share(np.concatenate(levels[name])) <= MOST_VARYING:
                personal.add(name)
        # What is a function of columns of the patients is theirs as well.
        waiting = {n: c for n, column in config.columns.items() if n not in pinned and (c := _causes(column))}
        while ready := [name for name, causes in waiting.items() if causes <= personal]:
            personal |= set(ready)
            waiting = {name: causes for name, causes in waiting.items() if name not in ready}
        for name, column in config.columns.items():
            if isinstance(column, Fake) and (column.sex is None or column.sex in personal):
                personal.add(name)
        return cls(schema, tuple(name for name in config.columns if name in personal))

    def __post_init__(self) -> None:
        columns, mine = self.config.columns, set(self.personal)
        if len(self.schema.tables) != 1 or None in (self.config.patient, self.config.order):
            raise ValueError("not one table whose rows have a patient and an order")
        if not mine <= set(columns) - {self.config.patient, self.config.order}:
            raise ValueError("the patients' columns are not columns of the table")
        for name, column in columns.items():
            beside = {getattr(column, "sex", None), getattr(column, "unit_of", None), column.determined_by} - {None}
            if (beside & mine and name not in mine) or (name in mine and not beside | _causes(column) <= mine):
                raise ValueError("a column is parted from what it depends on")

    @property
    def name(self) -> str:
        """Of the table of rows."""
        return next(iter(self.schema.tables))

    @property
    def marks(self) -> Format:
        """Decimal and thousands marks of the cells."""
        return self.schema.format

    @property
    def patients(self) -> str:
        """The name of the table of patients."""
        return "patients" if self.name != "patients" else "persons"

    @property
    def config(self) -> TableConfig:
        """What is stated of the one table."""
        return self.schema.tables[self.name]

    @cached_property
    def across(self) -> dict[str, Computed]:
        """The computed columns whose operands are in both tables."""
        found: dict[str, Computed] = {}
        for name, column in self.config.columns.items():
            if name in self.personal or not isinstance(column, Computable) or column.computed is None:
                continue
            if _causes(column) & {*self.personal, *found}:
                found[name] = Computed.declared(self.config, name, self.marks)
        return found

    @cached_property
    def two(self) -> Schema:
        """The schema of the two tables."""
        config = self.config
        assert isinstance(config.patient, str)
        every = {config.patient: config.columns[config.patient]}
        own: dict[str, Column] = every | {name: config.columns[name] for name in self.personal}
        rest = {name: column for name, column in config.columns.items() if name not in self.personal}
        rest |= {name: Category(other=None, missing=config.missing_in(name)) for name in self.across}
        tables = {
            self.patients: TableConfig.model_construct(
                key=config.patient,
                patient=config.patient,
                missing=config.missing,
                columns=own,
                target=config.target if config.target in own else None,
                constraints=tuple(text for table, text in self.ruled if table == self.patients),
            ),
            self.name: config.model_copy(
                update={
                    "columns": rest,
                    "target": config.target if config.target in rest else None,
                    "survival": None,
                    "groups": (),
                    "constraints": tuple(text for table, text in self.ruled if table == self.name),
                }
            ),
        }
        return self.schema.model_copy(update={"tables": tables})

    @cached_property
    def ruled(self) -> tuple[tuple[str, str], ...]:
        """For each rule the table that it is on, and its text there."""
        found = []
        for rule in self.config.rules:
            names = {column.name for column in ex.columns_of(rule)}
            if names <= set(self.personal):
                found.append((self.patients, str(rule)))
            else:
                found.append((self.name, str(self._above(rule))))
        return tuple(found)

    def _above(self, rule: ex.Expression) -> ex.Expression:
        """A rule on rows, in which the patients' columns are the parent's and none is computed from both tables."""

        def of(column: ex.Column) -> ex.Expression:
            if column.name in self.personal:
                return ex.Column(column.name, "parent")
            if column.name in self.across:
                return self._above(self.across[column.name].expression)
            return column

        return ex.renamed(rule, of)

    def parted(self, table: Table) -> Dataset:
        """The two tables, that of rows without a copy of its cells.

        Raises:
            InputError: a row names no patient.
        """
        assert self.config.patient is not None
        names = [self.config.patient, *self.personal]
        missing = {"", *(token.strip() for token in self.config.missing_in(self.config.patient))}

        def rows() -> Iterator[pa.RecordBatch]:
            for block in table:
                cells = {name: block.column(name) for name in rest}
                cells |= {name: step.present(cells[name]) for name, step in self.across.items()}
                yield pa.RecordBatch.from_arrays([*cells.values()], names=rest)

        seen: set[str] = set()
        parts, first_row = [], 0
        for block in table:
            cells = block.column(self.config.patient)
            texts = [text.strip() for text in cells.dictionary.to_pylist()]
            places, firsts = np.unique(np.asarray(cells.indices), return_index=True)
            for place, at in sorted(zip(places.tolist(), firsts.tolist(), strict=True), key=lambda pair: pair[1]):
                if texts[place] in missing:
                    raise InputError(
                        f"{table.source}: record {first_row + at + 1}, column {self.config.patient}: found no patient, "
                        "and the rows of a patient have an order; fill it in, or remove `order`"
                    )
            fresh = [at for place, at in zip(places, firsts, strict=True) if texts[place] not in seen]
            seen |= {texts[place] for place in places.tolist()}
            parts.append(block.select(names).take(pa.array(sorted(fresh))))
            first_row += block.num_rows
        rest = [name for name in self.config.columns if name not in self.personal]
        persons = _Made(table, self.patients, tuple(names), lambda: iter(parts))
        return Dataset({self.patients: persons, self.name: _Made(table, self.name, tuple(rest), rows)})

    def writers(self, table: Table, split: Split) -> Writers:
        """What writes the columns that are computed from both tables.

        Raises:
            InputError: a cell contradicts its kind, or too many values are not what is computed.
        """
        found = {}
        for name, step in self.across.items():
            counts: ComputedCounts | None = None
            first_row = 0
            for block, _, held_out in split.blocks(table):
                kept = np.flatnonzero(~held_out)
                try:
                    new = step.summarise(block.take(pa.array(kept)))
                except BadCells as bad:
                    at = np.isin(np.asarray(block.column(name).indices)[kept], bad.texts)
                    raise InputError(
                        f"{table.source}: record {first_row + int(kept[np.argmax(at)]) + 1}, column {name}: expected "
                        f"{bad.expected}, found another text; mend the value, or declare it under `missing` or `atoms`"
                    ) from None
                counts = new if counts is None else counts.merge(new)
                first_row += block.num_rows
            assert counts is not None
            found[name] = step.solve(counts)
        return found

    def joined(self, patients: pa.RecordBatch, rows: pa.RecordBatch, writers: Writers) -> pa.RecordBatch:
        """The rows of some patients, with these patients' columns."""
        key = self.config.patient
        ids, of = (pc.cast(batch.column(key), pa.string()) for batch in (patients, rows))
        at = pc.index_in(of, value_set=ids)
        columns = {name: rows.column(name) for name in rows.schema.names}
        columns |= {name: encoded(patients.column(name)).take(at) for name in self.personal if self._written(name)}
        for name, step in self.across.items():
            columns[name] = step.restore(columns[name], columns, writers[name])
        names = [name for name in self.config.columns if self._written(name)]
        return pa.RecordBatch.from_arrays([encoded(columns[name]) for name in names], names=names)

    def _written(self, name: str) -> bool:
        return self.config.columns[name].kind != "drop"


@dataclass(frozen=True, eq=False)
class Block:
    """Some rows of a table as a table."""

    name: str
    block: pa.RecordBatch
    format: Format

    @property
    def source(self) -> str:
        return self.name

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.block.schema.names)

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        return {}

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        """The one block."""
        yield self.block

    def digest(self) -> bytes:
        """Nobody asks which rows these are."""
        return b""


@dataclass(frozen=True, eq=False)
class _Made:
    """A table made of the cells of another, block by block."""

    of: Table
    name: str
    columns: tuple[str, ...]
    blocks: Callable[[], Iterator[pa.RecordBatch]]

    @property
    def source(self) -> str:
        return self.of.source

    @property
    def format(self) -> Format:
        return self.of.format

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        return {name: kind for name, kind in self.of.types.items() if name in self.columns}

    def __iter__(self) -> Iterator[pa.RecordBatch]:
        return self.blocks()

    def digest(self) -> bytes:
        return self.of.digest()


def _causes(column: Column) -> set[str]:
    """What a column is determined by, or computed from."""
    if column.determined_by is not None:
        return {column.determined_by}
    if isinstance(column, Computable) and column.computed is not None:
        return {each.name for each in ex.columns_of(parse(column.computed))}
    return set()


def _pinned(config: TableConfig) -> set[str]:
    """The columns that rows keep whatever they are: those of a rule between rows, and numbers with their units."""
    pinned = {c.name for rule in config.rules if isinstance(rule, ex.BETWEEN_ROWS) for c in ex.columns_of(rule)}
    for name, column in config.columns.items():
        if isinstance(column, Integer | Number) and column.unit_of is not None:
            pinned |= {name, column.unit_of}
    while more := {cause for name in pinned for cause in _causes(config.columns[name])} - pinned:
        pinned |= more
    return pinned
