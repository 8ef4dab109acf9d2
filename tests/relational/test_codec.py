"""A table becomes codes and comes back, through a file as well."""

import json

import numpy as np
import pyarrow as pa
import pytest

from synthgen.encoding.levels import Unit
from synthgen.relational.codec import BadBlock, Codec, Plan
from synthgen.schema.config import Format
from tests.relational.world import config

DECLARED = config(
    a="category",
    b={"kind": "category", "determined_by": "a"},
    c={"kind": "category", "determined_by": "b"},
    n="integer",
    codes={"kind": "code", "separator": ";"},
    gone="drop",
    note="text",
)
CELLS = {
    "a": ["x", "y"] * 20,
    "b": ["1", "2"] * 20,
    "c": ["one", "two"] * 20,
    "n": ["3", ""] * 20,
    "codes": ["I10;E11", ""] * 20,
    "gone": ["z"] * 40,
    "note": ["secret"] * 40,
}


def block(cells: dict[str, list[str]]) -> pa.RecordBatch:
    arrays = [pa.array(texts, pa.string()).dictionary_encode() for texts in cells.values()]
    return pa.RecordBatch.from_arrays(arrays, names=list(cells))


def codec() -> Codec:
    plan = Plan(DECLARED, Format())
    return plan.solve(plan.summarise(block(CELLS), Unit.rows()), 5)


def decoded(made: Codec) -> dict[str, list[str]]:
    codes = made.encode(block(CELLS))
    ordinals = np.arange(len(codes))
    batch = made.decode(codes, rng=np.random.default_rng(0), key=b"k", rows=ordinals, persons=ordinals)
    found: dict[str, list[str]] = batch.to_pydict()
    return found


def test_it_comes_back_without_dropped_columns_and_notes() -> None:
    expected = {name: cells for name, cells in CELLS.items() if name != "gone"} | {"note": [""] * 40}
    assert decoded(codec()) == expected


def test_it_comes_back_through_json() -> None:
    made = codec()
    again = Plan(DECLARED, Format()).restore(json.loads(json.dumps(made.to_json())))
    assert decoded(again) == decoded(made)
    assert again.domains == made.domains
    again.try_out()


def test_columns_are_determined_in_chains() -> None:
    assert list(Plan(DECLARED, Format()).determined) == ["b", "c"]


def test_a_bad_cell_is_located_in_its_block() -> None:
    with pytest.raises(BadBlock) as caught:
        Plan(DECLARED, Format()).summarise(block(CELLS | {"n": [*["3"] * 25, "many", *["3"] * 14]}), Unit.rows())
    assert (caught.value.column, caught.value.row) == ("n", 25)


def test_models_are_told_which_codes_are_to_be_predicted() -> None:
    aimed = DECLARED.model_copy(update={"target": "n"})
    made = Plan(aimed, Format()).solve(Plan(aimed, Format()).summarise(block(CELLS), Unit.rows()), 5)
    assert {domain.owner for domain in made.domains if domain.target} == {"n"}
    assert not any(domain.target for domain in codec().domains)
