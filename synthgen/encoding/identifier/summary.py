"""What is kept of a column of ids: their shapes, seen at three grains."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.identifier.characters import COARSE, DIGIT, FINE, KINDS, PADDED, PLAIN, Bytes
from synthgen.encoding.identifier.shape import Shape, as_text
from synthgen.encoding.keyed import Words, mix

#: Whole numbers of so many digits fit 64 bits.
MAX_DIGITS: Final = 18
_MAX_LENGTH: Final = 64  # bytes; longer cells are counted but not looked at
_MAX_SHAPES: Final = 64
_GLANCE: Final = 1024  # ids that are looked at first, lest thousands of shapes be told apart in vain

#: Shapes by signature, or None once there were more than ``_MAX_SHAPES``: a count only grows, so this merges exactly.
_Family: TypeAlias = tuple[tuple[bytes, Shape], ...] | None


def _merge_families(one: _Family, other: _Family) -> _Family:
    if one is None or other is None:
        return None
    shapes = dict(one)
    for signature, shape in other:
        shapes[signature] = shapes[signature].merge(shape) if signature in shapes else shape
    return _family(shapes)


def _family(shapes: Mapping[bytes, Shape]) -> _Family:
    return None if len(shapes) > _MAX_SHAPES else tuple(sorted(shapes.items()))


@dataclass(frozen=True, slots=True)
class IdentifierSummary:
    """What is kept of a column of ids; of bounded size, exact under ``merge``, and personal data.

    Attributes:
        cells: the number of cells that are not missing.
        missing: each token that means missing with its number of cells, sorted.
        numbers: ids that are one run of digits with the same text around it, by that text and the number of digits.
        fine: ids by the class (digit, capital, small letter, or the character itself) at each position.
        coarse: ids by where letters or digits stand.
    """

    cells: int
    missing: tuple[tuple[str, int], ...]
    numbers: _Family
    fine: _Family
    coarse: _Family

    def merge(self, other: IdentifierSummary) -> IdentifierSummary:
        """The summary of both columns together: ``summarise(a).merge(summarise(b)) == summarise(a ++ b)``."""
        missing = dict(self.missing)
        for token, count in other.missing:
            missing[token] = missing.get(token, 0) + count
        return IdentifierSummary(
            self.cells + other.cells,
            tuple(sorted(missing.items())),
            _merge_families(self.numbers, other.numbers),
            _merge_families(self.fine, other.fine),
            _merge_families(self.coarse, other.coarse),
        )


def summarise(cells: pa.DictionaryArray, missing: frozenset[str]) -> IdentifierSummary:
    """Summarise a block of an id column.

    Args:
        cells: ``dictionary<values=string, indices=int32>`` without nulls.
        missing: the texts that mean missing.
    """
    counts = np.bincount(cells.indices.to_numpy(zero_copy_only=False), minlength=len(cells.dictionary))
    occurs = np.flatnonzero(counts)
    texts, counts = cells.dictionary.take(pa.array(occurs)), counts[occurs]
    absent = pc.is_in(texts, value_set=pa.array(sorted(missing), pa.string())).to_numpy(zero_copy_only=False)
    tokens = dict.fromkeys(missing, 0)
    for token, count in zip(texts.filter(pa.array(absent)).to_pylist(), counts[absent].tolist(), strict=True):
        tokens[token] += count
    counts = counts[~absent]
    families = _families(texts.filter(pa.array(~absent)), counts)
    return IdentifierSummary(int(counts.sum()), tuple(sorted(tokens.items())), *families)


def _families(texts: pa.StringArray, counts: NDArray[np.int64]) -> tuple[_Family, _Family, _Family]:
    """The shapes of texts as numbers, fine and coarse."""
    offsets, data = _bytes_of(texts)
    lengths = np.diff(offsets)
    families: list[dict[bytes, Shape] | None] = [{}, {}, {}]
    for length in np.unique(lengths[(lengths > 0) & (lengths <= _MAX_LENGTH)]).tolist():
        rows = np.flatnonzero(lengths == length)
        ids = data[offsets[rows, None] + np.arange(length)]
        # Sorted once: ids of one shape are then in order by their open positions too.
        order = np.argsort(as_text(ids), kind="stable")
        ids, rows = ids[order], rows[order]
        hashes = _hash_rows(ids)
        single, numbers = _as_numbers(ids)
        views = (
            (single, numbers, bytes((PADDED, PLAIN))),
            (np.arange(len(rows)), FINE[ids], b"0aA"),
            (np.arange(len(rows)), COARSE[ids], b"0"),
        )
        for index, (chosen, signatures, open_classes) in enumerate(views):
            shapes = families[index]
            if shapes is not None:
                found = _shapes(ids[chosen], signatures, open_classes, counts[rows[chosen]], hashes[chosen])
                families[index] = None if found is None else shapes | found
    in_numbers, fine, coarse = (None if shapes is None else _family(shapes) for shapes in families)
    return in_numbers, fine, coarse


def _bytes_of(texts: pa.StringArray) -> tuple[NDArray[np.int64], Bytes]:
    binary = pa.concat_arrays([texts.cast(pa.large_binary())])
    _, offsets, data = binary.buffers()
    starts = np.frombuffer(offsets, np.int64)[binary.offset : binary.offset + len(binary) + 1]
    return starts, np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


def _as_numbers(ids: Bytes) -> tuple[NDArray[np.intp], Bytes]:
    """Which ids have a single run of digits (and maybe ``.0`` at the end, a whole number gone through a float).

    Also their signatures: the id with its digits replaced, the first by ``PLAIN`` where the number is not padded.
    """
    digits = KINDS[ids] == DIGIT
    if ids.shape[1] > 2:
        digits[:, -1] &= ~((ids[:, -2] == ord(".")) & (ids[:, -1] == ord("0")) & digits[:, -3])
    edges = np.diff(digits, axis=1, prepend=False) & digits
    length = digits.sum(axis=1, keepdims=True)
    one_run = (edges.sum(axis=1) == 1) & (length[:, 0] <= MAX_DIGITS) & ~(ids <= PLAIN).any(axis=1)
    chosen = np.flatnonzero(one_run)
    ids, digits, edges, length = ids[chosen], digits[chosen], edges[chosen], length[chosen]
    plain = edges & ((ids != ord("0")) | (length == 1))
    signatures = np.where(digits, np.uint8(PADDED), ids)
    return chosen, np.where(plain, np.uint8(PLAIN), signatures)


def _shapes(
    ids: Bytes, signatures: Bytes, open_classes: bytes, counts: NDArray[np.int64], hashes: Words
) -> dict[bytes, Shape] | None:
    """The shape of the ids under each signature; None where there are too many signatures.

    A signature is as long as its ids, and open where it has one of the ``open_classes``.
    """
    groups = _by_signature(signatures)
    if groups is None:
        return None
    shapes: dict[bytes, Shape] = {}
    for signature, rows in groups.items():
        places = [place for place, byte in enumerate(signature) if byte in open_classes]
        classes = bytes(signature[place] for place in places)
        shapes[signature] = Shape.of(ids[rows][:, places], int(counts[rows].sum()), hashes[rows], classes)
    return shapes


def _by_signature(signatures: Bytes) -> dict[bytes, NDArray[np.intp]] | None:
    """The rows that have each signature; None where there are too many."""
    texts = as_text(signatures)
    if len(np.unique(texts[:_GLANCE])) > _MAX_SHAPES:
        return None
    groups: dict[bytes, NDArray[np.intp]] = {}
    left = np.arange(len(texts))
    while len(left):
        if len(groups) == _MAX_SHAPES:
            return None
        same = texts[left] == texts[left[0]]
        groups[signatures[left[0]].tobytes()] = left[same]
        left = left[~same]
    return groups


def _hash_rows(ids: Bytes) -> Words:
    """FNV-1a over the bytes of each row, then mixed."""
    hashes: Words = np.full(len(ids), 0xCBF29CE484222325 ^ ids.shape[1], dtype=np.uint64)
    for position in range(ids.shape[1]):
        hashes = (hashes ^ ids[:, position]) * np.uint64(0x100000001B3)
    return mix(hashes)
