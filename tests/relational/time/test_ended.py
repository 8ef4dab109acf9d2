"""In an extract of a few years the time between a patient's few rows is as in reality, whatever their ages are."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import ks_2samp

from synthgen.workflow import fit
from tests.relational.clinic import write
from tests.relational.test_extract import extract_of

BEGIN, END = date(2021, 1, 1), date(2023, 12, 31)


def patients_and_stays(n: int) -> dict[str, list[dict[str, str]]]:
    """Adults of any age; some 200 days lie between the one, two or three stays of each, within three years."""
    rng = np.random.default_rng(1)
    patients, stays = [], []
    for who in range(n):
        born = date(1925, 1, 1) + timedelta(days=int(rng.integers(0, 28_000)))
        patients.append({"patient": f"P{1000 + 3 * who}", "born": born.isoformat()})
        day = BEGIN + timedelta(days=int(rng.integers(0, (END - BEGIN).days)))
        for _ in range(int(rng.integers(1, 4))):
            if day <= END:
                stays.append(
                    {"patient": patients[-1]["patient"], "day": day.isoformat(), "ward": f"W{rng.integers(5)}"}
                )
            day += timedelta(days=int(rng.normal(200, 40)))
    return {"patients": patients, "stays": stays}


@pytest.fixture(scope="module")
def tables(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """The real ones and generated ones."""
    real = patients_and_stays(400)
    folder: Path = write(tmp_path_factory.mktemp("ended"), real)
    made = extract_of(fit(folder, seed=1).synthesizer).to_pandas()
    return {name: pd.DataFrame(rows) for name, rows in real.items()}, made


def _gaps(stays: pd.DataFrame) -> pd.Series:
    days = stays.assign(day=pd.to_datetime(stays["day"])).sort_values(["patient", "day"])
    return days.groupby("patient")["day"].diff().dt.days.dropna()


def test_the_time_between_stays_is_kept(
    tables: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]],
) -> None:
    """Told by the ages at first stays, of which three years hold many, it would be anything up to three years."""
    real, made = (_gaps(of["stays"]) for of in tables)
    assert len(made) > 100
    assert ks_2samp(real, made).statistic < 0.2
    assert abs(real.median() - made.median()) < 30


def test_all_stays_are_after_birth_and_within_the_years(
    tables: tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]],
) -> None:
    made = tables[1]["stays"].merge(tables[1]["patients"], on="patient")
    days = pd.to_datetime(made["day"])
    assert (days >= pd.to_datetime(made["born"])).all()
    assert days.between(pd.Timestamp(BEGIN), pd.Timestamp(END)).all()
