"""Several codes in a cell become a column per position, and a cell again."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthgen.reshape.code_list import MOST_CODES, CodeList

STEP = CodeList("diagnoses", ", ")


def column(texts: list[str]) -> pa.DictionaryArray:
    return pa.array(texts, pa.string()).dictionary_encode()


def split(texts: list[str], step: CodeList = STEP) -> list[list[str]]:
    return [part.to_pylist() for part in step.split(column(texts))]


def test_each_position_is_a_column() -> None:
    first, second, third, *rest = split(["I10, E11.9", "", "J45", "I10, J45, K21"])
    assert first == ["I10", "", "J45", "I10"]
    assert second == ["E11.9", "", "", "J45"]
    assert third == ["", "", "", "K21"]
    assert rest == [["", "", "", ""]] * (MOST_CODES - 3)
    assert STEP.positions[:2] == ("diagnoses[1]", "diagnoses[2]")
    assert len(STEP.positions) == MOST_CODES


def test_white_space_around_separators_does_not_matter() -> None:
    assert split(["I10,E11.9"]) == split(["I10 ,  E11.9"]) == split(["I10, E11.9"])


def test_white_space_can_be_the_separator() -> None:
    assert [part[0] for part in split(["I10 J45"], CodeList("diagnoses", " "))[:3]] == ["I10", "J45", ""]


def test_joining_leaves_out_gaps_and_repeated_codes() -> None:
    columns = [column(texts) for texts in (["I10", "", "I10", ""], ["", "E11", "I10", ""], ["J45", "", "E11", ""])]
    assert STEP.join(columns).to_pylist() == ["I10, J45", "E11", "I10, E11", ""]


def test_what_means_missing_is_the_whole_cell_or_nothing() -> None:
    step = CodeList("diagnoses", "/", ("", "-", "n/a"))
    first, second, *_ = split(["-", "n/a", " - ", "-/I10", "I10/-/E11", "-/-", ""], step)
    assert first == ["-", "n/a", "-", "I10", "I10", "-", ""]
    assert second == ["", "", "", "", "E11", "", ""]
    drawn = [column(texts) for texts in (["-", "n/a", "I10", ""], ["I10", "", "E11", "J45"])]
    assert step.join(drawn).to_pylist() == ["-", "n/a", "I10/E11", "J45"]


def test_codes_beyond_the_last_position_are_not_learned() -> None:
    codes = [f"A{number:02d}" for number in range(MOST_CODES + 2)]
    assert STEP.join(STEP.split(column([", ".join(codes)]))).to_pylist() == [", ".join(codes[:MOST_CODES])]


@pytest.mark.parametrize("separator", [", ", ";", "|", " / "])
@given(
    cells=st.lists(st.lists(st.sampled_from(["I10", "E11.9", "401.9", "A-B"]), unique=True), min_size=1, max_size=20)
)
def test_cells_come_back(separator: str, cells: list[list[str]]) -> None:
    step = CodeList("diagnoses", separator)
    texts = [separator.join(codes) for codes in cells]
    assert step.join(step.split(column(texts))).to_pylist() == texts
