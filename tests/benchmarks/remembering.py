"""The choice between likeness and remembering: `autoregressive` by its penalty on weights, on parts of Diabetes 130.

    python tests/benchmarks/remembering.py [--patients 1500,5000] [--seeds 2] [--penalties default,0.1,0.5]

Of so many patients and as many held out: how probable the model finds held-out records (the higher, the more like real
ones are those that it generates) and training ones, in nats a row, and the AUC of an attacker who holds the model and
calls those patients members whose records it finds more probable than a reference does: the copula of all patients,
members or not (Carlini et al. 2022, a likelihood ratio attack with one reference). .5 is guessing; beside it stands its
standard error.
"""

from __future__ import annotations

import argparse
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from sklearn.metrics import roc_auc_score

from synthgen import workflow
from synthgen.artifact.table import TableSynthesizer
from synthgen.encoding.domain import UNOBSERVED
from synthgen.inputs import dataset_of, only_table
from synthgen.schema import load as schema_file
from synthgen.schema.config import ModelConfig, Schema
from tests.benchmarks.clock import CONFIG, DIABETES, machine, table, timed
from tests.benchmarks.how_many_patients import parts

HEADER = ("patients", "seed", "penalty", "fit s", "held-out", "training", "reference", "attack")


def of_patients(
    fit: workflow.Fit, blocks: pa.RecordBatch, patient: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The log probability of each patient's values, and how many of them the model has no code for; both a row.

    Two models have other codes: a code of many values is more probable than one of few, which says nothing of any.
    """
    assert isinstance(fit.synthesizer, TableSynthesizer)
    flat = fit.synthesizer.flat
    found, codes = flat.log_prob(blocks, patient, np.arange(blocks.num_rows)), flat.codec.encode(blocks)
    for column, domain in zip(codes.T, flat.codec.domains, strict=True):
        if domain.widths:
            found -= np.where(column == UNOBSERVED, 0.0, np.log(np.maximum(domain.widths, 1))[column])
    rows = np.bincount(patient)
    uncoded = (codes == UNOBSERVED).sum(axis=1)
    return np.bincount(patient, found) / rows, np.bincount(patient, uncoded) / rows


def attacked(
    fit: workflow.Fit, reference: workflow.Fit, data: workflow.Data, schema: Schema
) -> tuple[tuple[float, float, float], str]:
    """The mean log probability of held-out and of training records and what the reference has for the first; the AUC.

    Args:
        reference: a fit on members and others alike.
    """
    parts = list(fit.split.blocks(only_table(dataset_of(data, schema))))
    block = pa.Table.from_batches([part[0] for part in parts]).combine_chunks().to_batches()[0]
    _, patient = np.unique(np.concatenate([part[1] for part in parts]), return_inverse=True)
    apart = np.bincount(patient, np.concatenate([part[2] for part in parts])) > 0
    (own, uncoded), (other, uncoded_there) = of_patients(fit, block, patient), of_patients(reference, block, patient)
    known = np.isfinite(own) & np.isfinite(other)
    # What a model has no code for it passes over, so that records with a value of few patients look likely; and others
    # than members have such values more often. Whatever such values add is fitted out, whosever they are.
    beside = np.stack([np.ones(known.sum()), uncoded[known], uncoded_there[known]], axis=1)
    ratio = (own - other)[known]
    attack = roc_auc_score(~apart[known], ratio - beside @ np.linalg.lstsq(beside, ratio, rcond=None)[0])
    error = (1 / (6 * min(apart.sum(), (~apart).sum()))) ** 0.5
    means = (own[known & apart].mean(), own[known & ~apart].mean(), other[known & apart].mean())
    return means, f"{attack:.3f} ± {error:.3f}"


def judged(data: Path, schema: Schema, penalties: list[str], seed: int) -> list[tuple[str, ...]]:
    """A row for each penalty."""
    everyone = schema.model_copy(update={"holdout": 0.0, "model": ModelConfig(name="copula")})
    reference = workflow.fit(data, everyone, seed=seed)
    lines = []
    for penalty in penalties:
        options = {} if penalty == "default" else {"penalty": float(penalty)}
        one = schema.model_copy(update={"model": ModelConfig(name="autoregressive", **options)})
        fit, seconds = timed(partial(workflow.fit, data, one, seed=seed))
        means, attack = attacked(fit, reference, data, one)
        lines.append((penalty, f"{seconds:.1f}", *(f"{mean:.2f}" for mean in means), attack))
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DIABETES)
    parser.add_argument("--patients", default="1500,5000")
    parser.add_argument("--penalties", default="default,0.1,0.5")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    schema = schema_file.load(CONFIG).model_copy(update={"holdout": 0.5})
    rows = []
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "part.csv"
        for patients, seed in parts(options.data, options.patients, options.seeds, data):
            for line in judged(data, schema, options.penalties.split(","), seed):
                rows.append((f"{patients:,}", str(seed), *line))
                print(*rows[-1], sep="  ", flush=True)
    print("", table(HEADER, rows), sep="\n")


if __name__ == "__main__":
    main()
