"""Lengths that last until the data end have a code of their own, and none goes beyond that day."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from synthgen.encoding.per_unit import with_units
from synthgen.encoding.temporal import TemporalKind
from synthgen.encoding.until import Until, UntilKind
from synthgen.schema.column import Date, Integer
from tests.encoding.build import POINT, RARE_BELOW, summarise

END = np.datetime64("2022-12-31")
UNTIL = Until("seen", int(END.astype(int)))
KIND = UntilKind("days", Integer(min=0), POINT, ("",), until=UNTIL, before=TemporalKind("seen", Date(), POINT, ("",)))
SEEN = END - np.arange(100, 220)
LENGTHS = [str((END - day).astype(int)) if i % 2 else str((7, 30, 60)[i % 3]) for i, day in enumerate(SEEN)]


def joined(starts: list[str], lengths: list[str]) -> list[str]:
    pairs = with_units(pa.array(starts).dictionary_encode(), pa.array(lengths).dictionary_encode())
    texts: list[str] = pairs.cast(pa.string()).to_pylist()
    return texts


def test_who_is_followed_to_the_end_is_so_whenever_it_began() -> None:
    starts = [str(day) for day in SEEN]
    encoder = KIND.solve(summarise(KIND, joined(starts, LENGTHS)), RARE_BELOW)
    encoder = KIND.restore(encoder.to_json())
    codes, rng = encoder.encode(joined(starts, LENGTHS)), np.random.default_rng(0)
    assert len(set(codes[1::2, 0].tolist())) == 1
    assert encoder.decoded(codes, pa.array(starts), rng).to_pylist() == LENGTHS
    later = [str(END - np.timedelta64(10, "D"))] * len(starts)
    assert encoder.decoded(codes, pa.array(later), rng).to_pylist() == ["7" if x == "7" else "10" for x in LENGTHS]
    assert set(encoder.decoded(codes, pa.array([""] * len(starts)), rng).to_pylist()[1::2]) == {""}
