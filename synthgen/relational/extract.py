"""A whole extract: its tables one after another, each row given its ancestors and its patient's rows before it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from synthgen.encoding.domain import Domain
from synthgen.encoding.identifier import Identifier
from synthgen.encoding.leveled import LeveledEncoder
from synthgen.encoding.numeric import NumericEncoder
from synthgen.errors import InputError, NotApplicable
from synthgen.models.base import Codes, FittedModel, Given, of_rows
from synthgen.relational.asking import Asked, conditioned
from synthgen.relational.calendar import Calendar
from synthgen.relational.codec import Codec
from synthgen.relational.condition import Condition
from synthgen.relational.fold import (
    Additions,
    last_of,
    number_of,
    orphans_of,
    panel_of,
    start_of,
)
from synthgen.relational.history import History, Memory
from synthgen.relational.judged import Judged, Timeless
from synthgen.relational.links import Linking, up
from synthgen.relational.meeting import sampled, share_of
from synthgen.relational.obedience import Obedience, kept_by_construction
from synthgen.relational.panels import Room, numbers_of
from synthgen.relational.repeats import filled
from synthgen.relational.rows import Rows, Steps, bases
from synthgen.relational.ruling import Ruling
from synthgen.relational.starts import fitting
from synthgen.relational.structure import Structure
from synthgen.relational.surroundings import Surroundings
from synthgen.relational.timeline import DAY, NOT_HERE, UNKNOWN, Hand, Moments, Timeline, integers
from synthgen.schema.rules import expression as ex
from synthgen.schema.table import TableConfig

#: Patients per block of output: part of the format, since draws are keyed by block.
BLOCK: Final = 1024
_AHEAD: Final = 3
_WORKERS: Final = 2
#: Instead of a table's name, for patients of whom no table has a row each.
PERSONS: Final = ""
#: How often a row is drawn again of which something would come after all that is real.
_TRIES: Final = 4

Seen = dict[str, dict[int, set[Any]]]
"""By table and rule, what no two rows may share in all blocks."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A table between text and codes, and what its rows are given.

    Attributes:
        codec: of the derived table (see ``synthgen.relational.fold``).
        added: what is derived beside the steps of time.
        timeline: how its moments become steps; ``None`` without any.
        surroundings: what its rows are given of other tables; ``None`` for patients and lookup tables.
        calendar: what they are given of time; ``None`` without a timeline.
        memory: what they are given of the rows before; ``None`` for patients and lookup tables.
    """

    codec: Codec
    added: Additions
    timeline: Timeline | None
    surroundings: Surroundings | None
    calendar: Calendar | None
    memory: Memory | None

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        """The domains of its own code columns, as the model takes them."""
        own = self.codec.domains if self.memory is None else self.memory.own_domains
        steps = () if self.timeline is None or self.timeline.absolute else (self.timeline.first, self.timeline.gap)
        leading = (*map(panel_of, self.added.panelled), *self.added.subject, *steps)
        return tuple(replace(domain, leads=domain.owner in leading) for domain in own)

    def column(self, owner: str) -> int:
        """The first code column of a derived column."""
        return [domain.owner for domain in self.codec.domains].index(owner)

    def numeric(self, name: str) -> NumericEncoder:
        """The encoder of a derived column of whole numbers."""
        encoder = self.codec.encoders[name]
        assert isinstance(encoder, NumericEncoder)
        return encoder


@dataclass(frozen=True, eq=False)
class FittedTable(Frame):
    """What generates the rows of one table: its columns, given all that the frame says.

    Attributes:
        rates: the share of real rows that break each rule of the table; ``None`` where it is too small to tell.
    """

    model: FittedModel
    rates: tuple[float | None, ...] = ()


@dataclass(frozen=True, eq=False)
class Extract:
    """Everything that generates the tables of an extract.

    Attributes:
        structure: which tables belong to which.
        configs: the declarations of the tables as the user stated them.
        tables: what was learned, in the order in which tables are generated; under ``PERSONS`` the patients, where no
            table has them.
        references: tables that are kept as they are.
        numbers: how many rows each lookup table has.
        births: the column of the patients' table from which ages count; ``None`` where there is none.
        identifier: makes the patients' ids where no table has them.
        linking: how links are resolved that are drawn.
    """

    structure: Structure
    configs: Mapping[str, TableConfig]
    tables: Mapping[str, FittedTable]
    references: Mapping[str, pa.RecordBatch]
    numbers: Mapping[str, int]
    births: str | None
    identifier: Identifier | None
    linking: Linking

    @property
    def patients(self) -> str:
        """The table with a row for each patient, or ``PERSONS``."""
        return self.structure.patients or PERSONS

    @property
    def likelihood(self) -> bool:
        """Whether the models of all tables of patients have one."""
        return all(self.tables[name].model.likelihood for name in self.tables if name not in self.numbers)

    @cached_property
    def empty(self) -> tuple[str, ...]:
        """The tables of which no row is ever generated, since too few patients have any."""
        found: list[str] = []
        for name, table in self.tables.items():
            if table.surroundings is None:
                continue
            above = table.surroundings.above[0]
            told = [(above, number_of(name)), (self.patients, orphans_of(name))]
            numbers = [self.tables[of].numeric(column).quantiser for of, column in told if self._tells(of, column)]
            if above in found or not any(each.bounds()[1].max(initial=0) > 0 for each in numbers):
                found.append(name)
        return tuple(found)

    def _tells(self, name: str, column: str) -> bool:
        return column in self.tables[name].codec.encoders

    @property
    def written(self) -> dict[str, tuple[str, ...]]:
        """The columns of every table of the output, in the order of the config."""
        return {
            name: tuple(c for c, column in config.columns.items() if column.kind != "drop")
            for name, config in self.configs.items()
        }

    def blocks(
        self, n: int, *, seed: int, where: Sequence[str | tuple[str, Condition]] = (), balance: Sequence[str] = ()
    ) -> Iterator[Mapping[str, pa.RecordBatch]]:
        """All rows of the first ``n`` patients of this seed, some patients at a time; the lookup tables come first.

        Args:
            where: conditions that hold for every patient, or every row of a table of no patient; as text, or read
                already, with their tables.
            balance: columns of the patients whose combinations of levels are made equally frequent.

        Raises:
            InputError: the model never generates what a table needs, or a condition makes no sense.
        """
        asking, asked = conditioned(self, where, balance)
        try:
            yield from asking._blocks(n, seed, asked)
        except NotApplicable as error:
            option = "--where" if where else "--balance"
            raise InputError(f"{option}: {error}; ask for something the training data had") from None

    def _blocks(self, n: int, seed: int, asked: Asked) -> Iterator[Mapping[str, pa.RecordBatch]]:
        key = hashlib.sha256(f"synthgen sample {seed}".encode()).digest()
        lookups = self._lookups(seed, key, asked)
        yield {**self.references, **{name: self._cut(name, columns) for name, columns in lookups.items()}}
        offsets = dict.fromkeys(self.tables, 0)
        numbers = -(-n // BLOCK)
        seen: Seen = {}
        keys: dict[str, set[str]] = {}
        ahead = 1 if any(each.of_all for each in self.obedience.values()) else _AHEAD
        with threadpool_limits(1, user_api="blas"), ThreadPoolExecutor(_WORKERS) as pool:
            drawn: deque[Future[_Drawn]] = deque()
            started = 0
            try:
                for number in range(numbers):
                    while started < numbers and len(drawn) < ahead:
                        drawn.append(pool.submit(self._draw, seed, started, key, seen, asked))
                        started += 1
                    block = drawn.popleft().result()
                    kept = min(BLOCK, n - number * BLOCK)
                    yield self._finished(block, number, kept, lookups, offsets, keys, seed, key)
                    for name, rows in block.rows.items():
                        offsets[name] += len(rows)
            finally:
                for waiting in drawn:
                    waiting.cancel()

    @cached_property
    def rulings(self) -> dict[str, Ruling]:
        """The rules of tables."""
        marks = {name: table.codec.plan.format for name, table in self.tables.items()}
        return {
            name: Ruling(name, self.structure, self.configs, marks, self._windows(name))
            for name in self.tables
            if name != PERSONS
        }

    @cached_property
    def obedience(self) -> dict[str, Obedience]:
        """What makes the rows of tables obey their rules, of those that have any."""
        found = {}
        for name, ruling in self.rulings.items():
            table = self.tables[name]
            rates = dict.fromkeys(ruling.rules) | dict(zip(ruling.stated, table.rates, strict=True))
            columns, identities = ruling.config.columns, ruling.identities
            rules = {rule: of for rule, of in rates.items() if not kept_by_construction(rule, columns, identities)}
            if rules:
                operands = {column: ruling.operands[ex.Column(column)] for column in ruling.own}
                found[name] = Obedience.of(rules, operands, identities, table.codec, table.timeline)
        return found

    def _windows(self, name: str) -> dict[str, tuple[str, str]]:
        """The ends of the windows of computed moments, which steps of time do not keep; as written."""
        table, found = self.tables[name], {}
        for column, window in () if table.timeline is None else table.timeline.windows.items():
            hand = Hand.of(column, self.configs[name], table.codec.plan.format)
            if window is not None and hand is not None and column in table.codec.plan.computed:
                low, high = hand.texts(np.array([window[0], window[1] + (DAY - 1) * hand.clocked])).to_pylist()
                found[column] = (low, high)
        return found

    def _judged(
        self,
        name: str,
        rows: Rows,
        others: Mapping[str, Rows],
        cells: Mapping[str, Mapping[str, pa.Array]],
        rng: np.random.Generator,
        seen: Seen,
        given: Given,
    ) -> Judged | None:
        """What judges the rows of a table while they are drawn; ``None`` where it has no rules."""
        if name not in self.obedience:
            return None
        ruling, known = self.rulings[name], {**others, name: rows}

        def owner(table: str) -> NDArray[np.int64]:
            return rows.patient if table in ("", self.patients) else up(self.structure, known, name, table)

        return Judged(
            self.obedience[name],
            rows.patient,
            rng,
            place=rows.patient,
            above=ruling.above(cells, owner),
            identities={column: owner(table) for column, table in ruling.identities.items()},
            asked=frozenset(self.tables[name].codec.domains[column].owner for column in given),
            seen=seen.setdefault(name, {}),
        )

    def _lookups(self, seed: int, key: bytes, asked: Asked) -> dict[str, dict[str, pa.Array]]:
        """The columns of the lookup tables, which are the same for all patients."""
        found: dict[str, dict[str, pa.Array]] = {}
        for at, (name, n) in enumerate(self.numbers.items()):
            rng = np.random.default_rng([seed, 1, at])
            table = self.tables[name]
            rows = np.arange(n)
            nothing = np.full(n, UNKNOWN, np.int64)
            standing = Rows(rows, rows, n, n, np.zeros((n, 0), np.int32), nothing)
            judged = self._judged(name, standing, {}, {}, rng, {}, asked.of(name))
            draw = _alone(table, asked.of(name), rng)
            codes = draw.draw(rows)
            if judged is not None:
                judged.settle(rows, codes, nothing, draw)
            kept = None if judged is None else judged.texts(rows)
            batch = table.codec.decode(codes, rng=rng, key=key + name.encode(), rows=rows, persons=rows, kept=kept)
            found[name] = dict(zip(batch.schema.names, batch.columns, strict=True))
            self.linking.of_lookup(name, found, rng)
        return found

    def _draw(self, seed: int, number: int, key: bytes, seen: Seen, asked: Asked) -> _Drawn:
        """The rows of a block of patients, table by table."""
        rng = np.random.default_rng([seed, 0, number])
        person = self.tables[self.patients]
        everyone = np.arange(BLOCK)
        nothing = np.full(BLOCK, UNKNOWN, np.int64)
        standing = Rows(everyone, everyone, BLOCK, BLOCK, np.zeros((BLOCK, 0), np.int32), nothing)
        given = asked.of(self.patients)
        if asked.balance is not None:
            given = {**given, **asked.balance.given(asked.balance.deal(BLOCK, rng))}
        judged = self._judged(self.patients, standing, {}, {}, rng, seen, given)
        draw = _alone(person, given, rng)
        codes = draw.draw(everyone) if person.domains else standing.codes
        if judged is not None:
            judged.settle(everyone, codes, nothing.copy(), draw)
        rows = {self.patients: replace(standing, codes=codes)}
        cells = {self.patients: self._decoded(self.patients, rows[self.patients], number, rng, key, judged)}
        births = self._births(cells[self.patients])
        rows[self.patients] = replace(rows[self.patients], moments=births)
        for name, table in self.tables.items():
            if table.surroundings is None:
                continue
            above = table.surroundings.above[0]
            orphans = cells[self.patients].get(orphans_of(name))
            told_of = _Told(cells[above].get(panel_of(name)), cells[above].get(start_of(name)))
            numbers = told_of.numbers(integers(cells[above][number_of(name)]))
            if table.timeline is not None and table.timeline.order.dated:
                known = births[rows[above].patient]
                when = np.where(rows[above].moments == UNKNOWN, known, rows[above].moments)
                numbers = np.where(table.timeline.over(when, known), 0, numbers)
            skeleton = _skeleton(rows[above], numbers, orphans)
            judged = self._judged(name, skeleton, rows, cells, rng, seen, {})
            ends = self._ends(name, cells[self.patients])
            rows[name] = self._series(name, skeleton, rows, births, ends, told_of, rng, judged)
            kept = None if judged is None else judged.left(name)
            rows[name] = rows[name] if kept is None or len(kept) == len(skeleton) else rows[name].at(kept)
            cells[name] = self._decoded(name, rows[name], number, rng, key, judged, kept)
        return _Drawn(rows, cells)

    def _births(self, cells: Mapping[str, pa.Array]) -> Moments:
        table = self.tables[self.patients]
        if self.births is None or table.timeline is None:
            return np.full(BLOCK, UNKNOWN, np.int64)
        return table.timeline.order.read(cells[self.births])

    def _ends(self, name: str, cells: Mapping[str, pa.Array]) -> Moments:
        """The moment of each patient's last row in a table, as far as it is told."""
        timeline = self.tables[name].timeline
        if timeline is None or last_of(name) not in cells:
            return np.full(BLOCK, UNKNOWN, np.int64)
        steps = integers(cells[last_of(name)])
        return np.where(steps == UNKNOWN, UNKNOWN, steps * end_unit(timeline.order))

    def _decoded(
        self,
        name: str,
        rows: Rows,
        number: int,
        rng: np.random.Generator,
        key: bytes,
        judged: Judged | None,
        which: NDArray[np.int64] | None = None,
    ) -> dict[str, pa.Array]:
        """The derived columns of a table and its columns of moments; ids are made when all blocks before are known.

        Args:
            judged: what judged the rows, as which they are written.
            which: of the rows that were judged those that are here; all where ``None``.
        """
        table = self.tables[name]
        persons = number * BLOCK + rows.patient
        which = np.arange(len(rows)) if which is None else which
        batch = table.codec.decode(
            rows.codes,
            rng=rng,
            key=key + name.encode(),
            rows=np.arange(len(rows)),
            persons=persons,
            kept=None if judged is None else judged.texts(which),
        )
        cells = dict(zip(batch.schema.names, batch.columns, strict=True))
        for column in table.added.same:
            cells[column] = filled(cells[column], cells[table.codec.plan.units[column]], rows.patient, rng)
        if table.timeline is not None:
            moments = table.timeline.order.read(cells[self.births]) if table.timeline.absolute else rows.moments
            cells |= table.timeline.unfolded(cells, moments)
            cells = table.codec.completed(cells if judged is None else judged.mended(cells, which))
        return cells

    def _series(
        self,
        name: str,
        skeleton: Rows,
        others: Mapping[str, Rows],
        births: Moments,
        ends: Moments,
        told: _Told,
        rng: np.random.Generator,
        judged: Judged | None,
    ) -> Rows:
        """The rows of one table, all patients going through theirs together."""
        table = self.tables[name]
        assert table.surroundings is not None
        assert table.memory is not None
        fixed = table.surroundings.context(skeleton, others, self.tables)
        anchor = anchors(table.timeline, skeleton, others[table.surroundings.above[0]], births)
        steps = Steps.of(skeleton.patient)
        history = History(table.memory, len(steps.patients))
        origin, end = origins(table.timeline, births)[steps.patients], ends[steps.patients]
        born = births[steps.patients]
        last = np.full(len(steps.patients), UNKNOWN, np.int64)
        counted_by = [_counted_by(table, child) for child in table.added.panelled]
        room, begun = told.room(table, len(steps.patients)), told.first_steps(table)
        rows = replace(skeleton, codes=np.empty((len(skeleton), len(table.domains)), np.int32, order="F"))
        for step, at in enumerate(steps):
            active, first = len(at), skeleton.first[at]
            start = np.where(first | (last[:active] == UNKNOWN), anchor[at], last[:active])
            now = _since(table.timeline, start, step)
            parts = [fixed[at]]
            if table.calendar is not None:
                parts.append(table.calendar.context(start, origin[:active], end[:active], skeleton.left[at]))
            parts.append(history.context(active, now))
            context = np.asfortranarray(np.concatenate(parts, axis=1))
            final = np.where(skeleton.left[at] == 1, end[:active], UNKNOWN)
            given = _possible(table, first, start, end[:active], final, born[:active])
            if begun is not None:
                given = _begun(table, given, begun[np.where(first, skeleton.parent[at], -1)])
            if table.memory.limits:
                given = {**(given or {}), **history.allowed(active)}
            if room is not None:
                given = {**(given or {}), room.column: room.allowed(first, skeleton.parent[at])}
            draw = _Step(table, given, context, start, first, final, born[:active], counted_by, rng)
            codes, moments = draw.all_rows()
            if judged is not None:
                judged.settle(at, codes, moments, draw)
            if room is not None:
                room.fill(codes[:, room.column])
            history.advance(codes, _since(table.timeline, np.where(moments == UNKNOWN, start, moments), step))
            rows.codes[at] = codes
            rows.moments[at] = moments
            last[:active] = moments
        return rows

    def _finished(
        self,
        block: _Drawn,
        number: int,
        kept: int,
        lookups: Mapping[str, Mapping[str, pa.Array]],
        offsets: Mapping[str, int],
        keys: MutableMapping[str, set[str]],
        seed: int,
        key: bytes,
    ) -> dict[str, pa.RecordBatch]:
        """The tables of a block with all ids and links, cut to the first so many patients."""
        cells = {name: dict(columns) for name, columns in block.cells.items()}
        everyone = number * BLOCK + np.arange(BLOCK)
        for name, columns in cells.items():
            codec = self.tables[name].codec
            for column in codec.plan.ids:
                ordinals = everyone if name == self.patients else offsets[name] + np.arange(len(block.rows[name]))
                columns[column] = codec.ids[column].generate(ordinals, key + name.encode() + column.encode())
        if self.identifier is None:
            (key_column,) = self.configs[self.patients].key_columns
            ids = cells[self.patients][key_column]
        else:
            ids = self.identifier.generate(everyone, key)
        rng = np.random.default_rng([seed, 2, number])
        tables = {name: dict(found) for name, found in lookups.items()}
        lost = self.linking.resolve(block.rows, cells, tables, ids, rng, keys)
        whole = {}
        for name in (name for name in cells if name != PERSONS):
            n_rows = int(np.searchsorted(block.rows[name].patient, kept))
            whole[name] = self._cut(name, cells[name]).slice(0, n_rows)
            if name in lost and not self.structure.children(name):
                whole[name] = whole[name].take(pa.array(np.setdiff1d(np.arange(n_rows), lost[name])))
        return whole

    def _cut(self, name: str, cells: Mapping[str, pa.Array]) -> pa.RecordBatch:
        """The columns of a table in the order of its config."""
        n = len(next(iter(cells.values())))
        blank = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([""]))
        columns = [cells.get(column, blank) for column in self.written[name]]
        encoded = [c if pa.types.is_dictionary(c.type) else c.dictionary_encode() for c in columns]
        return pa.RecordBatch.from_arrays(encoded, names=list(self.written[name]))


def _alone(table: FittedTable, given: Given, rng: np.random.Generator) -> Timeless:
    """Draws rows that are given nothing but what is asked of them."""
    share = share_of(table.codec, range(len(table.codec.domains)))

    def draw(which: NDArray[np.int64]) -> Codes:
        return sampled(table.model, len(which), share, rng=rng, given=of_rows(given, which) or None)

    return Timeless(draw)


@dataclass(frozen=True, eq=False)
class _Step:
    """Draws rows of which each patient has one at most, given what came before.

    Attributes:
        given, context: what the model is given.
        start: what each row's moment is told by.
        first: which are the first of their parents.
        final: the moment, but for the time of day, where it is told already.
        births: of their patients.
        counted_by: see ``_counted_by``, for each table below whose number of rows a panel tells.
    """

    table: FittedTable
    given: Given | None
    context: Codes
    start: Moments
    first: NDArray[np.bool_]
    final: Moments
    births: Moments
    counted_by: Sequence[tuple[int, int, NDArray[np.int32]]]
    rng: np.random.Generator

    def all_rows(self) -> tuple[Codes, Moments]:
        """Codes and moments of all."""
        every = np.arange(len(self.start))
        codes = self._sampled(self.given, self.context)
        return self._in_time(every, codes, self.moments(every, codes), self.given)

    def rows(self, which: NDArray[np.int64], *, loose: bool = False) -> tuple[Codes, Moments]:
        """See ``synthgen.relational.judged.Draw``."""
        drawn, given = self, None if self.given is None else of_rows(self.given, which)
        if loose:
            nothing = np.full(len(self.start), UNKNOWN, np.int64)
            drawn, told = replace(self, final=nothing), nothing[which]
            free = _possible(self.table, self.first[which], self.start[which], told, told, self.births[which])
            given = {**(given or {}), **(free or {})}
        codes = self._sampled(given, np.asfortranarray(self.context[which]))
        return drawn._in_time(which, codes, drawn.moments(which, codes), given)

    def _in_time(
        self, which: NDArray[np.int64], codes: Codes, moments: Moments, given: Given | None
    ) -> tuple[Codes, Moments]:
        """The rows, drawn again where something in them would come after all that is real: moved, it would pile up."""
        timeline = self.table.timeline
        if timeline is None or not timeline.others:
            return codes, moments
        encoders = {name: self.table.numeric(name) for name in timeline.distances}
        columns = {name: self.table.column(name) for name in timeline.distances}
        for _ in range(_TRIES):
            late = np.flatnonzero(timeline.late(encoders, {n: codes[:, at] for n, at in columns.items()}, moments))
            if not len(late):
                break
            some = which[late]
            codes[late] = self._sampled(
                None if given is None else of_rows(given, late), np.asfortranarray(self.context[some])
            )
            moments[late] = self.moments(some, codes[late])
        return codes, moments

    def _sampled(self, given: Given | None, context: Codes) -> Codes:
        codes = self.table.model.sample(len(context), rng=self.rng, given=given, context=context)
        for panel, number, sizes in self.counted_by:
            codes[:, number] = np.where(sizes[codes[:, panel]] < 0, codes[:, number], sizes[codes[:, panel]])
        return codes

    def moments(self, which: NDArray[np.int64], codes: Codes) -> Moments:
        """See ``synthgen.relational.judged.Draw``."""
        timeline, codec = self.table.timeline, self.table.codec
        if timeline is None:
            return np.full(len(codes), UNKNOWN, np.int64)
        names = [name for name in (timeline.first, timeline.gap, timeline.clock) if name in timeline.columns]
        drawn = {name: codes[:, self.table.column(name)] for name in names}
        if timeline.weekday in timeline.columns:
            weekdays = codec.encoders[timeline.weekday]
            assert isinstance(weekdays, LeveledEncoder)
            number = np.full(codec.domains[self.table.column(timeline.weekday)].size, -1, np.int32)
            number[: len(weekdays.levels)] = [int(level) for level in weekdays.levels]
            drawn[timeline.weekday] = number[codes[:, self.table.column(timeline.weekday)]]
        encoders = {name: self.table.numeric(name) for name in names}
        return timeline.step(
            encoders, drawn, self.start[which], self.first[which], self.final[which], self.births[which], self.rng
        )


@dataclass(frozen=True, eq=False)
class _Drawn:
    """One block of patients: the rows of each table, and their columns as far as they are text already."""

    rows: Mapping[str, Rows]
    cells: Mapping[str, Mapping[str, pa.Array]]


@dataclass(frozen=True, eq=False)
class _Told:
    """What the rows of a parent table tell of a table below.

    Attributes:
        panels: what comes together under each; ``None`` where that is not told.
        begun: when the first row of each comes; ``None`` where that is not told.
    """

    panels: pa.Array | None
    begun: pa.Array | None

    def numbers(self, drawn: NDArray[np.int64]) -> NDArray[np.int64]:
        return drawn if self.panels is None else numbers_of(self.panels, drawn)

    def room(self, table: Frame, n: int) -> Room | None:
        if self.panels is None or not table.added.subject:
            return None
        (subject,) = table.added.subject
        encoder, column = table.codec.encoders[subject], table.column(subject)
        assert isinstance(encoder, LeveledEncoder)
        return Room(self.panels, encoder, column, table.codec.domains[column].size, n)

    def first_steps(self, table: Frame) -> NDArray[np.bool_] | None:
        """Which codes of the first step fit, by parent; the last row is for none."""
        if self.begun is None or table.timeline is None:
            return None
        return fitting(self.begun, table.numeric(table.timeline.first).quantiser)


def _counted_by(table: Frame, child: str) -> tuple[int, int, NDArray[np.int32]]:
    """The code columns of the panel and of the number of rows of a table below, and by panel the code of its number."""
    encoder, panel = table.codec.encoders[panel_of(child)], table.column(panel_of(child))
    assert isinstance(encoder, LeveledEncoder)
    texts = [*encoder.levels, *[""] * (table.codec.domains[panel].size - len(encoder.levels))]
    sizes = numbers_of(pa.array(texts, pa.string()), np.full(len(texts), -1))
    quantiser = table.numeric(number_of(child)).quantiser
    found = np.where(sizes < 0, -1, quantiser.encode(np.maximum(sizes, 0))).astype(np.int32)
    return panel, table.column(number_of(child)), found


def _begun(table: Frame, given: Given | None, fits: NDArray[np.bool_]) -> Given:
    """The conditions under which first rows come when their parents tell."""
    assert table.timeline is not None
    assert given is not None
    column = table.column(table.timeline.first)
    known: NDArray[np.bool_] = given[column].astype(np.bool_)
    allowed = known.copy()
    allowed[:, : fits.shape[1]] &= fits
    possible = np.logical_or.reduce(allowed, axis=1, keepdims=True)
    return {**given, column: np.where(possible, allowed, known)}


def _skeleton(above: Rows, numbers: NDArray[np.int64], orphans: pa.Array | None) -> Rows:
    """The rows that belong to some rows of a parent table and to patients, nothing of them drawn yet."""
    parent = np.repeat(np.arange(len(above)), np.maximum(numbers, 0))
    patient = above.patient[parent]
    if orphans is not None:
        alone = np.repeat(np.arange(above.n_patients), np.maximum(integers(orphans), 0))
        parent, patient = np.r_[parent, np.full(len(alone), -1)], np.r_[patient, alone]
        order = np.lexsort((parent < 0, patient))
        parent, patient = parent[order], patient[order]
    nothing = np.full(len(patient), UNKNOWN, np.int64)
    return Rows(patient, parent, above.n_patients, len(above), np.zeros((len(patient), 0), np.int32), nothing)


def subjects_of(tables: Mapping[str, Frame], lookups: Iterable[str]) -> dict[str, str]:
    """By lookup table the column that says what its rows are about."""
    return {name: tables[name].added.subject[0] for name in lookups if tables[name].added.subject}


def anchors(timeline: Timeline | None, rows: Rows, above: Rows, births: Moments) -> Moments:
    """What the first row of each parent is told by: the parent's moment, else the birth; 0 for times without a date."""
    if timeline is None:
        return np.full(len(rows), UNKNOWN, np.int64)
    if not timeline.order.dated:
        return np.zeros(len(rows), np.int64)
    of_parent = np.where(rows.parent >= 0, above.moments[np.maximum(rows.parent, 0)], UNKNOWN)
    return np.where(of_parent == UNKNOWN, births[rows.patient], of_parent)


def end_unit(order: Hand) -> int:
    """What the last moment of a patient is counted in."""
    return DAY if order.dated else order.tick


def origins(timeline: Timeline | None, births: Moments) -> Moments:
    """From when ages count."""
    return births if timeline is None or timeline.order.dated else np.zeros(len(births), np.int64)


def _since(timeline: Timeline | None, moments: Moments, step: int) -> NDArray[np.int64]:
    """The moments by which it is told how long ago something was: without times, the number of the row."""
    return np.full(len(moments), step, np.int64) if timeline is None else np.where(moments == UNKNOWN, 0, moments)


def _possible(
    table: Frame, first: NDArray[np.bool_], start: Moments, end: Moments, final: Moments, births: Moments
) -> Given | None:
    """Which codes of the steps can be.

    One column applies to the first row of a parent and the other to the next ones; no step leads out of the window of
    time, or beyond the patient's end, and the last one leads there.
    """
    timeline = table.timeline
    if timeline is None:
        return None
    given: dict[int, NDArray[np.bool_]] = {}
    for name, here in ((timeline.first, first), (timeline.gap, ~first)):
        encoder, column = table.numeric(name), table.column(name)
        allowed = np.ones((len(first), table.codec.domains[column].size), bool)
        reached = timeline.reachable(encoder.quantiser, start, end, final, births)
        # Where no step leads there, all can be: what comes out of it is moved into the window.
        reached[~reached.any(axis=1)] = True
        allowed[:, : encoder.quantiser.size] = reached
        if NOT_HERE in encoder.results:
            absent = encoder.quantiser.size + encoder.results.index(NOT_HERE)
            allowed[:, absent] = False
            allowed[~here] = False
            allowed[~here, absent] = True
        allowed[~allowed.any(axis=1)] = True
        given[column] = allowed
    return given


def contexts(
    table: Frame,
    rows: Rows,
    others: Mapping[str, Rows],
    known: Mapping[str, Frame],
    births: Moments,
    ends: Moments,
) -> NDArray[np.integer[Any]]:
    """What every row of a table that is there already would have been given, ``(n_rows, n)``, in the least room."""
    assert table.surroundings is not None
    assert table.memory is not None
    fixed = table.surroundings.context(rows, others, known)
    calendar = () if table.calendar is None else table.calendar.domains
    width = fixed.shape[1] + len(calendar) + len(table.memory.context_domains)
    domains = context_domains(table.surroundings, table.calendar, table.memory, known)
    small = max((domain.size for domain in domains), default=0) <= np.iinfo(np.int16).max
    found = np.empty((len(rows), width), np.int16 if small else np.int32, order="F")
    found[:, : fixed.shape[1]] = fixed
    anchor = anchors(table.timeline, rows, others[table.surroundings.above[0]], births)
    start = bases(rows.first, rows.moments, anchor)
    steps = Steps.of(rows.patient)
    history = History(table.memory, len(steps.patients))
    origin = origins(table.timeline, births)
    if table.calendar is not None:
        found[:, fixed.shape[1] : fixed.shape[1] + len(calendar)] = table.calendar.context(
            start, origin[rows.patient], ends[rows.patient], rows.left
        )
    for step, at in enumerate(steps):
        now = _since(table.timeline, start[at], step)
        found[at, fixed.shape[1] + len(calendar) :] = history.context(len(at), now)
        moments = np.where(rows.moments[at] == UNKNOWN, start[at], rows.moments[at])
        history.advance(rows.codes[at], _since(table.timeline, moments, step))
    return found


def context_domains(
    surroundings: Surroundings, calendar: Calendar | None, memory: Memory, known: Mapping[str, Frame]
) -> tuple[Domain, ...]:
    """The domains of what rows are given."""
    of_time = () if calendar is None else calendar.domains
    return (*surroundings.domains(known), *of_time, *memory.context_domains)
