"""Train CTGAN on Diabetes 130 with SDV and with ours, both at their defaults, in one process.

    python tests/benchmarks/ctgan_against_sdv.py [--data diabetic_data.csv.gz] [--steps 10] [--rows 10000] [--epochs 10]

Preparation and steps are timed on the whole training set, then training is broken off. On a shared machine threads wait
for each other: there `OMP_NUM_THREADS=1` and `--cpu` are fairer to both. Quality is compared at equal
epochs on a part of it, on which both finish. Needs SDV 2.0 and synthgen installed as for development
(`pip install -e ".[dev]"`); about eight minutes on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from synthgen import workflow
from synthgen.schema import load as schema_file
from synthgen.schema.column import Integer
from synthgen.schema.config import ModelConfig, Privacy, Schema
from synthgen.tables.dataset import Dataset
from synthgen.tables.memory import MemoryTable
from synthgen.tables.read import read
from synthgen.tables.write import write_table
from tests.benchmarks.clock import CONFIG, DIABETES, at_least, at_most, machine, table, timed
from tests.benchmarks.copula_against_sdv import IDS, LABEL, MISSING, Files, footing, quietly
from tests.benchmarks.quality import DEFINITIONS, Quality, judged

#: How much worse a figure may be and still be no worse: what one seed differs from another by.
NOISE = 0.01


class _EnoughError(Exception):
    """So many steps as were to be timed are done."""


@dataclass
class Stopwatch:
    """When each step of a training ended; breaks it off after ``steps`` of them and one to warm up."""

    steps: int
    clock: Callable[[], float]
    start: float = 0.0
    ends: list[float] = field(default_factory=list)

    def tick(self) -> None:
        self.ends.append(self.clock())
        if len(self.ends) > self.steps:
            raise _EnoughError

    @classmethod
    def of(cls, steps: int, clock: Callable[[], float], train: Callable[[Stopwatch], object]) -> Stopwatch:
        """Time a training that ticks at every step."""
        watch = cls(steps, clock, clock())
        try:
            train(watch)
        except _EnoughError:
            return watch
        raise SystemExit(f"training ended before {steps} steps; ask for fewer")

    @property
    def step(self) -> float:
        """Seconds of the median step."""
        return median(np.diff(self.ends).tolist())

    @property
    def preparation(self) -> float:
        """Seconds before the first step."""
        return self.ends[0] - self.start - self.step


def flat(schema: Schema) -> Schema:
    """The same config without patients: one model of all 48 columns, row by row, as SDV sees them."""
    ((name, config),) = schema.tables.items()
    return schema.model_copy(update={"tables": {name: config.model_copy(update={"patient": None})}})


def sdv_frame(path: Path) -> pd.DataFrame:
    """A file as our config says it: `?` is missing, the text None is a value."""
    return pd.read_csv(path, keep_default_na=False, na_values=[MISSING]).drop(columns=IDS)


def sdv_synthesizer(frame: pd.DataFrame, schema: Schema, **options: Any) -> Any:
    """SDV's CTGAN, told the same kinds as ours."""
    from sdv.metadata import Metadata
    from sdv.single_table import CTGANSynthesizer

    (config,) = schema.tables.values()
    metadata = Metadata.detect_from_dataframes({"encounters": frame})
    if metadata.tables["encounters"].primary_key is not None:
        metadata.remove_primary_key()
    for name in frame.columns:
        numeric = isinstance(config.columns[name], Integer)
        metadata.update_column(column_name=name, sdtype="numerical" if numeric else "categorical")
    return CTGANSynthesizer(metadata, **options)


def time_sdv(path: Path, schema: Schema, steps: int, clock: Callable[[], float]) -> Stopwatch:
    """SDV's preparation and steps; reading, describing and imports are not counted."""
    from ctgan.synthesizers import ctgan

    frame = sdv_frame(path)
    synthesizer = sdv_synthesizer(frame, schema)
    loss = ctgan.CTGAN._cond_loss  # computed once in a step

    def train(watch: Stopwatch) -> None:
        def ticking(*arguments: Any) -> Any:
            watch.tick()
            return loss(*arguments)

        with patch.object(ctgan.CTGAN, "_cond_loss", ticking):
            synthesizer.fit({"encounters": frame})

    return Stopwatch.of(steps, clock, train)


def time_ours(path: Path, schema: Schema, seed: int, steps: int, clock: Callable[[], float]) -> Stopwatch:
    """Our preparation, from the table in memory on (summary, encoding, modes, index), and steps."""
    import torch  # noqa: F401  (imports are not counted)

    (opened,) = read(path, schema=schema).tables.values()
    if not sum(block.num_rows for block in opened):  # the table keeps its blocks
        raise SystemExit(f"{path}: no rows")

    def train(watch: Stopwatch) -> None:
        def progress(step: str, _: float) -> None:
            if step.startswith("epoch"):
                watch.tick()

        workflow.fit(Dataset({opened.name: opened}), schema, seed=seed, progress=progress)

    return Stopwatch.of(steps, clock, train)


def part_of(files: Files, rows: int, folder: Path, seed: int) -> Files:
    """Some of the training rows, and the same holdout."""
    frame = pd.read_csv(files.train, dtype=str, keep_default_na=False)
    part = Files(folder / "part.csv", files.holdout)
    frame.sample(rows, random_state=seed).to_csv(part.train, index=False, lineterminator="\r\n")
    return part


def qualities(files: Files, schema: Schema, folder: Path, seed: int, epochs: int) -> dict[str, Quality]:
    """Both fitted on the same rows for as many epochs, and judged on as many rows of each."""
    compared_with = footing(schema, files)

    def by_sdv() -> pd.DataFrame:
        frame = sdv_frame(files.train)
        synthesizer = sdv_synthesizer(frame, schema, epochs=epochs)
        synthesizer.fit({"encounters": frame})
        drawn: pd.DataFrame = synthesizer.sample(2 * len(frame))["encounters"]
        return drawn

    model = ModelConfig.model_validate({"name": "ctgan", "epochs": epochs})
    made = workflow.fit(files.train, flat(schema).model_copy(update={"model": model}), seed=seed).synthesizer
    rows = sum(1 for _ in files.train.open()) - 1
    sample = workflow.sample(made, 2 * rows, seed=seed)
    ours = folder / "ours.csv"
    write_table(ours, "encounters", sample.columns, sample, made.schema.format, sample.types)
    texts = quietly(by_sdv).convert_dtypes().astype("string").fillna(MISSING).astype(object)
    (own,) = read(ours, schema=schema).tables.values()
    found = {}
    for name, synthetic in (("SDV CTGAN", MemoryTable.from_pandas(texts, "encounters")), ("synthgen ctgan", own)):
        compared = compared_with(synthetic)
        # Threads of the classifiers wait for each other where the machine is shared; nothing is timed here.
        with threadpool_limits(1, user_api="openmp"):
            found[name] = judged(compared, compared.synthetic, LABEL, seed)
    return found


def tell_speed(sdv: Stopwatch, ours: Stopwatch) -> str:
    """Seconds of both, their ratios, and the targets."""
    rows = []
    for words, name, target in (("preparation", "preparation", 10), ("a training step", "step", 4)):
        theirs, own = getattr(sdv, name), getattr(ours, name)
        rows.append((words, f"{theirs:.3f}", f"{own:.3f}", *at_least(theirs / own, target, ".1f")))
    return table(("seconds", "SDV", "synthgen", "ratio", "target", ""), rows)


def tell_quality(found: dict[str, Quality]) -> str:
    """The figures of both, and whether ours are no worse."""
    rows = []
    for name, each in found.items():
        figures = (*each.accuracy, each.c2st_holdout, each.c2st_train, each.tstr)
        rows.append((name, *(f"{value:.3f}" for value in figures)))
    sdv, ours = found["SDV CTGAN"], found["synthgen ctgan"]
    checks = [
        (f"accuracy, {words}", *at_least(own, round(theirs - NOISE, 3)))
        for words, own, theirs in zip(("1 column", "2 columns", "3 columns"), ours.accuracy, sdv.accuracy, strict=True)
    ]
    checks.append(("C2ST against the holdout", *at_most(ours.c2st_holdout, round(sdv.c2st_holdout + NOISE, 3))))
    header = ("", "1 column", "2 columns", "3 columns", "C2ST holdout", "C2ST train", "TSTR")
    return f"{table(header, rows)}\n\n{table(('synthgen ctgan', '', 'no worse', ''), checks)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DIABETES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=10, help="timed of each; 0 leaves timing out")
    parser.add_argument("--rows", type=int, default=10_000, help="on which quality is compared")
    parser.add_argument("--epochs", type=int, default=10, help="after which quality is compared; 0 leaves it out")
    parser.add_argument("--rare-below", type=int, default=5, help="1 keeps as many levels as SDV does")
    parser.add_argument("--cpu", action="store_true", help="count the processor's seconds, not the wall's")
    options = parser.parse_args()
    clock = time.process_time if options.cpu else time.perf_counter
    schema = schema_file.load(CONFIG).model_copy(
        update={
            "holdout": 0.0,
            "privacy": Privacy(rare_below=options.rare_below),
            "model": ModelConfig.model_validate({"name": "ctgan"}),
        }
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = Files.split(options.data, folder, options.seed)
        print(machine(), flush=True)
        if options.steps:
            ours = time_ours(files.train, flat(schema), options.seed, options.steps, clock)
            sdv = quietly(lambda: time_sdv(files.train, schema, options.steps, clock))
            print(tell_speed(sdv, ours), machine(), sep="\n", end="\n\n", flush=True)
        if options.epochs:
            print(DEFINITIONS, end="\n\n", flush=True)
            part = part_of(files, options.rows, folder, options.seed)
            found, seconds = timed(lambda: qualities(part, schema, folder, options.seed, options.epochs))
            print(tell_quality(found), f"{options.rows:,} rows, {options.epochs} epochs; {seconds:.0f} s", sep="\n")


if __name__ == "__main__":
    main()
