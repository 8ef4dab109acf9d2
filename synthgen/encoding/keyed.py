"""Keyed arithmetic: words that look random, and permutations of any range, each by a key alone."""

from __future__ import annotations

import hashlib
import math
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Words: TypeAlias = NDArray[np.uint64]


def mix(words: Words) -> Words:
    """The finaliser of SplitMix64 (Steele et al. 2014): every bit of the result depends on every bit of the word."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))


def _modulo(words: Words, divisor: np.uint64) -> Words:
    """The remainder. Numpy divides by one number much faster than it takes remainders."""
    return words - words // divisor * divisor


def derive(key: bytes, use: bytes, number: int, size: int) -> bytes:
    """Key material for one use, from a key of any length."""
    digest = hashlib.blake2b(key).digest()
    return hashlib.blake2b(use + b" %d" % number, key=digest, digest_size=size, person=b"synthgen id").digest()


def permute(numbers: Words, size: int, key: bytes) -> Words:
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
            high = _modulo(high + _modulo(mix(low ^ words[turn]), large), large)
            low = _modulo(low + _modulo(mix(high ^ words[turn + 1]), small), small)
        return high * small + low

    result = encipher(numbers)
    while len(outside := np.flatnonzero(result >= np.uint64(size))):
        result[outside] = encipher(result[outside])
    return result
