"""Pairs of codes that generated rows have as often as real ones, however the network was held back.

What a reader of the records points at first are rows that cannot be: a man is not pregnant, who has died is not
admitted again, and no dose is changed where no drug is given. Next comes what is missing where: a test goes with a
diagnosis; and the outcome by one factor after another. A network whose weights are held back makes the one rarer, not
as rare as it is, and the others more even than they are. So such pairs are counted (Bishop, Fienberg and Holland 1975,
chapter 5: incomplete tables), and what the network says of them is corrected, by a term of its logits for each.
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
_BY_CHANCE_OF_TARGET: Final = 1000.0
#: The share of what chance would give that is seldom.
_SELDOM: Final = 0.1
#: What fewer patients have counts as never: an artifact tells nothing of so few, and no patient alone decides.
_FEWEST: Final = 5
#: Rows in which pairs are looked for; what is found there is counted in all.
_ROWS: Final = 1 << 15
#: The largest term. Finite, so that every row has a likelihood.
_LARGEST: Final = 20.0
#: Rows added to those with and without the later code, so that few are not taken at their word.
_PSEUDO_ROWS: Final = 0.5


@dataclass(frozen=True, eq=False)
class PairRates:
    """How often a code follows from another one in real rows, of pairs of codes that are kept so.

    These are pairs that are together less than a tenth as often as chance would have it, or never; and each code of a
    column with a coding system beside the missing cells of every other column; and each common code beside each of the
    target. Others a network learns well enough.

    Attributes:
        pairs: int32 ``(n, 4)``: an entry of the layout, a code of it, a later entry, a code of that; by later entry.
        rates: of the real rows that have the earlier code, how many have the later, ``(n,)``; 0 where that counts as
            never.
    """

    pairs: NDArray[np.int32]
    rates: NDArray[np.float64]

    @classmethod
    def of(cls, layout: Layout, rows: Rows, whose: NDArray[np.int64]) -> PairRates:
        """The pairs of some rows.

        Args:
            rows: their codes ``(n, entries)``, with the slot behind a column's codes where a cell is unobserved.
            whose: the patient of each row, ``(n,)``.
        """
        pairs, rates = [np.zeros((0, 4), np.int32)], [np.zeros(0)]
        if not len(rows):
            return cls(pairs[0], rates[0])
        codes = rows.codes
        patients, dense, times = np.unique(whose, return_inverse=True, return_counts=True)
        weight = np.ones(len(rows)) if rows.weights is None else rows.weights.astype(np.float64)
        slots = [size + 1 for size in layout.sizes]
        each, alone = weight / weight.sum(), weight / times[dense]
        usual = [np.bincount(codes[:, e], each, n)[:-1] for e, n in enumerate(slots)]
        by_patient = [np.bincount(codes[:, e], alone, n)[:-1] / alone.sum() for e, n in enumerate(slots)]
        some = slice(None, None, -(-len(rows) // _ROWS))
        seen, each = np.ascontiguousarray(codes[some].T, np.int32), weight[some] / weight[some].sum()
        for later in range(layout.first_own, len(slots)):
            for earlier in layout.before(later):
                by_chance = np.outer(by_patient[earlier], by_patient[later]) * len(patients)
                if by_chance.max(initial=0) < _BY_CHANCE:
                    continue
                place = seen[earlier] * slots[later] + seen[later]
                found = np.bincount(place, each, slots[earlier] * slots[later])
                found = found.reshape(slots[earlier], slots[later])[:-1, :-1]
                # Among some of the rows it may look a little more frequent than it is.
                kept = found <= 2 * _SELDOM * np.outer(usual[earlier], usual[later])
                always = _always(layout, earlier, later, by_chance)
                kept = (kept & (by_chance >= _BY_CHANCE)) | always
                if kept.any():
                    first, second = np.nonzero(kept)
                    rate = _rates(codes[:, earlier], codes[:, later], kept, dense, weight)
                    sure = always[first, second] | (rate <= _SELDOM * usual[later][second])
                    ends = (np.full(len(first), earlier), first, np.full(len(first), later), second)
                    pairs.append(np.stack(ends, axis=1).astype(np.int32)[sure])
                    rates.append(rate[sure])
        return cls(np.concatenate(pairs), np.concatenate(rates))

    def meet(self, entry: int, drawn: NDArray[np.int32], mass: NDArray[np.float32], terms: NDArray[np.float32]) -> None:
        """Make the pairs of an entry as frequent among generated rows as among real ones.

        Args:
            drawn: the codes of all entries, ``(entries, rows)``, of rows as they are generated.
            mass: the unnormalised probabilities of the entry's codes in those rows, ``(codes, rows)``; corrected.
            terms: what was added to the logits of each pair so far, ``(n,)``; corrected.
        """
        own = np.flatnonzero(self.pairs[:, 2] == entry)
        if not len(own):
            return
        # In double precision, since what is nearly all of a row's mass may be taken away again.
        total = mass.sum(axis=0, dtype=np.float64)
        met, rows = (-1, -1), np.zeros(0, np.intp)
        for at in own:
            earlier, first, _, second = self.pairs[at].tolist()
            if met != (earlier, first):
                met, rows = (earlier, first), np.flatnonzero(drawn[earlier] == first)
            before = mass[second, rows].astype(np.float64)
            with_it = (before / total[rows]).sum()
            now = -_LARGEST
            if self.rates[at] > 0:
                wanted = _log_odds(self.rates[at] * len(rows), len(rows))
                now = np.clip(terms[at] + wanted - _log_odds(with_it, len(rows)), -_LARGEST, _LARGEST)
            after = before * np.exp(now - terms[at])
            mass[second, rows] = after
            total[rows] += after - before
            terms[at] = now


def _log_odds(rows: float, of: int) -> float:
    return float(np.log(rows + _PSEUDO_ROWS) - np.log(max(of - rows, 0.0) + _PSEUDO_ROWS))


def _always(layout: Layout, earlier: int, later: int, by_chance: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The pairs that are kept however often they are together, ``(codes of the earlier, codes of the later)``.

    Args:
        by_chance: how many patients would have each.
    """
    if earlier < layout.first_own:
        return np.zeros(by_chance.shape, bool)
    domains = [layout.domains[layout.order[e]] for e in (earlier, later)]
    missing = [np.isin(np.arange(domain.size), domain.missing) for domain in domains]
    of_system = [np.full(domain.size, domain.system != "") for domain in domains]
    gaps = np.outer(of_system[0], missing[1]) | np.outer(missing[0], of_system[1])
    common = np.full(by_chance.shape, domains[1].target) & (by_chance >= _BY_CHANCE_OF_TARGET)
    told: NDArray[np.bool_] = (gaps & (by_chance >= _BY_CHANCE)) | common
    return told


def _rates(
    earlier: NDArray[np.integer[Any]],
    later: NDArray[np.integer[Any]],
    asked: NDArray[np.bool_],
    whose: NDArray[np.int64],
    weight: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The rate of each pair asked for among rows with its earlier code; 0 where too few patients have the pair."""
    known = np.pad(asked, ((0, 1), (0, 1)))
    (rows,) = np.nonzero(known[earlier, later] & (weight > 0))
    place = earlier[rows].astype(np.int64) * asked.shape[1] + later[rows]
    patients = np.bincount(np.unique(np.stack([place, whose[rows]]), axis=1)[0], minlength=asked.size)
    both = np.bincount(place, weight[rows], asked.size).reshape(asked.shape)
    rate = both / np.maximum(np.bincount(earlier, weight, len(known))[:-1, None], np.finfo(np.float64).tiny)
    told: NDArray[np.float64] = np.where(patients.reshape(asked.shape) < _FEWEST, 0, rate)[asked]
    return told


class _Table(NamedTuple):
    """What the codes of one earlier entry add to the logits of some codes of an entry.

    Attributes:
        earlier: the entry.
        codes: of the later entry, ``(n,)``.
        terms: float32 ``(n, codes of the earlier + 1)``.
    """

    earlier: int
    codes: NDArray[np.int32]
    terms: NDArray[np.float32]


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
        return cls(np.zeros((0, 4), np.int32), np.zeros(0, np.float32))

    def fits(self, layout: Layout) -> bool:
        """Whether all pairs are of entries and codes that are there, the later one drawn, and no term is too large."""
        if self.pairs.dtype != np.int32 or self.terms.dtype != np.float32:
            return False
        if self.terms.ndim != 1 or self.pairs.shape != (len(self.terms), 4):
            return False
        earlier, first, later, second = self.pairs.T
        sizes = np.array(layout.sizes, np.int64)
        return bool(
            ((earlier >= 0) & (earlier < later) & (later >= layout.first_own) & (later < len(sizes))).all()
            and ((first >= 0) & (first < sizes[earlier]) & (second >= 0) & (second < sizes[later])).all()
            and (np.diff(later) >= 0).all()
            and (np.abs(self.terms) <= _LARGEST).all()
        )

    @cached_property
    def _of(self) -> dict[int, list[_Table]]:
        found: dict[int, list[_Table]] = {}
        for earlier, later in np.unique(self.pairs[:, [0, 2]], axis=0).tolist():
            own = (self.pairs[:, 0] == earlier) & (self.pairs[:, 2] == later)
            first, (codes, at) = self.pairs[own, 1], np.unique(self.pairs[own, 3], return_inverse=True)
            terms = np.zeros((len(codes), first.max() + 2), np.float32)
            terms[at, first] = self.terms[own]
            found.setdefault(later, []).append(_Table(earlier, codes, terms))
        return found

    def add(self, entry: int, drawn: NDArray[np.int32], logits: NDArray[np.float32]) -> None:
        """Add to the logits of an entry what the codes drawn before it ask for.

        Args:
            drawn: the codes of all entries, ``(entries, rows)``; of those before this one they count.
            logits: ``(codes, rows)``, changed in place.
        """
        for earlier, codes, terms in self._of.get(entry, ()):
            # Codes beyond the largest that has a pair share the last place of the table, which adds nothing.
            logits[codes] += terms.take(drawn[earlier], axis=1, mode="clip")
