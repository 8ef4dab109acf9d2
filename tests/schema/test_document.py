"""A config's scalars are the texts that were written, and each knows its line."""

from __future__ import annotations

import pytest

from synthgen.errors import InputError
from synthgen.schema.document import parse


@pytest.mark.parametrize("text", ["-1", "250.00", "007", "0x10", "1e3", "NO", "true", "null", "~", "2020-01-31", ".5"])
def test_a_scalar_in_a_list_is_the_text_that_was_written(text: str) -> None:
    assert parse(f"missing: [{text}]", "x.yaml").content == {"missing": [text]}


def test_quotes_are_not_part_of_a_text() -> None:
    assert parse("""missing: ["", '?', "a\\tb"]""", "x.yaml").content == {"missing": ["", "?", "a\tb"]}


def test_a_key_without_a_value_has_none() -> None:
    assert parse("a:\nb: ~\nc: ''", "x.yaml").content == {"a": None, "b": None, "c": ""}


def test_keys_are_texts() -> None:
    assert parse("{true: yes, 1: no, NO: on}", "x.yaml").content == {"true": "yes", "1": "no", "NO": "on"}


def test_options_of_the_model_have_the_types_of_yaml() -> None:
    content = parse("model: {name: 7, bins: 10, rate: 1e-3, deep: true, sizes: [1, 2]}", "x.yaml").content
    assert content == {"model": {"name": "7", "bins": 10, "rate": 0.001, "deep": True, "sizes": [1, 2]}}


def test_lines() -> None:
    document = parse("# head\na:\n  b: {c: 1,\n      d: 2}\n  e:\n    - x\n    - y\n", "x.yaml")
    places = [("a",), ("a", "b"), ("a", "b", "c"), ("a", "b", "d"), ("a", "e", 1)]
    assert [document.line(place) for place in places] == [2, 3, 3, 4, 7]
    assert document.line(("a", "b", "absent")) == 3  # the nearest place above


def test_a_key_that_stands_twice_is_a_mistake() -> None:
    document = parse("a: 1\nb: 2\na: 3\n", "x.yaml")
    assert document.content == {"a": "1", "b": "2"}
    assert document.mistakes == [(("a",), 3, "the key stands on line 1 too; remove one")]


def test_an_alias_repeats_what_it_stands_for() -> None:
    content = parse("a: &lab {kind: number, decimals: 1}\nb: *lab\n", "x.yaml").content
    assert content["b"] == content["a"] == {"kind": "number", "decimals": "1"}


def test_an_alias_to_what_it_stands_in_is_a_mistake() -> None:
    (mistake,) = parse("a: &a\n  b: *a\n", "x.yaml").mistakes
    assert mistake[0] == ("a", "b")


def test_a_key_that_is_a_list_is_a_mistake() -> None:
    (mistake,) = parse("a: 1\n? [b, c]\n: 2\n", "x.yaml").mistakes
    assert mistake[1] == 2


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("a: 1\n b: secret\n", "x.yaml:2:3"),
        ("a: [secret\n", "x.yaml:2:1"),
        ("a: 1\nb: secret\x00\n", "x.yaml:2"),
        ("a: 1\n---\nb: 2\n", "x.yaml:2:1"),
        ("a: *secrets\n", "x.yaml:1:4"),
    ],
)
def test_what_is_not_yaml_is_located_and_not_shown(text: str, place: str) -> None:
    with pytest.raises(InputError) as refused:
        parse(text, "x.yaml")
    message = str(refused.value)
    assert message.startswith(f"{place}: not valid YAML: ")
    assert "\n" not in message
    assert "b: secret" not in message
