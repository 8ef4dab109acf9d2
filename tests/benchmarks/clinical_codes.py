"""What does a hierarchy do for codes of few rows? The three diagnoses of Diabetes 130, as `code` and as `category`.

    python tests/benchmarks/clinical_codes.py [--data diabetic_data.csv.gz] [--model autoregressive] [--seeds 1]

Both kinds learn from the same patients and are judged on those held out, by how often a code occurs in training. Some
minutes a seed on two cores.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from synthgen import workflow
from synthgen.artifact.table import TableSynthesizer
from synthgen.encoding.clinical import SYSTEMS
from synthgen.schema import load as schema_file
from synthgen.schema.column import Category, Code
from synthgen.schema.config import ModelConfig, Schema
from synthgen.tables.read import read
from tests.benchmarks.clock import CONFIG, DIABETES, machine, table
from tests.benchmarks.copula_against_sdv import IDS, MISSING, Files

DIAGNOSES = ("diag_1", "diag_2", "diag_3")
#: Occurrences in training, from the first to below the second.
BANDS = ((5, 50), (50, 500), (500, 1 << 60))
ROWS = 400_000
#: Columns of more values say too little of each.
MOST_VALUES = 60
#: A code's rates count as if so many rows without any association were among its own; the best of these.
PRIOR_ROWS = (3.0, 10.0, 30.0, 100.0, 300.0, 1000.0)
MANY_ROWS = 200
WITHIN = 0.10
#: Below it a rate of missing cells is not looked at.
SOMETIMES_MISSING = 0.05

DEFINITIONS = f"""\
told       what a code tells of the other columns of the held-out rows, by the rates in the synthetic rows: the gain in
           log likelihood over the rates of all rows, in nats, summed over the columns of few values and over the
           chapters of the other diagnoses; more is better. `real` has the rates of the training rows themselves, as
           few as these are. To each code's rows some without any association are added, of the numbers tried the best
likelihood the mean log probability of the held-out rows that both kinds can generate, in nats; more is better
missing    of all codes of {MANY_ROWS} or more training rows and all columns with gaps: the share whose rate of missing
           cells is within {WITHIN:.0%} of that of the training rows, and within that and two of its standard errors"""


@dataclass(frozen=True)
class Told:
    """What a kind reached, by band of occurrences, and how missing cells are kept."""

    gain: Mapping[tuple[int, int], float]
    likelihood: Mapping[tuple[int, int], float]
    missing: tuple[float, float]


def as_kind(schema: Schema, kind: str, model: str) -> Schema:
    """The schema with all three diagnoses of one kind."""
    ((name, config),) = schema.tables.items()
    column = Code(system="icd9") if kind == "code" else Category()
    columns = {n: column if n in DIAGNOSES else each for n, each in config.columns.items()}
    changed = config.model_copy(update={"columns": columns})
    return schema.model_copy(update={"tables": {name: changed}, "holdout": 0.0, "model": ModelConfig(name=model)})


def frame(path: Path) -> pd.DataFrame:
    """A file as texts, with the chapter of each diagnosis in a column of its own."""
    return with_chapters(pd.read_csv(path, dtype=str, keep_default_na=False))


def with_chapters(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the chapter of each diagnosis in a column of its own."""
    chapter = SYSTEMS["icd9"].chapter
    return rows.assign(**{f"{name} chapter": rows[name].map(chapter) for name in DIAGNOSES})


def gains(source: pd.DataFrame, holdout: pd.DataFrame, code: str, others: list[str]) -> NDArray[np.float64]:
    """What the rates of ``source`` given its code say of the other columns of each held-out row, by prior."""
    total = np.zeros((len(PRIOR_ROWS), len(holdout)))
    prior = np.array(PRIOR_ROWS)[:, None]
    n = source.groupby(code).size()
    for other in others:
        share = source[other].value_counts(normalize=True)
        known = holdout[other].isin(share.index).to_numpy()
        base = holdout[other].map(share).fillna(1.0).to_numpy()
        pairs = source.groupby([code, other]).size()
        both = pd.MultiIndex.from_frame(holdout[[code, other]])
        count = pairs.reindex(both).fillna(0.0).to_numpy()
        rows = n.reindex(holdout[code]).fillna(0.0).to_numpy()
        given = (count + prior * base) / (rows + prior)
        total += np.where(known, np.log(given / base), 0.0)
    return total


def likelihoods(synthesizer: TableSynthesizer, path: Path, schema: Schema) -> NDArray[np.float64]:
    """The log probability of each row of a file, together with what belongs to its patient."""
    (extract,) = read(path, schema=schema).tables.values()
    whole = pa.Table.from_batches(list(extract)).unify_dictionaries().combine_chunks().to_batches()[0]
    assert synthesizer.flat.codec.plan.config.patient is not None
    patient = whole.column(synthesizer.flat.codec.plan.config.patient).indices
    return synthesizer.flat.log_prob(whole, np.asarray(patient, np.int64), np.arange(whole.num_rows))


def missing_kept(train: pd.DataFrame, synthetic: pd.DataFrame) -> tuple[float, float]:
    """The shares of codes and columns whose rate of missing cells is kept (see ``DEFINITIONS``)."""
    within: list[tuple[bool, bool]] = []
    for column in (name for name in train.columns if (train[name] == MISSING).mean() >= SOMETIMES_MISSING):
        for code in (name for name in DIAGNOSES if name != column):
            counts = train[code].value_counts()
            real, own = ((each[column] == MISSING).groupby(each[code]).mean() for each in (train, synthetic))
            for level in counts.index[counts >= MANY_ROWS]:
                off, rate = abs(own.get(level, 0.0) - real[level]), real[level]
                noise = 2 * np.sqrt(rate * (1 - rate) / counts[level])
                within.append((off <= WITHIN * rate, off <= WITHIN * rate + noise))
    plain, beyond = np.array(within, float).mean(axis=0).tolist()
    return plain, beyond


def known_to(synthesizer: TableSynthesizer) -> list[set[str]]:
    """The codes that each diagnosis is generated with."""
    encoders = synthesizer.flat.codec.encoders
    return [set(encoders[name].to_json()["levels"]) for name in DIAGNOSES]


def told_by(
    synthetic: pd.DataFrame, train: pd.DataFrame, holdout: pd.DataFrame, others: list[str]
) -> Iterator[tuple[tuple[int, int], float]]:
    """The mean gain of the held-out rows whose code is in each band, over the three diagnoses."""
    for band in BANDS:
        found = []
        for code in DIAGNOSES:
            count = train[code].value_counts().reindex(holdout[code]).fillna(0).to_numpy()
            rows = holdout[(count >= band[0]) & (count < band[1]) & (holdout[code] != MISSING)]
            found.append(gains(synthetic, rows, code, [name for name in others if not name.startswith(code)]))
        yield band, float(np.concatenate(found, axis=1).mean(axis=1).max())


def judged(
    schemas: Mapping[str, Schema],
    files: Files,
    seed: int,
    others: list[str],
    train: pd.DataFrame,
    holdout: pd.DataFrame,
) -> dict[str, Told]:
    """The figures of both kinds."""
    made: dict[str, TableSynthesizer] = {}
    for kind, schema in schemas.items():
        synthesizer = workflow.fit(files.train, schema, seed=seed).synthesizer
        assert isinstance(synthesizer, TableSynthesizer)
        made[kind] = synthesizer
    shared = [set.intersection(*of) for of in zip(*map(known_to, made.values()), strict=True)]
    both = np.all([holdout[name].isin(of) for name, of in zip(DIAGNOSES, shared, strict=True)], axis=0)
    # The band of a row is that of the rarest of its codes.
    counts = np.min([train[n].value_counts().reindex(holdout[n]).fillna(0).to_numpy() for n in DIAGNOSES], axis=0)
    log = {kind: likelihoods(each, files.holdout, schemas[kind]) for kind, each in made.items() if each.flat.likelihood}
    possible = np.all([np.isfinite(of) for of in log.values()], axis=0) if log else np.zeros(len(holdout), bool)
    result = {}
    for kind, synthesizer in made.items():
        drawn = with_chapters(workflow.sample(synthesizer, ROWS, seed=seed).to_pandas())
        likely = {
            (low, high): float(log[kind][both & possible & (counts >= low) & (counts < high)].mean())
            for low, high in (BANDS if log else ())
        }
        result[kind] = Told(dict(told_by(drawn, train, holdout, others)), likely, missing_kept(train, drawn))
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DIABETES)
    parser.add_argument("--model", default="autoregressive")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    schema = schema_file.load(CONFIG)
    schemas = {kind: as_kind(schema, kind, options.model) for kind in ("code", "category")}
    print(options.model, machine(), DEFINITIONS, sep="\n", flush=True)
    with tempfile.TemporaryDirectory() as name:
        files = Files.split(options.data, Path(name), 0)
        train, holdout = frame(files.train), frame(files.holdout)
        few = [n for n in train.columns if n not in (*IDS, *DIAGNOSES) and 1 < train[n].nunique() <= MOST_VALUES]
        real = dict(told_by(train, train, holdout, few))
        for seed in range(options.seeds):
            found = judged(schemas, files, seed, few, train, holdout)
            rows = []
            for band in BANDS:
                words = f"{band[0]} to {band[1] - 1}" if band != BANDS[-1] else f"{band[0]} or more"
                gained = [f"{found[kind].gain[band]:.3f}" for kind in schemas]
                likely = [f"{found[kind].likelihood.get(band, np.nan):.3f}" for kind in schemas]
                rows.append((words, f"{real[band]:.3f}", *gained, *likely))
            header = ("occurrences", "told: real", *schemas, *(f"likelihood: {kind}" for kind in schemas))
            kept = [(kind, *(f"{share:.3f}" for share in found[kind].missing)) for kind in schemas]
            words = ("missing", f"within {WITHIN:.0%}", "and two standard errors")
            print(f"\nseed {seed}", table(header, rows), table(words, kept), sep="\n", flush=True)


if __name__ == "__main__":
    main()
