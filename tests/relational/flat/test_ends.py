"""Follow-ups that last until the data end: found, and generated so."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.relational.flat.ends import Ends
from synthgen.schema.table import Survival
from tests.relational.world import config, learned, sample

END = np.datetime64("2022-12-31")


def register(n: int = 1200) -> dict[str, list[str]]:
    """Diagnoses of ten years, each followed until death or the end of 2022."""
    rng = np.random.default_rng(1)
    seen = END - rng.integers(0, 3650, n)
    most = (END - seen).astype(int)
    waits = rng.exponential(2500, n).astype(int)
    died = waits < most
    days = np.minimum(waits, most)
    cells = {"seen": [*map(str, seen)], "days": [*map(str, days)], "died": ["1" if each else "0" for each in died]}
    return cells | {"died_on": [str(day) if each else "" for day, each in zip(seen + days, died, strict=True)]}


@pytest.mark.parametrize("how", ["computed", "survival"])
def test_nobody_is_followed_beyond_the_end_and_who_lives_is_followed_to_it(how: str) -> None:
    declared = config(
        None,
        seen="date",
        days={"kind": "integer", "min": 0},
        died={"kind": "boolean", "true": "1", "false": "0"},
        died_on={"kind": "date", "computed": "seen + days"} if how == "computed" else "drop",
    )
    if how == "survival":
        declared = declared.model_copy(update={"survival": Survival(time="days", event="died")})
    made = learned(register(), declared, model="copula")
    assert made.codec.plan.until["days"].start == "seen"
    rows = sample(made, 1000)
    ends = np.array(rows["seen"], "datetime64[D]") + np.array(rows["days"], np.int64)
    lives = np.array(rows["died"]) == "0"
    assert (ends <= END).all()
    assert (ends[lives] == END).mean() > 0.9
    assert 0.4 < lives.mean() < 0.65


def test_a_day_that_few_rows_share_or_many_come_after_is_no_end() -> None:
    rng = np.random.default_rng(0)
    starts, lengths = rng.integers(0, 10**8, 400).astype(float), rng.integers(0, 900, 400).astype(float)
    assert Ends.of(starts, lengths).last(11) is None
    whole = Ends.of(np.zeros(400), np.r_[np.full(300, 5.0), np.full(100, 9.0)])
    assert whole.last(11) is None
    assert Ends.of(np.zeros(300), np.full(300, 5.0)).merge(Ends.of(np.zeros(1), np.full(1, 9.0))).last(11) == 5
