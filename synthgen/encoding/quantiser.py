"""Integer keys on a line as codes: heaped keys exactly (atoms), the rest in quantile bins, and back."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import median_filter
from scipy.stats import poisson

from synthgen.encoding import disclosure
from synthgen.encoding.levels import LevelCounts

#: A key with at least this share of the rows is an atom; of those rows that hold no key of most.
ATOM_SHARE = 1 / 160
#: Where at most this many keys are common enough to be shown, each of them is an atom.
MOST_ATOMS = 160
MOST_BINS = 64
#: Rows of a bin for each of the patients that it takes to show one.
_ROWS_PER_PATIENT = 4
#: Where common keys hold at least this share of the rows, all of them are atoms.
_NEARLY_ALL = 0.9
#: So many keys tell what is usual for the one in their middle; and how probable it is that any key is by chance far
#: from what is usual.
_AROUND = 9
_BY_CHANCE = 0.05
#: No bin reaches across atoms that hold more than this share of the rows: what is rare below what is common and what is
#: rare above it would be one code, and come out as each other.
_MOST_ACROSS = 1 / 8


#: Keys from the first to the second, both included.
Range: TypeAlias = tuple[int, int]
#: Beyond every key.
LOWEST: Final = -(1 << 62) - 1
HIGHEST: Final = (1 << 62) + 1


@dataclass(frozen=True, eq=False)
class Quantiser:
    """Atoms and bins. A *piece* is an atom (numbered first) or a bin; codes are pieces in the order of the line.

    A bin holds the keys of its stretches that are no atoms: one stretch as it is learned, several where conditions
    leave parts of it. The bounds of bins lie on a coarse grid that does not depend on single observations, and the
    outermost bounds leave out the tails that fewer than ``rare_below`` patients reach, so a decoded key says nothing
    about an extreme one.

    Attributes:
        atoms: int64, ascending.
        starts, ends: int64, ascending, inclusive, of each stretch; never atoms, so that every bin has a key to draw.
        pieces: int64 ``(size,)``, the piece that each code is.
        bins: int64, the bin of each stretch, ascending from 0.
    """

    atoms: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    pieces: NDArray[np.int64]
    bins: NDArray[np.int64]

    def __post_init__(self) -> None:
        if not len(self.starts) == len(self.ends) == len(self.bins) or np.any(self.starts > self.ends):
            raise ValueError("a bin ends before it starts")
        if np.any(self.starts[1:] <= self.ends[:-1]) or np.any(np.diff(self.atoms) <= 0):
            raise ValueError("the atoms or the bins do not ascend")
        if np.isin(np.r_[self.starts, self.ends], self.atoms).any():
            raise ValueError("an atom bounds a bin")
        if not np.array_equal(np.sort(self.pieces), np.arange(len(self.atoms) + self.n_bins)):
            raise ValueError("the codes are not the atoms and bins")

    @classmethod
    def of(cls, atoms: NDArray[np.int64], starts: NDArray[np.int64], ends: NDArray[np.int64]) -> Quantiser:
        """The quantiser of these atoms and bins, coded by where their middles lie."""
        middles = np.r_[atoms.astype(np.float64), starts + (ends - starts) / 2.0]
        return cls(atoms, starts, ends, np.argsort(middles, kind="stable").astype(np.int64), np.arange(len(starts)))

    @property
    def size(self) -> int:
        return len(self.pieces)

    @property
    def n_bins(self) -> int:
        return int(self.bins[-1]) + 1 if len(self.bins) else 0

    @property
    def positions(self) -> NDArray[np.float64]:
        """The key in the middle of each code, ascending, shape ``(size,)``."""
        low, high = self.bounds()
        return np.asarray(low + (high - low) / 2.0, np.float64)

    def bounds(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The lowest and highest key of each code, shape ``(size,)`` each."""
        first, last = self._stretches_of_bins()
        return np.r_[self.atoms, self.starts[first]][self.pieces], np.r_[self.atoms, self.ends[last]][self.pieces]

    def _stretches_of_bins(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The first and the last stretch of each bin."""
        bins = np.arange(self.n_bins)
        return np.searchsorted(self.bins, bins), np.searchsorted(self.bins, bins, side="right") - 1

    def encode(self, keys: NDArray[np.int64]) -> NDArray[np.int32]:
        """The code of each key; keys beyond the outermost bins count as theirs; -1 where there is no bin."""
        codes = np.argsort(self.pieces)
        n_atoms = len(self.atoms)
        result = np.full(len(keys), -1, np.int64)
        if len(self.starts):
            stretch = np.clip(np.searchsorted(self.starts, keys, side="right") - 1, 0, None)
            result = codes[n_atoms + self.bins[stretch]]
        if n_atoms:
            atom = np.clip(np.searchsorted(self.atoms, keys), 0, n_atoms - 1)
            result = np.where(self.atoms[atom] == keys, codes[atom], result)
        return result.astype(np.int32)

    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int64]:
        """A key per code: the atom, or a draw, uniform over the keys of the bin."""
        piece = self.pieces[codes]
        n_atoms = len(self.atoms)
        keys = np.zeros(len(codes), np.int64)
        is_atom = piece < n_atoms
        keys[is_atom] = self.atoms[piece[is_atom]]
        bins = piece[~is_atom] - n_atoms
        if len(bins):
            first, last = self._rank(self.starts), self._rank(self.ends)
            stretch = self._drawn_stretch(bins, (last - first).astype(np.float64) + 1, rng)
            keys[~is_atom] = self._key_of_rank(rng.integers(first[stretch], last[stretch], endpoint=True))
        return keys

    def _drawn_stretch(
        self, bins: NDArray[np.int64], widths: NDArray[np.float64], rng: np.random.Generator
    ) -> NDArray[np.int64]:
        """A stretch for each of some bins, drawn by how many keys each has."""
        if len(self.starts) == self.n_bins:
            return bins
        # Bin i has the probabilities from i to i + 1.
        ends = np.cumsum(widths / np.bincount(self.bins, widths)[self.bins])
        first, last = self._stretches_of_bins()
        drawn = np.searchsorted(ends, bins + rng.random(len(bins)), side="right")
        return np.asarray(np.clip(drawn, first[bins], last[bins]), np.int64)

    def _rank(self, keys: NDArray[np.int64]) -> NDArray[np.int64]:
        """The position of each key on the line from which the atoms are taken out."""
        return keys - np.searchsorted(self.atoms, keys)

    def _key_of_rank(self, ranks: NDArray[np.int64]) -> NDArray[np.int64]:
        return ranks + np.searchsorted(self.atoms - np.arange(len(self.atoms)), ranks, side="right")

    def keys_of(self, code: int) -> NDArray[np.int64]:
        """All keys that a code is decoded to, each alike, ascending."""
        piece, n_atoms = int(self.pieces[code]), len(self.atoms)
        if piece < n_atoms:
            return self.atoms[piece : piece + 1]
        own = self.bins == piece - n_atoms
        stretches = zip(self._rank(self.starts[own]).tolist(), self._rank(self.ends[own]).tolist(), strict=True)
        return self._key_of_rank(np.concatenate([np.arange(first, last + 1) for first, last in stretches]))

    def reaches(self, codes: NDArray[np.int32], keys: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each key is the atom of its code or lies in a stretch of its bin, be it an atom there or not."""
        piece, n_atoms = self.pieces[codes], len(self.atoms)
        result = np.zeros(len(keys), bool)
        for own, low, high, numbers in (
            (piece < n_atoms, self.atoms, self.atoms, np.arange(n_atoms)),
            (piece >= n_atoms, self.starts, self.ends, self.bins + n_atoms),
        ):
            if own.any():
                at = np.clip(np.searchsorted(low, keys[own], side="right") - 1, 0, None)
                result[own] = (keys[own] >= low[at]) & (keys[own] <= high[at]) & (numbers[at] == piece[own])
        return result

    def within(self, ranges: Sequence[Range]) -> Quantiser:
        """The same codes, whose bins hold only keys in some ranges; a bin without any is left as it is.

        Args:
            ranges: ascending, apart from each other.
        """
        starts, ends, bins = self._common(ranges)
        whole = ~np.isin(self.bins, bins)
        bins = np.r_[bins, self.bins[whole]]
        order = np.argsort(bins, kind="stable")
        starts, ends = np.r_[starts, self.starts[whole]][order], np.r_[ends, self.ends[whole]][order]
        return Quantiser(self.atoms, starts, ends, self.pieces, bins[order])

    def shares(self, ranges: Sequence[Range]) -> NDArray[np.float64]:
        """The probability that each code is decoded to a key in the ranges, shape ``(size,)``.

        Args:
            ranges: ascending, apart from each other.
        """
        atoms = np.zeros(len(self.atoms), bool)
        for low, high in ranges:
            atoms |= (self.atoms >= low) & (self.atoms <= high)
        bins = self._keys_of_bins(*self._common(ranges)) / self._keys_of_bins(self.starts, self.ends, self.bins)
        return np.asarray(np.r_[atoms, bins][self.pieces], np.float64)

    @property
    def n_keys(self) -> NDArray[np.float64]:
        """How many keys each code is decoded to, shape ``(size,)``."""
        bins = self._keys_of_bins(self.starts, self.ends, self.bins)
        return np.asarray(np.r_[np.ones(len(self.atoms)), bins][self.pieces], np.float64)

    def _keys_of_bins(
        self, starts: NDArray[np.int64], ends: NDArray[np.int64], bins: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """How many keys that are no atoms stretches have together, bin by bin, ``(n_bins,)``."""
        keys = (self._rank(ends) - self._rank(starts)).astype(np.float64) + 1
        return np.bincount(bins, keys, self.n_bins).astype(np.float64)

    def _common(self, ranges: Sequence[Range]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """The parts of the stretches in the ranges: starts, ends, and bins."""
        low, high = np.array(ranges, np.int64).reshape(-1, 2).T
        starts, ends = np.maximum(self.starts[:, None], low), np.minimum(self.ends[:, None], high)
        there = starts <= ends
        bins = np.broadcast_to(self.bins[:, None], there.shape)[there]
        starts, ends = _without(self.atoms, starts[there], step=1), _without(self.atoms, ends[there], step=-1)
        left = starts <= ends
        return starts[left], ends[left], bins[left]

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
    inward: bool = False,
) -> Quantiser:
    """The quantiser of counted keys.

    Args:
        lowest, highest: declared bounds; no bin reaches beyond them.
        pitch, phase: every bin starts at a multiple of ``pitch``, shifted by ``phase`` (weeks start on Mondays).
        inward: whether no bin reaches beyond the keys that were counted, where these span a few pitches at least.
    """
    common = levels.patients >= rare_below
    if np.count_nonzero(common) > MOST_ATOMS:
        common &= levels.counts >= ATOM_SHARE * _aside(levels.counts)
    elif levels.counts[common].sum() < _NEARLY_ALL * levels.counts.sum():
        common &= _by_themselves(levels.counts, _ROWS_PER_PATIENT * rare_below)
    parts = [np.flatnonzero(~common)] if pitch > 1 else _parts(levels, common, rare_below)
    atoms, bins = levels.keys[common].astype(np.int64), []
    for at, part in enumerate(parts):
        most = max(1, round(MOST_BINS * levels.counts[part].sum() / max(levels.counts[~common].sum(), 1)))
        # What lies between two parts are atoms, beside which there is a neighbouring key to begin with.
        first = int(levels.keys[part[0] - 1]) + 1 if at > 0 else None
        last = int(levels.keys[part[-1] + 1]) - 1 if at < len(parts) - 1 else None
        bins.append(_bins(levels.take(part), rare_below, pitch, phase, inward, most, (first, last)))
    starts, ends = (np.concatenate(of) for of in zip(*bins, strict=True))
    # A bin wholly outside the declared bounds ends before it starts once they are applied, and is left out.
    starts = _without(atoms, starts if lowest is None else np.maximum(starts, lowest), step=1)
    ends = _without(atoms, ends if highest is None else np.minimum(ends, highest), step=-1)
    return Quantiser.of(atoms, starts[starts <= ends], ends[starts <= ends])


def _by_themselves(counts: NDArray[np.int64], full: int) -> NDArray[np.bool_]:
    """Keys that are codes of their own for more than chance, ``(n,)``.

    Where keys have a few rows each, some reach ``rare_below`` patients because of who happened to be there, and others
    beside them do not; as atoms they would tell who was. So either the keys around fill bins, too, or a key has more
    rows than a Poisson count about theirs.

    Args:
        full: rows that fill a bin.
    """
    around = median_filter(counts, size=min(_AROUND, len(counts)), mode="mirror")
    return np.asarray((around >= full) | (poisson.sf(counts - 1, around) * len(counts) < _BY_CHANCE))


def _aside(counts: NDArray[np.int64]) -> int:
    """The rows without those of keys that hold half of what commoner keys leave.

    Where nearly all rows hold one key, such as a pause of no time, a share of all of them would leave the other keys a
    few bins between them; the last would reach from two hours to a day, and its keys would be drawn as if all alike.
    """
    left = int(counts.sum())
    for most in np.sort(counts)[::-1].tolist():
        if 2 * most < left:
            break
        left -= most
    return left


def _without(atoms: NDArray[np.int64], bounds: NDArray[np.int64], *, step: int) -> NDArray[np.int64]:
    """Bounds moved inwards until none is an atom, so that whatever is cut off a bin, something stays."""
    bounds = bounds.copy()
    while (on_atom := np.isin(bounds, atoms)).any():
        bounds[on_atom] += step
    return bounds


def _parts(levels: LevelCounts, common: NDArray[np.bool_], rare_below: int) -> list[NDArray[np.intp]]:
    """The keys that are no atoms, cut where atoms of many rows lie between two.

    Where a part has too few rows to fill a bin, the atoms beside it join it while they are no larger than a bin
    themselves; so the few lowest and the few highest keys are told apart.

    Args:
        common: the keys that are atoms, ``(n,)``; corrected.
    """
    across, full = _MOST_ACROSS * int(levels.counts.sum()), _ROWS_PER_PATIENT * rare_below
    whole: set[int] = set()
    while True:
        (rest,) = np.nonzero(~common)
        passed = np.cumsum(np.where(common, levels.counts, 0))[rest]
        cuts = [at for at in (np.flatnonzero(np.diff(passed) > across) + 1).tolist() if int(rest[at]) not in whole]
        parts = np.split(rest, cuts)
        thin = [at for at, part in enumerate(parts) if levels.counts[part].sum() < full]
        if not cuts or not thin:
            return parts
        part = parts[thin[0]]
        beside = [int(part[0]) - 1] * (thin[0] > 0) + [int(part[-1]) + 1] * (thin[0] < len(cuts))
        joined = min(beside, key=lambda at: int(levels.counts[at]))
        if levels.counts[joined] < full:
            common[joined] = False
        else:
            whole.add(int(part[0] if thin[0] else parts[1][0]))


def _bins(
    levels: LevelCounts,
    rare_below: int,
    pitch: int,
    phase: int,
    inward: bool,
    most: int,
    within: tuple[int | None, int | None],
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first and last keys of bins.

    Args:
        most: so many bins at most.
        within: the lowest and highest key of all; ``None`` where that is how far enough patients reach.
    """
    trimmed = disclosure.trimmed_range(levels, rare_below)
    if trimmed is None:
        return np.empty(0, np.int64), np.empty(0, np.int64)
    low, high = (reached if bound is None else bound for reached, bound in zip(trimmed, within, strict=True))
    n_bins = int(np.clip(levels.counts.sum() // (_ROWS_PER_PATIENT * rare_below), 1, most))
    cumulative = np.cumsum(levels.counts)
    wanted = np.arange(1, n_bins) * cumulative[-1] / n_bins
    inner = np.unique(levels.keys[np.searchsorted(cumulative, wanted)].astype(np.int64))
    inner = inner[(inner > low) & (inner <= high)]
    edges = np.r_[low, inner, high + 1]
    placed = [_snap(edges, i, pitch, phase, inward) for i in range(len(edges))]
    if placed[0] >= placed[-1]:
        placed = [_snap(edges, i, pitch, phase, inward=False) for i in range(len(edges))]
    placed[0] = placed[0] if within[0] is None else within[0]
    placed[-1] = placed[-1] if within[1] is None else within[1] + 1
    # Where few patients are spread wide, the ends that enough of them reach from either side lie crosswise.
    snapped = np.unique(np.clip(placed, min(placed[0], placed[-1]), max(placed[0], placed[-1])))
    starts = disclosure.merge_thin_bins(levels, snapped[:-1], rare_below)
    ends = np.r_[starts[1:], snapped[-1]] - 1
    return starts.astype(np.int64), ends.astype(np.int64)


def _snap(edges: NDArray[np.int64], i: int, pitch: int, phase: int, inward: bool) -> int:
    """Edge ``i`` on the coarsest grid of 1, 2, 5, 10, ... keys that is at most half as wide as its narrower bin.

    The outermost edges move outwards, so that the trimmed range stays covered, or ``inward``.
    """
    widths = np.diff(edges)[max(i - 1, 0) : i + 1]
    # In integers throughout: keys may be beyond 2**53.
    step = _round_step(max(int(widths.min()) // pitch // 2, 1)) * pitch
    edge = int(edges[i]) - phase
    if 0 < i < len(edges) - 1:
        return (edge + step // 2) // step * step + phase
    down = (i == 0) != inward
    return (edge // step if down else -(-edge // step)) * step + phase


def _round_step(width: int) -> int:
    """The largest of 1, 2, 5, 10, 20, ... that is at most ``width``."""
    power: int = 10 ** (len(str(width)) - 1)
    return max(factor * power for factor in (1, 2, 5) if factor * power <= width)
