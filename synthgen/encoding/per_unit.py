"""Numbers whose scale depends on another column: the unit, or what was measured. Each of its values has its own bins.

Words among them belong to the unit likewise: a question has its answers, a measurement its numbers.

A long table of results holds quantities of many scales in one column. Bins of their own keep each as finely as a column
of its own would; the codes mean *how high for what it is*, so that what is known of one quantity helps with another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.base import (
    MOST_DECIMALS,
    N_STYLES,
    BadCells,
    ColumnSummary,
    Encoder,
    Kind,
    Reading,
    Shares,
    as_objects,
)
from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.encoding.levels import Cells, LevelCounts
from synthgen.encoding.numeric import NumericEncoder, NumericKind
from synthgen.schema.column import Integer, Number

#: Between unit and value. The readers refuse NUL, so no cell holds it.
_BETWEEN: Final = "\0"


def with_units(units: pa.DictionaryArray, cells: pa.DictionaryArray) -> pa.DictionaryArray:
    """Both texts of each row in one."""
    width = max(len(cells.dictionary), 1)
    pairs = np.asarray(units.indices).astype(np.int64) * width + np.asarray(cells.indices)
    distinct, indices = np.unique(pairs, return_inverse=True)
    left = units.dictionary.take(pa.array(distinct // width))
    right = cells.dictionary.take(pa.array(distinct % width))
    return pa.DictionaryArray.from_arrays(
        pa.array(indices.astype(np.int32)), pc.binary_join_element_wise(left, right, _BETWEEN)
    )


@dataclass(frozen=True)
class PerUnitEncoder(Encoder):
    """The numbers of every unit spread over the same codes, then text results, then missing tokens.

    Attributes:
        units: what encodes the values of each unit that enough patients have one of.
        others: what encodes those of all other units together.
    """

    kind: PerUnitKind
    units: Mapping[str, NumericEncoder]
    others: NumericEncoder

    @cached_property
    def _every(self) -> tuple[NumericEncoder, ...]:
        return (*self.units.values(), self.others)

    @cached_property
    def n_regular(self) -> int:
        """Codes of numbers."""
        return max(encoder.quantiser.size for encoder in self._every)

    @cached_property
    def special(self) -> tuple[str, ...]:
        """Text results and missing tokens, of whatever unit."""
        results = dict.fromkeys(text for encoder in self._every for text in encoder.results)
        tokens = dict.fromkeys(text for encoder in self._every for text in encoder.tokens.kept)
        return (*results, *tokens)

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        name, size = self.kind.name, max(self.n_regular + len(self.special), 1)
        special = tuple(range(self.n_regular, size))
        tokens = {text for encoder in self._every for text in encoder.tokens.kept}
        missing = tuple(self.n_regular + at for at, text in enumerate(self.special) if text in tokens)
        unit = self.kind.column.unit_of or ""
        return (Domain(name, name, size, Scale.ORDERED, special, missing if self.special else special, unit=unit),)

    def _slots(self, encoder: NumericEncoder) -> NDArray[np.int64]:
        """The code of each of an encoder's own codes for numbers: spread out, in order."""
        own = encoder.quantiser.size
        return np.arange(own) * (self.n_regular - 1) // max(own - 1, 1)

    def encode(self, texts: list[str]) -> NDArray[np.int32]:
        units, values = parted(texts)
        codes = np.full(len(texts), UNOBSERVED, np.int32)
        for encoder, rows in self._of_units(units):
            own = encoder.encode([values[row] for row in rows])[:, 0]
            regular = (own >= 0) & (own < encoder.quantiser.size)
            codes[rows[regular]] = self._slots(encoder)[own[regular]]
            texts_apart = (*encoder.results, *encoder.tokens.kept)
            for row, code in zip(rows[own >= encoder.quantiser.size], own[own >= encoder.quantiser.size], strict=True):
                if texts_apart:
                    apart = texts_apart[code - encoder.quantiser.size]
                    codes[row] = self.n_regular + self.special.index(apart)
        return codes.reshape(-1, 1)

    def _of_units(self, units: Sequence[str]) -> list[tuple[NumericEncoder, NDArray[np.intp]]]:
        """Which encoder is that of which texts."""
        which = np.array([unit if unit in self.units else None for unit in units], object)
        known = [(self.units[unit], np.flatnonzero(which == unit)) for unit in dict.fromkeys(which) if unit is not None]
        return [*known, (self.others, np.flatnonzero([unit is None for unit in which]))]

    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> pa.Array:
        """Numbers of no known unit; ``decoded`` knows them."""
        return self._written(self.others, codes[:, 0], rng)

    def decoded(self, codes: NDArray[np.int32], units: pa.DictionaryArray, rng: np.random.Generator) -> pa.Array:
        """Texts of codes of shape ``(n, 1)``, given the unit of each row."""
        of_text = self._of_units(units.dictionary.to_pylist())
        whose = np.zeros(len(units.dictionary), np.int64)
        for at, (_, texts) in enumerate(of_text):
            whose[texts] = at
        of_row = whose[np.asarray(units.indices)]
        rows = np.argsort(of_row, kind="stable")
        ends = np.cumsum(np.bincount(of_row, minlength=len(of_text)))
        parts = [pa.array([], pa.string())]
        for (encoder, _), own in zip(of_text, np.split(rows, ends[:-1]), strict=True):
            if len(own):
                parts.append(self._written(encoder, codes[own, 0], rng).cast(pa.string()))
        return pa.concat_arrays(parts).take(pa.array(np.argsort(rows, kind="stable")))

    def _possible(
        self, encoder: NumericEncoder, codes: NDArray[np.int32], rng: np.random.Generator
    ) -> NDArray[np.int32]:
        """Codes that a unit has: instead of what none of its rows hold any of its numbers, or of its words, or nothing.

        Any number will do where there are numbers: ``_written`` takes the nearest of the unit's own.
        """
        slots, nothing = self._slots(encoder), self.n_regular + len(self.special)
        if len(slots) and len(codes) and codes.min() >= 0 and codes.max() < self.n_regular:
            return codes
        own = {*encoder.results, *encoder.tokens.kept}
        foreign = np.full(nothing + 1, not len(slots))
        foreign[self.n_regular :] = [*(text not in own for text in self.special), False]
        words = np.array([self.n_regular + self.special.index(text) for text in encoder.results], np.int64)
        instead = slots if len(slots) else words if len(words) else np.array([nothing])
        rows = np.flatnonzero(foreign[codes])
        found = codes.copy()
        found[rows] = rng.choice(instead, len(rows))
        return found

    def _written(self, encoder: NumericEncoder, codes: NDArray[np.int32], rng: np.random.Generator) -> pa.Array:
        codes = self._possible(encoder, codes, rng)
        regular = codes < self.n_regular
        slots = self._slots(encoder)
        numbers = pa.array([], pa.string())
        if len(slots):
            # A code that this unit does not use stands for the nearest one that it does.
            middles = (slots[1:] + slots[:-1]) / 2
            own = np.searchsorted(middles, codes[regular]).astype(np.int32)
            numbers = encoder.decode(own.reshape(-1, 1), rng).cast(pa.string())
        texts = pa.concat_arrays([pa.array([*self.special, ""], pa.string()), numbers])
        place = np.where(regular, len(self.special) + np.cumsum(regular), codes - self.n_regular)
        return texts.take(pa.array(place))

    def allowed(self, operator: str, values: Sequence[str]) -> tuple[Shares, ...]:
        raise ValueError(f"its scale depends on {self.kind.column.unit_of}; condition on that column")

    def offer(self, values: Sequence[str]) -> str:
        return f"its values depend on {self.kind.column.unit_of}"

    def to_json(self) -> dict[str, Any]:
        return {
            "units": {unit: _json(encoder) for unit, encoder in self.units.items()},
            "others": _json(self.others),
        }


@dataclass(frozen=True)
class PerUnitKind(Kind):
    """Numbers with their units before them, as ``with_units`` puts them."""

    column: Integer | Number

    @property
    def inner(self) -> NumericKind:
        """How the numbers of one unit are read."""
        return NumericKind(self.name, self.column, self.format, self.missing)

    @property
    def expected(self) -> str:
        return self.inner.expected

    def read(self, texts: list[str]) -> Reading:
        return self.inner.read(parted(texts)[1])

    def summarise(self, cells: Cells) -> ColumnSummary:
        """Labels, keys and styles, each as text behind its unit, so that summaries of parts add up exactly."""
        units, _ = parted(cells.texts)
        reading = self.read(cells.texts)
        if (bad := reading.bad & (cells.rows > 0)).any():
            raise BadCells(np.flatnonzero(bad), self.expected)
        regular = ~reading.labelled

        def behind(values: Sequence[object]) -> NDArray[np.object_]:
            return as_objects([f"{unit}{_BETWEEN}{value}" for unit, value in zip(units, values, strict=True)])

        return ColumnSummary(
            cells.levels(behind(reading.labels.tolist()), reading.labelled),
            (
                cells.levels(behind(reading.keys[0].tolist()), regular),
                cells.levels(behind(reading.style.tolist()), regular),
            ),
            (),
        )

    def solve(self, summary: ColumnSummary, rare_below: int) -> PerUnitEncoder:
        labels, keys, styles = (_by_unit(counts) for counts in (summary.labels, *summary.parts))
        every = {*labels, *keys}
        common = {unit for unit in every if _patients(unit, labels, keys) >= rare_below}

        def solved(units: set[str]) -> NumericEncoder:
            written = _pooled(styles, units, numbers=True)
            kind, finer = self._written_as(written, rare_below)
            counts = _pooled(keys, units, numbers=True)
            own = ColumnSummary(
                _pooled(labels, units, numbers=False),
                (counts.regroup(np.rint(counts.keys / finer).astype(np.int64)) if finer > 1 else counts,),
                _styles(written),
            )
            return kind.solve(own, rare_below)

        # What no unit has for itself is learned from those without one, or, where all have one, from all together.
        rest = every - common
        return PerUnitEncoder(self, {unit: solved({unit}) for unit in sorted(common)}, solved(rest or every))

    def _written_as(self, styles: LevelCounts, rare_below: int) -> tuple[NumericKind, int]:
        """How the numbers of a unit are read: with the most decimals that enough patients have, if the column has more.

        And how many keys of the column are one of the unit's.
        """
        column = self.column
        if not isinstance(column, Number) or column.decimals is None or not len(styles):
            return self.inner, 1
        written = styles.regroup(styles.keys % (MOST_DECIMALS + 1))
        common = written.keys[written.patients >= min(rare_below, int(written.patients.max()))]
        decimals = min(int(common.max()), column.decimals)
        return self._with(decimals), 10 ** (column.decimals - decimals)

    def _with(self, decimals: int) -> NumericKind:
        """How numbers of so many decimals are read."""
        return NumericKind(self.name, self.column.model_copy(update={"decimals": decimals}), self.format, self.missing)

    def restore(self, learned: dict[str, Any]) -> PerUnitEncoder:
        units = {unit: self._restored(each) for unit, each in learned["units"].items()}
        return PerUnitEncoder(self, units, self._restored(learned["others"]))

    def _restored(self, learned: dict[str, Any]) -> NumericEncoder:
        kind = self.inner if learned["places"] is None else self._with(int(learned["places"]))
        return kind.restore(learned)


def _json(encoder: NumericEncoder) -> dict[str, Any]:
    """What was learned of a unit, and the decimals of its numbers; ``None`` where they have as many as they have."""
    column = encoder.kind.column
    return encoder.to_json() | {"places": column.decimals if isinstance(column, Number) else None}


def parted(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """Units and values."""
    pairs = [text.partition(_BETWEEN) for text in texts]
    return [unit for unit, _, _ in pairs], [value for _, _, value in pairs]


def _patients(unit: str, *parts: Mapping[str, LevelCounts]) -> int:
    """Distinct patients who have a value of the unit, of whatever sort, capped like ``LevelCounts.patients``."""
    own = [part[unit] for part in parts if unit in part]
    pooled = [each.regroup(np.zeros(len(each), np.int64)) for each in own]
    return reduce(LevelCounts.merge, pooled).pooled_patients()


def _by_unit(counts: LevelCounts) -> dict[str, LevelCounts]:
    units, _ = parted(counts.keys.tolist())
    names = np.array(units, object)
    return {unit: counts.take(np.flatnonzero(names == unit)) for unit in dict.fromkeys(units)}


def _pooled(by_unit: Mapping[str, LevelCounts], units: set[str], *, numbers: bool) -> LevelCounts:
    """The levels of some units as if they were one, without their units."""
    parts = [by_unit[unit] for unit in sorted(units) if unit in by_unit]
    if not parts:
        width = next((counts.witnesses.shape[1] for counts in by_unit.values()), 0)
        return LevelCounts(
            np.empty(0, np.int64 if numbers else object), np.empty(0, np.int64), np.empty((0, width), np.uint64)
        )
    whole = LevelCounts(
        np.concatenate([part.keys for part in parts]),
        np.concatenate([part.counts for part in parts]),
        np.concatenate([part.witnesses for part in parts]),
    )
    _, values = parted(whole.keys.tolist())
    return whole.regroup(np.array(values, np.int64) if numbers else as_objects(values))


def _styles(counts: LevelCounts) -> tuple[int, ...]:
    styles = np.zeros(N_STYLES, np.int64)
    styles[counts.keys.astype(np.int64)] = counts.counts
    return tuple(styles.tolist())
