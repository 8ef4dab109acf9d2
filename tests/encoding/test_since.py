"""Dates told by how long they come after another one: as long after it as they were, in their own time of day."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from synthgen.encoding.per_unit import with_units
from synthgen.encoding.since import DAY, Since, SinceEncoder, SinceKind
from synthgen.encoding.temporal import TemporalKind
from synthgen.schema.column import Date, Datetime
from tests.encoding.build import POINT, RARE_BELOW, summarise

MINUTES = "%Y-%m-%d %H:%M"
N = 60
ADMITTED = [f"2021-{i % 12 + 1:02}-{i % 28 + 1:02}" for i in range(N)]


def kind(column: Date | Datetime, unit: int, before: Date | Datetime) -> SinceKind:
    earlier = TemporalKind("admitted", before, POINT, ("",))
    return SinceKind("left", column, POINT, ("", "?"), since=Since("admitted", unit), before=earlier)


def there_and_back(of: SinceKind, earlier: list[str], later: list[str]) -> tuple[SinceEncoder, list[str]]:
    """The encoder, as an artifact keeps it, and what it makes of the codes of its own rows."""
    joined = with_units(pa.array(earlier).dictionary_encode(), pa.array(later).dictionary_encode())
    texts: list[str] = joined.cast(pa.string()).to_pylist()
    encoder = of.solve(summarise(of, texts), RARE_BELOW)
    loaded = of.restore(encoder.to_json())
    assert loaded.domains == encoder.domains
    found = loaded.decoded(loaded.encode(texts), pa.array(earlier), np.random.default_rng(0))
    return loaded, found.to_pylist()


def days(texts: list[str]) -> np.ndarray:
    return np.array(texts, "datetime64[D]")


def test_days_that_many_wait_come_back_exactly_and_missing_ones_as_themselves() -> None:
    waits = np.array([1, 2, 7])[np.arange(N) % 3]
    left = [str(day) for day in days(ADMITTED) + waits]
    left[:10], left[10:20] = [""] * 10, ["?"] * 10
    _, found = there_and_back(kind(Date(), DAY, Date()), ADMITTED, left)
    assert found == left


def test_what_comes_after_no_known_date_is_missing() -> None:
    left = [str(day) for day in days(ADMITTED) + 3]
    encoder, found = there_and_back(kind(Date(), DAY, Date()), ["", "?", *ADMITTED[2:]], left)
    assert found[2:] == left[2:]
    codes = encoder.encode([f"{ADMITTED[0]}\0{left[0]}"])
    assert encoder.decoded(codes, pa.array([""]), np.random.default_rng(0)).to_pylist() == [""]


def test_a_stay_of_days_ends_at_a_time_of_day_that_is_usual() -> None:
    admitted = [f"{day} {i % 24:02}:17" for i, day in enumerate(ADMITTED)]
    left = [f"{day + 4} {('11:00', '15:30')[i % 2]}" for i, day in enumerate(days(ADMITTED))]
    moments = Datetime(format=MINUTES)
    encoder, found = there_and_back(kind(moments, DAY, moments), admitted, left)
    assert found == left
    assert [domain.name for domain in encoder.domains] == ["left", "left.time"]
    assert {domain.owner for domain in encoder.domains} == {"left"}


def test_a_stay_of_hours_is_told_in_minutes() -> None:
    admitted = [f"{day} {i % 24:02}:17" for i, day in enumerate(ADMITTED)]
    left = [str(np.datetime64(text) + np.timedelta64(90, "m")).replace("T", " ") for text in admitted]
    moments = Datetime(format=MINUTES)
    encoder, found = there_and_back(kind(moments, 60, moments), admitted, left)
    assert found == left
    assert len(encoder.domains) == 1
