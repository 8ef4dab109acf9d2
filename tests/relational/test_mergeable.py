"""What is learned before the model does not depend on how rows are cut, ordered and grouped; and it tells of no one."""

from __future__ import annotations

import json
import random
from functools import reduce
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthgen.models.base import CodeTable
from synthgen.models.copula import Copula
from synthgen.relational.codec import Codec, TableSummary
from tests.encoding.build import RARE_BELOW
from tests.relational.extract import PLAN, block, rows, unit


def summaries(table: list[dict[str, str]], patients: list[int], size: int) -> list[TableSummary]:
    """Of consecutive chunks of so many rows."""
    starts = range(0, len(table), size)
    return [PLAN.summarise(block(table[i : i + size]), unit(patients, slice(i, i + size))) for i in starts]


def learned(parts: list[TableSummary]) -> Codec:
    return PLAN.solve(reduce(TableSummary.merge, parts), RARE_BELOW)


def saved(codec: Codec) -> str:
    return json.dumps(codec.to_json())


def halved(parts: list[TableSummary]) -> list[TableSummary]:
    """The same summaries grouped: halves merged apart."""
    if len(parts) < 2:
        return parts
    middle = len(parts) // 2
    return [reduce(TableSummary.merge, parts[:middle]), reduce(TableSummary.merge, parts[middle:])]


@pytest.fixture(scope="module")
def whole() -> str:
    return saved(learned(summaries(*rows(2500), size=2500)))


@pytest.mark.parametrize("size", [1000, 173])
def test_chunks_give_the_same_encoders_byte_for_byte(whole: str, size: int) -> None:
    parts = summaries(*rows(2500), size=size)
    assert saved(learned(parts)) == whole
    assert saved(learned(parts[::-1])) == whole
    assert saved(learned(halved(parts))) == whole


def test_single_rows_give_the_same_encoders_byte_for_byte() -> None:
    table, patients = rows(120)
    one = saved(learned(summaries(table, patients, size=120)))
    parts = summaries(table, patients, size=1)
    assert saved(learned(parts)) == one
    assert saved(learned(halved(parts[::-1]))) == one


@settings(max_examples=8)
@given(st.integers(1, 99), st.lists(st.integers(1, 149), min_size=1, max_size=5), st.randoms(use_true_random=False))
def test_any_cuts_order_and_grouping(seed: int, cuts: list[int], order: random.Random) -> None:
    table, patients = rows(150, seed=seed)
    bounds = [0, *sorted(set(cuts)), 150]
    parts = [PLAN.summarise(block(table[a:b]), unit(patients, slice(a, b))) for a, b in pairwise(bounds)]
    order.shuffle(parts)
    one = learned(summaries(table, patients, size=150))
    assert saved(learned(parts)) == saved(learned(halved(parts))) == saved(one)


def test_what_is_saved_is_all_that_is_needed(whole: str) -> None:
    codec = PLAN.restore(json.loads(whole))
    assert saved(codec) == whole
    codes = codec.encode(block(rows(300)[0]))
    assert (codes == learned(summaries(*rows(2500), size=2500)).encode(block(rows(300)[0]))).all()


def test_chunks_give_the_same_copula_byte_for_byte(whole: str) -> None:
    codec = PLAN.restore(json.loads(whole))
    codes = codec.encode(block(rows(500)[0]))
    states = []
    for size, backwards in [(500, False), (130, False), (130, True), (1, False)]:
        chunks = [codes[i : i + size] for i in range(0, len(codes), size)]
        table = CodeTable(codec.domains, chunks[::-1] if backwards else chunks)
        states.append(Copula().fit(table, rng=np.random.default_rng(1)).state())
    for document, arrays in states[1:]:
        assert document == states[0][0]
        assert arrays.keys() == states[0][1].keys()
        for name, array in arrays.items():
            assert array.tobytes() == states[0][1][name].tobytes(), name


def test_whose_rows_they_are_decides_what_is_kept() -> None:
    table, patients = rows(400)
    for row, i in zip(table, range(20), strict=False):
        row["ward"] = "plague house"
        patients[i] = i % 4
    assert "plague house" not in saved(learned(summaries(table, patients, size=100)))
    patients[19] = 5
    assert "plague house" in saved(learned(summaries(table, patients, size=100)))


#: Values of one patient; some told apart from what is common by their form alone.
PLANTED = {
    "stay": "918273645",
    "person": "P918273",
    "name": "Ole Brumm",
    "ward": "leprosarium",
    "diagnosis": "A30.5",
    "described": "lepromatous leprosy",
    "further": "A30.8, B92",
    "days": "98765",
    "crp": "45.678,9",
    "dose": "9876543,0",
    "born": "29.02.1812",
    "admitted": "24.12.1987 03:33",
    "note": "found in the hills",
    "internal": "secret",
}


def test_nothing_of_a_planted_row_is_saved() -> None:
    table, patients = rows(1500)
    # One patient, many rows: counting rows would not hide them.
    for i in range(0, 900, 100):
        table[i] |= PLANTED
        patients[i] = -1
    codec = learned(summaries(table, patients, size=500))
    text = saved(codec)
    for value in PLANTED.values():
        for part in value.split(", "):
            assert part not in text, part
    # Numbers and dates are saved as whole keys.
    planted = codec.encode(block([table[0]]))
    numbers = json.loads(text)["encoders"]
    assert 98765 not in flat(numbers["days"])
    assert 456789 not in flat(numbers["crp"])
    assert max(flat(numbers["days"])) < 200
    assert max(flat(numbers["crp"]["quantiser"])) < 10_000
    assert min(flat(numbers["born"]["days"])) > -20_000
    assert min(flat(numbers["admitted"]["days"])) > 16_000
    # Nor does encoding them and back bring them out.
    back = codec.decode(
        np.repeat(np.where(planted < 0, 0, planted), 50, axis=0),
        rng=np.random.default_rng(0),
        key=b"key",
        rows=np.arange(50),
        persons=np.arange(50),
    )
    for name, value in PLANTED.items():
        assert name not in back.schema.names or value not in back.column(name).to_pylist()


def flat(value: object) -> list[int]:
    """The numbers of a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for part in value for number in flat(part)]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else []
