"""What is derived of each table of an extract, and the codes of its training rows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.levels import Unit
from synthgen.encoding.per_unit import PerUnitEncoder
from synthgen.models.base import Codes
from synthgen.relational.belonging.links import echoed, popularity, told_drawn, told_kin, up
from synthgen.relational.belonging.structure import Link
from synthgen.relational.cells import as_cells, block_of, cells_of, contrary, counts
from synthgen.relational.codec import BadBlock, Codec, Plan
from synthgen.relational.extract import PERSONS
from synthgen.relational.flat.learning import valued
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
from synthgen.relational.rows import Rows
from synthgen.relational.rules.ruling import Ruling
from synthgen.relational.standing import Skeleton, Standing
from synthgen.relational.time.folding import folded
from synthgen.relational.time.moments import UNKNOWN
from synthgen.relational.time.starts import distances, habits
from synthgen.relational.time.timeline import Timeline
from synthgen.relational.told.history import entropy
from synthgen.relational.told.means import mean_of, means
from synthgen.relational.told.panels import told_together
from synthgen.relational.told.repeats import AGAIN, is_marked, marked, source
from synthgen.schema.column import Category, Code, Integer, Number

#: Labels at most of what rows of a lookup table are about.
_MOST_KINDS: Final = 24


class Deriving:
    """The derived tables, as they come in."""

    def __init__(self, standing: Standing) -> None:
        """Nothing is encoded yet."""
        self.standing, self.known = standing, standing.known
        self.dataset, self.schema, self.progress = standing.dataset, standing.schema, standing.progress
        self.kinship, self.structure, self.patients = standing.kinship, standing.structure, standing.patients
        self.skeletons, self.hashes, self.rare_below = standing.skeletons, standing.hashes, standing.rare_below
        self._encodings: dict[str, tuple[Additions, Codec, Codes]] = {}
        self._constituents: dict[str, pa.DictionaryArray | None] = {}

    def encoded(self, name: str) -> tuple[Additions, Codec, Codes]:
        """What is derived, the codec of the derived table, and the codes of its training rows."""
        if name not in self._encodings:
            self._encodings[name] = self._encode(name)
        return self._encodings[name]

    def _encode(self, name: str) -> tuple[Additions, Codec, Codes]:
        skeleton = self.skeletons[name]
        timeline = self.standing.timeline(name)
        cells, told = self._folded(name, skeleton, timeline)
        children = [
            child for child in self.skeletons if child != self.patients and self.standing.parent_of(child) == name
        ]
        orphaned = [n for n in self.skeletons if name == self.patients and self.skeletons[n].rows.orphans.any()]
        numbers = {number_of(child): self.skeletons[child].rows.numbers for child in children}
        numbers |= {orphans_of(child): self.skeletons[child].rows.orphans for child in orphaned}
        cells |= {column: as_cells(number) for column, number in numbers.items()}
        timed = [child for child in children if name == self.patients and self.skeletons[child].moments]
        cells |= {last_of(child): self.standing.last(child) for child in timed}
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
            plan = derived(config, member, self.standing.marks(name), timeline, added)
        if self.known is not None:
            codec = self.known.tables[name].codec
            return added, codec, codec.encode(block_of(cells, codec.plan, len(skeleton.rows)))
        whose = self.hashes[skeleton.rows.patient]
        unit = Unit.patients(whose, self.rare_below)
        return (added, *self.solved(name, plan, cells, unit, skeleton.source))

    def _panels(self, name: str) -> pa.DictionaryArray | None:
        """What rows of a table come together under each of their parents; ``None`` where that is not told."""
        if name not in self._constituents:
            subject, found = self._subject(name), None
            if subject is not None:
                skeleton, above = self.skeletons[name], self.skeletons[self.standing.parent_of(name)].rows
                subjects = cells_of(self.dataset.tables[name], skeleton.source)[subject]
                found = told_together(subjects, skeleton.rows, above.patient, self.rare_below)
            self._constituents[name] = found
        return self._constituents[name]

    def _subject(self, name: str) -> str | None:
        """The column that says what the rows below those of another table are about: that of most entropy."""
        if name == self.patients or self.standing.parent_of(name) == self.patients:
            return None
        config, member = self.schema.tables[name], self.structure.members[name]
        hands = {hand.name for hand in self.standing.hands(name, config)}
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
        cells = cells_of(self.dataset.tables[name], self.skeletons[name].source)
        return max(candidates, key=lambda column: (entropy(counts(cells[column])), -candidates.index(column)))

    def _starts(self, name: str) -> pa.DictionaryArray | None:
        """Whether the first row of a table comes before, with or after its parent; ``None`` where none comes before."""
        skeleton, timeline = self.skeletons[name], self.standing.timeline(name)
        if timeline is None or self.standing.parent_of(name) == self.patients or timeline.first in timeline.ahead:
            return None
        rows = skeleton.rows
        base = self.standing.bases(name, timeline.order, rows, ended=timeline.ended)
        begun = np.flatnonzero(rows.first & (rows.parent >= 0) & (rows.moments != UNKNOWN) & (base != UNKNOWN))
        unit = timeline.unit_of(timeline.first)
        steps = rows.moments[begun] // unit - base[begun] // unit
        found = np.full(rows.n_parents, NONE, object)
        found[rows.parent[begun]] = distances(steps)
        return pa.array(found, pa.string()).dictionary_encode()

    def _habit(self, name: str) -> pa.DictionaryArray | None:
        """How the rows below a patient's rows of a table usually start; ``None`` where that is not told."""
        below = [child for child in self.skeletons if child != self.patients and self.standing.parent_of(child) == name]
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
        marks = {each: self.standing.marks(each) for each in self.schema.tables}
        ruled = {column.name for column in Ruling(name, self.structure, self.schema.tables, marks).columns}
        used = {column.determined_by for column in config.columns.values()} | ruled
        used |= {
            each
            for step in derived(
                config, self.structure.members[name], self.standing.marks(name), None, Additions()
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
        _, codec, codes = self.encoded(child)
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

    def solved(
        self, name: str, plan: Plan, cells: Mapping[str, pa.DictionaryArray], unit: Unit, source: NDArray[np.int64]
    ) -> tuple[Codec, Codes]:
        columns = [column for column in plan.config.columns if column in cells]
        block = pa.RecordBatch.from_arrays([cells[column] for column in columns], names=columns)
        try:
            codec = plan.solve(plan.summarise(block, unit), self.rare_below)
        except BadBlock as bad:
            record = int(source[bad.row]) + 1
            raise contrary(self.dataset.tables[name].source, record, bad.column, bad.expected) from None
        codes = codec.encode(block)
        ids = {n: replace(made, missing=()) if n in plan.config.key_columns else made for n, made in codec.ids.items()}
        return replace(codec, ids=ids), codes

    def _folded(
        self, name: str, skeleton: Skeleton, timeline: Timeline | None
    ) -> tuple[dict[str, pa.DictionaryArray], list[str]]:
        """The cells of the derived table but for the numbers of children; and which links they tell of."""
        if name == PERSONS:
            return {}, []
        self.progress(f"reading {name}", 0.0)
        cells = cells_of(self.dataset.tables[name], skeleton.source)
        told = self._told(name, skeleton)
        if timeline is not None:
            is_patients, rows = name == self.patients, skeleton.rows
            base = (
                rows.moments if is_patients else self.standing.bases(name, timeline.order, rows, ended=timeline.ended)
            )
            first = np.ones(len(rows), bool) if is_patients else rows.first
            ends = np.full(len(rows), UNKNOWN) if is_patients else self.standing.row_ends(name)
            cells |= folded(timeline, cells, skeleton.moments, base, first, ends)
        left_out = resolved(self.structure.members[name])
        kept = {column: found for column, found in cells.items() if column not in left_out}
        return kept | {link_of(column): texts.dictionary_encode() for column, texts in told.items()}, list(told)

    def _told(self, name: str, skeleton: Skeleton) -> dict[str, pa.StringArray]:
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
                subjects = self.subjects(link.table)
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

    def _echo(self, name: str, link: Link, skeleton: Skeleton) -> NDArray[np.int64] | None:
        """The row that the nearest ancestor with a link to the same table names."""
        if (echo := echoed(self.structure, name, link)) is None:
            return None
        rows = {each: self.skeletons[each].rows for each in self.skeletons}
        at = up(self.structure, rows, name, echo[0])
        theirs = self._named(echo[0], echo[1], self.skeletons[echo[0]].source)
        # Two rows that both name nothing do not agree on anything.
        return np.where(at >= 0, theirs[np.maximum(at, 0)], UNKNOWN) if len(theirs) else None

    def kind(self, name: str) -> str | None:
        """The column that says what kind of thing each row of a lookup table is; ``None`` where there is none.

        That of most entropy among those of few labels, each of several rows; links that tell of it stay common.
        """
        if self.structure.members[name].role != "lookup":
            return None
        config = self.schema.tables[name]
        cells = cells_of(self.dataset.tables[name], np.arange(self.kinship.tables[name].n_rows))
        bits = {
            column: entropy(counts(cells[column]))
            for column, kind in config.columns.items()
            if isinstance(kind, Category | Code)
            and kind.determined_by is None
            and column not in resolved(self.structure.members[name])
            and 1 < len(cells[column].dictionary) <= _MOST_KINDS
            and counts(cells[column]).min() >= self.rare_below
        }
        return max(bits, key=lambda column: bits[column], default=None)

    def subjects(self, name: str) -> NDArray[np.object_] | None:
        """What each row of a lookup table is about."""
        if (kind := self.kind(name)) is None:
            return None
        cells = cells_of(self.dataset.tables[name], np.arange(self.kinship.tables[name].n_rows))
        return np.asarray(cells[kind].cast(pa.string()).to_numpy(zero_copy_only=False), object)

    def naming(self, name: str) -> dict[str, NDArray[np.int64]]:
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
