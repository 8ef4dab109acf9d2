"""Patterns of the calendar come through several tables: working days, and winter for the most part."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthgen.workflow import fit
from tests.relational.clinic import write
from tests.relational.test_extract import extract_of

WINTER = (11, 12, 1, 2)


def patients_and_visits(n: int) -> dict[str, list[dict[str, str]]]:
    """Visits are some weeks apart, moved to a Friday where they would be on a weekend, and rare outside of winter."""
    rng = np.random.default_rng(1)
    patients, visits = [], []
    for who in range(n):
        born = date(1940, 1, 1) + timedelta(days=int(rng.integers(0, 20_000)))
        patients.append({"patient": f"P{1000 + 3 * who}", "born": born.isoformat()})
        day = date(2018, 1, 1) + timedelta(days=int(rng.integers(0, 400)))
        while day < date(2022, 1, 1):
            if day.month in WINTER or rng.random() < 0.15:
                on = day - timedelta(days=max(day.weekday() - 4, 0))
                kind = ("flu", "fall", "other")[int(rng.integers(0, 3))]
                visits.append({"patient": patients[-1]["patient"], "day": on.isoformat(), "kind": kind})
            day += timedelta(days=int(1 + rng.exponential(45)))
    return {"patients": patients, "visits": visits}


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.Series, pd.Series]:
    """When real and when generated visits are."""
    tables = patients_and_visits(300)
    folder: Path = write(tmp_path_factory.mktemp("seasons"), tables)
    made = extract_of(fit(folder, seed=1).synthesizer).to_pandas()["visits"]["day"]
    return pd.to_datetime(pd.DataFrame(tables["visits"])["day"]), pd.to_datetime(made)


def test_none_comes_on_a_weekend(days: tuple[pd.Series, pd.Series]) -> None:
    """By chance two in seven would."""
    real, made = days
    assert not (real.dt.weekday > 4).any()
    assert (made.dt.weekday > 4).mean() < 0.01
    assert (made.dt.weekday == 4).mean() > 0.25


def test_most_come_in_winter(days: tuple[pd.Series, pd.Series]) -> None:
    """By chance one in three would."""
    real, made = (found.dt.month.isin(WINTER).mean() for found in days)
    assert real > 0.7
    assert made > 0.55
