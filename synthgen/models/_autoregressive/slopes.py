"""Terms of the logits by which the codes of a scale rise or fall with those of scales drawn before."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from synthgen.encoding.domain import Domain, Scale
from synthgen.models._autoregressive.layout import Layout

#: The largest slope; two scales that go together more closely have one code for most codes of the other.
STEEPEST: Final = 30.0
#: By no more than this slopes make a code less probable than the rest of the model does: so rare are numbers that are
#: out of all proportion at most, and every row has a likelihood.
_DEEPEST: Final = 10.0
#: What stands for the score 0.
_HARDLY_ANY: Final = 1e-6
#: With fewer codes there is no slope, only single values.
_FEWEST_CODES: Final = 3


@dataclass(frozen=True, eq=False)
class Slopes:
    """What is added to the logits of a scale for each step up of a scale before it.

    The linear-by-linear association of Goodman (1979, Journal of the American Statistical Association 74, 537): the
    logit of a code gains the product of its score, the score of the earlier code, and one slope; and where the earlier
    code is on the scale it loses half of the square of its score times a number, by which what is told so is narrower
    than what is told of nobody.

    Attributes:
        pairs: int32 ``(n, 2)``, the earlier and the later entry; the later ones ascend.
        slopes: float32 ``(n,)``.
        narrower: float32 ``(n,)``, that number.
        scores: float32, for each entry one after another its ``codes + 1`` scores, 0 off the scale and only there; the
            last is of what is unobserved.
    """

    pairs: NDArray[np.int32]
    slopes: NDArray[np.float32]
    narrower: NDArray[np.float32]
    scores: NDArray[np.float32]

    @classmethod
    def none(cls, layout: Layout) -> Slopes:
        """No slopes."""
        none = (np.zeros(length, np.float32) for length in (0, 0, sum(layout.sizes) + len(layout.sizes)))
        return cls(np.zeros((0, 2), np.int32), *none)

    def fits(self, layout: Layout) -> bool:
        """Whether all pairs are of entries that are there, the later one drawn, with a finite score for every code."""
        numbers = self.slopes, self.narrower, self.scores
        if self.pairs.dtype != np.int32 or any(of.dtype != np.float32 or not np.isfinite(of).all() for of in numbers):
            return False
        if self.slopes.ndim != 1 or self.pairs.shape != (len(self.slopes), 2):
            return False
        earlier, later = self.pairs.T
        return bool(
            self.scores.shape == (sum(layout.sizes) + len(layout.sizes),)
            and self.narrower.shape == self.slopes.shape
            and ((earlier >= 0) & (earlier < later) & (later >= layout.first_own) & (later < len(layout.sizes))).all()
            and (np.diff(later) >= 0).all()
            and (np.abs(self.slopes) <= STEEPEST).all()
        )

    def add(self, layout: Layout, entry: int, drawn: NDArray[np.int32], logits: NDArray[np.float32]) -> None:
        """Add to the logits of an entry what the codes drawn before it ask for.

        Args:
            drawn: the codes of all entries, ``(entries, rows)``; of those before this one they count.
            logits: ``(codes, rows)``, changed in place.
        """
        own = np.arange(*np.searchsorted(self.pairs[:, 1], [entry, entry + 1]))
        if not len(own):
            return
        told, narrower = np.zeros((2, logits.shape[1]), np.float32)
        for at in own.tolist():
            earlier = int(self.pairs[at, 0])
            scored = self.of_entry(layout, earlier)[drawn[earlier]]
            told += self.slopes[at] * scored
            narrower += self.narrower[at] * (scored != 0)
        tilt(logits, self.of_entry(layout, entry)[:-1], told, narrower)

    def of_entry(self, layout: Layout, entry: int) -> NDArray[np.float32]:
        """The scores of an entry's codes, ``(codes + 1,)``."""
        first = sum(layout.sizes[:entry]) + entry
        return self.scores[first : first + layout.sizes[entry] + 1]


def tilt(
    logits: NDArray[np.float32], scores: NDArray[np.float32], told: NDArray[np.float32], narrower: NDArray[np.float32]
) -> None:
    """Add to the logits of codes their scores times what each row is told, less what makes them narrower.

    Args:
        logits: ``(codes, rows)``, changed in place.
        scores: ``(codes,)``.
        told, narrower: ``(rows,)``.
    """
    least = logits - (logits.max(axis=0) + _DEEPEST)
    logits += np.outer(scores, told) - np.outer(scores**2 / 2, narrower)
    np.maximum(logits, least + logits.max(axis=0), out=logits)


def scores(domain: Domain, shares: NDArray[np.float64]) -> NDArray[np.float32]:
    """Normal scores of the codes by rank, of mean 0 and variance 1 over the rows on the scale, ``(codes + 1,)``.

    None of them is exactly 0, which stands for what is off the scale where slopes are kept. NaN for codes off the
    scale, for what is unobserved, and throughout where there is no scale: what a number means by its unit is on as many
    scales as there are units.

    Args:
        shares: of each code among the rows.
    """
    found = np.full(domain.size + 1, np.nan, np.float32)
    on_scale = np.setdiff1d(np.flatnonzero(shares), domain.special)
    if domain.scale is Scale.NOMINAL or domain.unit or len(on_scale) < _FEWEST_CODES:
        return found
    share = shares[on_scale] / shares[on_scale].sum()
    normal = ndtri(np.cumsum(share) - share / 2)
    normal -= normal @ share
    normal = (normal / np.sqrt(normal**2 @ share)).astype(np.float32)
    found[on_scale] = np.where(normal == 0, _HARDLY_ANY, normal)
    return found
