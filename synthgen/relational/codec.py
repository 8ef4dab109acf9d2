"""A whole table between text and codes: what each column needs, learned in one pass, and the way back."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding import identifier
from synthgen.encoding.base import BadCells, ColumnSummary, Encoder, Kind
from synthgen.encoding.category import CategoryKind, ConstantKind
from synthgen.encoding.code import CodeKind, numbered_alike
from synthgen.encoding.domain import Domain
from synthgen.encoding.fake import FakeColumn
from synthgen.encoding.identifier import Identifier, IdentifierSummary
from synthgen.encoding.levels import Cells, LevelCounts, Unit
from synthgen.encoding.numeric import NumericEncoder, NumericKind
from synthgen.encoding.ordinal import OrdinalKind
from synthgen.encoding.per_unit import PerUnitEncoder, PerUnitKind, with_units
from synthgen.encoding.since import Since, SinceEncoder, SinceKind
from synthgen.encoding.temporal import TemporalEncoder, TemporalKind
from synthgen.encoding.until import Until, UntilEncoder, UntilKind
from synthgen.errors import InputError
from synthgen.reshape.code_list import CodeList
from synthgen.reshape.computed import Computed, ComputedCounts
from synthgen.reshape.determined import Determined
from synthgen.schema import column as schema_column
from synthgen.schema.config import Format
from synthgen.schema.table import TableConfig

_MOMENTS = (schema_column.Date, schema_column.Datetime)
_KINDS: dict[type, type[Kind]] = {
    schema_column.Category: CategoryKind,
    schema_column.Constant: ConstantKind,
    schema_column.Ordinal: OrdinalKind,
    schema_column.Boolean: OrdinalKind,
    schema_column.Code: CodeKind,
    schema_column.Integer: NumericKind,
    schema_column.Number: NumericKind,
    schema_column.Date: TemporalKind,
    schema_column.Datetime: TemporalKind,
    schema_column.Time: TemporalKind,
}


@dataclass(frozen=True)
class TableSummary:
    """All that is learned from the rows of a table before the model; ``merge`` is exact in any order and grouping."""

    columns: Mapping[str, ColumnSummary]
    pairs: Mapping[str, LevelCounts]
    ids: Mapping[str, IdentifierSummary]
    computed: Mapping[str, ComputedCounts] = field(default_factory=dict)

    def merge(self, other: TableSummary) -> TableSummary:
        return TableSummary(
            {name: mine.merge(other.columns[name]) for name, mine in self.columns.items()},
            {name: mine.merge(other.pairs[name]) for name, mine in self.pairs.items()},
            {name: mine.merge(other.ids[name]) for name, mine in self.ids.items()},
            {name: mine.merge(other.computed[name]) for name, mine in self.computed.items()},
        )


@dataclass(frozen=True)
class Plan:
    """What the schema says becomes of each column; nothing is learned yet.

    Attributes:
        config: the table's declaration.
        format: decimal and thousands marks.
        elsewhere: columns that are not learned here, since they are made from others when all these are decoded.
        since: dates that are told by how long they come after another.
        until: lengths many of which last until the data end.
    """

    config: TableConfig
    format: Format
    elsewhere: frozenset[str] = frozenset()
    since: Mapping[str, Since] = field(default_factory=dict)
    until: Mapping[str, Until] = field(default_factory=dict)

    @cached_property
    def lists(self) -> dict[str, CodeList]:
        """Columns with several codes in a cell."""
        return {
            name: CodeList(name, column.separator, self.config.missing_in(name))
            for name, column in self.config.columns.items()
            if isinstance(column, schema_column.Code) and column.separator and not column.determined_by
        }

    @cached_property
    def kinds(self) -> dict[str, Kind]:
        """The columns that a model learns, in the order of the table, code lists position by position."""
        kinds: dict[str, Kind] = {}
        for name, column in self.config.columns.items():
            kind = _KINDS.get(type(column))
            if kind is None or column.determined_by is not None or name in self.elsewhere:
                continue
            missing = self.config.missing_in(name)
            if name in self.computed:
                kinds[name] = CategoryKind(name, schema_column.Category(other=None), self.format, missing)
                continue
            if name in self.since:
                kinds[name] = self._since(name)
                continue
            if name in self.until:
                kinds[name] = self._until(name)
                continue
            if name in self.units:
                kind = PerUnitKind
            for position in self.lists[name].positions if name in self.lists else (name,):
                tokens = missing if position == name or "" in missing else (*missing, "")
                kinds[position] = kind(position, column, self.format, tokens)
        return kinds

    def _since(self, name: str) -> SinceKind:
        column, since = self.config.columns[name], self.since[name]
        before = self.config.columns[since.earlier]
        if not isinstance(column, _MOMENTS) or not isinstance(before, _MOMENTS):
            raise ValueError(f"{name} is told by another date, yet one of them is none")
        earlier = TemporalKind(since.earlier, before, self.format, self.config.missing_in(since.earlier))
        return SinceKind(name, column, self.format, self.config.missing_in(name), since=since, before=earlier)

    def _until(self, name: str) -> UntilKind:
        column, until = self.config.columns[name], self.until[name]
        start = self.config.columns[until.start]
        if not isinstance(column, schema_column.Integer) or not isinstance(start, _MOMENTS):
            raise ValueError(f"{name} is told as lasting until a day, yet it is no number of days since a date")
        before = TemporalKind(until.start, start, self.format, self.config.missing_in(until.start))
        return UntilKind(name, column, self.format, self.config.missing_in(name), until=until, before=before)

    @cached_property
    def after(self) -> dict[str, str]:
        """Columns whose texts are known once those of another are, with that one, each after it."""
        waiting = self.units | {name: since.earlier for name, since in self.since.items()}
        waiting |= {name: until.start for name, until in self.until.items()}
        ordered: dict[str, str] = {}
        while waiting:
            name = next(name for name, by in waiting.items() if by not in waiting)
            ordered[name] = waiting.pop(name)
        return ordered

    @cached_property
    def units(self) -> dict[str, str]:
        """Columns of numbers whose scale depends on another column, with that column."""
        return {
            name: column.unit_of
            for name, column in self.config.columns.items()
            if isinstance(column, schema_column.Integer | schema_column.Number) and column.unit_of is not None
        }

    @cached_property
    def determined(self) -> dict[str, Determined]:
        """Determined columns, each after the column that determines it."""
        columns = self.config.columns
        waiting = {name: column.determined_by for name, column in columns.items() if column.determined_by}
        ordered: dict[str, Determined] = {}
        while waiting:
            name = next(name for name, by in waiting.items() if by not in waiting)
            by = waiting.pop(name)
            others = getattr(columns[by], "other", None), getattr(columns[name], "other", None)
            merged = (others[0], others[1]) if others[0] and others[1] else None
            ordered[name] = Determined(name, by, next(iter(self.config.missing_in(name)), ""), merged)
        return ordered

    @cached_property
    def computed(self) -> dict[str, Computed]:
        """Columns that are computed from others."""
        return {
            name: Computed.declared(self.config, name, self.format)
            for name, column in self.config.columns.items()
            if isinstance(column, schema_column.Computable) and column.computed is not None
        }

    @cached_property
    def derived(self) -> tuple[str, ...]:
        """Determined and computed columns, each after those that it follows from."""
        waiting = {name: {step.by} for name, step in self.determined.items()}
        waiting |= {name: set(step.operands) for name, step in self.computed.items()}
        ordered: list[str] = []
        while waiting:
            ready = [name for name, causes in waiting.items() if not causes & set(waiting)]
            ordered += ready
            waiting = {name: causes for name, causes in waiting.items() if name not in ready}
        return tuple(ordered)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Columns that are regenerated."""
        return tuple(n for n, column in self.config.columns.items() if isinstance(column, schema_column.Id))

    @cached_property
    def fakes(self) -> dict[str, FakeColumn]:
        """Columns that Faker invents."""
        return {
            name: FakeColumn(column.provider, column.locale, column.sex)
            for name, column in self.config.columns.items()
            if isinstance(column, schema_column.Fake)
        }

    @cached_property
    def written(self) -> tuple[str, ...]:
        """The columns of the output, in the order of the table."""
        return tuple(n for n, column in self.config.columns.items() if not isinstance(column, schema_column.Drop))

    def summarise(self, block: pa.RecordBatch, unit: Unit) -> TableSummary:
        """The summary of one block. Raises ``BadBlock`` where cells contradict their kind."""
        columns: dict[str, ColumnSummary] = {}
        for name, cells in self._learned(block):
            try:
                columns[name] = self.kinds[name].summarise(Cells(_texts(cells), np.asarray(cells.indices), unit))
            except BadCells as bad:
                raise BadBlock(name, _first_row(cells, bad.texts), bad.expected) from None
            except OverflowError as error:
                raise InputError(f"column {name}: {error}") from None
        pairs = {n: d.summarise(block.column(d.by), block.column(n), unit) for n, d in self.determined.items()}
        ids = {
            name: identifier.summarise(block.column(name), frozenset(self.config.missing_in(name))) for name in self.ids
        }
        return TableSummary(columns, pairs, ids, {name: self._computed(name, block) for name in self.computed})

    def _computed(self, name: str, block: pa.RecordBatch) -> ComputedCounts:
        try:
            return self.computed[name].summarise(block)
        except BadCells as bad:
            raise BadBlock(name, _first_row(block.column(name), bad.texts), bad.expected) from None

    def _learned(self, block: pa.RecordBatch) -> Iterator[tuple[str, pa.DictionaryArray]]:
        """The columns of ``kinds`` in their order."""
        for name in self.config.columns:
            if name in self.lists:
                yield from zip(self.lists[name].positions, self.lists[name].split(block.column(name)), strict=True)
            elif name in self.computed:
                yield name, self.computed[name].present(block.column(name))
            elif name in self.after:
                yield name, with_units(block.column(self.after[name]), block.column(name))
            elif name in self.kinds:
                yield name, block.column(name)

    def solve(self, summary: TableSummary, rare_below: int) -> Codec:
        """The codec that a summary determines, after the disclosure step."""
        return Codec(
            self,
            {name: kind.solve(summary.columns[name], rare_below) for name, kind in self.kinds.items()},
            {name: step.solve(summary.pairs[name], rare_below) for name, step in self.determined.items()},
            {name: identifier.solve(summary.ids[name], rare_below=rare_below) for name in self.ids},
            {name: step.solve(summary.computed[name]) for name, step in self.computed.items()},
        )

    def restore(self, learned: Mapping[str, Any]) -> Codec:
        """The codec that ``Codec.to_json`` described."""
        return Codec(
            self,
            {name: kind.restore(learned["encoders"][name]) for name, kind in self.kinds.items()},
            {name: dict(learned["determined"][name]) for name in self.determined},
            {name: Identifier.from_json(learned["ids"][name]) for name in self.ids},
            {name: step.kind.restore(learned["computed"][name]) for name, step in self.computed.items()},
        )


class BadBlock(Exception):
    """A cell of a block contradicts the declared kind; ``row`` counts from the block's first row, 0."""

    def __init__(self, column: str, row: int, expected: str) -> None:
        super().__init__(column)
        self.column = column
        self.row = row
        self.expected = expected


@dataclass(frozen=True)
class Codec:
    """A table between text and codes, with everything learned before the model.

    Attributes:
        encoders: by column (code lists by position), in the order of the code columns.
        determined: for each determined column, its value by the value of the determining column.
        ids: for each id column, how it is regenerated.
        computed: for each computed column, how it is written; of its encoder the texts say whether there is a value.
    """

    plan: Plan
    encoders: Mapping[str, Encoder]
    determined: Mapping[str, Mapping[str, str]]
    ids: Mapping[str, Identifier]
    computed: Mapping[str, NumericEncoder | TemporalEncoder] = field(default_factory=dict)

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        """The domains of all code columns."""
        alike, target = numbered_alike(self.encoders.values()), self.plan.config.target
        return tuple(
            replace(alike.get(domain.name, domain), target=domain.owner == target)
            for encoder in self.encoders.values()
            for domain in encoder.domains
        )

    @cached_property
    def bare(self) -> tuple[str, ...]:
        """The columns of the table of which no value may be shown, so that they come out missing."""
        kept = {domain.owner for domain in self.domains if len(domain.missing) < domain.size}
        every = (name for name, column in self.plan.config.columns.items() if column.kind != "constant")
        return tuple(name for name in every if (parts := self.encoders_of(name)) and not kept & {*parts})

    @cached_property
    def _widths(self) -> dict[str, int]:
        """How many code columns each encoder has."""
        return {name: len(encoder.domains) for name, encoder in self.encoders.items()}

    def encode(self, block: pa.RecordBatch) -> NDArray[np.int32]:
        """The codes of a block, shape ``(n_rows, len(domains))``, in column order (contiguous columns)."""
        codes = np.empty((block.num_rows, len(self.domains)), np.int32, order="F")
        at = 0
        for name, cells in self.plan._learned(block):
            table = self.encoders[name].encode(_texts(cells))
            for part in table.T:
                codes[:, at] = part[np.asarray(cells.indices)]
                at += 1
        return codes

    def decode(
        self,
        codes: NDArray[np.int32],
        *,
        rng: np.random.Generator,
        key: bytes,
        rows: NDArray[np.int64],
        persons: NDArray[np.int64],
        constant: Collection[str] = (),
        kept: Mapping[str, pa.Array] | None = None,
    ) -> pa.RecordBatch:
        """The table of codes of shape ``(n, len(domains))``.

        Args:
            key: what ids and fake values are keyed by.
            rows: the ordinal of each row in the whole output.
            persons: the ordinal of each row's person; a person's rows follow each other.
            constant: columns that are decoded, or made up anew, once for each person.
            kept: by encoder, the texts of those that were decoded before.
        """
        begins = np.r_[True, persons[1:] != persons[:-1]]
        person_of_row = pa.array((np.cumsum(begins) - 1).astype(np.int32))
        learned: dict[str, pa.Array] = {}
        after: dict[str, NDArray[np.int32]] = {}
        at = 0
        for name, encoder in self.encoders.items():
            own = codes[:, at : at + self._widths[name]]
            if kept is not None and name in kept:
                learned[name] = kept[name]
            elif name in self.plan.after:
                after[name] = own
            elif name in constant:
                learned[name] = encoder.decode(own[begins], rng).take(person_of_row)
            else:
                learned[name] = encoder.decode(own, rng)
            at += self._widths[name]
        columns = self.columns_of(learned)
        for name in (name for name in self.plan.after if name in after):
            of_person = name in constant and self.plan.after[name] in constant
            which = np.flatnonzero(begins) if of_person else np.arange(len(codes))
            found = self._after(name, after[name][which], columns[self.plan.after[name]].take(pa.array(which)), rng)
            columns[name] = found.take(person_of_row) if of_person else found
        columns = self.completed(columns)
        for name in self.plan.ids:
            of_person = name == self.plan.config.patient or name in constant
            texts = self.ids[name].generate(persons[begins] if of_person else rows, key + name.encode())
            place = person_of_row if of_person else pa.array(np.arange(len(rows), dtype=np.int32))
            columns[name] = pa.DictionaryArray.from_arrays(place, texts)
        for name, fake in self.plan.fakes.items():
            sex = None if fake.sex is None else columns[fake.sex]
            columns[name] = fake.generate(persons, key + name.encode(), sex)
        blank = pa.DictionaryArray.from_arrays(pa.array(np.zeros(len(codes), np.int32)), pa.array([""]))
        chosen = [encoded(columns.get(name, blank)) for name in self.plan.written]
        return pa.RecordBatch.from_arrays(chosen, names=list(self.plan.written))

    def completed(self, columns: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """The columns with those computed of which all operands are there by now."""
        found = dict(columns)
        for name in (name for name in self.plan.derived if name in self.plan.computed):
            step = self.plan.computed[name]
            if name in found and self._are_there(step.operands, found):
                found[name] = step.restore(found[name], found, self.computed[name])
        return found

    def _are_there(self, operands: Collection[str], columns: Mapping[str, pa.Array]) -> bool:
        """Whether all operands are among some columns, and those that they are computed from."""
        return all(
            name in columns
            and (name not in self.plan.computed or self._are_there(self.plan.computed[name].operands, columns))
            for name in operands
        )

    def _after(self, name: str, codes: NDArray[np.int32], other: pa.Array, rng: np.random.Generator) -> pa.Array:
        """The texts of a column that are known once those of another are."""
        encoder = self.encoders[name]
        assert isinstance(encoder, PerUnitEncoder | SinceEncoder | UntilEncoder)
        return encoder.decoded(codes, encoded(other), rng)

    def columns_of(self, learned: Mapping[str, pa.Array]) -> dict[str, pa.Array]:
        """The columns that the texts of some encoders give: lists joined, what follows from others restored."""
        columns = {name: cells for name, cells in learned.items() if name in self.plan.config.columns}
        for name, codes_in_cell in self.plan.lists.items():
            if codes_in_cell.positions[0] in learned:
                columns[name] = codes_in_cell.join([learned[position] for position in codes_in_cell.positions])
        for name in self.plan.derived:
            if name in self.plan.computed:
                step = self.plan.computed[name]
                if name in columns and self._are_there(step.operands, columns):
                    columns[name] = step.restore(columns[name], columns, self.computed[name])
            elif (by := self.plan.determined[name].by) in columns:
                columns[name] = self.plan.determined[name].restore(encoded(columns[by]), self.determined[name])
        return columns

    def texts_of(
        self,
        names: Collection[str],
        codes: NDArray[np.int32],
        rng: np.random.Generator,
        told: Mapping[str, pa.Array],
    ) -> dict[str, pa.Array]:
        """The texts that some encoders give for codes of shape ``(n, len(domains))``.

        Args:
            told: the texts of others. Beside a column that depends on another, that one must be among them or among
                the names.
        """
        after = [name for name in self.plan.after if name in names]
        found = {
            name: self.encoders[name].decode(codes[:, self.places[name]], rng) for name in names if name not in after
        }
        columns = self.columns_of({**told, **found})
        for name in after:
            other = columns[self.plan.after[name]]
            found[name] = columns[name] = self._after(name, codes[:, self.places[name]], other, rng)
        return found

    def encoders_of(self, name: str) -> tuple[str, ...]:
        """The encoders whose texts give a column; none where it is regenerated."""
        if name in self.plan.determined:
            return self.encoders_of(self.plan.determined[name].by)
        if name in self.plan.computed:
            operands = self.plan.computed[name].operands
            return tuple(dict.fromkeys((name, *(each for of in operands for each in self.encoders_of(of)))))
        return self.plan.lists[name].positions if name in self.plan.lists else (name,) * (name in self.encoders)

    @cached_property
    def places(self) -> dict[str, tuple[int, ...]]:
        """Which code columns each encoder has."""
        ends = np.cumsum([*self._widths.values()]).tolist()
        return {n: tuple(range(end - width, end)) for (n, width), end in zip(self._widths.items(), ends, strict=True)}

    def try_out(self) -> None:
        """Decode every code once, so that the contents of a damaged artifact raise ``ValueError`` or its like."""
        rng = np.random.default_rng(0)
        for encoder in self.encoders.values():
            sizes = np.array([domain.size for domain in encoder.domains])
            texts = encoder.decode((np.arange(sizes.max())[:, None] % sizes).astype(np.int32), rng)
            if len(texts) != sizes.max():
                raise ValueError("some codes have no text")
        for shape in self.ids.values():
            shape.generate(np.arange(2), b"")
        for name, step in self.plan.determined.items():
            step.restore(pa.array([""]).dictionary_encode(), self.determined[name])
            pa.array([*self.determined[name].values()], pa.string())

    def to_json(self) -> dict[str, Any]:
        """What was learned, as JSON values; ``Plan.restore`` is the inverse."""
        return {
            "encoders": {name: encoder.to_json() for name, encoder in self.encoders.items()},
            "determined": {name: dict(known) for name, known in self.determined.items()},
            "ids": {name: shape.to_json() for name, shape in self.ids.items()},
        } | ({"computed": {n: writer.to_json() for n, writer in self.computed.items()}} if self.computed else {})

    def times_to_json(self) -> dict[str, Any]:
        """Which dates and lengths are told by others, as JSON values: ``since`` and ``until`` of the plan."""
        plan = self.plan
        return {
            "since": {name: [since.earlier, since.unit] for name, since in plan.since.items()},
            "until": {name: [until.start, until.end] for name, until in plan.until.items()},
        }


def _texts(cells: pa.DictionaryArray) -> list[str]:
    texts: list[str] = cells.dictionary.to_pylist()
    return texts


def _first_row(cells: pa.DictionaryArray, texts: NDArray[np.intp]) -> int:
    return int(np.flatnonzero(np.isin(np.asarray(cells.indices), texts))[0])


def encoded(cells: pa.Array) -> pa.DictionaryArray:
    """The cells as places in a list of their texts."""
    return cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
