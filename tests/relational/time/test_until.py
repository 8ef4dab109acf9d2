"""Results come before the discharge, as their rule says, and are not heaped up in the minute of it."""

from __future__ import annotations

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
from tests.relational.clinic import write
from tests.relational.test_extract import extract_of
from tests.relational.time.stays import HOUR, beside, every_three_hours, stays


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pd.DataFrame]:
    folder: Path = write(tmp_path_factory.mktemp("stays"), stays(150, (1, 6), every_three_hours))
    found = extract_of(fit(folder, seed=1).synthesizer, n=150).to_pandas()
    return {**found, "readings": beside(found)}


def test_no_reading_is_after_the_discharge(made: dict[str, pd.DataFrame]) -> None:
    """Without the rule that ``init`` states one in ten would be."""
    readings = made["readings"]
    assert len(readings) > 2000
    assert (readings["taken"] <= readings["left"]).all()
    assert (readings["taken"] >= readings["admitted"]).all()


def test_every_stay_is_over_and_within_the_months_of_the_real_ones(made: dict[str, pd.DataFrame]) -> None:
    """Told by the last day of their patients, some began after all that could end, and had no end then."""
    real = pd.DataFrame(stays(150, (1, 6), every_three_hours)["stays"])
    assert (made["stays"]["left"] != "").all()
    assert made["stays"]["admitted"].between(real["admitted"].min(), real["admitted"].max()).all()


def test_stays_begin_at_all_times_of_day(made: dict[str, pd.DataFrame]) -> None:
    """Told by the last day of their patients, who have one stay each, all began at midnight."""
    hours = pd.to_datetime(made["stays"]["admitted"]).dt.hour
    assert hours.nunique() > 12
    assert (hours == 0).mean() < 0.2


def test_readings_do_not_pile_up_at_the_end(made: dict[str, pd.DataFrame]) -> None:
    """Of readings some three hours apart one in six stays has one in its last half hour."""
    left = (made["readings"]["left"] - made["readings"]["taken"]).dt.total_seconds() / 60
    assert (left < 30).sum() < 1.6 * len(made["stays"]) / 6


def test_readings_go_on_until_the_discharge(made: dict[str, pd.DataFrame]) -> None:
    """Half of the real stays have their last one in their last two hours.

    With lengths told by whole stays alone it was ten hours, since eleven patients of 150 left aside are a third of a
    day away.
    """
    last = made["readings"].groupby("stay").agg(taken=("taken", "max"), left=("left", "first"))
    assert ((last["left"] - last["taken"]).dt.total_seconds() / HOUR).median() < 3


def test_as_many_readings_as_fit_a_stay(made: dict[str, pd.DataFrame]) -> None:
    """One every two and a half hours at most, and in three and a half at least."""
    times = (
        made["readings"]
        .groupby("stay")
        .agg(n=("taken", "size"), admitted=("admitted", "first"), left=("left", "first"))
    )
    hours = (times["left"] - times["admitted"]).dt.total_seconds() / HOUR
    assert (times["n"] <= hours / 2.5 + 1).mean() > 0.95
    assert (times["n"] >= hours / 3.5 - 2).mean() > 0.95


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
    """In stays of 2000 seconds a reading each is taken after 10, 20, ... 1200 seconds.

    The eleventh earliest after 110 seconds: so long a stay lasts at least to which one belongs. The eleventh latest
    after 1100: so long at most to which none does. Nobody has two, so that these take twice as long as one. What is
    shorter, or longer, by some 3 % can be as well.
    """
    patients, lasting, until = np.arange(120), np.full(120, 2000), 10 * np.arange(1, 121)
    lengths = Above(np.ones(120, np.int64), lasting, patients, until, until - 1).lengths
    assert lengths[:3] == ((0, 1133), (106, 2060), (213, 2060))
