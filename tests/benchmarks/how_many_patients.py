"""Which model for how many patients: likeness and remembering, model by model, on parts of Diabetes 130.

    python tests/benchmarks/how_many_patients.py [--patients 500,2000,8000] [--models copula,autoregressive] [--seeds 2]

Of so many patients one half is learned from, the other half held out, by `synthgen fit` itself; `synthgen evaluate`
judges, all attacks included, the one by the likelihood ratio too. A minute or two each.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pandas as pd

from synthgen import workflow
from synthgen.judgement.run import evaluate
from synthgen.metrics.result import Evaluation
from synthgen.schema import load as schema_file
from synthgen.schema.config import ModelConfig, Schema
from synthgen.tables.write import write_table
from tests.benchmarks.clock import CONFIG, DIABETES, machine, table, timed

#: The headline measures of a run, and what to call them.
TOLD = {
    "accuracy_2": "accuracy 2",
    "association": "association",
    "c2st": "C2ST",
    "tstr": "TSTR",
    "nearest_neighbour_share": "label test",
    "membership_inference": "membership",
}
TESTED = ("nearest_neighbour_share", "membership_inference")


def part(data: Path, patients: int, seed: int, path: Path) -> None:
    """Write all records of some patients of ``data``, drawn by chance."""
    frame = pd.read_csv(data, dtype=str, keep_default_na=False)
    chosen = frame["patient_nbr"].drop_duplicates().sample(patients, random_state=seed)
    frame[frame["patient_nbr"].isin(chosen)].to_csv(path, index=False, lineterminator="\r\n")


def parts(data: Path, patients: str, seeds: int, path: Path) -> Iterator[tuple[int, int]]:
    """Write one part after another: how many patients are learned from, of twice as many, and the seed."""
    for number in map(int, patients.split(",")):
        for seed in range(seeds):
            part(data, 2 * number, seed, path)
            yield number, seed


def judged(data: Path, folder: Path, schema: Schema, seed: int) -> tuple[float, Evaluation]:
    """The seconds of a fit, and what is said of as many records as it learned from."""
    fit, seconds = timed(lambda: workflow.fit(data, schema, seed=seed))
    model = folder / "model"
    fit.save(model)
    synthesizer = fit.synthesizer
    sample = workflow.sample(synthesizer, len(pd.read_csv(data)) // 2, seed=seed)
    written = folder / "synthetic.csv"
    write_table(written, synthesizer.table, sample.columns, sample, schema.format, sample.types)
    found = evaluate(written, data, model=model, seed=seed)
    for path in folder.glob("model*"):
        path.unlink()
    return seconds, found


def told(found: Evaluation) -> list[str]:
    """One cell a measure: the value, the ceiling where there is one, and the p of its verdict."""
    cells = []
    values = {metric.name: metric for metric in reversed(found.metrics)}
    verdicts = {verdict.name: verdict for verdict in found.verdicts}
    for name in TOLD:
        value, ceiling = values[name].value, values[name].ceiling
        cell = "" if value is None else f"{value:.3f}"
        if name in TESTED:
            p = verdicts[name].p
            cell += "" if p is None else f" p {p:.3f}"
        elif ceiling is not None:
            cell += f"/{ceiling:.3f}"
        cells.append(cell)
    return cells


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DIABETES)
    parser.add_argument("--patients", default="500,2000,8000")
    parser.add_argument("--models", default="copula,autoregressive")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    schema = schema_file.load(CONFIG).model_copy(update={"holdout": 0.5})
    rows = []
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as name:
        data = Path(name) / "part.csv"
        for patients, seed in parts(options.data, options.patients, options.seeds, data):
            for model in options.models.split(","):
                one = schema.model_copy(update={"model": ModelConfig(name=model)})
                seconds, found = judged(data, Path(name), one, seed)
                rows.append((f"{patients:,}", str(seed), model, f"{seconds:.1f}", *told(found)))
                print(*rows[-1], sep="  ", flush=True)
    print("", table(("patients", "seed", "model", "fit s", *TOLD.values()), rows), sep="\n")


if __name__ == "__main__":
    main()
