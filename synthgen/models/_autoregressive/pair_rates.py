"""How often real rows have pairs of values that generated ones are to have as often, however held back the network was.

What a reader of the records points at first are rows that cannot be: a man is not pregnant, who has died is not
admitted again, and no dose is changed where no drug is given. Next comes what is missing where: a test goes with a
diagnosis; and the outcome by one factor after another. A network whose weights are held back makes the one rarer, not
as rare as it is, and the others more even than they are. So such pairs are counted (Bishop, Fienberg and Holland 1975,
chapter 5: incomplete tables), and what the network says of them is corrected, by a term of its logits for each.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from synthgen.models._autoregressive.layout import Layout
from synthgen.models._autoregressive.pair_terms import LARGEST

if TYPE_CHECKING:
    from synthgen.models._autoregressive.descent import Rows

#: So many patients would have both codes by chance, if each had one row.
_BY_CHANCE: Final = 50.0
_BY_CHANCE_OF_TARGET: Final = 1000.0
#: The share of what chance would give that is seldom.
_SELDOM: Final = 0.1
#: Rows in which pairs are looked for; what is found there is counted in all.
_ROWS: Final = 1 << 14
#: Rows that are looked at first for whether enough patients stand behind them.
_SHOWN: Final = 200
#: Rows added to those with and without the later code, so that few are not taken at their word.
_PSEUDO_ROWS: Final = 0.5


@dataclass(frozen=True, eq=False)
class PairRates:
    """How often a span of codes follows from another one in real rows, of pairs of spans that are kept so.

    A span is one code, or neighbouring codes of a scale.

    Attributes:
        pairs: int32 ``(n, 6)``: an entry of the layout, the first and the last code of a span of it, a later entry, and
            the same of that; by later entry.
        rates: of the real rows that have the earlier span and in which the later column is observed, how many have the
            later span, ``(n,)``.
        limits: how large the term of each may become, up or down, ``(n,)``.
    """

    pairs: NDArray[np.int32]
    rates: NDArray[np.float64]
    limits: NDArray[np.float64]

    @classmethod
    def none(cls) -> PairRates:
        """No pairs."""
        return cls(np.zeros((0, 6), np.int32), np.zeros(0), np.zeros(0))

    @classmethod
    def of(cls, layout: Layout, rows: Rows, whose: NDArray[np.int64], fewest: int) -> PairRates:
        """The pairs of codes of some rows that are kept whatever the network says of them.

        These are pairs that are together less than a tenth as often as chance would have it, or never; and each code of
        a column with a coding system beside the missing cells of every other column; and each common code beside each
        of the target, and beside itself in a row before. Their rate is 0 where too few patients have both, 1 where too
        few have the earlier code alone.

        Args:
            rows: their codes ``(n, entries)``, with the slot behind a column's codes where a cell is unobserved.
            whose: the patient of each row, ``(n,)``.
            fewest: of fewer patients nothing is told.
        """
        parts = [cls.none()]
        if not len(rows):
            return parts[0]
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
                    ends = one.codes[first[sure]], later, other.codes[second[sure]]
                    parts.append(cls.between(earlier, *ends, rate[sure]))
        return cls.joined(parts)

    @classmethod
    def between(
        cls,
        earlier: int,
        first: NDArray[np.integer[Any]],
        later: int,
        second: NDArray[np.integer[Any]],
        rates: NDArray[np.float64],
        limit: float = LARGEST,
    ) -> PairRates:
        """Pairs of two entries: ``first`` and ``second`` are codes ``(n,)``, or first and last ones ``(n, 2)``."""
        pairs = np.empty((len(rates), 6), np.int32)
        pairs[:, 0], pairs[:, 3] = earlier, later
        # A code alone stands twice, as the first and the last of its span.
        pairs[:, 1:3], pairs[:, 4:6] = (ends if ends.ndim == 2 else ends[:, None] for ends in (first, second))
        return cls(pairs, rates, np.full(len(rates), limit))

    @classmethod
    def joined(cls, parts: Sequence[PairRates]) -> PairRates:
        """All pairs of some, one after another."""
        names = [field.name for field in fields(cls)]
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))

    def __len__(self) -> int:
        return len(self.rates)

    def of_entry(self, later: int) -> PairRates:
        """Those of which the later span is of an entry."""
        own = self.pairs[:, 3] == later
        return PairRates(self.pairs[own], self.rates[own], self.limits[own])

    def meet(self, drawn: NDArray[np.int32], mass: NDArray[np.float32], terms: NDArray[np.float32]) -> None:
        """Make the pairs, all of one later entry, as frequent among generated rows as among real ones.

        Args:
            drawn: the codes of all entries, ``(entries, rows)``, of rows as they are generated.
            mass: the unnormalised probabilities of the entry's codes in those rows, ``(codes, rows)``; corrected.
            terms: what was added to the logits of each pair so far, ``(n,)``; corrected.
        """
        if not len(self):
            return
        # Anew each time: what is raised again and again leaves single precision.
        mass /= mass.max(axis=0)
        # In double precision, since what is nearly all of a row's mass may be taken away again.
        total = mass.sum(axis=0, dtype=np.float64)
        met, rows = (-1, -1, -1), np.zeros(0, np.intp)
        for at, (earlier, first, last, _, *codes) in enumerate(self.pairs.tolist()):
            if met != (earlier, first, last):
                met, rows = (earlier, first, last), np.flatnonzero((drawn[earlier] >= first) & (drawn[earlier] <= last))
            span = slice(codes[0], codes[1] + 1)
            each = mass[span, rows]
            before = each.sum(axis=0, dtype=np.float64)
            with_it = (before / total[rows]).sum()
            now = -self.limits[at]
            if self.rates[at] > 0:
                wanted = _log_odds(self.rates[at] * len(rows), len(rows))
                most = self.limits[at]
                now = np.clip(terms[at] + wanted - _log_odds(with_it, len(rows)), -most, most)
            factor = np.exp(now - terms[at])
            mass[span, rows] = each * factor
            # What is left of a row may be less than its sum is rounded by.
            total[rows] = np.maximum(total[rows] + before * (factor - 1), before * factor)
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
        again = np.zeros(by_chance.shape, bool)
        if earlier in layout.kin(later):
            again[:] = layout.same(later, earlier)[columns[earlier].codes][:, None] == columns[later].codes
        return again
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
