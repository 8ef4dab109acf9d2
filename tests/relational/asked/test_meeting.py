"""Conditions that cut what is learned in ranges are met in proportion: the law of the rows is the conditional one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest
from scipy.stats import chi2_contingency

from synthgen.relational.asked.condition import met_by, parse
from synthgen.relational.flat.table import BLOCK, FlatSynthesizer
from synthgen.schema.config import Format
from tests.relational.world import config, learned, sample

DECLARED = config(
    sex="category",
    crp="integer",
    seen="date",
    at={"kind": "time", "format": "%H:%M"},
    came={"kind": "datetime", "format": "%Y-%m-%d %H:%M"},
)
WITH_PATIENTS = config("who", who="id", **{name: column.model_dump() for name, column in DECLARED.columns.items()})


def visits(n: int = 6000) -> dict[str, list[str]]:
    """All leans on sex. CRP is 800 in three of ten; few are seen at weekends; one in five comes at eight."""
    rng = np.random.default_rng(0)
    male = rng.random(n) < 0.4
    crp = np.where(rng.random(n) < 0.3, 800, rng.normal(np.where(male, 700, 950), 250).clip(1, 4000).astype(int))
    day = np.datetime64("2010-01-04") + rng.integers(0, 900, n) // (1 + male)
    weekend = (day.astype(int) - 4) % 7 >= 5
    day = np.where(weekend & (rng.random(n) < 0.8), day - 3, day)
    minute = np.where(rng.random(n) < 0.2, 480, rng.normal(np.where(male, 600, 800), 120).clip(0, 1439).astype(int))
    clock = [f"{m // 60:02d}:{m % 60:02d}" for m in minute]
    return {
        "sex": ["FM"[one] for one in male.astype(int)],
        "crp": ["" if rng.random() < 0.1 else str(one) for one in crp],
        "seen": [str(one) for one in day],
        "at": clock,
        "came": [f"{d} {time}" for d, time in zip(day, clock, strict=True)],
    }


def met(rows: Mapping[str, Sequence[str]], where: Sequence[str]) -> np.ndarray:
    """Which rows satisfy conditions, read anew from the cells."""
    conditions = [parse(text, table="t", columns=tuple(DECLARED.columns)) for text in where]
    cells = {name: pa.array(list(rows[name])).dictionary_encode() for name in DECLARED.columns}
    return np.asarray(met_by(conditions, DECLARED, Format())(pa.RecordBatch.from_pydict(cells)), bool)


def p_of_one_law(some: Sequence[str], others: Sequence[str]) -> float:
    """How often two samples of one law differ as much (chi-square; cells of fewer than 20 together)."""
    levels, codes = np.unique([*some, *others], return_inverse=True)
    parts = np.split(codes, [len(some)])
    counts = np.stack([np.bincount(part, minlength=len(levels)) for part in parts])
    few = counts.sum(axis=0) < 20
    counts = np.c_[counts[:, ~few], counts[:, few].sum(axis=1)]
    return float(chi2_contingency(counts[:, counts.sum(axis=0) > 0])[1])


@pytest.fixture(
    scope="module", params=["independent", "copula", pytest.param("autoregressive", marks=pytest.mark.slow)]
)
def made(request: pytest.FixtureRequest) -> FlatSynthesizer:
    return learned(visits(), DECLARED, model=request.param)


@pytest.fixture(scope="module")
def free(made: FlatSynthesizer) -> dict[str, list[str]]:
    """What is generated where nothing is asked."""
    return sample(made, 12 * BLOCK, seed=5)


@pytest.mark.parametrize(
    ("where", "judged_by"),
    [
        (["crp in (761, 813, 800)"], ["crp", "sex"]),
        (["crp >= 873", "crp < 912"], ["sex", "crp"]),
        (["crp != 813", "crp < 830", "crp > 790"], ["crp", "sex"]),
        (["crp != 813", "crp < 777"], ["sex"]),  # what is missing is not 813, but is not below 777
        (["seen >= 2012-05-02"], ["seen"]),
        (["seen in (2010-03-09, 2010-03-14, 2011-05-05, 2011-05-08)"], ["seen"]),
        (["at >= 09:07", "at <= 09:41"], ["at"]),
        (["at >= 07:30", "at <= 08:31", "crp >= 667", "crp <= 813"], ["at"]),
        (["came >= 2010-05-03 10:00", "came < 2010-05-07 09:00"], ["seen on", "sex"]),
        (["came >= 2010-05-05 10:00", "crp > 933", "seen < 2011-02-02"], ["sex"]),
    ],
)
def test_rows_come_as_often_as_among_those_that_nothing_was_asked_of(
    made: FlatSynthesizer, free: dict[str, list[str]], where: list[str], judged_by: list[str]
) -> None:
    rows = sample(made, BLOCK, seed=6, where=where)
    assert met(rows, where).all()
    others = {name: list(np.array(cells)[met(free, where)]) for name, cells in free.items()}
    for each in (rows, others):
        each["seen on"] = [moment[:10] + str(moment[11:] < "10:00") for moment in each["came"]]
    told = [
        ["|".join(cells) for cells in zip(*(each[name] for name in judged_by), strict=True)] for each in (rows, others)
    ]
    assert p_of_one_law(*told) > 1e-4


def test_a_value_in_a_range_comes_as_often_as_it_did() -> None:
    """800 has three of ten rows, and each of 0 to 999 an equal part of the others: 761 comes once in 430 times."""
    rng = np.random.default_rng(1)
    crp = np.where(rng.random(40_000) < 0.3, 800, rng.integers(0, 1000, 40_000))
    made = learned({"crp": [str(one) for one in crp]}, config(crp="integer"))
    found = np.array(sample(made, 8 * BLOCK, where=["crp in (761, 813, 800)"])["crp"])
    for value in ("761", "813"):
        assert (found == value).mean() == pytest.approx(0.0007 / (0.3 + 3 * 0.0007), rel=0.25)


def test_patients_are_weighed_by_the_part_of_a_range_too() -> None:
    """Rows of patients under a condition have the law of rows that meet it: men come early, on week days."""
    columns = visits(6000)
    who = np.sort(np.random.default_rng(3).integers(0, 3000, 6000))
    order = np.argsort(np.array(columns["sex"]), kind="stable")  # so that sex belongs to the patient
    columns = {name: list(np.array(cells)[order]) for name, cells in columns.items()}
    made = learned({"who": [f"P{one:05}" for one in who], **columns}, WITH_PATIENTS, model="copula")
    assert made.constant_columns == ("sex",)
    free = sample(made, 10 * BLOCK, seed=5)
    for where in (
        ["crp in (761, 813, 800)"],
        ["seen >= 2010-12-01", "seen <= 2010-12-16"],
        ["came <= 2010-01-05 09:30"],
    ):
        rows = sample(made, BLOCK, seed=6, where=where)
        assert met(rows, where).all()
        expected = (np.array(free["sex"])[met(free, where)] == "M").mean()
        assert (np.array(rows["sex"]) == "M").mean() == pytest.approx(expected, abs=0.04)


def test_the_first_rows_of_more_are_the_same() -> None:
    made = learned(visits(3000), DECLARED)
    where = ["came >= 2010-05-03 10:00", "came < 2010-05-07 09:00", "crp in (761, 813, 800)"]
    few, many = sample(made, 700, where=where), sample(made, BLOCK + 700, where=where)
    assert all(many[name][:700] == cells for name, cells in few.items())
