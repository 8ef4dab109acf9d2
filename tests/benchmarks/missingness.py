"""Is a lab missing because of a condition in synthetic records as it is in real ones? On the sample data.

    python tests/benchmarks/missingness.py [--seeds 3]

hba1c is measured in most diabetics and in few others; the model of the config must keep the difference. Half a minute.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping

import numpy as np
import pyarrow as pa

from synthgen import workflow
from synthgen.schema import load as schema_file
from synthgen.tables.read import read
from tests.benchmarks.clock import ROOT, machine, table

DATA = ROOT / "sample_data" / "encounters.csv"
CONFIG = ROOT / "configs" / "sample.yaml"
LAB, CONDITION = "hba1c", "diabetes"
ROWS = 40_000
WITHIN = 0.10


def missing_rates(blocks: Iterable[pa.RecordBatch]) -> Mapping[str, float]:
    """The share of rows without the lab, by condition."""
    whole = pa.Table.from_batches(list(blocks)).select([LAB, CONDITION])
    lab, condition = (np.array(whole.column(name).to_pylist(), dtype=object) for name in (LAB, CONDITION))
    return {group: float(np.mean(lab[condition == group] == "")) for group in ("yes", "no")}


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    # Nothing held out, so that the real rates are those of the rows that were learned from.
    schema = schema_file.load(CONFIG).model_copy(update={"holdout": 0.0})
    (extract,) = read(DATA, schema=schema).tables.values()
    real = missing_rates(extract)
    gap = real["no"] - real["yes"]
    rows = [("real", f"{real['yes']:.3f}", f"{real['no']:.3f}", f"{gap:.3f}", "", "")]
    for seed in range(options.seeds):
        synthesizer = workflow.fit(DATA, schema, seed=seed).synthesizer
        found = missing_rates(workflow.sample(synthesizer, ROWS, seed=seed))
        own = found["no"] - found["yes"]
        word = "met" if abs(own / gap - 1) <= WITHIN else "MISSED"
        cells = (f"{found['yes']:.3f}", f"{found['no']:.3f}", f"{own:.3f}", f"{own / gap - 1:+.1%}", word)
        rows.append((f"synthetic, seed {seed}", *cells))
    header = (f"{LAB} missing", f"{CONDITION}", f"no {CONDITION}", "difference", "off by", f"within {WITHIN:.0%}")
    print(machine(), table(header, rows), sep="\n")


if __name__ == "__main__":
    main()
