"""Evaluate as `synthgen evaluate` does, and print the seconds of each measure and of the report.

    python tests/benchmarks/evaluate_steps.py synthetic.csv real.csv model.synthgen

The model has its split beside it; scale.py calls this.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from synthgen import judgement
from synthgen.report.write import write
from tests.benchmarks.clock import machine, table


class Steps:
    """A progress that notes when each step begins."""

    def __init__(self) -> None:
        self.begun = [("reading", time.perf_counter())]

    def __call__(self, step: str, done: float) -> None:
        """A step that begins anew under its own name is the same step."""
        if step != self.begun[-1][0]:
            self.begun.append((step, time.perf_counter()))

    def seconds(self) -> list[tuple[str, float]]:
        """Each step, in order, and how long it took."""
        ends = [begin for _, begin in self.begun[1:]] + [time.perf_counter()]
        return [(step, end - begin) for (step, begin), end in zip(self.begun, ends, strict=True)]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("synthetic", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("model", type=Path)
    options = parser.parse_args()
    steps = Steps()
    evaluation = judgement.evaluate(options.synthetic, options.real, model=options.model, seed=1, progress=steps)
    steps("writing the report", 0.0)
    with tempfile.TemporaryDirectory() as folder:
        write(evaluation, Path(folder) / "report")
    rows = [(step, f"{seconds:.1f}") for step, seconds in steps.seconds() if seconds >= 0.05]
    print(table(("step", "seconds"), rows), machine(), sep="\n")


if __name__ == "__main__":
    main()
