"""All mistakes of a part are told together, however deep they stand."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from synthgen.schema.part import Part


class Leaf(Part):
    size: int


class Tree(Part):
    not_honoured = frozenset({"roots"})

    left: Leaf
    right: Leaf
    height: float


def test_mistakes_at_every_depth_come_at_once() -> None:
    with pytest.raises(ValidationError) as refused:
        Tree.model_validate({"left": {"size": "x", "colour": 1}, "right": {}, "hight": 1, "roots": 2})
    assert {(error["loc"], error["type"]) for error in refused.value.errors()} == {
        (("left", "size"), "int_parsing"),
        (("left", "colour"), "mistake"),
        (("right", "size"), "missing"),
        (("height",), "missing"),
        (("hight",), "mistake"),
        (("roots",), "mistake"),
    }


def test_braces_in_what_was_found_are_only_text() -> None:
    with pytest.raises(ValidationError, match=r"\{message\}"):
        Leaf.model_validate({"size": 1, "{message}": 1})
