"""Numbers as integer keys on a grid that does not depend on the data, and back to text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

_MANTISSA_BITS = 8
_DROPPED_BITS = 52 - _MANTISSA_BITS
#: Digits that a value drawn inside a cell of the floating grid is written with: a cell is 1/256 wide at most.
_FLOATING_DIGITS = 5


class Grid(ABC):
    """A monotone map between numbers and integer keys."""

    @abstractmethod
    def keys(self, plain: pa.StringArray) -> NDArray[np.int64]:
        """Keys of texts such as ``-12.50`` (decimal point, no thousands marks). Raises ``OverflowError``."""

    @abstractmethod
    def values(self, keys: NDArray[np.float64]) -> NDArray[np.float64]:
        """The numbers that keys stand for; keys may lie between grid points."""

    @abstractmethod
    def texts(self, keys: NDArray[np.int64], rng: np.random.Generator, *, padded: bool) -> pa.StringArray:
        """Texts of keys, with a decimal point.

        Args:
            rng: for what the grid leaves open within a cell.
            padded: whether trailing zeros are written.
        """


@dataclass(frozen=True)
class DecimalGrid(Grid):
    """Key = number × 10**decimals, exact for as many digits as int64 holds."""

    decimals: int

    def keys(self, plain: pa.StringArray) -> NDArray[np.int64]:
        if self.decimals == 0:
            whole = pc.replace_substring_regex(plain, r"^\+|\.0*$", "")
            try:
                return np.asarray(pc.cast(whole, pa.int64()))
            except pa.ArrowInvalid:
                pass  # some have decimals or an exponent after all; rounded below
        scaled = np.asarray(pc.cast(plain, pa.float64())) * 10.0**self.decimals
        if np.any(np.abs(scaled) >= 2.0**62):
            raise OverflowError("a number has more digits than 64 bits hold; declare the column as category or id")
        return np.rint(scaled).astype(np.int64)

    def values(self, keys: NDArray[np.float64]) -> NDArray[np.float64]:
        return keys / 10.0**self.decimals

    def texts(self, keys: NDArray[np.int64], rng: np.random.Generator, *, padded: bool) -> pa.StringArray:
        if self.decimals == 0:
            return pc.cast(pa.array(keys), pa.string())
        base = 10**self.decimals
        whole = pc.cast(pa.array(np.abs(keys) // base), pa.string())
        part = pc.utf8_lpad(pc.cast(pa.array(np.abs(keys) % base), pa.string()), self.decimals, "0")
        signed = pc.binary_join_element_wise(pa.array(np.where(keys < 0, "-", "")), whole, "")
        text = pc.binary_join_element_wise(signed, part, ".")
        return text if padded else pc.utf8_rtrim(pc.utf8_rtrim(text, "0"), ".")


@dataclass(frozen=True)
class FloatingGrid(Grid):
    """Sign, exponent and 8 mantissa bits of the binary number, for columns of no fixed number of decimals."""

    def keys(self, plain: pa.StringArray) -> NDArray[np.int64]:
        numbers = np.asarray(pc.cast(plain, pa.float64()))
        bits = np.abs(numbers).view(np.int64)
        size = (bits + (1 << (_DROPPED_BITS - 1))) >> _DROPPED_BITS
        return np.where(numbers < 0, -size, size)

    def values(self, keys: NDArray[np.float64]) -> NDArray[np.float64]:
        bits = (np.abs(keys) * 2.0**_DROPPED_BITS).astype(np.int64)
        return np.sign(keys) * bits.view(np.float64)

    def texts(self, keys: NDArray[np.int64], rng: np.random.Generator, *, padded: bool) -> pa.StringArray:
        numbers = self.values(keys + np.where(keys == 0, 0.0, rng.uniform(-0.5, 0.5, len(keys))))
        return pa.array([_plain(number) for number in numbers.tolist()], pa.string())


def _plain(number: float) -> str:
    return np.format_float_positional(number, _FLOATING_DIGITS, unique=False, fractional=False, trim="-")
