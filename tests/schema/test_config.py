"""The whole config: dialects, the one table, models and their options."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from synthgen.schema.column import Category, Id
from synthgen.schema.config import REQUIRED, Format, ModelConfig, Policy, Schema
from synthgen.schema.table import TableConfig

TABLE = TableConfig(columns={"id": Id(), "sex": Category()})


def refusal(kind: type[Any], **keys: Any) -> str:
    """The words of the only mistake."""
    with pytest.raises(ValidationError) as refused:
        kind(**keys)
    (error,) = refused.value.errors()
    return error["msg"]


def test_only_the_tables_must_be_said() -> None:
    schema = Schema(tables={"visits": TABLE})
    assert schema.version == 1
    assert schema.format == Format(delimiter=",", decimal=".", thousands="", encoding="utf-8", quote='"')
    assert (schema.privacy.rare_below, schema.holdout, schema.evaluation.policy.required) == (5, 0.2, REQUIRED)
    assert schema.model.name == "autoregressive"


def test_a_policy_may_require_nothing_and_a_limit_is_a_number() -> None:
    assert Policy(required=()).required == ()
    assert Policy(limits={"linkability": 0.05}).limits == {"linkability": 0.05}
    assert Policy(limits={"membership_inference": 4}).limits == {"membership_inference": 4.0}  # multiples
    assert "greater than or equal to 0" in refusal(Policy, limits={"linkability": -0.1})
    assert "finite" in refusal(Policy, limits={"linkability": float("inf")})


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"delimiter": ",", "decimal": ","}, 'decimal and delimiter are both ","'),
        ({"thousands": "."}, 'thousands and decimal are both "."'),
        ({"quote": ","}, "quote and delimiter are both"),
        ({"encoding": "utf-7000"}, '"utf-7000" is not an encoding'),
        ({"encoding": "hex"}, '"hex" is not an encoding'),
        ({"delimiter": ""}, "at least 1 character"),
        ({"delimiter": ";;"}, "at most 1 character"),
        ({"newline": "\r"}, r"Input should be '\n' or '\r\n'"),
        ({"preamble": -1}, "greater than or equal to 0"),
    ],
)
def test_a_dialect_must_be_readable(keys: dict[str, Any], message: str) -> None:
    assert message in refusal(Format, **keys)


def test_a_european_dialect() -> None:
    assert (
        Format(delimiter=";", decimal=",", thousands=".", encoding="cp1252", newline="\r\n", preamble=1).preamble == 1
    )


@pytest.mark.parametrize("share", [-0.1, 1, float("nan")])
def test_the_holdout_is_a_share_and_leaves_something_to_learn_from(share: float) -> None:
    assert refusal(Schema, tables={"visits": TABLE}, holdout=share)


def test_at_least_one_table() -> None:
    assert "at least 1 item" in refusal(Schema, tables={})


def test_a_table_may_have_a_dialect_of_its_own_among_several() -> None:
    other = TABLE.model_copy(update={"format": Format(delimiter=";")})
    schema = Schema(tables={"visits": TABLE, "labs": other})
    assert [schema.format_of(name).delimiter for name in schema.tables] == [",", ";"]
    assert refusal(Schema, tables={"labs": other}).startswith("with one table the format stands at the top")


def test_an_unknown_model_is_answered_with_the_known_ones(toy: str) -> None:
    assert refusal(ModelConfig, name="gan") == f'there is no model "gan"; known models: {toy}'


def test_an_unknown_option_is_answered_with_the_known_ones(toy: str) -> None:
    assert refusal(ModelConfig, name=toy, bin=3) == "model toy has no option `bin`; its options: bins, hidden"


def test_an_option_of_another_type_is_refused(toy: str) -> None:
    assert "found 'many'; Input should be a valid integer" in refusal(ModelConfig, name=toy, bins="many")


def test_an_option_that_the_model_refuses_is_a_mistake_of_the_config(toy: str) -> None:
    assert refusal(ModelConfig, name=toy, bins=1) == "bins is 1; it must be 2 or more"


def test_options_build_the_model(toy: str) -> None:
    config = ModelConfig.model_validate({"name": toy, "bins": 3, "hidden": [16, 16]})
    assert config.options == {"bins": 3, "hidden": [16, 16]}
    model = config.build()
    assert (model.bins, model.hidden) == (3, (16, 16))  # a list of YAML is the tuple that the model wants


def test_a_schema_comes_back_from_json(toy: str) -> None:
    schema = Schema(tables={"visits": TABLE}, model=ModelConfig.model_validate({"name": toy, "bins": 3}))
    assert Schema.model_validate(schema.model_dump(mode="json")) == schema
    assert Schema.model_validate_json(schema.model_dump_json()) == schema
