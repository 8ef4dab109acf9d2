"""The CPU seconds of each step of `synthgen evaluate` on one table, one step after another.

    python -m tests.benchmarks.evaluate_steps synthetic.csv real.csv model.synthgen [--quick]

The model has its split beside it. The command itself runs measures at the same time, so that its seconds cannot be
told apart by measure: the CPU seconds of a step do not depend on what else runs, and their sum over the cores bounds
the command's wall time from below. What several measures share is counted with the first of them. scale.py takes the
wall time and memory of the command.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from synthgen.artifact.load import look
from synthgen.inputs import only_table, split_path, with_schema
from synthgen.judgement import one
from synthgen.metrics.judging import measured, measures
from synthgen.metrics.result import Evaluation
from synthgen.metrics.verdicts import family_wise
from synthgen.progress import silent
from synthgen.report.write import write
from synthgen.tables.split import Split
from tests.benchmarks.clock import machine, table

T = TypeVar("T")
SEED = 1


class Steps:
    """CPU seconds of this process, threads included, by step."""

    def __init__(self) -> None:
        self.seconds: list[tuple[str, float]] = [("start and imports", time.process_time())]

    def __call__(self, step: str, work: Callable[[], T]) -> T:
        """What ``work`` gives; its seconds are noted."""
        before = time.process_time()
        found = work()
        self.seconds.append((step, time.process_time() - before))
        return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("synthetic", type=Path)
    parser.add_argument("real", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    steps = Steps()
    synthesizer = look(options.model)
    dataset, schema = steps("schema", lambda: with_schema(options.real, synthesizer.schema))
    split = Split.load(split_path(options.model))
    comparison, inputs = steps(
        "reading", lambda: one.compared(options.synthetic, only_table(dataset), None, split, schema, synthesizer)
    )
    metrics, lines = [], []
    # Threads that wait for each other burn seconds that are nobody's work.
    with threadpool_limits(1):
        for name, measure in measures(schema.evaluation.policy, quick=options.quick).items():
            own, said = steps(name, partial(measured, name, measure, comparison, SEED, silent))
            metrics += own
            lines += said
    evaluation = Evaluation(
        seed=SEED, synthgen="benchmark", inputs=inputs, verdicts=family_wise(lines), metrics=tuple(metrics)
    )
    with tempfile.TemporaryDirectory() as folder:
        steps("writing the reports", lambda: write(evaluation, Path(folder) / "report"))
    rows = [(step, f"{seconds:.2f}") for step, seconds in steps.seconds if seconds >= 0.05]
    rows.append(("all", f"{sum(seconds for _, seconds in steps.seconds):.2f}"))
    print(table(("step", "CPU seconds"), rows), machine(), sep="\n")


if __name__ == "__main__":
    main()
