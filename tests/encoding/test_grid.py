"""Numbers as whole keys: exact with declared decimals, to 8 bits without."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.encoding.grid import DecimalGrid, FloatingGrid, Grid


def keys(grid: Grid, *texts: str) -> list[int]:
    return grid.keys(pa.array(texts, pa.string())).tolist()


def texts(grid: Grid, *of: int, decimals: int = 0) -> list[str]:
    return grid.texts(np.array(of, np.int64), decimals=decimals).to_pylist()


def test_a_key_counts_the_smallest_decimal() -> None:
    assert keys(DecimalGrid(2), "12.5", "-0.05", ".5", "3", "+7.00", "1e-1") == [1250, -5, 50, 300, 700, 10]
    assert keys(DecimalGrid(0), "93703.0", "007", "-4.", "2.7") == [93703, 7, -4, 3]


def test_zeros_are_written_as_asked() -> None:
    assert texts(DecimalGrid(2), 1250, -5, 300, 0, decimals=2) == ["12.50", "-0.05", "3.00", "0.00"]
    assert texts(DecimalGrid(2), 1250, -5, 300, 0, decimals=1) == ["12.5", "-0.05", "3.0", "0.0"]
    assert texts(DecimalGrid(2), 1250, -5, 300, 0, 10_000) == ["12.5", "-0.05", "3", "0", "100"]
    assert texts(DecimalGrid(0), 93703, -10, 0, decimals=1) == ["93703.0", "-10.0", "0.0"]
    assert texts(DecimalGrid(0), 93703, -10, 0) == ["93703", "-10", "0"]


def test_digits_beyond_2_to_the_53_are_kept() -> None:
    assert keys(DecimalGrid(0), "9007199254740993", "1e3") == [2**53 + 1, 1000]
    assert keys(DecimalGrid(2), "90071992547409.93", "-90071992547409.9300") == [2**53 + 1, -(2**53) - 1]
    assert texts(DecimalGrid(2), 2**53 + 1) == ["90071992547409.93"]


@pytest.mark.parametrize("text", ["4611686018427387904", "-1e30", "99999999999999999999.5"])
def test_numbers_too_large_are_refused(text: str) -> None:
    with pytest.raises(OverflowError, match="declare the column as category"):
        DecimalGrid(0).keys(pa.array([text]))


def test_a_number_too_large_for_floating_point_is_refused() -> None:
    with pytest.raises(OverflowError, match="too large"):
        FloatingGrid().keys(pa.array(["1e999"]))


def test_floating_keys_are_monotone_and_fine() -> None:
    numbers = ["-1e9", "-2.5", "-1e-7", "0", "3e-12", "2.5e-01", "0.26", "1.01", "1e300"]
    assert keys(FloatingGrid(), *numbers) == sorted(set(keys(FloatingGrid(), *numbers)))
    values = FloatingGrid().values(np.array(keys(FloatingGrid(), *numbers), float))
    assert np.allclose(values, [float(number) for number in numbers], rtol=1 / 512)


def test_a_floating_key_is_written_with_the_fewest_digits() -> None:
    for text in ["0.1", "2.5", "-120", "0.003", "36.6", "0"]:
        assert texts(FloatingGrid(), *keys(FloatingGrid(), text)) == [text]


def test_numbers_drawn_within_a_floating_key_keep_it() -> None:
    grid = FloatingGrid()
    wanted = np.repeat(keys(grid, "0.1", "36.6", "-1234.5", "0", "7e-9"), 2000)
    drawn = grid.drawn(wanted, np.random.default_rng(0), decimals=0)
    assert (grid.keys(drawn) == wanted).all()
    assert len(set(drawn.to_pylist())) > 100


@given(st.integers(-(2**61), 2**61), st.integers(0, 15))
def test_decimal_texts_come_back_to_their_key(key: int, decimals: int) -> None:
    grid = DecimalGrid(decimals)
    for written in range(decimals + 2):
        assert keys(grid, *texts(grid, key, decimals=written)) == [key]


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300))
def test_floating_texts_come_back_to_their_key(number: float) -> None:
    (key,) = keys(FloatingGrid(), repr(number))
    assert keys(FloatingGrid(), *texts(FloatingGrid(), key)) == [key]
