"""What every part of a config has in common: frozen, no unknown keys, all mistakes reported together."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Annotated, Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ModelWrapValidatorHandler, ValidationError, WithJsonSchema, model_validator
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

#: A text of the data, taken as it is written: in YAML, ``-1`` and ``"-1"`` are the same level.
DataText = Annotated[str, WithJsonSchema({"type": ["string", "number", "boolean", "null"]})]

#: Where in a part (keys from the part down) and what is wrong there.
Mistake = tuple[tuple[str | int, ...], str]

#: The type that mistakes found here carry in a pydantic ``ValidationError``.
MISTAKE = "mistake"


class Part(BaseModel):
    """A part of a config.

    Raises:
        pydantic.ValidationError: holding every mistake in the part, not the first one alone.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    #: Keys that the design names and this version does not act on.
    not_honoured: ClassVar[frozenset[str]] = frozenset()

    @classmethod
    def contradictions(cls, raw: Mapping[str, Any]) -> Iterable[Mistake]:
        """What is wrong between the keys of the part, told from the raw keys so that other mistakes do not hide it."""
        return ()

    @model_validator(mode="wrap")
    @classmethod
    def _tell_all(cls, raw: Any, handler: ModelWrapValidatorHandler[Self]) -> Self:
        if not isinstance(raw, Mapping):
            return handler(raw)
        mistakes = [_detail(mistake, raw) for mistake in (*cls._unknown_keys(raw), *cls.contradictions(raw))]
        try:
            part = handler({key: value for key, value in raw.items() if cls._takes(key)})
        except ValidationError as error:
            mistakes = [_again(line) for line in error.errors(include_url=False)] + mistakes
        if mistakes:
            raise ValidationError.from_exception_data(cls.__name__, mistakes)
        return part

    @classmethod
    def _takes(cls, key: str) -> bool:
        return key in cls.model_fields or cls.model_config.get("extra") == "allow"

    @classmethod
    def _unknown_keys(cls, raw: Mapping[str, Any]) -> Iterable[Mistake]:
        for key in raw:
            if key in cls.not_honoured:
                yield (key,), f"`{key}` is not honoured by this version; remove it"
            elif not cls._takes(key):
                yield (key,), f"unknown key; {_known(key, cls.model_fields)}"


def _known(key: str, keys: Iterable[str]) -> str:
    near = get_close_matches(str(key), list(keys), n=1)
    return (f"did you mean `{near[0]}`? " if near else "") + "the keys here are " + ", ".join(keys)


def _detail(mistake: Mistake, raw: Mapping[str, Any]) -> InitErrorDetails:
    where, message = mistake
    return InitErrorDetails(type=PydanticCustomError(MISTAKE, "{message}", {"message": message}), loc=where, input=raw)


def _again(line: ErrorDetails) -> InitErrorDetails:
    """A line of a caught ``ValidationError``, to be raised again with the same type, words and context."""
    kind: Any = line["type"]
    error = PydanticCustomError(kind, "{message}", {**line.get("ctx", {}), "message": line["msg"]})
    return InitErrorDetails(type=error, loc=line["loc"], input=line["input"])
