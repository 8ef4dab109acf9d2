"""Whose row is whose, and what belongs to a patient rather than to a row."""

import numpy as np
import pytest

from synthgen.encoding.domain import Domain, Scale
from synthgen.relational.flat.person import Persons, personal_columns, rows_domain, rows_per_person


def persons(*rows: int) -> Persons:
    return Persons.of(np.array(rows, np.uint64))


def test_rows_are_grouped_by_patient_in_the_order_of_the_table() -> None:
    found = persons(9, 4, 9, 4, 7)
    assert found.n_rows.tolist() == [2, 1, 2]  # patients 4, 7 and 9
    assert found.first_rows(np.array([10, 11, 12, 13, 14], np.int32)).tolist() == [11, 14, 10]


def test_a_trait_changes_in_nobody_and_chance_in_as_many_as_expected() -> None:
    rng = np.random.default_rng(0)
    found = persons(*np.repeat(np.arange(400), 3).tolist())
    trait = np.repeat(rng.integers(0, 2, 400), 3)
    assert found.varying_share(trait) == 0
    assert found.varying_share(rng.integers(0, 2, 1200)) == pytest.approx(1, abs=0.15)


def test_a_column_that_never_changes_or_patients_with_one_row_tell_nothing() -> None:
    assert persons(1, 1, 2, 2).varying_share(np.zeros(4, np.int64)) == 1
    assert persons(1, 2, 3).varying_share(np.array([0, 1, 2])) == 1


def test_a_column_is_personal_with_all_its_code_columns() -> None:
    rng = np.random.default_rng(0)
    found = persons(*np.repeat(np.arange(300), 2).tolist())
    trait = np.repeat(rng.integers(0, 5, 300), 2)
    codes = np.stack([rng.integers(0, 5, 600), trait, rng.integers(0, 5, 600)], axis=1).astype(np.int32)
    domains = tuple(
        Domain(name, owner, 5, Scale.NOMINAL, (), (), ())
        for name, owner in (("ward", "ward"), ("born", "born"), ("born.weekday", "born"))
    )
    assert personal_columns(found, codes, domains) == (1, 2)


def test_an_uncommon_number_of_rows_is_no_atom() -> None:
    numbers = rows_per_person(persons(*np.repeat(np.arange(20), 2).tolist(), *[99] * 50), rare_below=5)
    assert numbers.atoms.tolist() == [2]
    assert all(end < 50 for end in numbers.ends)
    assert rows_domain(numbers).size == numbers.size
