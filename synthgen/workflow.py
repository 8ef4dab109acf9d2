"""The verbs as functions: fit and sample. The command line and the library both call these."""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, overload

import pyarrow as pa

from synthgen import inference, plugins
from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.artifact.ordered import OrderedSynthesizer
from synthgen.artifact.single import SingleTable
from synthgen.artifact.synthesizer import Synthesizer
from synthgen.artifact.table import TableSynthesizer
from synthgen.artifact.types import kept_type
from synthgen.errors import InputError, SynthgenError
from synthgen.generated import ExtractSample, Sample
from synthgen.inputs import Data, drawn_seed, inferred, only_table, split_path
from synthgen.progress import Progress, silent
from synthgen.relational.codec import Plan
from synthgen.relational.flat.apart import Apart
from synthgen.relational.flat.learning import learn
from synthgen.relational.learning import learn as learn_extract
from synthgen.schema.column import Category, Code, Column
from synthgen.schema.config import ModelConfig, Policy, Schema
from synthgen.schema.table import TableConfig
from synthgen.tables.arrow import is_text, plain
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.split import Split
from synthgen.tables.write import put

#: The libraries whose versions shape what is generated.
_RECORDED: Final = ("numpy", "scipy", "pyarrow", "torch")
#: What the config says of tables and their links.
_BETWEEN_TABLES: Final = ("parent", "foreign_keys", "reference")


@dataclass(frozen=True, eq=False)
class Fit:
    """What ``fit`` gives.

    Attributes:
        synthesizer: may be exported.
        split: personal data; stays with the source.
        notes: what was inferred, a line each; empty where a config was given.
        rules: how often real rows break each rule of the config, a line each.
        doubts: what of the data deserves a word, a line each; where no config was given, among the notes.
    """

    synthesizer: Synthesizer
    split: Split
    notes: tuple[str, ...]
    rules: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()

    def save(self, path: Path | str) -> None:
        """Write the synthesizer to ``path`` and its split beside it: both appear, each whole, or neither.

        Where they cannot, a model that is there already stays, with its split.

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
                put([split_path(model), model], path.parent)
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
    stated = schema is not None
    dataset, schema, notes = inferred(data, schema)
    if chosen is not None:
        schema = schema.model_copy(update={"model": chosen})
    if schema.evaluation.policy != Policy():
        # Nothing else of fitting needs the measures, which take a second to load.
        from synthgen.metrics.judging import require_known

        require_known(schema.evaluation.policy)
    learned = _fit_extract if len(schema.tables) > 1 else _fit_table
    synthesizer, split = learned(dataset, schema, seed, progress)
    found = inference.doubts(dataset, schema) if stated else {}
    doubts = tuple(f"{dataset.tables[name].source}: {text}" for name, texts in found.items() for text in texts)
    return Fit(synthesizer, split, notes, synthesizer.rules, doubts)


def _fit_table(dataset: Dataset, schema: Schema, seed: int, progress: Progress) -> tuple[SingleTable, Split]:
    table = only_table(dataset)
    _require_flat(schema)
    if table.types:
        # The config's dialect is that of text files; the cells of a typed table are written in its own.
        schema = _for_types(schema.model_copy(update={"format": table.format}), dataset)
    config = schema.tables[table.name]
    plan = Plan(config, schema.format)
    missing = () if config.patient is None else config.missing_in(config.patient)
    split = Split.draw(table, share=schema.holdout, patient=config.patient, missing=missing, seed=seed)
    if config.order is not None and config.patient is not None:
        return _fit_ordered(table, schema, split, seed, progress), split
    flat = learn(
        table, plan, split, schema.model.build, rare_below=schema.privacy.rare_below, seed=seed, progress=progress
    )
    return TableSynthesizer(schema, seed, _versions(), table.name, _kept(table), flat), split


def _fit_ordered(table: Table, schema: Schema, split: Split, seed: int, progress: Progress) -> OrderedSynthesizer:
    apart = Apart.of(table, schema, split)
    inner = _learned(apart.parted(table), apart.two, split, seed, progress)
    writers = apart.writers(table, split)
    return OrderedSynthesizer(schema, seed, inner.versions, table.name, _kept(table), apart, inner, writers)


def _fit_extract(dataset: Dataset, schema: Schema, seed: int, progress: Progress) -> tuple[ExtractSynthesizer, Split]:
    if lacking := [name for name in schema.tables if name not in dataset.tables]:
        raise InputError(f"{dataset.source}: has no {', '.join(lacking)}, which the config declares; name the folder")
    schema = _for_types(schema, dataset)
    split = Split.draw(dataset, share=schema.holdout, patient=None, seed=seed)
    return _learned(dataset, schema, split, seed, progress), split


def _learned(dataset: Dataset, schema: Schema, split: Split, seed: int, progress: Progress) -> ExtractSynthesizer:
    extract = learn_extract(dataset, schema, split, schema.model.build, seed=seed, progress=progress)
    tables = {name: dataset.tables[name] for name in schema.tables}
    types = {name: _kept(table) for name, table in tables.items() if table.types}
    formats = {name: table.format if table.types else schema.format_of(name) for name, table in tables.items()}
    return ExtractSynthesizer(schema, seed, _versions(), types, formats, extract)


def _kept(table: Table) -> dict[str, pa.DataType]:
    return {name: kept_type(kind) for name, kind in table.types.items()}


def _versions() -> dict[str, str]:
    return {name: importlib.metadata.version(name) for name in ("synthgen", *_RECORDED)}


@overload
def sample(
    synthesizer: SingleTable,
    n: int,
    *,
    seed: int | None = None,
    where: Sequence[str] = (),
    balance: Sequence[str] = (),
) -> Sample: ...


@overload
def sample(
    synthesizer: Synthesizer,
    n: int,
    *,
    seed: int | None = None,
    where: Sequence[str] = (),
    balance: Sequence[str] = (),
) -> Sample | ExtractSample: ...


def sample(
    synthesizer: Synthesizer,
    n: int,
    *,
    seed: int | None = None,
    where: Sequence[str] = (),
    balance: Sequence[str] = (),
) -> Sample | ExtractSample:
    """The first ``n`` rows of a table, or all rows of the first ``n`` patients of several, that a seed generates.

    Args:
        where: conditions that hold in every row; of several tables, on patients and on tables of no patient.
        balance: columns whose combinations of levels are made equally frequent among patients; what follows from them
            stays as learned.

    Raises:
        InputError: ``n`` is below 1; while iterating: a condition that makes no sense or has no support.
    """
    if n < 1:
        raise InputError(f"-n {n}: expected at least 1")
    seed = drawn_seed(seed)
    if isinstance(synthesizer, SingleTable):
        return Sample(synthesizer, n, seed, tuple(where), tuple(balance))
    assert isinstance(synthesizer, ExtractSynthesizer)
    return ExtractSample(synthesizer, n, seed, tuple(where), tuple(balance))


def schema_of(data: Data, schema: Schema | Path | str | None = None) -> tuple[Schema, tuple[str, ...]]:
    """The schema, read from its path or inferred from the data; and what was inferred, a line each.

    Raises:
        InputError: the data or the config cannot be read.
    """
    _, found, notes = inferred(data, schema)
    return found, notes


def _model(name: str) -> dict[str, str]:
    known = plugins.models()
    if name not in known:
        raise InputError(f"--model {name}: there is no such model; known models: {', '.join(known)}")
    return {"name": name}


def _require_flat(schema: Schema) -> None:
    """Refuse what a config may say of tables and their links where there is one table."""
    for name, table in schema.tables.items():
        if found := [key for key in _BETWEEN_TABLES if key in table.model_dump(exclude_defaults=True)]:
            raise InputError(f"tables.{name}: {' and '.join(found)} is for extracts of several tables; remove it")


def _for_types(schema: Schema, dataset: Dataset) -> Schema:
    """The schema of typed tables: where a column's type has no text for merged rare levels, they are given up."""
    tables = {
        name: config.model_copy(update={"columns": _for_typed(config, dataset.tables[name].types)})
        for name, config in schema.tables.items()
    }
    return schema.model_copy(update={"tables": tables})


def _for_typed(config: TableConfig, types: Mapping[str, pa.DataType]) -> dict[str, Column]:
    return {
        name: column.model_copy(update={"other": None})
        if isinstance(column, Category | Code) and name in types and not is_text(plain(types[name]))
        else column
        for name, column in config.columns.items()
    }
