"""Identifiers: regenerated in the shape of the originals, in a region that holds none of them, and never learned."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import reduce
from itertools import groupby, pairwise, takewhile
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.errors import InputError

Bytes: TypeAlias = NDArray[np.uint8]
Words: TypeAlias = NDArray[np.uint64]

# Bounds of a summary.
_MAX_LENGTH = 64  # bytes; longer cells are counted but not looked at
_MAX_SHAPES = 64
_MAX_PREFIXES = 1024
_SKETCH = 256
_CHUNK = 1 << 16

_MAX_DIGITS = 18  # whole numbers of so many digits fit 64 bits
_ROOM = 4  # a region without real ids must hold this many times the real ones
_PLENTY = 10**9  # where numbers may grow longer, they do until so many are at hand
_MAX_SPACE = 1 << 62

_DIGITS, _LOWER, _UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

# Kinds of characters that were seen at a position, as bits.
_DIGIT, _LOWER_HEX, _LOWER_REST, _UPPER_HEX, _UPPER_REST = 1, 2, 4, 8, 16
# The alphabets a varying position may have, narrowest first; the first that covers the kinds is taken. Characters are
# in ASCII order, so that the order of ids as text is the order of their numbers.
_ALPHABETS = (
    (_DIGIT, _DIGITS),
    (_LOWER_HEX | _LOWER_REST, _LOWER),
    (_UPPER_HEX | _UPPER_REST, _UPPER),
    (_DIGIT | _LOWER_HEX, _DIGITS + "abcdef"),
    (_DIGIT | _UPPER_HEX, _DIGITS + "ABCDEF"),
    (_DIGIT | _LOWER_HEX | _LOWER_REST, _DIGITS + _LOWER),
    (_DIGIT | _UPPER_HEX | _UPPER_REST, _DIGITS + _UPPER),
    (_LOWER_HEX | _LOWER_REST | _UPPER_HEX | _UPPER_REST, _UPPER + _LOWER),
    (31, _DIGITS + _UPPER + _LOWER),
)
_NOT_LEADING_ZERO = "123456789"
_KNOWN = frozenset({alphabet for _, alphabet in _ALPHABETS} | {_NOT_LEADING_ZERO})


def _table(others: Bytes, classes: Mapping[str, int]) -> Bytes:
    """A look-up by byte: each class's characters have its value, other bytes what stands for them in ``others``."""
    table = others.copy()
    for characters, value in classes.items():
        table[list(characters.encode())] = value
    return table


_BYTES = np.arange(256, dtype=np.uint8)
_KINDS = _table(
    np.zeros_like(_BYTES),
    {
        _DIGITS: _DIGIT,
        "abcdef": _LOWER_HEX,
        _LOWER[6:]: _LOWER_REST,
        "ABCDEF": _UPPER_HEX,
        _UPPER[6:]: _UPPER_REST,
    },
)
# A fine shape tells digits, capitals and small letters apart; a coarse one only letters or digits from the rest.
_FINE = _table(_BYTES, {_DIGITS: ord("0"), _LOWER: ord("a"), _UPPER: ord("A")})
_COARSE = _table(_BYTES, {_DIGITS + _LOWER + _UPPER: ord("0")})
# In the signature of a number: its digits, and its first digit where that is not a padding zero.
_PADDED, _PLAIN = 1, 2
_PATH = np.frombuffer(hashlib.blake2b(b"synthgen: where to look for a gap").digest(), dtype=np.uint8)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What is kept of the ids of one shape; its *open* positions are those that the shape leaves undetermined.

    Occupied space is kept at two depths. ``prefixes`` are the beginnings that occur, as deep as no more than
    ``_MAX_PREFIXES`` of them differ. Below each of these runs one fixed ``path`` chosen without the data; how far the
    ids follow it tells where on it a gap begins, so that a gap is found even among millions of scattered ids.

    Attributes:
        cells: how many cells.
        sketch: the smallest hashes of distinct ids (k minimum values: Bar-Yossef et al. 2002).
        shared: per open position the character that all ids share, or 0.
        kinds: per open position the kinds of its characters.
        path: per open position the character of the path.
        depth: the number of open positions that a prefix covers, never all of them.
        prefixes: each prefix with the number of further positions at which some id follows the path.
    """

    cells: int
    sketch: tuple[int, ...]
    shared: bytes
    kinds: bytes
    path: bytes
    depth: int
    prefixes: tuple[tuple[bytes, int], ...]

    def merge(self, other: _Shape) -> _Shape:
        shared = bytes(a if a == b else 0 for a, b in zip(self.shared, other.shared, strict=True))
        kinds = bytes(a | b for a, b in zip(self.kinds, other.kinds, strict=True))
        depth = min(self.depth, other.depth)
        reach = _cut(self.prefixes + other.prefixes, depth, self.path)
        while len(reach) > _MAX_PREFIXES:
            depth -= 1
            reach = _cut(reach, depth, self.path)
        return _Shape(
            self.cells + other.cells,
            tuple(sorted({*self.sketch, *other.sketch})[:_SKETCH]),
            shared,
            kinds,
            self.path,
            depth,
            reach,
        )


def _cut(prefixes: Iterable[tuple[bytes, int]], depth: int, path: bytes) -> tuple[tuple[bytes, int], ...]:
    """The same prefixes at a smaller depth, each with the farthest that any id follows the path from there."""
    reach: dict[bytes, int] = {}
    for prefix, further in prefixes:
        step = 0
        while depth + step < len(prefix) and prefix[depth + step] == path[depth + step]:
            step += 1
        if depth + step == len(prefix):
            step += further
        reach[prefix[:depth]] = max(step, reach.get(prefix[:depth], 0))
    return tuple(sorted(reach.items()))


#: Shapes by signature, or None once there were more than ``_MAX_SHAPES``: a count only grows, so this merges exactly.
_Family: TypeAlias = tuple[tuple[bytes, _Shape], ...] | None


def _merge_families(one: _Family, other: _Family) -> _Family:
    if one is None or other is None:
        return None
    shapes = dict(one)
    for signature, shape in other:
        shapes[signature] = shapes[signature].merge(shape) if signature in shapes else shape
    return _family(shapes)


def _family(shapes: Mapping[bytes, _Shape]) -> _Family:
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
    texts, counts = texts.filter(pa.array(~absent)), counts[~absent]
    total = int(counts.sum())
    empty = IdentifierSummary(total, tuple(sorted(tokens.items())), (), (), ())
    starts = range(0, len(texts), _CHUNK)
    parts = (_summarise_ids(texts.slice(i, _CHUNK), counts[i : i + _CHUNK]) for i in starts)
    return reduce(IdentifierSummary.merge, parts, empty)


def _summarise_ids(texts: pa.StringArray, counts: NDArray[np.int64]) -> IdentifierSummary:
    offsets, data = _bytes_of(texts)
    lengths = np.diff(offsets)
    families: list[dict[bytes, _Shape] | None] = [{}, {}, {}]
    for length in np.unique(lengths[(lengths > 0) & (lengths <= _MAX_LENGTH)]).tolist():
        rows = np.flatnonzero(lengths == length)
        ids = data[offsets[rows, None] + np.arange(length)]
        hashes = _hash_rows(ids)
        all_rows = np.ones(len(rows), dtype=np.bool_)
        single, signatures = _as_numbers(ids)
        views = (
            (single, signatures, bytes((_PADDED, _PLAIN))),
            (all_rows, _FINE[ids], b"0aA"),
            (all_rows, _COARSE[ids], b"0"),
        )
        for index, (chosen, signatures, open_classes) in enumerate(views):
            shapes = families[index]
            if shapes is not None:
                found = _shapes(ids[chosen], signatures, open_classes, counts[rows][chosen], hashes[chosen])
                families[index] = None if found is None else shapes | found
    numbers, fine, coarse = (None if shapes is None else _family(shapes) for shapes in families)
    return IdentifierSummary(0, (), numbers, fine, coarse)


def _bytes_of(texts: pa.StringArray) -> tuple[NDArray[np.int64], Bytes]:
    binary = pa.concat_arrays([texts.cast(pa.large_binary())])
    _, offsets, data = binary.buffers()
    starts = np.frombuffer(offsets, np.int64)[binary.offset : binary.offset + len(binary) + 1]
    return starts, np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)


def _as_numbers(ids: Bytes) -> tuple[NDArray[np.bool_], Bytes]:
    """Which ids have a single run of digits (and maybe ``.0`` at the end, a whole number gone through a float).

    Also their signatures: the id with its digits replaced, the first by ``_PLAIN`` where the number is not padded.
    """
    digits = _KINDS[ids] == _DIGIT
    if ids.shape[1] > 2:
        digits[:, -1] &= ~((ids[:, -2] == ord(".")) & (ids[:, -1] == ord("0")) & digits[:, -3])
    edges = np.diff(digits, axis=1, prepend=False) & digits
    length = digits.sum(axis=1, keepdims=True)
    chosen = (edges.sum(axis=1) == 1) & (length[:, 0] <= _MAX_DIGITS) & ~(ids <= _PLAIN).any(axis=1)
    ids, digits, edges, length = ids[chosen], digits[chosen], edges[chosen], length[chosen]
    plain = edges & ((ids != ord("0")) | (length == 1))
    signatures = np.where(digits, np.uint8(_PADDED), ids)
    return chosen, np.where(plain, np.uint8(_PLAIN), signatures)


def _shapes(
    ids: Bytes, signatures: Bytes, open_classes: bytes, counts: NDArray[np.int64], hashes: Words
) -> dict[bytes, _Shape] | None:
    """The shape of the ids under each signature; None where there are too many signatures.

    A signature is as long as its ids, and open where it has one of the ``open_classes``.
    """
    length = ids.shape[1]
    names, which = np.unique(_as_text(signatures), return_inverse=True)
    if len(names) > _MAX_SHAPES:
        return None
    shapes = {}
    for number, name in enumerate(names.tolist()):
        rows = np.flatnonzero(which == number)
        signature = name.ljust(length, b"\0")  # numpy takes trailing NULs away
        positions = [position for position, byte in enumerate(signature) if byte in open_classes]
        kept = np.unique(hashes[rows])[:_SKETCH].tolist()
        path = _path(bytes(signature[position] for position in positions))
        shapes[signature] = _shape(ids[rows][:, positions], int(counts[rows].sum()), tuple(kept), path)
    return shapes


def _path(classes: bytes) -> bytes:
    """A fixed character for each open position, of its class."""
    alphabets = {ord("a"): _LOWER, ord("A"): _UPPER}
    steps = ((alphabets.get(kind, _DIGITS), int(step)) for kind, step in zip(classes, _PATH, strict=False))
    return "".join(alphabet[step % len(alphabet)] for alphabet, step in steps).encode()


def _shape(ids: Bytes, cells: int, sketch: tuple[int, ...], path: bytes) -> _Shape:
    """Summarise the open positions of ids of one shape, ``(n_ids, n_open)``."""
    width = ids.shape[1]
    shared = np.where((ids == ids[0]).all(axis=0), ids[0], 0).astype(np.uint8)
    kinds = np.bitwise_or.reduce(_KINDS[ids], axis=0)
    if width == 0:
        return _Shape(cells, sketch, b"", b"", b"", 0, ((b"", 0),))
    ids = np.unique(_as_text(ids)).view(np.uint8).reshape(-1, width)
    differs = ids[1:] != ids[:-1]
    first_difference = differs.argmax(axis=1)
    distinct = 1 + np.cumsum(np.bincount(first_difference, minlength=width))
    # distinct[d - 1] prefixes of depth d differ; the last position is never part of a prefix.
    depth = int((distinct[: width - 1] <= _MAX_PREFIXES).sum())
    starts = np.concatenate(([0], 1 + np.flatnonzero(first_difference < depth)))
    follows = ids[:, depth:] == np.frombuffer(path, np.uint8)[depth:]
    reach = np.maximum.reduceat(np.logical_and.accumulate(follows, axis=1).sum(axis=1), starts)
    prefixes = tuple((ids[start, :depth].tobytes(), far) for start, far in zip(starts, reach.tolist(), strict=True))
    return _Shape(cells, sketch, shared.tobytes(), kinds.tobytes(), path, depth, prefixes)


def _as_text(rows: Bytes) -> NDArray[np.bytes_]:
    """Each row as one comparable value."""
    if rows.shape[1] == 0:
        return np.zeros(len(rows), dtype="S1")
    return np.ascontiguousarray(rows).view(f"S{rows.shape[1]}")[:, 0]


def _hash_rows(ids: Bytes) -> Words:
    """FNV-1a over the bytes of each row, then mixed."""
    hashes: Words = np.full(len(ids), 0xCBF29CE484222325 ^ ids.shape[1], dtype=np.uint64)
    for position in range(ids.shape[1]):
        hashes = (hashes ^ ids[:, position]) * np.uint64(0x100000001B3)
    return _mix(hashes)


def _mix(words: Words) -> Words:
    """The finaliser of SplitMix64 (Steele et al. 2014): every bit of the result depends on every bit of the word."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


# --- what is saved ---------------------------------------------------------------------------------------------------


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
        proper = all(len(alphabet) == 1 or alphabet in _KNOWN for alphabet in self.positions)
        placed = len(self.first) == len(self.last) == len(head) and all(
            character in alphabet
            for text in (self.first, self.last)
            for character, alphabet in zip(text, head, strict=True)
        )
        if not proper or not placed or self.first > self.last or math.prod(map(len, head)) > _MAX_SPACE:
            raise InputError("identifier: its region is not one that synthgen makes; fit again")

    @property
    def _varying(self) -> tuple[str, ...]:
        return tuple(alphabet for alphabet in self.positions if len(alphabet) > 1)

    @property
    def _start(self) -> int:
        return _number(self.first, self._varying)

    @property
    def _radices(self) -> tuple[list[int], int, list[int]]:
        """Sizes of the leading positions, how many cells of them are used, and sizes of the counted ones after."""
        sizes = [len(alphabet) for alphabet in self._varying]
        head, tail = sizes[: len(self.first)], sizes[len(self.first) :]
        cells = _number(self.last, self._varying) - self._start + 1
        space, counted = cells, []
        for size in tail:
            if space * size > _MAX_SPACE:
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
            word = np.uint64(int.from_bytes(_derive(key, b"fill", column, 8)))
            chosen = _mix(_mix(numbers ^ word) ^ word) % np.uint64(len(columns[column]))
            rows[:, places[column]] = columns[column][chosen]
        ends = np.arange(len(numbers) + 1, dtype=np.int64) * int(places[-1])
        texts = pa.LargeStringArray.from_buffers(len(numbers), pa.py_buffer(ends), pa.py_buffer(rows))
        return texts.cast(pa.string())


def _number(text: str, alphabets: tuple[str, ...]) -> int:
    """The number of a beginning among all of its length."""
    return reduce(
        lambda number, pair: number * len(pair[1]) + pair[1].index(pair[0]), zip(text, alphabets, strict=False), 0
    )


@dataclass(frozen=True, slots=True)
class Identifier:
    """Makes ids in the shape of a column's originals; holds no id, list, filter or hash of ids.

    Attributes:
        regions: where new ids come from, used up one after the other.
        missing: tokens that mean missing, each with its share of the cells.
        coincidences_possible: False where no real id lies in the regions. True where the real ids leave no such
            region of four times their number (or were too few to learn a shape from): new ids come from all of the
            shape's space, and one that equals a real id does so by chance.
    """

    regions: tuple[Region, ...]
    missing: tuple[tuple[str, float], ...] = ()
    coincidences_possible: bool = False

    def __post_init__(self) -> None:
        rates = [rate for _, rate in self.missing]
        if not self.regions or any(not 0 <= rate <= 1 for rate in rates) or sum(rates) > 1.001:  # rates are rounded
            raise InputError("identifier: it has no region, or rates that are none; fit again")

    @property
    def size(self) -> int:
        """How many different ids there are."""
        return sum(region.size for region in self.regions)

    def generate(self, ordinals: NDArray[np.int64], key: bytes) -> pa.StringArray:
        """The id (or token for missing) of each ordinal.

        Different ordinals get different ids, and an ordinal's id depends on it and on the key alone.

        Args:
            ordinals: which ids, each at least 0.
            key: any bytes; another key gives the ids in another order.

        Raises:
            InputError: an ordinal is not below ``size``.
        """
        if len(ordinals) and int(ordinals.min()) < 0:
            raise ValueError("ordinals start at 0")
        if len(ordinals) and int(ordinals.max()) >= self.size:
            raise InputError(
                f"identifiers: {int(ordinals.max()) + 1} are asked for, but only {self.size} of the learned shape "
                "exist; sample fewer, or declare the column text, drop or fake"
            )
        parts, rows = [], []
        start = 0
        for index, region in enumerate(self.regions):
            if start > ordinals.max(initial=0):
                break
            own = np.flatnonzero((ordinals >= start) & (ordinals - start < region.size))
            numbers = (ordinals[own] - start).astype(np.uint64)
            parts.append(region.texts(_permute(numbers, region.size, _derive(key, b"order", index, 64)), key))
            rows.append(own)
            start += region.size
        texts = pa.concat_arrays(parts)
        if any(len(own) for own in rows[1:]):
            texts = texts.take(pa.array(np.argsort(np.concatenate(rows), kind="stable")))
        return self._with_missing(texts, ordinals, key)

    def _with_missing(self, texts: pa.StringArray, ordinals: NDArray[np.int64], key: bytes) -> pa.StringArray:
        if not self.missing:
            return texts
        word = np.uint64(int.from_bytes(_derive(key, b"missing", 0, 8)))
        chance = (_mix(_mix(ordinals.astype(np.uint64) ^ word) ^ word) >> np.uint64(11)) * 2.0**-53
        before = 0.0
        for token, rate in self.missing:
            drawn = (chance >= before) & (chance < before + rate)
            texts = pc.if_else(pa.array(drawn), pa.scalar(token), texts)
            before += rate
        return texts

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values that ``from_json`` reads."""
        regions = [
            {
                "positions": [[alphabet, len(list(run))] for alphabet, run in groupby(region.positions)],
                "first": region.first,
                "last": region.last,
            }
            for region in self.regions
        ]
        missing = [[token, rate] for token, rate in self.missing]
        return {"regions": regions, "missing": missing, "coincidences_possible": self.coincidences_possible}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Identifier:
        """The identifier that ``to_json`` described.

        Raises:
            InputError: the document describes none.
        """
        try:
            regions = tuple(
                Region(
                    tuple(str(alphabet) for alphabet, times in region["positions"] for _ in range(min(times, 64))),
                    str(region["first"]),
                    str(region["last"]),
                )
                for region in document["regions"]
            )
            missing = tuple((str(token), float(rate)) for token, rate in document["missing"])
            return cls(regions, missing, bool(document["coincidences_possible"]))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError("identifier: its description is malformed; fit again") from error


def _permute(numbers: Words, size: int, key: bytes) -> Words:
    """A keyed permutation of ``range(size)`` applied to numbers below ``size``.

    A Feistel network over ``a * b >= size`` pairs, walking on from results outside (Black and Rogaway 2002,
    "Ciphers with arbitrary finite domains", methods FE and cycle walking).
    """
    small = np.uint64(math.isqrt(size - 1) + 1)
    large = np.uint64(-(-size // int(small)))
    words = np.frombuffer(key, "<u8")

    def encipher(values: Words) -> Words:
        high = values // small
        low = values - high * small
        for turn in range(0, len(words), 2):
            high = (high + _mix(low ^ words[turn]) % large) % large
            low = (low + _mix(high ^ words[turn + 1]) % small) % small
        return high * small + low

    result = encipher(numbers)
    while len(outside := np.flatnonzero(result >= np.uint64(size))):
        result[outside] = encipher(result[outside])
    return result


def _derive(key: bytes, use: bytes, number: int, size: int) -> bytes:
    """Key material for one use, from a key of any length."""
    digest = hashlib.blake2b(key).digest()
    return hashlib.blake2b(use + b" %d" % number, key=digest, digest_size=size, person=b"synthgen id").digest()


# --- from summary to identifier --------------------------------------------------------------------------------------


def solve(summary: IdentifierSummary, *, rare_below: int) -> Identifier:
    """Choose the shape of new ids and where they lie.

    The commonest shape is taken that at least ``rare_below`` different ids have; a character is kept only where all
    ids of the shape share it; and a region's limits are the coarsest prefixes that leave enough room, so they say no
    more of the smallest and the greatest id than how they begin. Ids of which fewer than ``rare_below`` differ leave
    no trace: new ones are then numbers of ten digits.

    Args:
        summary: of the whole column.
        rare_below: how many cells a thing must have to be kept.
    """
    total = summary.cells + sum(count for _, count in summary.missing)
    missing = tuple((token, round(count / total, 4)) for token, count in summary.missing if count >= rare_below)
    tokens = [token for token, _ in summary.missing]
    found = _solve_shape(summary, rare_below, tokens)
    if found is None:
        unknown = Region((_NOT_LEADING_ZERO, *[_DIGITS] * 9))
        return Identifier((unknown,), missing, coincidences_possible=True)
    regions, coincidences = found
    return Identifier(tuple(regions), missing, coincidences_possible=coincidences)


#: Regions in the order of their use, and whether they may hold real ids.
_Solution: TypeAlias = tuple[list[Region], bool]


def _solve_shape(summary: IdentifierSummary, rare_below: int, tokens: list[str]) -> _Solution | None:
    """A finer shape is preferred to a coarser one where it covers at least half as many ids."""
    groups = _group_numbers(summary.numbers or (), rare_below)
    affix = max(groups, key=lambda affix: (groups[affix].cells, affix), default=None)
    patterns = [_commonest(family or (), rare_below) for family in (summary.fine, summary.coarse)]
    most = max((found[1].cells for found in patterns if found is not None), default=0)
    if affix is not None and groups[affix].cells * 2 >= most:
        return _solve_numbers(*affix, groups[affix], rare_below, tokens)
    for found in patterns:
        if found is not None and found[1].cells * 2 >= most:
            return _solve_pattern(_pattern_frame(*found), found[1], tokens)
    return None


def _commonest(family: Iterable[tuple[bytes, _Shape]], rare_below: int) -> tuple[bytes, _Shape] | None:
    kept = [found for found in family if _distinct([found[1]]) >= rare_below]
    return max(kept, key=lambda found: (found[1].cells, found[0]), default=None)


def _distinct(shapes: Iterable[_Shape]) -> int:
    """How many different ids: exact up to the size of a sketch, then within some 6 % (k minimum values)."""
    shapes = list(shapes)
    sketch = sorted({value for shape in shapes for value in shape.sketch})[:_SKETCH]
    if len(sketch) < _SKETCH:
        return len(sketch)
    return min((_SKETCH - 1) * 2**64 // (sketch[-1] + 1), sum(shape.cells for shape in shapes))


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Numbers with the same text around them, by how many digits they have: as they are, and with leading zeros."""

    plain: Mapping[int, _Shape]
    padded: Mapping[int, _Shape]

    @property
    def cells(self) -> int:
        return sum(shape.cells for shapes in (self.plain, self.padded) for shape in shapes.values())


def _group_numbers(family: Iterable[tuple[bytes, _Shape]], rare_below: int) -> dict[tuple[str, str], _Numbers]:
    """Numbers by the text around them, where enough ids have it and none have another text of the same classes."""
    groups: dict[tuple[bytes, bytes], tuple[dict[int, _Shape], dict[int, _Shape]]] = {}
    for signature, shape in family:
        places = [place for place, byte in enumerate(signature) if byte in (_PADDED, _PLAIN)]
        affix = signature[: places[0]], signature[places[-1] + 1 :]
        groups.setdefault(affix, ({}, {}))[signature[places[0]] == _PADDED][len(places)] = shape
    classes = [tuple(_classes(part) for part in affix) for affix in groups]
    return {
        (affix[0].decode(), affix[1].decode()): _Numbers(plain, padded)
        for (affix, (plain, padded)), kind in zip(groups.items(), classes, strict=True)
        if classes.count(kind) == 1 and _distinct([*plain.values(), *padded.values()]) >= rare_below
    }


def _classes(text: bytes) -> bytes:
    return _FINE[np.frombuffer(text, np.uint8)].tobytes()


@dataclass(frozen=True, slots=True)
class _Frame:
    """The characters that each position of new ids may take, and which positions are open in the shape."""

    positions: tuple[str, ...]
    opens: tuple[int, ...]

    @property
    def alphabets(self) -> tuple[str, ...]:
        return tuple(self.positions[position] for position in self.opens)

    def released(self) -> _Frame:
        """The same with the digits that all ids begin with left to vary again."""
        positions = list(self.positions)
        for place in takewhile(lambda place: len(positions[place]) == 1, self.opens):
            positions[place] = _DIGITS if positions[place] in _DIGITS else positions[place]
        return _Frame(tuple(positions), self.opens)

    def fits(self, text: str) -> bool:
        return len(text) == len(self.positions) and all(
            character in alphabet for character, alphabet in zip(text, self.positions, strict=True)
        )


def _number_frame(prefix: str, digits: Iterable[str], suffix: str) -> _Frame:
    middle = tuple(digits)
    return _Frame((*prefix, *middle, *suffix), tuple(range(len(prefix), len(prefix) + len(middle))))


def _solve_numbers(prefix: str, suffix: str, numbers: _Numbers, rare_below: int, tokens: list[str]) -> _Solution:
    """Padded numbers keep their width while it lasts; then, as plain numbers from the start, ids grow longer."""
    regions, coincidences = _solve_padded(prefix, suffix, numbers, rare_below, tokens)
    start = max(numbers.plain, key=lambda width: (numbers.plain[width].cells, -width), default=1)
    if regions:
        start = len(regions[0].positions) - len(prefix) - len(suffix) + 1
    wanted = _ROOM * _distinct([*numbers.plain.values(), *numbers.padded.values()])
    for width in range(start, _MAX_DIGITS + 1):
        if sum(region.size for region in regions) >= _PLENTY:
            break
        seen = numbers.plain.get(width)
        # A length that few ids have is passed over: where its gaps lie would tell about those few.
        if seen is None or _distinct([seen]) >= rare_below:
            region = _free_region(_number_frame(prefix, _plain_digits(width), suffix), seen, wanted, tokens)
            regions += [region] if region is not None else []
    if not regions:
        return [Region(_number_frame(prefix, _plain_digits(_MAX_DIGITS), suffix).positions)], True
    return regions, coincidences


def _solve_padded(prefix: str, suffix: str, numbers: _Numbers, rare_below: int, tokens: list[str]) -> _Solution:
    """Numbers of the commonest width that shows leading zeros, if most numbers have that width; else nothing."""
    padded = {width: shape for width, shape in numbers.padded.items() if _distinct([shape]) >= rare_below}
    width = max(padded, key=lambda width: (padded[width].cells, -width), default=0)
    if not width:
        return [], False
    shape = padded[width].merge(numbers.plain[width]) if width in numbers.plain else padded[width]
    if shape.cells * 2 < numbers.cells:
        return [], False
    digits = (chr(byte) if byte else _DIGITS for byte in shape.shared)
    return _solve_pattern(_number_frame(prefix, digits, suffix), shape, tokens)


def _plain_digits(width: int) -> tuple[str, ...]:
    return (_NOT_LEADING_ZERO if width > 1 else _DIGITS, *[_DIGITS] * (width - 1))


def _pattern_frame(signature: bytes, shape: _Shape) -> _Frame:
    """A literal where all ids share the character, else the alphabet of all that varies in the same class.

    Together, since at a single position few ids may lack letters by chance.
    """
    text = signature.decode()
    opens = tuple(place for place, character in enumerate(text) if character in "0aA")
    kinds = dict.fromkeys("0aA", 0)
    for place, shared, kind in zip(opens, shape.shared, shape.kinds, strict=True):
        kinds[text[place]] |= 0 if shared else kind
    positions = list(text)
    for place, shared in zip(opens, shape.shared, strict=True):
        union = kinds[text[place]]
        positions[place] = chr(shared) if shared else next(a for covered, a in _ALPHABETS if not union & ~covered)
    return _Frame(tuple(positions), opens)


def _solve_pattern(frame: _Frame, shape: _Shape, tokens: list[str]) -> _Solution:
    """Ids of one width: with all that the real ones share if there is room, with other digits where there is none."""
    wanted = _ROOM * _distinct([shape])
    kept = _free_region(frame, shape, wanted, tokens)
    wide = _free_region(frame.released(), shape, wanted, tokens) if frame.released() != frame else None
    if kept is not None and wide is not None and not _apart(kept, wide):
        wide = None
    regions = [region for region in (kept, wide) if region is not None]
    return regions or [Region(frame.positions)], not regions


def _apart(kept: Region, wide: Region) -> bool:
    """Whether the first position at which wide's ids vary tells them from kept's."""
    place = next(place for place, alphabet in enumerate(wide.positions) if len(alphabet) > 1)
    literal = kept.positions[place]
    return len(literal) == 1 and bool(wide.first) and not wide.first[0] <= literal <= wide.last[0]


def _free_region(frame: _Frame, shape: _Shape | None, wanted: int, tokens: list[str]) -> Region | None:
    """Ids of the frame, at least ``wanted``, among which is no real id and no token; None where there are not so many.

    ``shape`` says where the real ids lie; None where there are none.
    """
    alphabets = frame.alphabets
    depth = shape.depth if shape is not None else min(3, len(alphabets))
    taken = [prefix.decode() for prefix, _ in shape.prefixes] if shape is not None else []
    avoided = ["".join(token[place] for place in frame.opens) for token in tokens if frame.fits(token)]
    run = _longest_run(alphabets, depth, taken + [token[:depth] for token in avoided], wanted)
    if run is not None:
        return Region(frame.positions, *run)
    for prefix, further in sorted(shape.prefixes if shape is not None else (), key=lambda found: found[::-1]):
        beginning = (prefix + shape.path[depth : depth + further + 1]).decode() if shape is not None else ""
        gap = _varying(beginning, alphabets)
        possible = all(character in alphabet for character, alphabet in zip(beginning, alphabets, strict=False))
        room = math.prod(len(alphabet) for alphabet in alphabets[len(beginning) :])
        free = len(beginning) == depth + further + 1 and not any(token.startswith(beginning) for token in avoided)
        if possible and free and room >= wanted and _space(alphabets[: len(beginning)]) <= _MAX_SPACE:
            return Region(frame.positions, gap, gap)
    return None


def _longest_run(alphabets: tuple[str, ...], depth: int, taken: list[str], wanted: int) -> tuple[str, str] | None:
    """The first and last beginning of the longest stretch without a taken one, by the coarsest beginnings that do.

    They do if the stretch holds what is wanted and, so that a small column can grow, a million where that can be had.
    """
    head = tuple(alphabet for alphabet in alphabets[:depth] if len(alphabet) > 1)
    below = _space(alphabets[depth:])
    while _space(head) > _MAX_SPACE:
        below *= len(head[-1])
        head = head[:-1]
    cells = {_number(_varying(prefix, alphabets)[: len(head)], head) for prefix in taken}
    stretches = []
    for level in range(len(head) + 1):
        width = _space(head[level:])
        bounds = [-1, *sorted({cell // width for cell in cells}), _space(head[:level])]
        # The first of the longest ones.
        length, before = max((after - before - 1, -before) for before, after in pairwise(bounds))
        stretches.append((length * width * below, level, 1 - before, length - before))
    best = max(stretches)[0]
    if best < wanted:
        return None
    enough = max(wanted, min(best // 2, 10**6))
    _, level, first, last = next(stretch for stretch in stretches if stretch[0] >= enough)
    return _text(first, head[:level]), _text(last, head[:level])


def _varying(prefix: str, alphabets: tuple[str, ...]) -> str:
    """The characters of a prefix at the positions that vary."""
    return "".join(each for each, alphabet in zip(prefix, alphabets, strict=False) if len(alphabet) > 1)


def _space(alphabets: Iterable[str]) -> int:
    return math.prod(len(alphabet) for alphabet in alphabets)


def _text(number: int, alphabets: tuple[str, ...]) -> str:
    """The beginning with this number; the inverse of ``_number``."""
    characters = []
    for alphabet in reversed(alphabets):
        number, index = divmod(number, len(alphabet))
        characters.append(alphabet[index])
    return "".join(reversed(characters))
