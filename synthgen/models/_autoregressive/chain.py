"""Rows on their way through an autoregressive network: each column drawn given what was drawn before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.models._autoregressive.layout import Layout
from synthgen.models._autoregressive.pair_terms import PairTerms
from synthgen.models._autoregressive.slopes import Slopes
from synthgen.models._autoregressive.weights import Weights
from synthgen.models._draws import draw
from synthgen.models.base import Codes, Condition, fixes

#: Logits that are held at a time.
_MOST_LOGITS: Final = 1 << 23
#: Rows whose embeddings are summed at a time, so that the sums stay near the processor.
_SUMMED: Final = 2048


@dataclass(frozen=True, eq=False)
class Network:
    """What was learned of a chain of columns: weights, entry by entry, terms for pairs of codes, slopes of scales."""

    layout: Layout
    weights: tuple[Weights, ...]
    pairs: PairTerms
    slopes: Slopes

    @cached_property
    def shared(self) -> dict[range, tuple[NDArray[np.float32], NDArray[np.float32]]]:
        """For each run the hidden weights of what all of it are told, one below the other, and their offsets.

        Shapes ``(units of the run, numbers)`` and ``(units of the run, 1)``.
        """
        layout, weights = self.layout, self.weights
        return {
            run: (
                np.concatenate([weights[e].hidden[: layout.n_told(run.start)].T for e in run]),
                np.concatenate([weights[e].offset for e in run])[:, None],
            )
            for run in layout.runs
        }

    @cached_property
    def same(self) -> dict[int, list[NDArray[np.int64]]]:
        """For each entry and each of its kin, which code is the same."""
        own = range(self.layout.first_own, len(self.layout.order))
        return {e: [self.layout.same(e, other) for other in self.layout.kin(e)] for e in own}


@dataclass(eq=False)
class Chain:
    """Rows on their way through the network: what is drawn of them, and all that it says about the rest.

    Attributes:
        entry: the entry of the layout that comes next.
        drawn: int32 ``(entries, n)``, the codes by entry; the slot behind a column's codes where unobserved.
        embedded: float32 ``(n, numbers)``, the embeddings of what is drawn.
        ahead: what is computed for all entries of a run, ``(units of the run, n)``, once the first of it is begun.
    """

    network: Network
    entry: int
    drawn: NDArray[np.int32]
    embedded: NDArray[np.float32]
    ahead: tuple[range, NDArray[np.float32]] | None = None

    @classmethod
    def begin(cls, network: Network, n: int, context: Codes | None) -> Chain:
        """Rows of which nothing but the context is known."""
        layout = network.layout
        if context is None:
            if layout.n_context:
                raise ValueError("this model was fitted with context and needs it")
            context = np.zeros((n, 0), np.int32)
        given = context[:, layout.order[: layout.first_own]]
        return cls.of(network, np.where(given < 0, np.array(layout.sizes[: layout.first_own], np.int32), given))

    @classmethod
    def of(cls, network: Network, given: NDArray[np.int32]) -> Chain:
        """Rows of which nothing but the entries of the context is known, ``(n, entries)``."""
        layout, n = network.layout, len(given)
        drawn = np.zeros((len(layout.order), n), np.int32)
        drawn[: layout.first_own] = given.T
        embedded = np.empty((n, layout.starts[-1]), np.float32)
        for first in range(0, n, _SUMMED):
            rows = slice(first, first + _SUMMED)
            # What is given is told in one place, as the sum of its embeddings.
            told = np.zeros((len(given[rows]), layout.starts[layout.first_own]), np.float32)
            for e in range(layout.first_own):
                told += network.weights[e].embedding.take(drawn[e, rows], axis=0)
            embedded[rows, : told.shape[1]] = told
        return cls(network, layout.first_own, drawn, embedded)

    @property
    def n(self) -> int:
        return len(self.embedded)

    def take(self, rows: NDArray[np.intp]) -> Chain:
        """The same rows again, some of them, some more than once."""
        return Chain(self.network, self.entry, self.drawn[:, rows], self.embedded[rows])

    def put(self, rows: NDArray[np.intp], other: Chain, chosen: NDArray[np.intp]) -> None:
        """Take rows over from another chain."""
        self.drawn[:, rows] = other.drawn[:, chosen]
        self.embedded[rows] = other.embedded[chosen]
        self.ahead = None

    def draw_until(
        self, end: int, conditions: Mapping[int, Condition], rng: np.random.Generator
    ) -> NDArray[np.float64]:
        """Draw the entries up to ``end``, each within its condition.

        Returns:
            The logarithm of the probability that the conditions would have been met unasked, shape ``(n,)``.
        """
        log_weight = np.zeros(self.n)
        while self.entry < end:
            condition = conditions.get(self.network.layout.column(self.entry))
            codes = np.empty(self.n, np.int32)
            rows_at_a_time = max(1, _MOST_LOGITS // self.network.layout.sizes[self.entry])
            for first in range(0, self.n, rows_at_a_time):
                rows = slice(first, min(first + rows_at_a_time, self.n))
                asked = None if condition is None else _cut(condition, rows)
                codes[rows], log_met = draw(self.mass(rows), asked, rng)
                log_weight[rows] += log_met
            self.next(codes)
        return log_weight

    def mass(self, rows: slice) -> NDArray[np.float32]:
        """The unnormalised probabilities of the next entry's codes, the largest 1: shape ``(codes, rows)``."""
        layout, weights = self.network.layout, self.network.weights[self.entry]
        drawn = self.drawn[:, rows]
        hidden = self._told(rows)
        np.maximum(hidden, 0, out=hidden)
        logits: NDArray[np.float32] = np.matmul(weights.head.T, hidden, dtype=np.float32)
        logits += weights.level[:, None]
        same = self.network.same[self.entry]
        for e, stands_for, added in zip(layout.kin(self.entry), same, weights.repeats, strict=True):
            stands = stands_for[drawn[e]]
            (known,) = np.nonzero(stands >= 0)
            logits[stands[known], known] += added[stands[known]]
        first = 0
        for echo, gains in zip(layout.echoes(self.entry), weights.gains, strict=True):
            unit = drawn[echo.unit]
            about = echo.told[unit]
            known = about >= 0
            said = weights.echoes[first + np.where(known, drawn[about, np.arange(len(about))], 0)]
            logits += (said * np.where(known, gains[unit], 0)[:, None]).T
            first += echo.size
        self.network.pairs.add(self.entry, drawn, logits)
        self.network.slopes.add(layout, self.entry, drawn, logits)
        logits -= logits.max(axis=0)
        np.exp(logits, out=logits)
        return logits

    def _told(self, rows: slice) -> NDArray[np.float32]:
        """What the hidden units of the next entry are told, ``(width, rows)``.

        What all of its run are told is multiplied for all of them at once: many narrow products take longer than a
        wide one.
        """
        layout, e = self.network.layout, self.entry
        run = layout.run(e)
        shared = layout.n_told(run.start)
        if self.ahead is None or self.ahead[0] != run:
            told = self.embedded[:, layout.told(run.start) if layout.heard else slice(shared)]
            hidden, offset = self.network.shared[run]
            self.ahead = run, hidden @ told.T
            self.ahead[1][:] += offset
        place = (e - run.start) * layout.widths[e]
        of_run = self.embedded[rows, layout.starts[run.start] : layout.starts[e]]
        own = self.network.weights[e].hidden[shared:].T @ of_run.T
        own += self.ahead[1][place : place + layout.widths[e], rows]
        return own

    def next(self, codes: NDArray[np.int32]) -> None:
        """Take these codes for the next entry, ``(n,)``, and go on to the one behind it."""
        layout = self.network.layout
        self.drawn[self.entry] = codes
        place = slice(layout.starts[self.entry], layout.starts[self.entry + 1])
        self.embedded[:, place] = self.network.weights[self.entry].embedding.take(codes, axis=0)
        self.entry += 1

    def codes(self) -> Codes:
        """The rows when all is drawn, shape ``(n, columns)``."""
        layout = self.network.layout
        codes = np.zeros((self.n, len(layout.domains) - layout.n_context), np.int32, order="F")
        for e in range(layout.first_own, len(layout.order)):
            codes[:, layout.column(e)] = self.drawn[e]
        return codes


def _cut(condition: Condition, rows: slice) -> Condition:
    return condition if condition.ndim == 1 and not fixes(condition) else condition[rows]
