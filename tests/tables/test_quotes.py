"""Quotes in their places leave no doubt, however the text is cut."""

from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.tables.quotes import QuoteWatch


def _doubtful(text: str, cut: int = 1000) -> bool:
    watch = QuoteWatch(",", '"')
    content = text.encode()
    for start in range(0, len(content), cut):
        watch.see(content[start : start + cut])
    return watch.doubtful


@given(st.lists(st.lists(st.text('",\n\rxé'), min_size=2, max_size=2), min_size=1), st.integers(1, 7))
def test_what_a_csv_writer_writes_is_beyond_doubt(rows: list[list[str]], cut: int) -> None:
    file = io.StringIO(newline="")
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
    assert not _doubtful(file.getvalue(), cut)


@pytest.mark.parametrize("cut", [1, 2, 3, 1000])
@pytest.mark.parametrize(
    "text", ['1,"x\n', '1,"x"y\n', '1,"a "b" c"\n', '1,"x\n2,"y"\n', '1,"x\n2,"y\n', '1,5" tube\n']
)
def test_quotes_out_of_place_leave_doubt(text: str, cut: int) -> None:
    assert _doubtful(text, cut)
