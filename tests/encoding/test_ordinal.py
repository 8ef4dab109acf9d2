"""Levels in a declared order, booleans included."""

from __future__ import annotations

import pytest

from synthgen.encoding.base import BadCells
from synthgen.encoding.domain import Scale
from synthgen.encoding.ordinal import OrdinalKind
from synthgen.schema.column import Boolean, Ordinal
from tests.encoding.build import POINT, again, decode, every_code, learn, summarise

ORDER = ("none", "mild", "moderate", "severe", "fatal")
KIND = OrdinalKind("grade", Ordinal(order=ORDER), POINT, ("", "?"))


def test_codes_follow_the_declared_order() -> None:
    encoder = learn(KIND, [*ORDER, "?"] * 5)
    assert decode(encoder, every_code(encoder)) == [*ORDER, "?"]
    assert encoder.domains[0].scale is Scale.ORDERED


def test_a_rare_level_is_read_as_the_nearest_kept_one() -> None:
    encoder = learn(KIND, ["none"] * 9 + ["moderate"] * 9 + ["fatal"] * 3 + ["mild"])
    # Mild is as near to none as to moderate: the lower one is taken.
    assert again(encoder, ["fatal", "severe", "mild"]) == ["moderate", "moderate", "none"]


def test_what_is_not_declared_is_refused_and_not_encoded() -> None:
    with pytest.raises(BadCells, match="one of the 5 declared levels") as bad:
        summarise(KIND, ["none", "terrible", "?"])
    assert bad.value.texts.tolist() == [1]
    assert learn(KIND, ["none"] * 5).encode(["terrible"]).tolist() == [[-1]]


def test_booleans_have_two_levels_false_first() -> None:
    kind = OrdinalKind("died", Boolean(true="ja", false="nei"), POINT, ("",))
    encoder = learn(kind, ["ja"] * 5 + ["nei"] * 9 + [""] * 5)
    assert decode(encoder, every_code(encoder)) == ["nei", "ja", ""]


def test_a_rare_half_of_a_boolean_is_given_up_rather_than_turned_round() -> None:
    kind = OrdinalKind("died", Boolean(true="ja", false="nei"), POINT, ("",))
    assert learn(kind, ["ja"] * 3 + ["nei"] * 9).encode(["ja"]).tolist() == [[-1]]
