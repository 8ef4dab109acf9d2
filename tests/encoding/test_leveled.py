"""What all columns of named levels share: codes, missing tokens, conditions."""

from __future__ import annotations

import numpy as np
import pytest

from synthgen.encoding.category import CategoryKind
from synthgen.encoding.leveled import Tokens
from synthgen.encoding.ordinal import OrdinalKind
from synthgen.schema.column import Category, Ordinal
from tests.encoding.build import POINT, again, decode, every_code, learn

MISSING = ("", "?", "NA")
KIND = CategoryKind("ward", Category(), POINT, MISSING)
BANDS = OrdinalKind("age", Ordinal(order=("0-9", "10-19", "20-29")), POINT, MISSING)


def test_levels_come_first_then_missing_tokens() -> None:
    encoder = learn(KIND, ["B"] * 6 + ["A"] * 5 + [""] * 5 + ["?"] * 7)
    (domain,) = encoder.domains
    assert decode(encoder, every_code(encoder)) == ["A", "B", "?", ""]
    assert domain.special == domain.missing == (2, 3)


def test_each_missing_token_is_its_own_and_comes_back_as_itself() -> None:
    texts = ["", "?", "NA", "A"]
    assert again(learn(KIND, texts * 5), texts) == texts


def test_a_missing_token_is_one_with_white_space_around_it() -> None:
    encoder = learn(KIND, ["A"] * 5 + [" ? ", "?"] * 3 + [" "] * 5)
    assert again(encoder, ["  ?", "   "]) == ["?", ""]
    # Around a value white space is part of it.
    assert encoder.encode([" A"]).tolist() == [[-1]]


def test_rare_missing_tokens_are_written_as_the_commonest() -> None:
    encoder = learn(KIND, ["A"] * 5 + ["?"] * 6 + ["NA"] * 2)
    assert again(encoder, ["NA", "", "?"]) == ["?", "?", "?"]


def test_a_word_that_means_nothing_elsewhere_is_a_value() -> None:
    assert again(learn(KIND, ["None"] * 5 + ["nan"] * 5), ["None", "nan"]) == ["None", "nan"]


def test_nothing_common_leaves_one_missing_code() -> None:
    encoder = learn(KIND, ["A", "B", "?"])
    (domain,) = encoder.domains
    assert (domain.size, domain.missing) == (1, (0,))
    assert decode(encoder, every_code(encoder)) == [""]
    assert encoder.encode(["A", "?"]).tolist() == [[-1], [-1]]
    assert encoder.allowed("=", ["A"])[0].tolist() == [False]


def test_tokens_stand_for_each_other_where_one_is_rare() -> None:
    tokens = Tokens(MISSING, ("?",))
    assert tokens.read(" NA ") == "NA"
    assert tokens.read("A") is None
    assert tokens.generated("NA") == "?"
    assert Tokens(MISSING, ()).generated("NA") is None


@pytest.mark.parametrize(
    ("operator", "values", "allowed"),
    [
        ("=", ["A"], ["A"]),
        ("!=", ["A"], ["B", "?", ""]),
        ("in", ["A", "B", "C"], ["A", "B"]),
        ("=", [""], ["?", ""]),  # missing for any reason
        ("!=", [""], ["A", "B"]),
        ("=", ["?"], ["?"]),
        ("=", ["NA"], ["?"]),
        ("=", ["C"], []),
    ],
)
def test_conditions_on_levels(operator: str, values: list[str], allowed: list[str]) -> None:
    encoder = learn(KIND, ["A"] * 5 + ["B"] * 5 + ["?"] * 6 + [""] * 5)
    (mask,) = encoder.allowed(operator, values)
    assert decode(encoder, np.flatnonzero(mask).astype(np.int32).reshape(-1, 1)) == allowed
    assert encoder.narrowed(operator, values) is encoder


def test_an_empty_value_is_missing_where_no_token_is_empty_and_a_level_where_it_is_one() -> None:
    for missing, allowed in ((("?",), ["?"]), (("?", "NA"), ["?"]), ((), [""])):
        kind = CategoryKind("ward", Category(), POINT, missing)
        encoder = learn(kind, ["A"] * 5 + ["?" if missing else ""] * 6)
        (mask,) = encoder.allowed("=", [""])
        assert decode(encoder, np.flatnonzero(mask).astype(np.int32).reshape(-1, 1)) == allowed


def test_only_ordered_levels_can_be_compared() -> None:
    with pytest.raises(ValueError, match="have no order"):
        learn(KIND, ["A"] * 5).allowed("<", ["A"])
    encoder = learn(BANDS, ["0-9", "10-19", "20-29", "?"] * 5)
    (mask,) = encoder.allowed(">=", ["10-19"])
    assert mask.tolist() == [False, True, True, False]
    with pytest.raises(ValueError, match="none of its levels"):
        encoder.allowed("<", ["10"])


def test_who_asks_in_vain_is_told_what_there_is() -> None:
    assert learn(KIND, ["B"] * 6 + ["A"] * 5 + ["rare"]).offer(["C"]) == "its levels are A, B"
    assert learn(KIND, ["A"]).offer(["A"]) == "no value of it is generated"


def test_of_many_levels_those_like_what_was_asked_for_come_first_and_long_ones_are_cut() -> None:
    wards = [f"ward {i:03d}" for i in range(50)] + ["x" * 100]
    told = learn(KIND, wards * 5).offer(["ward 49"])
    assert told.startswith("of its 51 levels, some are ward 049, ")
    assert told.count("ward ") == 12
    assert len(learn(KIND, ["x" * 100] * 5).offer(["y"])) < 60
