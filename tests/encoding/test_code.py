"""Clinical codes: rare ones back off to coarser ones, and the hierarchy goes to the model."""

from __future__ import annotations

from typing import Literal

import pytest

from synthgen.encoding.code import CodeKind, numbered_alike
from synthgen.schema.column import Code
from tests.encoding.build import POINT, again, decode, every_code, learn

System = Literal["icd9", "icd10", "atc", "other"]


def kind(system: System, name: str = "diagnosis") -> CodeKind:
    return CodeKind(name, Code(system=system), POINT, ("", "?"))


@pytest.mark.parametrize(
    ("system", "rare", "coarser"),
    [
        ("icd9", ["250.83", "250.82"], "250.8"),
        ("icd9", ["25083", "25082"], "2508"),
        ("icd9", ["V45.81", "V45.82"], "V45.8"),
        ("icd9", ["E885.1", "E885.9"], "E885"),
        ("icd10", ["E11.65", "E11.69"], "E11.6"),
        ("icd10", ["E1165", "E1169"], "E116"),
        ("icd10", ["I21.0", "I21.4"], "I21"),
        ("atc", ["A10BA02", "A10BA03"], "A10BA"),
        ("atc", ["A10BA02", "A10BB01"], "A10B"),
    ],
)
def test_rare_codes_back_off_together(system: System, rare: list[str], coarser: str) -> None:
    texts = [rare[0]] * 3 + [rare[1]] * 2 + ["000.0"] * 9
    assert again(learn(kind(system), texts), rare) == [coarser, coarser]


def test_an_unknown_code_is_read_as_its_nearest_kept_ancestor() -> None:
    encoder = learn(kind("icd10"), ["E11.6"] * 5 + ["E11"] * 5 + ["I10"] * 5)
    assert again(encoder, ["E11.65", "E11.9", "I10"]) == ["E11.6", "E11", "I10"]
    assert encoder.encode(["J45"]).tolist() == [[-1]]


def test_who_asks_for_a_category_is_told_the_codes_beneath_it() -> None:
    encoder = learn(kind("icd10"), ["C50.1"] * 5 + ["C50.91"] * 5 + ["C34"] * 5)
    told = "a code does not stand for those beneath it; for these write in (C50.1, C50.91)"
    assert encoder.offer(["C50"]) == told
    assert "beneath" not in encoder.offer(["C5"]) + encoder.offer(["C34.1"])


def test_what_has_no_common_ancestor_is_other() -> None:
    encoder = learn(kind("icd10"), ["I10"] * 9 + ["J45.0"] * 2 + ["K21.9"] * 3)
    assert again(encoder, ["J45.0", "K21.9", "Z99"]) == ["other"] * 3


def test_a_rest_of_too_few_is_learned_as_unobserved() -> None:
    encoder = learn(kind("icd10"), ["I10"] * 9 + ["J45.0"] * 2 + ["K21.9"] * 2)
    assert encoder.encode(["J45.0", "K21.9"]).tolist() == [[-1], [-1]]


def test_codes_of_no_known_system_have_no_hierarchy() -> None:
    encoder = learn(kind("other"), ["X1"] * 9 + ["Y12"] * 3 + ["Y13"] * 2)
    assert again(encoder, ["Y12"]) == ["other"]
    assert encoder.domains[0].parents == ()


def test_codes_keep_their_zeros() -> None:
    texts = ["250.00", "008.45", "250"]
    assert again(learn(kind("icd9"), texts * 5), texts) == texts


def test_missing_tokens_are_not_codes() -> None:
    assert again(learn(kind("icd9"), ["250"] * 9 + ["?"] * 5 + [""] * 5), ["?", "", "250"]) == ["?", "", "250"]


def test_parents_group_codes_by_chapter_and_category() -> None:
    encoder = learn(kind("icd10"), ["E10.1", "E11.6", "E11.9", "I10", "?"] * 5 + ["Z1", "Y2", "O3", "O4", "O5"])
    codes = decode(encoder, every_code(encoder))
    assert codes == ["E10.1", "E11.6", "E11.9", "I10", "other", "?"]
    chapters, categories, own = encoder.domains[0].parents
    assert chapters[0] == chapters[1] == chapters[2]
    assert categories[1] == categories[2] != categories[0]
    # Neither what is left over nor a missing code belongs to a chapter of the codes.
    assert len({chapters[0], chapters[3], chapters[4], chapters[5]}) == 4
    assert len(set(own)) == len(codes)


def test_columns_of_one_system_number_their_groups_alike() -> None:
    first = learn(kind("icd10", "first"), ["E11.9", "I10", "?"] * 5)
    second = learn(kind("icd10", "second"), ["A00", "E11.6", "E11.9", "?"] * 5)
    other = learn(kind("atc", "drug"), ["A10BA02"] * 5)
    domains = numbered_alike([first, second, other])
    assert [domains[name].system for name in ("first", "second", "drug")] == ["icd10", "icd10", "atc"]
    (_, category, code), (_, others_category, others_code) = domains["first"].parents, domains["second"].parents
    assert decode(first, every_code(first)) == ["E11.9", "I10", "?"]
    assert decode(second, every_code(second)) == ["A00", "E11.6", "E11.9", "?"]
    assert category[0] == others_category[1] == others_category[2]
    assert code[0] == others_code[2] != others_code[1]
    assert code[2] == others_code[3]  # missing is the same in both
    assert len(set(code) | set(others_code)) == 5
