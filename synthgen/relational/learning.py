"""How the tables of an extract are learned: skeletons first, then codes, then a model a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding import identifier
from synthgen.encoding.domain import Domain
from synthgen.encoding.identifier import Identifier
from synthgen.encoding.leveled import LeveledEncoder
from synthgen.encoding.levels import Unit
from synthgen.encoding.per_unit import PerUnitEncoder
from synthgen.errors import InputError
from synthgen.models.base import Codes, FittedModel, Model
from synthgen.progress import Progress, silent
from synthgen.relational import timeline as timelines
from synthgen.relational.calendar import Calendar
from synthgen.relational.codec import BadBlock, Codec, Plan
from synthgen.relational.contexts import anchors, context_domains, contexts, end_unit, origins
from synthgen.relational.extract import PERSONS, Extract
from synthgen.relational.flat_learning import valued
from synthgen.relational.fold import (
    NONE,
    Additions,
    derived,
    habit_of,
    implied,
    last_of,
    link_of,
    named_by,
    number_of,
    orphans_of,
    panel_of,
    resolved,
    start_of,
)
from synthgen.relational.frame import FittedTable, Frame, subjects_of
from synthgen.relational.history import Mark, Memory, entropy, limits
from synthgen.relational.kinship import Kinship
from synthgen.relational.links import Linking, echoed, popularity, told_drawn, told_kin, up
from synthgen.relational.means import Levels, mean_of, means
from synthgen.relational.panels import constituents, told_together
from synthgen.relational.repeats import AGAIN, is_marked, marked, source
from synthgen.relational.rows import Rows, bases
from synthgen.relational.ruling import Ruling
from synthgen.relational.source import BlockSource, cut, taken
from synthgen.relational.starts import distances, habits
from synthgen.relational.structure import Link, Member
from synthgen.relational.surroundings import Surroundings
from synthgen.relational.timeline import DAY, UNKNOWN, Hand, Moments, Timeline
from synthgen.schema.column import Category, Code, Integer, Number
from synthgen.schema.config import Format, Schema
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.split import Split

#: Upper bounds of how long ago something was: in seconds, and in rows where there are no times.
_SPANS: Final = (
    0,
    *(60 * minutes for minutes in (15, 60, 120, 240, 480)),
    *(DAY * days for days in (1, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825)),
)
_ROW_SPANS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)
#: Labels at most of what rows of a lookup table are about.
_MOST_KINDS: Final = 24
#: What the ends of the window of time are rounded to: of dates, and of times of day.
_WEEK: Final = 7 * DAY
_QUARTER: Final = 900
#: The share of a window by which that of a table below may end earlier and count as ending with it.
_NEARLY: Final = 0.05


def learn(
    dataset: Dataset,
    schema: Schema,
    split: Split,
    make_model: Callable[[], Model],
    *,
    seed: int,
    progress: Progress = silent,
) -> Extract:
    """Learn the tables of an extract; rows of patients whom the split holds out are read and left aside.

    Raises:
        InputError: a cell contradicts its declared kind, no patient is left, or the model cannot be given context.
    """
    return _Learning(dataset, schema, split, make_model, seed, progress).extract()


def log_prob(extract: Extract, dataset: Dataset, schema: Schema) -> tuple[pa.StringArray, NDArray[np.float64]]:
    """The ids of the patients of some tables, and how probable each is with all rows: the natural logarithm.

    It is the sum over the patient's rows in all tables of what their models say, given what each row is given. What
    time and ancestors leave possible is not excluded, and drawn links are left aside.

    Raises:
        InputError: a cell contradicts its declared kind.
        NotApplicable: the model has no likelihood.
    """
    nobody_apart = Split(bytes(32), 0.0, None, b"")
    reading = _Learning(dataset, schema, nobody_apart, schema.model.build, 0, silent, known=extract)
    return reading.kinship.ids, reading.log_prob()


@dataclass(frozen=True, eq=False)
class _Skeleton:
    """The training rows of a table: where they stand, whose they are and when, before anything is encoded.

    Attributes:
        source: the row of the file that each row is.
        moments: of every column of moments.
    """

    source: NDArray[np.int64]
    rows: Rows
    moments: Mapping[str, Moments]


class _Learning:
    """What is known while the tables come in."""

    def __init__(
        self,
        dataset: Dataset,
        schema: Schema,
        split: Split,
        make_model: Callable[[], Model],
        seed: int,
        progress: Progress,
        known: Extract | None = None,
    ) -> None:
        self.known = known
        self.dataset, self.schema, self.progress = dataset, schema, progress
        self.rare_below, self.seed, self.make_model = schema.privacy.rare_below, seed, make_model
        if not make_model().conditional:
            raise InputError(
                f"model {schema.model.name} cannot be given what a row belongs to, which several tables need; "
                "choose autoregressive or copula"
            )
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
        self.skeletons: dict[str, _Skeleton] = {}
        self.births: str | None = None
        self.panels: dict[str, pa.DictionaryArray | None] = {}
        self.rows: dict[str, Rows] = {}
        self.fitted: dict[str, FittedTable] = {}
        self.timelines: dict[str, Timeline | None] = {}
        self.encoded: dict[str, tuple[Additions, Codec, Codes]] = {}

    def extract(self) -> Extract:
        members = self.structure.members
        lookups = [name for name, member in members.items() if member.role == "lookup"]
        for name in (name for name, member in members.items() if member.role in ("patient", "child")):
            self._stand(name)
        if self.patients == PERSONS:
            self.skeletons[PERSONS] = _Skeleton(self.kept_patients, self._everyone(None), {})
        rates = {name: self._rates(name) for name in members if self.schema.tables[name].constraints}
        numbers = {}
        for at, name in enumerate(lookups):
            numbers[name] = self._lookup(name, np.random.default_rng([self.seed, 1, at]))
        for at, name in enumerate(self._generated()):
            self._table(name, np.random.default_rng([self.seed, 0, at]))
        return Extract(
            structure=self.structure,
            configs=dict(self.schema.tables),
            tables={name: replace(table, rates=rates.get(name, ())) for name, table in self.fitted.items()},
            references={n: _whole(self.dataset.tables[n]) for n, m in members.items() if m.role == "reference"},
            numbers=numbers,
            births=self.births,
            identifier=self._identifier() if self.patients == PERSONS else None,
            linking=Linking(self.structure, dict(self.schema.tables), subjects_of(self.fitted, lookups)),
        )

    def log_prob(self) -> NDArray[np.float64]:
        """What a known extract says of every patient."""
        assert self.known is not None
        for name in (name for name, member in self.structure.members.items() if member.role in ("patient", "child")):
            self._stand(name)
        if self.patients == PERSONS:
            self.skeletons[PERSONS] = _Skeleton(self.kept_patients, self._everyone(None), {})
        total = np.zeros(len(self.hashes))
        for name, table in self.known.tables.items():
            if name not in self.skeletons:
                continue
            skeleton = self.skeletons[name]
            _, codec, codes = self._encoded(name)
            self.rows[name] = rows = replace(skeleton.rows, codes=codes)
            self.fitted[name] = table
            given = None
            if table.surroundings is not None:
                given = contexts(
                    table, rows, self.rows, self.fitted, self.rows[self.patients].moments, self._ends(name)
                )
            if codec.domains:
                found = table.model.log_prob(codes, context=None if given is None else given.astype(np.int32))
                np.add.at(total, rows.patient, found)
        return total

    # --- where rows stand --------------------------------------------------------------------------------------------

    def _stand(self, name: str) -> None:
        """Put the training rows of a table in the order in which they are learned."""
        relatives, config = self.kinship.tables[name], self.schema.tables[name]
        patient = self._ordinals(relatives.patient)
        hands = self._hands(name, config)
        moments = {hand.name: self._read(name, hand) for hand in hands}
        if relatives.member.role == "patient":
            source = self.kept_patients
            moments = {each: found[source] for each, found in moments.items()}
            self.births = self._birth(moments) if self.known is None else self.known.births
            own = moments.get(self.births) if self.births else None
            self.skeletons[name] = _Skeleton(source, self._everyone(own), moments)
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
        self.skeletons[name] = _Skeleton(source, rows, {each: found[source] for each, found in moments.items()})

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

    def _everyone(self, births: Moments | None) -> Rows:
        n = len(self.hashes)
        nothing = np.full(n, UNKNOWN, np.int64)
        return Rows(np.arange(n), np.arange(n), n, n, np.zeros((n, 0), np.int32), nothing if births is None else births)

    def _marks(self, name: str) -> Format:
        table = self.dataset.tables[name]
        return table.format if table.types else self.schema.format_of(name)

    def _hands(self, name: str, config: TableConfig) -> list[Hand]:
        """The columns of moments of a table: its order, and all dates."""
        order = self.structure.members[name].order
        causes = {column.determined_by for column in config.columns.values()}
        hands = {
            column: hand
            for column in config.columns
            if config.columns[column].determined_by is None
            and (column == order or getattr(config.columns[column], "computed", None) is None)
            and (hand := Hand.of(column, config, self._marks(name))) is not None
            and (hand.dated or column == order)
            and column not in causes
        }
        return [] if self.structure.members[name].role == "child" and order not in hands else [*hands.values()]

    def _computed_hands(self, name: str, config: TableConfig) -> list[Hand]:
        """The dates that are computed, whose window is learned though no step tells them."""
        computed = (column for column, of in config.columns.items() if getattr(of, "computed", None) is not None)
        hands = (Hand.of(column, config, self._marks(name)) for column in computed)
        return [hand for hand in hands if hand is not None and hand.dated]

    def _read(self, name: str, hand: Hand) -> Moments:
        """The moments of all rows. Raises ``InputError`` where a cell is none and no declared text either."""
        parts, table = [np.zeros(0, np.int64)], self.dataset.tables[name]
        for block in table:
            cells = block.column(hand.name)
            parts.append(hand.read(cells))
            if (unread := hand.unread(cells, parts[-1])).any():
                record = sum(map(len, parts[:-1])) + int(np.argmax(unread)) + 1
                raise _contrary(table.source, record, hand.name, hand.expected)
        return np.concatenate(parts)

    @staticmethod
    def _birth(moments: Mapping[str, Moments]) -> str | None:
        """Of the dates of patients the one that comes first."""
        known = {name: found[found != UNKNOWN] for name, found in moments.items()}
        return min((n for n, found in known.items() if len(found)), key=lambda n: np.median(known[n]), default=None)

    def _rates(self, name: str) -> tuple[float | None, ...]:
        """How often the training rows of a table break each of its rules."""
        marks = {each: self._marks(each) for each in self.schema.tables}
        ruling = Ruling(name, self.structure, self.schema.tables, marks)
        ruling.require_possible()
        lookup = name not in self.skeletons
        n_rows = self.kinship.tables[name].n_rows
        sources = {each: skeleton.source for each, skeleton in self.skeletons.items()} | (
            {name: np.arange(n_rows)} if lookup else {}
        )
        tables = {name, *(ruling.table_of(column) for column in ruling.columns)}
        cells = {each: _cells(self.dataset.tables[each], sources[each]) for each in tables}
        rows = {each: skeleton.rows for each, skeleton in self.skeletons.items()}
        whose = np.arange(n_rows, dtype=np.uint64) if lookup else self.hashes[rows[name].patient]
        above = ruling.above(cells, lambda table: up(self.structure, rows, name, table))
        return ruling.rates(cells[name], above, whose, persons=not lookup)

    def _generated(self) -> list[str]:
        """The tables of patients in the order of their generation: parents first, and small ones before large ones."""
        waiting = [name for name in self.skeletons if name != self.patients]
        done = [self.patients]
        while waiting:
            ready = [name for name in waiting if self._parent_of(name) in done]
            done.append(min(ready, key=lambda name: (len(self.skeletons[name].rows), name)))
            waiting.remove(done[-1])
        return done

    def _parent_of(self, name: str) -> str:
        parent = self.structure.members[name].parent
        return self.patients if parent is None else parent.table

    # --- what rows hold ----------------------------------------------------------------------------------------------

    def _table(self, name: str, rng: np.random.Generator) -> None:
        """Encode and learn a table of patients."""
        skeleton = self.skeletons[name]
        is_patients = name == self.patients
        timeline = self._timeline(name)
        added, codec, codes = self._encoded(name)
        rows = replace(skeleton.rows, codes=codes)
        self.rows[name] = rows
        if is_patients:
            model = self._fit(name, codec.domains, codes, None, None, rows.patient, rng)
            self.fitted[name] = FittedTable(codec, added, timeline, None, None, None, model)
            return
        surroundings = replace(self._surroundings(name), levels=self._levels(name, codec))
        births = self.rows[self.patients].moments
        ends = self._ends(name)
        calendar = None
        if timeline is not None:
            start = self._bases(name, timeline.order, rows)
            origin = origins(timeline, births)
            calendar = Calendar.of(timeline, rows, start, origin[rows.patient], ends[rows.patient])
        panels, starts = _followed(codec, added)
        value = valued(codec, range(len(codec.domains)))
        memory = Memory.of(
            codec.domains,
            codes,
            before=rows.before,
            left_out=self._no_subjects(name, timeline),
            value=value,
            same=None if value is None else same_code(codec, value),
            spans=_ROW_SPANS if timeline is None else _SPANS,
            marks=[*panels, *starts],
            limits=limits(panels, codes, rows.patient, self.rare_below),
        )
        frame = Frame(codec, added, timeline, surroundings, calendar, memory)
        given = contexts(frame, rows, self.rows, self.fitted, births, ends)
        domains = context_domains(surroundings, calendar, memory, self.fitted)
        model = self._fit(name, frame.domains, codes, domains, given, rows.patient, rng)
        self.fitted[name] = FittedTable(codec, added, timeline, surroundings, calendar, memory, model)

    def _timeline(self, name: str) -> Timeline | None:
        if name not in self.timelines:
            self.timelines[name] = self._timed(name) if self.known is None else self.known.tables[name].timeline
        return self.timelines[name]

    def _timed(self, name: str) -> Timeline | None:
        skeleton = self.skeletons[name]
        if not skeleton.moments:
            return None
        config, rows, is_patients = self.schema.tables[name], skeleton.rows, name == self.patients
        order = self.births if is_patients else self.structure.members[name].order
        hands = {hand.name: hand for hand in self._hands(name, config)}
        if order not in hands:
            return None
        first = np.ones(len(rows), bool) if is_patients else rows.first
        base = rows.moments if is_patients else self._bases(name, hands[order], rows)
        others = [hand for column, hand in hands.items() if column != order]
        windows = {hand.name: self._window(hand, skeleton.moments[hand.name], rows.patient) for hand in hands.values()}
        windows |= {
            hand.name: self._window(hand, self._read(name, hand)[skeleton.source], rows.patient)
            for hand in self._computed_hands(name, config)
            if hand.name not in windows
        }
        if not is_patients and hands[order].dated:
            windows[order] = self._shared(name, windows[order])
        births = self.skeletons[self.patients].rows.moments[rows.patient]
        return timelines.learned(
            hands[order], others, skeleton.moments, base, first, births, windows, absolute=is_patients
        )

    def _shared(self, name: str, window: tuple[int, int] | None) -> tuple[int, int] | None:
        """The window of a table that ends with those of the tables below whose rows never come before its own.

        Of parents that are later no such row could come; where they end much earlier there are none in reality either.
        """
        below = [child for child in self.skeletons if child != self.patients and self._parent_of(child) == name]
        for child in below:
            timeline = self._timeline(child)
            if window is None or timeline is None or timeline.window is None or timeline.first not in timeline.ahead:
                continue
            if timeline.order.dated and timeline.window[1] >= window[1] - _NEARLY * (window[1] - window[0]):
                window = (window[0], max(min(window[1], timeline.window[1]), window[0]))
        return window

    def _bases(self, name: str, order: Hand, rows: Rows) -> Moments:
        births, above = self.skeletons[self.patients].rows.moments, self.skeletons[self._parent_of(name)].rows
        timeline = Timeline(order, (), False, frozenset(), False, {})
        return bases(rows.first, rows.moments, anchors(timeline, rows, above, births))

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

    def _ends(self, name: str) -> Moments:
        """The moment of each patient's last row in a table of theirs, as exactly as it is told when rows are generated.

        ``UNKNOWN`` for tables below others.
        """
        latest, rows = np.full(len(self.hashes), UNKNOWN, np.int64), self.skeletons[name].rows
        if self._parent_of(name) != self.patients or not self.skeletons[name].moments:
            return latest
        np.maximum.at(latest, rows.patient, rows.moments)
        unit = self._end_unit(name)
        return np.where(latest == UNKNOWN, UNKNOWN, latest // unit * unit)

    def _end_unit(self, name: str) -> int:
        order = self.structure.members[name].order
        hands = self._hands(name, self.schema.tables[name])
        return end_unit(next(hand for hand in hands if hand.name == order))

    def _last(self, name: str) -> pa.DictionaryArray:
        """The last moments as cells."""
        latest = self._ends(name)
        texts = pa.array(latest // self._end_unit(name)).cast(pa.string())
        return pc.if_else(pa.array(latest == UNKNOWN), NONE, texts).dictionary_encode()

    def _encoded(self, name: str) -> tuple[Additions, Codec, Codes]:
        """What is derived, the codec of the derived table, and the codes of its training rows."""
        if name not in self.encoded:
            self.encoded[name] = self._encode(name)
        return self.encoded[name]

    def _encode(self, name: str) -> tuple[Additions, Codec, Codes]:
        skeleton = self.skeletons[name]
        timeline = self._timeline(name)
        cells, told = self._folded(name, skeleton, timeline)
        children = [child for child in self.skeletons if child != self.patients and self._parent_of(child) == name]
        orphaned = [n for n in self.skeletons if name == self.patients and self.skeletons[n].rows.orphans.any()]
        numbers = {number_of(child): self.skeletons[child].rows.numbers for child in children}
        numbers |= {orphans_of(child): self.skeletons[child].rows.orphans for child in orphaned}
        cells |= {column: _as_cells(number) for column, number in numbers.items()}
        timed = [child for child in children if name == self.patients and self.skeletons[child].moments]
        cells |= {last_of(child): self._last(child) for child in timed}
        panels = {child: found for child in children if (found := self._panels(child)) is not None}
        for child, labels in panels.items():
            cells[panel_of(child)] = labels
        starts = {child: found for child in children if (found := self._starts(child)) is not None}
        cells |= {start_of(child): signs for child, signs in starts.items()}
        usual = {n: found for n in children if name == self.patients and (found := self._habit(n)) is not None}
        cells |= {habit_of(child): found for child, found in usual.items()}
        means_ = {column: found for child in self.skeletons for column, found in self._means(name, child).items()}
        cells |= means_
        subject = self._subject(name) if self._panels(name) is not None else None
        repeated = self._repeated(name, cells, skeleton.rows)
        cells |= repeated
        added = Additions(
            tuple(children),
            tuple(orphaned),
            tuple(timed),
            tuple(told),
            tuple(panels),
            tuple(starts),
            tuple(usual),
            tuple(means_),
            tuple(repeated),
            () if subject is None else (subject,),
        )
        if name == PERSONS:
            plan = implied(added, self.schema.format)
        else:
            config, member = self.schema.tables[name], self.structure.members[name]
            plan = derived(config, member, self._marks(name), timeline, added)
        if self.known is not None:
            codec = self.known.tables[name].codec
            return added, codec, codec.encode(_block(cells, codec.plan, len(skeleton.rows)))
        whose = self.hashes[skeleton.rows.patient]
        unit = Unit.patients(whose, self.rare_below)
        return (added, *self._solved(name, plan, cells, unit, skeleton.source))

    def _panels(self, name: str) -> pa.DictionaryArray | None:
        """What rows of a table come together under each of their parents; ``None`` where that is not told."""
        if name not in self.panels:
            subject, found = self._subject(name), None
            if subject is not None:
                skeleton, above = self.skeletons[name], self.skeletons[self._parent_of(name)].rows
                subjects = _cells(self.dataset.tables[name], skeleton.source)[subject]
                found = told_together(subjects, skeleton.rows, above.patient, self.rare_below)
            self.panels[name] = found
        return self.panels[name]

    def _subject(self, name: str) -> str | None:
        """The column that says what the rows below those of another table are about: that of most entropy."""
        if name == self.patients or self._parent_of(name) == self.patients:
            return None
        config, member = self.schema.tables[name], self.structure.members[name]
        hands = {hand.name for hand in self._hands(name, config)}
        candidates = [
            column
            for column, kind in config.columns.items()
            if isinstance(kind, Category | Code)
            and not (isinstance(kind, Code) and kind.separator)
            and kind.determined_by is None
            and column not in hands
            and column not in resolved(member)
        ]
        if not candidates:
            return None
        cells = _cells(self.dataset.tables[name], self.skeletons[name].source)
        return max(candidates, key=lambda column: (entropy(_counts(cells[column])), -candidates.index(column)))

    def _starts(self, name: str) -> pa.DictionaryArray | None:
        """Whether the first row of a table comes before, with or after its parent; ``None`` where none comes before."""
        skeleton, timeline = self.skeletons[name], self._timeline(name)
        if timeline is None or self._parent_of(name) == self.patients or timeline.first in timeline.ahead:
            return None
        rows = skeleton.rows
        base = self._bases(name, timeline.order, rows)
        begun = np.flatnonzero(rows.first & (rows.parent >= 0) & (rows.moments != UNKNOWN) & (base != UNKNOWN))
        steps = rows.moments[begun] // timeline.unit - base[begun] // timeline.unit
        found = np.full(rows.n_parents, NONE, object)
        found[rows.parent[begun]] = distances(steps)
        return pa.array(found, pa.string()).dictionary_encode()

    def _habit(self, name: str) -> pa.DictionaryArray | None:
        """How the rows below a patient's rows of a table usually start; ``None`` where that is not told."""
        below = [child for child in self.skeletons if child != self.patients and self._parent_of(child) == name]
        starts = [found for child in below if (found := self._starts(child)) is not None]
        if not starts:
            return None
        patient = self.skeletons[name].rows.patient
        whose = np.tile(patient, len(starts))
        texts = np.concatenate([np.asarray(each.cast(pa.string()).to_numpy(zero_copy_only=False)) for each in starts])
        return pa.array(habits(whose, texts, len(self.hashes)), pa.string()).dictionary_encode()

    def _repeated(
        self, name: str, cells: Mapping[str, pa.DictionaryArray], rows: Rows
    ) -> dict[str, pa.DictionaryArray]:
        """The values of a long table marked where they repeat; nothing where that is not told.

        Rules that speak of the values, and columns that follow from them, need the values themselves.
        """
        if name in (self.patients, PERSONS):
            return {}
        config = self.schema.tables[name]
        of = {n: column.unit_of for n, column in config.columns.items() if isinstance(column, Integer | Number)}
        by = {n: unit for n, unit in of.items() if unit is not None and n in cells and unit in cells}
        if self.known is not None:
            table = self.known.tables[name]
            return {
                n: marked(cells[n], cells[by[n]], rows.patient, config.missing_in(n), repeating(table.codec, n))
                for n in table.added.same
            }
        marks = {each: self._marks(each) for each in self.schema.tables}
        ruled = {column.name for column in Ruling(name, self.structure, self.schema.tables, marks).columns}
        used = {column.determined_by for column in config.columns.values()} | ruled
        used |= {
            each
            for step in derived(
                config, self.structure.members[name], self._marks(name), None, Additions()
            ).computed.values()
            for each in step.operands
        }
        for n, unit in by.items():
            if n not in used and (found := marked(cells[n], cells[unit], rows.patient, config.missing_in(n))):
                return {n: found} if is_marked(found) else {}
        return {}

    def _means(self, name: str, child: str) -> dict[str, pa.DictionaryArray]:
        """Where the values of the quantities of a long table lie in each patient, by derived column of the patients."""
        if name != self.patients or child == self.patients:
            return {}
        _, codec, codes = self._encoded(child)
        if (value := valued(codec, range(len(codec.domains)))) is None:
            return {}
        unit = [domain.owner for domain in codec.domains].index(codec.domains[value].unit)
        rows, values = self.skeletons[child].rows, codes[:, value]
        if (same := same_code(codec, value)) is not None:
            at = source(values == same, codes[:, unit], rows.patient)
            values = np.where(at >= 0, values[np.maximum(at, 0)], values)
        every = {mean_of(child, code): code for code in range(codec.domains[unit].size)}
        known = None if self.known is None else self.known.tables[name].added.means
        chosen = None if known is None else [every[column] for column in known if column in every]
        domain, n = codec.domains[value], len(self.hashes)
        found = means(codes[:, unit], values, domain, rows.patient, n, chosen)
        texts = {code: pa.array(level).cast(pa.string()) for code, level in found.items()}
        return {
            mean_of(child, code): pc.if_else(pa.array(found[code] < 0), NONE, each).dictionary_encode()
            for code, each in texts.items()
        }

    def _levels(self, name: str, codec: Codec) -> Levels | None:
        """How rows of a table are told the means of its own quantities."""
        if (value := valued(codec, range(len(codec.domains)))) is None:
            return None
        unit = codec.domains[value].unit
        size = next(domain.size for domain in codec.domains if domain.owner == unit)
        told = {mean_of(name, code): code for code in range(size)}
        own = {column: told[column] for column in self.fitted[self.patients].added.means if column in told}
        return Levels(unit, own) if own else None

    def _solved(
        self, name: str, plan: Plan, cells: Mapping[str, pa.DictionaryArray], unit: Unit, source: NDArray[np.int64]
    ) -> tuple[Codec, Codes]:
        columns = [column for column in plan.config.columns if column in cells]
        block = pa.RecordBatch.from_arrays([cells[column] for column in columns], names=columns)
        try:
            codec = plan.solve(plan.summarise(block, unit), self.rare_below)
        except BadBlock as bad:
            record = int(source[bad.row]) + 1
            raise _contrary(self.dataset.tables[name].source, record, bad.column, bad.expected) from None
        codes = codec.encode(block)
        ids = {n: replace(made, missing=()) if n in plan.config.key_columns else made for n, made in codec.ids.items()}
        return replace(codec, ids=ids), codes

    def _folded(
        self, name: str, skeleton: _Skeleton, timeline: Timeline | None
    ) -> tuple[dict[str, pa.DictionaryArray], list[str]]:
        """The cells of the derived table but for the numbers of children; and which links they tell of."""
        if name == PERSONS:
            return {}, []
        self.progress(f"reading {name}", 0.0)
        cells = _cells(self.dataset.tables[name], skeleton.source)
        told = self._told(name, skeleton)
        if timeline is not None:
            is_patients, rows = name == self.patients, skeleton.rows
            base = rows.moments if is_patients else self._bases(name, timeline.order, rows)
            first = np.ones(len(rows), bool) if is_patients else rows.first
            cells |= timeline.folded(cells, skeleton.moments, base, first)
        left_out = resolved(self.structure.members[name])
        kept = {column: found for column, found in cells.items() if column not in left_out}
        return kept | {link_of(column): texts.dictionary_encode() for column, texts in told.items()}, list(told)

    def _told(self, name: str, skeleton: _Skeleton) -> dict[str, pa.StringArray]:
        """How the links are told that are not resolved by construction."""
        found: dict[str, pa.StringArray] = {}
        member = self.structure.members[name]
        for link in member.links:
            if link.how == "reference" or len(link.columns) > 1:
                continue
            (column,) = link.columns
            named = self._named(name, link, skeleton.source)
            if link.how == "ancestor":
                if (named < 0).any() and column != member.patient:
                    found[column] = told_drawn(skeleton.rows.patient, named, named)
            elif link.how == "drawn":
                subjects = self._subjects(link.table)
                found[column] = told_drawn(skeleton.rows.patient, named, self._echo(name, link, skeleton), subjects)
            elif link.table in self.skeletons:
                place = np.full(self.kinship.tables[link.table].n_rows, -1, np.int64)
                targets = self.skeletons[link.table]
                place[targets.source] = np.arange(len(targets.source))
                own = np.where(named >= 0, place[np.maximum(named, 0)], -1)
                found[column] = told_kin(skeleton.rows, targets.rows, own, itself=link.table == name)
        return found

    def _named(self, name: str, link: Link, source: NDArray[np.int64]) -> NDArray[np.int64]:
        rows = self.kinship.tables[name].links[link].rows
        assert rows is not None
        return rows[source]

    def _echo(self, name: str, link: Link, skeleton: _Skeleton) -> NDArray[np.int64] | None:
        """The row that the nearest ancestor with a link to the same table names."""
        if (echo := echoed(self.structure, name, link)) is None:
            return None
        rows = {each: self.skeletons[each].rows for each in self.skeletons}
        at = up(self.structure, rows, name, echo[0])
        theirs = self._named(echo[0], echo[1], self.skeletons[echo[0]].source)
        # Two rows that both name nothing do not agree on anything.
        return np.where(at >= 0, theirs[np.maximum(at, 0)], UNKNOWN) if len(theirs) else None

    def _no_subjects(self, name: str, timeline: Timeline | None) -> list[str]:
        """Nominal columns that do not say what a row is about."""
        links = [column for link in self.structure.members[name].links for column in link.columns]
        return [link_of(column) for column in links] + ([] if timeline is None else [timeline.weekday])

    def _surroundings(self, name: str) -> Surroundings:
        member = self.structure.members[name]
        above = member.path if member.path and member.path[-1] == self.patients else (*member.path, self.patients)
        mates = [each for each in self.fitted if each in self.skeletons and each != self.patients]
        beside = [each for each in mates if self._parent_of(each) == above[0] and each not in above]
        single = [each for each in beside if self.rows[each].numbers.max(initial=0) <= 1]
        elsewhere = [each for each in mates if each not in above and each not in single]
        return Surroundings(above, tuple(single), tuple(e for e in beside if e not in single), tuple(elsewhere))

    def _lookup(self, name: str, rng: np.random.Generator) -> int:
        """Learn a table of no patient, whose rows are units of their own; gives how many it has."""
        member, config = self.structure.members[name], self.schema.tables[name]
        n = self.kinship.tables[name].n_rows
        cells = _cells(self.dataset.tables[name], np.arange(n))
        told = {}
        for link in member.links:
            if link.how == "drawn":
                rows = self.kinship.tables[name].links[link].rows
                assert rows is not None
                told[link.columns[0]] = told_drawn(np.arange(n), rows, None, self._subjects(link.table))
        cells |= {link_of(column): texts.dictionary_encode() for column, texts in told.items()}
        naming = {column: _as_cells(times) for column, times in self._naming(name).items()}
        cells |= naming
        subject = self._kind(name)
        added = Additions(told=tuple(told), subject=() if subject is None else (subject,), naming=tuple(naming))
        plan = derived(config, member, self._marks(name), None, added)
        codec, codes = self._solved(name, plan, cells, Unit.rows(), np.arange(n))
        model = self._fit(name, codec.domains, codes, None, None, np.arange(n), rng)
        self.fitted[name] = FittedTable(codec, added, None, None, None, None, model)
        return n

    def _kind(self, name: str) -> str | None:
        """The column that says what kind of thing each row of a lookup table is; ``None`` where there is none.

        That of most entropy among those of few labels, each of several rows; links that tell of it stay common.
        """
        if self.structure.members[name].role != "lookup":
            return None
        config = self.schema.tables[name]
        cells = _cells(self.dataset.tables[name], np.arange(self.kinship.tables[name].n_rows))
        bits = {
            column: entropy(_counts(cells[column]))
            for column, kind in config.columns.items()
            if isinstance(kind, Category | Code)
            and kind.determined_by is None
            and column not in resolved(self.structure.members[name])
            and 1 < len(cells[column].dictionary) <= _MOST_KINDS
            and _counts(cells[column]).min() >= self.rare_below
        }
        return max(bits, key=lambda column: bits[column], default=None)

    def _subjects(self, name: str) -> NDArray[np.object_] | None:
        """What each row of a lookup table is about."""
        if (kind := self._kind(name)) is None:
            return None
        cells = _cells(self.dataset.tables[name], np.arange(self.kinship.tables[name].n_rows))
        return np.asarray(cells[kind].cast(pa.string()).to_numpy(zero_copy_only=False), object)

    def _naming(self, name: str) -> dict[str, NDArray[np.int64]]:
        """How often each row of a lookup table is named anew, by table and column that name it."""
        found = {}
        n = self.kinship.tables[name].n_rows
        for each, skeleton in self.skeletons.items():
            for link in self.structure.members[each].links if each in self.structure.members else ():
                if link.how == "drawn" and link.table == name and len(link.columns) == 1:
                    named = self._named(each, link, skeleton.source)
                    told = told_drawn(skeleton.rows.patient, named, self._echo(each, link, skeleton))
                    times = popularity(told, named, skeleton.rows.patient, n, self.rare_below)
                    found[named_by(each, link.columns[0])] = times
        return found

    def _fit(
        self,
        name: str,
        domains: tuple[Domain, ...],
        codes: Codes,
        context_domains: tuple[Domain, ...] | None,
        context: NDArray[np.integer[Any]] | None,
        groups: NDArray[np.int64],
        rng: np.random.Generator,
    ) -> FittedModel:
        label = name or "patients"
        given = None if context is None or context_domains is None else BlockSource(context_domains, context)
        return self.make_model().fit(
            BlockSource(domains, codes),
            rng=rng,
            context=given,
            groups=cut(groups),
            progress=lambda step, done: self.progress(f"{label}: {step}", done),
        )

    def _identifier(self) -> Identifier:
        """How the patients' ids are made where no table has them: in the shape of those that stand in columns."""
        name = next(n for n, member in self.structure.members.items() if member.patient is not None)
        column = self.structure.members[name].patient
        assert column is not None
        cells = _cells(self.dataset.tables[name], self.skeletons[name].source)[column]
        missing = frozenset(self.schema.tables[name].missing_in(column))
        made = identifier.solve(identifier.summarise(cells, missing), rare_below=self.rare_below)
        return replace(made, missing=())


def _contrary(source: str, record: int, column: str, expected: str) -> InputError:
    return InputError(
        f"{source}: record {record}, column {column}: expected {expected}, found another text; mend the value, or "
        "declare it under `missing` or `atoms`, or declare another kind"
    )


def _followed(codec: Codec, added: Additions) -> tuple[list[Mark], list[Mark]]:
    """What may be followed of the tables below: what their panels are made of, and when their first rows come."""
    columns = [domain.owner for domain in codec.domains]
    levels: dict[str, tuple[str, ...]] = {}
    for name in (*map(panel_of, added.panelled), *map(start_of, added.started)):
        encoder = codec.encoders[name]
        assert isinstance(encoder, LeveledEncoder)
        levels[name] = encoder.levels
    panels = [(columns.index(n), same) for n in map(panel_of, added.panelled) for same in constituents(levels[n])]
    starts: list[Mark] = [
        (columns.index(n), (code,)) for n in map(start_of, added.started) for code in range(len(levels[n]))
    ]
    return panels, starts


def same_code(codec: Codec, value: int) -> int | None:
    """The code of values that repeat the one before; ``None`` where there is none."""
    encoder = codec.encoders[codec.domains[value].owner]
    assert isinstance(encoder, PerUnitEncoder)
    return encoder.n_regular + encoder.special.index(AGAIN) if AGAIN in encoder.special else None


def repeating(codec: Codec, column: str) -> list[str]:
    """The quantities of a column of values of which it is told where they repeat."""
    encoder = codec.encoders[column]
    assert isinstance(encoder, PerUnitEncoder)
    return [unit for unit, own in encoder.units.items() if AGAIN in own.results]


def _block(cells: Mapping[str, pa.DictionaryArray], plan: Plan, n: int) -> pa.RecordBatch:
    """The columns of a derived table; where there is nothing to tell, as ``NONE``."""
    nothing = pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([NONE]))
    columns = [*plan.config.columns]
    return pa.RecordBatch.from_arrays([cells.get(column, nothing) for column in columns], names=columns)


def _counts(cells: pa.DictionaryArray) -> NDArray[np.int64]:
    return np.bincount(np.asarray(cells.indices), minlength=len(cells.dictionary))


def _as_cells(numbers: NDArray[np.int64]) -> pa.DictionaryArray:
    return pa.array(numbers).cast(pa.string()).dictionary_encode()


def _cells(table: Table, source: NDArray[np.int64]) -> dict[str, pa.DictionaryArray]:
    """The cells of some rows in their order, with dictionaries that hold their texts only."""
    kept = np.sort(source)
    parts: list[pa.RecordBatch] = []
    first = 0
    for block in table:
        low, high = np.searchsorted(kept, (first, first + block.num_rows))
        parts.append(taken(block, kept[low:high] - first))
        first += block.num_rows
    order = pa.array(np.searchsorted(kept, source))
    found: dict[str, pa.DictionaryArray] = {}
    for at, name in enumerate(table.columns):
        if not parts:
            found[name] = pa.array([], pa.string()).dictionary_encode()
            continue
        whole = pa.chunked_array([part.column(at) for part in parts]).unify_dictionaries().combine_chunks()
        found[name] = (whole.chunk(0) if isinstance(whole, pa.ChunkedArray) else whole).take(order)
    return found


def _whole(table: Table) -> pa.RecordBatch:
    """A table that is kept as it is."""
    n_rows = sum(block.num_rows for block in table)
    cells = _cells(table, np.arange(n_rows))
    return pa.RecordBatch.from_arrays([*cells.values()], names=[*cells])
