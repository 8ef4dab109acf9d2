"""A region: ids of one shape that begin between two texts, counted from 0."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce

import numpy as np
import pyarrow as pa

from synthgen.encoding.identifier.characters import KNOWN
from synthgen.encoding.keyed import Words, derive, mix
from synthgen.errors import InputError

MAX_SPACE = 1 << 62


@dataclass(frozen=True, slots=True)
class Region:
    """Ids of one shape that begin between two texts.

    Attributes:
        positions: the characters that each position may take; a single one is a literal.
        first: the characters at the first varying positions of the region's first ids.
        last: those of its last ids; as long as ``first``. Both empty: every id of the shape.
    """

    positions: tuple[str, ...]
    first: str = ""
    last: str = ""

    def __post_init__(self) -> None:
        head = self._varying[: len(self.first)]
        proper = all(len(alphabet) == 1 or alphabet in KNOWN for alphabet in self.positions)
        placed = len(self.first) == len(self.last) == len(head) and all(
            character in alphabet
            for text in (self.first, self.last)
            for character, alphabet in zip(text, head, strict=True)
        )
        if not proper or not placed or self.first > self.last or math.prod(map(len, head)) > MAX_SPACE:
            raise InputError("identifier: its region is not one that synthgen makes; fit again")

    @property
    def _varying(self) -> tuple[str, ...]:
        return tuple(alphabet for alphabet in self.positions if len(alphabet) > 1)

    @property
    def _start(self) -> int:
        return number_of(self.first, self._varying)

    @property
    def _radices(self) -> tuple[list[int], int, list[int]]:
        """Sizes of the leading positions, how many cells of them are used, and sizes of the counted ones after."""
        sizes = [len(alphabet) for alphabet in self._varying]
        head, tail = sizes[: len(self.first)], sizes[len(self.first) :]
        cells = number_of(self.last, self._varying) - self._start + 1
        space, counted = cells, []
        for size in tail:
            if space * size > MAX_SPACE:
                break
            space *= size
            counted.append(size)
        return head, cells, counted

    @property
    def size(self) -> int:
        """How many ids can be told apart, at most 2 ** 62."""
        _, cells, counted = self._radices
        return cells * math.prod(counted)

    def texts(self, numbers: Words, key: bytes) -> pa.StringArray:
        """The ids with these numbers, each below ``size``; positions too many to count are filled by the key."""
        head, _, counted = self._radices
        columns = [np.frombuffer(alphabet.encode(), np.uint8) for alphabet in self.positions]
        literal = [len(alphabet) == 1 for alphabet in self.positions]
        widths = [len(column) if fixed else 1 for column, fixed in zip(columns, literal, strict=True)]
        places = np.concatenate(([0], np.cumsum(widths)))
        rows = np.empty((len(numbers), int(places[-1])), dtype=np.uint8)
        for column in np.flatnonzero(literal).tolist():
            rows[:, places[column] : places[column + 1]] = columns[column]
        varying = np.flatnonzero(np.logical_not(literal)).tolist()
        known = len(head) + len(counted)
        left = numbers
        for turn, column in reversed(list(enumerate(varying[:known]))):
            if turn == len(head) - 1:
                left = left + np.uint64(self._start)
            rest = left // np.uint64(len(columns[column]))
            rows[:, places[column]] = columns[column][left - rest * np.uint64(len(columns[column]))]
            left = rest
        for column in varying[known:]:
            word = np.uint64(int.from_bytes(derive(key, b"fill", column, 8)))
            chosen = mix(mix(numbers ^ word) ^ word) % np.uint64(len(columns[column]))
            rows[:, places[column]] = columns[column][chosen]
        ends = np.arange(len(numbers) + 1, dtype=np.int64) * int(places[-1])
        texts = pa.LargeStringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(rows))
        return texts.cast(pa.string())


def number_of(text: str, alphabets: tuple[str, ...]) -> int:
    """The number of a beginning among all of its length."""
    return reduce(
        lambda number, pair: number * len(pair[1]) + pair[1].index(pair[0]), zip(text, alphabets, strict=False), 0
    )


def space_of(alphabets: Iterable[str]) -> int:
    """How many texts have a character of each alphabet."""
    return math.prod(len(alphabet) for alphabet in alphabets)


def text_of(number: int, alphabets: tuple[str, ...]) -> str:
    """The beginning with this number; the inverse of ``number_of``."""
    characters = []
    for alphabet in reversed(alphabets):
        number, index = divmod(number, len(alphabet))
        characters.append(alphabet[index])
    return "".join(reversed(characters))
