"""How a mistake in a config is told: what was found, and the mend."""

from __future__ import annotations

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

from pydantic_core import ErrorDetails

from synthgen.schema.part import MISTAKE

_EXPECTED = {
    "string_type": "a text",
    "tuple_type": "a list, such as [a, b]",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values, such as {{kind: category}}",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing_size": "a smaller number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "float_type": "a number",
    "float_parsing": "a number",
    "finite_number": "a finite number",
    "literal_error": "{expected}",
    "greater_than_equal": "at least {ge:g}",
    "less_than_equal": "at most {le:g}",
    "less_than": "a number below {lt:g}",
    "string_too_short": "{min_length} character or more",
    "string_too_long": "{max_length} character at most",
    "too_short": "{min_length} entry or more",
}


def words(errors: list[ErrorDetails]) -> str:
    """One sentence for the errors that pydantic has for one place (several where the place may be of several types)."""
    first = errors[0]
    kind, context = first["type"], first.get("ctx", {})
    if kind in (MISTAKE, "value_error"):
        return first["msg"].removeprefix("Value error, ")
    if kind == "missing":
        return "is missing; add it"
    if kind == "union_tag_not_found":
        return "has no kind; add one, such as kind: category"
    if kind == "union_tag_invalid":
        return _unknown_kind(context)
    expected = [
        _EXPECTED[error["type"]].format(**error.get("ctx", {})) for error in errors if error["type"] in _EXPECTED
    ]
    return f"found {_found(first['input'])}; expected {' or '.join(dict.fromkeys(expected)) or first['msg']}"


def _unknown_kind(context: Mapping[str, Any]) -> str:
    kinds = str(context["expected_tags"]).replace("'", "").split(", ")
    near = get_close_matches(str(context["tag"]), kinds, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    return f'there is no kind "{context["tag"]}"; {hint}the kinds are {", ".join(kinds)}'


def _found(value: Any) -> str:
    if value is None:
        return "nothing"
    if isinstance(value, Mapping):
        return "keys with values"
    if isinstance(value, list | tuple):
        return f"a list of {len(value)}"
    return f'"{value}"' if isinstance(value, str) else repr(value)
