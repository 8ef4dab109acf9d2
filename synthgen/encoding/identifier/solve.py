"""From what was counted to how new ids are made: which shape they have, and which of its ids are free."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from synthgen.encoding.identifier.characters import ALPHABETS, DIGITS, FINE, NOT_LEADING_ZERO, PADDED, PLAIN
from synthgen.encoding.identifier.gap import Frame, free_region
from synthgen.encoding.identifier.generate import Identifier
from synthgen.encoding.identifier.region import Region
from synthgen.encoding.identifier.shape import Shape, distinct_ids
from synthgen.encoding.identifier.summary import MAX_DIGITS, IdentifierSummary

_ROOM = 4  # a region without real ids must hold this many times the real ones
_PLENTY = 10**9  # where numbers may grow longer, they do until so many are at hand


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
        unknown = Region((NOT_LEADING_ZERO, *[DIGITS] * 9))
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


def _commonest(family: Iterable[tuple[bytes, Shape]], rare_below: int) -> tuple[bytes, Shape] | None:
    kept = [found for found in family if distinct_ids([found[1]]) >= rare_below]
    return max(kept, key=lambda found: (found[1].cells, found[0]), default=None)


@dataclass(frozen=True, slots=True)
class _Numbers:
    """Numbers with the same text around them, by how many digits they have: as they are, and with leading zeros."""

    plain: Mapping[int, Shape]
    padded: Mapping[int, Shape]

    @property
    def cells(self) -> int:
        return sum(shape.cells for shapes in (self.plain, self.padded) for shape in shapes.values())


def _group_numbers(family: Iterable[tuple[bytes, Shape]], rare_below: int) -> dict[tuple[str, str], _Numbers]:
    """Numbers by the text around them, where enough ids have it and none have another text of the same classes."""
    groups: dict[tuple[bytes, bytes], tuple[dict[int, Shape], dict[int, Shape]]] = {}
    for signature, shape in family:
        places = [place for place, byte in enumerate(signature) if byte in (PADDED, PLAIN)]
        affix = signature[: places[0]], signature[places[-1] + 1 :]
        groups.setdefault(affix, ({}, {}))[signature[places[0]] == PADDED][len(places)] = shape
    classes = [tuple(_classes(part) for part in affix) for affix in groups]
    return {
        (affix[0].decode(), affix[1].decode()): _Numbers(plain, padded)
        for (affix, (plain, padded)), kind in zip(groups.items(), classes, strict=True)
        if classes.count(kind) == 1 and distinct_ids([*plain.values(), *padded.values()]) >= rare_below
    }


def _classes(text: bytes) -> bytes:
    return FINE[np.frombuffer(text, np.uint8)].tobytes()


def _number_frame(prefix: str, digits: Iterable[str], suffix: str) -> Frame:
    middle = tuple(digits)
    return Frame((*prefix, *middle, *suffix), tuple(range(len(prefix), len(prefix) + len(middle))))


def _solve_numbers(prefix: str, suffix: str, numbers: _Numbers, rare_below: int, tokens: list[str]) -> _Solution:
    """Padded numbers keep their width while it lasts; then, as plain numbers from the start, ids grow longer."""
    regions, coincidences = _solve_padded(prefix, suffix, numbers, rare_below, tokens)
    start = max(numbers.plain, key=lambda width: (numbers.plain[width].cells, -width), default=1)
    if regions:
        start = len(regions[0].positions) - len(prefix) - len(suffix) + 1
    wanted = _ROOM * distinct_ids([*numbers.plain.values(), *numbers.padded.values()])
    for width in range(start, MAX_DIGITS + 1):
        if sum(region.size for region in regions) >= _PLENTY:
            break
        seen = numbers.plain.get(width)
        # A length that few ids have is passed over: where its gaps lie would tell about those few.
        if seen is None or distinct_ids([seen]) >= rare_below:
            region = free_region(_number_frame(prefix, _plain_digits(width), suffix), seen, wanted, tokens)
            regions += [region] if region is not None else []
    if not regions:
        return [Region(_number_frame(prefix, _plain_digits(MAX_DIGITS), suffix).positions)], True
    return regions, coincidences


def _solve_padded(prefix: str, suffix: str, numbers: _Numbers, rare_below: int, tokens: list[str]) -> _Solution:
    """Numbers of the commonest width that shows leading zeros, if most numbers have that width; else nothing."""
    padded = {width: shape for width, shape in numbers.padded.items() if distinct_ids([shape]) >= rare_below}
    width = max(padded, key=lambda width: (padded[width].cells, -width), default=0)
    if not width:
        return [], False
    shape = padded[width].merge(numbers.plain[width]) if width in numbers.plain else padded[width]
    if shape.cells * 2 < numbers.cells:
        return [], False
    digits = (chr(byte) if byte else DIGITS for byte in shape.shared)
    return _solve_pattern(_number_frame(prefix, digits, suffix), shape, tokens)


def _plain_digits(width: int) -> tuple[str, ...]:
    return (NOT_LEADING_ZERO if width > 1 else DIGITS, *[DIGITS] * (width - 1))


def _pattern_frame(signature: bytes, shape: Shape) -> Frame:
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
        positions[place] = chr(shared) if shared else next(a for covered, a in ALPHABETS if not union & ~covered)
    return Frame(tuple(positions), opens)


def _solve_pattern(frame: Frame, shape: Shape, tokens: list[str]) -> _Solution:
    """Ids of one width: with all that the real ones share if there is room, with other digits where there is none."""
    wanted = _ROOM * distinct_ids([shape])
    kept = free_region(frame, shape, wanted, tokens)
    wide = free_region(frame.released(), shape, wanted, tokens) if frame.released() != frame else None
    if kept is not None and wide is not None and not _apart(kept, wide):
        wide = None
    regions = [region for region in (kept, wide) if region is not None]
    return regions or [Region(frame.positions)], not regions


def _apart(kept: Region, wide: Region) -> bool:
    """Whether the first position at which wide's ids vary tells them from kept's."""
    place = next(place for place, alphabet in enumerate(wide.positions) if len(alphabet) > 1)
    literal = kept.positions[place]
    return len(literal) == 1 and bool(wide.first) and not wide.first[0] <= literal <= wide.last[0]
