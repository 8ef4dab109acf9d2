"""Dates, datetimes and times of day: days in bins of whole weeks with the weekday apart, and the time of day apart.

Whole weeks and a weekday of their own keep what health data show week by week, such as few admissions on Sundays.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding import disclosure, quantiser
from synthgen.encoding.asked_moments import AskedMoments, common
from synthgen.encoding.base import ColumnSummary, Encoder, Kind, Reading, Shares
from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.encoding.leveled import Tokens, split_tokens
from synthgen.encoding.levels import LevelCounts
from synthgen.encoding.numeric import (
    numeric_domain,
    ranges,
    read_condition,
    read_specials,
    special_codes,
    special_mask,
)
from synthgen.encoding.quantiser import HIGHEST, LOWEST, Quantiser, Range
from synthgen.schema.column import Date, Datetime, Time

_DAY: Final = 86_400
_WEEK: Final = 7
#: 1970-01-05 was a Monday; day 0 is 1970-01-01.
_MONDAY: Final = 4
#: Seconds that times of day may be rounded to, the coarsest first.
_GRAINS: Final = (3600, 1800, 900, 600, 300, 60)
#: The share of the scattered times of day that must be round before all are generated so.
_ROUND: Final = 0.95


@dataclass(frozen=True)
class TemporalEncoder(Encoder):
    """Code columns: days, then weekday; then time of day; then how it is written, where that differs.

    Dates lack a time of day, times of day the first two.

    Attributes:
        days: of days since 1970-01-01; ``None`` for times of day.
        clock: of seconds (or minutes, where the format has no seconds) since midnight, or, in a column of times alone,
            since whatever it counts from, which may be more than a day ago; ``None`` for dates.
        grain: what the keys of the clock that are not heaped are multiples of.
        results: texts apart, such as a date that means "never".
        forms: the formats that moments are written in, by their place among those declared.
        within: the moments that conditions leave; see ``AskedMoments``. None beyond them are generated.
    """

    kind: TemporalKind
    days: Quantiser | None
    clock: Quantiser | None
    grain: int
    results: tuple[str, ...]
    tokens: Tokens
    forms: tuple[int, ...] = (0,)
    within: tuple[Range, ...] = ((LOWEST, HIGHEST),)

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        name = self.kind.name
        domains: list[Domain] = []
        if self.days is not None:
            domains.append(numeric_domain(name, name, self.days.positions, self.days.n_keys, self.results, self.tokens))
            domains.append(Domain(f"{name}.weekday", name, _WEEK, Scale.NOMINAL))
        if self.clock is not None:
            special = (self.results, self.tokens) if self.days is None else ((), Tokens((), ()))
            positions = self.clock.positions * self.kind.tick
            clock = name if self.days is None else f"{name}.time"
            domains.append(numeric_domain(clock, name, positions, self.clock.n_keys, *special))
        if len(self.forms) > 1:
            domains.append(Domain(f"{name}.form", name, len(self.forms), Scale.NOMINAL))
        return tuple(domains)

    @property
    def _last(self) -> int:
        """The code column of the times; of the weekdays where there are no times."""
        return (2 if self.days is not None else 0) - (self.clock is None)

    @property
    def leading(self) -> Quantiser:
        """Of the first code column, which also holds the texts apart."""
        quantiser = self.days if self.days is not None else self.clock
        assert quantiser is not None
        return quantiser

    def encode(self, texts: list[str]) -> NDArray[np.int32]:
        reading = self.kind.read(texts)
        keys = iter(reading.keys)
        columns: list[NDArray[np.int32]] = []
        if self.days is not None:
            day = next(keys)
            columns.append(self.days.encode(day))
            columns.append(((day - _MONDAY) % _WEEK).astype(np.int32))
        if self.clock is not None:
            columns.append(self.clock.encode(next(keys)))
        if len(self.forms) > 1:
            # What is written in a form that too few share counts as written in the first.
            form = next(keys)
            columns.append(
                sum((place * (form == each) for place, each in enumerate(self.forms)), 0 * form).astype(np.int32)
            )
        codes = np.stack(columns, axis=1)
        codes[reading.labelled | reading.bad] = UNOBSERVED
        special = special_codes(reading, self.leading.size, self.results, self.tokens)
        codes[reading.labelled, 0] = special[reading.labelled]
        return codes

    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> pa.Array:
        size = self.leading.size
        regular = codes[:, 0] < size
        chosen = codes[regular]
        seconds = self._seconds(chosen, rng)
        place = chosen[:, -1] if len(self.forms) > 1 else np.zeros(len(chosen), np.int32)
        moments = self.kind.written(seconds, np.asarray(self.forms, np.int64)[place])
        special = (*self.results, *self.tokens.kept, "")
        texts = pa.concat_arrays([pa.array(special, pa.string()), moments])
        place = np.where(regular, np.cumsum(regular) - 1 + len(special), codes[:, 0] - size)
        return pc.take(texts, pa.array(place))

    def offer(self, values: Sequence[str]) -> str:
        if not self.leading.size:
            return "no value of it is generated"
        low, high = self.leading.bounds()
        ends = np.array([low.min(), high.max()]) * (_DAY if self.days is not None else self.kind.tick)
        earliest, latest = self.written(ends.astype(np.float64)).to_pylist()
        return f"its values lie between {earliest} and {latest}"

    def written(self, seconds: NDArray[np.float64]) -> pa.StringArray:
        """Moments (seconds since 1970), or times (since midnight), as this column writes them."""
        whole = np.floor(seconds / self.kind.tick).astype(np.int64) * self.kind.tick
        return self.kind.written(whole, np.full(len(whole), self.forms[0]))

    def _seconds(self, codes: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int64]:
        """A moment for each row of codes that is no text apart."""
        first, last = codes[:, 0], codes[:, self._last]
        day, time = np.zeros(len(codes), np.int64), np.zeros(len(codes), np.int64)
        if self.days is not None:
            day = self._day(first, codes[:, 1], self.days.decode(first, rng))
        if self.clock is not None and self.clock.size:
            time = self._time(last, self.clock.decode(last, rng))
        asked = self._asked
        cut = np.flatnonzero(~asked.sure[first])
        if len(cut):
            weekday = codes[cut, 1] if self.days is not None else np.zeros(len(cut), np.int32)
            found, tick = asked.draw(first[cut], weekday, last[cut], rng)
            if self.days is None:
                time[cut] = found
            else:
                day[cut] = found
                time[cut] = np.where(tick < 0, time[cut], tick)
        return day * _DAY + time * self.kind.tick

    @cached_property
    def _asked(self) -> AskedMoments:
        return self._asking(self.within)

    def _asking(self, within: tuple[Range, ...]) -> AskedMoments:
        """Moments, as this encoder decodes them."""
        if self.days is None:
            return AskedMoments(within, 1, self.leading, lambda code: self._times_of(code)[None], None, self._times_of)
        ticks = 1 if self.clock is None else _DAY // self.kind.tick
        return AskedMoments(within, ticks, self.days, self._days_of, self.clock, self._times_of)

    def _days_of(self, code: int) -> NDArray[np.int64]:
        """All days that a code is decoded to, a row for each weekday."""
        assert self.days is not None
        days = self.days.keys_of(code)
        own = np.full(len(days), code, np.int32)
        return np.stack([self._day(own, np.full(len(days), weekday, np.int32), days) for weekday in range(_WEEK)])

    def _times_of(self, code: int) -> NDArray[np.int64]:
        """All times of day that a code is decoded to."""
        assert self.clock is not None
        times = self.clock.keys_of(code)
        return self._time(np.full(len(times), code, np.int32), times)

    def _day(self, code: NDArray[np.int32], weekday: NDArray[np.int32], day: NDArray[np.int64]) -> NDArray[np.int64]:
        """Days drawn of codes, moved to their weekdays."""
        assert self.days is not None
        is_bin = self.days.pieces[code] >= len(self.days.atoms)
        moved = (day - _MONDAY) // _WEEK * _WEEK + _MONDAY + weekday
        # A bin keeps its bounds, which a rule may have set within a week, and stays off the heaped days in it.
        fits = is_bin & self.days.reaches(code, moved) & ~np.isin(moved, self.days.atoms)
        return np.where(fits, moved, day)

    def _time(self, code: NDArray[np.int32], time: NDArray[np.int64]) -> NDArray[np.int64]:
        """Keys of the clock drawn of codes, as round as a bin has some beside the heaped ones that lie in it."""
        assert self.clock is not None
        round_ = [time // self.grain * self.grain + step for step in (0, self.grain, -self.grain)]
        inside = [self.clock.reaches(code, key) for key in round_]
        free = [fits & ~np.isin(key, self.clock.atoms) for fits, key in zip(inside, round_, strict=True)]
        # An atom is the whole of its code, so nothing else is inside.
        return np.asarray(np.select([*free, *inside], [*round_, *round_], time))

    def allowed(self, operator: str, values: Sequence[str]) -> tuple[Shares, ...]:
        reading = read_condition(self.kind, operator, values)
        asked = self._asking(common(self.within, self._moments(operator, reading)))
        before = self._asked.most
        regular = np.divide(asked.most, before, out=np.zeros(len(before)), where=before > 0)
        special = special_mask(operator, reading, self.results, self.tokens, self.leading.size)
        others = [np.ones(domain.size, bool) for domain in self.domains[1:]]
        if not special.any() and self.days is not None:
            possible = asked.shares > 0
            others[0] &= possible.any(axis=(0, 2))
            if self.clock is not None and self.clock.size:
                others[1] &= possible.any(axis=(0, 1))
        return (np.r_[regular, special], *others)

    def asked(self, operator: str, values: Sequence[str]) -> Encoder:
        moments = self._moments(operator, read_condition(self.kind, operator, values))
        return replace(self, within=common(self.within, moments))

    @property
    def joint(self) -> bool:
        shares = self._asked.shares
        return bool((shares != self._asked.most[:, None, None]).any())

    def share(self, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        asked, share = self._asked, np.ones(len(codes))
        regular = np.flatnonzero(codes[:, 0] < self.leading.size)
        first, last = codes[regular, 0], codes[regular, self._last]
        weekday = codes[regular, 1] if self.days is not None else np.zeros(len(regular), np.int32)
        time = last if asked.shares.shape[2] > 1 else np.zeros(len(regular), np.int32)
        share[regular] = asked.shares[first, weekday, time] / np.maximum(asked.most[first], np.finfo(float).tiny)
        return share

    def _moments(self, operator: str, reading: Reading) -> list[Range]:
        """The moments that satisfy a condition: of days, of times, or of days and the ticks within them."""
        keys = reading.keys[0][~reading.labelled].tolist()
        if self.days is not None and self.clock is not None:
            times = reading.keys[1][~reading.labelled].tolist()
            keys = [day * (_DAY // self.kind.tick) + time for day, time in zip(keys, times, strict=True)]
        return ranges(operator, keys)

    def narrowed(self, operator: str, values: Sequence[str]) -> Encoder:
        quantiser = self.leading.within(self._ranges(operator, read_condition(self.kind, operator, values)))
        return replace(self, days=quantiser) if self.days is not None else replace(self, clock=quantiser)

    def _ranges(self, operator: str, reading: Reading) -> list[Range]:
        """The leading keys that surely satisfy a bound: the day of a moment counts only where all of it does."""
        keys = reading.keys[0][~reading.labelled].tolist()
        if self.days is None or self.clock is None:
            return ranges(operator, keys)
        time, last = int(reading.keys[1][0]), _DAY // self.kind.tick - 1
        whole = {">": False, ">=": time == 0, "<": False, "<=": time == last}[operator]
        return ranges(operator if whole else operator[0], keys)

    def to_json(self) -> dict[str, Any]:
        return {
            "days": None if self.days is None else self.days.to_json(),
            "clock": None if self.clock is None else self.clock.to_json(),
            "grain": self.grain,
            "results": list(self.results),
            "tokens": list(self.tokens.kept),
            "forms": list(self.forms),
        }


@dataclass(frozen=True)
class TemporalKind(Kind):
    """Texts in declared formats, with or without declared texts apart."""

    column: Date | Datetime | Time

    @property
    def has_days(self) -> bool:
        return not isinstance(self.column, Time)

    @property
    def has_clock(self) -> bool:
        return not isinstance(self.column, Date)

    @property
    def tick(self) -> int:
        """Seconds per key of the clock: what the format does not write is not kept."""
        signs = ("%S", "%T", "%f", "%X", "%c", "%s")
        return 1 if any(sign in layout for layout in self.column.formats for sign in signs) else 60

    @property
    def expected(self) -> str:
        return f"a {self.column.kind} of the form {' or '.join(self.column.formats)}"

    def read(self, texts: list[str]) -> Reading:
        labels, labelled = read_specials(self, texts, self.column.atoms)
        stripped = pc.utf8_trim_whitespace(pa.array(texts, pa.string()))
        seconds, form = read_moments(stripped, self.column.formats)
        bad = (form < 0) & ~labelled
        seconds[labelled | bad] = 0
        keys: list[NDArray[np.int64]] = []
        if self.has_days:
            keys.append(seconds // _DAY)
        if self.has_clock:
            keys.append((seconds % _DAY if self.has_days else seconds) // self.tick)
        if len(self.column.formats) > 1:
            keys.append(np.where(labelled | bad, 0, form))
        return Reading(labels, labelled, tuple(keys), np.zeros(len(texts), np.int64), bad)

    def solve(self, summary: ColumnSummary, rare_below: int) -> TemporalEncoder:
        values, tokens = split_tokens(self, summary, rare_below)
        results = disclosure.keep_common(values, rare_below, other="")
        parts = iter(summary.parts)
        days = (
            quantiser.solve(next(parts), rare_below, pitch=_WEEK, phase=_MONDAY, inward=True) if self.has_days else None
        )
        clock, grain = None, 1
        if self.has_clock:
            times = next(parts)
            clock = quantiser.solve(times, rare_below)
            grain = self._grain(times.take(~np.isin(times.keys, clock.atoms)))
        forms = self._forms(next(parts), rare_below) if len(self.column.formats) > 1 else (0,)
        return TemporalEncoder(self, days, clock, grain, tuple(r for r in results if r), tokens, forms)

    def _forms(self, found: LevelCounts, rare_below: int) -> tuple[int, ...]:
        """The formats that enough patients share, the commonest first."""
        common = found.take(found.patients >= rare_below)
        return tuple(common.keys[np.argsort(-common.counts, kind="stable")].tolist()) or (0,)

    def written(self, seconds: NDArray[np.int64], form: NDArray[np.int64]) -> pa.StringArray:
        """Moments, each in the format that its ``form`` names by its place."""
        beyond = not self.has_days
        if len(used := np.unique(form)) <= 1:
            return written(seconds, self.column.formats[int(used[0]) if len(used) else 0], beyond_a_day=beyond)
        parts = [written(seconds[form == each], self.column.formats[each], beyond_a_day=beyond) for each in used]
        place = np.empty(len(form), np.int64)
        place[np.argsort(form, kind="stable")] = np.arange(len(form))
        return pa.concat_arrays(parts).take(pa.array(place))

    def _grain(self, scattered: LevelCounts) -> int:
        """What nearly all times of day that are not heaped are multiples of; 1 where nothing is."""
        keys = scattered.keys.astype(np.int64)
        for grain in (seconds // self.tick for seconds in _GRAINS):
            if scattered.counts[keys % grain == 0].sum() >= _ROUND * max(scattered.counts.sum(), 1):
                return grain
        return 1

    def restore(self, learned: dict[str, Any]) -> TemporalEncoder:
        days, clock = (
            None if learned[name] is None else Quantiser.from_json(learned[name]) for name in ("days", "clock")
        )
        tokens = Tokens(self.missing, tuple(learned["tokens"]))
        return TemporalEncoder(
            self, days, clock, learned["grain"], tuple(learned["results"]), tokens, tuple(learned["forms"])
        )


def read_moments(texts: pa.StringArray, layouts: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Seconds since 1970 of texts in one of several strptime formats, and the first that reads each; -1 for none.

    What a format leaves open is as early as it can be: ``2019`` is the first of January.
    """
    seconds, form = np.zeros(len(texts), np.int64), np.full(len(texts), -1, np.int64)
    for place, layout in enumerate(layouts):
        left = np.flatnonzero(form < 0)
        if len(left):
            found, bad = _read_in(texts.take(pa.array(left)), layout)
            seconds[left], form[left] = found, np.where(bad, -1, place)
    return seconds, form


def _read_in(texts: pa.StringArray, layout: str) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Seconds since 1970 of texts in a strptime format, and which have none.

    Times without a date count from midnight; their hours may go beyond a day (``47:30`` since the admission).
    Arrow reads most; what it does not write back as it stood (31 February, a day without its zero) is read again
    by the standard library, which knows the calendar.
    """
    moments = pc.strptime(texts, format=layout, unit="s", error_is_null=True)
    written = pc.strftime(moments, format=layout)
    sure = np.asarray(pc.fill_null(pc.equal(written, texts), False), bool)
    seconds = np.asarray(pc.fill_null(pc.cast(moments, pa.int64()), 0), np.int64).copy()
    bad = np.zeros(len(texts), bool)
    has_days = any(directive in layout for directive in ("%d", "%j", "%Y"))
    long = {} if has_days else _hours_beyond_a_day(texts, layout, ~sure)
    for i in np.flatnonzero(~sure):
        if i in long:
            continue
        try:
            moment = datetime.strptime(str(texts[i]), layout)
        except ValueError:
            bad[i] = True
        else:
            seconds[i] = int((moment - datetime(1970, 1, 1)).total_seconds())
    if not has_days:
        seconds %= _DAY
        seconds[[*long]] = [*long.values()]
    return seconds, bad


def _hours_beyond_a_day(texts: pa.StringArray, layout: str, which: NDArray[np.bool_]) -> dict[int, int]:
    """The seconds of those of some texts that count hours, minutes and perhaps seconds, from 24 hours on."""
    pattern = re.escape(layout)
    for directive, part in (("%H", r"(\d{2,4})"), ("%M", r"([0-5]\d)"), ("%S", r"([0-5]\d)")):
        pattern = pattern.replace(directive, part, 1)
    if not layout.startswith("%H") or "%" in pattern:
        return {}
    read = re.compile(pattern).fullmatch
    found = {int(i): match for i in np.flatnonzero(which) if (match := read(str(texts[int(i)])))}
    seconds = {
        i: sum(int(part) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=False))
        for i, match in found.items()
    }
    return {i: total for i, total in seconds.items() if total >= _DAY}


def written(seconds: NDArray[np.int64], layout: str, *, beyond_a_day: bool) -> pa.StringArray:
    """Moments in a strptime format; the hours of times without a date may go beyond a day."""
    layout = layout.replace("%f", "000000")  # fractions of a second are not kept; Arrow cannot write any
    moments = pa.array(seconds, pa.timestamp("s"))
    if not beyond_a_day or not (seconds >= _DAY).any():
        return pc.strftime(moments, format=layout)
    hours = pc.utf8_lpad(pa.array(seconds // 3600).cast(pa.string()), 2, "0")
    return pc.binary_join_element_wise(hours, pc.strftime(moments, format=layout.removeprefix("%H")), "")
