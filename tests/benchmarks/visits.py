"""Numbers of a person at several visits, side by side in one wide row: how closely they still go together.

    python tests/benchmarks/visits.py [--patients 1200] [--seeds 2] [--models autoregressive,copula]

An invented cohort: 30 measurements at four visits, each as the person usually is and as visits vary, given as
measurements are given (pressures in even numbers, weights in tenths), one in ten missing. Shown is Spearman's
correlation of the first two visits in training patients, in as many others, and in generated rows; then, as the mean
distance from the others, over all pairs of visits of a measurement and over pairs at a visit; the AUC of
a likelihood attack (see ``remembering.py``); and what `synthgen evaluate` says of membership from the records alone.
"""

from __future__ import annotations

import argparse
from functools import partial
from itertools import combinations

import numpy as np
import pandas as pd

from synthgen import workflow
from synthgen.inputs import dataset_of, only_table
from synthgen.judgement.run import evaluate
from synthgen.schema.config import ModelConfig
from tests.benchmarks.clock import machine, table, timed
from tests.benchmarks.remembering import attacked

VISITS, MEASUREMENTS = 4, 30
#: Of some measurements the mean, the standard deviation, and the number of which they are multiples.
KINDS = {"sbp": (138.0, 18.0, 2.0), "glucose": (6.1, 1.4, 0.1), "weight": (79.0, 15.0, 0.1), "hdl": (1.4, 0.4, 0.01)}
MISSING = 0.1
#: Generated rows.
ROWS = 10_000
HEADER = ("rows", "seed", "fit s", *KINDS, "between visits", "at a visit", "attack", "evaluate")


def cohort(patients: int, seed: int) -> pd.DataFrame:
    """A row per patient, as text."""
    rng = np.random.default_rng(seed)
    health = rng.normal(size=(patients, 1, 3))
    columns = {"patient_id": [f"P{number:06d}" for number in range(patients)]}
    for at in range(MEASUREMENTS):
        name, (mean, sd, step) = list(KINDS.items())[at % len(KINDS)]
        steady = rng.uniform(0.5, 0.97)
        usual = health @ rng.normal(0, 0.4, 3) + rng.normal(0, 0.8, (patients, 1))
        usual /= usual.std()
        values = mean + sd * (np.sqrt(steady) * usual + np.sqrt(1 - steady) * rng.normal(size=(patients, VISITS)))
        decimals = max(0, -int(np.floor(np.log10(step))))
        for visit, given in enumerate((np.maximum(np.round(values / step), 1) * step).T):
            texts = np.array([f"{value:.{decimals}f}" for value in given], object)
            texts[rng.random(patients) < MISSING] = ""
            columns[f"{name}_{at // len(KINDS) + 1}_v{visit + 1}"] = texts.tolist()
    return pd.DataFrame(columns)


def correlations(rows: pd.DataFrame) -> pd.DataFrame:
    """Spearman's, of the measurements."""
    return rows.drop(columns="patient_id").apply(pd.to_numeric).corr("spearman")


def compared(found: pd.DataFrame, others: pd.DataFrame) -> tuple[str, ...]:
    """A line's correlations, and their mean distances from those of other patients."""
    columns = [name.rsplit("_", 1) for name in found.columns]
    pairs = list(combinations(range(len(columns)), 2))
    distance = np.abs(found.to_numpy() - others.to_numpy())
    visits = np.mean([distance[a, b] for a, b in pairs if columns[a][0] == columns[b][0]])
    at_a_visit = np.mean([distance[a, b] for a, b in pairs if columns[a][1] == columns[b][1]])
    shown = [f"{found.loc[f'{name}_1_v1', f'{name}_1_v2']:.2f}" for name in KINDS]
    return (*shown, f"{visits:.3f}", f"{at_a_visit:.3f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--patients", type=int, default=1200)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--models", default="autoregressive,copula")
    options = parser.parse_args()
    lines: list[tuple[str, ...]] = []

    def say(*line: str) -> None:
        lines.append(line)
        print(*line, sep="  ", flush=True)

    print(machine(), flush=True)
    for seed in range(1, options.seeds + 1):
        rows = cohort(2 * options.patients, seed)
        schema = workflow.schema_of(rows)[0].model_copy(update={"holdout": 0.5})
        everyone = schema.model_copy(update={"holdout": 0.0, "model": ModelConfig(name="copula")})
        reference = workflow.fit(rows, everyone, seed=seed)
        shown = False
        for model in options.models.split(","):
            one = schema.model_copy(update={"model": ModelConfig(name=model)})
            fit, seconds = timed(partial(workflow.fit, rows, one, seed=seed))
            split = fit.split.blocks(only_table(dataset_of(rows, one)))
            held = np.concatenate([apart for _, _, apart in split])
            others = correlations(rows[held])
            if not shown:
                shown = True
                say("others", str(seed), "", *compared(others, others), "", "")
                say("training", str(seed), "", *compared(correlations(rows[~held]), others), "", "")
            found = workflow.sample(fit.synthesizer, ROWS, seed=seed).to_pandas()
            assert isinstance(found, pd.DataFrame)
            _, attack = attacked(fit, reference, rows, one)
            judged = evaluate(found[: sum(~held)], rows[~held], holdout=rows[held], schema=one, seed=seed)
            (said,) = (verdict for verdict in judged.verdicts if verdict.name == "membership_inference")
            (strongest,) = (metric for metric in judged.metrics if metric.name == said.name)
            told = f"{said.verdict.replace('_', ' ')} {strongest.value:.3f}"
            say(model, str(seed), f"{seconds:.1f}", *compared(correlations(found), others), attack, told)
    print("", table(HEADER, lines), sep="\n")


if __name__ == "__main__":
    main()
