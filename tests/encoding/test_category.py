"""Named levels without an order, and constants."""

from __future__ import annotations

import pytest

from synthgen.encoding.category import CategoryKind, ConstantKind
from synthgen.encoding.domain import Scale
from synthgen.errors import InputError
from synthgen.schema.column import Category, Constant
from tests.encoding.build import POINT, RARE_BELOW, again, learn, summarise

KIND = CategoryKind("ward", Category(), POINT, ("",))


def test_rare_and_unknown_levels_are_read_as_other() -> None:
    encoder = learn(KIND, ["surgery"] * 9 + ["eye"] * 3 + ["ear"] * 2)
    assert encoder.domains[0].scale is Scale.NOMINAL
    assert again(encoder, ["surgery", "eye", "ear", "never seen"]) == ["surgery", "other", "other", "other"]


def test_the_word_for_other_can_be_chosen() -> None:
    kind = CategoryKind("ward", Category(other="annet"), POINT, ("",))
    assert again(learn(kind, ["surgery"] * 9 + ["eye"] * 3 + ["annet"] * 2), ["eye"]) == ["annet"]


def test_a_rest_of_too_few_is_learned_as_unobserved() -> None:
    encoder = learn(KIND, ["surgery"] * 9 + ["eye"] * 4)
    assert encoder.domains[0].size == 1
    assert encoder.encode(["eye", "never seen"]).tolist() == [[-1], [-1]]


def test_patients_count_not_rows() -> None:
    encoder = learn(KIND, ["surgery"] * 9 + ["eye"] * 90, patients=[*range(9), *[7] * 90])
    assert encoder.to_json() == {"levels": ["surgery"], "tokens": []}


def test_a_constant_comes_back() -> None:
    kind = ConstantKind("country", Constant(), POINT, ("", "?"))
    assert again(learn(kind, ["NO"] * 9 + ["?"] * 5), ["NO", "?"]) == ["NO", "?"]
    assert learn(kind, ["NO"] * 4).to_json() == {"levels": [], "tokens": []}


def test_a_constant_that_varies_is_refused_without_its_values() -> None:
    kind = ConstantKind("country", Constant(), POINT, ("",))
    with pytest.raises(InputError, match=r"column country: .* holds 2 different values; declare it as category$"):
        kind.solve(summarise(kind, ["NO", "SE"]), RARE_BELOW)
