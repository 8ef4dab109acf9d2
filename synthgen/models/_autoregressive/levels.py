"""Levels of columns, slopes and terms for pairs, at which rows drawn column by column have the shares of real ones."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from synthgen.models._autoregressive.associations import Associations
from synthgen.models._autoregressive.chain import Chain, Network
from synthgen.models._autoregressive.pair_rates import PairRates
from synthgen.models._autoregressive.pair_terms import PairTerms
from synthgen.models._autoregressive.scales import Alongside, Scales
from synthgen.models._autoregressive.slopes import Slopes
from synthgen.models._draws import at_share

if TYPE_CHECKING:
    from synthgen.models._autoregressive.descent import Rows

#: Rows by which levels are corrected, and the probabilities held for that.
_LEVELLED: Final = 40_000
_LEVELLED_LOGITS: Final = 1 << 25
#: Of few rows so many copies are drawn, but no more rows than so many: what is to be seen of the real ones is not to
#: drown in the chance of the generated ones.
_COPIES: Final = 8
_FEW_LEVELLED: Final = 20_000
#: How often pairs are looked for that generated rows do not have as real ones do.
_SEARCHES: Final = 8
#: How often each column's levels are corrected after its pairs are, and how often that is done in turn.
_LEVELLINGS: Final = 2
_MEETINGS: Final = 3
#: How many steps are taken towards a new slope.
_STEPS: Final = 12
#: By how much a step is shortened that goes too far.
_SHORTER: Final = 4.0
#: Rows added to both sides there, so that a code of a few rows is not taken at its word.
_PSEUDO_ROWS: Final = 10.0


def levelled(
    network: Network,
    rows: Rows,
    shares: Sequence[NDArray[np.float64]],
    rates: PairRates,
    associations: Associations | None,
    scales: Scales | None,
    rng: np.random.Generator,
) -> Network:
    """The network, with levels and terms at which generated rows have the shares of real ones, column by column.

    What a column is given in training are real columns, in sampling those drawn before it; these differ a little, more
    from column to column. So rows are drawn as in sampling, and each column's levels are raised until the mean
    probability of a code is its share (iterative proportional fitting), before the column is drawn itself. The
    correlations of scales and the rates of pairs of codes are met in the same way.

    Args:
        network: as it was learned, with no pairs corrected.
        rows: whose contexts are given.
        shares: of the codes, per entry of the layout.
        rates: of the pairs that are kept, as real rows have them.
        associations: from which more pairs are taken, where generated rows are certainly not as real ones.
        scales: from which slopes are taken in the same way.
    """
    layout, weights = network.layout, list(network.weights)
    wanted = len(rows) if associations is None else max(len(rows), min(_COPIES * len(rows), _FEW_LEVELLED))
    n = min(wanted, _LEVELLED, _LEVELLED_LOGITS // max(layout.sizes, default=1))
    if n == 0:
        return network
    odds = None if rows.weights is None else rows.weights / rows.weights.sum(dtype=np.float64)
    chosen = rng.choice(len(rows), n, replace=odds is not None or n > len(rows), p=odds)
    chain = Chain.of(network, rows.codes[chosen, : layout.first_own].astype(np.int32))
    pairs, terms, steep = [np.zeros((0, 6), np.int32)], [np.zeros(0, np.float32)], []
    for e in range(layout.first_own, len(layout.order)):
        mass, kept = chain.mass(slice(None)), rates.of_entry(e)
        level, of_kept = weights[e].level.copy(), np.zeros(len(kept), np.float32)
        # Slopes are what it takes beside what is kept anyway, such as the code of the row before; and pairs are what it
        # takes beside slopes. Looked for together, they would pull against each other.
        kept.meet(chain.drawn, mass, of_kept)
        _raise(mass, level, shares[e])
        alongside = None if scales is None else scales.beside(e, chain.drawn)
        while alongside is not None and alongside.more(mass):
            _settle(alongside, mass, level, shares[e])
        beside, together = None if associations is None else associations.beside(e), set[int]()
        for _ in range(1 if beside is None else _SEARCHES):
            for _ in range(_MEETINGS):
                kept.meet(chain.drawn, mass, of_kept)
                _raise(mass, level, shares[e])
            more = PairRates.none() if beside is None else beside.unmet(chain.drawn, mass, kept, together)
            if not len(more):
                break
            kept = PairRates.joined([kept, more])
            of_kept = np.concatenate([of_kept, np.zeros(len(more), np.float32)])
        weights[e] = replace(weights[e], level=level)
        pairs.append(kept.pairs)
        terms.append(of_kept)
        if alongside is not None:
            steep.append(alongside)
        chain.next(at_share(mass, rng.random(n, dtype=np.float32)))
    slopes = Slopes.none(layout) if scales is None else scales.slopes(steep)
    met = PairTerms(np.concatenate(pairs), np.concatenate(terms))
    return replace(network, weights=tuple(weights), pairs=met, slopes=slopes)


def _settle(
    alongside: Alongside,
    mass: NDArray[np.float32],
    level: NDArray[np.float32],
    shares: NDArray[np.float64],
) -> None:
    """Meet the correlations of scales by a few steps, each as long as it brings them nearer.

    Args:
        mass, level, shares: as for ``_raise``.
    """
    away, share = alongside.away(mass), 1.0
    for _ in range(_STEPS):
        if away <= 1:
            break
        slopes, narrower = alongside.slopes.copy(), alongside.narrower.copy()
        tried = mass.copy(), level.copy()
        alongside.step(tried[0], share)
        _raise(*tried, shares)
        reached = alongside.away(tried[0])
        if reached < away:
            mass[:], level[:] = tried
            away, share = reached, min(1.0, 2 * share)
        else:
            alongside.slopes, alongside.narrower = slopes, narrower
            share /= _SHORTER


def _raise(mass: NDArray[np.float32], level: NDArray[np.float32], shares: NDArray[np.float64]) -> None:
    """Raise and lower the level of each code until its mean probability is its share.

    Args:
        mass: the unnormalised probabilities of the codes, ``(codes, rows)``; corrected.
        level: their logarithms by themselves, ``(codes,)``; corrected.
        shares: ``(codes,)``.
    """
    n, raised = mass.shape[1], np.ones(len(mass), np.float32)
    for _ in range(_LEVELLINGS):
        # Not by BLAS: its float32 kernels have told of invalid values where all of them were finite.
        mean = raised * np.einsum("kn,n->k", mass, 1 / np.einsum("kn,k->n", mass, raised))
        raised *= ((shares * n + _PSEUDO_ROWS) / (mean + _PSEUDO_ROWS)).astype(np.float32)
    mass *= raised[:, None]
    level += np.log(raised)
