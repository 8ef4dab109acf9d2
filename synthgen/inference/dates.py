"""In which format a column holds dates, times, or both."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.inference.numbers import NEARLY_ALL
from synthgen.inference.values import Values

Kind = Literal["date", "datetime", "time"]

_MONTHS = {month: number for number, month in enumerate("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split(), 1)}
_PATTERNS = {
    "%Y": r"(?P<Y>\d{4})",
    "%y": r"(?P<y>\d{2})",
    "%m": r"(?P<m>\d{1,2})",
    "%d": r"(?P<d>\d{1,2})",
    "%b": rf"(?P<b>{'|'.join(_MONTHS)})",
    "%H": r"(?P<H>\d{1,2})",
    "%I": r"(?P<I>\d{1,2})",
    "%M": r"(?P<M>\d{2})",
    "%S": r"(?P<S>\d{2})",
    "%f": r"(?P<f>\d{1,6})",
    "%p": r"(?P<p>[AP]M)",
}
#: The range of each part; years from 1800, so that numbers of eight digits are seldom taken for dates.
_RANGES = {"Y": (1800, 9999), "m": (1, 12), "d": (1, 31), "H": (0, 23), "I": (1, 12), "M": (0, 59), "S": (0, 59)}

_DATES = (
    "%Y-%m-%d %d.%m.%Y %d/%m/%Y %m/%d/%Y %Y/%m/%d %d-%m-%Y %m-%d-%Y %Y.%m.%d %d.%m.%y %d/%m/%y %m/%d/%y %d-%b-%Y %d%b%Y"
).split()
_TIMES = ("%H:%M:%S", "%H:%M", "%H:%M:%S.%f", "%I:%M %p", "%I:%M:%S %p")
#: Without marks every part has its full width, or ``2014123`` could be read in two ways.
_COMPACT: dict[str, Kind] = {"%Y%m%d": "date", "%Y%m%d%H%M": "datetime", "%Y%m%d%H%M%S": "datetime"}


@dataclass(frozen=True)
class DateFormat:
    """A format in which a column holds dates.

    Attributes:
        kind: ``date``, ``datetime`` or ``time``.
        format: as ``strptime`` reads it.
        is_date: which distinct texts are of that format and a day of the calendar.
        ambiguous: the day and the month could be exchanged in every value.
        unpadded: some days, months or hours are written without a leading zero.
        far: which are so far in the future (from the year 2900) that they must mean something else: ``9999-12-31``.
        beyond_a_day: hours go beyond a day, so they are counted from something else than midnight.
    """

    kind: Kind
    format: str
    is_date: NDArray[np.bool_]
    ambiguous: bool
    unpadded: bool
    far: NDArray[np.bool_]
    beyond_a_day: bool = False


def find_format(column: Values) -> DateFormat | None:
    """The format that nearly all rows of a column have; ``None`` where there is none."""
    sample = column.stripped[:: max(1, len(column.texts) // 20)][:25].to_pylist()
    read = []
    for pattern, form, kind in _FORMATS:
        if sum(pattern.fullmatch(text) is not None for text in sample) * 2 > len(sample):
            parts = _read(column, form, kind)
            if column.share(parts.is_date) >= NEARLY_ALL:
                read.append(parts)
    if not read:
        return _beyond_a_day(column)
    best = max(read, key=lambda parts: column.share(parts.is_date))  # the first of equals
    # A time of day has neither day nor month and would be its own exchange.
    exchanged = any(other.format != best.format == _exchange(other.format) for other in read)
    return DateFormat(best.kind, best.format, best.is_date, exchanged, best.unpadded, best.far)


def _beyond_a_day(column: Values) -> DateFormat | None:
    """The format of hours, minutes and perhaps seconds that count from something: ``47:30`` since the admission."""
    for form, pattern in (("%H:%M", r"\d{1,4}:[0-5]\d"), ("%H:%M:%S", r"\d{1,4}:[0-5]\d:[0-5]\d")):
        matches = column.match(pattern)
        if column.share(matches) >= NEARLY_ALL:
            unpadded = column.matching(r"\d:.*") > 0
            return DateFormat("time", form, matches, False, unpadded, np.zeros_like(matches), beyond_a_day=True)
    return None


def _all_formats() -> list[tuple[re.Pattern[str], str, Kind]]:
    forms: list[tuple[str, Kind]] = [(form, "date") for form in _DATES]
    for date, time, joint, zone in product(_DATES, _TIMES, (" ", "T"), ("", "Z", "+00:00")):
        if not ("%p" in time and (joint == "T" or zone)) and not (joint == " " and zone == "Z"):
            forms.append((date + joint + time + zone, "datetime"))
    forms += [(time, "time") for time in _TIMES]
    return [(re.compile(_regex(form)), form, kind) for form, kind in (*forms, *_COMPACT.items())]


def _regex(form: str) -> str:
    pattern = re.escape(form).replace("\\%", "%")
    for directive, part in _PATTERNS.items():
        pattern = pattern.replace(directive, part)
    return pattern.replace(r"\d{1,2}", r"\d{2}") if form in _COMPACT else pattern


_FORMATS = _all_formats()


def _read(column: Values, form: str, kind: Kind) -> DateFormat:
    """Take the texts apart and hold each part against the calendar."""
    pieces = pc.extract_regex(column.stripped, f"^{_regex(form)}$")
    matches = np.asarray(pc.is_valid(pieces), dtype=bool)
    names = [field.name for field in pieces.type]
    texts = {name: pc.struct_field(pieces, name) for name in names}
    parts = {name: _as_int(name, texts[name]) for name in names if name != "p"}
    valid = matches.copy()
    for name, part in parts.items():
        low, high = _RANGES.get(name, (0, 999_999))
        valid &= (part >= low) & (part <= high)
    month = parts["b"] if "b" in parts else parts.get("m")
    year = parts["Y"] if "Y" in parts else parts["y"] + 2000 if "y" in parts else None
    if month is not None and year is not None:
        valid &= parts["d"] <= _days(year, month)
    short = [pc.utf8_length(texts[name]) for name in ("m", "d", "H", "I") if name in texts]
    unpadded = any(bool(pc.any(pc.equal(length, 1)).as_py()) for length in short)
    far = valid & (year >= 2900) if year is not None else np.zeros_like(valid)
    return DateFormat(kind, form, valid, False, unpadded, far)


def _as_int(name: str, texts: pa.Array) -> NDArray[np.int64]:
    if name == "b":
        return np.asarray([_MONTHS.get(text, 0) for text in texts.to_pylist()], dtype=np.int64)
    return np.asarray(pc.cast(texts, pa.int64()).fill_null(-1), dtype=np.int64)


def _days(year: NDArray[np.int64], month: NDArray[np.int64]) -> NDArray[np.int64]:
    """The days of a month of the Gregorian calendar."""
    leap = (year % 4 == 0) & ((year % 100 != 0) | (year % 400 == 0))
    days = np.asarray([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], dtype=np.int64)
    length: NDArray[np.int64] = days[np.clip(month, 0, 12)] + (leap & (month == 2))
    return length


def _exchange(form: str) -> str:
    return form.replace("%d", "%x").replace("%m", "%d").replace("%x", "%m")
