"""Dates that a rule puts after another: told by the wait where that is what they keep to."""

from __future__ import annotations

import numpy as np

from synthgen.encoding.since import DAY, Since
from synthgen.relational.codec import Plan
from synthgen.relational.flat.waits import Counts, told_by_waits
from synthgen.schema.config import Format
from synthgen.tables.split import Split
from tests.relational.world import config, learned, sample, table

DECLARED = config(
    None,
    born={"kind": "date"},
    admitted={"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
    seen={"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
    left={"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
    ill="category",
).model_copy(update={"constraints": ("admitted >= born", "left >= admitted", "seen >= admitted", "born < left")})


def stays(n: int = 1500) -> dict[str, list[str]]:
    """Admissions of ten years; who is ill stays for about nine days, others for about one; left by eleven."""
    rng = np.random.default_rng(1)
    ill = rng.random(n) < 0.5
    born = np.datetime64("1930-01-01") + rng.integers(0, 20_000, n)
    day = np.datetime64("2010-01-01") + rng.integers(0, 3650, n)
    admitted = day.astype("datetime64[m]") + rng.integers(0, 600, n)
    seen = admitted + rng.integers(5, 240, n)
    left = (day + np.where(ill, 9, 1) + rng.integers(0, 2, n)).astype("datetime64[m]") + 660
    moments = [[str(each).replace("T", " ") for each in moment] for moment in (admitted, seen, left)]
    texts = ([*map(str, born)], *moments, [*map(str, ill)])
    return dict(zip(("born", "admitted", "seen", "left", "ill"), texts, strict=True))


def test_the_nearest_date_tells_and_what_varies_as_much_as_it_does_itself_does_not() -> None:
    plan, split = Plan(DECLARED, Format()), Split.draw(table(stays()), share=0.0, patient=None, missing=(), seed=1)
    found = told_by_waits(table(stays()), plan, split)
    assert found == {"left": Since("admitted", DAY), "seen": Since("admitted", 60)}


def test_counts_add_up() -> None:
    rng = np.random.default_rng(0)
    earlier, later = (rng.integers(0, 10**9, 60).astype(float) for _ in range(2))
    later[:7] = np.nan
    whole = Counts.of(earlier, later)
    parts = Counts.of(earlier[:9], later[:9]).merge(Counts.of(earlier[9:], later[9:]))
    assert (whole.later, whole.waits.tolist(), whole.months.tolist()) == (
        parts.later,
        parts.waits.tolist(),
        parts.months.tolist(),
    )


def test_stays_of_a_flat_table_last_as_long_as_they_did_for_who_is_ill_and_who_is_not() -> None:
    made = sample(learned(stays(), DECLARED, model="copula"), 1500)
    admitted, left, seen = (np.array(made[name], "datetime64[m]") for name in ("admitted", "left", "seen"))
    long = (left.astype("datetime64[D]") - admitted.astype("datetime64[D]")).astype(int)
    ill = np.array(made["ill"]) == "True"
    assert abs(long[ill].mean() - 9.5) < 0.4
    assert abs(long[~ill].mean() - 1.5) < 0.4
    assert (seen >= admitted).all()
    assert np.median((seen - admitted).astype(int)) < 200
    assert all(text.endswith("11:00") for text in made["left"])
