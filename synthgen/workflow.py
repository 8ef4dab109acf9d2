"""The verbs as functions: fit, sample, evaluate. The command line and the library both call these."""

from __future__ import annotations

import importlib.metadata
import os
import secrets
import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeAlias, Union

import numpy as np
import pyarrow as pa

from synthgen import inference, plugins
from synthgen.artifact.synthesizer import Synthesizer
from synthgen.errors import InputError, SynthgenError
from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.prepare import Sheet, compare
from synthgen.metrics.result import Evaluation, Metric, Verdict
from synthgen.metrics.verdicts import family_wise
from synthgen.progress import Progress, silent
from synthgen.relational.codec import Plan
from synthgen.relational.condition import parse
from synthgen.relational.flat import learn
from synthgen.schema import load as schema_file
from synthgen.schema.column import Category, Code
from synthgen.schema.config import ModelConfig, Schema
from synthgen.schema.table import TableConfig
from synthgen.tables.arrow import is_text, plain
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.memory import MemoryTable
from synthgen.tables.read import read
from synthgen.tables.split import Split

if TYPE_CHECKING:
    import pandas as pd

#: A path, a DataFrame, or tables that were read already.
Data: TypeAlias = Union[Path, str, "pd.DataFrame", Dataset]

#: The libraries whose versions shape what is generated.
_RECORDED: Final = ("numpy", "scipy", "pyarrow", "torch")
#: What the config says of tables and their links, and no model honours yet.
_BETWEEN_TABLES: Final = ("parent", "foreign_keys", "order", "reference")
#: The order in which measures run and are told.
_ORDER: Final = (
    "accuracy",
    "c2st",
    "tstr",
    "association",
    "missingness",
    "marginals",
    "nearest_neighbour_share",
    "exact_copies",
    "rare_values_leaked",
    "distances",
)


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
    _require_known_lines(schema)
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

    @property
    def columns(self) -> tuple[str, ...]:
        return self.synthesizer.columns

    @property
    def types(self) -> Mapping[str, pa.DataType]:
        return {name: kind for name, kind in self.synthesizer.types.items() if name in self.columns}

    def __iter__(self) -> Generator[pa.RecordBatch]:
        flat = self.synthesizer.flat
        learned = tuple(flat.codec.plan.config.columns)
        conditions = [parse(text, table=self.synthesizer.table, columns=learned) for text in self.where]
        yield from flat.blocks(self.n, seed=self.seed, conditions=conditions)

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


def sample(synthesizer: Synthesizer, n: int, *, seed: int | None = None, where: Sequence[str] = ()) -> Sample:
    """The first ``n`` rows that a seed generates, in which every ``where`` condition holds.

    Raises:
        InputError: ``n`` is below 1; while iterating: a condition that makes no sense or has no support.
    """
    if n < 1:
        raise InputError(f"-n {n}: expected at least 1 row")
    return Sample(synthesizer, n, drawn_seed(seed), tuple(where))


def evaluate(
    synthetic: Data,
    real: Data,
    *,
    holdout: Data | None = None,
    model: Path | str | None = None,
    schema: Schema | Path | str | None = None,
    seed: int | None = None,
    progress: Progress = silent,
) -> Evaluation:
    """Judge synthetic records of any generator against the real ones.

    Args:
        real: the data that the generator learned from; with ``model``, the file given to ``fit``, whose holdout is
            found again through ``MODEL.split``.
        holdout: real records of other patients that the generator never saw, instead.
        model: the path of a fitted synthesizer; its schema is used.
        schema: a config; inferred from ``real`` where neither it nor ``model`` is given.

    Raises:
        InputError: files or columns are missing, or ``real`` is not what the model was fitted on.
    """
    seed = drawn_seed(seed)
    split = None
    if model is not None:
        if schema is not None:
            raise InputError("-m and -c both name a schema; give one of them")
        schema = Synthesizer.load(Path(model)).schema
        split = Split.load(split_path(Path(model))) if holdout is None else None
    table, schema, _ = _table_and_schema(real, schema)
    _require_known_lines(schema)
    config = schema.tables[table.name]
    # Opened before anything long is done, so that a wrong path is told at once.
    generated = _any_table(synthetic, schema)
    others = None if holdout is None else _any_table(holdout, schema)
    whole = Sheet.of(table, schema.format)
    train, apart = whole, None
    if others is not None:
        apart = Sheet.of(others, schema.format)
        _require_other_patients(whole, apart, config)
    elif split is not None and split.share > 0:
        split.require_same_input(table)
        held_out = np.concatenate([held for _, _, held in split.blocks(table)])
        train, apart = whole.rows(~held_out), whole.rows(held_out)
    comparison = compare(
        config,
        table=table.name,
        train=train,
        holdout=apart,
        synthetic=Sheet.of(generated, schema.format),
        rare_below=schema.privacy.rare_below,
    )
    _require_readable(comparison, generated.source)
    metrics: list[Metric] = []
    verdicts: list[Verdict] = []
    found = plugins.metrics()
    names = [name for name in _ORDER if name in found] + [name for name in found if name not in _ORDER]
    for done, name in enumerate(names):
        progress(name.replace("_", " "), done / len(names))
        measure = plugins.load_metric(name)()
        # Each measure has its own stream, so that one more measure changes no other's figures.
        own = measure.measure(comparison, rng=np.random.default_rng([seed, *name.encode()]))
        metrics.extend(own)
        verdicts.extend(measure.judge(own, comparison))
    progress("evaluation", 1.0)
    sets = {"train": comparison.train, "holdout": comparison.holdout, "synthetic": comparison.synthetic}
    inputs: dict[str, Any] = {name: None if records is None else records.sizes for name, records in sets.items()}
    inputs |= {"table": table.name, "rare_below": schema.privacy.rare_below, "unit": config.patient or "row"}
    return Evaluation(
        seed=seed,
        synthgen=importlib.metadata.version("synthgen"),
        inputs=inputs,
        verdicts=family_wise(verdicts),
        metrics=tuple(metrics),
        required=schema.evaluation.policy.required,
    )


def refusals(evaluation: Evaluation) -> tuple[str, ...]:
    """Why a gate refuses, a line each; empty where it lets the release pass.

    A line that found a leak or failed refuses, and so does one that the policy requires but that was not assessable
    or is not there.
    """
    found = [line for line in evaluation.verdicts if line.verdict in ("leak", "fail")]
    reasons = [f"{line.name}: {line.verdict}; {line.detail}" for line in found]
    assessed = {line.name for line in evaluation.verdicts if line.verdict != "not_assessable"}
    missing = [f"{name}: required, but not assessable" for name in evaluation.required if name not in assessed]
    return (*reasons, *missing)


def drawn_seed(seed: int | None) -> int:
    """The seed, or a fresh one."""
    return secrets.randbelow(2**31) if seed is None else seed


def split_path(model: Path) -> Path:
    """Where the split of a model stands."""
    return model.with_name(model.name + ".split")


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
    table = _only_table(_dataset(data, schema))
    if schema is None:
        inferred = inference.infer(table)
        notes = tuple(f"{note.column}: {note.text}" if note.column else note.text for note in inferred.notes)
        return table, inferred.schema, notes
    return table, schema, ()


def _dataset(data: Data, schema: Schema | None) -> Dataset:
    if isinstance(data, Dataset):
        return data
    if isinstance(data, Path | str):
        return read(Path(data), schema=schema)
    name = next(iter(schema.tables)) if schema is not None else "table"
    return Dataset({name: MemoryTable.from_pandas(data, name)})


def _any_table(data: Data, schema: Schema) -> Table:
    """A table of some generator: in the schema's dialect, or in its own."""
    try:
        return _only_table(_dataset(data, schema))
    except InputError:
        # Other columns or another dialect than the original's; what the comparison needs is checked there.
        return _only_table(_dataset(data, None))


def _only_table(dataset: Dataset) -> Table:
    if len(dataset.tables) != 1:
        sources = ", ".join(table.source for table in dataset.tables.values())
        raise InputError(f"found {len(dataset.tables)} tables ({sources}); this version handles one: name one file")
    (table,) = dataset.tables.values()
    return table


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


def _require_readable(comparison: Comparison, source: str) -> None:
    """Refuse numbers and dates that are written in another way: compared as they stand, they would all be wrong."""
    unread = [
        variable.name
        for variable in comparison.variables
        if variable.kind == "numeric"
        and (comparison.train.codes[variable.name] == 0).any()
        and (comparison.synthetic.codes[variable.name] > 0).any()
        and not (comparison.synthetic.codes[variable.name] == 0).any()
    ]
    if unread:
        raise InputError(
            f"{source}: no cell of {', '.join(unread)} reads as the number or date that the config declares; "
            "write them as the real data do"
        )


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


def _require_known_lines(schema: Schema) -> None:
    """Refuse a policy that asks for verdict lines which no measure tells."""
    required = schema.evaluation.policy.required
    if not required:
        return
    known = [name for name in plugins.metrics() if plugins.load_metric(name).judge is not Measure.judge]
    unknown = [name for name in required if name not in known]
    if unknown:
        raise InputError(
            f"evaluation.policy.required: there is no verdict line {', '.join(unknown)}; lines: {', '.join(known)}"
        )
