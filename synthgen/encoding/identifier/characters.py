"""The characters of identifiers: their kinds, and the alphabets that new ones are written in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Bytes: TypeAlias = NDArray[np.uint8]

DIGITS, LOWER, UPPER = "0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ"

#: Kinds of characters that were seen at a position, as bits.
DIGIT, _LOWER_HEX, _LOWER_REST, _UPPER_HEX, _UPPER_REST = 1, 2, 4, 8, 16
#: The alphabets a varying position may have, narrowest first; the first that covers the kinds is taken. Characters are
#: in ASCII order, so that the order of ids as text is the order of their numbers.
ALPHABETS = (
    (DIGIT, DIGITS),
    (_LOWER_HEX | _LOWER_REST, LOWER),
    (_UPPER_HEX | _UPPER_REST, UPPER),
    (DIGIT | _LOWER_HEX, DIGITS + "abcdef"),
    (DIGIT | _UPPER_HEX, DIGITS + "ABCDEF"),
    (DIGIT | _LOWER_HEX | _LOWER_REST, DIGITS + LOWER),
    (DIGIT | _UPPER_HEX | _UPPER_REST, DIGITS + UPPER),
    (_LOWER_HEX | _LOWER_REST | _UPPER_HEX | _UPPER_REST, UPPER + LOWER),
    (31, DIGITS + UPPER + LOWER),
)
NOT_LEADING_ZERO = "123456789"
KNOWN = frozenset({alphabet for _, alphabet in ALPHABETS} | {NOT_LEADING_ZERO})


def _table(others: Bytes, classes: Mapping[str, int]) -> Bytes:
    """A look-up by byte: each class's characters have its value, other bytes what stands for them in ``others``."""
    table = others.copy()
    for characters, value in classes.items():
        table[list(characters.encode())] = value
    return table


_BYTES = np.arange(256, dtype=np.uint8)
KINDS = _table(
    np.zeros_like(_BYTES),
    {
        DIGITS: DIGIT,
        "abcdef": _LOWER_HEX,
        LOWER[6:]: _LOWER_REST,
        "ABCDEF": _UPPER_HEX,
        UPPER[6:]: _UPPER_REST,
    },
)
#: A fine shape tells digits, capitals and small letters apart; a coarse one only letters or digits from the rest.
FINE = _table(_BYTES, {DIGITS: ord("0"), LOWER: ord("a"), UPPER: ord("A")})
COARSE = _table(_BYTES, {DIGITS + LOWER + UPPER: ord("0")})
#: In the signature of a number: its digits, and its first digit where that is not a padding zero.
PADDED, PLAIN = 1, 2
