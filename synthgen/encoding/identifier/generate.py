"""How the ids of one column are made: what is saved of them, and the making."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.identifier.region import Region
from synthgen.encoding.keyed import derive, mix, permute
from synthgen.errors import InputError


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
            parts.append(region.texts(permute(numbers, region.size, derive(key, b"order", index, 64)), key))
            rows.append(own)
            start += region.size
        texts = pa.concat_arrays(parts)
        if any(len(own) for own in rows[1:]):
            texts = texts.take(pa.array(np.argsort(np.concatenate(rows), kind="stable")))
        return self._with_missing(texts, ordinals, key)

    def _with_missing(self, texts: pa.StringArray, ordinals: NDArray[np.int64], key: bytes) -> pa.StringArray:
        if not self.missing:
            return texts
        word = np.uint64(int.from_bytes(derive(key, b"missing", 0, 8)))
        chance = (mix(mix(ordinals.astype(np.uint64) ^ word) ^ word) >> np.uint64(11)) * 2.0**-53
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
