"""Which steps are offered: as many rows come at once as really do, and the last moment holds more than the last row."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import synthgen
from synthgen import workflow
from synthgen.relational.time.moments import UNKNOWN
from synthgen.relational.time.offered import Due
from synthgen.schema.config import Schema

SCHEMA = Schema.model_validate(
    {
        "holdout": 0,
        "model": {"name": "autoregressive", "epochs": 8, "penalty": 0.1},
        "tables": {
            "stays": {
                "key": "id",
                "patient": "id",
                "columns": {"id": {"kind": "id"}, "ward": {"kind": "category"}},
            },
            "readings": {
                "patient": "id",
                "order": "minute",
                "columns": {
                    "id": {"kind": "id"},
                    "minute": {"kind": "integer", "min": 0},
                    "what": {"kind": "category"},
                },
            },
        },
    }
)


def rounds(n: int) -> dict[str, pd.DataFrame]:
    """Stays with a round about every hour, of three to five readings each, until the stay is over."""
    rng = np.random.default_rng(1)
    rows = []
    for who in range(n):
        minute = 0
        for _ in range(int(rng.integers(2, 20))):
            minute += int(rng.integers(50, 71))
            rows += [(f"S{who + 100}", minute, what) for what in rng.permutation([*"abcde"])[: rng.integers(3, 6)]]
    stays = {"id": [f"S{who + 100}" for who in range(n)], "ward": ["one", "two"] * (n // 2)}
    return {"stays": pd.DataFrame(stays), "readings": pd.DataFrame(rows, columns=["id", "minute", "what"])}


@pytest.fixture(scope="module")
def readings() -> pd.DataFrame:
    """Of generated stays."""
    fit = synthgen.fit(rounds(100), SCHEMA, seed=1)
    assert isinstance(fit, workflow.Fit)
    return synthgen.sample(fit.synthesizer, 300, seed=1).to_pandas()["readings"].astype({"minute": int})


def test_no_more_rows_come_at_once_than_really_do(readings: pd.DataFrame) -> None:
    """Where rows were left when their time was over all of them came then, 22 in one stay; at the end one may do."""
    assert readings.groupby(["id", "minute"]).size().max() <= 7


def test_the_last_moment_of_a_stay_holds_as_many_rows_as_others(readings: pd.DataFrame) -> None:
    """Only the very last row was drawn to be there, alone in most stays; really there are four."""
    last = readings.groupby("id").minute.transform("max")
    assert 2.5 <= readings[readings.minute == last].groupby("id").size().mean() <= 5


def test_some_rows_are_told_by_themselves() -> None:
    due = Due(*(np.arange(3) for _ in range(7)))  # type: ignore[arg-type]
    assert due.of(np.array([2])).start.tolist() == [2]
    assert due.endless.end.tolist() == [UNKNOWN] * 3
