"""Numbers read the same everywhere: three digits, more where a share is close to one."""

from __future__ import annotations

import pytest

from synthgen.report.numbers import chance, figure, percent, span


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (0.0, "0"),
        (1.0, "1"),
        (-1.0, "−1"),
        (0.5, "0.500"),
        (0.0123, "0.0123"),
        (0.987, "0.987"),
        (0.9968, "0.9968"),
        (-0.2214, "−0.221"),
        (12.345, "12.3"),
        (71518, "71,518"),
        (0.00001234, "below 0.0001"),
        (-0.00001234, "above −0.0001"),
    ],
)
def test_figures(value: float | None, text: str) -> None:
    assert figure(value) == text


def test_chances_percentages_and_intervals() -> None:
    assert (chance(0.0004), chance(0.0341), chance(None)) == ("below 0.001", "0.034", "–")
    assert (percent(0.01234), percent(0.0006), percent(1.0)) == ("1.2\u00a0%", "0.06\u00a0%", "100\u00a0%")
    assert [percent(share) for share in (0.93, 0.98, 0.9972, 0.99994)] == [
        "93\u00a0%",
        "98\u00a0%",
        "99.7\u00a0%",
        "99.994\u00a0%",
    ]
    assert (span((0.5, 0.62)), span(None)) == ("0.500 to 0.620", "–")
