"""Whether intervals of measures of several tables and of time cover what they should, by perfect generators.

    python tests/benchmarks/known_answers_of_folders.py --seeds 200 --patients 200

Train, holdout and synthetic set are fresh draws of the hospital of ``tests/metrics/longitudinal``. For every
figure: how often its 95 % interval covers the mean of the figure over all runs, and how often that of its difference
from the ceiling covers zero.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial

import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from synthgen.metrics.judging_tables import relational_measures
from tests.benchmarks.clock import machine, table
from tests.benchmarks.known_answers import share_of
from tests.metrics.longitudinal.hospital import extracts, hospital

#: By measure and table: value and the ends of its interval, then the ends of the difference's.
Found = dict[tuple[str, str], tuple[float, float, float, float, float]]


def perfect(seed: int, *, patients: int) -> Found:
    """A perfect generator under this seed."""
    sets = (hospital(patients, 3 * seed + k, f"{k}") for k in range(3))
    compared = extracts(*sets)
    found: Found = {}
    for measure in relational_measures().values():
        for metric in measure.measure(compared, rng=np.random.default_rng(seed)):
            difference = metric.details.get("above_ceiling") or metric.details.get("below_ceiling")
            if metric.value is not None and difference and difference["interval"]:
                ends = metric.interval or (float("nan"), float("nan"))
                found[metric.name, metric.table] = (metric.value, *ends, *difference["interval"])
    return found


def lines_of(found: list[Found]) -> Iterator[tuple[str, ...]]:
    """The rows of the table."""
    for key in dict.fromkeys(key for each in found for key in each):
        runs = np.array([each[key] for each in found if key in each])
        value, low, high, zero_low, zero_high = runs.T
        name = f"{key[0]} of {key[1]}"
        mean = value.mean()
        if np.isfinite(low).all():
            yield share_of(f"{name}: covers its mean {mean:.4f}", (low <= mean) & (mean <= high), low=0.93, high=0.97)
        yield share_of(f"{name}: difference covers 0", (zero_low <= 0) & (zero_high >= 0), low=0.93)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--patients", type=int, default=200)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers, initializer=threadpool_limits, initargs=(1,)) as pool:
        found = list(pool.map(partial(perfect, patients=options.patients), range(options.seeds)))
    print(table(("", "runs", "found", "expected", ""), list(lines_of(found))), machine(), sep="\n")


if __name__ == "__main__":
    main()
