"""Which columns hold the keys of other tables, told from names and from values that are all keys there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.inference.header import PERSON_WORDS, Header, read_header
from synthgen.inference.shapes import Outline, Shape, contained, distinct_keys

#: Of the rows that hold a link, so many must name a row of the table referred to, or it is none.
_MOST: Final = 0.95
#: A key that is another table's key too needs so many rows: in small tables much is unique.
_ENOUGH_ROWS: Final = 20
#: Columns that may be parts of a composite key; more are not tried.
_MOST_PARTS: Final = 6

#: So many rows must hold a sign for "none" before it is taken for one.
_ROWS_OF_NONE: Final = 5

#: How well names agree; a preset knows better.
BY_PRESET: Final = 4
_SAME, _ENDS, _VALUES = 3, 2, 1


@dataclass(frozen=True)
class Found:
    """A link between two tables.

    Attributes:
        columns: in the table that refers.
        table: the table referred to.
        key: its key.
        score: how well the names agree: 3 the same, 2 the end of a longer name, 1 only the values; 4 from a preset.
        held: the share of rows that have one.
        share: of those, the share that names a row.
        none: a text that means "none"; ``None`` where there is no such.
    """

    columns: tuple[str, ...]
    table: str
    key: tuple[str, ...]
    score: int
    held: float
    share: float
    none: str | None = None


def find_keys_and_links(
    outlines: Mapping[str, Outline],
) -> tuple[dict[str, tuple[str, ...]], dict[str, list[Found]]]:
    """The key of each table that has one, and the links of each table.

    A key is a column that is named as one and unique in every row, else several columns together. A column is one
    link at most; links stand as in the file, those of several columns last.
    """
    keys = _single_keys(outlines)
    links = {name: _single_links(name, outlines, keys) for name in outlines}
    for name, table in outlines.items():
        if name not in keys and (several := _composite(name, table, outlines, links[name])):
            keys[name] = several
    for name, table in outlines.items():
        links[name] += _several(name, table, outlines, keys)
    found = {name: [link for link in mine if not _is_reverse(name, link, keys, links)] for name, mine in links.items()}
    return keys, found


def _single_keys(outlines: Mapping[str, Outline]) -> dict[str, tuple[str, ...]]:
    keys: dict[str, tuple[str, ...]] = {}
    for name, table in outlines.items():
        ranked = [
            (rank, column)
            for column, shape in table.shapes.items()
            if shape.unique and (rank := _key_rank(name, shape.header, table.rows)) is not None
        ]
        named = [column for column, shape in table.shapes.items() if _is_named_by(column, shape, name, outlines)]
        if ranked:
            keys[name] = (min(ranked, key=lambda pair: pair[0])[1],)
        elif named:
            keys[name] = (named[0],)
    return keys


def _is_named_by(column: str, shape: Shape, name: str, outlines: Mapping[str, Outline]) -> bool:
    """Whether rows of another table, which may share one, all name a row by a column of the same name."""
    if not shape.unique or len(shape.hashes) < _ENOUGH_ROWS:
        return False
    others = [each.shapes[column] for other, each in outlines.items() if other != name and column in each.shapes]
    return any(
        other.may_link and not other.unique and other.complete and bool(np.isin(other.hashes, shape.hashes).all())
        for other in others
        if len(other.hashes) >= _ENOUGH_ROWS
    )


def _single_links(name: str, outlines: Mapping[str, Outline], keys: Mapping[str, tuple[str, ...]]) -> list[Found]:
    table, links = outlines[name], []
    for column, shape in table.shapes.items():
        if not shape.may_link or (keys.get(name) == (column,) and table.rows < _ENOUGH_ROWS):
            continue
        candidates = [link for other in outlines if (link := _single(name, column, other, outlines, keys))]
        if candidates:
            links.append(max(candidates, key=lambda link: (link.score, _owns(link), link.share)))
    return links


def stem(table: str) -> tuple[str, ...]:
    """The words of a table's name, each in the singular.

    >>> stem("claims_transactions"), stem("VISIT_OCCURRENCE"), stem("diagnoses"), stem("allergies")
    (('claim', 'transaction'), ('visit', 'occurrence'), ('diagnosis',), ('allergy',))
    """
    return tuple(_singular(word) for word in read_header(table).words)


def _singular(word: str) -> str:
    if word == "people":
        return "person"
    if word.endswith("noses"):
        return word[:-2] + "is"
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def _key_rank(table: str, header: Header, rows: int) -> int | None:
    """How well a column is named as the key of its table, 0 the best; ``None`` if it is not."""
    own, bare = "".join(stem(table)), header.without_id
    if bare == own or (header.is_id and bare in ("", table.lower())):
        return 0
    if header.is_id and bare and own.endswith(bare):
        return 1
    if header.is_id and not header.is_persons_number:
        return 2 if rows >= _ENOUGH_ROWS else None
    return 3 if header.is_code and len(header.words) == 1 else None


def _single(
    name: str,
    column: str,
    other: str,
    outlines: Mapping[str, Outline],
    keys: Mapping[str, tuple[str, ...]],
) -> Found | None:
    """The link of one column to one table, if it is one."""
    key = keys.get(other, ())
    if len(key) != 1 or (other, key[0]) == (name, column):
        return None
    mine, outline = outlines[name].shapes[column], outlines[name]
    theirs = outlines[other].shapes[key[0]]
    score = _affinity(mine.header, theirs.header, other, itself=name == other)
    if mine.constant and score != _SAME:
        return None
    if score is None and not (theirs.telling and mine.telling):
        return None
    known = np.isin(mine.hashes, theirs.hashes)
    none = _none(mine, known)
    told = known | (mine.hashes == (np.uint64(0) if none is None else none))
    share = float(mine.counts[known].sum()) / max(int(mine.counts[known | ~told].sum()), 1)
    if share < (1.0 if score is None else _MOST):
        return None
    held = mine.held / outline.rows
    if not mine.complete:
        held, share = contained(outline.table, (column,), outlines[other].table, key)
    elif none is not None:
        held -= float(mine.counts[mine.hashes == none].sum()) / outline.rows
    sign = None if none is None else mine.none[int(none)]
    return Found((column,), other, key, score or _VALUES, held, share, sign)


def _none(shape: Shape, known: NDArray[np.bool_]) -> np.uint64 | None:
    """The sign for "none" that most rows have, if enough have one and it is no key."""
    signs = np.isin(shape.hashes, np.array([*shape.none], np.uint64)) & ~known & (shape.counts >= _ROWS_OF_NONE)
    if not signs.any():
        return None
    return np.uint64(shape.hashes[signs][int(np.argmax(shape.counts[signs]))])


def _affinity(column: Header, key: Header, table: str, *, itself: bool) -> int | None:
    """How well the name of a column says that it holds the key of a table; ``None`` if it does not."""
    mine, owner = column.without_id, "".join(stem(table))
    named = {word for word in (key.without_id, owner) if len(word) > 2}
    if mine in named and not itself:
        return _SAME
    person = owner in PERSON_WORDS or key.person_rank is not None
    if column.person_rank is not None and person and not itself:
        return _ENDS
    longer = any(mine.endswith(word) and mine != word for word in named)
    return _ENDS if longer and (column.is_id or mine.endswith(owner)) else None


def _is_reverse(name: str, link: Found, keys: Mapping[str, tuple[str, ...]], found: Mapping[str, list[Found]]) -> bool:
    """Of two tables with one key, each row of which names one of the other, one belongs to the other, not both."""
    if keys.get(name) != link.columns:
        return False
    order = list(found)
    for back in found[link.table]:
        if back.table == name and back.columns == link.key:
            return (_owns(back), order.index(link.table)) > (_owns(link), order.index(name))
    return False


def _owns(link: Found) -> bool:
    """Whether the key is named after its table, so that this is where the thing itself is described."""
    words = stem(link.table)
    return read_header(link.key[0]).without_id in ("", "".join(words)) or words[-1:][0] in PERSON_WORDS


def _composite(
    name: str, table: Outline, outlines: Mapping[str, Outline], links: list[Found]
) -> tuple[str, ...] | None:
    """Two or three columns that no two rows share.

    One of them counts within the others, or all are in another table too and none is a link by itself.
    """
    if table.rows < _ENOUGH_ROWS:
        return None
    linking = {column for link in links for column in link.columns}
    parts = [
        column
        for column, shape in table.shapes.items()
        if shape.may_link
        and not shape.constant
        and (
            shape.header.is_id or shape.header.is_counter or column in linking or _are_shared((column,), name, outlines)
        )
    ][:_MOST_PARTS]
    for size in (2, 3):
        for chosen in combinations(parts, size):
            counted = any(table.shapes[column].header.is_counter for column in chosen)
            shared = not linking & set(chosen) and _are_shared(chosen, name, outlines)
            most = np.prod([float(len(table.shapes[column].hashes)) for column in chosen])
            if (counted or shared) and most >= table.rows and distinct_keys(table.table, chosen) is not None:
                return chosen
    return None


def _are_shared(columns: tuple[str, ...], name: str, outlines: Mapping[str, Outline]) -> bool:
    """Whether another table has all of some columns."""
    wanted = {column.lower() for column in columns}
    return any(
        wanted <= {column.lower() for column in each.shapes} for other, each in outlines.items() if other != name
    )


def _several(
    name: str, table: Outline, outlines: Mapping[str, Outline], keys: Mapping[str, tuple[str, ...]]
) -> Iterator[Found]:
    """Links of several columns, each named as a part of a composite key."""
    mine = {column.lower(): column for column in table.shapes}
    for other, key in keys.items():
        columns = tuple(mine[part.lower()] for part in key if part.lower() in mine)
        if len(key) > 1 and other != name and len(columns) == len(key):
            held, share = contained(table.table, columns, outlines[other].table, key)
            if share >= _MOST:
                yield Found(columns, other, key, _SAME, held, share)
