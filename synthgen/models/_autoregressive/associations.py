"""Associations of single values and ranges that a held-back network does not show."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.special import logit, ndtri, xlogy

from synthgen.encoding.domain import Domain, Scale
from synthgen.models._autoregressive.layout import Layout
from synthgen.models._autoregressive.pair_rates import PairRates

if TYPE_CHECKING:
    from synthgen.models._autoregressive.descent import Rows

#: Patients who have both, or who would by what is generated and do not. By trial: with half as many a membership attack
#: on some extracts gains.
_FEWEST: Final = 20
#: So many where the earlier column is given and known to go with the later one, by a pair that is told already. By
#: trial on an extract of four tables an attack finds hardly more members by that; on wide tables it does by columns of
#: the row itself.
_FEWEST_AMONG: Final = 10
#: Pairs of a column that chance may bring to differ as clearly as those that are told: of a million pairs it takes six
#: standard errors, of a few thousand five. Of a million chance brings one of five, with which, by trial, a membership
#: attack gains as well.
_BY_CHANCE: Final = 2e-3
#: The same of the pairs of two columns of which that is known.
_BY_CHANCE_AMONG: Final = 0.05
#: Pairs differ at least half as clearly as the clearest of the column.
_NEXT: Final = 0.5
#: So many where real rows hardly ever have what chance would bring often: then it is certain that the two do not go
#: together, whatever generated rows show.
_SURE_OF_NONE: Final = 2.0
#: A scale is halved so many times into spans of equally many rows.
_HALVED: Final = 3
#: Patients with the earlier span added to the real ones as they are generated, so that few are not taken at their word.
_PSEUDO_PATIENTS: Final = 1.0
#: By how much a term may exceed what the pair would take alone, for the sake of the levels. What is drawn before may be
#: as no real row is, a diagnosis with another one's drug; terms that pull apart would grow for ever otherwise, and
#: leave nothing to other codes.
_BEYOND: Final = 1.0
#: No share is taken to be less, so that its logarithm is finite.
_TINY: Final = 1e-6


@dataclass(frozen=True, eq=False)
class Associations:
    """Pairs of spans, by what real rows say of them.

    A network whose weights are held back for the sake of the patients gives up what few rows show, one parameter after
    another, a disease that is treated on one ward alone with all the rest. But of one pair of values it is often
    certain that they go together, whatever else was looked at. So after learning generated rows are held against real
    ones, pair by pair, and those that differ for certain get a rate that is to be met (a forward selection of the terms
    of a log-linear model; Bishop, Fienberg and Holland 1975, chapter 4).

    Attributes:
        layout: of the network.
        codes: of the real rows, ``(n, entries)``, the slot behind a column's codes where unobserved.
        weights: how much each counts, ``(n,)``.
        whose: the patient of each, ``(n,)``, from 0.
        fewest: of fewer patients nothing is told.
        enough: so many patients stand behind an association; and where columns are known to go together so many.
        spans: of each entry the first and last codes of what is looked at, ``(spans, 2)``.
        members: of each entry which codes are in which span, ``(codes + 1, spans)``.
        patients: of each entry, how many patients stand for a unit of weight of the rows with a span, ``(spans,)``.
    """

    layout: Layout
    codes: NDArray[np.integer[Any]]
    weights: NDArray[np.float64]
    whose: NDArray[np.int64]
    fewest: int
    enough: tuple[int, int]
    spans: list[NDArray[np.int64]]
    members: list[sparse.csr_array]
    patients: list[NDArray[np.float64]]

    @classmethod
    def of(cls, layout: Layout, rows: Rows, whose: NDArray[np.int64], fewest: int) -> Associations:
        """What some rows show.

        Args:
            rows: as ``train`` takes them.
            whose: the patient of each row, ``(n,)``.
            fewest: of fewer patients nothing is told.
        """
        n = len(rows)
        weights = np.ones(n) if rows.weights is None else rows.weights.astype(np.float64)
        persons, dense = np.unique(whose, return_inverse=True)
        of_patient = sparse.csr_array((np.ones(n), (dense, np.arange(n))), (len(persons), n))
        enough = max(fewest, _FEWEST), max(fewest, _FEWEST_AMONG)
        every, members, patients = [], [], []
        for e, at in enumerate(layout.order):
            codes = rows.codes[:, e]
            counts = np.bincount(codes, weights, layout.sizes[e] + 1)[:-1].astype(np.float64)
            spans = _spans(layout.domains[at], counts)
            of = _members(spans, layout.sizes[e])
            has = of[codes]
            shown = np.asarray((of_patient @ has > 0).sum(axis=0)).ravel()
            kept = np.flatnonzero(shown >= min(enough))
            every.append(spans[kept])
            members.append(of[:, kept])
            patients.append(shown[kept] / np.maximum(weights @ has[:, kept], np.finfo(np.float64).tiny))
        return cls(layout, rows.codes, weights, dense, fewest, enough, every, members, patients)

    def beside(self, later: int) -> Beside:
        """The pairs of which the later span is of an entry."""
        before = [e for e in self.layout.before(later) if len(self.spans[e])]
        members = sparse.csr_array(sparse.block_diag([np.zeros((0, 0)), *(self.members[e] for e in before)]))
        own = self.one_hot(self.codes[:, [later]], [later])
        own.data = self.weights
        # Code by code first, since every row is in several spans.
        counts = (self.one_hot(self.codes.take(before, axis=1), before).T @ own)[:, :-1]
        both = (members.T @ counts @ self.members[later][:-1]).toarray()
        whole = members.T @ counts.sum(axis=1)
        shares = own.sum(axis=0)[:-1]
        usual = self.members[later][:-1].T @ (shares / max(shares.sum(), _TINY))
        stands = np.concatenate([np.zeros(0), *(self.patients[e] for e in before)])
        places = [(e, k) for e in before for k in range(len(self.spans[e]))]
        return Beside(self, later, before, places, members, both * stands[:, None], whole * stands, usual)

    def one_hot(self, codes: NDArray[np.integer[Any]], entries: list[int]) -> sparse.csr_array:
        """A column for each code of some entries and for what is unobserved there: ``(rows, codes)``.

        Args:
            codes: ``(rows, entries)``.
        """
        first = np.cumsum([0, *(self.layout.sizes[e] + 1 for e in entries)], dtype=np.int32)
        at = np.add(codes, first[:-1], order="C").ravel()
        ends = len(entries) * np.arange(len(codes) + 1)
        return sparse.csr_array((np.ones(len(at), np.float32), at, ends), (len(codes), int(first[-1])))


@dataclass(frozen=True, eq=False)
class Beside:
    """The pairs whose later span is of one entry.

    Attributes:
        before: the entries of the earlier ones.
        places: of each earlier span its entry and its place there.
        members: which codes of these entries are in which of the spans, ``(codes, earlier spans)``.
        both: about how many patients have both, ``(earlier spans, later spans)``.
        whole: about how many have the earlier one, the later column being observed, ``(earlier spans,)``.
        usual: the share of the later spans among the rows in which the column is observed, ``(later spans,)``.
    """

    of: Associations
    later: int
    before: list[int]
    places: list[tuple[int, int]]
    members: sparse.csr_array
    both: NDArray[np.float64]
    whole: NDArray[np.float64]
    usual: NDArray[np.float64]

    @cached_property
    def few_alone(self) -> dict[int, float]:
        """The share of those with an earlier span who lack the later one that nearly all have, by earlier entry.

        Over all such pairs of two entries. Of single ones it is not told where they are fewer than it takes; taken for
        none, they would be missing from all that they have instead.
        """
        alone = self.whole[:, None] - self.both
        return self._pooled((alone < self.of.fewest) & (2 * self.both > self.whole[:, None]), alone, np.ones(1))

    @cached_property
    def few_together(self) -> dict[int, float]:
        """How often spans are together that hardly ever are, in units of what chance brings; by earlier entry."""
        return self._pooled(self.hardly, self.both, self.usual)

    @cached_property
    def hardly(self) -> NDArray[np.bool_]:
        """The spans that are hardly ever together and by chance would be often, ``(earlier spans, later spans)``."""
        found: NDArray[np.bool_] = (self.both < self.of.fewest) & (
            self.whole[:, None] * self.usual >= self.of.enough[0]
        )
        return found

    def _pooled(
        self, pairs: NDArray[np.bool_], counts: NDArray[np.float64], usual: NDArray[np.float64]
    ) -> dict[int, float]:
        """The sums of some counts over what chance brings, by earlier entry; 0 where they are of too few patients."""
        entries = np.array([e for e, _ in self.places], np.int64)
        expected = np.bincount(entries, np.where(pairs, self.whole[:, None] * usual, 0).sum(axis=1))
        totals = np.bincount(entries, np.where(pairs, counts, 0).sum(axis=1))
        shown = totals >= self.of.fewest
        return {e: float(totals[e] / expected[e]) if shown[e] else 0.0 for e in self.before}

    def unmet(self, drawn: NDArray[np.int32], mass: NDArray[np.float32], kept: PairRates, known: set[int]) -> PairRates:
        """Pairs of which generated rows are certainly not as real ones, the clearest; of each earlier code one at most.

        Args:
            drawn: the codes of all entries, ``(entries, rows)``, of rows as they are generated.
            mass: the unnormalised probabilities of the later entry's codes in those rows, ``(codes, rows)``.
            kept: pairs that are met already.
            known: given entries that are known to go with the later one, by pairs that were found unmet; more are
                added.
        """
        if not self.both.size:
            return PairRates.none()
        drawn_both, drawn_whole = self._generated(drawn, mass)
        rate = np.clip(drawn_both / np.maximum(drawn_whole, 1.0)[:, None], _TINY, 1 - _TINY)
        differs = standard_errors(self.both, self.whole[:, None], drawn_both, drawn_whole[:, None])
        self._clear(differs, kept)
        together = np.isin([e for e, _ in self.places], list(known))
        enough = np.where(together, self.of.enough[1], self.of.enough[0])[:, None]
        often = np.maximum(self.both, self.whole[:, None] * rate) >= enough
        # What nearly never is together is looked for last: most of it goes with what is together.
        found = self._clearest(np.where(often, differs, 0), self._sure(together), rate, drawn_both, drawn_whole)
        known |= {e for e in found.pairs[:, 0].tolist() if e < self.of.layout.first_own}
        if len(found):
            return found
        sure = np.full(len(differs), _SURE_OF_NONE)
        return self._clearest(np.where(self.hardly, differs, 0), sure, rate, drawn_both, drawn_whole)

    def _sure(self, together: NDArray[np.bool_]) -> NDArray[np.float64]:
        """By how many standard errors the pairs of each earlier span have to differ, ``(earlier spans,)``.

        Where a given column is known to go with the later one, chance has only their own pairs to bring (a hierarchical
        test; Benjamini and Bogomolov 2014, Journal of the Royal Statistical Society B 76, 297).

        Args:
            together: whether the columns of a span and the later one are known to, ``(earlier spans,)``.
        """
        entries = np.array([e for e, _ in self.places], np.int64)
        pairs = np.bincount(entries)[entries] * self.both.shape[1]
        chance = np.where(together, _BY_CHANCE_AMONG / pairs, _BY_CHANCE / self.both.size)
        return np.asarray(-ndtri(chance / 2), np.float64)

    def _clearest(
        self,
        differs: NDArray[np.float64],
        sure: NDArray[np.float64],
        rate: NDArray[np.float64],
        drawn_both: NDArray[np.float64],
        drawn_whole: NDArray[np.float64],
    ) -> PairRates:
        """The pairs that differ most, by so many standard errors at least; of each earlier code one at most.

        Args:
            sure: of each earlier span, ``(earlier spans,)``.
        """
        differs = differs / sure[:, None]
        clear = max(1.0, _NEXT * differs.max())
        found: list[PairRates] = []
        taken: dict[int, NDArray[np.bool_]] = {}
        for at in np.argsort(-differs, axis=None):
            one, other = np.unravel_index(at, differs.shape)
            if differs[one, other] < clear:
                break
            e, k = self.places[one]
            first, last = self.of.spans[e][k]
            codes = taken.setdefault(e, np.zeros(self.of.layout.sizes[e], bool))
            if codes[first : last + 1].any():
                continue
            both, whole = self._patients(int(one), int(other))
            if standard_errors(both, whole, drawn_both[one, other], drawn_whole[one]) >= sure[one]:
                codes[first : last + 1] = True
                wanted = (both + _PSEUDO_PATIENTS * rate[one, other]) / (whole + _PSEUDO_PATIENTS)
                spans = self.of.spans[e][[k]], self.of.spans[self.later][[other]]
                limit = abs(float(logit(wanted) - logit(rate[one, other]))) + _BEYOND
                found.append(PairRates.between(e, spans[0], self.later, spans[1], np.array([wanted]), limit))
        return PairRates.joined([PairRates.none(), *found])

    def _generated(
        self, drawn: NDArray[np.int32], mass: NDArray[np.float32]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """How many generated rows have both, as ``both``, and how many the earlier one, as ``whole``."""
        rate = np.ascontiguousarray((self.of.members[self.later][:-1].T @ mass / mass.sum(axis=0)).T)
        told = self.of.one_hot(drawn[self.before].T, self.before).T
        return self.members.T @ (told @ rate), self.members.T @ told.sum(axis=1)

    def _clear(self, differs: NDArray[np.float64], kept: PairRates) -> None:
        """Set those to 0 that are kept already."""
        place = {(e, *self.of.spans[e][k].tolist()): at for at, (e, k) in enumerate(self.places)}
        other = {tuple(span): at for at, span in enumerate(self.of.spans[self.later].tolist())}
        for earlier, first, last, _, *span in kept.pairs.tolist():
            one, two = place.get((earlier, first, last)), other.get(tuple(span))
            if one is not None and two is not None:
                differs[one, two] = 0

    def _patients(self, one: int, other: int) -> tuple[float, float]:
        """How many patients have both spans of a pair, and the earlier one; as in such pairs where too few decide."""
        e, k = self.places[one]
        whole = float(self.whole[one])
        observed = (self.of.weights > 0) & (self.of.codes[:, self.later] < self.of.layout.sizes[self.later])
        earlier, later = observed & self._has(e, k), self._has(self.later, other)
        together, alone = (len(np.unique(self.of.whose[earlier & those])) for those in (later, ~later))
        if together < self.of.fewest:
            return whole * self.few_together[e] * float(self.usual[other]), whole
        if alone < self.of.fewest:
            return whole * (1 - self.few_alone[e]), whole
        # A few patients with many rows count no more than they are.
        return min(float(self.both[one, other]), together), whole

    def _has(self, entry: int, span: int) -> NDArray[np.bool_]:
        """Which real rows have a span of an entry."""
        first, last = self.of.spans[entry][span]
        codes = self.of.codes[:, entry]
        return np.asarray((codes >= first) & (codes <= last))


def standard_errors(
    found: NDArray[np.float64] | float,
    of: NDArray[np.float64] | float,
    drawn: NDArray[np.float64] | float,
    of_drawn: NDArray[np.float64] | float,
) -> NDArray[np.float64]:
    """How far apart two shares are that are both counted: the root of the deviance of their table, in standard errors.

    What a few generated rows show for certain, the real ones need not show.
    """
    pooled = (np.asarray(found) + drawn) / np.maximum(np.asarray(of) + of_drawn, _TINY)
    return np.sqrt(np.maximum(_deviance(found, of, pooled) + _deviance(drawn, of_drawn, pooled), 0))


def _deviance(
    found: NDArray[np.float64] | float, of: NDArray[np.float64] | float, rate: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Of a binomial count, from what a rate brings."""
    rest = np.maximum(np.asarray(of) - found, 0)
    expected = np.maximum(of * rate, np.finfo(np.float64).tiny)
    others = np.maximum(of * (1 - rate), np.finfo(np.float64).tiny)
    return np.asarray(2 * (xlogy(found, found / expected) + xlogy(rest, rest / others)), np.float64)


def _spans(domain: Domain, counts: NDArray[np.float64]) -> NDArray[np.int64]:
    """Every code, spans of a scale with a half, a quarter, an eighth of the rows, and categories of a coding system.

    Returns:
        The first and the last code of each, ``(spans, 2)``.
    """
    found = {(code, code) for code in np.flatnonzero(counts).tolist()}
    on_scale = np.setdiff1d(np.flatnonzero(counts), domain.special)
    if domain.scale is not Scale.NOMINAL and len(on_scale):
        middle = (np.cumsum(counts[on_scale]) - counts[on_scale] / 2) / counts[on_scale].sum()
        for halved in range(1, _HALVED + 1):
            part = (middle * 2**halved).astype(np.int64)
            for each in np.unique(part):
                inside = on_scale[part == each]
                if not np.isin(np.arange(inside[0], inside[-1]), domain.special).any():
                    found.add((int(inside[0]), int(inside[-1])))
    for level in domain.parents[:-1]:
        groups = np.array(level)
        for group in np.unique(groups):
            inside = np.flatnonzero(groups == group)
            if inside[-1] - inside[0] < len(inside) and counts[inside].any():
                found.add((int(inside[0]), int(inside[-1])))
    return np.array(sorted(found), np.int64).reshape(-1, 2)


def _members(spans: NDArray[np.int64], size: int) -> sparse.csr_array:
    """Which codes are in which span, ``(codes + 1, spans)``."""
    lengths = spans[:, 1] - spans[:, 0] + 1
    codes = np.concatenate([np.zeros(0, np.int64), *(np.arange(first, last + 1) for first, last in spans)])
    return sparse.csr_array(
        (np.ones(len(codes), np.float32), (codes, np.repeat(np.arange(len(spans)), lengths))), (size + 1, len(spans))
    )
