"""Codes that exclude each other in a small register: how often generated rows have what no real row has.

    python tests/benchmarks/registry.py [--patients 2400] [--seeds 2] [--models autoregressive,copula]

An invented cancer register: diagnosis and topography (ICD-10) are of the same site, some cancers are of one sex,
morphology is of the site, and only who was operated on has a residual status. Half of the patients are learned from.
Shown are shares of rows that contradict this, none in reality, and the AUC of a likelihood attack (see
``remembering.py``).
"""

from __future__ import annotations

import argparse
from functools import partial
from typing import NamedTuple

import numpy as np
import pandas as pd

from synthgen import workflow
from synthgen.schema.config import ModelConfig
from tests.benchmarks.clock import machine, table, timed
from tests.benchmarks.remembering import attacked

HEADER = ("model", "seed", "fit s", "other site", "wrong sex", "other morphology", "residual unasked", "attack")
#: Generated rows.
ROWS = 10_000


class Site(NamedTuple):
    """A site's share of the cancers, its subsites, the sex it is of, and its morphologies."""

    share: float
    subsites: int
    sex: str
    morphologies: tuple[str, ...]


SITES = {
    "C50": Site(0.25, 9, "F", ("8500/3", "8520/3")),
    "C61": Site(0.18, 0, "M", ("8140/3",)),
    "C18": Site(0.14, 9, "", ("8140/3", "8480/3")),
    "C34": Site(0.12, 6, "", ("8140/3", "8070/3", "8041/3")),
    "C43": Site(0.07, 8, "", ("8720/3", "8743/3", "8721/3")),
    "C54": Site(0.05, 4, "F", ("8380/3",)),
    "C67": Site(0.05, 9, "", ("8120/3",)),
    "C56": Site(0.03, 0, "F", ("8441/3", "8460/3")),
    "C62": Site(0.02, 3, "M", ("9061/3", "9070/3")),
    "C20": Site(0.03, 0, "", ("8140/3",)),
    "C25": Site(0.03, 8, "", ("8140/3", "8500/3")),
    "C16": Site(0.03, 8, "", ("8140/3", "8490/3")),
}


def registry(patients: int, seed: int) -> pd.DataFrame:
    """A row per patient, as text."""
    rng = np.random.default_rng(seed)
    names = list(SITES)
    found = []
    for number, name in enumerate(rng.choice(names, patients, p=[site.share for site in SITES.values()])):
        site = SITES[name]
        subsite = 1 if rng.random() < 0.3 else int(rng.integers(1, site.subsites + 1)) if site.subsites else 0
        diagnosis = f"{name}.{subsite}" if site.subsites else name
        operated = rng.random() < 0.7
        found.append(
            {
                "patient_id": f"T{number:06d}",
                "icd10": diagnosis,
                "topography": f"{name}.9" if not site.subsites or rng.random() < 0.06 else diagnosis,
                "morphology": rng.choice(site.morphologies),
                "sex": site.sex or rng.choice(["M", "F"]),
                "age": str(int(np.clip(rng.normal(66, 12), 20, 99))),
                "stage": rng.choice(["I", "II", "III", "IV"]),
                "operated": "y" if operated else "n",
                "residual": rng.choice(["R0", "R1", "R2", "RX"], p=[0.82, 0.1, 0.04, 0.04]) if operated else "",
            }
        )
    return pd.DataFrame(found)


def contradictions(rows: pd.DataFrame) -> tuple[str, ...]:
    """The shares of rows that contradict what the register says of its patients, of those whose site is known."""
    rows = rows[rows["icd10"].str[:3].isin(list(SITES))].fillna("")
    site = [SITES[name] for name in rows["icd10"].str[:3]]
    found = (
        rows["icd10"].str[:3] != rows["topography"].str[:3],
        [of.sex not in ("", sex) for of, sex in zip(site, rows["sex"], strict=True)],
        [given not in of.morphologies for of, given in zip(site, rows["morphology"], strict=True)],
        (rows["operated"] == "y") != (rows["residual"] != ""),
    )
    return tuple(f"{np.mean(each):.4f}" for each in found)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--patients", type=int, default=2400)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--models", default="autoregressive,copula")
    options = parser.parse_args()
    lines: list[tuple[str, ...]] = []
    print(machine(), flush=True)
    for seed in range(1, options.seeds + 1):
        rows = registry(2 * options.patients, seed)
        lines.append(("real", str(seed), "", *contradictions(rows), ""))
        schema = workflow.schema_of(rows)[0].model_copy(update={"holdout": 0.5})
        everyone = schema.model_copy(update={"holdout": 0.0, "model": ModelConfig(name="copula")})
        reference = workflow.fit(rows, everyone, seed=seed)
        for model in options.models.split(","):
            one = schema.model_copy(update={"model": ModelConfig(name=model)})
            fit, seconds = timed(partial(workflow.fit, rows, one, seed=seed))
            sample = workflow.sample(fit.synthesizer, ROWS, seed=seed).to_pandas()
            assert isinstance(sample, pd.DataFrame)
            _, attack = attacked(fit, reference, rows, one)
            lines.append((model, str(seed), f"{seconds:.1f}", *contradictions(sample), attack))
            print(*lines[-1], sep="  ", flush=True)
    print("", table(HEADER, lines), sep="\n")


if __name__ == "__main__":
    main()
