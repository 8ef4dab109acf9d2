"""The step between counting and keeping: nothing that fewer than `rare_below` patients share gets through."""

from __future__ import annotations

import numpy as np

from synthgen.encoding import disclosure
from synthgen.encoding.clinical import parent_icd10
from tests.encoding.build import RARE_BELOW, count


def people(first: int, number: int) -> list[int]:
    return list(range(first, first + number))


def test_rare_levels_are_merged_into_other() -> None:
    levels = count(["flu"] * 5 + ["gout"] * 3 + ["mumps"] * 2, patients=people(0, 10))
    assert disclosure.keep_common(levels, RARE_BELOW, other="other") == ["flu", "other"]


def test_a_rest_of_too_few_is_given_up() -> None:
    levels = count(["flu"] * 5 + ["gout"] * 4, patients=people(0, 9))
    assert disclosure.keep_common(levels, RARE_BELOW, other="other") == ["flu"]


def test_many_rows_of_few_patients_are_rare() -> None:
    levels = count(["flu"] * 5 + ["gout"] * 100, patients=people(0, 5) + [77] * 100)
    assert disclosure.keep_common(levels, RARE_BELOW, other="other") == ["flu"]


def test_the_rest_counts_patients_not_levels() -> None:
    # Six rare diagnoses, but of two people.
    levels = count(list("abcdef") + ["flu"] * 5, patients=[7, 8] * 3 + people(10, 5))
    assert disclosure.keep_common(levels, RARE_BELOW, other="other") == ["flu"]


def test_a_rare_code_backs_off_to_the_first_ancestor_that_is_common() -> None:
    # Two of each fifth digit: 4 at E11.6, so both go on to E11, where a fifth patient has been all along.
    codes = ["E11.65"] * 2 + ["E11.69"] * 2 + ["E11"] + ["I10"] * 5
    levels = count(codes, patients=people(0, len(codes)))
    assert disclosure.keep_common(levels, RARE_BELOW, other="other", parent=parent_icd10) == ["E11", "I10"]
    # Three of each make E11.6 common by itself; the one at E11 is left over.
    codes = ["E11.65"] * 3 + ["E11.69"] * 3 + ["E11"] + ["I10"] * 5
    levels = count(codes, patients=people(0, len(codes)))
    assert disclosure.keep_common(levels, RARE_BELOW, other="other", parent=parent_icd10) == ["E11.6", "I10"]


def test_missing_tokens_too_rare_belong_to_the_commonest() -> None:
    assert disclosure.keep_common_tokens(count(["?"] * 9 + ["NA"] * 2, patients=people(0, 11)), RARE_BELOW) == ["?"]
    assert disclosure.keep_common_tokens(count(["?"] * 9 + [""] * 6, patients=people(0, 15)), RARE_BELOW) == ["?", ""]
    assert disclosure.keep_common_tokens(count(["?"] * 2 + [""] * 2, patients=people(0, 4)), RARE_BELOW) == []
    assert disclosure.keep_common_tokens(count(["?"] * 3 + [""] * 2, patients=people(0, 5)), RARE_BELOW) == ["?"]


def test_a_range_leaves_out_the_tails_that_few_patients_reach() -> None:
    levels = count(list(range(100)), patients=people(0, 100))
    assert disclosure.trimmed_range(levels, RARE_BELOW) == (4, 95)


def test_a_tail_of_one_patient_with_many_rows_is_a_tail_of_one() -> None:
    ages = list(range(50)) + [90] * 20
    assert disclosure.trimmed_range(count(ages, patients=people(0, 50) + [99] * 20), RARE_BELOW) == (4, 46)
    assert disclosure.trimmed_range(count([1, 2, 3, 4], patients=people(0, 4)), RARE_BELOW) is None


def test_thin_bins_are_merged_with_their_neighbours() -> None:
    # Patients per bin of ten: 6, 2, 6, 1.
    keys = [0] * 6 + [10] * 2 + [20] * 6 + [30]
    levels = count(keys, patients=people(0, len(keys)))
    assert disclosure.merge_thin_bins(levels, np.array([0, 10, 20, 30]), RARE_BELOW).tolist() == [0, 20]
    assert disclosure.merge_thin_bins(levels, np.array([-9, -5, 0]), RARE_BELOW).tolist() == [-9]
