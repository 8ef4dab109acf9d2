"""Fit Diabetes 130 with SDV's GaussianCopula and with our autoregressive model, in one run, and judge both.

    python tests/benchmarks/autoregressive_against_sdv.py [--data diabetic_data.csv.gz] [--seeds 3] [--model NAME]

Ours is timed as a whole process from the file to the saved model; of SDV the fit alone counts. Needs SDV 2.0 and
synthgen installed as for development; about ten minutes on two cores.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, stdev

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from synthgen import workflow
from synthgen.artifact.load import load
from synthgen.metrics.base import Comparison, Records
from synthgen.metrics.boosting import deal
from synthgen.metrics.coding.features import Features
from synthgen.metrics.equal import whole_patients
from synthgen.metrics.fidelity.structural_zeros import StructuralZeros
from synthgen.metrics.privacy.exact_copies import ExactCopies
from synthgen.metrics.privacy.nearest_neighbour_share import NearestNeighbourShare
from synthgen.metrics.statistics.auc import area
from synthgen.schema import load as schema_file
from synthgen.schema.config import ModelConfig, Schema
from synthgen.tables.read import read
from synthgen.tables.write import write_table, write_text
from tests.benchmarks.clock import CONFIG, DIABETES, ROOT, at_least, at_most, machine, table, timed
from tests.benchmarks.copula_against_sdv import LABEL, Files, fit_and_sample_sdv, footing, quietly
from tests.benchmarks.quality import C2ST_ROWS, DEFINITIONS, accuracies, judged, trained_on

SAMPLED = 80_000
FOLDS = 5


@dataclass(frozen=True)
class Run:
    """The figures of one seed."""

    fit: float
    sample: float
    accuracy: tuple[float, float, float]
    c2st_holdout: float
    c2st_train: float
    default_holdout: float
    default_train: float
    tstr: float
    share: float
    share_p: float
    zeros: float
    copies: str


def default_c2st(compared: Comparison, candidate: Records, real: Records, seed: int) -> float:
    """Cross-fitted AUC as ``told_apart``, by scikit-learn's boosted trees with all of their defaults."""
    rng = np.random.default_rng(seed)
    assert compared.holdout is not None
    features = Features.of(compared.variables, [compared.train, compared.holdout])
    rows = min(C2ST_ROWS, candidate.n, real.n)
    chosen = [whole_patients(records, rows, rng) for records in (candidate, real)]
    matrix = np.concatenate([features.matrix(records) for records in chosen])
    label = np.arange(len(matrix)) < chosen[0].n
    fold = np.concatenate([deal(records.patient, FOLDS, rng) for records in chosen])
    scores = np.empty(len(matrix))
    for k in range(FOLDS):
        trees = HistGradientBoostingClassifier(categorical_features=features.categorical, random_state=seed)
        trees.fit(matrix[fold != k], label[fold != k])
        scores[fold == k] = trees.decision_function(matrix[fold == k])
    return float(np.mean([area(scores[fold == k], label[fold == k]) for k in range(FOLDS)]))


def fitted(files: Files, folder: Path, schema: Schema, model: str, seed: int) -> tuple[Path, float]:
    """Fit in a process of its own; the artifact and the seconds of the whole process."""
    config, artifact = folder / "config.yaml", folder / f"{seed}.synthgen"
    text = io.StringIO()
    schema_file.dump(schema.model_copy(update={"model": ModelConfig(name=model)}), text)
    write_text(config, text.getvalue())
    command = [
        sys.executable,
        "-m",
        "synthgen.cli",
        "fit",
        files.train,
        "-c",
        config,
        "--seed",
        str(seed),
        "-o",
        artifact,
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    _, seconds = timed(
        lambda: subprocess.run(list(map(str, command)), check=True, capture_output=True, env=environment)
    )
    return artifact, seconds


def one(files: Files, folder: Path, schema: Schema, model: str, seed: int) -> Run:
    """Fit, sample and judge with one seed."""
    artifact, fitting = fitted(files, folder, schema, model, seed)
    synthesizer = load(artifact)
    sample = workflow.sample(synthesizer, SAMPLED, seed=seed)
    batches, sampling = timed(lambda: list(sample))
    written = folder / "ours.csv"
    write_table(written, synthesizer.table, sample.columns, iter(batches), synthesizer.schema.format, sample.types)
    with threadpool_limits(2, user_api="openmp"):
        compared = footing(schema, files)(next(iter(read(written, schema=schema).tables.values())))
        assert compared.holdout is not None
        quality = judged(compared, compared.synthetic, LABEL, seed)
        label_test, copies = NearestNeighbourShare(), ExactCopies()
        (zeros,) = StructuralZeros().measure(compared, rng=np.random.default_rng(seed))
        (share, *_) = label_test.measure(compared, rng=np.random.default_rng(seed))
        (line, *_) = label_test.judge((share,), compared)
        (copied, *_) = copies.judge(copies.measure(compared, rng=np.random.default_rng(seed)), compared)
        return Run(
            fitting,
            sampling,
            quality.accuracy,
            quality.c2st_holdout,
            quality.c2st_train,
            default_c2st(compared, compared.synthetic, compared.holdout, seed),
            default_c2st(compared, compared.synthetic, compared.train, seed),
            quality.tstr,
            share.value or float("nan"),
            line.p if line.p is not None else float("nan"),
            zeros.value or 0.0,
            copied.verdict,
        )


def spread(values: list[float], form: str = ".3f") -> str:
    """The mean, and the standard deviation where there are several."""
    told = format(mean(values), form)
    return f"{told} ± {stdev(values):{form}}" if len(values) > 1 else told


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DIABETES)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--model", default="autoregressive")
    options = parser.parse_args()
    schema = schema_file.load(CONFIG).model_copy(update={"holdout": 0.0})
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        files = Files.split(options.data, folder, 0)
        print(machine(), flush=True)
        sdv, _ = quietly(lambda: fit_and_sample_sdv(files, folder, schema))
        print(f"SDV GaussianCopula fit {sdv.fitting:.1f} s", flush=True)
        runs = []
        for seed in range(options.seeds):
            runs.append(one(files, folder, schema, options.model, seed))
            print(runs[-1], machine(), sep="\n", flush=True)
        compared = footing(schema, files)(next(iter(read(folder / "ours.csv", schema=schema).tables.values())))
        assert compared.holdout is not None
        ceiling = accuracies(compared, compared.holdout, 0)
        real = trained_on(compared, compared.train, LABEL, 0)
    each = {name: [getattr(run, name) for run in runs] for name in Run.__dataclass_fields__ if name != "copies"}
    rows = [
        (
            "whole fit process, over SDV's fit",
            *at_most(mean(each["fit"]) / sdv.fitting, 0.6, ".2f"),
            spread(each["fit"]),
        ),
        ("sampling, rows a second", *at_least(SAMPLED / mean(each["sample"]), 40_000, ".0f"), spread(each["sample"])),
    ]
    for k in range(3):
        own = [accuracy[k] for accuracy in each["accuracy"]]
        rows.append(
            (f"accuracy {k + 1}, less the ceiling", *at_least(mean(own) - ceiling[k], -0.002, "+.4f"), spread(own))
        )
    for title, key, limit in (
        ("C2ST against the holdout", "c2st_holdout", 0.525),
        ("C2ST against training", "c2st_train", 0.51),
        ("C2ST holdout, scikit-learn's defaults", "default_holdout", 0.525),
        ("C2ST training, scikit-learn's defaults", "default_train", 0.51),
    ):
        rows.append((title, *at_most(mean(each[key]), limit), spread(each[key])))
    rows.append(
        ("TSTR, less training on real", *at_least(mean(each["tstr"]) - real, -0.01, "+.4f"), spread(each["tstr"]))
    )
    rows.append(("label test, smallest p", *at_least(min(each["share_p"]), 0.05), spread(each["share"])))
    print("", DEFINITIONS, "", table((options.model, "", "target", "", "mean ± sd"), rows), sep="\n")
    print("rows with values that training never has together:", spread(each["zeros"], ".4f"))
    print("exact copies of records unique in training:", ", ".join(run.copies for run in runs))


if __name__ == "__main__":
    main()
