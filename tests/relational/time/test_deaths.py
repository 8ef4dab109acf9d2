"""Visits of patients who died come no later than their deaths, though the dates are drawn apart."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from synthgen.workflow import fit
from tests.relational.clinic import Tables, write
from tests.relational.test_extract import extract_of


def lives(n: int) -> Tables:
    """Visits a month or two apart until a death, for four in ten, or until the end of 2021."""
    rng = np.random.default_rng(1)
    tables: Tables = {"patients": [], "visits": []}
    for who in range(n):
        born = date(1940, 1, 1) + timedelta(days=int(rng.integers(0, 20_000)))
        day = date(2018, 1, 1) + timedelta(days=int(rng.integers(0, 400)))
        last = date(2022, 1, 1)
        died = min(day + timedelta(days=int(rng.exponential(500))), last) if rng.random() < 0.4 else None
        row = {"patient": f"P{1000 + 3 * who}", "born": str(born), "died": str(died or "")}
        tables["patients"].append(row)
        while day <= (died or last):
            tables["visits"].append({"patient": row["patient"], "day": str(day)})
            day += timedelta(days=int(1 + rng.exponential(60)))
    return tables


def test_nobody_is_seen_after_the_death(tmp_path: Path) -> None:
    """Without the rule that ``init`` states one visit in five of the dead would be."""
    fitted = fit(write(tmp_path, lives(100)), seed=1)
    made = extract_of(fitted.synthesizer, n=100).to_pandas()
    both = made["visits"].merge(made["patients"], on="patient")
    dead = both[both["died"] != ""]
    assert len(dead) > 50
    assert (pd.to_datetime(dead["day"]) <= pd.to_datetime(dead["died"])).all()
