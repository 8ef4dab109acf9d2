"""Levels that are bands of a scale, such as ``[0-10)``, ``10-20``, ``<30`` or ``80+``, and their order."""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from itertools import pairwise

_NUMBER = r"(\d+(?:[.,]\d+)?)"
_BETWEEN = re.compile(rf"[\[(]?{_NUMBER}(?:-|–|to|\.\.|,|;){_NUMBER}[\])]?")
_BELOW = re.compile(rf"(?:<|<=|≤|under|below|lessthan|upto){_NUMBER}")
_ABOVE = re.compile(rf"(?:>|>=|≥|over|above|morethan){_NUMBER}|{_NUMBER}(?:\+|andover|andabove|orolder|ormore)")
_DECORATION = re.compile(r"[\s$€£]|(?<=\d)k\b|years?|yrs?|år")

#: Two bands are ``<30`` and ``>30``: a pair of levels, which any other two would be as well.
_FEWEST = 3


def find_order(levels: Collection[str]) -> tuple[str, ...] | None:
    """The levels, lowest first, if every one is a band and no two overlap; else ``None``.

    >>> find_order(["80+", "[10-20)", "<10", "20-80"])
    ('<10', '[10-20)', '20-80', '80+')
    >>> find_order([">7", ">8", "<7"]) is None
    True
    """
    bands = {level: _band(level) for level in levels}
    known = sorted((band, level) for level, band in bands.items() if band is not None)
    if len(known) < len(bands) or len(known) < _FEWEST:
        return None
    ordered = all(one[0][1] <= next_[0][0] for one, next_ in pairwise(known))
    return tuple(level for _, level in known) if ordered else None


def _band(level: str) -> tuple[float, float] | None:
    text = _DECORATION.sub("", level.lower())
    if match := _BETWEEN.fullmatch(text):
        low, high = _number(match[1]), _number(match[2])
        return (low, high) if low <= high else None
    if match := _BELOW.fullmatch(text):
        return -math.inf, _number(match[1])
    if match := _ABOVE.fullmatch(text):
        return _number(match[1] or match[2]), math.inf
    return None


def _number(text: str) -> float:
    return float(text.replace(",", "."))
