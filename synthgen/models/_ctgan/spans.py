"""Code columns as spans of a network's output: one output per level, or modes and a place within them for numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.models._ctgan.modes import MOST_MODES, Modes, find_modes
from synthgen.models.base import Codes


@dataclass(frozen=True, eq=False)
class Span:
    """One code column of which at least two codes were seen.

    A numeric column has an output per mode and one per special code, and a scalar for the place within the mode, so
    that why a value is missing is learned as one more mode. Any other column has an output per level.

    Attributes:
        column: the code column.
        levels: int32, the codes that were seen; of a numeric column first the regular ones in the order of the line.
        modes: of a numeric column, else ``None``.
        positions: float64, where the regular levels of a numeric column lie.
    """

    column: int
    levels: NDArray[np.int32]
    modes: Modes | None
    positions: NDArray[np.float64]

    @property
    def width(self) -> int:
        """How many outputs it has, the scalar not counted."""
        return len(self.levels) if self.modes is None else self.modes.n + len(self.levels) - len(self.positions)

    def codes(self, output: NDArray[np.int64], scalar: NDArray[np.floating] | None) -> NDArray[np.int32]:
        """The codes that chosen outputs and scalars mean: of a number the seen code next to it."""
        if self.modes is None or scalar is None:
            return self.levels[output]
        values = self.modes.values(np.minimum(output, self.modes.n - 1), scalar)
        middles = (self.positions[1:] + self.positions[:-1]) / 2
        special = len(self.positions) + output - self.modes.n
        return self.levels[np.where(output < self.modes.n, np.searchsorted(middles, values), special)]


@dataclass(frozen=True, eq=False)
class Outputs:
    """The outputs of all columns in a row: the scalars first, then span by span.

    Attributes:
        spans: in the order of the columns; columns of one code have none.
        sizes: of the code columns' domains.
        constant: int32, the only code of each code column; of columns with a span any of its codes.
    """

    spans: tuple[Span, ...]
    sizes: tuple[int, ...]
    constant: NDArray[np.int32]

    @classmethod
    def of(cls, domains: Sequence[Domain], shares: Sequence[NDArray[np.float64]], modes: Sequence[Modes]) -> Outputs:
        """The layout of columns of which these modes are known, in order. Raises ``ValueError`` at a wrong number."""
        seen = [np.flatnonzero(share).astype(np.int32) for share in shares]
        given = iter(modes)
        spans: list[Span] = []
        for column, (domain, codes) in enumerate(zip(domains, seen, strict=True)):
            regular = regular_levels(domain, codes)
            if len(codes) < 2:
                continue
            if not is_continuous(domain, codes):
                spans.append(Span(column, codes, None, np.zeros(0)))
                continue
            own = next(given, None)
            if own is None:
                raise ValueError("there are fewer modes than numeric columns")
            levels = np.r_[regular, np.setdiff1d(codes, regular)].astype(np.int32)
            spans.append(Span(column, levels, own, np.array(domain.positions)[regular]))
        if next(given, None) is not None:
            raise ValueError("there are more modes than numeric columns")
        sizes = tuple(domain.size for domain in domains)
        return cls(tuple(spans), sizes, np.array([codes[0] for codes in seen], np.int32))

    @cached_property
    def n_scalars(self) -> int:
        return sum(span.modes is not None for span in self.spans)

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each span starts among the outputs, then where the last one ends."""
        return np.cumsum([self.n_scalars, *(span.width for span in self.spans)])

    @property
    def n_outputs(self) -> int:
        return int(self.starts[-1])

    @cached_property
    def discrete(self) -> tuple[int, ...]:
        """The spans without scalars: those that a condition can be set on."""
        return tuple(i for i, span in enumerate(self.spans) if span.modes is None)

    @property
    def modes(self) -> tuple[Modes, ...]:
        """The modes of all numeric columns."""
        return tuple(span.modes for span in self.spans if span.modes is not None)

    def levels(self, codes: Codes) -> NDArray[np.int32]:
        """The levels that the codes of rows are in each span, ``(len(codes), n_spans)``, columns contiguous.

        What is unobserved, or of no share, is -1.
        """
        result = np.empty((len(codes), len(self.spans)), np.int32, order="F")
        for own, span in zip(result.T, self.spans, strict=True):
            # The last entry is that of what is unobserved, reached by index -1.
            level_of = np.full(self.sizes[span.column] + 1, UNOBSERVED, np.int32)
            level_of[span.levels] = np.arange(len(span.levels))
            own[:] = level_of[codes[:, span.column]]
        return result

    def decode(self, outputs: NDArray[np.float32], codes: Codes, rng: np.random.Generator) -> None:
        """Write codes drawn from logits (scalars before their tanh) over the columns of ``codes`` that have spans."""
        scalar = 0
        for span, start in zip(self.spans, self.starts, strict=False):
            place = None
            if span.modes is not None:
                place = np.tanh(outputs[:, scalar])
                scalar += 1
            codes[:, span.column] = span.codes(_draw(outputs[:, start : start + span.width], rng), place)


def is_continuous(domain: Domain, seen: NDArray[np.int32]) -> bool:
    """Whether a column has more regular codes than a column may have modes: each of fewer would be its own mode."""
    return domain.scale is Scale.NUMERIC and bool(domain.positions) and len(regular_levels(domain, seen)) > MOST_MODES


def regular_levels(domain: Domain, seen: NDArray[np.int32]) -> NDArray[np.int32]:
    """The seen codes that are not special; of a numeric column in the order of the line."""
    regular = np.setdiff1d(seen, np.array(domain.special, np.int32))
    if not domain.positions:
        return regular
    return regular[np.argsort(np.array(domain.positions)[regular], kind="stable")]


@dataclass(frozen=True, eq=False)
class RowEncoder:
    """Rows of levels as features that are active: which outputs are 1, and the scalars.

    Attributes:
        layout: what is encoded to.
        cumulative: for the levels of all numeric columns, one after another, the cumulative probabilities of the
            outputs, float64 ``(n_levels, widest)``.
        places: float32 ``(n_levels, widest)``, the scalar that each output goes with.
    """

    layout: Outputs
    cumulative: NDArray[np.float64]
    places: NDArray[np.float32]

    @classmethod
    def fit(
        cls, domains: Sequence[Domain], counts: Sequence[NDArray[Any]], shares: Sequence[NDArray[np.float64]]
    ) -> RowEncoder:
        """The modes of all numeric columns, as many as the counts of their codes bear out."""
        modes, probabilities = [], []
        for domain, count in zip(domains, counts, strict=True):
            seen = np.flatnonzero(count).astype(np.int32)
            if is_continuous(domain, seen):
                regular = regular_levels(domain, seen)
                own, belongs = find_modes(np.array(domain.positions)[regular], count[regular].astype(np.float64))
                modes.append(own)
                probabilities.append(belongs)
        layout = Outputs.of(domains, shares, modes)
        numeric = [span for span in layout.spans if span.modes is not None]
        widest = max((span.width for span in numeric), default=0)
        cumulative = np.ones((sum(len(span.levels) for span in numeric), widest))
        places = np.zeros(cumulative.shape, np.float32)
        first = 0
        for span, own, belongs in zip(numeric, modes, probabilities, strict=True):
            n, special = len(span.positions), np.arange(span.width - own.n)
            cumulative[first : first + n, : own.n - 1] = np.cumsum(belongs, axis=1)[:, :-1]
            places[first : first + n, : own.n] = own.places(span.positions)
            after = own.n + special
            cumulative[first + n + special] = np.arange(widest) >= after[:, None]
            first += len(span.levels)
        return cls(layout, cumulative, places)

    @cached_property
    def _numeric(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Which spans are numeric, and where the levels of each start among those of all."""
        spans = self.layout.spans
        which = np.array([i for i, span in enumerate(spans) if span.modes is not None], np.int64)
        return which, np.cumsum([0, *(len(spans[i].levels) for i in which)])[:-1]

    def features(
        self, levels: NDArray[np.int32], rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """For rows of levels, ``(n_rows, n_spans)``, the active outputs and their values, ``(n_rows, n_features)``.

        The mode of a number is drawn from those that it may belong to.
        """
        which, first = self._numeric
        at = levels[:, which] + first
        mode = (rng.random(at.shape)[:, :, None] >= self.cumulative[at]).sum(axis=2)
        active = levels.astype(np.int64)
        active[:, which] = mode
        active += self.layout.starts[:-1]
        values = np.ones((len(levels), active.shape[1] + len(which)), np.float32)
        values[:, active.shape[1] :] = self.places[at, mode]
        scalars = np.broadcast_to(np.arange(len(which)), (len(levels), len(which)))
        return np.concatenate([active, scalars], axis=1), values

    def log_shares(self, shares: Sequence[NDArray[np.float64]]) -> NDArray[np.float32]:
        """The logarithm of each output's share of the rows, float32 ``(n_outputs,)``; 0 for the scalars."""
        result = np.zeros(self.layout.n_outputs, np.float32)
        first = 0
        for span, start in zip(self.layout.spans, self.layout.starts, strict=False):
            share = shares[span.column][span.levels]
            if span.modes is not None:
                own = slice(first, first + len(span.levels))
                first += len(span.levels)
                share = share @ np.diff(self.cumulative[own, : span.width], axis=1, prepend=0.0)
            result[start : start + span.width] = np.log(np.maximum(share, np.finfo(np.float32).tiny))
        return result


def _draw(logits: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
    """One output of each row by the softmax of its logits."""
    cumulative = np.cumsum(np.exp(logits - logits.max(axis=1, keepdims=True)), axis=1)
    uniform = rng.random(len(logits), np.float32) * cumulative[:, -1]
    return np.asarray(np.minimum((cumulative <= uniform[:, None]).sum(axis=1), logits.shape[1] - 1), np.int64)
