"""Small columns: their cells, whose they are, and the encoders they determine."""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.base import ColumnSummary, Encoder, Kind
from synthgen.encoding.levels import Cells, LevelCounts, Unit
from synthgen.schema.config import Format

RARE_BELOW = 5
POINT = Format()
COMMA = Format(delimiter=";", decimal=",", thousands=".")


def hashes(patients: Sequence[Hashable]) -> NDArray[np.uint64]:
    """A hash per patient."""
    digests = [hashlib.blake2b(repr(patient).encode(), digest_size=8).digest() for patient in patients]
    return np.array([int.from_bytes(digest, "little") for digest in digests], np.uint64)


def cells(texts: Sequence[str], patients: Sequence[Hashable] | None = None, rare_below: int = RARE_BELOW) -> Cells:
    """The cells of a column; without patients each row is a unit of its own."""
    unit = Unit.rows() if patients is None else Unit.patients(hashes(patients), rare_below)
    coded = pa.array(texts, pa.string()).dictionary_encode()
    return Cells(coded.dictionary.to_pylist(), np.asarray(coded.indices), unit)


def count(keys: Sequence[Any], patients: Sequence[Hashable] | None = None, rare_below: int = RARE_BELOW) -> LevelCounts:
    """Levels, texts or integers, one per row."""
    found = cells([str(key) for key in keys], patients, rare_below)
    is_text = bool(keys) and isinstance(keys[0], str)
    names = np.array(found.texts, object) if is_text else np.array([int(text) for text in found.texts], np.int64)
    return found.levels(names, np.ones(len(names), bool))


def summarise(kind: Kind, texts: Sequence[str], patients: Sequence[Hashable] | None = None) -> ColumnSummary:
    return kind.summarise(cells(texts, patients))


def learn(kind: Kind, texts: Sequence[str], patients: Sequence[Hashable] | None = None) -> Encoder:
    """The encoder of a column, saved and loaded on the way."""
    encoder = kind.solve(summarise(kind, texts, patients), RARE_BELOW)
    loaded = kind.restore(encoder.to_json())
    assert loaded.to_json() == encoder.to_json()
    assert loaded.domains == encoder.domains
    return loaded


def decode(encoder: Encoder, codes: NDArray[np.int32], seed: int = 0) -> list[str]:
    texts: list[str] = encoder.decode(codes, np.random.default_rng(seed)).to_pylist()
    return texts


def again(encoder: Encoder, texts: Sequence[str], seed: int = 0) -> list[str]:
    """Texts through codes and back."""
    return decode(encoder, encoder.encode(list(texts)), seed)


def every_code(encoder: Encoder, times: int = 1) -> NDArray[np.int32]:
    """Each code of an encoder with one code column, so many times."""
    (domain,) = encoder.domains
    return np.repeat(np.arange(domain.size, dtype=np.int32), times).reshape(-1, 1)
