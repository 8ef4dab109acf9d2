"""Numbers as integer keys on a grid that does not depend on the data, and back to text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

#: Keys stay well inside 64 bits, so that sums and differences of them do too.
_LARGEST_KEY = 1 << 62
_MANTISSA_BITS = 8
_DROPPED_BITS = 52 - _MANTISSA_BITS
#: Significant digits that a number drawn within a cell of the floating grid is written with: a cell is 1/256 of its
#: number wide at most.
_DRAWN_DIGITS = 5
_FLOATING_DIGITS = 15  # every number of so many survives the way through floating point
_EXACT_DIGITS = 17  # so many tell any two floating-point numbers apart


#: The lowest and the highest place that is drawn.
Reach: TypeAlias = tuple[float, float]
EVERYWHERE: Final[Reach] = (-np.inf, np.inf)


class Grid(ABC):
    """A monotone map between numbers and integer keys."""

    @property
    @abstractmethod
    def exact(self) -> bool:
        """Whether a key stands for one number, rather than for all in a cell."""

    @abstractmethod
    def keys(self, plain: pa.StringArray) -> NDArray[np.int64]:
        """Keys of texts such as ``-12.50`` (decimal point, no thousands marks); each depends on its own text alone.

        Raises:
            OverflowError: a number is too large for the grid.
        """

    @abstractmethod
    def values(self, keys: NDArray[np.float64]) -> NDArray[np.float64]:
        """The numbers that keys stand for; keys may lie between grid points."""

    @abstractmethod
    def texts(self, keys: NDArray[np.int64], *, decimals: int) -> pa.StringArray:
        """The text of each key, with a decimal point: the shortest number that has the key.

        Args:
            decimals: how many are written at least, with zeros where there is nothing else.
        """

    @abstractmethod
    def drawn(
        self, keys: NDArray[np.int64], rng: np.random.Generator, *, decimals: int, reach: Reach = EVERYWHERE
    ) -> pa.StringArray:
        """As ``texts``, for any of the numbers that have the key and lie within reach."""


@dataclass(frozen=True)
class DecimalGrid(Grid):
    """Key = number × 10**decimals, exact for as many digits as 62 bits hold; numbers with more decimals are rounded."""

    decimals: int

    @property
    def exact(self) -> bool:
        return True

    def keys(self, plain: pa.StringArray) -> NDArray[np.int64]:
        scaled = np.asarray(pc.cast(plain, pa.float64())) * 10.0**self.decimals
        if not np.all(np.abs(scaled) < _LARGEST_KEY):
            raise OverflowError("a number has more digits than 62 bits hold; declare the column as category or id")
        keys = np.rint(scaled).astype(np.int64)
        # Floating-point numbers keep 15 digits only; beyond, the text is read digit by digit.
        for i in np.flatnonzero(np.asarray(pc.greater(pc.utf8_length(plain), _FLOATING_DIGITS))):
            whole, _, part = str(plain[i]).partition(".")
            if (whole + part).lstrip("+-").isdecimal() and not part[self.decimals :].strip("0"):
                keys[i] = int(whole + part[: self.decimals].ljust(self.decimals, "0"))
        return keys

    def values(self, keys: NDArray[np.float64]) -> NDArray[np.float64]:
        return keys / 10.0**self.decimals

    def texts(self, keys: NDArray[np.int64], *, decimals: int) -> pa.StringArray:
        text = pc.cast(pa.array(keys), pa.string())
        if self.decimals:
            base = 10**self.decimals
            sign = pa.array(np.where(keys < 0, "-", ""))
            whole = pc.cast(pa.array(np.abs(keys) // base), pa.string())
            part = pc.utf8_lpad(pc.cast(pa.array(np.abs(keys) % base), pa.string()), self.decimals, "0")
            text = pc.binary_join_element_wise(pc.binary_join_element_wise(sign, whole, ""), part, ".")
        if decimals > self.decimals:
            point = "" if self.decimals else "."
            return pc.binary_join_element_wise(text, point + "0" * (decimals - self.decimals), "")
        if decimals == self.decimals:
            return text
        kept = rf"\.\d{{{decimals}}}\d*?" if decimals else r"(?:\.\d*[1-9])?"
        return pc.replace_substring_regex(text, rf"^(-?\d+{kept})\.?0*$", r"\1")

    def drawn(
        self, keys: NDArray[np.int64], rng: np.random.Generator, *, decimals: int, reach: Reach = EVERYWHERE
    ) -> pa.StringArray:
        return self.texts(keys, decimals=decimals)


@dataclass(frozen=True)
class FloatingGrid(Grid):
    """Sign, exponent and 8 mantissa bits of the binary number, for columns of no fixed number of decimals."""

    @property
    def exact(self) -> bool:
        return False

    def keys(self, plain: pa.StringArray) -> NDArray[np.int64]:
        numbers = np.asarray(pc.cast(plain, pa.float64()))
        if not np.isfinite(numbers).all():
            raise OverflowError("a number is too large to compute with; declare the column as category")
        bits = np.abs(numbers).view(np.int64)
        size = (bits + (1 << (_DROPPED_BITS - 1))) >> _DROPPED_BITS
        return np.asarray(np.where(numbers < 0, -size, size), np.int64)

    def values(self, keys: NDArray[np.float64]) -> NDArray[np.float64]:
        bits = (np.abs(keys) * 2.0**_DROPPED_BITS).astype(np.int64)
        return np.sign(keys) * bits.view(np.float64)

    def texts(self, keys: NDArray[np.int64], *, decimals: int) -> pa.StringArray:
        distinct, place = np.unique(keys, return_inverse=True)
        return pa.array([self._shortest(key) for key in distinct.tolist()], pa.string()).take(pa.array(place))

    def _shortest(self, key: int) -> str:
        """The fewest digits that have the key, so that 0.1 comes back as it was."""
        value = float(self.values(np.array([key], np.float64))[0])
        for digits in range(1, _EXACT_DIGITS):
            text = np.format_float_positional(value, digits, unique=False, fractional=False, trim="-")
            if self.keys(pa.array([text]))[0] == key:
                return text
        return np.format_float_positional(value, trim="-")

    def drawn(
        self, keys: NDArray[np.int64], rng: np.random.Generator, *, decimals: int, reach: Reach = EVERYWHERE
    ) -> pa.StringArray:
        low, high = np.maximum(keys - 0.5, reach[0]), np.minimum(keys + 0.5, reach[1])
        places = np.where(keys == 0, 0.0, rng.uniform(low, np.maximum(low, high)))
        numbers = self.values(places)
        texts = pa.array([_written(number) for number in numbers.tolist()], pa.string())
        left = self.keys(texts) != keys  # by rounding
        texts = pc.replace_with_mask(texts, pa.array(left), self.texts(keys[left], decimals=decimals))
        written = self.places(texts)
        beyond = (keys != 0) & ((written < reach[0]) | (written > reach[1]))
        whole = [np.format_float_positional(number, trim="-") for number in numbers[beyond].tolist()]
        return pc.replace_with_mask(texts, pa.array(beyond), pa.array(whole, pa.string()))

    def places(self, plain: pa.StringArray) -> NDArray[np.float64]:
        """Where numbers stand between the keys: a number has the key that is nearest to its place."""
        numbers = np.asarray(pc.cast(plain, pa.float64()))
        size = np.abs(numbers).view(np.int64).astype(np.float64) / (1 << _DROPPED_BITS)
        return np.asarray(np.where(numbers < 0, -size, size), np.float64)


def _written(number: float) -> str:
    return np.format_float_positional(number, _DRAWN_DIGITS, unique=False, fractional=False, trim="-")
