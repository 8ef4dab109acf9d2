"""What every kind of column can do: read its texts, and solve an encoder from the summary of what it read."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.encoding.levels import Cells, LevelCounts
from synthgen.schema.column import Column
from synthgen.schema.config import Format

#: Ways to write a number: 0, 1, ... 15 or more decimals; then the same for numbers that are long enough for thousands
#: marks but have none; then the same for those with thousands marks; then for those with an exponent.
MOST_DECIMALS = 15
N_STYLES = 4 * (MOST_DECIMALS + 1)


@dataclass(frozen=True)
class Reading:
    """What the distinct texts of a column mean, read one by one.

    Attributes:
        labels: the level of each text that is one: categories, missing tokens, text results. Object array.
        labelled: which texts have a label rather than keys.
        keys: for each part of the column, an integer key per text (0 where labelled).
        style: for each text with keys, how it is written: ``0 .. N_STYLES-1``.
        bad: which texts are neither: they contradict the declared kind.
    """

    labels: NDArray[np.object_]
    labelled: NDArray[np.bool_]
    keys: tuple[NDArray[np.int64], ...]
    style: NDArray[np.int64]
    bad: NDArray[np.bool_]


@dataclass(frozen=True)
class ColumnSummary:
    """All that is learned from the rows of one column; ``merge`` is exact in any order and grouping.

    Attributes:
        labels: text levels.
        parts: integer levels of each part.
        styles: rows per style of writing, int64 ``(N_STYLES,)``.
    """

    labels: LevelCounts
    parts: tuple[LevelCounts, ...]
    styles: tuple[int, ...]

    def merge(self, other: ColumnSummary) -> ColumnSummary:
        return ColumnSummary(
            self.labels.merge(other.labels),
            tuple(a.merge(b) for a, b in zip(self.parts, other.parts, strict=True)),
            tuple(a + b for a, b in zip(self.styles, other.styles, strict=True)),
        )


class BadCells(Exception):
    """Some cells contradict the declared kind. Positions are of distinct texts; the caller knows their rows."""

    def __init__(self, texts: NDArray[np.intp], expected: str) -> None:
        super().__init__(expected)
        self.texts = texts
        self.expected = expected


#: By code, whether it satisfies a condition, or how probable that is.
Shares: TypeAlias = NDArray[np.bool_] | NDArray[np.float64]


class Encoder(ABC):
    """One column between text and codes. Immutable, and holding nothing that few patients share."""

    @property
    @abstractmethod
    def domains(self) -> tuple[Domain, ...]:
        """One domain per code column, at least one."""

    @abstractmethod
    def encode(self, texts: list[str]) -> NDArray[np.int32]:
        """The codes of distinct texts, shape ``(len(texts), len(domains))``; -1 where a text is not known."""

    @abstractmethod
    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> pa.Array:
        """Texts of codes of shape ``(n, len(domains))``: a string or dictionary array of length n."""

    @abstractmethod
    def allowed(self, operator: str, values: Sequence[str]) -> tuple[Shares, ...]:
        """How probable it is that each code of each domain is decoded to what satisfies a condition, from 0 to 1.

        Where several codes tell together, at most how probable, and ``asked`` gives an encoder that is ``joint``.

        Raises:
            ValueError: the condition makes no sense for this column; the message says why.
        """

    def asked(self, operator: str, values: Sequence[str]) -> Encoder:
        """An encoder with the same codes, which decodes them as this one does where it satisfies a condition."""
        return self.narrowed(operator, values)

    @property
    def joint(self) -> bool:
        """Whether a condition on this encoder is one of which only several codes tell together."""
        return False

    def share(self, codes: NDArray[np.int32]) -> NDArray[np.float64]:
        """How probable each row of codes is to be decoded to what was asked, as a share of what ``allowed`` said.

        1 but where the encoder is ``joint``.

        Args:
            codes: ``(n, len(domains))``.
        """
        return np.ones(len(codes))

    def narrowed(self, operator: str, values: Sequence[str]) -> Encoder:
        """An encoder with the same codes that decodes only to what satisfies a condition, where bins overlap it."""
        return self

    @abstractmethod
    def offer(self, values: Sequence[str]) -> str:
        """What is generated, in a clause of bounded length, for one who asked in vain for some values.

        It holds nothing that ``to_json`` does not, so it may be shown to whoever has the artifact.
        """

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """What was learned, as JSON values; ``Kind.restore`` is the inverse."""


@dataclass(frozen=True)
class Kind(ABC):
    """How a declared column is read.

    Attributes:
        name: of the column.
        column: its declaration.
        format: decimal and thousands marks.
        missing: the tokens that mean missing.
    """

    name: str
    column: Column
    format: Format
    missing: tuple[str, ...] = field(default=("",))

    @abstractmethod
    def read(self, texts: list[str]) -> Reading:
        """Read distinct texts."""

    @abstractmethod
    def solve(self, summary: ColumnSummary, rare_below: int) -> Encoder:
        """The encoder that a summary determines, after the disclosure step."""

    @abstractmethod
    def restore(self, learned: dict[str, Any]) -> Encoder:
        """The encoder that ``to_json`` described."""

    @property
    @abstractmethod
    def expected(self) -> str:
        """What a text of this kind looks like, for messages."""

    def summarise(self, cells: Cells) -> ColumnSummary:
        """Summarise one block. Raises ``BadCells`` where texts contradict the kind."""
        reading = self.read(cells.texts)
        if (bad := reading.bad & (cells.rows > 0)).any():
            raise BadCells(np.flatnonzero(bad), self.expected)
        regular = ~reading.labelled
        styles = np.zeros(N_STYLES, np.int64)
        np.add.at(styles, reading.style[regular], cells.rows[regular])
        return ColumnSummary(
            cells.levels(reading.labels, reading.labelled),
            tuple(cells.levels(keys, regular) for keys in reading.keys),
            tuple(styles.tolist()),
        )


def as_objects(texts: Sequence[str]) -> NDArray[np.object_]:
    """Texts as an object array of the same length."""
    result = np.empty(len(texts), object)
    result[:] = texts
    return result
