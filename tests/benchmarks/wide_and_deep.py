"""What a fit costs in CPU seconds and memory: 1,000 columns, 10,000 codes, and by rows and by columns.

    python tests/benchmarks/wide_and_deep.py [--model autoregressive] [--only wide,deep,rows,columns] [--plot FILE.svg]

Each fit is a whole `synthgen fit` process on a table of levels that hang together by ten common factors. CPU seconds of
one thread, so that others on the machine hardly matter; about twenty minutes in all. This script itself imports nothing
large: where a process begins, the system counts its parent's memory as its own.
"""

from __future__ import annotations

import argparse
import math
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.benchmarks.clock import ROOT, at_most, machine, table

FACTORS = 10
#: Columns of a table of so many bits altogether; each has the bits that fall to it.
BITS = 800
ROWS = 20_000
WIDE = 1_000
DEEP_ROWS, DEEP_CODES = 200_000, 10_000
BY_ROWS = (5_000, 10_000, 20_000, 40_000)
BY_COLUMNS = (100, 200, 400, 800)
MOST_GIGABYTES = 6.0
#: Minutes on two cores.
MOST_SECONDS = 600.0

MAKE = """
import sys
import numpy as np, pyarrow as pa, pyarrow.csv as pa_csv
path, rows, deep, *levels = sys.argv[1], *map(int, sys.argv[2:])
rng = np.random.default_rng(1)
factors = rng.standard_normal((rows, {factors}), np.float32)
columns = {{}}
if deep:
    codes = rng.permutation(np.arange(rows) % deep)
    factors += rng.standard_normal((deep // 100, {factors}), np.float32)[codes // 100]
    columns["code"] = pa.array([f"C{{code:05d}}" for code in codes])
for i, size in enumerate(levels):
    score = factors @ rng.standard_normal({factors}).astype(np.float32) + 2 * rng.standard_normal(rows, np.float32)
    place = np.argsort(np.argsort(score)) * size // rows
    columns[f"c{{i}}"] = pa.array([f"v{{level}}" for level in range(size)]).take(pa.array(place))
pa_csv.write_csv(pa.table(columns), path)
"""


@dataclass(frozen=True)
class Cost:
    """What one fit took."""

    seconds: float
    gigabytes: float


def cost(folder: Path, model: str, rows: int, levels: Sequence[int], codes: int = 0) -> Cost:
    """Fit a table of so many rows, with a column for each number of levels, and perhaps one of many codes."""
    data, config = folder / "data.csv", folder / "config.yaml"
    program = MAKE.format(factors=FACTORS)
    sizes = map(str, levels)
    subprocess.run([sys.executable, "-c", program, str(data), str(rows), str(codes), *sizes], check=True)
    names = [*(["code"] if codes else []), *(f"c{i}" for i in range(len(levels)))]
    columns = "\n".join(f"      {name}: {{kind: category}}" for name in names)
    config.write_text(
        f"version: 1\ntables:\n  wide:\n    columns:\n{columns}\nholdout: 0\nmodel: {{name: {model}}}\n",
        encoding="utf-8",
    )
    command = [sys.executable, "-m", "synthgen.cli", "fit", str(data), "-c", str(config), "--seed", "1", "--force"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*command, "-o", str(folder / "model")], env=environment, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"{' '.join(command)}: exit status {os.waitstatus_to_exitcode(status)}")
    # Kibibytes, but on macOS bytes.
    peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    return Cost(usage.ru_utime + usage.ru_stime, peak)


def exponent(sizes: Sequence[int], costs: Sequence[Cost]) -> float:
    """The slope of the logarithm of seconds over that of size: 1 is linear."""
    x, y = [math.log(size) for size in sizes], [math.log(each.seconds) for each in costs]
    across, up = sum(x) / len(x), sum(y) / len(y)
    return sum((a - across) * (b - up) for a, b in zip(x, y, strict=True)) / sum((a - across) ** 2 for a in x)


def tell_one(what: str, found: Cost) -> str:
    """A fit beside its limits."""
    rows = [
        ("CPU seconds", *at_most(found.seconds, MOST_SECONDS, ".0f")),
        ("peak GB", *at_most(found.gigabytes, MOST_GIGABYTES, ".2f")),
    ]
    return table((what, "", "limit", ""), rows)


def tell_growth(what: str, sizes: Sequence[int], costs: Sequence[Cost]) -> str:
    """Fits of growing size, and how their time grows."""
    rows = [
        (f"{size:,}", f"{each.seconds:.1f}", f"{each.gigabytes:.2f}") for size, each in zip(sizes, costs, strict=True)
    ]
    grows = exponent(sizes, costs)
    return f"{table((what, 'CPU seconds', 'peak GB'), rows)}\ntime grows with size to the power {grows:.2f}"


def plot(path: Path, series: Mapping[str, tuple[Sequence[int], Sequence[Cost]]]) -> None:
    """Time against size, both logarithmic, with a line of slope 1 through the first point."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(4.5 * len(series), 3.6), layout="constrained")
    for at, (what, (sizes, costs)) in enumerate(series.items(), 1):
        axes = figure.add_subplot(1, len(series), at)
        axes.loglog(sizes, [each.seconds for each in costs], "o-", label="measured")
        axes.loglog(sizes, [costs[0].seconds * size / sizes[0] for size in sizes], "--", color="grey", label="linear")
        axes.set_xlabel(what)
        axes.set_ylabel("CPU seconds of a fit")
        axes.legend()
    figure.savefig(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--model", default="autoregressive")
    parser.add_argument("--only", default="wide,deep,rows,columns")
    parser.add_argument("--plot", type=Path)
    options = parser.parse_args()
    growth: dict[str, tuple[Sequence[int], list[Cost]]] = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def fit(rows: int, levels: Sequence[int], codes: int = 0) -> Cost:
            return cost(folder, options.model, rows, levels, codes)

        def wide() -> str:
            return tell_one(f"{WIDE:,} columns x {ROWS:,} rows", fit(ROWS, [2 + i % 9 for i in range(WIDE)]))

        def deep() -> str:
            what = f"a column of {DEEP_CODES:,} codes and 20 others x {DEEP_ROWS:,} rows"
            return tell_one(what, fit(DEEP_ROWS, [8] * 20, DEEP_CODES))

        def by_rows() -> str:
            what = "rows, of 100 columns of 8 levels"
            growth[what] = BY_ROWS, [fit(rows, [8] * 100) for rows in BY_ROWS]
            return tell_growth(what, *growth[what])

        def by_columns() -> str:
            what = f"columns, of {BITS} bits altogether, {ROWS:,} rows"
            growth[what] = BY_COLUMNS, [fit(ROWS, [2 ** (BITS // n)] * n) for n in BY_COLUMNS]
            return tell_growth(what, *growth[what])

        parts: dict[str, Callable[[], str]] = {"wide": wide, "deep": deep, "rows": by_rows, "columns": by_columns}
        print(options.model, machine(), "", sep="\n", flush=True)
        for part in options.only.split(","):
            print(parts[part](), "", sep="\n", flush=True)
    if options.plot is not None and growth:
        plot(options.plot, growth)


if __name__ == "__main__":
    main()
