"""Pairs of codes that stand in one row far less often than by chance, or never: structural zeros and what is near them.

A man is not pregnant, who has died is not admitted again, and no dose is changed where no drug is given. A network
whose weights are held back makes such rows rarer, not as rare as they are, and they are the first that a reader points
at. So these pairs are counted (Bishop, Fienberg and Holland 1975, chapter 5: incomplete tables), and what the network
says of them is corrected.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgen.models._layout import Layout

if TYPE_CHECKING:
    from synthgen.models._descent import Rows

#: So many patients would have both codes by chance, if each had one row.
_BY_CHANCE: Final = 50.0
#: The share of what chance would give that there is at most.
_SHARE: Final = 0.1
#: What fewer patients have counts as never: an artifact tells nothing of so few, and no patient alone decides.
_FEWEST: Final = 5
#: Rows in which pairs are looked for; what is found there is counted in all.
_ROWS: Final = 1 << 17
#: What is at most added to a logit. Finite, so that every row has a likelihood.
_NEVER: Final = -20.0
#: Rows added to both sides of a ratio, so that few are not taken at their word.
_PSEUDO_ROWS: Final = 0.5


class _Pairs(NamedTuple):
    """Of one entry, the codes of earlier entries that it has pairs with: ``(n,)`` each, and what is added for each.

    Attributes:
        added: float32 ``(n, codes)``, to the logits of each code of the entry.
    """

    earlier: NDArray[np.int32]
    code: NDArray[np.int32]
    added: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Seldom:
    """Pairs of codes that real rows have seldom or never.

    Attributes:
        pairs: int32 ``(n, 4)``: an entry of the layout, a code of it, a later entry, a code of that; by later entry.
        shares: of the real rows that have each, ``(n,)``; 0 for what counts as never.
    """

    pairs: NDArray[np.int32]
    shares: NDArray[np.float64]

    @classmethod
    def of(cls, layout: Layout, rows: Rows, whose: NDArray[np.int64]) -> Seldom:
        """The pairs of some rows.

        Args:
            rows: their codes ``(n, entries)``, with the slot behind a column's codes where a cell is unobserved.
            whose: the patient of each row, ``(n,)``.
        """
        pairs, shares = [np.zeros((0, 4), np.int32)], [np.zeros(0)]
        if not len(rows):
            return cls(pairs[0], shares[0])
        codes = rows.codes
        patients, dense, times = np.unique(whose, return_inverse=True, return_counts=True)
        weight = np.ones(len(rows)) if rows.weights is None else rows.weights.astype(np.float64)
        some = slice(None, None, -(-len(rows) // _ROWS))
        seen = [np.ascontiguousarray(codes[some, e], np.int32) for e in range(len(layout.order))]
        each, alone = weight[some] / weight[some].sum(), (weight / times[dense])[some]
        slots = [size + 1 for size in layout.sizes]
        usual = [np.bincount(of, each, n)[:-1] for of, n in zip(seen, slots, strict=True)]
        by_patient = [np.bincount(of, alone, n)[:-1] / alone.sum() for of, n in zip(seen, slots, strict=True)]
        for later in range(layout.first_own, len(slots)):
            for earlier in layout.before(later):
                by_chance = np.outer(by_patient[earlier], by_patient[later]) * len(patients)
                if by_chance.max(initial=0) < _BY_CHANCE:
                    continue
                place = seen[earlier] * slots[later] + seen[later]
                found = np.bincount(place, each, slots[earlier] * slots[later])
                found = found.reshape(slots[earlier], slots[later])[:-1, :-1]
                seldom = (by_chance >= _BY_CHANCE) & (found <= _SHARE * np.outer(usual[earlier], usual[later]))
                if seldom.any():
                    first, second = np.nonzero(seldom)
                    ends = (np.full(len(first), earlier), first, np.full(len(first), later), second)
                    pairs.append(np.stack(ends, axis=1).astype(np.int32))
                    shares.append(_shares(codes[:, earlier], codes[:, later], seldom, dense, weight))
        return cls(np.concatenate(pairs), np.concatenate(shares))

    def meet(self, entry: int, drawn: NDArray[np.int32], mass: NDArray[np.float32], added: NDArray[np.float32]) -> None:
        """Make the pairs of an entry as rare among generated rows as among real ones.

        Args:
            drawn: the codes of all entries, ``(entries, rows)``, of rows as they are generated.
            mass: the unnormalised probabilities of the entry's codes in those rows, ``(codes, rows)``; corrected.
            added: what was added to the logits of each pair so far, ``(n,)``; corrected.
        """
        total = mass.sum(axis=0)
        for at in np.flatnonzero(self.pairs[:, 2] == entry):
            earlier, first, _, second = self.pairs[at]
            (rows,) = np.nonzero(drawn[earlier] == first)
            real = self.shares[at] * mass.shape[1] + _PSEUDO_ROWS
            generated = (mass[second, rows] / total[rows]).sum() + _PSEUDO_ROWS
            now = np.clip(added[at] + np.log(real / generated), _NEVER, 0) if self.shares[at] > 0 else _NEVER
            before = mass[second, rows]
            mass[second, rows] = after = before * np.exp(now - added[at])
            total[rows] += after - before
            added[at] = now


def _shares(
    earlier: NDArray[np.integer[Any]],
    later: NDArray[np.integer[Any]],
    asked: NDArray[np.bool_],
    whose: NDArray[np.int64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The share of rows that have each pair asked for; 0 where too few patients do."""
    known = np.pad(asked, ((0, 1), (0, 1)))
    (rows,) = np.nonzero(known[earlier, later] & (weight > 0))
    place = earlier[rows].astype(np.int64) * asked.shape[1] + later[rows]
    patients = np.bincount(np.unique(np.stack([place, whose[rows]]), axis=1)[0], minlength=asked.size)
    share = np.bincount(place, weight[rows], asked.size) / weight.sum()
    told: NDArray[np.float64] = np.where(patients < _FEWEST, 0, share).reshape(asked.shape)[asked]
    return told


@dataclass(frozen=True, eq=False)
class Unlikely:
    """What is added to the logits of codes that seldom go with a code drawn before.

    Attributes:
        pairs: as those of ``Seldom``.
        added: float32 ``(n,)``, not above 0.
    """

    pairs: NDArray[np.int32]
    added: NDArray[np.float32]

    @classmethod
    def none(cls) -> Unlikely:
        """No pairs."""
        return cls(np.zeros((0, 4), np.int32), np.zeros(0, np.float32))

    def fits(self, layout: Layout) -> bool:
        """Whether all pairs are of entries and codes that are there, the later one drawn."""
        if self.pairs.dtype != np.int32 or self.added.dtype != np.float32:
            return False
        if self.added.ndim != 1 or self.pairs.shape != (len(self.added), 4):
            return False
        earlier, first, later, second = self.pairs.T
        sizes = np.array(layout.sizes, np.int64)
        return bool(
            ((earlier >= 0) & (earlier < later) & (later >= layout.first_own) & (later < len(sizes))).all()
            and ((first >= 0) & (first < sizes[earlier]) & (second >= 0) & (second < sizes[later])).all()
            and (np.diff(later) >= 0).all()
            and (self.added <= 0).all()
        )

    @cached_property
    def _of(self) -> dict[int, _Pairs]:
        found = {}
        for later in np.unique(self.pairs[:, 2]).tolist():
            own = self.pairs[:, 2] == later
            codes, at = np.unique(self.pairs[own, :2], axis=0, return_inverse=True)
            added = np.zeros((len(codes), self.pairs[own, 3].max() + 1), np.float32)
            added[at.ravel(), self.pairs[own, 3]] = self.added[own]
            found[later] = _Pairs(codes[:, 0], codes[:, 1], added)
        return found

    def add(self, entry: int, drawn: NDArray[np.int32], logits: NDArray[np.float32]) -> None:
        """Add to the logits of an entry what the codes drawn before it ask for.

        Args:
            drawn: the codes of all entries, ``(entries, rows)``; of those before this one they count.
            logits: ``(codes, rows)``, changed in place.
        """
        if entry in self._of:
            earlier, code, added = self._of[entry]
            stands = (drawn[earlier] == code[:, None]).astype(np.float32)
            logits[: added.shape[1]] += added.T @ stands
