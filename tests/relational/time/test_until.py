"""Results come before the discharge, as their rule says, and are not heaped up in the minute of it."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from synthgen.relational.time.calendar import Above
from synthgen.relational.time.moments import DAY, UNKNOWN, Hand
from synthgen.relational.time.until import earliest
from synthgen.schema.table import TableConfig
from synthgen.workflow import fit
from tests.encoding.build import POINT
from tests.relational.clinic import Tables, write
from tests.relational.test_extract import extract_of

HOUR = 3600


def stays(n: int) -> Tables:
    """Stays of one to six days, each with a reading some three hours after the last one until it is over."""
    rng = np.random.default_rng(1)
    tables: Tables = {"patients": [], "stays": [], "readings": []}
    for who in range(n):
        patient, stay = f"P{1000 + 3 * who}", f"S{5000 + 7 * who}"
        tables["patients"].append({"patient": patient, "sex": "FM"[who % 2]})
        begin = datetime(2021, 1, 1) + timedelta(minutes=int(rng.integers(0, 1_000_000)))
        end = begin + timedelta(minutes=int(rng.integers(DAY // 60, 6 * DAY // 60)))
        tables["stays"].append(
            {"stay": stay, "patient": patient, "admitted": f"{begin:%Y-%m-%d %H:%M}", "left": f"{end:%Y-%m-%d %H:%M}"}
        )
        while (begin := begin + timedelta(minutes=int(rng.integers(150, 210)))) < end:
            pulse = str(int(rng.normal(75, 8)))
            tables["readings"].append({"stay": stay, "taken": f"{begin:%Y-%m-%d %H:%M}", "pulse": pulse})
    return tables


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder: Path = write(tmp_path_factory.mktemp("stays"), stays(150))
    found = extract_of(fit(folder, seed=1).synthesizer, n=150).to_pandas()
    readings = found["readings"].merge(found["stays"], on="stay")
    readings[["taken", "admitted", "left"]] = readings[["taken", "admitted", "left"]].apply(pd.to_datetime)
    return {**found, "readings": readings}


def test_no_reading_is_after_the_discharge(made: dict[str, pd.DataFrame]) -> None:
    """Without the rule that ``init`` states one in ten would be."""
    readings = made["readings"]
    assert len(readings) > 2000
    assert (readings["taken"] <= readings["left"]).all()
    assert (readings["taken"] >= readings["admitted"]).all()


def test_readings_do_not_pile_up_at_the_end(made: dict[str, pd.DataFrame]) -> None:
    """Of readings some three hours apart one in six stays has one in its last half hour."""
    left = (made["readings"]["left"] - made["readings"]["taken"]).dt.total_seconds() / 60
    assert (left < 30).sum() < 1.6 * len(made["stays"]) / 6


def test_as_many_readings_as_fit_a_stay(made: dict[str, pd.DataFrame]) -> None:
    """One every two and a half hours at most, and in three and a half at least."""
    times = (
        made["readings"]
        .groupby("stay")
        .agg(n=("taken", "size"), admitted=("admitted", "first"), left=("left", "first"))
    )
    hours = (times["left"] - times["admitted"]).dt.total_seconds() / HOUR
    assert (times["n"] <= hours / 2.5 + 2).mean() > 0.95
    assert (times["n"] >= hours / 3.5 - 6).mean() > 0.9


def test_the_first_of_several_ends_counts_and_a_day_lasts_until_it_is_over() -> None:
    config = TableConfig.model_validate({"columns": {"left": {"kind": "datetime"}, "died": {"kind": "date"}}})
    left, died = (Hand.of(name, config, POINT) for name in ("left", "died"))
    assert left is not None
    assert died is not None
    ends = earliest(
        4,
        [
            (left, np.array([DAY + HOUR, UNKNOWN]), np.array([0, 1, 0, -1])),
            (died, np.array([DAY, 0]), np.array([0, 1, 1, -1])),
        ],
    )
    assert ends.tolist() == [DAY + HOUR, DAY - 1, DAY - 1, UNKNOWN]


def test_how_long_rows_last_is_told_of_eleven_patients() -> None:
    """The eleventh shortest with so many rows or more, the eleventh longest with so many or fewer; some 3 % beyond.

    Nobody has two rows, so that these take twice as long as one; and however long a row lasts, some number fits it.
    """
    numbers = np.repeat([0, 1], 120)
    lasting = np.r_[np.arange(1, 121), np.arange(201, 321)] * 10
    lengths = Above(numbers, lasting, np.arange(240)).lengths
    assert lengths[:3] == ((0, 2100), (2037, 4200), (4074, 6300))
