"""A whole extract: its tables one after another, each row given its ancestors and its patient's rows before it."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from synthgen.encoding.identifier import Identifier
from synthgen.errors import InputError, NotApplicable
from synthgen.models.base import Codes, Given, of_rows
from synthgen.relational.asked.asking import Asked, conditioned
from synthgen.relational.asked.condition import Condition
from synthgen.relational.asked.meeting import sampled, share_of
from synthgen.relational.belonging.links import Linking, up
from synthgen.relational.belonging.structure import Structure
from synthgen.relational.fold import (
    last_of,
    number_of,
    orphans_of,
    panel_of,
    start_of,
)
from synthgen.relational.frame import FittedTable
from synthgen.relational.rows import Rows
from synthgen.relational.rules.judged import Judged, Timeless
from synthgen.relational.rules.obedience import Obedience, kept_by_construction
from synthgen.relational.rules.ruling import Ruling
from synthgen.relational.series import Told, series, skeleton_of
from synthgen.relational.time.folding import unfolded
from synthgen.relational.time.lasting import Lasting
from synthgen.relational.time.moments import DAY, UNKNOWN, Hand, Moments, integers
from synthgen.relational.time.reach import inside, over, usable
from synthgen.relational.time.until import earliest
from synthgen.relational.time.weekdays import Weekdays
from synthgen.relational.told.contexts import end_unit
from synthgen.relational.told.repeats import filled
from synthgen.schema.rules import expression as ex
from synthgen.schema.table import TableConfig

#: Patients per block of output: part of the format, since draws are keyed by block.
BLOCK: Final = 1024
_AHEAD: Final = 3
_WORKERS: Final = 2
#: Instead of a table's name, for patients of whom no table has a row each.
PERSONS: Final = ""
Seen = dict[str, dict[int, set[Any]]]
"""By table and rule, what no two rows may share in all blocks."""


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
        cells[self.patients] |= self._lasts(cells[self.patients], rng)
        births = self._births(cells[self.patients])
        rows[self.patients] = replace(rows[self.patients], moments=births)
        for name, table in self.tables.items():
            if table.surroundings is None:
                continue
            above = table.surroundings.above[0]
            orphans = cells[self.patients].get(orphans_of(name))
            told_of = Told(cells[above].get(panel_of(name)), cells[above].get(start_of(name)))
            numbers = told_of.numbers(integers(cells[above][number_of(name)]))
            for each in (each for each in Lasting.below(above, self.tables) if each.number == number_of(name)):
                numbers = self._fitted(each, above, rows[above], cells[above], numbers, rng)
            if table.timeline is not None and table.timeline.order.dated:
                known = births[rows[above].patient]
                when = np.where(rows[above].moments == UNKNOWN, known, rows[above].moments)
                numbers = np.where(over(table.timeline, when, known), 0, numbers)
            skeleton = skeleton_of(rows[above], numbers, orphans)
            judged = self._judged(name, skeleton, rows, cells, rng, seen, {})
            ends = self._row_ends(name, skeleton, rows, cells)
            lasting = Lasting.below(name, self.tables)
            rows[name], crowded = series(
                table, self.tables, skeleton, rows, births, ends, told_of, rng, judged, lasting
            )
            kept = np.flatnonzero(~crowded)
            if judged is not None:
                kept = np.setdiff1d(judged.left(name), np.flatnonzero(crowded))
            rows[name] = rows[name] if len(kept) == len(skeleton) else rows[name].at(kept)
            cells[name] = self._decoded(name, rows[name], number, rng, key, judged, kept)
        return _Drawn(rows, cells)

    def _births(self, cells: Mapping[str, pa.Array]) -> Moments:
        table = self.tables[self.patients]
        if self.births is None or table.timeline is None:
            return np.full(BLOCK, UNKNOWN, np.int64)
        return table.timeline.order.read(cells[self.births])

    def _lasts(self, cells: Mapping[str, pa.Array], rng: np.random.Generator) -> dict[str, pa.Array]:
        """The columns of the patients' last moments in other tables, inside the windows of these."""
        found = {}
        for name, table in self.tables.items():
            if table.timeline is not None and (column := last_of(name)) in cells:
                steps, quantiser = integers(cells[column]), self.tables[self.patients].numeric(column).quantiser
                moved = inside(table.timeline, quantiser, steps, end_unit(table.timeline.order), rng)
                texts = pa.array(moved).cast(pa.string())
                found[column] = pc.if_else(pa.array(steps == UNKNOWN), cells[column].cast(pa.string()), texts)
        return found

    def _ends(self, name: str, cells: Mapping[str, pa.Array]) -> Moments:
        """The moment of each patient's last row in a table, as far as it is told."""
        timeline = self.tables[name].timeline
        if timeline is None or last_of(name) not in cells:
            return np.full(BLOCK, UNKNOWN, np.int64)
        steps, unit = integers(cells[last_of(name)]), end_unit(timeline.order)
        ends = np.where(steps == UNKNOWN, UNKNOWN, steps * unit)
        for hand in self._closing(name, timeline.order):
            # Told earlier rather than every row after it drawn again.
            closed = hand.read(cells[hand.name])
            ends = np.where((ends == UNKNOWN) | (closed == UNKNOWN), ends, np.minimum(ends, closed // unit * unit))
        weekdays = Weekdays.of(self.tables[name])
        return ends if weekdays is None else weekdays.ends(ends)

    def _fitted(
        self,
        lasting: Lasting,
        name: str,
        rows: Rows,
        cells: Mapping[str, pa.Array],
        numbers: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> NDArray[np.int64]:
        """How many rows belong to each row of a table, as many as it lasts for."""
        table = self.tables[name]
        hand = Hand.of(lasting.end, self.configs[name], table.codec.plan.format)
        assert hand is not None
        ends = hand.read(cells[lasting.end])
        long = usable(lasting.timeline, rows.moments, ends)
        return lasting.fitted(table, rows.codes[:, table.column(lasting.number)], numbers, long, rng)

    def _row_ends(
        self,
        name: str,
        skeleton: Rows,
        rows: Mapping[str, Rows],
        cells: Mapping[str, Mapping[str, pa.Array]],
    ) -> Moments:
        """The end of each row: the last moment of its patient, or when what it belongs to is over."""
        timeline = self.tables[name].timeline
        if timeline is None or not timeline.until:
            return self._ends(name, cells[self.patients])[skeleton.patient]
        known, told = {**rows, name: skeleton}, []
        for table, column in ((column.table or name, column.name) for column in timeline.until):
            hand = Hand.of(column, self.configs[table], self.tables[table].codec.plan.format)
            assert hand is not None
            told.append((hand, hand.read(cells[table][column]), up(self.structure, known, name, table)))
        return earliest(len(skeleton), told)

    def _closing(self, name: str, order: Hand) -> list[Hand]:
        """The moments of the patient that no row of a table may come after, by its rules."""
        timeline = self.tables[self.patients].timeline
        hands = () if timeline is None or not order.dated else timeline.others
        rules = self.configs[name].rules
        return [
            hand
            for hand in hands
            if hand.dated and ex.Compare("<=", ex.Column(order.name), ex.Column(hand.name, self.patients)) in rules
        ]

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
            cells |= unfolded(table.timeline, cells, moments)
            cells = table.codec.completed(cells if judged is None else judged.mended(cells, which))
        return cells

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
        chance = np.random.default_rng([seed, 3, number])
        for name, columns in cells.items():
            codec, rows, sharing = self.tables[name].codec, block.rows[name], self.tables[name].sharing
            firsts = {} if sharing is None else sharing.firsts(rows, chance)
            for column in codec.plan.ids:
                of_row = offsets[name] + firsts.get(column, np.arange(len(rows)))
                ordinals = everyone if name == self.patients else of_row
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
class _Drawn:
    """One block of patients: the rows of each table, and their columns as far as they are text already."""

    rows: Mapping[str, Rows]
    cells: Mapping[str, Mapping[str, pa.Array]]
