"""What the rows of a flat table are given of the rows of the same patient before them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.models.base import Codes
from synthgen.relational.rows import Steps, rows_before
from synthgen.relational.told.history import History, Memory, count_domain, counted

#: Upper bounds of how many rows ago something was.
_SPANS = (1, 2, 3, 4, 6, 8, 12, 16, 32, 64)


@dataclass(frozen=True)
class Past:
    """The place of a row among its patient's, and what is remembered of those before.

    Rows stand patient by patient here, each patient's in the order of the table.
    """

    memory: Memory

    @classmethod
    def of(cls, domains: tuple[Domain, ...], codes: Codes, whose: NDArray[np.int64], value: int | None) -> Past | None:
        """What is worth telling of some rows; ``None`` where no row hangs together with the one before.

        Args:
            codes: of the columns that are not the patients', ``(n_rows, n_columns)``.
            whose: int64 ``(n_rows,)``, the patient of each row, ascending.
            value: the column whose scale depends on another one, if there is one.
        """
        memory = Memory.of(domains, codes, before=rows_before(whose), left_out=(), value=value, spans=_SPANS)
        hanging = set(memory.told) - {memory.main}
        return cls(memory) if hanging else None

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Of what rows are given."""
        return (count_domain("rows before"), count_domain("rows after"), *self.memory.context_domains)

    def nothing(self, numbers: NDArray[np.int64]) -> Codes:
        """What the first rows of patients are given who have so many rows each."""
        return self._given(History(self.memory, len(numbers)), numbers, 0)

    def told(self, codes: Codes, whose: NDArray[np.int64]) -> Codes:
        """What every row of some patients is given, int32 ``(n_rows, len(domains))``."""
        _, given = self.drawn(whose, lambda at, _: codes[at])
        return given

    def drawn(self, whose: NDArray[np.int64], draw: Callable[[NDArray[np.int64], Codes], Codes]) -> tuple[Codes, Codes]:
        """The rows of some patients, one of each patient at a time; and what each was given.

        Args:
            draw: gives the codes of rows, told which they are and what they are given.
        """
        steps = Steps.of(whose)
        history = History(self.memory, len(steps.patients))
        codes = np.empty((len(whose), len(self.memory.domains)), np.int32, order="F")
        given = np.empty((len(whose), len(self.domains)), np.int32, order="F")
        for step, at in enumerate(steps):
            given[at] = self._given(history, steps.numbers[: len(at)], step)
            codes[at] = draw(at, given[at])
            history.advance(codes[at], np.full(len(at), step))
        return codes, given

    def _given(self, history: History, numbers: NDArray[np.int64], step: int) -> Codes:
        n = len(numbers)
        before, after = counted(np.full(n, step)), counted(numbers - 1 - step)
        return np.asfortranarray(np.c_[before, after, history.context(n, np.full(n, step))])
