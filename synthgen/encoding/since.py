"""Dates told by how long they come after another date of the row: a discharge by its admission.

Drawn as days of the calendar, each within bins of weeks, the two would be as far apart as their bins are wide, and a
stay of six days would last for weeks. Where the wait is what is learned, it is as long as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.base import N_STYLES, ColumnSummary, Encoder, Kind, Reading, Shares
from synthgen.encoding.domain import Domain
from synthgen.encoding.numeric import NumericEncoder, NumericKind
from synthgen.encoding.per_unit import parted
from synthgen.encoding.temporal import TemporalEncoder, TemporalKind
from synthgen.schema.column import Date, Datetime, Integer, Time

DAY: Final = 86_400
#: How times of day are written between the parts of an encoder.
_CLOCK: Final = "%H:%M:%S"
_WHOLE: Final = r"^-?\d+$"


@dataclass(frozen=True)
class Since:
    """What a date is told by.

    Attributes:
        earlier: the column of the other date.
        unit: seconds that the wait is counted in: those of a day, and the time of day is told apart; or the smallest
            that both columns write, where waits are shorter than days.
    """

    earlier: str
    unit: int


@dataclass(frozen=True)
class SinceEncoder(Encoder):
    """Code columns: the wait, text results and missing tokens; then the time of day, where waits are of days.

    Attributes:
        wait: in units of ``Since``.
        clock: of the time of day; ``None`` for dates, and where the wait tells it.
    """

    kind: SinceKind
    wait: NumericEncoder
    clock: TemporalEncoder | None

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        clock = () if self.clock is None else self.clock.domains
        return (*self.wait.domains, *(replace(each, owner=self.kind.name) for each in clock))

    def encode(self, texts: list[str]) -> NDArray[np.int32]:
        reading = self.kind.read(texts)
        wait, clock = reading.keys[0].astype(str), reading.keys[-1]
        codes = [self.wait.encode(np.where(reading.labelled, reading.labels, wait).tolist())]
        if self.clock is not None:
            times = pc.strftime(pa.array(clock, pa.timestamp("s")), format=_CLOCK).to_pylist()
            codes.append(np.where(reading.labelled[:, None], np.int32(-1), self.clock.encode(times)))
        return np.concatenate(codes, axis=1)

    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> pa.Array:
        """The wait alone, of dates after no known one; ``decoded`` knows it."""
        return self.wait.decode(codes[:, :1], rng).cast(pa.string())

    def decoded(self, codes: NDArray[np.int32], earlier: pa.Array, rng: np.random.Generator) -> pa.Array:
        """Dates of codes of shape ``(n, len(domains))``, given the other dates; missing where these are."""
        texts = self.decode(codes, rng)
        base, known = moments_of(self.kind.before, earlier)
        regular = np.asarray(pc.match_substring_regex(texts, _WHOLE), bool)
        regular &= codes[:, 0] < self.wait.quantiser.size
        found = np.asarray(texts.to_numpy(zero_copy_only=False), object).copy()
        found[regular & ~known] = next(iter(self.wait.tokens.kept), next(iter(self.kind.missing), ""))
        told = np.flatnonzero(regular & known)
        unit = self.kind.since.unit
        moments = (base[told] // unit + found[told].astype(np.int64)) * unit
        if self.clock is not None:
            times = pc.cast(self.clock.decode(codes[told, 1:], rng), pa.string())
            moments += np.asarray(pc.cast(pc.strptime(times, format=_CLOCK, unit="s"), pa.int64())) % DAY
        found[told] = self.written(moments.astype(np.float64)).to_numpy(zero_copy_only=False)
        return pa.array(found, pa.string())

    def written(self, seconds: NDArray[np.float64]) -> pa.StringArray:
        """Moments (seconds since 1970) as this column writes them."""
        tick = self.kind.later.tick if self.kind.later.has_clock else DAY
        whole = np.floor(seconds / tick).astype(np.int64) * tick
        return self.kind.later.written(whole, np.zeros(len(whole), np.int64))

    def allowed(self, operator: str, values: Sequence[str]) -> tuple[Shares, ...]:
        raise ValueError(f"it is told by how long it comes after {self.kind.since.earlier}; condition on that column")

    def offer(self, values: Sequence[str]) -> str:
        return f"its dates depend on {self.kind.since.earlier}"

    def to_json(self) -> dict[str, Any]:
        return {"wait": self.wait.to_json(), "clock": None if self.clock is None else self.clock.to_json()}


@dataclass(frozen=True)
class SinceKind(Kind):
    """Dates with the other dates before them, as ``with_units`` puts units before numbers.

    Attributes:
        since: what they are told by.
        before: how the other dates are read.
    """

    column: Date | Datetime
    since: Since = field(kw_only=True)
    before: TemporalKind = field(kw_only=True)

    @cached_property
    def later(self) -> TemporalKind:
        """How the dates themselves are read and written."""
        return TemporalKind(self.name, self.column, self.format, self.missing)

    @property
    def _wait(self) -> NumericKind:
        atoms = tuple(self.column.atoms)
        return NumericKind(self.name, Integer(atoms=atoms), self.format, self.missing or ("",))

    @property
    def _clock(self) -> TemporalKind | None:
        if self.since.unit < DAY or not self.later.has_clock:
            return None
        return TemporalKind(f"{self.name}.time", Time(format=_CLOCK), self.format, ())

    @property
    def expected(self) -> str:
        return self.later.expected

    def read(self, texts: list[str]) -> Reading:
        """The keys are the wait, and seconds since midnight. Of a date after none there is the token for missing."""
        earlier, later = parted(texts)
        own = self.later.read(later)
        moments, there = _moments(self.later, later)
        base, known = _moments(self.before, earlier)
        labels, lost = own.labels.copy(), there & ~known
        labels[lost] = next(iter(self.missing), "")
        wait = np.where(there & known, moments // self.since.unit - base // self.since.unit, 0)
        return Reading(labels, own.labelled | lost, (wait, moments % DAY), own.style, own.bad)

    def solve(self, summary: ColumnSummary, rare_below: int) -> SinceEncoder:
        wait, clock = summary.parts
        nothing = summary.labels.take(np.zeros(len(summary.labels), bool))
        styles = (int(wait.counts.sum()), *(0,) * (N_STYLES - 1))
        return SinceEncoder(
            self,
            self._wait.solve(ColumnSummary(summary.labels, (wait,), styles), rare_below),
            None if self._clock is None else self._clock.solve(ColumnSummary(nothing, (clock,), styles), rare_below),
        )

    def restore(self, learned: dict[str, Any]) -> SinceEncoder:
        clock = None if self._clock is None else self._clock.restore(learned["clock"])
        return SinceEncoder(self, self._wait.restore(learned["wait"]), clock)


def moments_of(kind: TemporalKind, cells: pa.Array) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Seconds since 1970 of cells, and which are moments."""
    distinct = cells if pa.types.is_dictionary(cells.type) else cells.dictionary_encode()
    moments, known = _moments(kind, distinct.dictionary.to_pylist())
    place = np.asarray(distinct.indices)
    return moments[place], known[place]


def _moments(kind: TemporalKind, texts: list[str]) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Seconds since 1970 of texts, and which are moments."""
    reading = kind.read(texts)
    seconds = reading.keys[0] * DAY
    if kind.has_clock:
        seconds = seconds + reading.keys[1] * kind.tick
    return seconds, ~(reading.labelled | reading.bad)
