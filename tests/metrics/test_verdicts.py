from __future__ import annotations

import pytest

from synthgen.metrics.result import Verdict
from synthgen.metrics.verdicts import family_wise, holm


def test_holm_by_hand() -> None:
    # Sorted .01 .02 .04: times 3, 2, 1 give .03 .04 .04.
    assert holm([0.04, 0.01, 0.02]) == pytest.approx([0.04, 0.03, 0.04])
    assert holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_words_follow_the_corrected_p_and_lines_without_p_stay() -> None:
    lines = (
        Verdict(name="a", verdict="leak", metric="a", p=0.03),
        Verdict(name="b", verdict="none_detected", metric="b", p=0.02),
        Verdict(name="c", verdict="pass", metric="c", p=0.001),
        Verdict(name="d", verdict="pass", metric="d"),
        Verdict(name="e", verdict="not_assessable", metric="e"),
    )
    corrected = family_wise(lines)
    assert [line.verdict for line in corrected] == ["leak", "leak", "fail", "pass", "not_assessable"]
    assert [line.p for line in corrected[:3]] == pytest.approx([0.04, 0.04, 0.003])
    assert corrected[3:] == lines[3:]


def test_a_p_that_stands_alone_may_fall_in_company() -> None:
    lines = [Verdict(name=str(k), verdict="leak", metric="m", p=0.02) for k in range(3)]
    assert {line.verdict for line in family_wise(lines)} == {"none_detected"}
