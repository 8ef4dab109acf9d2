"""How often real rows break rules: counted exactly in any grouping, told only of eleven patients or more."""

from __future__ import annotations

from functools import reduce

import numpy as np
import pyarrow as pa
import pytest

from synthgen.errors import InputError
from synthgen.relational.rules.real import Rules, RuleSummary, rates_from_json, told
from synthgen.schema.config import Format
from synthgen.schema.rules.grammar import parse
from tests.relational.world import config

DECLARED = config(
    "who",
    who="id",
    start={"kind": "date"},
    end={"kind": "date"},
    ward="category",
    lab={"kind": "number", "atoms": ["neg"]},
)
NAMES = ("who", "start", "end", "ward", "lab")


def summary(rules: tuple[str, ...], *rows: tuple[str, ...], persons: bool = True) -> RuleSummary:
    block = pa.RecordBatch.from_arrays(
        [pa.array([row[i] for row in rows], pa.string()).dictionary_encode() for i in range(len(NAMES))], names=NAMES
    )
    hashes = np.array([int(row[0]) * 7919 for row in rows], np.uint64)
    return stated(rules).summarise(block, hashes, persons=persons)


def stated(rules: tuple[str, ...]) -> Rules:
    return Rules(DECLARED.model_copy(update={"constraints": rules}), Format())


def rates(rules: tuple[str, ...], *rows: tuple[str, ...]) -> tuple[float | None, ...]:
    return summary(rules, *rows).rates(stated(rules).expressions)


def rows(broken: int, whole: int, patients: int) -> list[tuple[str, ...]]:
    """The first rows end before they start; patients take turns."""
    return [
        (str(i % patients), "2020-02-01", "2020-01-01" if i < broken else "2020-03-01", "A", "1") for i in range(whole)
    ]


ORDER = ("end >= start",)


def test_a_rate_is_the_share_of_rows_that_break_the_rule_rounded_down() -> None:
    assert rates(ORDER, *rows(20, 300, 100)) == (0.0666,)


@pytest.mark.parametrize(("broken", "patients"), [(0, 100), (10, 100), (50, 5)])
def test_rows_of_fewer_than_eleven_patients_are_not_told_of(broken: int, patients: int) -> None:
    assert rates(ORDER, *rows(broken, 300, patients)) == (None,)


@pytest.mark.parametrize("broken", [290, 300])
def test_a_rule_that_nearly_all_break_is_refused_without_telling_of_the_few(broken: int) -> None:
    with pytest.raises(InputError, match="by the real rows of all patients but fewer than 11, if any"):
        rates(ORDER, *rows(broken, 300, 300))


def test_missing_and_text_results_break_nothing() -> None:
    cells = [(str(i), "2020-02-01", "", "A", "neg") for i in range(40)]
    assert rates(("end >= start", "lab > 5"), *cells) == (None, None)


def test_repeats_are_the_rows_beyond_the_first() -> None:
    twice = [(str(i), "2020-01-01", "", "AB"[k], "1") for i in range(20) for k in (0, 1)]
    # 40 rows; 20 patients with two open episodes each, of which one is one too many; all keys differ
    assert rates(("at most one open(start, end)", "unique(who, ward)", "unique(who, start)"), *twice) == (
        0.5,
        None,
        0.5,
    )
    assert rates(("unique(ward)",), *twice) == (0.95,)


def test_parts_in_any_order_and_grouping_give_the_same() -> None:
    rules = (*ORDER, "unique(who, ward)", "unique(lab)", "at most one open(start, end)")
    everything = rows(60, 300, 70) + [(str(i), "2020-01-01", "", "A", "2.50") for i in range(30)]
    whole = summary(rules, *everything)
    parts = [summary(rules, *everything[a:b]) for a, b in ((0, 7), (7, 200), (200, 201), (201, 330))]
    for order in ([0, 1, 2, 3], [3, 1, 0, 2], [2, 3, 0, 1]):
        assert reduce(RuleSummary.merge, [parts[i] for i in order]) == whole
    left, right = parts[0].merge(parts[1]), parts[2].merge(parts[3])
    assert left.merge(right) == whole


def test_what_is_told_has_the_rate_or_says_why_not() -> None:
    lines = told([parse("a > 1"), parse("b > 1")], [0.031, None])
    assert lines[0] == "rule a > 1: broken by 3.10% of the real rows; synthetic rows break it no more often"
    assert "fewer than 11 patients or none" in lines[1]


@pytest.mark.parametrize("value", [None, [], [0.1, 0.2], [1.5], ["0.1"], [True, 0]])
def test_rates_of_a_damaged_artifact_are_refused(value: object) -> None:
    with pytest.raises(ValueError):
        rates_from_json(value, [parse("a > 1")])
