"""Generated records as values: made anew at each iteration, always the same."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import pyarrow as pa

from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.artifact.single import SingleTable
from synthgen.progress import Progress, silent
from synthgen.relational.asked.condition import Condition, parse
from synthgen.relational.extract import BLOCK
from synthgen.schema.column import Integer, Number
from synthgen.tables.arrow import from_text
from synthgen.tables.dataset import Dataset
from synthgen.tables.spool import spooled

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Sample:
    """Generated rows of one table, batch by batch.

    Attributes:
        columns: of every batch.
        types: Arrow types for typed output; empty for text.
    """

    synthesizer: SingleTable
    n: int
    seed: int
    where: tuple[str, ...]
    balance: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.synthesizer.columns

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        return {name: kind for name, kind in self.synthesizer.types.items() if name in self.columns}

    @property
    def _conditions(self) -> list[Condition]:
        columns, dialect = self.synthesizer.config.columns, self.synthesizer.schema.format
        marked = ((Number,) if dialect.decimal == "," else ()) + ((Number, Integer) if dialect.thousands == "," else ())
        read = partial(
            parse,
            table=self.synthesizer.table,
            columns=tuple(columns),
            semicolons=dialect.decimal == ",",
            with_commas={name for name, column in columns.items() if isinstance(column, marked)},
        )
        return [read(text) for text in self.where]

    def __iter__(self) -> Generator[pa.RecordBatch]:
        yield from self.synthesizer.blocks(self.n, seed=self.seed, conditions=self._conditions, balance=self.balance)

    def effective_share(self) -> float:
        """How many independent rows each row is worth: 1 where the conditions are drawn from exactly."""
        return self.synthesizer.effective_share(self._conditions, seed=self.seed) if self.where else 1.0

    def to_pandas(self) -> pd.DataFrame:
        """All rows as a DataFrame of text cells, typed where the source was typed."""
        return _frame(list(self), self.columns, self.types)


@dataclass(frozen=True, eq=False)
class ExtractSample:
    """Generated tables of an extract, some patients at a time.

    Attributes:
        n: how many patients.
    """

    synthesizer: ExtractSynthesizer
    n: int
    seed: int
    where: tuple[str, ...] = ()
    balance: tuple[str, ...] = ()

    def __iter__(self) -> Iterator[Mapping[str, pa.RecordBatch]]:
        yield from self.synthesizer.extract.blocks(self.n, seed=self.seed, where=self.where, balance=self.balance)

    @contextmanager
    def tables(self, progress: Progress = silent) -> Iterator[Dataset]:
        """All tables, to be written or read while the ``with`` lasts; they are kept in temporary files."""
        made = self.synthesizer
        with spooled(self._counted(progress), made.written, made.formats, made.types) as dataset:
            yield dataset

    def to_pandas(self) -> dict[str, pd.DataFrame]:
        """All tables as DataFrames of text cells, typed where their sources were typed."""
        written = self.synthesizer.written
        parts: dict[str, list[pa.RecordBatch]] = {name: [] for name in written}
        for block in self:
            for name, batch in block.items():
                parts[name].append(batch)
        types = self.synthesizer.types
        return {name: _frame(batches, written[name], types.get(name, {})) for name, batches in parts.items()}

    def _counted(self, progress: Progress) -> Iterator[Mapping[str, pa.RecordBatch]]:
        for number, block in enumerate(self):  # the first one has the tables of no patient
            yield block
            progress("sampling", min(number * BLOCK / self.n, 1.0))


def _frame(batches: list[pa.RecordBatch], columns: tuple[str, ...], types: Mapping[str, pa.DataType]) -> pd.DataFrame:
    whole = pa.Table.from_batches(batches) if batches else pa.table({name: [] for name in columns})
    cells = {name: whole.column(name).cast(pa.string()) for name in columns}
    cells |= {
        name: from_text(whole.column(name).unify_dictionaries().combine_chunks(), kind)
        for name, kind in types.items()
        if name in columns
    }
    frame: pd.DataFrame = pa.table(cells).to_pandas()
    return frame
