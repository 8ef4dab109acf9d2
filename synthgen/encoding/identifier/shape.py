"""What is kept of the ids of one shape, exact under merging and of bounded size."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.identifier.characters import DIGITS, KINDS, LOWER, UPPER, Bytes
from synthgen.encoding.keyed import Words

_MAX_PREFIXES = 1024
_SKETCH = 256
_PATH = np.frombuffer(hashlib.blake2b(b"synthgen: where to look for a gap").digest(), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class Shape:
    """The ids of one shape; its *open* positions are those that the shape leaves undetermined.

    Occupied space is kept at two depths. The prefixes are the beginnings that occur, as deep as no more than
    ``_MAX_PREFIXES`` of them differ. Below each of these runs one fixed ``path`` chosen without the data; how far the
    ids follow it tells where on it a gap begins, so that a gap is found even among millions of scattered ids.

    Attributes:
        cells: how many cells.
        sketch: the smallest hashes of distinct ids (k minimum values: Bar-Yossef et al. 2002).
        shared: per open position the character that all ids share, or 0.
        kinds: per open position the kinds of its characters.
        path: per open position the character of the path.
        depth: the number of open positions that a prefix covers, never all of them.
        prefixes: the distinct prefixes one after the other, sorted.
        reaches: a byte per prefix: the number of further positions at which some id follows the path.
    """

    cells: int
    sketch: tuple[int, ...]
    shared: bytes
    kinds: bytes
    path: bytes
    depth: int
    prefixes: bytes
    reaches: bytes

    @classmethod
    def of(cls, ids: Bytes, cells: int, hashes: Words, classes: bytes) -> Shape:
        """The shape of ids in ascending order, given as their open positions ``(n_ids, n_open)`` of these classes."""
        shared = np.where((ids == ids[0]).all(axis=0), ids[0], 0).astype(np.uint8)
        kinds = np.bitwise_or.reduce(KINDS[ids], axis=0)
        path = _path(classes)
        occupied = _occupied(ids, np.zeros(len(ids), np.int64), len(path) - 1, path)
        return cls(cells, _smallest(hashes), shared.tobytes(), kinds.tobytes(), path, *occupied)

    def merge(self, other: Shape) -> Shape:
        depth = min(self.depth, other.depth)
        ours, theirs = self._cut(depth), other._cut(depth)
        rows, reach = np.concatenate([ours[0], theirs[0]]), np.concatenate([ours[1], theirs[1]])
        order = np.argsort(as_text(rows), kind="stable")
        occupied = _occupied(rows[order], reach[order], depth, self.path)
        return Shape(
            self.cells + other.cells,
            tuple(sorted({*self.sketch, *other.sketch})[:_SKETCH]),
            bytes(a if a == b else 0 for a, b in zip(self.shared, other.shared, strict=True)),
            bytes(a | b for a, b in zip(self.kinds, other.kinds, strict=True)),
            self.path,
            *occupied,
        )

    def _cut(self, depth: int) -> tuple[Bytes, NDArray[np.int64]]:
        """The prefixes at a smaller depth (some repeat), and how far ids follow the path from there."""
        rows = np.frombuffer(self.prefixes, np.uint8).reshape(len(self.reaches), self.depth)
        return rows[:, :depth], _reach(rows, np.frombuffer(self.reaches, np.uint8).astype(np.int64), depth, self.path)

    @property
    def occupied(self) -> tuple[tuple[str, int], ...]:
        """Each prefix with its reach."""
        starts = range(0, len(self.prefixes), self.depth) if self.depth else (0,)
        texts = (self.prefixes[start : start + self.depth].decode() for start in starts)
        return tuple(zip(texts, self.reaches, strict=True))


def _occupied(rows: Bytes, reach: NDArray[np.int64], deepest: int, path: bytes) -> tuple[int, bytes, bytes]:
    """Depth, prefixes and reaches of sorted beginnings ``(n, width)`` from each of which ids follow the path so far."""
    width = rows.shape[1]
    differs = rows[1:] != rows[:-1]
    same_for = np.where(differs.any(axis=1), differs.argmax(axis=1), width) if width else np.zeros(len(differs), int)
    # distinct[d - 1] prefixes of depth d differ.
    distinct = 1 + np.cumsum(np.bincount(same_for, minlength=width + 1))[: max(deepest, 0)]
    depth = int((distinct <= _MAX_PREFIXES).sum())
    starts = np.concatenate(([0], 1 + np.flatnonzero(same_for < depth)))
    farthest = np.maximum.reduceat(_reach(rows, reach, depth, path), starts)
    return depth, rows[starts, :depth].tobytes(), farthest.astype(np.uint8).tobytes()


def _reach(rows: Bytes, reach: NDArray[np.int64], depth: int, path: bytes) -> NDArray[np.int64]:
    """How far ids follow the path from a smaller depth, given how far they do from the rows' ends."""
    width = rows.shape[1]
    follows = rows[:, depth:] == np.frombuffer(path, np.uint8)[depth:width]
    steps = np.logical_and.accumulate(follows, axis=1).sum(axis=1)
    return np.asarray(np.where(steps == width - depth, steps + reach, steps), np.int64)


def _path(classes: bytes) -> bytes:
    """A fixed character for each open position, of its class."""
    alphabets = {ord("a"): LOWER, ord("A"): UPPER}
    steps = ((alphabets.get(kind, DIGITS), int(step)) for kind, step in zip(classes, _PATH, strict=False))
    return "".join(alphabet[step % len(alphabet)] for alphabet, step in steps).encode()


def _smallest(hashes: Words) -> tuple[int, ...]:
    ascending = np.sort(hashes)
    distinct = np.flatnonzero(np.concatenate(([True], ascending[1:] != ascending[:-1])))
    return tuple(ascending[distinct[:_SKETCH]].tolist())


def as_text(rows: Bytes) -> NDArray[np.bytes_]:
    """Each row as one comparable value."""
    if rows.shape[1] == 0:
        return np.zeros(len(rows), dtype="S1")
    return np.ascontiguousarray(rows).view(f"S{rows.shape[1]}")[:, 0]


def distinct_ids(shapes: Iterable[Shape]) -> int:
    """How many different ids: exact up to the size of a sketch, then within some 6 % (k minimum values)."""
    shapes = list(shapes)
    sketch = sorted({value for shape in shapes for value in shape.sketch})[:_SKETCH]
    if len(sketch) < _SKETCH:
        return len(sketch)
    return min((_SKETCH - 1) * 2**64 // (sketch[-1] + 1), sum(shape.cells for shape in shapes))
