"""Integer keys on a line as codes: heaped keys exactly (atoms), the rest in quantile bins, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding import disclosure
from synthgen.encoding.levels import LevelCounts

#: A key with at least this share of the rows is an atom.
ATOM_SHARE = 1 / 160
#: Where at most this many keys are common enough to be shown, each of them is an atom.
MOST_ATOMS = 160
MOST_BINS = 64


@dataclass(frozen=True, eq=False)
class Quantiser:
    """Atoms and bins. A *piece* is an atom (numbered first) or a bin; codes are pieces in the order of the line.

    Bin ``i`` holds the keys from ``starts[i]`` to ``ends[i]`` that are no atoms. Its bounds lie on a coarse grid that
    does not depend on single observations, and the outermost bounds leave out the tails that fewer than
    ``rare_below`` patients reach, so a decoded key says nothing about an extreme one.

    Attributes:
        atoms: int64, ascending.
        starts, ends: int64, ascending, inclusive; never atoms, so that every bin has a key to draw.
        pieces: int64 ``(size,)``, the piece that each code is.
    """

    atoms: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    pieces: NDArray[np.int64]

    def __post_init__(self) -> None:
        if len(self.starts) != len(self.ends) or np.any(self.starts > self.ends):
            raise ValueError("a bin ends before it starts")
        if np.any(self.starts[1:] <= self.ends[:-1]) or np.any(np.diff(self.atoms) <= 0):
            raise ValueError("the atoms or the bins do not ascend")
        if np.isin(np.r_[self.starts, self.ends], self.atoms).any():
            raise ValueError("an atom bounds a bin")
        if not np.array_equal(np.sort(self.pieces), np.arange(len(self.atoms) + len(self.starts))):
            raise ValueError("the codes are not the atoms and bins")

    @classmethod
    def of(cls, atoms: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Quantiser:
        """The quantiser of these atoms and bins, coded by where their middles lie."""
        middles = np.r_[atoms.astype(np.float64), starts + (ends - starts) / 2.0]
        return cls(atoms, starts, ends, np.argsort(middles, kind="stable").astype(np.int64))

    @property
    def size(self) -> int:
        return len(self.pieces)

    @property
    def positions(self) -> NDArray[np.float64]:
        """The key in the middle of each code, ascending, shape ``(size,)``."""
        middles = np.r_[self.atoms.astype(np.float64), self.starts + (self.ends - self.starts) / 2.0]
        return np.asarray(middles[self.pieces], np.float64)

    def bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The lowest and highest key of each code, shape ``(size,)`` each."""
        return np.r_[self.atoms, self.starts][self.pieces], np.r_[self.atoms, self.ends][self.pieces]

    def encode(self, keys: NDArray[np.int64]) -> NDArray[np.int32]:
        """The code of each key; keys beyond the outermost bins count as theirs; -1 where there is no bin."""
        codes = np.argsort(self.pieces)
        n_atoms = len(self.atoms)
        result = np.full(len(keys), -1, np.int64)
        if len(self.starts):
            bin_ = np.clip(np.searchsorted(self.starts, keys, side="right") - 1, 0, None)
            result = codes[n_atoms + bin_]
        if n_atoms:
            atom = np.clip(np.searchsorted(self.atoms, keys), 0, n_atoms - 1)
            result = np.where(self.atoms[atom] == keys, codes[atom], result)
        return result.astype(np.int32)

    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int64]:
        """A key per code: the atom, or a draw, uniform over the keys of the bin that are no atoms."""
        piece = self.pieces[codes]
        n_atoms = len(self.atoms)
        keys = np.zeros(len(codes), np.int64)
        is_atom = piece < n_atoms
        keys[is_atom] = self.atoms[piece[is_atom]]
        bins = piece[~is_atom] - n_atoms
        if len(bins):
            first, last = self._rank(self.starts), self._rank(self.ends)
            keys[~is_atom] = self._key_of_rank(rng.integers(first[bins], last[bins], endpoint=True))
        return keys

    def _rank(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The position of each key on the line from which the atoms are taken out."""
        return keys - np.searchsorted(self.atoms, keys)

    def _key_of_rank(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        return ranks + np.searchsorted(self.atoms - np.arange(len(self.atoms)), ranks, side="right")

    def within(self, low: int | None, high: int | None) -> Quantiser:
        """The same codes, whose bins reach no further than ``low`` and ``high`` where they overlap that range."""
        starts, ends = self.starts, self.ends
        if low is not None:
            starts = _without(self.atoms, np.where(ends >= low, np.maximum(starts, low), starts), step=1)
        if high is not None:
            ends = _without(self.atoms, np.where(starts <= high, np.minimum(ends, high), ends), step=-1)
        return Quantiser(self.atoms, starts, ends, self.pieces)

    def touching(self, low: int | None, high: int | None) -> NDArray[np.bool_]:
        """Which codes hold some key between ``low`` and ``high``, shape ``(size,)``."""
        lowest, highest = self.bounds()
        touching = np.ones(self.size, bool)
        if low is not None:
            touching &= highest >= low
        if high is not None:
            touching &= lowest <= high
        return touching

    def at(self, keys: Sequence[int]) -> Quantiser:
        """The same codes, where each bin that holds one of the keys holds it alone.

        Raises:
            ValueError: two of the keys lie in one bin.
        """
        wanted = np.setdiff1d(np.array(keys, np.int64), self.atoms)
        bins = np.searchsorted(self.starts, wanted, side="right") - 1
        held = (bins >= 0) & (wanted <= self.ends[bins]) if len(self.starts) else np.zeros(len(wanted), bool)
        wanted, bins = wanted[held], bins[held]
        if len(np.unique(bins)) < len(bins):
            raise ValueError("it is learned in ranges, and two of the values are in one; ask for one, or use >= and <=")
        starts, ends = self.starts.copy(), self.ends.copy()
        starts[bins] = ends[bins] = wanted
        return Quantiser(self.atoms, starts, ends, self.pieces)

    def holding(self, keys: Sequence[int]) -> NDArray[np.bool_]:
        """Which codes hold one of the keys, shape ``(size,)``."""
        lowest, highest = self.bounds()
        wanted = np.array(keys, np.int64)[:, None]
        inside = (wanted >= lowest) & (wanted <= highest)
        # A bin does not hold the atoms that lie in it.
        return np.asarray((inside & ((lowest == highest) | ~np.isin(wanted, self.atoms))).any(axis=0), bool)

    def to_json(self) -> dict[str, Any]:
        return {"atoms": self.atoms.tolist(), "starts": self.starts.tolist(), "ends": self.ends.tolist()}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Quantiser:
        atoms, starts, ends = (np.array(value[name], np.int64) for name in ("atoms", "starts", "ends"))
        return cls.of(atoms, starts, ends)


def solve(
    levels: LevelCounts,
    rare_below: int,
    *,
    lowest: int | None = None,
    highest: int | None = None,
    pitch: int = 1,
    phase: int = 0,
) -> Quantiser:
    """The quantiser of counted keys.

    Args:
        lowest, highest: declared bounds; no bin reaches beyond them.
        pitch, phase: every bin starts at a multiple of ``pitch``, shifted by ``phase`` (weeks start on Mondays).
    """
    common = levels.patients >= rare_below
    if np.count_nonzero(common) > MOST_ATOMS:
        common &= levels.counts >= ATOM_SHARE * levels.counts.sum()
    atoms, rest = levels.keys[common].astype(np.int64), levels.take(~common)
    starts, ends = _bins(rest, rare_below, pitch, phase)
    # A bin wholly outside the declared bounds ends before it starts once they are applied, and is left out.
    starts = _without(atoms, starts if lowest is None else np.maximum(starts, lowest), step=1)
    ends = _without(atoms, ends if highest is None else np.minimum(ends, highest), step=-1)
    return Quantiser.of(atoms, starts[starts <= ends], ends[starts <= ends])


def _without(atoms: NDArray[np.int64], bounds: NDArray[np.int64], *, step: int) -> NDArray[np.int64]:
    """Bounds moved inwards until none is an atom, so that whatever is cut off a bin, something stays."""
    bounds = bounds.copy()
    while (on_atom := np.isin(bounds, atoms)).any():
        bounds[on_atom] += step
    return bounds


def _bins(levels: LevelCounts, rare_below: int, pitch: int, phase: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    trimmed = disclosure.trimmed_range(levels, rare_below)
    if trimmed is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    low, high = trimmed
    n_bins = int(np.clip(levels.counts.sum() // (4 * rare_below), 1, MOST_BINS))
    cumulative = np.cumsum(levels.counts)
    wanted = np.arange(1, n_bins) * cumulative[-1] / n_bins
    inner = np.unique(levels.keys[np.searchsorted(cumulative, wanted)].astype(np.int64))
    inner = inner[(inner > low) & (inner <= high)]
    edges = np.r_[low, inner, high + 1]
    snapped = np.unique([_snap(edges, i, pitch, phase) for i in range(len(edges))])
    starts = disclosure.merge_thin_bins(levels, snapped[:-1], rare_below)
    ends = np.r_[starts[1:], snapped[-1]] - 1
    return starts.astype(np.int64), ends.astype(np.int64)


def _snap(edges: NDArray[np.int64], i: int, pitch: int, phase: int) -> int:
    """Edge ``i`` on the coarsest grid of 1, 2, 5, 10, ... keys that is at most half as wide as its narrower bin.

    The outermost edges move outwards, so that the trimmed range stays covered.
    """
    widths = np.diff(edges)[max(i - 1, 0) : i + 1]
    # In integers throughout: keys may be beyond 2**53.
    step = _round_step(max(int(widths.min()) // pitch // 2, 1)) * pitch
    edge = int(edges[i]) - phase
    if i == 0:
        return edge // step * step + phase
    if i == len(edges) - 1:
        return -(-edge // step) * step + phase
    return (edge + step // 2) // step * step + phase


def _round_step(width: int) -> int:
    """The largest of 1, 2, 5, 10, 20, ... that is at most ``width``."""
    power: int = 10 ** (len(str(width)) - 1)
    return max(factor * power for factor in (1, 2, 5) if factor * power <= width)
