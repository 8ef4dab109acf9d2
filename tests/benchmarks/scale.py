"""Wall time and peak memory of whole commands at size: help, fit, a million rows, evaluate, demo.

    python tests/benchmarks/scale.py [--data diabetic_data.csv.gz]

Needs synthgen installed as for development; about nine minutes on two cores. This script itself imports nothing large:
where a process begins, the system counts its parent's memory as its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from tests.benchmarks.clock import CONFIG, DIABETES, at_most, machine, table, timed

ROWS = 1_000_000
EVALUATED = 80_000
HELPS = 10
SYNTHGEN = Path(sys.executable).with_name("synthgen")
STEPS = Path(__file__).with_name("evaluate_steps.py")


@dataclass(frozen=True)
class Run:
    """One process: wall seconds, CPU seconds of all its threads, peak memory in GB, and what it printed."""

    seconds: float
    cpu: float
    gigabytes: float
    output: str


def run(command: Sequence[str | Path]) -> Run:
    """Run a process to its end. Raises ``SystemExit`` with its messages where it fails."""
    with tempfile.TemporaryFile() as output:

        def whole() -> tuple[int, float, float]:
            process = subprocess.Popen([str(part) for part in command], stdout=output, stderr=subprocess.STDOUT)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
            # Kibibytes, but on macOS bytes.
            gigabytes = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
            return process.returncode, usage.ru_utime + usage.ru_stime, gigabytes

        (code, cpu, gigabytes), seconds = timed(whole)
        output.seek(0)
        said = output.read().decode()
    if code != 0:
        raise SystemExit(f"{' '.join(map(str, command))}: exit status {code}\n{said}")
    return Run(seconds, cpu, gigabytes, said)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=DIABETES)
    options = parser.parse_args()
    rows: list[tuple[str, ...]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model, synthetic = folder / "model.synthgen", folder / "synthetic.csv"

        def tell(what: str, seconds: float, target: float | None, gigabytes: float, limit: float | None) -> None:
            time = (f"{seconds:.2f}", "", "") if target is None else at_most(seconds, target, ".2f")
            memory = (f"{gigabytes:.2f}", "", "") if limit is None else at_most(gigabytes, limit, ".2f")
            rows.append((what, *time, *memory, machine().rpartition("average ")[2]))
            print(what, f"{seconds:.2f} s", f"{gigabytes:.2f} GB", sep="  ", flush=True)

        print(machine(), flush=True)
        helps = [run([SYNTHGEN, "--help"]) for _ in range(HELPS)]
        tell("synthgen --help, median", median(each.seconds for each in helps), 0.3, helps[0].gigabytes, None)
        fit = run([SYNTHGEN, "fit", options.data, "-c", CONFIG, "--model", "copula", "--seed", "1", "-o", model])
        tell("synthgen fit", fit.seconds, None, fit.gigabytes, None)
        million = run([SYNTHGEN, "sample", model, "-n", str(ROWS), "--seed", "1", "-o", folder / "million.csv"])
        tell(f"synthgen sample -n {ROWS}", million.seconds, 30, million.gigabytes, 2)
        run([SYNTHGEN, "sample", model, "-n", str(EVALUATED), "--seed", "1", "-o", synthetic])
        evaluate = [SYNTHGEN, "evaluate", synthetic, "--real", options.data, "-m", model, "--seed", "1"]
        whole = run([*evaluate, "-o", folder / "whole"])
        tell("synthgen evaluate", whole.seconds, 180, whole.gigabytes, 4)
        quick = run([*evaluate, "--quick", "-o", folder / "quick"])
        tell("synthgen evaluate --quick", quick.seconds, 30, quick.gigabytes, None)
        steps = run([sys.executable, STEPS, synthetic, options.data, model])
        demo = run([SYNTHGEN, "demo", "-o", folder / "demo"])
        tell("synthgen demo", demo.seconds, 60, demo.gigabytes, None)
    header = ("command", "seconds", "target", "", "peak GB", "target", "", "load average after")
    print("", table(header, rows), "", steps.output, sep="\n")


if __name__ == "__main__":
    main()
