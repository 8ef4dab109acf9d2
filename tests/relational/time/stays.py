"""Invented stays in a hospital, one a patient, with readings by steps or by the clock until each is over."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from synthgen.relational.time.moments import DAY
from tests.relational.clinic import Row, Tables

HOUR = 3600
Readings = Callable[[datetime, datetime, np.random.Generator], Iterable[tuple[datetime, Row]]]
"""When something is read in a stay from its begin to its end, and what."""


def stays(n: int, days: tuple[int, int], read: Readings) -> Tables:
    """Stays of so many days at least and at most."""
    rng = np.random.default_rng(1)
    tables: Tables = {"patients": [], "stays": [], "readings": []}
    for who in range(n):
        patient, stay = f"P{1000 + 3 * who}", f"S{5000 + 7 * who}"
        tables["patients"].append({"patient": patient, "sex": "FM"[who % 2]})
        begin = datetime(2021, 1, 1) + timedelta(minutes=int(rng.integers(0, 1_000_000)))
        end = begin + timedelta(minutes=int(rng.integers(days[0] * DAY // 60, days[1] * DAY // 60)))
        tables["stays"].append({"stay": stay, "patient": patient, "admitted": _text(begin), "left": _text(end)})
        tables["readings"] += [
            {"stay": stay, "taken": _text(when), **what} for when, what in read(begin, end, rng) if begin < when < end
        ]
    return tables


def _text(when: datetime) -> str:
    return f"{when:%Y-%m-%d %H:%M}"


def every_three_hours(begin: datetime, end: datetime, rng: np.random.Generator) -> Iterable[tuple[datetime, Row]]:
    """A reading some three hours after the last one."""
    when = begin
    while (when := when + timedelta(minutes=int(rng.integers(150, 210)))) < end:
        yield when, {"pulse": str(int(rng.normal(75, 8)))}


def three_times_a_day(begin: datetime, end: datetime, rng: np.random.Generator) -> Iterable[tuple[datetime, Row]]:
    """A round at 6, 14 and 22 o'clock, a quarter of an hour more or less, that reads two values at once."""
    day = begin.replace(hour=0, minute=0)
    for hour in range(6, 8 * 24, 8):
        when = day + timedelta(minutes=60 * hour + int(rng.integers(-15, 16)))
        for what in ("pulse", "temp") if begin < when < end else ():
            yield when, {"what": what, "value": str(int(rng.normal(75 if what == "pulse" else 37, 3)))}


def beside(found: dict[str, pd.DataFrame]) -> pd.DataFrame:
    """The readings with the times of their stays, as moments."""
    readings = found["readings"].merge(found["stays"], on="stay")
    readings[["taken", "admitted", "left"]] = readings[["taken", "admitted", "left"]].apply(pd.to_datetime)
    return readings
