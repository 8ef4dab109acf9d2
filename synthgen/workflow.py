"""The verbs as functions: fit and sample. The command line and the library both call these."""

from __future__ import annotations

import importlib.metadata
import os
import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pyarrow as pa

from synthgen import inference, plugins
from synthgen.artifact.synthesizer import Synthesizer
from synthgen.errors import InputError, SynthgenError
from synthgen.inputs import Data, dataset_of, drawn_seed, only_table, split_path
from synthgen.metrics.judging import require_known
from synthgen.progress import Progress, silent
from synthgen.relational.codec import Plan
from synthgen.relational.condition import Condition, parse
from synthgen.relational.flat import learn
from synthgen.schema import load as schema_file
from synthgen.schema.column import Category, Code, Integer, Number
from synthgen.schema.config import ModelConfig, Schema
from synthgen.tables.arrow import is_text, plain
from synthgen.tables.dataset import Table
from synthgen.tables.split import Split

if TYPE_CHECKING:
    import pandas as pd

#: The libraries whose versions shape what is generated.
_RECORDED: Final = ("numpy", "scipy", "pyarrow", "torch")
#: What the config says of tables and their links, and no model honours yet.
_BETWEEN_TABLES: Final = ("parent", "foreign_keys", "order", "reference")


@dataclass(frozen=True, eq=False)
class Fit:
    """What ``fit`` gives.

    Attributes:
        synthesizer: may be exported.
        split: personal data; stays with the source.
        notes: what was inferred, a line each; empty where a config was given.
    """

    synthesizer: Synthesizer
    split: Split
    notes: tuple[str, ...]

    def save(self, path: Path | str) -> None:
        """Write the synthesizer to ``path`` and its split beside it: both appear, each whole, or neither.

        Raises:
            InputError: the parent of ``path`` does not exist, or ``path`` is a folder.
            SynthgenError: the disk refused.
        """
        path = Path(path)
        if not path.parent.is_dir():
            raise InputError(f"{path}: the folder {path.parent} does not exist; make it first")
        if path.is_dir():
            raise InputError(f"{path}: is a folder; name a file")
        try:
            with tempfile.TemporaryDirectory(prefix=".synthgen-", dir=path.parent) as beside:
                model = Path(beside) / path.name
                self.split.save(split_path(model))
                self.synthesizer.save(model)
                os.replace(split_path(model), split_path(path))
                try:
                    os.replace(model, path)
                except BaseException:
                    split_path(path).unlink()
                    raise
        except OSError as error:
            raise SynthgenError(
                f"{path}: could not be written ({error.strerror}); mend that, or name another"
            ) from error


def fit(
    data: Data,
    schema: Schema | Path | str | None = None,
    *,
    model: str | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> Fit:
    """Learn a synthesizer from an extract.

    Args:
        data: a file, a DataFrame, or a data set.
        schema: a config or its path; inferred from the data where left out.
        model: the name of a model, instead of the config's, with its default options.
        seed: drawn where left out; the same seed and data give the same synthesizer.

    Raises:
        InputError: the data or the config are wrong, or contradict each other.
    """
    seed = drawn_seed(seed)
    chosen = None if model is None else ModelConfig.model_validate(_model(model))
    table, schema, notes = _table_and_schema(data, schema)
    if chosen is not None:
        schema = schema.model_copy(update={"model": chosen})
    if table.types:
        # The config's dialect is that of text files; the cells of a typed table are written in its own.
        schema = _for_types(schema.model_copy(update={"format": table.format}), table)
    require_known(schema.evaluation.policy)
    config = schema.tables[table.name]
    plan = Plan(config, schema.format)
    split = Split.draw(table, share=schema.holdout, patient=config.patient, seed=seed)
    flat = learn(
        table, plan, split, schema.model.build, rare_below=schema.privacy.rare_below, seed=seed, progress=progress
    )
    versions = {"synthgen": importlib.metadata.version("synthgen")} | {
        name: importlib.metadata.version(name) for name in _RECORDED
    }
    return Fit(Synthesizer(schema, table.name, dict(table.types), seed, versions, flat), split, notes)


@dataclass(frozen=True, eq=False)
class Sample:
    """Generated rows, batch by batch; made anew at each iteration, always the same.

    Attributes:
        columns: of every batch.
        types: Arrow types for typed output; empty for text.
    """

    synthesizer: Synthesizer
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
        columns, dialect = self.synthesizer.flat.codec.plan.config.columns, self.synthesizer.schema.format
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
        yield from self.synthesizer.flat.blocks(
            self.n, seed=self.seed, conditions=self._conditions, balance=self.balance
        )

    def effective_share(self) -> float:
        """How many independent rows each row is worth: 1 where the conditions are drawn from exactly."""
        return self.synthesizer.flat.effective_share(self._conditions, seed=self.seed) if self.where else 1.0

    def to_pandas(self) -> pd.DataFrame:
        """All rows as a DataFrame of text cells, typed where the source was typed."""
        from synthgen.tables.arrow import from_text

        batches = list(self)
        whole = pa.Table.from_batches(batches) if batches else pa.table({name: [] for name in self.columns})
        columns = {name: whole.column(name).cast(pa.string()) for name in self.columns}
        columns |= {name: from_text(_one(whole.column(name)), kind) for name, kind in self.types.items()}
        frame: pd.DataFrame = pa.table(columns).to_pandas()
        return frame


def _one(column: pa.ChunkedArray) -> pa.Array:
    return column.unify_dictionaries().combine_chunks()


def sample(
    synthesizer: Synthesizer,
    n: int,
    *,
    seed: int | None = None,
    where: Sequence[str] = (),
    balance: Sequence[str] = (),
) -> Sample:
    """The first ``n`` rows that a seed generates, in which every ``where`` condition holds.

    Args:
        balance: columns whose combinations of levels are made equally frequent among patients; what follows from them
            stays as learned.

    Raises:
        InputError: ``n`` is below 1; while iterating: a condition that makes no sense or has no support.
    """
    if n < 1:
        raise InputError(f"-n {n}: expected at least 1 row")
    return Sample(synthesizer, n, drawn_seed(seed), tuple(where), tuple(balance))


def schema_of(data: Data, schema: Schema | Path | str | None = None) -> tuple[Schema, tuple[str, ...]]:
    """The schema, read from its path or inferred from the data; and what was inferred, a line each.

    Raises:
        InputError: the data or the config cannot be read.
    """
    _, found, notes = _table_and_schema(data, schema)
    return found, notes


def _model(name: str) -> dict[str, str]:
    known = plugins.models()
    if name not in known:
        raise InputError(f"--model {name}: there is no such model; known models: {', '.join(known)}")
    return {"name": name}


def _table_and_schema(data: Data, schema: Schema | Path | str | None) -> tuple[Table, Schema, tuple[str, ...]]:
    if isinstance(schema, Path | str):
        schema = schema_file.load(Path(schema))
    if schema is not None:
        _require_one_flat_table(schema)
    table = only_table(dataset_of(data, schema))
    if schema is None:
        inferred = inference.infer(table)
        notes = tuple(f"{note.column}: {note.text}" if note.column else note.text for note in inferred.notes)
        return table, inferred.schema, notes
    return table, schema, ()


def _require_one_flat_table(schema: Schema) -> None:
    """Refuse what a config may say of tables and their links and no model honours yet."""
    if len(schema.tables) > 1:
        raise InputError(
            f"the config has {len(schema.tables)} tables ({', '.join(schema.tables)}), which `init` reads and this "
            "version cannot learn; give a config and a file of one"
        )
    for name, table in schema.tables.items():
        if found := [key for key in _BETWEEN_TABLES if key in table.model_dump(exclude_defaults=True)]:
            raise InputError(f"tables.{name}: this version cannot learn with {' and '.join(found)}; remove it")


def _for_types(schema: Schema, table: Table) -> Schema:
    """The schema of a typed table: where a column's type has no text for merged rare levels, they are given up."""
    config = schema.tables[table.name]
    columns = {
        name: column.model_copy(update={"other": None})
        if isinstance(column, Category | Code) and not is_text(plain(table.types[name]))
        else column
        for name, column in config.columns.items()
    }
    return schema.model_copy(update={"tables": {table.name: config.model_copy(update={"columns": columns})}})
