"""What a model remembers, beside a model of other patients of the same hospital: the strongest reference there can be.

    python -m tests.benchmarks.other_patients [--models autoregressive,copula,independent] [--seeds 2]

The sample data are invented, so the same script makes as many other patients. Of each model one is fitted on four
fifths of the sample and one on four fifths of the others. Shown are the log probabilities, in nats a row, of held-out
and of training records by the first, of held-out ones by the second; and the AUC of an attacker who calls those
patients members whose records the first finds more probable than the second (Carlini et al. 2022). .5 is guessing.
"""

from __future__ import annotations

import argparse
import runpy
import tempfile
from pathlib import Path

from synthgen import workflow
from synthgen.schema import load as schema_file
from synthgen.schema.config import ModelConfig
from tests.benchmarks.clock import ROOT, machine, table
from tests.benchmarks.remembering import attacked

SAMPLE = ROOT / "sample_data"
OTHER_SEED = 77
HEADER = ("model", "seed", "held-out", "training", "held-out by the other", "attack")


def others(folder: Path) -> Path:
    """As many other patients of the hospital of the sample data."""
    made = runpy.run_path(str(SAMPLE / "make.py"))
    path = folder / "encounters.csv"
    made["write"](path, map(made["flat_row"], made["make_encounters"](made["Dice"](OTHER_SEED))))
    return path


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--models", default="autoregressive,copula,independent")
    parser.add_argument("--seeds", type=int, default=2)
    options = parser.parse_args()
    schema = schema_file.load(ROOT / "configs" / "sample.yaml")
    sample, lines = SAMPLE / "encounters.csv", []
    print(machine(), flush=True)
    with tempfile.TemporaryDirectory() as name:
        beside = others(Path(name))
        for model in options.models.split(","):
            one = schema.model_copy(update={"model": ModelConfig(name=model)})
            for seed in range(1, options.seeds + 1):
                fit, reference = (workflow.fit(data, one, seed=seed) for data in (sample, beside))
                means, attack = attacked(fit, reference, sample, one)
                lines.append((model, str(seed), *(f"{mean:.2f}" for mean in means), attack))
                print(*lines[-1], sep="  ", flush=True)
    print("", table(HEADER, lines), sep="\n")


if __name__ == "__main__":
    main()
