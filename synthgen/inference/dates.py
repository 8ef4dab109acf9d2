"""In which format a column holds dates, times, or both."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from typing import Literal, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.inference.numbers import NEARLY_ALL
from synthgen.inference.values import Values

Kind = Literal["date", "datetime", "time"]
_Form: TypeAlias = "tuple[re.Pattern[str], str, Kind]"

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
#: Months alone, as of births.
_MONTHLY = ("%m.%Y", "%m/%Y", "%Y-%m", "%Y/%m")
#: A column has at most so many formats, the first in at least this share of what is looked at.
_MOST_FORMATS = 6
_FIRST = 0.2
#: The distance from UTC at the end of a moment.
_ZONE = re.compile(r":\d\d(?:\.\d+)?([+-]\d\d(?::?\d\d)?)")


@dataclass(frozen=True)
class DateFormat:
    """A format in which a column holds dates.

    Attributes:
        kind: ``date``, ``datetime`` or ``time``.
        format: as ``strptime`` reads it.
        also: further formats, in which other values are written.
        is_date: which distinct texts are of one of these formats and a day of the calendar.
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
    also: tuple[str, ...] = ()


def find_format(column: Values) -> DateFormat | None:
    """The format, or the formats, that nearly all rows of a column have; ``None`` where there is none.

    Dates of which the day or the month is not known, and moments that two programs wrote, have formats of their own.
    """
    sample = _sample(column)
    read = []
    for pattern, form, kind in _candidates(sample):
        if sum(pattern.fullmatch(text) is not None for text in sample) * 2 > len(sample):
            parts = _read(column, form, kind)
            if column.share(parts.is_date) >= NEARLY_ALL:
                read.append(parts)
    if read:
        best = max(read, key=lambda parts: column.share(parts.is_date))  # the first of equals
        # A time of day has neither day nor month and would be its own exchange.
        exchanged = any(other.format != best.format == _exchange(other.format) for other in read)
        return _with_others(column, replace(best, ambiguous=exchanged))
    whole = [each for each in _FORMATS if "%d" in each[1]]
    first = _commonest(column, np.ones(len(column.texts), bool), whole, _FIRST)
    if first is None or column.share((found := _with_others(column, first)).is_date) < NEARLY_ALL:
        return _beyond_a_day(column)
    others = [form for _, form, _ in whole if first.format != form == _exchange(first.format)]
    return replace(found, ambiguous=any(_read(column, e, "date").is_date[first.is_date].all() for e in others))


def _sample(column: Values) -> list[str]:
    texts: list[str] = column.stripped[:: _stride(column)][:25].to_pylist()
    return texts


def _stride(column: Values) -> int:
    """Of how many texts one is looked at."""
    return max(1, len(column.texts) // 20)


def _with_others(column: Values, first: DateFormat) -> DateFormat:
    """A format with those in which what it does not read is written."""
    if first.kind == "time" or first.format in (*_COMPACT, *_MONTHLY):
        return first
    found, forms = first, [first.format]
    while not found.is_date.all() and len(forms) < _MOST_FORMATS:
        known = [each for each in (*_partial(first.format), *_FORMATS) if _goes_with(each[1], forms)]
        other = _commonest(column, ~found.is_date, known, 0.0)
        if other is None:
            break
        forms.append(other.format)
        found = replace(
            found,
            kind="datetime" if "datetime" in (found.kind, other.kind) else "date",
            is_date=found.is_date | other.is_date,
            unpadded=found.unpadded or other.unpadded,
            far=found.far | other.far,
            also=tuple(forms[1:]),
        )
    return found


def _goes_with(form: str, others: Sequence[str]) -> bool:
    """Whether a date that others do not read may have a form: not one that exchanges day and month of theirs."""
    return "%Y" in form and form not in _COMPACT and not any(_exchange(form)[:8] == other[:8] for other in others)


def _commonest(column: Values, left: NDArray[np.bool_], known: Sequence[_Form], least: float) -> DateFormat | None:
    """The format that most texts of those ``left`` have, at least this share of them; ``None`` where there is none."""
    rest = column.take(left)
    sample = dict(zip(_sample(rest), rest.counts[:: _stride(rest)].tolist(), strict=False))
    hits = {
        (form, kind): sum(rows for text, rows in sample.items() if pattern.fullmatch(text) is not None)
        for pattern, form, kind in (*known, *_zoned([*sample]))
    }
    # Only the calendar tells 00.00.2019 from 00.07.2019.
    read = [_read(column, *each) for each, rows in hits.items() if rows > least * sum(sample.values())]
    read = [replace(each, is_date=each.is_date & left, far=each.far & left) for each in read]
    best = max(read, key=lambda each: column.share(each.is_date), default=None)
    return best if best is not None and best.is_date.any() else None


def _beyond_a_day(column: Values) -> DateFormat | None:
    """The format of hours, minutes and perhaps seconds that count from something: ``47:30`` since the admission."""
    for form, pattern in (("%H:%M", r"\d{1,4}:[0-5]\d"), ("%H:%M:%S", r"\d{1,4}:[0-5]\d:[0-5]\d")):
        matches = column.match(pattern)
        if column.share(matches) >= NEARLY_ALL:
            unpadded = column.matching(r"\d:.*") > 0
            return DateFormat("time", form, matches, False, unpadded, np.zeros_like(matches), beyond_a_day=True)
    return None


def _candidates(sample: Sequence[str]) -> list[_Form]:
    return [*_FORMATS, *_zoned(sample)]


def _zoned(sample: Sequence[str]) -> list[_Form]:
    """The formats of moments with the distances from UTC that some texts have."""
    zones = dict.fromkeys(found[1] for text in sample if (found := _ZONE.search(text)) is not None)
    forms = [f"%Y-%m-%d{joint}{time}{zone}" for zone in zones for time in _TIMES[:3] for joint in ("T", " ")]
    return [(_compiled(form), form, "datetime") for form in forms]


def _partial(form: str) -> list[_Form]:
    """How dates of a format are written of which the day, or the month as well, is not known."""
    (day, *_) = re.split(r"[T ]", form)
    without = re.sub(r"%d[-./]?|[-./]%d$", "", day) if not day.endswith("%d") else re.sub(r"[-./]?%d$", "", day)
    forms = [without, day.replace("%d", "00"), day.replace("%d", "00").replace("%m", "00"), "%Y"]
    return [(_compiled(each), each, "date") for each in dict.fromkeys(forms) if each != day]


def _all_formats() -> list[_Form]:
    forms: list[tuple[str, Kind]] = [(form, "date") for form in _DATES]
    for date, time, joint, zone in product(_DATES, _TIMES, (" ", "T"), ("", "Z", "+00:00")):
        if not ("%p" in time and (joint == "T" or zone)) and not (joint == " " and zone == "Z"):
            forms.append((date + joint + time + zone, "datetime"))
    forms += [(time, "time") for time in _TIMES]
    forms += [*_COMPACT.items(), *((form, "date") for form in _MONTHLY)]
    return [(_compiled(form), form, kind) for form, kind in forms]


@lru_cache(maxsize=1000)
def _compiled(form: str) -> re.Pattern[str]:
    return re.compile(_regex(form))


def _regex(form: str) -> str:
    pattern = re.escape(form).replace("\\%", "%")
    for directive, part in _PATTERNS.items():
        pattern = pattern.replace(directive, part)
    return pattern.replace(r"\d{1,2}", r"\d{2}") if form in (*_COMPACT, *_MONTHLY) else pattern


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
    if month is not None and year is not None and "d" in parts:
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
