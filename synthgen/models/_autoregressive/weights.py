"""The weights of an autoregressive network as values, and as the few flat arrays that an artifact holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.models._autoregressive.layout import Layout


@dataclass(frozen=True, eq=False)
class Weights:
    """What was learned for one entry of the layout; float32. A context's entry has an embedding alone.

    Attributes:
        embedding: ``(codes + 1, dims)``, the last row for what is unobserved.
        hidden: ``(numbers that it is told, width)``.
        offset: ``(width,)``.
        head: ``(width, codes)``.
        level: ``(codes,)``, the logits of a row of which nothing is known; minus infinity for what was never seen.
        repeats: for each entry before it that tells of the same codes, what is added to the logit of a code that stands
            there already, ``(kin, codes)``.
        echoes: what is added to the logits by what the context says about the unit, echo by echo, ``(said, codes)``.
        gains: by what that is multiplied, for each echo and each code of the unit, ``(echoes, units + 1)``.
    """

    embedding: NDArray[np.float32]
    hidden: NDArray[np.float32]
    offset: NDArray[np.float32]
    head: NDArray[np.float32]
    level: NDArray[np.float32]
    repeats: NDArray[np.float32]
    echoes: NDArray[np.float32]
    gains: NDArray[np.float32]


def shapes(layout: Layout, entry: int) -> dict[str, tuple[int, ...]]:
    """The shape of every field of ``Weights`` for an entry."""
    size, width, own = layout.sizes[entry], layout.widths[entry], entry >= layout.first_own
    kin = len(layout.kin(entry)) if own else 0
    echoes = layout.echoes(entry)
    return {
        "embedding": (size + 1, layout.dims[entry]),
        "hidden": (layout.n_told(entry) if own else 0, width),
        "offset": (width,),
        "head": (width, size if own else 0),
        "level": (size if own else 0,),
        "repeats": (kin, size if own else 0),
        "echoes": (sum(echo.size for echo in echoes), size if own else 0),
        "gains": (len(echoes), len(echoes[0].told) if echoes else 0),
    }


def packed(weights: Sequence[Weights]) -> dict[str, NDArray[Any]]:
    """One flat array a field, the entries one after another."""
    names = [field.name for field in fields(Weights)]
    return {
        name: np.concatenate([np.zeros(0, np.float32), *(getattr(each, name).ravel() for each in weights)])
        for name in names
    }


def unpacked(layout: Layout, arrays: Mapping[str, NDArray[Any]]) -> tuple[Weights, ...]:
    """The inverse of ``packed``. Raises ``ValueError`` where an array does not fit the layout."""
    each = [shapes(layout, entry) for entry in range(len(layout.order))]
    cut: dict[str, list[NDArray[np.float32]]] = {}
    for field in fields(Weights):
        array, wanted = arrays[field.name], [of[field.name] for of in each]
        ends = np.cumsum([0, *map(prod, wanted)])
        if array.dtype != np.float32 or array.shape != (ends[-1],):
            raise ValueError(f"{field.name} does not fit the layout")
        cut[field.name] = [
            array[start:end].reshape(shape) for start, end, shape in zip(ends[:-1], ends[1:], wanted, strict=True)
        ]
    return tuple(Weights(**{name: parts[entry] for name, parts in cut.items()}) for entry in range(len(layout.order)))
