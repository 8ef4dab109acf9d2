"""How a flat table is learned: two passes over the rows (three with dates in order), the patients, then their rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from tempfile import TemporaryFile
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.levels import Unit
from synthgen.errors import InputError
from synthgen.models.base import Codes, CodeSource, Model
from synthgen.models.independent import Independent
from synthgen.progress import Progress, silent
from synthgen.relational.codec import BadBlock, Codec, Plan, TableSummary
from synthgen.relational.flat.ends import lasting_to_the_end
from synthgen.relational.flat.past import Past
from synthgen.relational.flat.person import (
    MOST_VARYING,
    Persons,
    own_codes,
    personal_columns,
    rows_domain,
    rows_per_person,
)
from synthgen.relational.flat.table import FlatSynthesizer
from synthgen.relational.flat.waits import told_by_waits
from synthgen.relational.rules.real import Rules, RuleSummary
from synthgen.relational.source import Beside, BlockSource, cut, taken
from synthgen.tables.dataset import Table
from synthgen.tables.keys import KeyColumns
from synthgen.tables.split import Split

#: Bytes of codes that are held in memory; more are held in a temporary file.
_MOST_IN_MEMORY: Final = 1 << 30


def valued(codec: Codec, columns: Sequence[int]) -> int | None:
    """The place among some code columns of the number whose scale depends on another column, if there is one."""
    owners = [codec.domains[i].owner for i in columns]
    return next((owners.index(name) for name in codec.plan.units if name in owners), None)


def learn(
    table: Table,
    plan: Plan,
    split: Split,
    make_model: Callable[[], Model],
    *,
    rare_below: int,
    seed: int,
    progress: Progress = silent,
) -> FlatSynthesizer:
    """Learn a flat table; rows that the split holds out are never read.

    A model that cannot be given context learns all rows alike, and none of a patient's columns stays constant; how many
    rows a patient has is then a margin by itself.

    Raises:
        InputError: a cell contradicts its declared kind; or no row is left to learn from.
    """
    plan = replace(
        plan, since=told_by_waits(table, plan, split), until=lasting_to_the_end(table, plan, split, rare_below)
    )
    summary, sides, ruled = _summary(table, plan, split, rare_below, progress)
    rates = () if ruled is None else ruled.rates(plan.config.rules)
    codec = plan.solve(summary, rare_below)
    codes = _encoded(table, codec, [kept for kept, _ in sides], progress)
    every = tuple(range(len(codec.domains)))
    rng = np.random.default_rng([seed, 0])
    model = make_model()
    if split.patient is None:
        rows = model.fit(BlockSource(codec.domains, codes, every), rng=rng, rare_below=rare_below, progress=progress)
        return FlatSynthesizer(codec, None, (), None, rows, rates)
    persons = Persons.of(np.concatenate([hashes for _, hashes in sides]))
    personal = personal_columns(persons, codes, codec.domains) if model.conditional else ()
    ids = _own_ids(table, plan, [kept for kept, _ in sides], persons)
    numbers = rows_per_person(persons, rare_below)
    own = own_codes(persons, codes, personal, numbers)
    own_domains = (*(codec.domains[i] for i in personal), rows_domain(numbers))
    person_source = BlockSource(own_domains, own, tuple(range(own.shape[1])))
    person = (model if model.conditional else Independent()).fit(
        person_source, rng=rng, rare_below=rare_below, progress=progress
    )
    rest = tuple(i for i in every if i not in set(personal))
    domains = tuple(codec.domains[i] for i in rest)
    if not model.conditional:
        fitted = model.fit(
            BlockSource(domains, codes, rest),
            rng=rng,
            groups=cut(persons.of_row),
            rare_below=rare_below,
            progress=progress,
        )
        return FlatSynthesizer(codec, person, personal, numbers, fitted, rates, ids=ids)
    # From here on rows stand patient by patient, so that each comes after those it is given.
    whose = persons.of_row[persons.order]
    own_rows = BlockSource(domains, codes, rest, persons.order)
    in_order = np.concatenate([*own_rows, np.zeros((0, len(rest)), np.int32)])
    past = Past.of(domains, in_order, whose, valued(codec, rest)) if rest and model.follows else None
    given: CodeSource = replace(person_source, rows=whose)
    if past is not None:
        own_rows = replace(own_rows, domains=past.memory.own_domains)
        given = Beside(given, BlockSource(past.domains, past.told(in_order, whose)))
    fitted = model.fit(own_rows, rng=rng, context=given, groups=cut(whose), rare_below=rare_below, progress=progress)
    return FlatSynthesizer(codec, person, personal, numbers, fitted, rates, past, ids)


def _summary(
    table: Table, plan: Plan, split: Split, rare_below: int, progress: Progress
) -> tuple[TableSummary, list[tuple[NDArray[np.int64], NDArray[np.uint64]]], RuleSummary | None]:
    """The summary of the training rows; which rows of each block these are, and the hashes of their units; the rules.

    ``None`` where the table states no rules.
    """
    summary: TableSummary | None = None
    ruled: RuleSummary | None = None
    rules = Rules(plan.config, plan.format)
    sides: list[tuple[NDArray[np.int64], NDArray[np.uint64]]] = []
    first_row = 0
    for block, hashes, held_out in split.blocks(table):
        kept = np.flatnonzero(~held_out)
        sides.append((kept, hashes[kept]))
        unit = Unit.rows() if split.patient is None else Unit.patients(hashes[kept], rare_below)
        if len(kept):
            try:
                new = plan.summarise(taken(block, kept), unit)
            except BadBlock as bad:
                row = first_row + int(kept[bad.row]) + 1
                raise InputError(
                    f"{table.source}: record {row}, column {bad.column}: expected {bad.expected}, found another text; "
                    "mend the value, or declare it under `missing` or `atoms`, or declare another kind"
                ) from None
            summary = new if summary is None else summary.merge(new)
            if rules.expressions:
                told = rules.summarise(taken(block, kept), hashes[kept], persons=split.patient is not None)
                ruled = told if ruled is None else ruled.merge(told)
        first_row += block.num_rows
        progress("reading", 0.0)
    if summary is None:
        raise InputError(f"{table.source}: no row is left to learn from; lower `holdout` or give more data")
    return summary, sides, ruled


def _own_ids(table: Table, plan: Plan, kept: Sequence[NDArray[np.int64]], persons: Persons) -> tuple[str, ...]:
    """The columns of ids, beside the key and the patient, that stay constant within patients."""
    names = [name for name in plan.ids if name not in (plan.config.patient, *plan.config.key_columns)]
    held: dict[str, list[NDArray[np.uint64]]] = {name: [np.zeros(0, np.uint64)] for name in names}
    for block, rows in zip(table, kept, strict=True) if names else ():
        for name in names:
            held[name].append(KeyColumns((name,), ((),)).read(block)[0][rows])
    levels = {name: np.unique(np.concatenate(parts), return_inverse=True)[1] for name, parts in held.items()}
    return tuple(name for name in names if persons.varying_share(levels[name]) <= MOST_VARYING)


def _encoded(table: Table, codec: Codec, kept: Sequence[NDArray[np.int64]], progress: Progress) -> Codes:
    codes = _room(sum(map(len, kept)), len(codec.domains))
    first = 0
    for block, rows in zip(table, kept, strict=True):
        if len(rows):
            codes[first : first + len(rows)] = codec.encode(taken(block, rows))
            first += len(rows)
        progress("encoding", 0.0)
    return codes


def _room(n_rows: int, n_columns: int) -> Codes:
    """Room for codes, columns contiguous: in memory, or in a file without a name, which goes when the array goes."""
    size = max(n_rows * n_columns, 1) * np.dtype(np.int32).itemsize
    if size <= _MOST_IN_MEMORY:
        return np.empty((n_rows, n_columns), np.int32, order="F")
    with TemporaryFile() as file:
        file.truncate(size)
        return np.memmap(file, np.int32, "r+", shape=(n_rows, n_columns), order="F")
