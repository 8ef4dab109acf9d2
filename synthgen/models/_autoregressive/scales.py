"""How closely scales go together in real rows, and the slopes by which they do so in generated ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from synthgen.models._autoregressive.layout import Layout
from synthgen.models._autoregressive.slopes import STEEPEST, Slopes, scores

if TYPE_CHECKING:
    from synthgen.models._autoregressive.descent import Rows

#: Patients with both numbers, and standard errors by which the correlations of real and generated rows differ: so many
#: at least. By trial on an invented cohort: with four, an attack by likelihood finds more members.
_FEWEST: Final = 50
_SURE: Final = 5.0
#: How many slopes a column has at most.
_MOST: Final = 6
#: A slope is met where the correlation is within so much of the real one, as Fisher's z.
_MET: Final = 0.02
#: A step is no longer than this, or than this share of the slope.
_STEP: Final = 8.0
_FASTER: Final = 0.5
#: Added to the variances, so that columns that say the same share their slope.
_RIDGE: Final = 0.01
#: No factor of a code's mass is less than e to minus this, so that something stays of every row.
_DEEPEST: Final = 80.0
#: Of scores of variance 1: with less than so much where two scales are both there, they have no correlation.
_LEAST_VARIANCE: Final = 0.05
#: No correlation is taken to be closer, so that its z is finite.
_CLOSEST: Final = 0.9999


@dataclass(frozen=True, eq=False)
class Scales:
    """How the scales of real rows go together.

    A network that is held back for the sake of the patients takes a close link of two numbers, such as a pressure at
    two visits, for a loose one. But the correlation of a thousand patients is known to a few hundredths, and to keep it
    takes one slope, to which no single patient matters much.

    Attributes:
        layout: of the network.
        scores: of each entry, ``(codes + 1,)``, NaN off the scale.
        cells: of the real rows.
        weights: how much each row counts, ``(n,)``.
        stands: how many patients stand for a row with an entry on its scale, ``(entries,)``.
        fewest: of fewer patients nothing is told.
    """

    layout: Layout
    scores: list[NDArray[np.float32]]
    cells: _Cells
    weights: NDArray[np.float32]
    stands: NDArray[np.float64]
    fewest: int

    @classmethod
    def of(
        cls, layout: Layout, rows: Rows, whose: NDArray[np.int64], shares: Sequence[NDArray[np.float64]], fewest: int
    ) -> Scales:
        """What some rows show.

        Args:
            rows: as ``train`` takes them.
            whose: the patient of each row, ``(n,)``.
            shares: of the codes, per entry.
            fewest: of fewer patients nothing is told.
        """
        of = [scores(layout.domains[at], share) for at, share in zip(layout.order, shares, strict=True)]
        weights = np.ones(len(rows), np.float32) if rows.weights is None else rows.weights
        cells = _Cells.of(of, rows.codes.T, range(len(of)))
        shown = [(on > 0) & (weights > 0) for on in cells.on.T]
        patients = np.array([len(np.unique(whose[some])) for some in shown], np.float64)
        stands = patients / np.maximum([np.count_nonzero(some) for some in shown], 1)
        return cls(layout, of, cells, weights, stands, max(fewest, _FEWEST))

    def beside(self, later: int, drawn: NDArray[np.int32]) -> Alongside:
        """The scales before one, with no slopes yet.

        Args:
            drawn: the codes of all entries, ``(entries, rows)``, of rows as they are generated.
        """
        own, has = self.scores[later], [np.isfinite(of).any() for of in self.scores]
        before = np.array([e for e in self.layout.before(later) if has[later] and has[e]], np.intp)
        on, scored = self.cells.on[:, later] * self.weights, self.cells.scored[:, later]
        earlier = self.cells.take(before)
        real = earlier.beside(_Moments(on, on * scored, on * scored**2))
        patients = (earlier.on.T @ (on > 0)) * np.minimum(self.stands[before], self.stands[later])
        wanted = np.where(patients >= self.fewest, np.arctanh(real.correlation), np.nan)
        generated = _Cells.of(self.scores, drawn, before)
        none = np.full(len(before), np.nan, np.float32), np.zeros(len(before), np.float32)
        return Alongside(later, own[:-1], before, wanted, patients, generated, *none)

    def slopes(self, found: Sequence[Alongside]) -> Slopes:
        """All slopes that were taken, as a network keeps them."""
        pairs = [(e, of.later) for of in found for e in of.before[of.taken].tolist()]
        slopes, narrower = ([np.zeros(0, np.float32)] for _ in range(2))
        slopes += [of.slopes[of.taken] for of in found]
        narrower += [of.narrower[of.taken] for of in found]
        return Slopes(
            np.array(pairs, np.int32).reshape(-1, 2),
            np.concatenate(slopes),
            np.concatenate(narrower),
            np.nan_to_num(np.concatenate([np.zeros(0, np.float32), *self.scores])),
        )


@dataclass(eq=False)
class Alongside:
    """Slopes of one entry, as they are learned.

    Attributes:
        later: the entry.
        scores: of its codes, ``(codes,)``, NaN off the scale.
        before: the scales before it, ``(scales,)``.
        wanted: Fisher's z of the correlation with each in real rows; NaN where too few patients show it.
        patients: who do, ``(scales,)``.
        generated: the cells of these scales in the rows that are generated.
        slopes: float32 ``(scales,)``; NaN where none is taken.
        narrower: float32 ``(scales,)``, as of ``Slopes``; 0 where none is taken.
    """

    later: int
    scores: NDArray[np.float32]
    before: NDArray[np.intp]
    wanted: NDArray[np.float64]
    patients: NDArray[np.float64]
    generated: _Cells
    slopes: NDArray[np.float32]
    narrower: NDArray[np.float32]

    @property
    def taken(self) -> NDArray[np.bool_]:
        """Which scales have a slope."""
        return np.isfinite(self.slopes)

    def more(self, mass: NDArray[np.float32]) -> bool:
        """Take one more scale, the one whose correlation generated rows miss most clearly; whether any is missed.

        Args:
            mass: the unnormalised probabilities of the entry's codes in generated rows, ``(codes, rows)``.
        """
        if not len(self.before) or np.count_nonzero(self.taken) == _MOST:
            return False
        together = self.generated.beside(self._moments(mass))
        errors = np.sqrt(1 / np.maximum(self.patients - 3, 1) + 1 / np.maximum(together.both - 3, 1))
        missed = np.abs(self.wanted - np.arctanh(together.correlation)) / errors
        missed[self.taken | np.isnan(missed)] = 0
        clearest = int(missed.argmax())
        if missed[clearest] < _SURE:
            return False
        self.slopes[clearest] = 0
        return True

    def away(self, mass: NDArray[np.float32]) -> float:
        """By how much the correlations of those that are taken are missed, as a multiple of what may be.

        Args:
            mass: as for ``more``.
        """
        (own,) = np.nonzero(self.taken)
        if not len(own):
            return 0.0
        together = self.generated.take(own).beside(self._moments(mass))
        return float(np.abs(self.wanted[own] - np.arctanh(together.correlation)).max()) / _MET

    def step(self, mass: NDArray[np.float32], share: float) -> None:
        """Take the slopes as far as they would have to go between normal variables.

        Args:
            mass: as for ``more``; corrected.
            share: of the way.
        """
        (own,) = np.nonzero(self.taken)
        of = self.generated.take(own)
        now, wanted = of.beside(self._moments(mass)).correlation, np.tanh(self.wanted[own])
        (far, narrow), (near, wide) = (_normal(*of.among(), correlation) for correlation in (wanted, now))
        longest = np.abs((far - near) / np.maximum(_STEP, _FASTER * np.abs(self.slopes[own]))).max()
        share /= max(float(longest), 1.0)
        slopes = np.clip(self.slopes[own] + share * (far - near), -STEEPEST, STEEPEST).astype(np.float32)
        scored = np.nan_to_num(self.scores)
        narrower = (share * (narrow - wide)).astype(np.float32)
        added = np.outer(scored, of.scored @ (slopes - self.slopes[own])) - np.outer(scored**2 / 2, of.on @ narrower)
        mass *= np.exp(np.maximum(added - added.max(axis=0), -_DEEPEST))
        mass /= mass.max(axis=0)
        self.slopes[own] = slopes
        self.narrower[own] += narrower

    def _moments(self, mass: NDArray[np.float32]) -> _Moments:
        """What the probabilities of the codes of each row say of the score."""
        on, scored = np.isfinite(self.scores).astype(np.float32), np.nan_to_num(self.scores)
        return _Moments(*(np.stack([on, scored, scored**2]) @ mass / mass.sum(axis=0)))


class _Moments(NamedTuple):
    """Row by row, how probably a cell is on the scale, and of its score (0 off the scale) the mean and the square."""

    on: NDArray[np.float32]
    mean: NDArray[np.float32]
    square: NDArray[np.float32]


class _Together(NamedTuple):
    """Over the rows with an earlier scale and the later one both on: how many, and the correlation, by earlier one.

    It is 0 where one of the two hardly varies: what a few rows show, or rounding, is none.
    """

    both: NDArray[np.float64]
    correlation: NDArray[np.float64]


class _Cells(NamedTuple):
    """The scores of some columns, ``(rows, columns)``, 0 off the scale, and 1 where a cell is on it."""

    scored: NDArray[np.float32]
    on: NDArray[np.float32]

    @classmethod
    def of(
        cls,
        scores: Sequence[NDArray[np.float32]],
        codes: NDArray[np.integer[Any]],
        entries: Sequence[int] | NDArray[np.intp],
    ) -> _Cells:
        """Those of some entries, from the codes of all, ``(entries, rows)``."""
        scored = np.full((codes.shape[1], len(entries)), np.nan, np.float32)
        for at, e in enumerate(entries):
            scored[:, at] = scores[e][codes[e]]
        return cls(np.nan_to_num(scored), np.isfinite(scored).astype(np.float32))

    def take(self, columns: NDArray[np.intp]) -> _Cells:
        """Some of these columns."""
        return _Cells(self.scored[:, columns], self.on[:, columns])

    def beside(self, later: _Moments) -> _Together:
        """How these columns go with a later one."""
        tiny = np.finfo(np.float64).tiny
        both = np.maximum((self.on.T @ later.on).astype(np.float64), tiny)
        means = (self.scored.T @ later.on) / both, (self.on.T @ later.mean) / both
        variances = (
            ((self.scored**2).T @ later.on) / both - means[0] ** 2,
            (self.on.T @ later.square) / both - means[1] ** 2,
        )
        varied = np.minimum(*variances) >= _LEAST_VARIANCE
        spread = np.sqrt(np.where(varied, variances[0] * variances[1], 1))
        covariance = (self.scored.T @ later.mean) / both - means[0] * means[1]
        return _Together(both, np.where(varied, np.clip(covariance / spread, -_CLOSEST, _CLOSEST), 0))

    def among(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """The correlations of these columns with each other where both are on, times how often that is where one is.

        And how often each is on where any is. A column that is not on says nothing, and leaves more to the others.

        Returns:
            ``(columns, columns)``, the one along the first axis; and ``(columns,)``.
        """
        others = [
            self.beside(_Moments(on, scored, scored**2)) for on, scored in zip(self.on.T, self.scored.T, strict=True)
        ]
        rows = np.maximum(self.on.sum(axis=0, dtype=np.float64), 1)
        shares = rows / max(np.count_nonzero(self.on.any(axis=1)), 1)
        return np.stack([of.correlation * of.both for of in others]) / rows[:, None], shares


def _normal(
    among: NDArray[np.float64], shares: NDArray[np.float64], correlation: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The slopes of a normal variable on others with which it is so correlated, and what each takes of its square.

    Its density given them has the exponent ``slopes @ others * x - (1 + taken.sum()) * x**2 / 2``.

    Args:
        among, shares: of the others, as ``_Cells.among`` has them.
    """
    on_them = np.linalg.solve(among + _RIDGE * np.eye(len(among)), correlation)
    explained = float(np.clip((shares * on_them) @ correlation, 0, _CLOSEST))
    slopes = np.asarray(on_them / (1 - explained), np.float64)
    return slopes, slopes * correlation
