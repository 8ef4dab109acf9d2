"""Where none of the real ids lie: the longest free stretch of a shape's space, or a gap beside a fixed path."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, takewhile

from synthgen.encoding.identifier.characters import DIGITS
from synthgen.encoding.identifier.region import MAX_SPACE, Region, number_of, space_of, text_of
from synthgen.encoding.identifier.shape import Shape


@dataclass(frozen=True, slots=True)
class Frame:
    """The characters that each position of new ids may take, and which positions are open in the shape."""

    positions: tuple[str, ...]
    opens: tuple[int, ...]

    @property
    def alphabets(self) -> tuple[str, ...]:
        return tuple(self.positions[position] for position in self.opens)

    def released(self) -> Frame:
        """The same with the digits that all ids begin with left to vary again."""
        positions = list(self.positions)
        for place in takewhile(lambda place: len(positions[place]) == 1, self.opens):
            positions[place] = DIGITS if positions[place] in DIGITS else positions[place]
        return Frame(tuple(positions), self.opens)

    def fits(self, text: str) -> bool:
        return len(text) == len(self.positions) and all(
            character in alphabet for character, alphabet in zip(text, self.positions, strict=True)
        )


def free_region(frame: Frame, shape: Shape | None, wanted: int, tokens: list[str]) -> Region | None:
    """Ids of the frame, at least ``wanted``, among which is no real id and no token; None where there are not so many.

    ``shape`` says where the real ids lie; None where there are none.
    """
    alphabets = frame.alphabets
    depth = shape.depth if shape is not None else min(3, len(alphabets))
    occupied = shape.occupied if shape is not None else ()
    avoided = ["".join(token[place] for place in frame.opens) for token in tokens if frame.fits(token)]
    taken = [*(prefix for prefix, _ in occupied), *(token[:depth] for token in avoided)]
    run = _longest_run(alphabets, depth, taken, wanted)
    if run is not None:
        return Region(frame.positions, *run)
    for prefix, reach in sorted(occupied, key=lambda found: found[::-1]):
        assert shape is not None
        beginning = prefix + shape.path[depth : depth + reach + 1].decode()  # up to the first step that no id takes
        if len(beginning) == depth + reach + 1 and _is_room(beginning, alphabets, avoided, wanted):
            gap = _varying(beginning, alphabets)
            return Region(frame.positions, gap, gap)
    return None


def _is_room(beginning: str, alphabets: tuple[str, ...], avoided: list[str], wanted: int) -> bool:
    """Whether ids of the alphabets can begin so, enough of them, and no token does."""
    possible = all(character in alphabet for character, alphabet in zip(beginning, alphabets, strict=False))
    free = not any(token.startswith(beginning) for token in avoided)
    room = space_of(alphabets[len(beginning) :])
    return possible and free and room >= wanted and space_of(alphabets[: len(beginning)]) <= MAX_SPACE


def _longest_run(alphabets: tuple[str, ...], depth: int, taken: list[str], wanted: int) -> tuple[str, str] | None:
    """The first and last beginning of the longest stretch without a taken one, by the coarsest beginnings that do.

    They do if the stretch holds what is wanted and, so that a small column can grow, a million where that can be had.
    """
    head = tuple(alphabet for alphabet in alphabets[:depth] if len(alphabet) > 1)
    below = space_of(alphabets[depth:])
    while space_of(head) > MAX_SPACE:
        below *= len(head[-1])
        head = head[:-1]
    cells = {number_of(_varying(prefix, alphabets)[: len(head)], head) for prefix in taken}
    stretches = []
    for level in range(len(head) + 1):
        width = space_of(head[level:])
        bounds = [-1, *sorted({cell // width for cell in cells}), space_of(head[:level])]
        # The first of the longest ones.
        length, before = max((after - before - 1, -before) for before, after in pairwise(bounds))
        stretches.append((length * width * below, level, 1 - before, length - before))
    best = max(stretches)[0]
    if best < wanted:
        return None
    enough = max(wanted, min(best // 2, 10**6))
    _, level, first, last = next(stretch for stretch in stretches if stretch[0] >= enough)
    return text_of(first, head[:level]), text_of(last, head[:level])


def _varying(prefix: str, alphabets: tuple[str, ...]) -> str:
    """The characters of a prefix at the positions that vary."""
    return "".join(each for each, alphabet in zip(prefix, alphabets, strict=False) if len(alphabet) > 1)
