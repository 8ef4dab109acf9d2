"""The verbs as functions: fit, sample, evaluate. The command line and the library both call these."""

from __future__ import annotations

import importlib.metadata
import os
import secrets
import tempfile
from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, Union

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen import inference, plugins
from synthgen.artifact.synthesizer import Synthesizer
from synthgen.errors import InputError, SynthgenError
from synthgen.metrics.base import Comparison, LogLikelihood, Measure, Variable
from synthgen.metrics.judging import judged, measures, require_known
from synthgen.metrics.known_answers import known_answers
from synthgen.metrics.prepare import Sheet, compare
from synthgen.metrics.result import Evaluation, Verdict
from synthgen.progress import Progress, silent
from synthgen.relational.codec import Plan
from synthgen.relational.condition import Condition, parse
from synthgen.relational.flat import learn
from synthgen.relational.rules import told
from synthgen.schema import load as schema_file
from synthgen.schema.column import Category, Code, Integer, Number
from synthgen.schema.config import ModelConfig, Policy, Schema
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
#: So many records with a label make it common: were it written alike in many synthetic records, it would be among them.
_COMMON: Final = 20
#: What the config says of tables and their links, and no model honours yet.
_BETWEEN_TABLES: Final = ("parent", "foreign_keys", "order", "reference")


@dataclass(frozen=True, eq=False)
class Fit:
    """What ``fit`` gives.

    Attributes:
        synthesizer: may be exported.
        split: personal data; stays with the source.
        notes: what was inferred, a line each; empty where a config was given.
        rules: how often real rows break each rule of the config, a line each.
    """

    synthesizer: Synthesizer
    split: Split
    notes: tuple[str, ...]
    rules: tuple[str, ...] = ()

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
    rules = tuple(told(config.rules, flat.rates))
    return Fit(Synthesizer(schema, table.name, dict(table.types), seed, versions, flat), split, notes, rules)


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


def evaluate(
    synthetic: Data,
    real: Data,
    *,
    holdout: Data | None = None,
    model: Path | str | None = None,
    schema: Schema | Path | str | None = None,
    seed: int | None = None,
    quick: bool = False,
    self_test: bool = False,
    progress: Progress = silent,
) -> Evaluation:
    """Judge synthetic records of any generator against the real ones.

    Args:
        real: the data that the generator learned from; with ``model``, the file given to ``fit``, whose holdout is
            found again through ``MODEL.split``.
        holdout: real records of other patients that the generator never saw, instead.
        model: the path of a fitted synthesizer; its schema is used.
        schema: a config; inferred from ``real`` where neither it nor ``model`` is given.
        quick: leave out the measures that take long.
        self_test: also put generators whose faults are known in the place of the synthetic records, and compare what
            is said of them with what has to be said.

    Raises:
        InputError: files or columns are missing, or ``real`` is not what the model was fitted on.
    """
    seed = drawn_seed(seed)
    split, synthesizer = None, None
    if model is not None:
        if schema is not None:
            raise InputError("-m and -c both name a schema; give one of them")
        synthesizer = Synthesizer.look(Path(model))
        schema = synthesizer.schema
        split = Split.load(split_path(Path(model))) if holdout is None else None
    table, schema, _ = _table_and_schema(real, schema)
    policy = schema.evaluation.policy
    chosen = measures(policy, quick=quick)
    comparison, inputs = _compared(synthetic, table, holdout, split, schema, synthesizer)
    metrics, verdicts = judged(chosen, comparison, seed=seed, progress=progress)
    return Evaluation(
        seed=seed,
        synthgen=importlib.metadata.version("synthgen"),
        inputs=inputs | _settings(policy, chosen, quick=quick),
        verdicts=verdicts,
        metrics=metrics,
        required=policy.required,
        self_test=known_answers(comparison, chosen, seed=seed, progress=progress) if self_test else (),
    )


def _compared(
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
    whole = Sheet.of(table, schema.format)
    train, apart = whole, None
    if others is not None:
        apart = Sheet.of(others, schema.format)
        _require_other_patients(whole, apart, config)
    elif split is not None and split.share > 0:
        split.require_same_input(table)
        held_out = np.concatenate([held for _, _, held in split.blocks(table)])
        train, apart = whole.rows(~held_out), whole.rows(held_out)
    shown = Sheet.of(generated, schema.format)
    comparison = compare(
        config, table=table.name, train=train, holdout=apart, synthetic=shown, rare_below=schema.privacy.rare_below
    )
    _require_readable(comparison, generated.source)
    # A holdout from another file may be written in another way than the model reads.
    if split is not None and synthesizer is not None and apart is not None and synthesizer.flat.likelihood:
        comparison = comparison.told_by(_log_likelihood(synthesizer, comparison, {"train": train, "holdout": apart}))
    sets = {"train": comparison.train, "holdout": comparison.holdout, "synthetic": comparison.synthetic}
    inputs: dict[str, Any] = {name: None if records is None else records.sizes for name, records in sets.items()}
    compared = {variable.name.partition("[")[0] for variable in comparison.variables}
    inputs |= {
        "table": table.name,
        "unit": config.patient or "row",
        "rare_below": schema.privacy.rare_below,
        "columns_not_compared": [name for name in config.columns if name not in compared],
        "columns_only_in_synthetic": [name for name in shown.columns if name not in config.columns],
    }
    return comparison, inputs


def _settings(policy: Policy, chosen: Mapping[str, Measure], *, quick: bool) -> dict[str, Any]:
    """What was asked for: with seed and versions, all that another run needs to say the same."""
    limits = {name: limit for name, measure in chosen.items() if (limit := getattr(measure, "limit", None)) is not None}
    left_out = [name for name in plugins.metrics() if name not in chosen]
    return {
        "mode": "quick" if quick else "full",
        "not_run": left_out,
        "policy": {"required": list(policy.required), "limits": limits},
    }


def _log_likelihood(synthesizer: Synthesizer, comparison: Comparison, sheets: Mapping[str, Sheet]) -> LogLikelihood:
    """How probable the model finds the real records; what asks is a measure, which knows no model."""
    patients = {
        "train": comparison.train.patient,
        "holdout": comparison.train.patient[:0] if comparison.holdout is None else comparison.holdout.patient,
    }

    def of(which: Literal["train", "holdout"], rows: NDArray[np.int64]) -> NDArray[np.float64]:
        columns = sheets[which].columns
        block = pa.RecordBatch.from_arrays([*columns.values()], names=[*columns])
        return synthesizer.flat.log_prob(block, patients[which], rows)

    return of


def refusals(evaluation: Evaluation) -> tuple[str, ...]:
    """Why a gate refuses, a line each; empty where it lets the release pass.

    A line that found a leak or failed refuses, and so does one that the policy requires but that was not assessable
    or is not there.
    """
    found = [line for line in evaluation.verdicts if line.verdict in ("leak", "fail")]
    reasons = [f"{line.name}: {line.verdict}; {line.detail}" for line in found]
    told = {line.name: line for line in evaluation.verdicts}
    return (*reasons, *(_missing(name, told.get(name)) for name in evaluation.required if not _assessed(told, name)))


def _assessed(told: Mapping[str, Verdict], name: str) -> bool:
    return name in told and told[name].verdict != "not_assessable"


def _missing(name: str, line: Verdict | None) -> str:
    if line is None:
        return f"{name}: required, but not measured in this run"
    return f"{name}: required, but not assessable" + (f"; {line.detail}" if line.detail else "")


def schema_of(data: Data, schema: Schema | Path | str | None = None) -> tuple[Schema, tuple[str, ...]]:
    """The schema, read from its path or inferred from the data; and what was inferred, a line each.

    Raises:
        InputError: the data or the config cannot be read.
    """
    _, found, notes = _table_and_schema(data, schema)
    return found, notes


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
    """A table of some generator: in the schema's dialect, or in its own.

    Raises:
        InputError: it cannot be read in either, or has no column of the schema; told as of the schema's dialect, which
            is what the user means the table to be in.
    """
    try:
        return _only_table(_dataset(data, schema))
    except InputError as error:
        # Other columns or another dialect than the original's; what the comparison needs is checked there.
        try:
            table = _only_table(_dataset(data, None))
        except InputError:
            raise error from None
        if not set(table.columns) & {name for config in schema.tables.values() for name in config.columns}:
            raise
        return table


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
    """Refuse cells that are written in another way: compared as they stand, they would all be wrong."""
    unread = [variable.name for variable in comparison.variables if _unread(variable, comparison)]
    if unread:
        raise InputError(
            f"{source}: no cell of {', '.join(unread)} reads as the number or date that the config declares; "
            "write them as the real data do"
        )
    unknown = [variable.name for variable in comparison.variables if _unknown(variable, comparison)]
    if unknown:
        raise InputError(
            f"{source}: no value of {', '.join(unknown)} occurs in the real data; "
            "write values as the real data do (1 is not 1.0, and yes is not True)"
        )


def _unread(variable: Variable, comparison: Comparison) -> bool:
    real, synthetic = comparison.train.codes[variable.name], comparison.synthetic.codes[variable.name]
    has_numbers = variable.kind == "numeric" and bool((real == 0).any())
    return has_numbers and bool((synthetic > 0).any()) and not (synthetic == 0).any()


def _unknown(variable: Variable, comparison: Comparison) -> bool:
    """Whether all labels are foreign, though a real one is so common that no generator fails to know it."""
    if variable.kind == "numeric":
        return False
    real, synthetic = (
        np.bincount(codes[codes >= 0], minlength=len(variable.labels))
        for codes in (comparison.train.codes[variable.name], comparison.synthetic.codes[variable.name])
    )
    common = real.max(initial=0) >= _COMMON and synthetic.sum() >= _COMMON
    return bool(common and not synthetic[real > 0].any())


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
