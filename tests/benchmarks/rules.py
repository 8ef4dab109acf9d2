"""What rules cost: violation rates with and without them, and the processor's seconds of sampling.

    python tests/benchmarks/rules.py DATA CONFIG RULES [MODEL]

RULES is a file with a rule on each line. As many rows are generated as are in the training set.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from synthgen import workflow
from synthgen.relational.rules.real import Rules, RuleSummary
from synthgen.schema.config import Schema
from synthgen.schema.load import load
from synthgen.schema.rules import expression as ex


def broken(made: workflow.Sample, rules: Rules) -> tuple[list[float], float]:
    """The share of rows that break each rule, and the seconds that making the rows took."""
    start = time.process_time()
    batches = list(made)
    seconds = time.process_time() - start
    whole: RuleSummary | None = None
    for batch in batches:
        patient = rules.config.patient
        ids = np.arange(batch.num_rows) if patient is None else pc.cast(batch.column(patient), pa.string()).to_pylist()
        hashes = np.array([hash(each) % 2**63 for each in ids], np.uint64)
        found = rules.summarise(batch, hashes, persons=False)
        whole = found if whole is None else whole.merge(found)
    assert whole is not None
    return [_share(rule, of, whole.rows) for rule, of in zip(rules.expressions, whole.levels, strict=True)], seconds


def _share(rule: ex.Expression, levels: object, rows: int) -> float:
    keys, counts = levels.keys, levels.counts  # type: ignore[attr-defined]
    if isinstance(rule, ex.BETWEEN_ROWS):
        return float((counts - 1).sum() / rows)
    return float(counts[keys == 0].sum() / rows)


def _with(schema: Schema, name: str, rules: tuple[str, ...]) -> Schema:
    raw = schema.model_dump(mode="json")
    raw["tables"][name]["constraints"] = rules
    return Schema.model_validate(raw)


def main(data: str, config: str, rules: str, model: str = "copula") -> None:
    schema = load(config)
    (name,) = schema.tables
    texts = tuple(line.strip() for line in Path(rules).read_text(encoding="utf-8").splitlines() if line.strip())
    schemas = [_with(schema, name, stated) for stated in ((), texts)]
    fits = [workflow.fit(data, each, model=model, seed=1) for each in schemas]
    print("\n".join(fits[1].rules))
    n = 20_000
    read = Rules(schemas[1].tables[name], schemas[1].format)
    shares, seconds = zip(*(broken(workflow.sample(f.synthesizer, n, seed=2), read) for f in fits), strict=True)
    print(f"{n} rows: {seconds[0]:.1f} s without rules, {seconds[1]:.1f} s with")
    for rule, real, before, after in zip(texts, fits[1].synthesizer.flat.rates, *shares, strict=True):
        print(f"{before:8.2%} -> {after:8.2%} (real {real or 0:.2%})  {rule}")


if __name__ == "__main__":
    main(*sys.argv[1:])
