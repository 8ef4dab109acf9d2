"""A column that another determines is left out of the model and comes back exactly."""

from __future__ import annotations

import pyarrow as pa
import pytest

from synthgen.encoding.levels import LevelCounts, Unit
from synthgen.errors import InputError
from synthgen.reshape.determined import Determined
from tests.encoding.build import RARE_BELOW, hashes

STEP = Determined("description", "code", unknown="")


def column(texts: list[str]) -> pa.DictionaryArray:
    return pa.array(texts, pa.string()).dictionary_encode()


def summarise(pairs: list[tuple[str, str]], patients: list[int] | None = None) -> LevelCounts:
    codes, descriptions = zip(*pairs, strict=True)
    unit = Unit.rows() if patients is None else Unit.patients(hashes(patients), RARE_BELOW)
    return STEP.summarise(column(list(codes)), column(list(descriptions)), unit)


def test_what_belongs_to_each_value_comes_back() -> None:
    known = STEP.solve(summarise([("I10", "hypertension"), ("E11", "diabetes"), ("?", "")] * 5), RARE_BELOW)
    assert known == {"I10": "hypertension", "E11": "diabetes", "?": ""}
    generated = column(["E11", "I10", "?", "E11"])
    assert STEP.restore(generated, known).to_pylist() == ["diabetes", "hypertension", "", "diabetes"]


def test_what_belongs_to_a_rare_value_is_not_kept() -> None:
    pairs = [("I10", "hypertension")] * 5 + [("X", "a rare syndrome")] * 9
    known = STEP.solve(summarise(pairs, patients=[0, 1, 2, 3, 4, *[7] * 9]), RARE_BELOW)
    assert known == {"I10": "hypertension"}
    assert STEP.restore(column(["other"]), known).to_pylist() == [""]


def test_a_value_with_two_meanings_is_refused_with_the_share_that_obeys() -> None:
    pairs = [("I10", "hypertension")] * 97 + [("I10", "high blood pressure")] * 2 + [("I10", "HT")]
    with pytest.raises(InputError, match=r"description: declared determined_by code, but only 97\.0000% of the rows"):
        STEP.solve(summarise(pairs), RARE_BELOW)


def test_a_second_meaning_in_another_chunk_is_found() -> None:
    merged = summarise([("I10", "hypertension")] * 5).merge(summarise([("I10", "HT")]))
    with pytest.raises(InputError, match=r"only 83\.3333% of the rows"):
        STEP.solve(merged, RARE_BELOW)


def test_merging_is_exact() -> None:
    pairs = [("I10", "hypertension"), ("E11", "diabetes"), ("E11", "diabetes"), ("Z", "")] * 6
    patients = [number % 7 for number in range(len(pairs))]
    whole = summarise(pairs, patients)
    parts = [summarise(pairs[i : i + 5], patients[i : i + 5]) for i in range(0, len(pairs), 5)]
    assert parts[3].merge(parts[0]).merge(parts[2].merge(parts[4])).merge(parts[1]) == whole


def test_beside_what_rare_values_are_merged_into_stands_the_same() -> None:
    step = Determined("description", "code", unknown="", merged=("other", "another disease"))
    cells = pa.array(["A", "other", "B"]).dictionary_encode()
    assert step.restore(cells, {"A": "apple"}).to_pylist() == ["apple", "another disease", ""]
