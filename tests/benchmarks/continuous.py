"""Do numeric columns come back as they were? On SUPPORT2: distribution, heaped values, decimals, missing cells.

    python tests/benchmarks/continuous.py [--data support2.csv.gz] [--model autoregressive] [--seeds 1]

Beside the figures of a model stand those of a round trip, the training rows encoded and decoded again: what is lost
there, no model can mend. A minute for the copula on two cores, a few for `autoregressive`.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from scipy.stats import ks_2samp, kstwobign

from synthgen import workflow
from synthgen.artifact.table import TableSynthesizer
from synthgen.schema import load as schema_file
from synthgen.schema.column import Integer, Number
from synthgen.schema.config import ModelConfig
from synthgen.tables.read import read
from tests.benchmarks.clock import DIABETES, ROOT, machine, table

SUPPORT2 = DIABETES.parents[1] / "support2" / "support2.csv.gz"
CONFIG = ROOT / "configs" / "support2.yaml"
ROWS = 100_000
#: The noise that is allowed for is what KS between equal distributions exceeds in one of twenty columns.
LEVEL = 0.05
TARGET = 0.01
#: A value is heaped where so many of the training cells that have one have it.
HEAPED = 0.01

DEFINITIONS = f"""\
KS        two-sample Kolmogorov-Smirnov distance between the numbers of synthetic and of training rows, and how much of
          it is beyond what equal distributions exceed in {LEVEL:.0%} of such samples (target: at most {TARGET})
heaped    largest difference in the share of one number, of those that {HEAPED:.0%} of the training numbers or more are
decimals  total variation between how many decimals the numbers are written with
missing   difference in the share of cells without a number"""


@dataclass(frozen=True)
class Numbers:
    """The cells of one column: those that are numbers, how they are written, and the share of those that are none."""

    values: NDArray[np.float64]
    decimals: Mapping[int, float]
    missing: float

    @classmethod
    def of(cls, texts: Iterable[str]) -> Numbers:
        """Read the cells of a column; what does not read as a number is none."""
        values, decimals, n = [], Counter[int](), 0
        for text in texts:
            n += 1
            try:
                values.append(float(text))
            except ValueError:
                continue
            decimals[len(text.strip().partition(".")[2])] += 1
        return cls(np.array(values), {k: v / len(values) for k, v in decimals.items()}, 1 - len(values) / n)


@dataclass(frozen=True)
class Kept:
    """How well one column is kept."""

    ks: float
    beyond: float
    heaped: float
    decimals: float
    missing: float

    @classmethod
    def of(cls, real: Numbers, synthetic: Numbers) -> Kept:
        """What is lost from one to the other. The real numbers are the whole of what was learned, without noise."""
        ks = float(ks_2samp(real.values, synthetic.values, method="asymp").statistic)
        noise = float(kstwobign.isf(LEVEL)) / np.sqrt(len(synthetic.values))
        common, counts = np.unique(real.values, return_counts=True)
        heaped = common[counts >= HEAPED * len(real.values)]
        off = [abs(np.mean(real.values == value) - np.mean(synthetic.values == value)) for value in heaped]
        ways = {*real.decimals, *synthetic.decimals}
        changed = sum(abs(real.decimals.get(way, 0.0) - synthetic.decimals.get(way, 0.0)) for way in ways) / 2
        return cls(
            ks, max(ks - noise, 0.0), float(max(off, default=0.0)), changed, abs(real.missing - synthetic.missing)
        )


def columns_of(blocks: Iterable[pa.RecordBatch], names: Iterable[str]) -> dict[str, Numbers]:
    """The numbers of some columns."""
    whole = pa.Table.from_batches(list(blocks))
    return {name: Numbers.of(whole.column(name).to_pylist()) for name in names}


def round_trip(synthesizer: TableSynthesizer, blocks: Iterable[pa.RecordBatch], times: int) -> list[pa.RecordBatch]:
    """Rows encoded and decoded again, several times."""
    codec, rng = synthesizer.flat.codec, np.random.default_rng(0)
    found = []
    for block in blocks:
        codes = codec.encode(block)
        # What was merged is unobserved: it is left out, as a model leaves it out.
        for column in codes.T:
            seen = column >= 0
            column[~seen] = rng.choice(column[seen], int((~seen).sum())) if seen.any() else 0
        rows = np.arange(len(codes))
        found += [codec.decode(codes, rng=rng, key=b"", rows=rows, persons=rows) for _ in range(times)]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, default=SUPPORT2)
    parser.add_argument("--config", type=Path, default=CONFIG)
    parser.add_argument("--model", default="autoregressive")
    parser.add_argument("--seeds", type=int, default=1)
    options = parser.parse_args()
    schema = schema_file.load(options.config).model_copy(
        update={"holdout": 0.0, "model": ModelConfig(name=options.model)}
    )
    ((_, config),) = schema.tables.items()
    names = [name for name, column in config.columns.items() if isinstance(column, Integer | Number)]
    (extract,) = read(options.data, schema=schema).tables.values()
    blocks = list(extract)
    real = columns_of(blocks, names)
    print(machine(), DEFINITIONS, "", sep="\n", flush=True)
    for seed in range(options.seeds):
        synthesizer = workflow.fit(options.data, schema, seed=seed).synthesizer
        assert isinstance(synthesizer, TableSynthesizer)
        times = -(-ROWS // sum(block.num_rows for block in blocks))
        back = columns_of(round_trip(synthesizer, blocks, times), names)
        drawn = columns_of(workflow.sample(synthesizer, ROWS, seed=seed), names)
        rows = []
        for name in names:
            own, tripped = Kept.of(real[name], drawn[name]), Kept.of(real[name], back[name])
            word = "met" if own.beyond <= TARGET else "MISSED"
            figures = (own.ks, own.beyond, tripped.beyond, own.heaped, tripped.heaped, own.decimals, own.missing)
            rows.append((name, *(f"{figure:.4f}" for figure in figures), word))
        header = ("", "KS", "beyond", "round trip", "heaped", "round trip", "decimals", "missing", "")
        missed = sum(row[-1] == "MISSED" for row in rows)
        told = f"{options.model}, seed {seed}: {len(rows) - missed} of {len(rows)} columns within {TARGET}"
        print(table(header, rows), told, "", sep="\n", flush=True)


if __name__ == "__main__":
    main()
