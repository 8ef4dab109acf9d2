"""Lengths in days, many of which last until the data end: follow-ups of those who were alive then.

Drawn by itself a follow-up ends at any day, some of them after the data do. That it lasted until their end is a fact of
its own, and the one that says that nothing happened; so it has a code of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.base import ColumnSummary, Encoder, Kind, Reading, Shares
from synthgen.encoding.domain import Domain
from synthgen.encoding.numeric import NumericEncoder, NumericKind
from synthgen.encoding.per_unit import parted
from synthgen.encoding.since import DAY, moments_of
from synthgen.encoding.temporal import TemporalKind
from synthgen.schema.column import Integer

#: The text result that stands for a length until the end.
_TO_THE_END: Final = "until the end"


@dataclass(frozen=True)
class Until:
    """From when lengths count, and the day on which many of them end.

    Attributes:
        start: the column of the date.
        end: in days since 1970.
    """

    start: str
    end: int


@dataclass(frozen=True)
class UntilEncoder(Encoder):
    """The codes of lengths, and one for those that last until the end.

    Attributes:
        length: what encodes them; to last until the end is a text result of it.
    """

    kind: UntilKind
    length: NumericEncoder

    @property
    def domains(self) -> tuple[Domain, ...]:
        return self.length.domains

    def encode(self, texts: list[str]) -> NDArray[np.int32]:
        to_the_end = self.kind.last_to_the_end(texts)
        _, lengths = parted(texts)
        return self.length.encode(
            [_TO_THE_END if last else text for last, text in zip(to_the_end, lengths, strict=True)]
        )

    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> pa.Array:
        """Lengths of unknown beginnings; ``decoded`` knows them."""
        return self.length.decode(codes, rng).cast(pa.string())

    def decoded(self, codes: NDArray[np.int32], starts: pa.Array, rng: np.random.Generator) -> pa.Array:
        """Lengths of codes of shape ``(n, 1)``, given the date from which each counts: none goes beyond the end."""
        texts = np.asarray(self.decode(codes, rng).to_numpy(zero_copy_only=False), object).copy()
        moments, known = moments_of(self.kind.before, starts)
        most = np.maximum(self.kind.until.end - moments // DAY, 0)
        to_the_end = texts == _TO_THE_END
        texts[to_the_end & ~known] = next(iter(self.length.tokens.kept), next(iter(self.kind.missing), ""))
        own = NumericKind(self.kind.name, self.kind.column, self.kind.format, self.kind.missing).read(texts.tolist())
        beyond = ~own.labelled & ~own.bad & (own.keys[0] > most)
        cut = known & (to_the_end | beyond)
        texts[cut] = self.written(most[cut].astype(np.float64)).to_numpy(zero_copy_only=False)
        return pa.array(texts, pa.string())

    def written(self, numbers: NDArray[np.float64]) -> pa.StringArray:
        """Lengths as this column writes them."""
        return self.length.written(numbers)

    def allowed(self, operator: str, values: Sequence[str]) -> tuple[Shares, ...]:
        raise ValueError(f"many of its values last until the data end; condition on {self.kind.until.start}")

    def offer(self, values: Sequence[str]) -> str:
        return self.length.offer(values)

    def to_json(self) -> dict[str, Any]:
        return self.length.to_json()


@dataclass(frozen=True)
class UntilKind(Kind):
    """Lengths in days with the dates from which they count before them, as ``with_units`` puts units before numbers."""

    column: Integer
    until: Until = field(kw_only=True)
    before: TemporalKind = field(kw_only=True)

    @property
    def _length(self) -> NumericKind:
        column = self.column.model_copy(update={"atoms": (*self.column.atoms, _TO_THE_END)})
        return NumericKind(self.name, column, self.format, self.missing)

    @property
    def expected(self) -> str:
        return self._length.expected

    def last_to_the_end(self, texts: list[str]) -> NDArray[np.bool_]:
        """Which lengths end on the last day."""
        starts, lengths = parted(texts)
        moments, known = moments_of(self.before, pa.array(starts, pa.string()))
        own = self._length.read(lengths)
        told = known & ~own.labelled & ~own.bad
        return np.asarray(told & (moments // DAY + own.keys[0] == self.until.end))

    def read(self, texts: list[str]) -> Reading:
        own = self._length.read(parted(texts)[1])
        to_the_end = self.last_to_the_end(texts)
        labels = own.labels.copy()
        labels[to_the_end] = _TO_THE_END
        return Reading(labels, own.labelled | to_the_end, own.keys, own.style, own.bad)

    def solve(self, summary: ColumnSummary, rare_below: int) -> UntilEncoder:
        return UntilEncoder(self, self._length.solve(summary, rare_below))

    def restore(self, learned: dict[str, Any]) -> UntilEncoder:
        return UntilEncoder(self, self._length.restore(learned))
