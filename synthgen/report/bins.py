"""The ends of a histogram's bins, whichever way a measure gave them."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

#: What a merged category is called.
OTHER = "all other"
#: What the levels are called that had been merged, by measures and here.
REST = frozenset({"(other levels)", OTHER})


def ends(item: Mapping[str, Any]) -> list[Any]:
    """The edges of a numeric histogram, one more than there are bins; ``None`` where the first or last bin is open.

    A measure gives either all edges, or only the inner ones when both outer bins are open.
    """
    edges = list(item.get("edges") or ())
    return [None, *edges, None] if len(edges) == len(item["train"]) - 1 else edges


def bin_names(item: Mapping[str, Any], edge: Any) -> list[str]:
    """What each bin or category is called, an edge being written by ``edge``."""
    if item["kind"] != "numeric":
        return [str(label) for label in item["labels"]]
    texts = [None if end is None else edge(end) for end in ends(item)]
    return [_named(low, high) for low, high in pairwise(texts)]


def _named(low: str | None, high: str | None) -> str:
    if low is None:
        return "all" if high is None else f"below {high}"
    return f"{low} or more" if high is None else f"{low} to {high}"
