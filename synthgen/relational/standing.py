"""Where the training rows of an extract stand: whose they are, and when, before anything is encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.errors import InputError
from synthgen.progress import Progress
from synthgen.relational.belonging.kinship import Kinship
from synthgen.relational.belonging.links import up
from synthgen.relational.belonging.structure import Member
from synthgen.relational.cells import cells_of, contrary
from synthgen.relational.extract import PERSONS, Extract
from synthgen.relational.fold import (
    NONE,
)
from synthgen.relational.rows import Rows, bases
from synthgen.relational.rules.ruling import Ruling
from synthgen.relational.time.calendar import Above
from synthgen.relational.time.moments import DAY, UNKNOWN, Hand, Moments
from synthgen.relational.time.reach import usable
from synthgen.relational.time.timeline import Timeline
from synthgen.relational.time.timing import closely, learned
from synthgen.relational.time.until import bounds, earliest
from synthgen.relational.told.contexts import anchors, end_unit
from synthgen.schema.config import Format, Schema
from synthgen.schema.rules import expression as ex
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset
from synthgen.tables.split import Split

#: What the ends of the window of time are rounded to: of dates, and of times of day.
_WEEK: Final = 7 * DAY
_QUARTER: Final = 900
#: The share of a window by which that of a table below may end earlier and count as ending with it.
_NEARLY: Final = 0.05


@dataclass(frozen=True, eq=False)
class Skeleton:
    """The training rows of a table: where they stand, whose they are and when, before anything is encoded.

    Attributes:
        source: the row of the file that each row is.
        moments: of every column of moments.
    """

    source: NDArray[np.int64]
    rows: Rows
    moments: Mapping[str, Moments]


class Standing:
    """Where the training rows of all tables stand.

    Attributes:
        hashes: the keyed hash of each training patient.
        kept_patients: which patients these are.
        skeletons: by table, as they come in.
        births: the column of the patients' table from which ages count; ``None`` where there is none.
    """

    def __init__(
        self, dataset: Dataset, schema: Schema, split: Split, progress: Progress, known: Extract | None
    ) -> None:
        """Join the tables; no row stands anywhere yet.

        Args:
            known: what was learned, where only what it says of rows is asked for.

        Raises:
            InputError: no patient is left.
        """
        self.known = known
        self.dataset, self.schema, self.progress = dataset, schema, progress
        self.rare_below = schema.privacy.rare_below
        progress("joining the tables", 0.0)
        self.kinship = Kinship.of(dataset, schema)
        self.structure = self.kinship.structure
        self.patients = self.structure.patients or PERSONS
        hashes = split.of_patients(self.kinship.ids)
        kept = np.flatnonzero(~split.holds_out(hashes))
        if not len(kept):
            raise InputError(f"{dataset.source}: no patient is left to learn from; lower `holdout` or give more data")
        self.hashes = hashes[kept]
        self.ordinal = np.full(len(hashes), -1, np.int64)
        self.ordinal[kept] = np.arange(len(kept))
        self.kept_patients = kept
        self.skeletons: dict[str, Skeleton] = {}
        self.births: str | None = None
        self._timelines: dict[str, Timeline | None] = {}
        self._rates: dict[str, tuple[float | None, ...]] = {}

    def stand(self, name: str) -> None:
        """Put the training rows of a table in the order in which they are learned."""
        relatives, config = self.kinship.tables[name], self.schema.tables[name]
        patient = self._ordinals(relatives.patient)
        hands = self.hands(name, config)
        moments = {hand.name: self._read(name, hand) for hand in hands}
        if relatives.member.role == "patient":
            source = self.kept_patients
            moments = {each: found[source] for each, found in moments.items()}
            self.births = self._birth(moments) if self.known is None else self.known.births
            own = moments.get(self.births) if self.births else None
            self.skeletons[name] = Skeleton(source, self.everyone(own), moments)
            return
        kept = np.flatnonzero(patient >= 0)
        parent, n_parents = self._parents(name, relatives.member, patient)
        order = relatives.member.order
        when = np.where(moments[order] == UNKNOWN, np.iinfo(np.int64).max, moments[order]) if order in moments else None
        keys = [] if when is None else [when[kept]]
        behind = np.where(parent < 0, np.iinfo(np.int64).max, parent)
        source = kept[np.lexsort((*keys, behind[kept], patient[kept]))]
        own = moments[order][source] if order in moments else np.full(len(source), UNKNOWN, np.int64)
        rows = Rows(
            patient[source], parent[source], len(self.hashes), n_parents, np.zeros((len(source), 0), np.int32), own
        )
        self.skeletons[name] = Skeleton(source, rows, {each: found[source] for each, found in moments.items()})

    def _ordinals(self, patients: NDArray[np.int64]) -> NDArray[np.int64]:
        """The training patient of each row; -1 for rows of none and of those who are held out."""
        return np.where(patients >= 0, self.ordinal[np.maximum(patients, 0)], -1)

    def _parents(self, name: str, member: Member, patient: NDArray[np.int64]) -> tuple[NDArray[np.int64], int]:
        """The parent's place among its table's training rows, -1 for none; and how many places there are."""
        if member.parent is None or member.parent.table == self.patients:
            return patient, len(self.hashes)
        above = self.skeletons[member.parent.table]
        place = np.full(self.kinship.tables[member.parent.table].n_rows, -1, np.int64)
        place[above.source] = np.arange(len(above.source))
        joined = self.kinship.tables[name].parent
        assert joined is not None
        assert joined.rows is not None
        return np.where(joined.rows >= 0, place[np.maximum(joined.rows, 0)], -1), len(above.source)

    def everyone(self, births: Moments | None) -> Rows:
        """The patients as rows."""
        n = len(self.hashes)
        nothing = np.full(n, UNKNOWN, np.int64)
        return Rows(np.arange(n), np.arange(n), n, n, np.zeros((n, 0), np.int32), nothing if births is None else births)

    def marks(self, name: str) -> Format:
        """Decimal and thousands marks of a table."""
        table = self.dataset.tables[name]
        return table.format if table.types else self.schema.format_of(name)

    def hands(self, name: str, config: TableConfig) -> list[Hand]:
        """The columns of moments of a table: its order, and all dates."""
        order = self.structure.members[name].order
        causes = {column.determined_by for column in config.columns.values()}
        hands = {
            column: hand
            for column in config.columns
            if config.columns[column].determined_by is None
            and (column == order or getattr(config.columns[column], "computed", None) is None)
            and (hand := Hand.of(column, config, self.marks(name))) is not None
            and (hand.dated or column == order)
            and column not in causes
        }
        return [] if self.structure.members[name].role == "child" and order not in hands else [*hands.values()]

    def _computed_hands(self, name: str, config: TableConfig) -> list[Hand]:
        """The dates that are computed, whose window is learned though no step tells them."""
        computed = (column for column, of in config.columns.items() if getattr(of, "computed", None) is not None)
        hands = (Hand.of(column, config, self.marks(name)) for column in computed)
        return [hand for hand in hands if hand is not None and hand.dated]

    def _read(self, name: str, hand: Hand) -> Moments:
        """The moments of all rows. Raises ``InputError`` where a cell is none and no declared text either."""
        parts, table = [np.zeros(0, np.int64)], self.dataset.tables[name]
        for block in table:
            cells = block.column(hand.name)
            parts.append(hand.read(cells))
            if (unread := hand.unread(cells, parts[-1])).any():
                record = sum(map(len, parts[:-1])) + int(np.argmax(unread)) + 1
                raise contrary(table.source, record, hand.name, hand.expected)
        return np.concatenate(parts)

    @staticmethod
    def _birth(moments: Mapping[str, Moments]) -> str | None:
        """Of the dates of patients the one that comes first."""
        known = {name: found[found != UNKNOWN] for name, found in moments.items()}
        return min((n for n, found in known.items() if len(found)), key=lambda n: np.median(known[n]), default=None)

    def ruling(self, name: str) -> Ruling:
        """The rules of a table."""
        return Ruling(name, self.structure, self.schema.tables, {each: self.marks(each) for each in self.schema.tables})

    def rates(self, name: str) -> tuple[float | None, ...]:
        """How often the training rows of a table break each of its rules."""
        if name not in self._rates:
            self._rates[name] = self._rated(name)
        return self._rates[name]

    def ending(self, name: str) -> Above | None:
        """The rows that those of a table end with; ``None`` where no rule says so."""
        timeline, parent = self.timeline(name), self.parent_of(name)
        ends = () if timeline is None else tuple(c.name for c in timeline.until if c.table == parent)
        if timeline is None or not ends:
            return None
        rows, moments = self.skeletons[parent].rows, self.skeletons[parent].moments[ends[0]]
        below = self.skeletons[name].rows
        begun, come = rows.moments[below.parent[below.parent >= 0]], below.moments[below.parent >= 0]
        until, before = (
            usable(timeline, begun, np.where(come == UNKNOWN, UNKNOWN, np.maximum(come - sooner, begun)))
            for sooner in (0, 1)
        )
        lasting = usable(timeline, rows.moments, moments)
        return Above(below.numbers, lasting, rows.patient, until, before)

    def _rated(self, name: str) -> tuple[float | None, ...]:
        ruling = self.ruling(name)
        ruling.require_possible()
        lookup = name not in self.skeletons
        n_rows = self.kinship.tables[name].n_rows
        sources = {each: skeleton.source for each, skeleton in self.skeletons.items()} | (
            {name: np.arange(n_rows)} if lookup else {}
        )
        tables = {name, *(ruling.table_of(column) for column in ruling.columns)}
        cells = {each: cells_of(self.dataset.tables[each], sources[each]) for each in tables}
        rows = {each: skeleton.rows for each, skeleton in self.skeletons.items()}
        whose = np.arange(n_rows, dtype=np.uint64) if lookup else self.hashes[rows[name].patient]
        above = ruling.above(cells, lambda table: up(self.structure, rows, name, table))
        return ruling.rates(cells[name], above, whose, persons=not lookup)

    def generated(self) -> list[str]:
        """The tables of patients in the order of their generation: parents first, and small ones before large ones."""
        waiting = [name for name in self.skeletons if name != self.patients]
        done = [self.patients]
        while waiting:
            ready = [name for name in waiting if self.parent_of(name) in done]
            done.append(min(ready, key=lambda name: (len(self.skeletons[name].rows), name)))
            waiting.remove(done[-1])
        return done

    def parent_of(self, name: str) -> str:
        """The table that rows belong to."""
        parent = self.structure.members[name].parent
        return self.patients if parent is None else parent.table

    def timeline(self, name: str) -> Timeline | None:
        """How the moments of a table become steps; ``None`` without any."""
        if name not in self._timelines:
            self._timelines[name] = self._timed(name) if self.known is None else self.known.tables[name].timeline
        return self._timelines[name]

    def _timed(self, name: str) -> Timeline | None:
        skeleton = self.skeletons[name]
        if not skeleton.moments:
            return None
        config, rows, is_patients = self.schema.tables[name], skeleton.rows, name == self.patients
        order = self.births if is_patients else self.structure.members[name].order
        hands = {hand.name: hand for hand in self.hands(name, config)}
        if order not in hands:
            return None
        first = np.ones(len(rows), bool) if is_patients else rows.first
        births = self.skeletons[self.patients].rows.moments[rows.patient]
        ended = not is_patients and self._is_ended(name, hands[order], rows)
        base = rows.moments if is_patients else self.bases(name, hands[order], rows, ended=ended)
        others = [hand for column, hand in hands.items() if column != order]
        windows = {hand.name: self._window(hand, skeleton.moments[hand.name], rows.patient) for hand in hands.values()}
        windows |= {
            hand.name: self._window(hand, self._read(name, hand)[skeleton.source], rows.patient)
            for hand in self._computed_hands(name, config)
            if hand.name not in windows
        }
        if not is_patients and hands[order].dated:
            windows[order] = self._shared(name, windows[order])
        return learned(
            hands[order],
            others,
            skeleton.moments,
            base,
            first,
            births,
            windows,
            absolute=is_patients,
            ended=ended,
            until=self._until(name, order),
            whose=rows.patient,
        )

    def _until(self, name: str, order: str) -> tuple[ex.Column, ...]:
        """The dates above that no row comes after, as far as they are learned as such."""
        if not self.schema.tables[name].constraints:
            return ()
        found = bounds(self.ruling(name), order, self.rates(name))
        return tuple(column for column in found if column.name in self.skeletons[column.table or name].moments)

    def row_ends(self, name: str) -> Moments:
        """The end of each row: the last moment of its patient, or when what it belongs to is over."""
        rows, timeline = self.skeletons[name].rows, self.timeline(name)
        if timeline is None or not timeline.until:
            return self.ends(name)[rows.patient]
        known, told = {each: skeleton.rows for each, skeleton in self.skeletons.items()}, []
        for table, column in ((column.table or name, column.name) for column in timeline.until):
            hand = next(hand for hand in self.hands(table, self.schema.tables[table]) if hand.name == column)
            told.append((hand, self.skeletons[table].moments[column], up(self.structure, known, name, table)))
        return earliest(len(rows), told)

    def _is_ended(self, name: str, order: Hand, rows: Rows) -> bool:
        """Whether patients' first rows are far closer to their last ones than to what they are told by otherwise.

        So are those of an extract of a few years: after how many years of life the first of them was says little.
        """
        if not order.dated:
            return False
        own, end = rows.moments, self.ends(name)[rows.patient]
        known = rows.first & (own != UNKNOWN) & (end != UNKNOWN)
        since = np.abs(own - np.where(known, self.bases(name, order, rows, ended=False), 0))
        return bool(known.any()) and closely(np.abs(end - own)[known], since[known])

    def _shared(self, name: str, window: tuple[int, int] | None) -> tuple[int, int] | None:
        """The window of a table that ends with those of the tables below whose rows never come before its own.

        Of parents that are later no such row could come; where they end much earlier there are none in reality either.
        """
        below = [child for child in self.skeletons if child != self.patients and self.parent_of(child) == name]
        for child in below:
            timeline = self.timeline(child)
            if window is None or timeline is None or timeline.window is None or timeline.first not in timeline.ahead:
                continue
            if timeline.order.dated and timeline.window[1] >= window[1] - _NEARLY * (window[1] - window[0]):
                window = (window[0], max(min(window[1], timeline.window[1]), window[0]))
        return window

    def bases(self, name: str, order: Hand, rows: Rows, *, ended: bool) -> Moments:
        """What each row's moment is told by."""
        births, above = self.skeletons[self.patients].rows.moments, self.skeletons[self.parent_of(name)].rows
        timeline = Timeline(order, (), False, frozenset(), False, {}, ended=ended)
        return bases(rows.first, rows.moments, anchors(timeline, rows, above, births, self.ends(name)[rows.patient]))

    def _window(self, hand: Hand, moments: Moments, patient: NDArray[np.int64]) -> tuple[int, int] | None:
        """The moments that enough patients reach from either side, rounded inwards."""
        known = moments != UNKNOWN
        when, whose = moments[known], patient[known]
        if len(np.unique(whose)) < self.rare_below:
            return None
        order = np.argsort(when, kind="stable")
        ends = []
        for in_order in (order, order[::-1]):
            _, firsts = np.unique(whose[in_order], return_index=True)
            ends.append(int(when[in_order[np.sort(firsts)[self.rare_below - 1]]]))
        grain = _WEEK if hand.dated else _QUARTER if hand.clocked else 1
        low, high = -(-ends[0] // grain) * grain, ends[1] // grain * grain
        return (low, high) if low <= high else (ends[0], ends[0])

    def ends(self, name: str) -> Moments:
        """The moment of each patient's last row in a table of theirs, as exactly as it is told when rows are generated.

        ``UNKNOWN`` for tables below others.
        """
        latest, rows = np.full(len(self.hashes), UNKNOWN, np.int64), self.skeletons[name].rows
        if self.parent_of(name) != self.patients or not self.skeletons[name].moments:
            return latest
        np.maximum.at(latest, rows.patient, rows.moments)
        unit = self._end_unit(name)
        return np.where(latest == UNKNOWN, UNKNOWN, latest // unit * unit)

    def _end_unit(self, name: str) -> int:
        order = self.structure.members[name].order
        hands = self.hands(name, self.schema.tables[name])
        return end_unit(next(hand for hand in hands if hand.name == order))

    def last(self, name: str) -> pa.DictionaryArray:
        """The last moments as cells."""
        latest = self.ends(name)
        texts = pa.array(latest // self._end_unit(name)).cast(pa.string())
        return pc.if_else(pa.array(latest == UNKNOWN), NONE, texts).dictionary_encode()
