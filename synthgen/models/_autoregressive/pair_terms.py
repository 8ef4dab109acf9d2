"""Terms of the logits by which pairs of values and ranges are as frequent among generated rows as among real ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgen.models._autoregressive.layout import Layout

#: The largest term, and the most that the terms of a code or a span come to: so that every row has a likelihood.
LARGEST: Final = 20.0
_MOST: Final = 60.0


class _Tables(NamedTuple):
    """What the codes of earlier entries add to the logits of some spans of an entry.

    Attributes:
        codes: of the later entry, those that are spans of their own, ``(n,)``.
        spans: the first and last codes of the others.
        terms: for each earlier entry float32 ``(n + spans, codes of the earlier + 1)``.
    """

    codes: NDArray[np.int32]
    spans: list[tuple[int, int]]
    terms: dict[int, NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class PairTerms:
    """What is added to the logits of codes that go with a code drawn before.

    Attributes:
        pairs: as those of ``PairRates``.
        terms: float32 ``(n,)``.
    """

    pairs: NDArray[np.int32]
    terms: NDArray[np.float32]

    @classmethod
    def none(cls) -> PairTerms:
        """No pairs."""
        return cls(np.zeros((0, 6), np.int32), np.zeros(0, np.float32))

    def fits(self, layout: Layout) -> bool:
        """Whether all pairs are of entries and codes that are there, the later one drawn, and no term is too large."""
        if self.pairs.dtype != np.int32 or self.terms.dtype != np.float32:
            return False
        if self.terms.ndim != 1 or self.pairs.shape != (len(self.terms), 6):
            return False
        earlier, first, last, later, second, end = self.pairs.T
        sizes = np.array(layout.sizes, np.int64)
        return bool(
            ((earlier >= 0) & (earlier < later) & (later >= layout.first_own) & (later < len(sizes))).all()
            and ((first >= 0) & (first <= last) & (last < sizes[earlier])).all()
            and ((second >= 0) & (second <= end) & (end < sizes[later])).all()
            and (np.diff(later) >= 0).all()
            and (np.abs(self.terms) <= LARGEST).all()
        )

    @cached_property
    def _of(self) -> dict[int, _Tables]:
        found = {}
        for later in np.unique(self.pairs[:, 3]).tolist():
            own = self.pairs[:, 3] == later
            every = np.unique(self.pairs[own, 4:], axis=0)
            single = every[:, 0] == every[:, 1]
            every = np.concatenate([every[single], every[~single]])
            place = {tuple(span): at for at, span in enumerate(every.tolist())}
            terms: dict[int, NDArray[np.float32]] = {}
            for (earlier, first, last, _, *span), term in zip(self.pairs[own].tolist(), self.terms[own], strict=True):
                if earlier not in terms:
                    end = self.pairs[own & (self.pairs[:, 0] == earlier), 2].max()
                    terms[earlier] = np.zeros((len(every), end + 2), np.float32)
                terms[earlier][place[*span], first : last + 1] += term
            n = int(single.sum())
            found[later] = _Tables(every[:n, 0], [(first, last) for first, last in every[n:].tolist()], terms)
        return found

    def add(self, entry: int, drawn: NDArray[np.int32], logits: NDArray[np.float32]) -> None:
        """Add to the logits of an entry what the codes drawn before it ask for.

        Args:
            drawn: the codes of all entries, ``(entries, rows)``; of those before this one they count.
            logits: ``(codes, rows)``, changed in place.
        """
        if entry not in self._of:
            return
        codes, spans, terms = self._of[entry]
        told = np.zeros((len(codes) + len(spans), logits.shape[1]), np.float32)
        for earlier, table in terms.items():
            # Codes beyond the largest that has a pair share the last place of the table, which adds nothing.
            told += table.take(drawn[earlier], axis=1, mode="clip")
        np.clip(told, -_MOST, _MOST, out=told)
        logits[codes] += told[: len(codes)]
        for (first, last), of in zip(spans, told[len(codes) :], strict=True):
            logits[first : last + 1] += of
