"""Pairs of codes that generated rows have as often as real ones, however the network was held back.

What a reader of the records points at first are rows that cannot be: a man is not pregnant, who has died is not
admitted again, and no dose is changed where no drug is given. Next comes what is missing where: a test goes with a
diagnosis; and the outcome by one factor after another. A network whose weights are held back makes the one rarer, not
as rare as it is, and the others more even than they are. So such pairs are counted (Bishop, Fienberg and Holland 1975,
chapter 5: incomplete tables), and what the network says of them is corrected, by a term of its logits for each.
"""

from __future__ import annotations

from collections.abc import Sequence
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
#: Rows in which pairs are looked for; what is found there is counted in all.
_ROWS: Final = 1 << 14
#: Rows that are looked at first for whether enough patients stand behind them.
_SHOWN: Final = 200
#: The largest term, and the most that the terms of a code come to: so that every row has a likelihood.
_LARGEST: Final = 20.0
_MOST: Final = 60.0
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
        rates: of the real rows that have the earlier code and in which the later column is observed, how many have the
            later code, ``(n,)``; 0 where too few patients have both, 1 where too few have the earlier code alone.
    """

    pairs: NDArray[np.int32]
    rates: NDArray[np.float64]

    @classmethod
    def of(cls, layout: Layout, rows: Rows, whose: NDArray[np.int64], fewest: int) -> PairRates:
        """The pairs of some rows.

        Args:
            rows: their codes ``(n, entries)``, with the slot behind a column's codes where a cell is unobserved.
            whose: the patient of each row, ``(n,)``.
            fewest: of fewer patients nothing is told.
        """
        pairs, rates = [np.zeros((0, 4), np.int32)], [np.zeros(0)]
        if not len(rows):
            return cls(pairs[0], rates[0])
        codes = rows.codes
        patients, dense, times = np.unique(whose, return_inverse=True, return_counts=True)
        weight = np.ones(len(rows)) if rows.weights is None else rows.weights.astype(np.float64)
        columns = [
            _Column.of(codes[:, e], size, weight, weight / times[dense], len(patients))
            for e, size in enumerate(layout.sizes)
        ]
        some = slice(None, None, -(-len(rows) // _ROWS))
        seen, each = [column.place[codes[some, e]] for e, column in enumerate(columns)], weight[some]
        for later in range(layout.first_own, len(columns)):
            for earlier in layout.before(later):
                one, other = columns[earlier], columns[later]
                by_chance = np.outer(one.by_patient, other.by_patient) * len(patients)
                if by_chance.max(initial=0) < _BY_CHANCE:
                    continue
                shape = len(one.codes) + 1, len(other.codes) + 1
                both = np.bincount(seen[earlier] * shape[1] + seen[later], each, shape[0] * shape[1])
                found = both.reshape(shape)[:-1, :-1] / each.sum()
                # Among some of the rows it may look a little more frequent than it is.
                kept = found <= 2 * _SELDOM * np.outer(one.usual, other.usual)
                always = _always(layout, earlier, later, by_chance, columns)
                kept = (kept & (by_chance >= _BY_CHANCE)) | always
                if kept.any():
                    first, second = np.nonzero(kept)
                    cut = one.place[codes[:, earlier]], other.place[codes[:, later]], codes[:, later] < other.n_codes
                    rate = _rates(*cut, kept, dense, weight, fewest)
                    sure = always[first, second] | (rate <= _SELDOM * other.usual[second])
                    entries = np.full(len(first), earlier), np.full(len(first), later)
                    ends = np.stack([entries[0], one.codes[first], entries[1], other.codes[second]], axis=1)
                    pairs.append(ends.astype(np.int32)[sure])
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


@dataclass(frozen=True, eq=False)
class _Column:
    """A column's codes of which chance may bring enough patients beside any other.

    Attributes:
        n_codes: how many codes there are in all.
        codes: those ``(n,)``, ascending.
        place: int64 ``(codes + 1,)``, where each code stands among these; ``n`` for all others.
        usual: the share of each among the rows in which the column is observed, ``(n,)``.
        by_patient: the same among all rows, where every patient counts as much.
    """

    n_codes: int
    codes: NDArray[np.intp]
    place: NDArray[np.int64]
    usual: NDArray[np.float64]
    by_patient: NDArray[np.float64]

    @classmethod
    def of(
        cls,
        codes: NDArray[np.integer[Any]],
        size: int,
        weight: NDArray[np.float64],
        alone: NDArray[np.float64],
        patients: int,
    ) -> _Column:
        by_patient = np.bincount(codes, alone, size + 1)[:-1] / alone.sum()
        (kept,) = np.nonzero(by_patient * patients >= _BY_CHANCE)
        place = np.full(size + 1, len(kept), np.int64)
        place[kept] = np.arange(len(kept))
        counts = np.bincount(codes, weight, size + 1)[:-1]
        return cls(size, kept, place, counts[kept] / max(counts.sum(), np.finfo(np.float64).tiny), by_patient[kept])


def _always(
    layout: Layout, earlier: int, later: int, by_chance: NDArray[np.float64], columns: Sequence[_Column]
) -> NDArray[np.bool_]:
    """The pairs that are kept however often they are together, ``(codes of the earlier, codes of the later)``.

    Args:
        by_chance: how many patients would have each.
    """
    if earlier < layout.first_own:
        return np.zeros(by_chance.shape, bool)
    domains = [layout.domains[layout.order[e]] for e in (earlier, later)]
    missing = [np.isin(columns[e].codes, of.missing) for e, of in zip((earlier, later), domains, strict=True)]
    of_system = [np.full(n, of.system != "") for n, of in zip(by_chance.shape, domains, strict=True)]
    gaps = np.outer(of_system[0], missing[1]) | np.outer(missing[0], of_system[1])
    common = np.full(by_chance.shape, domains[1].target) & (by_chance >= _BY_CHANCE_OF_TARGET)
    told: NDArray[np.bool_] = (gaps & (by_chance >= _BY_CHANCE)) | common
    return told


def _rates(
    earlier: NDArray[np.int64],
    later: NDArray[np.int64],
    observed: NDArray[np.bool_],
    asked: NDArray[np.bool_],
    whose: NDArray[np.int64],
    weight: NDArray[np.float64],
    fewest: int,
) -> NDArray[np.float64]:
    """The rate of each pair asked for among rows with its earlier code; 0 and 1 where too few patients decide.

    Args:
        earlier: which of the rows of ``asked`` each row has, ``(n,)``; their number where none.
        observed: whether its later column is.
    """
    first, second = np.nonzero(asked)
    known = np.pad(asked, ((0, 1), (0, 1)))
    (rows,) = np.nonzero(known[earlier, later] & (weight > 0))
    place = earlier[rows] * asked.shape[1] + later[rows]
    n = int(whose.max(initial=0)) + 1
    patients = np.bincount(np.unique(place * n + whose[rows]) // n, minlength=asked.size)
    both = np.bincount(place, weight[rows], asked.size)
    whole = np.bincount(earlier[observed], weight[observed], len(known))[:-1]
    at = first * asked.shape[1] + second
    rate: NDArray[np.float64] = both[at] / np.maximum(whole[first], np.finfo(np.float64).tiny)
    for pair in np.flatnonzero((patients[at] >= fewest) & (rate > 0.5)):
        alone = whose[observed & (earlier == first[pair]) & (later != second[pair]) & (weight > 0)]
        # Some of the rows mostly show that there are enough.
        if len(np.unique(alone[:_SHOWN])) < fewest and len(np.unique(alone)) < fewest:
            rate[pair] = 1.0
    return np.where(patients[at] < fewest, 0.0, rate)


class _Tables(NamedTuple):
    """What the codes of earlier entries add to the logits of some codes of an entry.

    Attributes:
        codes: of the later entry, ``(n,)``.
        terms: for each earlier entry float32 ``(n, codes of the earlier + 1)``.
    """

    codes: NDArray[np.int32]
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
    def _of(self) -> dict[int, _Tables]:
        found = {}
        for later in np.unique(self.pairs[:, 2]).tolist():
            own = self.pairs[:, 2] == later
            codes, terms = np.unique(self.pairs[own, 3]), {}
            for earlier in np.unique(self.pairs[own, 0]).tolist():
                here = own & (self.pairs[:, 0] == earlier)
                first, second = self.pairs[here, 1], self.pairs[here, 3]
                terms[earlier] = np.zeros((len(codes), first.max() + 2), np.float32)
                terms[earlier][np.searchsorted(codes, second), first] = self.terms[here]
            found[later] = _Tables(codes, terms)
        return found

    def add(self, entry: int, drawn: NDArray[np.int32], logits: NDArray[np.float32]) -> None:
        """Add to the logits of an entry what the codes drawn before it ask for.

        Args:
            drawn: the codes of all entries, ``(entries, rows)``; of those before this one they count.
            logits: ``(codes, rows)``, changed in place.
        """
        if entry not in self._of:
            return
        codes, terms = self._of[entry]
        told = np.zeros((len(codes), logits.shape[1]), np.float32)
        for earlier, table in terms.items():
            # Codes beyond the largest that has a pair share the last place of the table, which adds nothing.
            told += table.take(drawn[earlier], axis=1, mode="clip")
        logits[codes] += np.clip(told, -_MOST, _MOST, out=told)
