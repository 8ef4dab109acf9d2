"""The sets of one table on one footing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.artifact.single import SingleTable
from synthgen.artifact.synthesizer import Synthesizer
from synthgen.errors import InputError
from synthgen.inputs import Data, dataset_of, only_table
from synthgen.judgement.readable import require_readable
from synthgen.metrics.base import Comparison, Likelihood, Side
from synthgen.metrics.extract import Extracts
from synthgen.metrics.prepare import Sheet, compare, left_out
from synthgen.relational.occurrences import columns_of
from synthgen.schema.config import Schema
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.part import Part
from synthgen.tables.split import Split


def compared(
    synthetic: Data,
    table: Table,
    holdout: Data | None,
    split: Split | None,
    schema: Schema,
    synthesizer: Synthesizer | None,
) -> tuple[Comparison, dict[str, Any]]:
    """The sets on one footing, and what a report says of them."""
    config = schema.tables[table.name]
    # Opened before anything long is done, so that a wrong path is told at once.
    generated = _any_table(synthetic, schema)
    others = None if holdout is None else _any_table(holdout, schema)
    whole, shown, *rest = _sheets([table, generated, *([] if others is None else [others])], schema)
    train, apart = whole, rest[0] if rest else None
    if apart is not None:
        _require_other_patients(whole, apart, config)
    elif split is not None and split.share > 0:
        split.require_same_input(table)
        held_out = np.concatenate([held for _, _, held in split.blocks(table)])
        train, apart = whole.rows(~held_out), whole.rows(held_out)
    comparison = compare(
        config, table=table.name, train=train, holdout=apart, synthetic=shown, rare_below=schema.privacy.rare_below
    )
    require_readable(comparison, generated.source)
    # A holdout from another file may be written in another way than the model reads.
    made = synthesizer if isinstance(synthesizer, SingleTable) else None
    if split is not None and apart is not None and made is not None and made.likelihood:
        comparison = comparison.told_by(_likelihood(made, comparison, {"train": train, "holdout": apart}))
    sets = {"train": comparison.train, "holdout": comparison.holdout, "synthetic": comparison.synthetic}
    inputs: dict[str, Any] = {name: None if records is None else records.sizes for name, records in sets.items()}
    inputs |= {
        "table": table.name,
        "unit": config.patient or "row",
        "rare_below": schema.privacy.rare_below,
        "columns_not_compared": left_out(config.columns, comparison.variables),
        "columns_only_in_synthetic": [name for name in shown.columns if name not in config.columns],
    }
    return comparison, inputs


def _sheets(tables: Sequence[Table], schema: Schema) -> list[Sheet]:
    """The rows of each table, read at the same time."""
    with ThreadPoolExecutor(len(tables)) as pool:
        return list(pool.map(lambda table: Sheet.of(table, schema.format), tables))


def in_time(
    synthetic: Data, table: Table, holdout: Data | None, split: Split | None, schema: Schema
) -> Extracts | None:
    """A file with several rows of a patient in an order of time, as an extract of one table; ``None`` for others."""
    config = schema.tables[table.name]
    if config.patient is None or config.order is None:
        return None
    train, apart = table, None if holdout is None else _any_table(holdout, schema)
    if apart is None and split is not None and split.share > 0:
        held_out = np.concatenate([held for _, _, held in split.blocks(table)])
        train, apart = Part(table, ~held_out), Part(table, held_out)
    sets = (train, apart, _any_table(synthetic, schema))
    real, other, generated = (None if each is None else Dataset({table.name: each}) for each in sets)
    assert real is not None
    assert generated is not None
    return Extracts.of(schema, real, other, generated)


def _likelihood(made: SingleTable, comparison: Comparison, sheets: Mapping[str, Sheet]) -> Likelihood:
    """What the model says of the real records."""
    patients = {
        "train": comparison.train.patient,
        "holdout": comparison.train.patient[:0] if comparison.holdout is None else comparison.holdout.patient,
    }

    def records(which: Side) -> tuple[pa.RecordBatch, NDArray[np.int64]]:
        columns = sheets[which].columns
        return pa.RecordBatch.from_arrays([*columns.values()], names=[*columns]), patients[which]

    return Likelihood(
        lambda which, rows: made.log_prob(*records(which), rows),
        lambda which, rows: made.occurrences(*records(which), rows),
        columns_of(made.told_domains),
    )


def _any_table(data: Data, schema: Schema) -> Table:
    """A table of some generator: in the schema's dialect, or in its own.

    Raises:
        InputError: it cannot be read in either, or has no column of the schema; told as of the schema's dialect, which
            is what the user means the table to be in.
    """
    try:
        return only_table(dataset_of(data, schema))
    except InputError as error:
        # Other columns or another dialect than the original's; what the comparison needs is checked there.
        try:
            table = only_table(dataset_of(data, None))
        except InputError:
            raise error from None
        if not set(table.columns) & {name for config in schema.tables.values() for name in config.columns}:
            raise
        return table


def _require_other_patients(real: Sheet, holdout: Sheet, config: TableConfig) -> None:
    """A holdout that shares patients with the training data would make any generator look safe."""
    name = config.patient
    if name is None or name not in holdout.columns:
        return
    known, apart = (
        {text.strip() for text in sheet.columns[name].cast(pa.string()).unique().to_pylist()}
        - {"", *config.missing_in(name)}
        for sheet in (real, holdout)
    )
    if shared := len(known & apart):
        raise InputError(
            f"{holdout.source}: {shared} of its {len(apart)} patients are in {real.source} too; "
            "a holdout has other patients: take them out of one of the two files"
        )
