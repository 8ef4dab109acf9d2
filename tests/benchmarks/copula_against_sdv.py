"""Fit and sample Diabetes 130 with SDV's GaussianCopula and with ours, both from the same file, in one process.

    python tests/benchmarks/copula_against_sdv.py [--data diabetic_data.csv.gz] [--repeats 3]

Needs SDV 2.0 and synthgen installed as for development (`pip install -e ".[dev]"`); about five minutes on two cores.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from synthgen import workflow
from synthgen.metrics.base import Comparison
from synthgen.metrics.floor import independent
from synthgen.metrics.prepare import Sheet, compare
from synthgen.schema import load as schema_file
from synthgen.schema.column import Integer
from synthgen.schema.config import ModelConfig, Schema
from synthgen.tables.dataset import Dataset, Table
from synthgen.tables.memory import MemoryTable
from synthgen.tables.read import read
from synthgen.tables.write import write_table
from tests.benchmarks.clock import CONFIG, DIABETES, at_least, at_most, machine, table, timed
from tests.benchmarks.quality import DEFINITIONS, Quality, accuracies, judged, told_apart, trained_on

HOLDOUT = 0.2
SAMPLED = 80_000
IDS = ["encounter_id", "patient_nbr"]
MISSING = "?"
LABEL = "NO"


@dataclass(frozen=True)
class Seconds:
    """What one tool took. ``metadata`` counts neither as reading nor as fitting: our config is written by hand too."""

    reading: float
    fitting: float
    from_file: float
    sampling: float
    to_csv: float
    metadata: float = 0.0


@dataclass(frozen=True)
class Files:
    """The real records, split by patient, in the dialect of the original."""

    train: Path
    holdout: Path

    @classmethod
    def split(cls, data: Path, folder: Path, seed: int) -> Files:
        """Write both parts of ``data`` to ``folder``."""
        frame = pd.read_csv(data, dtype=str, keep_default_na=False)
        patients = frame["patient_nbr"].unique()
        chosen = np.random.default_rng(seed).permutation(patients)[: round(HOLDOUT * len(patients))]
        apart = frame["patient_nbr"].isin(chosen)
        files = cls(folder / "train.csv", folder / "holdout.csv")
        for path, part in ((files.train, frame[~apart]), (files.holdout, frame[apart])):
            part.to_csv(path, index=False, lineterminator="\r\n")
        return files


def fit_and_sample_sdv(files: Files, folder: Path, schema: Schema) -> tuple[Seconds, pd.DataFrame]:
    """SDV's copula, told the same kinds as ours: its seconds, and what it generated. Imports are not counted."""
    from sdv.metadata import Metadata
    from sdv.single_table import GaussianCopulaSynthesizer

    (config,) = schema.tables.values()

    def load() -> pd.DataFrame:
        # As our config says it: `?` is missing, the text None is a value.
        return pd.read_csv(files.train, keep_default_na=False, na_values=[MISSING]).drop(columns=IDS)

    def describe() -> Any:
        metadata = Metadata.detect_from_dataframes({"encounters": frame})
        if metadata.tables["encounters"].primary_key is not None:
            metadata.remove_primary_key()
        for name in frame.columns:
            numeric = isinstance(config.columns[name], Integer)
            metadata.update_column(column_name=name, sdtype="numerical" if numeric else "categorical")
        return metadata

    frame, reading = timed(load)
    metadata, describing = timed(describe)
    synthesizer = GaussianCopulaSynthesizer(metadata)
    _, fitting = timed(lambda: synthesizer.fit({"encounters": frame}))
    drawn, sampling = timed(lambda: synthesizer.sample(SAMPLED)["encounters"])
    _, writing = timed(lambda: drawn.to_csv(folder / "sdv.csv", index=False, na_rep=MISSING))
    return Seconds(reading, fitting, reading + fitting, sampling, sampling + writing, describing), drawn


def fit_and_sample_ours(files: Files, folder: Path, schema: Schema, seed: int) -> Seconds:
    """Our copula: its seconds; what it generated is in ``ours.csv``. Ids are regenerated too."""
    result, from_file = timed(lambda: workflow.fit(files.train, schema, seed=seed))
    (opened,) = read(files.train, schema=schema).tables.values()
    # The table keeps its blocks after the first pass.
    _, reading = timed(lambda: sum(block.num_rows for block in opened))
    _, fitting = timed(lambda: workflow.fit(Dataset({opened.name: opened}), schema, seed=seed))
    sample = workflow.sample(result.synthesizer, SAMPLED, seed=seed)
    _, sampling = timed(lambda: sum(block.num_rows for block in sample))
    _, to_csv = timed(
        lambda: write_table(
            folder / "ours.csv", opened.name, sample.columns, sample, result.synthesizer.schema.format, sample.types
        )
    )
    return Seconds(reading, fitting, from_file, sampling, to_csv)


def middle(runs: list[Seconds]) -> Seconds:
    """The median of every figure."""
    return Seconds(*(median(getattr(run, name) for run in runs) for name in Seconds.__dataclass_fields__))


def quietly(work: Callable[[], Any]) -> Any:
    """``work()`` without the logs, warnings and progress bars that SDV writes."""
    logging.disable(logging.CRITICAL)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            return work()
    finally:
        logging.disable(logging.NOTSET)


def footing(schema: Schema, files: Files) -> Callable[[Table], Comparison]:
    """How a synthetic table becomes a comparison with the real files."""
    ((name, config),) = schema.tables.items()
    real = {side: Sheet.of(_only(read(path, schema=schema)), schema.format) for side, path in vars(files).items()}
    return lambda synthetic: compare(
        config,
        table=name,
        train=real["train"],
        holdout=real["holdout"],
        synthetic=Sheet.of(synthetic, schema.format),
        rare_below=schema.privacy.rare_below,
    )


def _only(dataset: Dataset) -> Table:
    (opened,) = dataset.tables.values()
    return opened


def qualities(schema: Schema, files: Files, folder: Path, sdv: pd.DataFrame, seed: int) -> dict[str, Quality]:
    """The figures of floor, ceiling, SDV and ours."""
    compared_with = footing(schema, files)
    ours = compared_with(_only(read(folder / "ours.csv", schema=schema)))
    # Text, so that an integer with gaps, which pandas holds as a float, is still an integer.
    texts = sdv.convert_dtypes().astype("string").fillna(MISSING).astype(object)
    theirs = compared_with(MemoryTable.from_pandas(texts, "encounters"))
    holdout, shuffled = ours.holdout, independent(ours.train, ours.train.n, np.random.default_rng(seed))
    assert holdout is not None
    ceiling = Quality(
        accuracies(ours, holdout, seed),
        told_apart(ours, ours.train, holdout, seed),
        tstr=trained_on(ours, ours.train, LABEL, seed),
    )
    return {
        "holdout (ceiling)": ceiling,
        "shuffled columns (floor)": judged(ours, shuffled, LABEL, seed),
        "SDV GaussianCopula": judged(theirs, theirs.synthetic, LABEL, seed),
        "synthgen copula": judged(ours, ours.synthetic, LABEL, seed),
    }


def _number(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.3f}"


def tell_speed(sdv: Seconds, ours: Seconds) -> str:
    """Seconds of both, their ratios, and the targets."""
    targets: dict[str, tuple[str, float | None]] = {
        "reading": ("read the file", None),
        "fitting": ("fit without reading", 40),
        "from_file": ("fit from file to model", 20),
        "sampling": (f"sample {SAMPLED:,} rows", 25),
        "to_csv": (f"sample {SAMPLED:,} rows to a CSV file", None),
    }
    rows = []
    for name, (words, target) in targets.items():
        theirs, own = getattr(sdv, name), getattr(ours, name)
        ratio = theirs / own
        checked = (f"{ratio:.1f}", "", "") if target is None else at_least(ratio, target, ".1f")
        rows.append((words, f"{theirs:.2f}", f"{own:.2f}", *checked))
    told = table(("seconds", "SDV", "synthgen", "ratio", "target", ""), rows)
    return f"{told}\nSDV's detection of metadata, counted nowhere above: {sdv.metadata:.2f} s"


def tell_quality(found: dict[str, Quality]) -> str:
    """The figures of all candidates, and the targets of ours."""
    rows = []
    for name, each in found.items():
        figures = (*each.accuracy, each.c2st_holdout, each.c2st_train, each.tstr)
        rows.append((name, *(_number(value) for value in figures)))
    ours = found["synthgen copula"]
    checks = [
        ("accuracy, one column", *at_least(ours.accuracy[0], 0.995, ".4f")),
        ("accuracy, two columns", *at_least(ours.accuracy[1], 0.987, ".4f")),
        ("C2ST against the holdout", *at_most(ours.c2st_holdout, 0.86)),
        ("TSTR", *at_least(ours.tstr, 0.64)),
    ]
    header = ("", "1 column", "2 columns", "3 columns", "C2ST holdout", "C2ST train", "TSTR")
    return f"{table(header, rows)}\n\n{table(('synthgen copula', '', 'target', ''), checks)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DIABETES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=3, help="of our own timings; their median is told")
    options = parser.parse_args()
    schema = schema_file.load(CONFIG).model_copy(update={"holdout": 0.0, "model": ModelConfig(name="copula")})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = Files.split(options.data, folder, options.seed)
        print(machine(), flush=True)
        ours = middle([fit_and_sample_ours(files, folder, schema, options.seed) for _ in range(options.repeats)])
        sdv, drawn = quietly(lambda: fit_and_sample_sdv(files, folder, schema))
        print(tell_speed(sdv, ours), machine(), sep="\n", end="\n\n", flush=True)
        print(DEFINITIONS, end="\n\n", flush=True)
        # Threads of the classifiers wait for each other where the machine is shared; nothing is timed here.
        with threadpool_limits(1, user_api="openmp"):
            print(tell_quality(qualities(schema, files, folder, drawn, options.seed)))


if __name__ == "__main__":
    main()
