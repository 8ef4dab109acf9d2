"""What `synthgen evaluate` costs as the rows grow: CPU seconds and peak memory, with and without the attacks.

    python -m tests.benchmarks.evaluate_growth [--data diabetic_data.csv.gz] [--rows 20000 40000 80000]

Patients of Diabetes 130 until there are so many training rows, a quarter as many of other patients as the holdout, and
as many synthetic rows of a copula that is fitted on all. CPU seconds hardly depend on what else the machine does.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from tests.benchmarks.clock import CONFIG, DIABETES, machine, table
from tests.benchmarks.scale import SYNTHGEN, run

PATIENT = "patient_nbr"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DIABETES)
    parser.add_argument("--rows", type=int, nargs="+", default=[20_000, 40_000, 80_000])
    options = parser.parse_args()
    real = pd.read_csv(options.data, dtype=str, keep_default_na=False)
    order = np.random.default_rng(1).permutation(real[PATIENT].unique())
    real = real.set_index(PATIENT, drop=False).loc[order]  # patient by patient, in a random order
    print(machine(), flush=True)
    rows = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, synthetic = folder / "model.synthgen", folder / "synthetic.csv"
        run([SYNTHGEN, "fit", options.data, "-c", CONFIG, "--model", "copula", "--seed", "1", "-o", model])
        for size in options.rows:
            known = real[PATIENT].isin(real[PATIENT].iloc[:size])
            train, holdout = folder / "train.csv", folder / "holdout.csv"
            real[known].to_csv(train, index=False)
            others = real[~known]
            others[others[PATIENT].isin(others[PATIENT].iloc[: size // 4])].to_csv(holdout, index=False)
            run([SYNTHGEN, "sample", model, "-n", str(size), "--seed", "1", "-o", synthetic, "--force"])
            sets: list[str | Path] = [synthetic, "--real", train, "--holdout", holdout, "-c", CONFIG, "--seed", "1"]
            for mode in (["--quick"], []):
                done = run([SYNTHGEN, "evaluate", *sets, "-o", folder / "report", "--force", *mode])
                rows.append((f"{size} {'quick' if mode else 'whole'}", f"{done.cpu:.0f}", f"{done.gigabytes:.2f}"))
                print(*rows[-1], f"{done.seconds:.0f} s", flush=True)
    print("", table(("training rows", "CPU seconds", "peak GB"), rows), machine(), sep="\n")


if __name__ == "__main__":
    main()
