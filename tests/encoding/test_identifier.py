"""Ids keep their shape, never meet a real one where that is promised, and leave no trace of the real ones."""

from __future__ import annotations

import json
import random
import re
import time
import uuid
from functools import reduce

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.encoding.identifier import Identifier, IdentifierSummary, solve, summarise
from synthgen.errors import InputError

KEY = b"a key"
MISSING = frozenset({"", "?"})


def cells(texts: list[str]) -> pa.DictionaryArray:
    return pa.array(texts, pa.string()).dictionary_encode()


def learn(texts: list[str], rare_below: int = 5) -> Identifier:
    return solve(summarise(cells(texts), MISSING), rare_below=rare_below)


def first_ids(identifier: Identifier, count: int, key: bytes = KEY) -> list[str]:
    return identifier.generate(np.arange(count), key).to_pylist()


def scattered(count: int, below: int) -> list[int]:
    return random.Random(count).sample(range(below), count)


def uuids(count: int) -> list[str]:
    source = random.Random(4)
    return [str(uuid.UUID(int=source.getrandbits(128), version=4)) for _ in range(count)]


#: Real ids, and the shape of new ones.
SHAPES = {
    "whole numbers": ([str(12522 + number) for number in scattered(50_000, 440_000_000)], r"[1-9]\d{8,9}"),
    "row numbers": ([str(number) for number in range(1, 3001)], r"[1-9]\d{4,6}"),
    "gone through a float": ([f"{number}.0" for number in range(20_000, 30_000)], r"[1-9]\d{4,6}\.0"),
    "padded": ([f"{number:010d}" for number in scattered(20_000, 10**9)], r"\d{10}"),
    "with a prefix": ([f"P-{number:07d}" for number in range(1, 12_346)], r"P-\d{7}"),
    "uuid": (uuids(30_000), r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}"),
    "uuid in capitals": ([text.upper() for text in uuids(20)], r"[0-9A-F]{8}(-[0-9A-F]{4}){3}-[0-9A-F]{12}"),
    "pattern": ([f"{'ABCD'[n % 4]}B{n % 10}2-{n:06d}" for n in range(4000)], r"[A-Z]B\d2-\d{6}"),
    "letters and digits": (["".join(random.Random(n).choices("ABCDEFG123", k=9)) for n in range(999)], r"[A-Z\d]{9}"),
}


@pytest.mark.parametrize(("real", "shape"), SHAPES.values(), ids=SHAPES)
def test_new_ids_are_unique_of_the_same_shape_and_none_of_the_real_ones(real: list[str], shape: str) -> None:
    identifier = learn(real)
    new = first_ids(identifier, 200_000)
    assert len(set(new)) == 200_000
    assert not identifier.coincidences_possible
    assert not set(new) & set(real)
    assert all(re.fullmatch(shape, text) for text in new)


@pytest.mark.parametrize("real", [real for real, _ in SHAPES.values()], ids=SHAPES)
def test_what_is_saved_holds_no_real_id(real: list[str]) -> None:
    saved = json.dumps(learn(real).to_json())
    texts = set(re.findall(r"[\w.-]+", saved))
    assert not texts & {text for text in real if len(text) > 3}
    # Neither does any long part of one, such as all but its last digit.
    assert not any(len(text) >= 6 and any(text in one for one in real[:3000]) for text in texts)


def test_saved_and_loaded_identifiers_are_equal() -> None:
    for real, _ in SHAPES.values():
        identifier = learn(real)
        assert Identifier.from_json(json.loads(json.dumps(identifier.to_json()))) == identifier


def test_an_id_depends_on_its_ordinal_and_the_key_alone() -> None:
    identifier = learn([f"P-{number:07d}" for number in range(1, 12_346)])
    whole = first_ids(identifier, 120_000)
    assert identifier.generate(np.array([119_999, 3, 80_000]), KEY).to_pylist() == [
        whole[119_999],
        whole[3],
        whole[80_000],
    ]
    assert first_ids(identifier, 10) == whole[:10]
    assert first_ids(identifier, 10, b"another key") != whole[:10]


def test_numbers_grow_longer_when_a_region_is_used_up() -> None:
    identifier = learn([f"{number:03d}" for number in range(100)])
    # 3-digit numbers begin with 0 in the data, so 1 to 9 are free: 900 ids; then come numbers of 4 digits.
    new = first_ids(identifier, 2000)
    assert all(len(text) == 3 and text[0] != "0" for text in new[:900])
    assert all(len(text) == 4 for text in new[900:])


def test_a_full_space_is_used_whole_and_said_to_be() -> None:
    identifier = learn([f"A{number // 100}-{number % 100:02d}x{number % 3}" for number in range(1000)])
    assert identifier.coincidences_possible
    assert set(first_ids(identifier, identifier.size)) >= {"A0-00x0", "A9-99x0"}
    with pytest.raises(InputError, match="only 10000 of the learned shape exist"):
        first_ids(identifier, identifier.size + 1)


def test_the_commonest_shape_is_taken() -> None:
    identifier = learn(
        [f"{number}-B" for number in range(1000, 1400)] + [f"X/{number}" for number in range(1000, 1100)]
    )
    assert all(text.endswith("-B") for text in first_ids(identifier, 1000))


def test_ids_of_too_few_leave_no_trace() -> None:
    # Many rows, but four people.
    identifier = learn(["ZQ-83321", "ZQ-83322", "ZQ-83323", "ZQ-83324"] * 50)
    assert identifier.coincidences_possible
    assert not re.search("ZQ|833", json.dumps(identifier.to_json()))
    assert all(re.fullmatch(r"\d{10}", text) for text in first_ids(identifier, 100))


def test_a_character_is_kept_only_where_all_ids_share_it() -> None:
    real = [f"A-{number}" for number in range(1000, 1900)] + ["B-1234"]
    assert {text[0] for text in first_ids(learn(real), 3000)} > {"C", "Q", "Z"}
    assert {text[0] for text in first_ids(learn(real[:-1]), 3000)} == {"A"}


def test_an_extreme_id_is_neither_kept_nor_the_limit_of_a_region() -> None:
    saved = json.dumps(learn([str(number) for number in scattered(1000, 500_000)] + ["917364"]).to_json())
    assert "9173" not in saved


def test_tokens_for_missing_come_at_their_rate_and_are_never_ids() -> None:
    real = ["?"] * 2500 + [""] * 3 + [f"{number:04d}" for number in range(7497)]
    identifier = solve(summarise(cells(real), frozenset({"", "?", "9999"})), rare_below=5)
    assert identifier.missing == (("?", 0.25),)
    new = first_ids(identifier, 20_000)
    assert 0.24 < new.count("?") / len(new) < 0.26
    assert "" not in new
    tokens = {"5000", "51234"}
    dense = solve(summarise(cells([str(number) for number in range(1, 3000)]), frozenset(tokens)), rare_below=5)
    assert not tokens & set(first_ids(dense, 80_000))


def test_an_empty_column_has_ids_too() -> None:
    assert len(set(first_ids(learn([]), 1000))) == 1000
    assert first_ids(learn(["?"] * 10), 3) == ["?"] * 3
    assert first_ids(learn(["12345"] * 10), 0) == []


texts = st.one_of(
    st.integers(0, 99_999).map(str),
    st.integers(0, 999).map("{:05d}".format),
    st.integers(0, 999).map("P-{:04d}".format),
    st.uuids().map(str),
    st.text(max_size=6),
    st.sampled_from(["", "?", "Å-12", "\x00", "a\x01", "é" * 40, "1.0", ".0"]),
)
# Many ids, so that the bounds of a summary are reached: prefixes are cut and shapes become too many.
crowds = st.builds(
    lambda seed, count, make: [make(number) for number in random.Random(seed).sample(range(10**6), count)],
    st.integers(0, 9),
    st.integers(0, 3000),
    st.sampled_from(
        [str, "{:06d}".format, "Q{:08d}".format, "{:x}".format, lambda n: f"{n * 7919 % 10**6:06d}-{n % 97}"]
    ),
)


def merged(parts: list[list[str]]) -> IdentifierSummary:
    return reduce(IdentifierSummary.merge, (summarise(cells(part), MISSING) for part in parts))


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.one_of(st.lists(texts, max_size=30), crowds), min_size=1, max_size=4), st.randoms(use_true_random=False)
)
def test_summaries_merge_exactly_in_any_order_and_grouping(parts: list[list[str]], order: random.Random) -> None:
    whole = summarise(cells([text for part in parts for text in part]), MISSING)
    assert merged(parts) == whole
    order.shuffle(parts)
    grouped = merged(parts[:1]) if len(parts) == 1 else merged(parts[:1]).merge(merged(parts[1:]))
    assert grouped == whole
    identifier = solve(whole, rare_below=5)
    assert Identifier.from_json(identifier.to_json()) == identifier
    new = set(first_ids(identifier, min(identifier.size, 500))) - MISSING
    if not identifier.coincidences_possible:
        assert not new & {text for part in parts for text in part}


def test_rows_one_at_a_time_or_in_blocks_give_the_same_summary() -> None:
    real = [f"{number * 7919 % 10**6:06d}" for number in range(1500)] + ["?", "x"]
    parts = [[text] for text in real[:200]] + [real[start : start + 40] for start in range(200, len(real), 40)]
    assert merged(parts) == summarise(cells(real), MISSING)


def test_unused_entries_of_a_dictionary_do_not_count() -> None:
    sliced = cells(["11111", "22222", "?"]).slice(0, 1)
    assert summarise(sliced, MISSING) == summarise(cells(["11111"]), MISSING)


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"regions": [], "missing": [], "coincidences_possible": False},
        {"regions": 3, "missing": [], "coincidences_possible": False},
        {"regions": [{"positions": [["xyz", 2]], "first": "", "last": ""}], "missing": [], "coincidences_possible": 0},
        {
            "regions": [{"positions": [["0123456789", 2]], "first": "9", "last": "1"}],
            "missing": [],
            "coincidences_possible": 0,
        },
        {
            "regions": [{"positions": [["0123456789", 2]], "first": "x", "last": "y"}],
            "missing": [],
            "coincidences_possible": 0,
        },
        {
            "regions": [{"positions": [["0123456789", 2]], "first": "", "last": ""}],
            "missing": [["", 2]],
            "coincidences_possible": 0,
        },
    ],
)
def test_a_malformed_description_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"^identifier: .*fit again$"):
        Identifier.from_json(document)


def test_a_million_ids_take_under_two_seconds() -> None:
    identifier = learn([str(number) for number in range(100_000, 110_000)])
    start = time.perf_counter()
    identifier.generate(np.arange(1_000_000), KEY)
    assert time.perf_counter() - start < 2
