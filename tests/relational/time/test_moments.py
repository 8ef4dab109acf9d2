"""Cells as moments and back, of one column."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.relational.time.moments import DAY, UNKNOWN, Hand
from synthgen.schema.config import Format
from tests.encoding.build import POINT
from tests.relational.time.lines import CONFIG, at, cells, hand


@pytest.mark.parametrize(
    ("name", "texts", "moments"),
    [
        ("day", ["02.01.1970", "31.12.1969"], [DAY, -DAY]),
        ("start", ["1970-01-01 00:01", "2024-02-29 12:00"], [60, at("2024-02-29T12:00")]),
        ("clock", ["00:00", "23:59", "47:30"], [0, 86_340, 171_000]),
        ("hour", ["-3", "12"], [-3, 12]),
        ("since", ["0.5", "-12.0"], [5, -120]),
    ],
)
def test_moments_are_read_and_written_as_they_stand(name: str, texts: list[str], moments: list[int]) -> None:
    assert hand(name).read(cells(*texts)).tolist() == moments
    assert hand(name).texts(np.array(moments)).to_pylist() == texts


def test_a_decimal_comma_is_kept() -> None:
    comma = hand("since", Format(delimiter=";", decimal=","))
    assert comma.read(cells("2,5")).tolist() == [25]
    assert comma.texts(np.array([25])).to_pylist() == ["2,5"]


def test_what_is_missing_or_declared_apart_is_no_moment() -> None:
    assert hand("day").read(cells("", " ? ", "9999-12-31")).tolist() == [UNKNOWN] * 3


def test_names_and_numbers_without_fixed_decimals_are_no_times() -> None:
    assert Hand.of("sex", CONFIG, POINT) is None
    assert Hand.of("loose", CONFIG, POINT) is None


def test_a_text_that_is_neither_moment_nor_declared_is_known() -> None:
    column = cells("2024", "2024-03-04 07:00", "?", "soon")
    assert hand("start").unread(column, hand("start").read(column)).tolist() == [True, False, False, True]
    assert hand("hour").unread(cells("x"), np.array([UNKNOWN])).tolist() == [False]
