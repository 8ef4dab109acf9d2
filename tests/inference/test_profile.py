"""Profiles merge exactly, also when they are samples."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from synthgen.inference.profile import Profile, merge, profile


def profiled(texts: list[str], limit: int) -> Profile:
    column = pa.array(texts, pa.string()).dictionary_encode()
    return profile([pa.record_batch([column], names=["a"])], ("a",), limit)["a"]


def test_counts_rows_by_text() -> None:
    assert profiled(["x", "", "x"], 10) == Profile(3, {"x": 2, "": 1}, True, 10)


def test_texts_of_other_batches_in_a_shared_dictionary_do_not_count() -> None:
    column = pa.array(["x", "y", "x"]).dictionary_encode()
    assert profile([pa.record_batch([column.slice(0, 1)], names=["a"])], ("a",))["a"].levels == {"x": 1}


@given(st.lists(st.text("abc", max_size=3)), st.lists(st.text("abc", max_size=3)), st.integers(1, 8))
def test_profile_of_all_rows_is_the_merge_of_profiles_of_parts(one: list[str], other: list[str], limit: int) -> None:
    assert merge(profiled(one, limit), profiled(other, limit)) == profiled(one + other, limit)


def test_a_sample_estimates_how_many_texts_there_are() -> None:
    sample = profiled([str(number) for number in range(20_000)], 2_000)
    assert not sample.complete
    assert len(sample.levels) == 2_000
    assert abs(sample.distinct - 20_000) < 2_000  # four standard errors of 1/sqrt(2,000)
