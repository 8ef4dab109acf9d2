"""Artifacts in which one thing stands that no fit wrote."""

from __future__ import annotations

import contextlib
import copy
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthgen.artifact import container
from synthgen.errors import InputError

_STRANGE = (None, -1, 0, 1, 3, 1 << 40, 1 << 70, 1.5, "", "x", True, [], {}, [1], ["a", "a"], "remove")


def try_mutants(
    artifact: Path, folder: Path, use: Callable[[Path], object], *, sparing: Collection[str] = (), examples: int
) -> None:
    """Put strange values in places of an artifact's documents, or take them out, and use each that comes of it.

    It may be refused by an ``InputError``; whatever else is raised fails the test.

    Args:
        use: load it and generate from it.
        sparing: documents in which nothing is changed.
    """
    documents, arrays = container.read(artifact)
    places = [place for place in spots(documents) if place[0] not in sparing]

    @settings(max_examples=examples, suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(places), st.sampled_from(_STRANGE))
    def mutated(place: tuple[str | int, ...], value: Any) -> None:
        changed = copy.deepcopy(documents)
        inner: Any = changed
        for key in place[:-1]:
            inner = inner[key]
        if value == "remove":
            del inner[place[-1]]
        else:
            inner[place[-1]] = value
        if not all(isinstance(document, dict) for document in changed.values()):
            return
        container.write(folder / "mutant", changed, arrays)
        with contextlib.suppress(InputError):
            use(folder / "mutant")

    mutated()


def spots(document: Any, path: tuple[str | int, ...] = ()) -> Any:
    """Where something stands in the documents; of long lists, the first few places."""
    items = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document[:3])
        if isinstance(document, list)
        else ()
    )
    for key, item in items:
        yield (*path, key)
        yield from spots(item, (*path, key))
