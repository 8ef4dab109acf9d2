"""Who is tested for membership, what the attacker has beside, and how much each patient looks like a member."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.attacks.agreement import Agreement
from synthgen.metrics.attacks.neighbours import Frame, Points, log_density, nearest
from synthgen.metrics.base import Comparison, Likelihood, Records, Side, Variable, listed
from synthgen.metrics.boosting import classifier, threads
from synthgen.metrics.coding.features import Features, learnable
from synthgen.metrics.identity import identities, integer_columns, pooled, without_repeats
from synthgen.metrics.once import Once

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

#: Pairs of a tested and a synthetic record that are compared over all columns; fewer patients are tested beyond.
PAIRS = 1_500_000_000
#: But at least this many tested records.
FEWEST_TESTED = 4_000
#: One in so many of the patients is reference, and at most so many.
REFERENCE_SHARE = 5
MOST_REFERENCE = 10_000
#: Random halvings of the columns; each half is attacked by itself.
HALVINGS = 4
#: Pairs of records whose kernels are added up for a density.
DENSITY_PAIRS = 300_000_000
#: Records whose likelihood is asked: a copula estimates each by many draws.
LIKELIHOODS = 5_000
#: Rounds of the boosted classifier.
ROUNDS = 60


@dataclass(frozen=True, eq=False)
class Attack:
    """One guess at membership.

    Attributes:
        columns: those it looks at; ``all`` for every one.
        score: per tested patient, higher where the patient looks more like a member.
    """

    name: str
    columns: str
    score: Floats


@dataclass(frozen=True, eq=False)
class Trial:
    """Patients whose membership is to be guessed, and what the attacker has.

    A fifth of all real patients, training or not, drawn without looking at which, are the *reference*: what an attacker
    knows of the population. Of the others at most as many are tested as can be compared with every synthetic record,
    training and holdout patients as evenly as possible. So a score depends on membership only through the synthetic
    set, and if the generator owes nothing to the training set the labels of the tested patients are exchangeable.
    What a patient repeats counts once.

    Attributes:
        member: per tested patient, members first.
        patient: per tested record, the tested patient, ascending.
        position: per tested and then per reference record, its row in the training set or in the holdout.
        learned: per tested and then per reference record, whether it is of the training set.
        records: tested, reference and synthetic records, in this order.
        tested: how many records are tested.
        reference: how many are reference.
    """

    variables: tuple[Variable, ...]
    member: NDArray[np.bool_]
    patient: Integers
    position: Integers
    learned: NDArray[np.bool_]
    records: Records
    tested: int
    reference: int
    frame: Frame
    likelihood: Likelihood | None
    once: Once = field(default_factory=Once, init=False, repr=False)

    @classmethod
    def of(cls, comparison: Comparison) -> Trial:
        """The trial of a comparison that has a holdout, the same for every measure that asks."""
        return comparison.once("membership trial", lambda: cls._draw(comparison))

    @classmethod
    def _draw(cls, comparison: Comparison) -> Trial:
        if comparison.holdout is None:
            raise ValueError("membership cannot be tested without a holdout")
        # A generator of its own: all measures must test the same patients.
        rng = np.random.default_rng(0)
        variables, train, synthetic = comparison.variables, comparison.train, comparison.synthetic
        both = pooled(train, comparison.holdout)
        kept = without_repeats(variables, both)
        real = both.take(kept)
        synthetic = synthetic.take(without_repeats(variables, synthetic))
        reference, tested = _dealt(real, train.n_patients, synthetic.n, rng)
        place = np.full(real.n_patients, -1, dtype=np.int64)
        place[tested] = np.arange(len(tested))
        rows = np.flatnonzero(place[real.patient] >= 0)
        rows = rows[np.argsort(place[real.patient[rows]], kind="stable")]
        known = np.flatnonzero(np.isin(real.patient, reference))
        position = kept[np.concatenate([rows, known])]
        return cls(
            variables,
            tested < train.n_patients,
            place[real.patient[rows]],
            np.where(position < train.n, position, position - train.n),
            position < train.n,
            pooled(real.take(rows), real.take(known), synthetic),
            len(rows),
            len(known),
            Frame.of(variables, real),
            comparison.likelihood,
        )

    @property
    def members(self) -> int:
        return int(self.member.sum())

    @property
    def others(self) -> int:
        """Tested patients who are no members."""
        return len(self.member) - self.members

    @property
    def reason(self) -> str:
        """Why there is no answer; empty where there is one."""
        fewest = min(self.members, self.others)
        return "" if fewest >= 8 else f"only {fewest} patients of one side are left to be tested beside the reference"

    @property
    def sizes(self) -> dict[str, int]:
        """Of the trial, for ``Metric.n``."""
        return {
            "train_patients": self.members,
            "holdout_patients": self.others,
            "tested_rows": self.tested,
            "reference_rows": self.reference,
            "synthetic": self.records.n - self.tested - self.reference,
        }

    @cached_property
    def halves(self) -> tuple[tuple[int, ...], ...]:
        """Random halves of the columns, two of each halving; none where there are fewer than 4 columns."""
        columns = len(self.variables)
        if columns < 4:
            return ()
        rng = np.random.default_rng(1)
        orders = [rng.permutation(columns) for _ in range(HALVINGS)]
        cuts = [part for order in orders for part in (order[: columns // 2], order[columns // 2 :])]
        return tuple(tuple(sorted(part.tolist())) for part in cuts)

    @cached_property
    def by_model(self) -> tuple[Attack, ...]:
        """The attack that asks the fitted model, which whoever has the records alone cannot; none without one."""
        if self.likelihood is None:
            return ()
        return (Attack("likelihood ratio", "all", self.mean(self._likelihood_ratio(self.likelihood))),)

    @cached_property
    def attacks(self) -> tuple[Attack, ...]:
        """Every attack that needs the records alone, those that look at all columns first."""
        every = tuple(range(len(self.variables)))
        found = [Attack(name, "all", score) for name, score in self._everywhere(every)]
        for half in self.halves:
            names = listed([self.variables[column] for column in half])
            found += [Attack(name, names, score) for name, score in self._near(half)]
        return tuple(found)

    def distances(self, columns: tuple[int, ...] | None = None) -> tuple[Floats, Floats]:
        """Per tested record, the distance to the closest synthetic and to the closest reference record."""
        every = tuple(range(len(self.variables)))
        found = (
            self._nearest
            if columns is None or columns == every
            else self.once(columns, lambda: self._searched(columns))
        )
        return found[0], found[1]

    def agreement(self) -> Floats:
        """Per tested record, how much more it agrees with the closest synthetic than with the closest known record."""
        _, _, synthetic, reference = self._nearest
        return synthetic - reference

    @property
    def _nearest(self) -> tuple[Floats, Floats, Floats, Floats]:
        known = Agreement(self.variables, self.records.take(self.tested + np.arange(self.reference)))
        every = tuple(range(len(self.variables)))
        return self.once(every, lambda: self._searched(every, known))

    def _searched(
        self, columns: tuple[int, ...], weights: Agreement | None = None
    ) -> tuple[Floats, Floats, Floats, Floats]:
        """Distances, and by ``weights`` agreements. Equal records are searched for once."""
        identity = identities(self._integers[list(columns)])
        _, first, inverse = np.unique(identity[: self.tested], return_index=True, return_inverse=True)
        points = self._points.restricted(columns, [variable.kind == "numeric" for variable in self.variables])
        queries, known = points.take(first), self.tested + self.reference
        found = []
        for begin, end in ((known, self.records.n), (self.tested, known)):
            pool = begin + np.unique(identity[begin:end], return_index=True)[1]
            distance, agreement = np.empty(queries.n), np.zeros(queries.n)
            for block in nearest(queries, points.take(pool)):
                distance[block.start : block.start + len(block.distance)] = block.distance
                if weights is not None:
                    query = block.start + block.query
                    own, other = self.records.take(first[query]), self.records.take(pool[block.neighbour])
                    np.maximum.at(agreement, query, weights.of(own, other))
            found.append((distance[inverse], agreement[inverse]))
        (synthetic, agreed), (reference, known_agreed) = found
        return synthetic, reference, agreed, known_agreed

    def closeness(self, columns: tuple[int, ...] | None = None) -> Floats:
        """Per tested record, closer to the synthetic than to the reference set: from -1 to 0, -1/2 where neither."""
        synthetic, reference = self.distances(columns)
        both = synthetic + reference
        return -np.divide(synthetic, both, out=np.full_like(both, 0.5), where=both > 0)

    def _near(self, columns: tuple[int, ...]) -> Iterator[tuple[str, Floats]]:
        yield "distance", self.most(-self.distances(columns)[0])
        yield "calibrated distance", self.most(self.closeness(columns))

    def _everywhere(self, columns: tuple[int, ...]) -> Iterator[tuple[str, Floats]]:
        yield from self._near(columns)
        yield "density ratio", self.mean(self._density_ratio())
        yield "classifier", self.mean(self._classified())
        yield "rare agreement", self.most(self.agreement())

    def most(self, values: Floats) -> Floats:
        """The largest value of each tested patient's records: the record that gives most away."""
        return np.asarray(np.maximum.reduceat(values, self._starts))

    def mean(self, values: Floats) -> Floats:
        """The mean over each tested patient's records."""
        return np.asarray(np.add.reduceat(values, self._starts) / np.bincount(self.patient))

    @cached_property
    def _starts(self) -> Integers:
        return np.searchsorted(self.patient, np.arange(len(self.member)))

    @cached_property
    def _integers(self) -> Integers:
        return integer_columns(self.variables, self.records)

    @cached_property
    def _points(self) -> Points:
        return Points.of(self.variables, self.records, self.frame)

    def _sides(self, most: int) -> tuple[Integers, Integers]:
        """Rows of the reference and of the synthetic records, at most so many of each."""
        known = self.tested + self.reference
        rng = np.random.default_rng(2)
        synthetic = known + rng.permutation(self.records.n - known)[:most]
        return self.tested + np.arange(self.reference)[:most], synthetic

    def _density_ratio(self) -> Floats:
        """DOMIAS (van Breugel et al. 2023): log density of the synthetic over that of the reference records.

        Both by Gaussian kernels, half as wide as a tested record is far from the reference set in the median.
        """
        typical = float(np.median(self.distances()[1]))
        queries = self._points.take(np.arange(self.tested))
        sides = self._sides(max(1, DENSITY_PAIRS // self.tested))
        reference, synthetic = (log_density(queries, self._points.take(s), (typical or 1.0) / 2) for s in sides)
        return synthetic - reference

    def _classified(self) -> Floats:
        """How sure a boosted classifier is that a tested record is synthetic rather than reference."""
        reference, synthetic = (self.records.take(side) for side in self._sides(MOST_REFERENCE))
        features = Features.of(self.variables, (self.records,))
        matrix = np.concatenate([features.matrix(synthetic), features.matrix(reference)])
        label = np.arange(len(matrix)) < synthetic.n
        with threads(len(matrix)):
            fitted = classifier(features.categorical, len(matrix), 0, ROUNDS).fit(learnable(matrix), label)
            tested = features.matrix(self.records.take(np.arange(self.tested)))
            return np.asarray(fitted.decision_function(tested), dtype=np.float64)

    def _likelihood_ratio(self, likelihood: Likelihood) -> Floats:
        """The model's log likelihood, less what the reference set's columns explain of it.

        How common a record is by its columns taken one at a time is counted in the model's own codes: what the model
        remembers of its training set is in how probable it finds these, and in coarser ones it would be lost. It is
        fitted out by least squares over the tested records, whatever their labels. At most ``LIKELIHOODS`` records are
        asked for, drawn whatever their labels; the others stay in the middle.
        """
        asked = np.sort(np.random.default_rng(3).permutation(self.tested)[:LIKELIHOODS])
        found = np.empty(len(asked))
        for of, rows in self._on_sides(asked):
            found[of] = likelihood.log_prob(*rows)
        finite = np.isfinite(found)
        # A record that the model cannot generate is the least like a member.
        found[~finite] = found[finite].min(initial=0.0) - 1.0
        common = self._commonness(likelihood, asked)
        design = np.stack([np.ones(len(asked)), common], axis=1)
        residual = np.zeros(self.tested)
        residual[asked] = found - design @ np.linalg.lstsq(design, found, rcond=None)[0]
        return residual

    def _commonness(self, likelihood: Likelihood, asked: Integers) -> Floats:
        """The sum of the log shares that the codes of some records have in the reference set."""
        counts = np.full(len(likelihood.columns), 0.5)
        for _, rows in self._on_sides(self.tested + np.arange(self.reference)):
            counts += likelihood.occurrences(*rows).sum(axis=0)
        shares = counts / np.bincount(likelihood.columns, counts)[likelihood.columns]
        common = np.zeros(len(asked))
        for of, rows in self._on_sides(asked):
            common[of] = likelihood.occurrences(*rows) @ np.log(shares)
        return common

    def _on_sides(self, records: Integers) -> Iterator[tuple[NDArray[np.bool_], tuple[Side, Integers]]]:
        """Which of some records are of each side, and their rows there."""
        learned = self.learned[records]
        for of, side in ((learned, "train"), (~learned, "holdout")):
            yield of, (cast(Side, side), self.position[records[of]])


def _dealt(real: Records, training: int, synthetic: int, rng: np.random.Generator) -> tuple[Integers, Integers]:
    """Reference patients, and tested ones, members first; both by number."""
    order = rng.permutation(real.n_patients)
    cut = min(real.n_patients // REFERENCE_SHARE, MOST_REFERENCE)
    reference, rest = order[:cut], order[cut:]
    members, others = rest[rest < training], rest[rest >= training]
    rows = max(FEWEST_TESTED, PAIRS // max(synthetic, 1))
    most = max(2, rows * real.n_patients // real.n)
    fewer = min(len(members), len(others), most // 2)
    kept = (members[: max(fewer, most - len(others))], others[: max(fewer, most - len(members))])
    return reference, np.concatenate([np.sort(part) for part in kept])
