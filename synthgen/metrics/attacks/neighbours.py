"""Exact nearest neighbours between sets of mixed records, with all ties."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthgen.metrics.base import Records, Variable

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Matrix = NDArray[np.float32]

#: Up to this many levels a column is cheapest as columns of the matrix product, above it as compared codes
#: (measured: 0.04 ns per pair and level on one core against 0.1 ns per pair and column and more where codes are wide).
ONE_HOT_LEVELS = 5
#: What a pair, a query and a column of codes cost where few pairs are taken off one by one, in levels of the product.
PAIR_COST = 160.0
QUERY_COST = 250_000.0
MOST_LEVELS_COST = 2
#: Cells of the matrix of distances held at a time (64 MiB).
BLOCK_CELLS = 2**24
#: The largest factor of squared distances; float32 holds its product with any that occurs.
_SHARPEST = 1e30
#: Entries of a row whose smallest is all that is looked at again, unless it is small enough.
GROUP = 64
#: Where one entry in so many has to be looked at again, all are.
DENSE = 16
#: Rows whose codes are compared at a time, so that the counts stay in the cache.
STRIPE = 8
#: Two squared distances this close, relative and absolute, are one distance.
TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Frame:
    """Where numbers are centred and how they are scaled: ``name: (centre, scale)`` per numeric variable."""

    numbers: Mapping[str, tuple[float, float]]

    @classmethod
    def of(cls, variables: Sequence[Variable], records: Records) -> Frame:
        """Centre on the mean and scale by two standard deviations, each patient weighing the same.

        By two standard deviations the mean squared difference of two records is 1/2, that of an even two-valued
        category (Gelman 2008, Statistics in Medicine 27). What a patient repeats must have been removed before.
        """
        weights = 1.0 / np.bincount(records.patient)[records.patient]
        return cls(
            {
                variable.name: _centre_and_scale(records.numbers[variable.name], weights)
                for variable in variables
                if variable.kind == "numeric"
            }
        )


def _centre_and_scale(values: Floats, weights: Floats) -> tuple[float, float]:
    has = np.isfinite(values)
    if not has.any():
        return 0.0, 1.0
    centre = float(np.average(values[has], weights=weights[has]))
    spread = float(np.sqrt(np.average((values[has] - centre) ** 2, weights=weights[has])))
    return centre, 2.0 * spread if spread > 0.0 else 1.0


@dataclass(frozen=True, eq=False)
class Points:
    """Records as points. A squared distance is the sum of squared differences of numbers plus the mismatches of codes.

    A missing value and each text result is a code of its own: where one record has a number and the other has none,
    that is one mismatch; where neither has one, the codes decide.

    Attributes:
        numbers: shape ``(n_numeric, n)``, centred and scaled, 0 where there is no number.
        present: shape ``(n_numeric, n)``, whether there is a number.
        codes: shape ``(n_variables, n)``.
    """

    numbers: Floats
    present: NDArray[np.bool_]
    codes: NDArray[np.int32]

    @classmethod
    def of(cls, variables: Sequence[Variable], records: Records, frame: Frame) -> Points:
        """The points of ``records`` under the variables given, in their order."""
        numeric = [variable.name for variable in variables if variable.kind == "numeric"]
        numbers = np.empty((len(numeric), records.n))
        present = np.empty((len(numeric), records.n), dtype=bool)
        for row, name in enumerate(numeric):
            centre, scale = frame.numbers[name]
            present[row] = np.isfinite(records.numbers[name])
            numbers[row] = np.where(present[row], (records.numbers[name] - centre) / scale, 0.0)
        codes = np.array([records.codes[variable.name] for variable in variables], dtype=np.int32)
        return cls(numbers, present, codes.reshape(len(variables), records.n))

    @property
    def n(self) -> int:
        """The number of points."""
        return int(self.codes.shape[1])

    def take(self, rows: Integers) -> Points:
        """The points at ``rows``."""
        return Points(self.numbers[:, rows], self.present[:, rows], self.codes[:, rows])

    def restricted(self, columns: Sequence[int], numeric: Sequence[bool]) -> Points:
        """The same points in the variables at ``columns`` only; ``numeric`` says which of all variables are numeric."""
        place = np.cumsum(numeric) - 1
        numbers = [int(place[column]) for column in columns if numeric[column]]
        return Points(self.numbers[numbers], self.present[numbers], self.codes[list(columns)])


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest neighbours of a block of queries, ties included.

    Attributes:
        start: the position of the block's first query.
        distance: shape ``(n_block,)``, the distance (not squared).
        query: of each pair of neighbours, the query's position within the block, ascending.
        neighbour: of each pair, the position in the pool.
        further: shape ``(n_block,)``, the distance to the nearest point that is further away; infinite where there
            is none; empty unless asked for.
    """

    start: int
    distance: Floats
    query: Integers
    neighbour: Integers
    further: Floats


def nearest(queries: Points, pool: Points, *, further: bool = False) -> Iterator[Neighbours]:
    """All nearest neighbours in ``pool`` of each query, block by block.

    Distances come from one float32 matrix product for numbers and columns of few levels, and from compared codes for
    columns of many. Every pair within a bound of the rounding error is computed again in float64, so neighbours,
    distances and ties are exact.

    Raises:
        ValueError: the pool is empty.
    """
    if pool.n == 0:
        raise ValueError("nearest neighbours need at least one point in the pool")
    search = _Search.of(queries, pool)
    rows = max(1, min(queries.n, BLOCK_CELLS // pool.n))
    # In whole groups: what fills up the last of them is further away than anything.
    squared = np.full((rows, -(-pool.n // GROUP) * GROUP), np.inf, dtype=np.float32)
    for start in range(0, queries.n, rows):
        stop = min(start + rows, queries.n)
        yield search.block(start, squared[: stop - start], further)


def log_density(queries: Points, pool: Points, bandwidth: float) -> Floats:
    """The logarithm of the mean over ``pool`` of a Gaussian kernel at each query, up to a constant, shape ``(n,)``.

    Distances are in float32, which a density needs no more than; ``bandwidth`` is in units of distance. One that is
    nothing beside them makes each query's density that of its nearest record alone.
    """
    scale = np.float32(-min(0.5 / bandwidth**2, _SHARPEST))
    search = _Search.of(queries, pool)
    rows = max(1, min(queries.n, BLOCK_CELLS // pool.n))
    squared = np.empty((rows, pool.n), dtype=np.float32)
    found = np.empty(queries.n)
    for start in range(0, queries.n, rows):
        block = squared[: min(rows, queries.n - start)]
        search.fill(block, start)
        np.multiply(block, scale, out=block)
        # The largest term is taken out, so that a query far from all keeps its order among the others.
        highest = block.max(axis=1)
        np.exp(np.subtract(block, highest[:, None], out=block), out=block)
        found[start : start + len(block)] = highest + np.log(block.sum(axis=1, dtype=np.float64) / pool.n)
    return found


@dataclass(frozen=True, eq=False)
class _Sparse:
    """A column in which most records have its commonest level, so that few pairs have two others.

    Attributes:
        query: of each query its level, 0 the commonest.
        pool: for each level the records of the pool that have it; for 0 those that have any other.
    """

    query: NDArray[Any]
    pool: tuple[Integers, ...]

    @classmethod
    def of(cls, a: NDArray[Any], b: NDArray[Any], levels: int) -> _Sparse:
        return cls(a, (np.flatnonzero(b), *(np.flatnonzero(b == level) for level in range(1, levels))))

    def take_off(self, squared: Matrix, start: int) -> None:
        """Of two records that lack the commonest level, what both sides added: all where equal, else one."""
        level = self.query[start : start + len(squared)]
        for row in np.flatnonzero(level).tolist():
            squared[row, self.pool[0]] -= 1.0
            squared[row, self.pool[level[row]]] -= 1.0


@dataclass(frozen=True, eq=False)
class _Search:
    """A search made ready.

    Each column is read in the way that costs least. Where a mismatch is [a ≠ 0] + [b ≠ 0], less what two records add
    twice that both lack the commonest level 0, the first two terms belong to either record alone. What is left is a
    matrix product with one column a level beside the commonest, or for few pairs taken off one by one.
    """

    queries: Points
    pool: Points
    left: Matrix
    right: Matrix
    sparse: tuple[_Sparse, ...]
    compared: tuple[tuple[NDArray[Any], NDArray[Any]], ...]
    error: float
    terms: float
    norms: Floats

    @classmethod
    def of(cls, queries: Points, pool: Points) -> _Search:
        left, right, own, others = _numeric_sides(queries, pool)
        compared: list[tuple[NDArray[Any], NDArray[Any]]] = []
        sparse: list[_Sparse] = []
        mismatches = 0
        for codes in zip(queries.codes, pool.codes, strict=True):
            a, b, levels = _by_frequency(*codes)
            if levels == 1:
                continue
            if _few_pairs(a, b, levels):
                sparse.append(_Sparse.of(a, b, levels))
            elif levels <= ONE_HOT_LEVELS:
                for level in range(1, levels):
                    left.append(-((a == level).astype(np.float32) + (a != 0)))
                    right.append((b == level).astype(np.float32))
            else:
                compared.append((a, b))
                continue
            mismatches += 1
            own += a != 0
            others += b != 0
        left += [own.astype(np.float32), np.ones(queries.n, dtype=np.float32)]
        right += [np.ones(pool.n, dtype=np.float32), others.astype(np.float32)]
        # Without numbers the product adds integers, which float32 holds exactly.
        error = (len(left) + 2 * len(sparse) + 8) * 2.0**-24 * 2.0 if len(queries.numbers) else 0.0
        norms = np.sqrt((queries.numbers**2).sum(axis=0))
        terms = 4.0 * mismatches + len(compared)
        return cls(
            queries, pool, np.array(left).T.copy(), np.array(right), tuple(sparse), tuple(compared), error, terms, norms
        )

    def block(self, start: int, squared: Matrix, further: bool) -> Neighbours:
        """The neighbours of the queries from ``start`` on; ``squared`` is room for their distances, in whole groups."""
        stop = start + len(squared)
        self.fill(squared[:, : self.pool.n], start)
        positions = np.arange(start, stop)
        distance, query, neighbour = self._closest(squared, positions)
        second = np.empty(0)
        if further:
            squared[query, neighbour] = np.inf
            # A query that is as near to all has nothing further away.
            alike = np.bincount(query, minlength=len(squared)) == self.pool.n
            squared[alike, : self.pool.n] = 0.0
            second = self._closest(squared, positions)[0]
            second[alike] = np.inf
        return Neighbours(start, np.sqrt(distance), query, neighbour, np.sqrt(second))

    def fill(self, squared: Matrix, start: int) -> None:
        """Squared distances of the queries from ``start`` on, within the rounding error."""
        stop = start + len(squared)
        np.matmul(self.left[start:stop], self.right, out=squared)
        for column in self.sparse:
            column.take_off(squared, start)
        self._add_compared(squared, start, stop)

    def _add_compared(self, squared: Matrix, start: int, stop: int) -> None:
        """Add the mismatches of the columns with many levels, a few queries at a time."""
        if not self.compared:
            return
        kind = np.uint8 if len(self.compared) < 2**8 else np.uint32
        counts = np.empty((STRIPE, self.pool.n), dtype=kind)
        differs = np.empty((STRIPE, self.pool.n), dtype=bool)
        for first in range(start, stop, STRIPE):
            last = min(first + STRIPE, stop)
            count, differ = counts[: last - first], differs[: last - first]
            count[:] = 0
            for a, b in self.compared:
                np.not_equal(a[first:last, None], b[None, :], out=differ)
                np.add(count, differ.view(np.uint8), out=count)
            squared[first - start : last - start] += count

    def _closest(self, squared: Matrix, positions: Integers) -> tuple[Floats, Integers, Integers]:
        """Exact smallest squared distance per row of ``squared``, and all pairs at that distance."""
        rows = np.arange(len(squared))
        # Entries that stand equally far apart are one group, so that the smallest of each is found in one swift pass.
        least = squared.reshape(len(squared), GROUP, -1).min(axis=1)
        group = least.argmin(axis=1)
        smallest = least[rows, group]
        if self.error == 0.0:
            query, neighbour = _within(squared, least, smallest)
            return smallest.astype(np.float64), query, neighbour
        members = squared[rows[:, None], _members(group, least.shape[1])]
        bound = self._exact(positions, group + least.shape[1] * members.argmin(axis=1))
        # A point no further than the bound has a norm of at most the query's plus the root of the bound, which
        # limits the rounding error of its entry in the product.
        norm = self.norms[positions]
        slack = self.error * (self.terms + norm**2 + (norm + np.sqrt(bound)) ** 2)
        query, neighbour = _within(squared, least, np.nextafter((bound + slack).astype(np.float32), np.inf))
        exact = self._exact(positions[query], neighbour)
        distance = np.minimum.reduceat(exact, np.searchsorted(query, rows))
        tied = exact <= (distance * (1.0 + TIE) + TIE)[query]
        return distance, query[tied], neighbour[tied]

    def _exact(self, query: Integers, neighbour: Integers) -> Floats:
        """Squared distances of pairs in float64, the same whatever the order of the rows."""
        total = np.zeros(len(query))
        for a, b in zip(self.queries.codes, self.pool.codes, strict=True):
            total += a[query] != b[neighbour]
        numeric = zip(self.queries.numbers, self.queries.present, self.pool.numbers, self.pool.present, strict=True)
        for a_number, a_present, b_number, b_present in numeric:
            both = a_present[query] & b_present[neighbour]
            total += np.where(both, (a_number[query] - b_number[neighbour]) ** 2, 0.0)
        return total


def _members(group: Integers, groups: int) -> Integers:
    """The columns of each group, shape ``(n, GROUP)``."""
    return group[:, None] + groups * np.arange(GROUP)


def _within(squared: Matrix, least: Matrix, limit: NDArray[np.float32]) -> tuple[Integers, Integers]:
    """Rows and columns, in order, of the cells up to their row's limit; ``least`` is the smallest of each group."""
    row, group = _where(least <= limit[:, None])
    if len(row) * GROUP > squared.size // DENSE:
        return _where(squared <= limit[:, None])
    columns = _members(group, least.shape[1])
    found, member = np.nonzero(squared[row[:, None], columns] <= limit[row, None])
    row, column = row[found], columns[found, member]
    order = np.lexsort((column, row))
    return row[order], column[order]


def _where(mask: NDArray[np.bool_]) -> tuple[Integers, Integers]:
    """Rows and columns of the true cells (several times faster than ``np.nonzero`` where they are few)."""
    rows, columns = np.divmod(np.flatnonzero(mask), mask.shape[1])
    return rows, columns


def _by_frequency(a: NDArray[np.int32], b: NDArray[np.int32]) -> tuple[NDArray[Any], NDArray[Any], int]:
    """The codes of both sides as 0 for the commonest level, 1 for the next, and the number of levels."""
    both = np.concatenate([a, b])
    both -= both.min()
    counts = np.bincount(both)
    levels = np.count_nonzero(counts)
    kind = np.uint8 if levels <= 2**8 else np.uint16 if levels <= 2**16 else np.uint32
    place = np.zeros(len(counts), dtype=kind)
    place[np.argsort(-counts, kind="stable")[:levels]] = np.arange(levels)
    both = place[both]
    return both[: len(a)], both[len(a) :], int(levels)


def _few_pairs(a: NDArray[Any], b: NDArray[Any], levels: int) -> bool:
    """Whether taking off pair by pair (some ns each, and some µs for each query) is cheaper than the other ways."""
    cost = np.count_nonzero(a) / len(a) * (np.count_nonzero(b) * PAIR_COST + QUERY_COST)
    return bool(cost < min(levels - 1, MOST_LEVELS_COST) * len(b))


def _numeric_sides(queries: Points, pool: Points) -> tuple[list[Matrix], list[Matrix], Floats, Floats]:
    """Columns whose products sum to -2ab or, where a number is missing somewhere, to (a - b)² where both have one.

    And what of (a - b)² belongs to a query or to a record of the pool alone.
    """
    left: list[Matrix] = []
    right: list[Matrix] = []
    own, others = np.zeros(queries.n), np.zeros(pool.n)
    sides = zip(queries.numbers, queries.present, pool.numbers, pool.present, strict=True)
    for a, a_present, b, b_present in sides:
        left.append(np.float32(-2.0) * a.astype(np.float32))
        right.append(b.astype(np.float32))
        if a_present.all() and b_present.all():
            own += a * a
            others += b * b
            continue
        left += [(a * a).astype(np.float32), a_present.astype(np.float32)]
        right += [b_present.astype(np.float32), (b * b).astype(np.float32)]
    return left, right, own, others
