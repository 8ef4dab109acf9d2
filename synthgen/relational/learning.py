"""How the tables of an extract are learned: skeletons first, then codes, then a model a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.sparse import csr_array, hstack

from synthgen.encoding import identifier
from synthgen.encoding.domain import Domain
from synthgen.encoding.identifier import Identifier
from synthgen.encoding.leveled import LeveledEncoder
from synthgen.encoding.levels import Unit
from synthgen.errors import InputError
from synthgen.models.base import Codes, FittedModel, Model
from synthgen.progress import Progress, silent
from synthgen.relational.belonging.links import Linking, told_drawn
from synthgen.relational.belonging.sharing import Sharing, shareable
from synthgen.relational.cells import as_cells, cells_of, whole
from synthgen.relational.codec import Codec
from synthgen.relational.deriving import Deriving, same_code
from synthgen.relational.extract import PERSONS, Extract
from synthgen.relational.flat.learning import valued
from synthgen.relational.fold import (
    Additions,
    derived,
    link_of,
    panel_of,
    start_of,
)
from synthgen.relational.frame import FittedTable, Frame, subjects_of
from synthgen.relational.occurrences import columns_of, occurrences
from synthgen.relational.rows import Rows
from synthgen.relational.source import BlockSource, cut
from synthgen.relational.standing import Skeleton, Standing
from synthgen.relational.time.calendar import Calendar
from synthgen.relational.time.moments import DAY
from synthgen.relational.time.timeline import Timeline
from synthgen.relational.told.contexts import context_domains, contexts, origins, to_come
from synthgen.relational.told.history import Mark, Memory, limits, most_together
from synthgen.relational.told.means import Levels, mean_of
from synthgen.relational.told.panels import constituents
from synthgen.relational.told.surroundings import Surroundings
from synthgen.schema.config import Schema
from synthgen.tables.dataset import Dataset
from synthgen.tables.split import Split

#: Upper bounds of how long ago something was: in seconds, and in rows where there are no times.
_SPANS: Final = (
    0,
    *(60 * minutes for minutes in (15, 60, 120, 240, 480)),
    *(DAY * days for days in (1, 7, 14, 30, 60, 90, 180, 365, 730, 1095, 1825)),
)
_ROW_SPANS: Final = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)


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
    reading = _reading(extract, dataset, schema)
    return reading.kinship.ids, reading.log_prob()


def occurrences_in(extract: Extract, dataset: Dataset, schema: Schema) -> tuple[pa.StringArray, csr_array]:
    """The ids of the patients of some tables, and how often each has each code of ``told_domains`` in all rows.

    Raises:
        InputError: a cell contradicts its declared kind.
    """
    reading = _reading(extract, dataset, schema)
    return reading.kinship.ids, reading.occurrences()


def told_domains(extract: Extract) -> tuple[Domain, ...]:
    """The code columns whose codes ``log_prob`` finds more or less probable, table by table."""
    return tuple(domain for table in extract.tables.values() for domain in table.model.domains)


def _reading(extract: Extract, dataset: Dataset, schema: Schema) -> _Learning:
    """What an extract is to say something of, all patients alike."""
    nobody_apart = Split(bytes(32), 0.0, None, b"")
    return _Learning(dataset, schema, nobody_apart, schema.model.build, 0, silent, known=extract)


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
        self.seed, self.make_model = seed, make_model
        if not make_model().conditional:
            raise InputError(
                f"model {schema.model.name} cannot be given what a row belongs to, which several tables need; "
                "choose autoregressive or copula"
            )
        self.standing = Standing(dataset, schema, split, progress, known)
        self.deriving = Deriving(self.standing)
        self.dataset, self.schema, self.progress = dataset, schema, progress
        self.known, self.kinship, self.structure = known, self.standing.kinship, self.standing.structure
        self.patients, self.skeletons = self.standing.patients, self.standing.skeletons
        self.kept_patients, self.hashes = self.standing.kept_patients, self.standing.hashes
        self.rare_below = schema.privacy.rare_below
        self.rows: dict[str, Rows] = {}
        self.fitted: dict[str, FittedTable] = {}

    def extract(self) -> Extract:
        members = self.structure.members
        lookups = [name for name, member in members.items() if member.role == "lookup"]
        for name in (name for name, member in members.items() if member.role in ("patient", "child")):
            self.standing.stand(name)
        if self.patients == PERSONS:
            self.skeletons[PERSONS] = Skeleton(self.kept_patients, self.standing.everyone(None), {})
        rates = {name: self.standing.rates(name) for name in members if self.schema.tables[name].constraints}
        numbers = {}
        for at, name in enumerate(lookups):
            numbers[name] = self._lookup(name, np.random.default_rng([self.seed, 1, at]))
        for at, name in enumerate(self.standing.generated()):
            self._table(name, np.random.default_rng([self.seed, 0, at]))
        return Extract(
            structure=self.structure,
            configs=dict(self.schema.tables),
            tables={name: replace(table, rates=rates.get(name, ())) for name, table in self.fitted.items()},
            references={n: whole(self.dataset.tables[n]) for n, m in members.items() if m.role == "reference"},
            numbers=numbers,
            births=self.standing.births,
            identifier=self._identifier() if self.patients == PERSONS else None,
            linking=Linking(self.structure, dict(self.schema.tables), subjects_of(self.fitted, lookups)),
        )

    def log_prob(self) -> NDArray[np.float64]:
        """What a known extract says of every patient."""
        total = np.zeros(len(self.hashes))
        for name, table, rows in self._encoded():
            if not rows.codes.shape[1]:
                continue
            given = None
            if table.surroundings is not None:
                given = contexts(
                    table, rows, self.rows, self.fitted, self.rows[self.patients].moments, self.standing.row_ends(name)
                )
            found = table.model.log_prob(rows.codes, context=None if given is None else given.astype(np.int32))
            np.add.at(total, rows.patient, found)
        return total

    def occurrences(self) -> csr_array:
        """How often every patient has each code of a known extract."""
        assert self.known is not None
        n = len(self.hashes)
        found = {
            name: occurrences(rows.codes, table.model.domains, rows.patient, n) for name, table, rows in self._encoded()
        }
        none = {name: csr_array((n, len(columns_of(table.model.domains)))) for name, table in self.known.tables.items()}
        return csr_array(hstack([*(none | found).values()], format="csr"))

    def _encoded(self) -> Iterator[tuple[str, FittedTable, Rows]]:
        """The tables of a known extract with the codes of the rows of everybody, parents first."""
        assert self.known is not None
        for name in (name for name, member in self.structure.members.items() if member.role in ("patient", "child")):
            self.standing.stand(name)
        if self.patients == PERSONS:
            self.skeletons[PERSONS] = Skeleton(self.kept_patients, self.standing.everyone(None), {})
        for name, table in self.known.tables.items():
            if name in self.skeletons:
                _, _, codes = self.deriving.encoded(name)
                self.rows[name] = rows = replace(self.skeletons[name].rows, codes=codes)
                self.fitted[name] = table
                yield name, table, rows

    def _table(self, name: str, rng: np.random.Generator) -> None:
        """Encode and learn a table of patients."""
        skeleton = self.skeletons[name]
        is_patients = name == self.patients
        timeline = self.standing.timeline(name)
        added, codec, codes = self.deriving.encoded(name)
        rows = replace(skeleton.rows, codes=codes)
        self.rows[name] = rows
        if is_patients:
            model = self._fit(name, codec.domains, codes, None, None, rows.patient, rng)
            self.fitted[name] = FittedTable(codec, added, timeline, None, None, None, model)
            return
        surroundings = replace(self._surroundings(name), levels=self._levels(name, codec))
        births = self.rows[self.patients].moments
        ends = self.standing.row_ends(name)
        calendar = None
        if timeline is not None:
            start = self.standing.bases(name, timeline.order, rows, ended=timeline.ended)
            origin = origins(timeline, births)
            left, above = to_come(timeline, rows), self.standing.ending(name)
            calendar = Calendar.of(timeline, rows, start, origin[rows.patient], ends, left, above)
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
            together=0 if timeline is None else most_together(rows.patient, rows.moments, self.rare_below),
        )
        frame = Frame(codec, added, timeline, surroundings, calendar, memory)
        given = contexts(frame, rows, self.rows, self.fitted, births, ends)
        domains = context_domains(surroundings, calendar, memory, self.fitted)
        model = self._fit(name, frame.domains, codes, domains, given, rows.patient, rng)
        sharing = self._sharing(name)
        self.fitted[name] = FittedTable(codec, added, timeline, surroundings, calendar, memory, model, sharing=sharing)

    def _sharing(self, name: str) -> Sharing | None:
        """How the rows of a table share numbers."""
        config, skeleton = self.schema.tables[name], self.skeletons[name]
        columns = shareable(config, self.structure.members[name])
        if not columns:
            return None
        cells = cells_of(self.dataset.tables[name], skeleton.source)
        missing = {column: config.missing_in(column) for column in columns}
        return Sharing.of({column: cells[column] for column in columns}, missing, skeleton.rows, self.rare_below)

    def _levels(self, name: str, codec: Codec) -> Levels | None:
        """How rows of a table are told the means of its own quantities."""
        if (value := valued(codec, range(len(codec.domains)))) is None:
            return None
        unit = codec.domains[value].unit
        size = next(domain.size for domain in codec.domains if domain.owner == unit)
        told = {mean_of(name, code): code for code in range(size)}
        own = {column: told[column] for column in self.fitted[self.patients].added.means if column in told}
        return Levels(unit, own) if own else None

    def _no_subjects(self, name: str, timeline: Timeline | None) -> list[str]:
        """Nominal columns that do not say what a row is about."""
        links = [column for link in self.structure.members[name].links for column in link.columns]
        return [link_of(column) for column in links] + ([] if timeline is None else [timeline.weekday])

    def _surroundings(self, name: str) -> Surroundings:
        member = self.structure.members[name]
        above = member.path if member.path and member.path[-1] == self.patients else (*member.path, self.patients)
        mates = [each for each in self.fitted if each in self.skeletons and each != self.patients]
        beside = [each for each in mates if self.standing.parent_of(each) == above[0] and each not in above]
        single = [each for each in beside if self.rows[each].numbers.max(initial=0) <= 1]
        elsewhere = [each for each in mates if each not in above and each not in single]
        return Surroundings(above, tuple(single), tuple(e for e in beside if e not in single), tuple(elsewhere))

    def _lookup(self, name: str, rng: np.random.Generator) -> int:
        """Learn a table of no patient, whose rows are units of their own; gives how many it has."""
        member, config = self.structure.members[name], self.schema.tables[name]
        n = self.kinship.tables[name].n_rows
        cells = cells_of(self.dataset.tables[name], np.arange(n))
        told = {}
        for link in member.links:
            if link.how == "drawn":
                rows = self.kinship.tables[name].links[link].rows
                assert rows is not None
                told[link.columns[0]] = told_drawn(np.arange(n), rows, None, self.deriving.subjects(link.table))
        cells |= {link_of(column): texts.dictionary_encode() for column, texts in told.items()}
        naming = {column: as_cells(times) for column, times in self.deriving.naming(name).items()}
        cells |= naming
        subject = self.deriving.kind(name)
        added = Additions(told=tuple(told), subject=() if subject is None else (subject,), naming=tuple(naming))
        plan = derived(config, member, self.standing.marks(name), None, added)
        codec, codes = self.deriving.solved(name, plan, cells, Unit.rows(), np.arange(n))
        model = self._fit(name, codec.domains, codes, None, None, np.arange(n), rng)
        self.fitted[name] = FittedTable(codec, added, None, None, None, None, model)
        return n

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
            rare_below=self.rare_below,
            progress=lambda step, done: self.progress(f"{label}: {step}", done),
        )

    def _identifier(self) -> Identifier:
        """How the patients' ids are made where no table has them: in the shape of those that stand in columns."""
        name = next(n for n, member in self.structure.members.items() if member.patient is not None)
        column = self.structure.members[name].patient
        assert column is not None
        cells = cells_of(self.dataset.tables[name], self.skeletons[name].source)[column]
        missing = frozenset(self.schema.tables[name].missing_in(column))
        made = identifier.solve(identifier.summarise(cells, missing), rare_below=self.rare_below)
        return replace(made, missing=())


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
