"""Until when rows can come: the end of the stay that they belong to, where a rule of their table says so.

Drawn apart from it, a result would often be dated after the discharge, and moved back all such results would be taken
in the minute of the discharge. So each row is told how long its stay still lasts, and no step leads beyond.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.relational.rules.ruling import Ruling
from synthgen.relational.time.moments import DAY, UNKNOWN, Hand, Moments
from synthgen.schema.rules import expression as ex

#: A rule that more of the real rows break is left to the draws.
_BROKEN: Final = 0.005
_FAR: Final = np.iinfo(np.int64).max


def bounds(ruling: Ruling, order: str, rates: Sequence[float | None]) -> tuple[ex.Column, ...]:
    """The dates of rows above that no row comes after, each with its table.

    Of rows that belong to patients themselves none: of these the last one is told.

    Args:
        order: the column of the rows' own moments.
        rates: the share of real rows that break each rule; ``None`` where it is too small to tell.
    """
    above = ruling.structure.members[ruling.name].path
    if not above or above[0] == ruling.structure.patients:
        return ()
    found = []
    for rule, rate in zip(ruling.stated, rates, strict=True):
        if not isinstance(rule, ex.Compare) or (rate or 0.0) > _BROKEN:
            continue
        sides = {"<=": (rule.left, rule.right), ">=": (rule.right, rule.left)}.get(rule.operator)
        if sides is None or sides[0] != ex.Column(order) or not isinstance(sides[1], ex.Column):
            continue
        if (table := ruling.table_of(sides[1])) != ruling.name:
            found.append(ex.Column(sides[1].name, table))
    return tuple(dict.fromkeys(found))


def earliest(n: int, told: Iterable[tuple[Hand, Moments, NDArray[np.int64]]]) -> Moments:
    """The first of several moments for each of ``n`` rows, ``UNKNOWN`` where it has none.

    Args:
        told: columns of rows above, their moments, and which of these rows each belongs to; negative for none. A day
            lasts until it is over.
    """
    found = np.full(n, _FAR, np.int64)
    for hand, moments, at in told:
        own = np.append(moments, UNKNOWN)[np.where(at < 0, len(moments), at)]
        last = own if hand.clocked else own + (own != UNKNOWN) * (DAY - 1)
        found = np.where(own == UNKNOWN, found, np.minimum(found, last))
    return np.where(found == _FAR, UNKNOWN, found)
