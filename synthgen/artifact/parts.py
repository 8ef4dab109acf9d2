"""What artifacts are made of, and how a fitted model is read back from its part."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.models.base import FittedModel, Model
from synthgen.relational.codec import Codec

#: More rows than a patient or a table has that any model here generates.
MOST_ROWS: Final = 10_000_000

#: JSON documents and arrays, by name.
Contents: TypeAlias = tuple[dict[str, Any], dict[str, NDArray[Any]]]

#: Restores one part, which a model of some class made.
Reader: TypeAlias = Callable[[type[Model], str, tuple[Domain, ...], tuple[Domain, ...]], FittedModel]


def bare(table: str, codec: Codec, few: int) -> list[str]:
    """The line that names the columns of which nothing may be shown; none where there are none."""
    names = [name for name in codec.bare if "." not in name]
    if not names:
        return []
    told = f"no value of {', '.join(names)} is that of {few} patients or more"
    return [f"{table}: {told}; {'it comes' if len(names) == 1 else 'they come'} out missing"]


def reader(values: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]], prefixes: Mapping[str, str]) -> Reader:
    """What restores parts.

    Args:
        values: the JSON values of each part.
        arrays: all arrays of the artifact.
        prefixes: what the names of each part's arrays begin with.
    """

    def restore(model: type[Model], part: str, domains: tuple[Domain, ...], context: tuple[Domain, ...]) -> FittedModel:
        begin = f"{prefixes[part]}."
        own = {key.removeprefix(begin): array for key, array in arrays.items() if key.startswith(begin)}
        for array in own.values():
            if array.dtype.kind == "f" and not np.isfinite(array[~np.isinf(array)]).all():
                raise ValueError("not a number in an array")
        return model.fitted().from_state(domains, context, values[part], own)

    return restore
