"""Verdict lines of several tables become one of each name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from synthgen.metrics.base import Comparison, Measure
from synthgen.metrics.judging_tables import judged_tables
from synthgen.metrics.result import Metric, Verdict
from synthgen.progress import Progress, silent
from tests.metrics.longitudinal.hospital import extracts, hospital


@dataclass(frozen=True)
class Told(Measure):
    """Says of each table what it is told to; does not apply to others."""

    p: tuple[tuple[str, float | None], ...] = ()

    def measure(
        self, comparison: Comparison, *, rng: np.random.Generator, progress: Progress = silent
    ) -> tuple[Metric, ...]:
        there = comparison.table in dict(self.p)
        status = "ok" if there else "not_applicable"
        return (Metric(name="told", family="privacy", table=comparison.table, status=status, value=1.0),)

    def judge(self, metrics: tuple[Metric, ...], comparison: Comparison) -> tuple[Verdict, ...]:
        p = dict(self.p).get(comparison.table)
        word = "not_assessable" if p is None else "fail" if p < 0.01 else "pass"
        return (Verdict(name="told", verdict=word, metric="told", p=p, detail="so"),)


def _line(*p: tuple[str, float | None]) -> Verdict:
    found = extracts(hospital(12, 1), None, hospital(12, 2))
    _, verdicts = judged_tables({"told": Told(p)}, {}, found, seed=1)
    (line,) = verdicts
    return line


def test_one_table_that_fails_fails_the_line_and_is_named() -> None:
    line = _line(("patients", 0.5), ("visits", 0.001), ("labs", 0.5))
    assert (line.verdict, line.p, line.detail) == ("fail", 0.003, "visits: so")


def test_p_is_corrected_for_the_number_of_tables() -> None:
    assert _line(("patients", 0.5), ("visits", 0.03), ("labs", 0.5)).verdict == "pass"
    assert _line(("patients", 0.5), ("labs", 0.5)).detail == "patients, labs: so"


def test_what_does_not_apply_to_a_table_leaves_the_line_open_for_others() -> None:
    assert _line(("visits", 0.5)).verdict == "pass"
    assert _line(("visits", 0.5), ("labs", None)).verdict == "not_assessable"
