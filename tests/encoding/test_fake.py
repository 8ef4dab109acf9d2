"""A person's fake values stay the same, agree with sex, and depend on nothing else."""

from __future__ import annotations

import random

import faker
import numpy as np
import pyarrow as pa
import pytest
from faker.providers.person.no_NO import Provider as Norwegian

from synthgen.encoding.fake import POOL, FakeColumn, sex_class
from synthgen.errors import InputError


def test_a_person_keeps_the_same_value() -> None:
    column = FakeColumn("name", "en_US")
    rows = column.generate(np.array([7, 3, 7, 7]), b"key").to_pylist()
    assert rows[0] == rows[2] == rows[3] != rows[1]
    assert column.generate(np.array([3]), b"key").to_pylist() == [rows[1]]
    assert column.generate(np.array([7]), b"another").to_pylist() != [rows[0]]


def test_names_agree_with_sex_where_the_locale_lists_them_by_sex() -> None:
    column = FakeColumn("first_name", "nb_NO", sex="sex")
    persons = np.arange(600)
    sex = ["Kvinne", "mann", "2"] * 200
    names = column.generate(persons, b"key", sex).to_pylist()
    assert set(names[0::3]) <= set(Norwegian.first_names_female)
    assert set(names[1::3]) <= set(Norwegian.first_names_male)
    assert set(names[2::3]) & set(Norwegian.first_names_male)
    assert set(names[2::3]) & set(Norwegian.first_names_female)


def test_full_names_agree_with_sex_even_where_faker_mixes_them() -> None:
    names = FakeColumn("name", "nb_NO").generate(np.arange(300), b"key", ["F"] * 300).to_pylist()
    assert {name.split(" ")[0] for name in names} <= set(Norwegian.first_names_female)


def test_a_value_depends_on_the_persons_own_sex_and_not_on_other_rows() -> None:
    column = FakeColumn("name", "en_US", sex="sex")
    together = column.generate(np.arange(4), b"key", ["M", "F", "", "M"]).to_pylist()
    alone = [column.generate(np.array([i]), b"key", [s]).to_pylist()[0] for i, s in enumerate(["M", "F", "", "M"])]
    assert together == alone


def test_sex_may_be_dictionary_encoded_and_null() -> None:
    column = FakeColumn("first_name", "en_US", sex="sex")
    plain = column.generate(np.arange(3), b"key", ["M", "F", ""])
    encoded = column.generate(np.arange(3), b"key", pa.array(["M", "F", None]).dictionary_encode())
    assert encoded.to_pylist() == plain.to_pylist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [(" Male ", "male"), ("M", "male"), ("MÄNNLICH", "male"), ("K", "female"), ("weiblich", "female")]
    + [(text, "") for text in ("1", "2", "", "?", "unknown", "x")],
)
def test_common_spellings_are_understood_and_numbers_are_not_guessed(text: str, expected: str) -> None:
    assert sex_class(text) == expected


def test_the_result_is_a_dictionary_of_text_and_the_pool_is_bounded() -> None:
    values = FakeColumn("address", "de_DE").generate(np.arange(50_000), b"key")
    assert values.type == pa.dictionary(pa.int32(), pa.string())
    assert POOL // 2 < len(values.dictionary) <= POOL


def test_global_random_states_stay_untouched() -> None:
    before = random.getstate(), faker.generator.random.getstate()
    FakeColumn("name", "fr_FR").generate(np.arange(5), b"untouched")
    assert (random.getstate(), faker.generator.random.getstate()) == before


@pytest.mark.parametrize(
    ("provider", "locale", "found"),
    [
        ("nmae", "en_US", "provider 'nmae'"),
        ("seed_instance", "en_US", "provider 'seed_instance'"),
        ("_helper", "en_US", "provider '_helper'"),
        ("profile", "en_US", "provider 'profile': gives dict"),
        ("enum", "en_US", "provider 'enum': cannot be used without arguments"),
        ("name", "xx_XX", "locale 'xx_XX'"),
        ("name", "", "locale ''"),
    ],
)
def test_an_unknown_provider_or_locale_is_refused_at_once(provider: str, locale: str, found: str) -> None:
    with pytest.raises(InputError, match=found):
        FakeColumn(provider, locale)


def test_sexes_and_persons_must_be_as_many() -> None:
    with pytest.raises(ValueError, match="1 sexes for 2 persons"):
        FakeColumn("name").generate(np.arange(2), b"key", ["M"])
