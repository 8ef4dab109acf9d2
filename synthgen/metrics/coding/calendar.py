"""Bin edges on the calendar: at whole hours, days, weeks, months or years, whatever the observations are."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Moment = Literal["date", "datetime", "time"]

_DAY = 86_400
#: 1970 began on a Thursday; weeks begin on Mondays.
_MONDAY = 4
_CLOCK_STEPS = (60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600)
_DAY_STEPS = (1, 2, 7, 14)
_MONTH_STEPS = (1, 3, 6)
_YEAR_STEPS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def calendar_edges(low: float, high: float, *, kind: Moment, most: int) -> tuple[NDArray[np.float64], list[str]]:
    """At most ``most`` edges from about ``low`` to about ``high``, evenly spaced on the calendar, as coarse as need be.

    Args:
        low, high: days since 1970 for ``date``, seconds since 1970 for ``datetime``, since midnight for ``time``.

    Returns:
        The edges in the same unit, shape ``(n_edges,)``, and each in ISO 8601: ``2021-03-01``, ``2021-03-01T06:00``
        or ``06:00``.
    """
    unit = 1 if kind == "date" else _DAY
    grids = chain(() if kind == "date" else _clock(low, high), () if kind == "time" else _calendar(low, high, unit))
    edges = np.empty(0)
    for edges in grids:
        if len(edges) <= most:
            break
    edges = edges[:most]
    return edges, [iso(float(edge), kind) for edge in edges]


def _clock(low: float, high: float) -> Iterator[NDArray[np.float64]]:
    for step in _CLOCK_STEPS:
        if (high - low) / step < 1000:
            yield np.arange(np.floor(low / step), np.ceil(high / step) + 1) * step


def _calendar(low: float, high: float, unit: int) -> Iterator[NDArray[np.float64]]:
    first, last = np.floor(low / unit), np.ceil(high / unit)
    for step in _DAY_STEPS:
        if last - first < 1000:
            shift = _MONDAY if step % 7 == 0 else 0
            days = np.arange((first - shift) // step, (last - shift) // step + 2) * float(step) + shift
            yield np.asarray(days * unit, np.float64)
    month, end = (int(np.datetime64(int(day), "D").astype("datetime64[M]").astype(int)) for day in (first, last))
    for step in (*_MONTH_STEPS, *(12 * years for years in _YEAR_STEPS)):
        # Counted from the year 0, so that decades begin where people expect them.
        months = np.arange((month + _MONTHS_TO_1970) // step, (end + _MONTHS_TO_1970) // step + 2) * step
        starts = (months - _MONTHS_TO_1970).astype("datetime64[M]").astype("datetime64[D]")
        yield np.asarray(starts.astype(np.int64) * float(unit), np.float64)


_MONTHS_TO_1970 = 1970 * 12


def iso(edge: float, kind: Moment) -> str:
    """The moment in ISO 8601, from days since 1970 of a ``date``, else from seconds."""
    if kind == "date":
        return str(np.datetime64(int(edge), "D"))
    moment = str(np.datetime64(int(edge), "s").astype("datetime64[m]"))
    return moment if kind == "datetime" else "24:00" if edge >= _DAY else moment[-5:]
