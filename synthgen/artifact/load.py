"""Reads artifacts back, after checking all that can be checked about them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen import plugins
from synthgen.artifact import container
from synthgen.artifact.extract import ExtractSynthesizer
from synthgen.artifact.ordered import OrderedSynthesizer
from synthgen.artifact.synthesizer import UNSAFE, Synthesizer
from synthgen.artifact.table import TableSynthesizer
from synthgen.errors import InputError
from synthgen.schema.config import Schema


def load(path: Path, *, trust: bool = False) -> Synthesizer:
    """Read an artifact in order to sample from it.

    Args:
        trust: whether the user vouches for the file, which an unsafe one needs.

    Raises:
        InputError: the file is missing, damaged, foreign, hostile, or of a newer synthgen; or it is unsafe and not
            trusted.
    """
    found = look(path)
    if found.unsafe and not trust:
        raise InputError(
            f"{path}: this {found.schema.model.name} model {UNSAFE}; if you know who made it and trust them, "
            "give --trust (trust=True in Python)"
        )
    return found


def look(path: Path) -> Synthesizer:
    """Read an artifact in order to look at it: nothing in it is executed, unless rows are sampled.

    Raises:
        InputError: the file is missing, damaged, foreign, hostile, or of a newer synthgen.
    """
    documents, arrays = container.read(path)
    try:
        _require_model(documents["schema"]["model"]["name"])
        found = _restored(documents, arrays)
        _require_same(found.contents(), (documents, arrays))
        found.try_out()
    except _Absent as absent:
        raise InputError(f"{path}: was made by a model that is not installed here; {absent}") from None
    except (LookupError, TypeError, ValueError, AttributeError, ArithmeticError, NotImplementedError) as error:
        raise InputError(
            f"{path}: the parts of this model contradict each other ({type(error).__name__}); "
            "fit it again, or ask its sender for a whole copy"
        ) from error
    return found


def _restored(documents: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Synthesizer:
    about = documents["about"]
    if not all(isinstance(text, str) for text in about["versions"].values()) or not isinstance(about["seed"], int):
        raise ValueError("the seed is no number or a version no text")
    schema = Schema.model_validate(documents["schema"])
    kind: type[Synthesizer] = ExtractSynthesizer
    if "table" in about:
        kind = OrderedSynthesizer if "personal" in about else TableSynthesizer
    return kind.restore(schema, documents, arrays)


class _Absent(Exception):
    """The model that made the artifact is not installed; the text says what to do."""


def _require_model(name: Any) -> None:
    if isinstance(name, str) and name not in plugins.models():
        raise _Absent(f"install the package that provides {ascii(name)[:60]}, or fit again with another model")


def _require_same(
    written: tuple[dict[str, Any], dict[str, NDArray[Any]]], read: tuple[Mapping[str, Any], Mapping[str, NDArray[Any]]]
) -> None:
    """Raise ``ValueError`` where a file holds what was not understood, so that nothing in it escapes ``inspect``."""
    if written[0] != read[0]:
        raise ValueError("the documents hold more, less or other things than were understood")
    if written[1].keys() != read[1].keys():
        raise ValueError("the arrays are not those of the model")
    for name, array in written[1].items():
        if array.dtype != read[1][name].dtype or not np.array_equal(array, read[1][name]):
            raise ValueError("an array holds other things than were understood")
