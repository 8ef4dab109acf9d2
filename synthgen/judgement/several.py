"""The sets of an extract of several tables on one footing."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.sparse import csr_array

from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.artifact.synthesizer import Synthesizer
from synthgen.errors import InputError
from synthgen.inputs import Data, dataset_of
from synthgen.judgement.readable import require_readable
from synthgen.metrics.base import Comparison, Likelihood, Side
from synthgen.metrics.extract import Extracts
from synthgen.metrics.judging_tables import histories_of
from synthgen.metrics.prepare import left_out
from synthgen.metrics.result import HISTORIES
from synthgen.relational.belonging.kinship import Kinship
from synthgen.relational.extract import Extract as Fitted
from synthgen.relational.learning import log_prob, occurrences_in, told_domains
from synthgen.relational.occurrences import columns_of
from synthgen.schema.config import Schema
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.part import Part
from synthgen.tables.split import Split

#: Columns of these kinds are not looked at, unless they are keys or links.
_NOT_READ = ("id", "fake", "text", "drop")


def compared(
    synthetic: Data,
    real: Dataset,
    holdout: Data | None,
    split: Split | None,
    schema: Schema,
    synthesizer: Synthesizer | None = None,
) -> tuple[Extracts, dict[str, Any]]:
    """The sets on one footing, and what a report says of them.

    Raises:
        InputError: tables or columns are missing, the holdout shares patients with the real data, or the real data are
            not those that were split.
    """
    # Opened before anything long is done, so that a wrong path is told at once.
    generated, only_there = _any_tables(synthetic, schema)
    train, apart = real, None
    if holdout is not None:
        apart, _ = _any_tables(holdout, schema)
    elif split is not None and split.share > 0:
        split.require_same_input(real)
        train, apart = parted(real, schema, split)
    extracts = Extracts.of(schema, train, apart, generated)
    _require_other_patients(extracts, real, apart if holdout is not None else None)
    for name, comparison in extracts.comparisons.items():
        if comparison.synthetic.n:
            require_readable(comparison, generated.tables[name].source)
    made = synthesizer.extract if isinstance(synthesizer, ExtractSynthesizer) else None
    if split is not None and extracts.holdout is not None and made is not None and made.likelihood:
        told = histories_of(extracts).told_by(_likelihood(made, real, schema, extracts))
        extracts.once.put("histories", told)
    return extracts, _inputs(extracts, generated, only_there)


def _likelihood(made: Fitted, real: Dataset, schema: Schema, extracts: Extracts) -> Likelihood:
    """What the model says of the real patients with all that they have."""
    assert extracts.holdout is not None
    sides = {"train": extracts.train.ids, "holdout": extracts.holdout.ids}

    # All patients at once, so that none is read in another way because of the side that it is on.
    @cache
    def probable() -> tuple[pa.StringArray, NDArray[np.float64]]:
        return log_prob(made, real, schema)

    @cache
    def coded() -> tuple[pa.StringArray, csr_array]:
        return occurrences_in(made, real, schema)

    def places(which: Side, patients: NDArray[np.int64], ids: pa.StringArray) -> NDArray[np.int64]:
        return np.asarray(pc.index_in(sides[which].take(pa.array(patients)), value_set=ids), np.int64)

    return Likelihood(
        lambda which, patients: probable()[1][places(which, patients, probable()[0])],
        lambda which, patients: coded()[1][places(which, patients, coded()[0])],
        columns_of(told_domains(made)),
    )


def parted(real: Dataset, schema: Schema, split: Split) -> tuple[Dataset, Dataset]:
    """The rows that ``fit`` learned from, and those of the patients whom it set aside.

    Tables of no patient are in both.
    """
    kinship = Kinship.of(real, schema)
    held = kinship.sides(split)
    train: dict[str, Table] = {}
    apart: dict[str, Table] = {}
    for name, table in real.tables.items():
        if kinship.tables[name].member.role in ("patient", "child"):
            train[name], apart[name] = Part(table, ~held[name][1]), Part(table, held[name][1])
        else:
            train[name] = apart[name] = table
    return Dataset(train), Dataset(apart)


def _any_tables(data: Data, schema: Schema) -> tuple[Dataset, tuple[str, ...]]:
    """The tables of some generator, in the schema's dialect or in their own; and those that the schema lacks.

    Raises:
        InputError: a table or a column is missing that is compared or that links tables.
    """
    try:
        return dataset_of(data, schema), ()
    except InputError as error:
        # Other columns or tables, or another dialect than the original's; what is needed is checked here.
        try:
            found = dataset_of(data, None)
        except InputError:
            raise error from None
    absent = [name for name in schema.tables if name not in found.tables]
    if absent:
        raise InputError(
            f"{found.source}: has no file for table {', '.join(absent)}; add it, or evaluate with a config without it"
        )
    for name, config in schema.tables.items():
        _require_columns(found.tables[name], config)
    more = tuple(name for name in found.tables if name not in schema.tables)
    return Dataset({name: found.tables[name] for name in schema.tables}), more


def _require_columns(table: Table, config: TableConfig) -> None:
    linking = {*config.key_columns, *config.foreign_keys}
    linking |= {config.patient} if config.patient else set()
    linking |= set(config.parent.columns) if config.parent else set()
    needed = [name for name, column in config.columns.items() if name in linking or column.kind not in _NOT_READ]
    if lacking := [name for name in needed if name not in table.columns]:
        raise InputError(
            f"{table.source}: lacks the columns {', '.join(lacking)}; add them, or evaluate with a config without"
        )


def _require_other_patients(extracts: Extracts, real: Dataset, holdout: Dataset | None) -> None:
    """A holdout that shares patients with the training data would make any generator look safe."""
    if holdout is None or extracts.holdout is None:
        return
    known, apart = (pc.unique(each.ids.filter(pc.not_equal(each.ids, ""))) for each in extracts.real.values())
    if shared := pc.sum(pc.is_in(apart, known)).as_py():
        raise InputError(
            f"{holdout.source}: {shared} of its {len(apart)} patients are in {real.source} too; "
            "a holdout has other patients: take them out of one of the two"
        )


def _inputs(extracts: Extracts, generated: Dataset, only_there: tuple[str, ...]) -> dict[str, Any]:
    """What a report says of the sets: how large they are as a whole, and table by table."""
    judged = {HISTORIES: histories_of(extracts), **extracts.comparisons}
    sizes = {name: _sizes(comparison) for name, comparison in judged.items()}
    inputs: dict[str, Any] = {
        which: None if sizes[HISTORIES][which] is None else {"patients": sizes[HISTORIES][which]["patients"]}
        for which in ("train", "holdout", "synthetic")
    }
    tables = extracts.schema.tables
    not_compared = [
        f"{name}.{column}"
        for name, comparison in extracts.comparisons.items()
        for column in left_out(tables[name].columns, comparison.variables)
    ]
    more = [
        f"{name}.{column}"
        for name, each in tables.items()
        for column in generated.tables[name].columns
        if column not in each.columns
    ]
    return inputs | {
        "tables": sizes,
        "unit": "patient",
        "rare_below": extracts.schema.privacy.rare_below,
        "tables_not_judged": [name for name in tables if name not in extracts.comparisons],
        "columns_not_compared": not_compared,
        "tables_only_in_synthetic": list(only_there),
        "columns_only_in_synthetic": more,
    }


def _sizes(comparison: Comparison) -> dict[str, Any]:
    sets = {"train": comparison.train, "holdout": comparison.holdout, "synthetic": comparison.synthetic}
    return {name: None if records is None else records.sizes for name, records in sets.items()}
