"""The shape of an autoregressive network: the order of its columns, and how much room each has."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain

#: Numbers of an embedding for a column of k codes: 1.6 k^0.56, a rule of thumb of practice, checked by trial.
_EMBEDDING: Final = (1.6, 0.56)
_LARGEST_EMBEDDING: Final = 256
#: Numbers in which all that is given is told together, as a share of those that its columns would have one by one.
_TOLD: Final = 0.25
_LEAST_TOLD: Final = 64
#: Hidden units per bit of a column's entropy where there are many patients; the fewer, the fewer.
_UNITS_PER_BIT: Final = 21.0
_MANY_ROWS: Final = 400_000
_FOR_TARGET: Final = 4
_GRAIN: Final = 8
_MOST_UNITS: Final = 192
#: How many columns are computed together, and how much their numbers of codes may differ.
_TOGETHER: Final = 8
_SIMILAR: Final = 2
_SMALL: Final = 8
#: How many earlier columns a column is told by; beyond, those that say most of it (see ``_heard``).
HEARD: Final = 128


@dataclass(frozen=True, eq=False)
class Echo:
    """What one kind of column of the context says about the code that was drawn of another column.

    Attributes:
        unit: the entry of that other column.
        told: int64 ``(codes + 1,)``, for each code of it the context's entry that is about it; -1 for none, and last,
            for what is unobserved.
        size: what such an entry may say, unobserved included.
    """

    unit: int
    told: NDArray[np.int64]
    size: int


@dataclass(frozen=True)
class Layout:
    """Columns in the order in which each is drawn given those before it.

    Positions count the context's columns first, then the model's own, both in the order of their domains.

    Attributes:
        domains: of all positions.
        n_context: how many of them are given, never drawn.
        order: the positions in the order of the network, the context's first; columns of one code are left out.
        dims: numbers in the embedding of each entry of ``order``; those of the context are summed, and so are equal.
        widths: hidden units of each entry of ``order``, equal within a run; 0 for the context's.
        heard: for each run the earlier entries by which it is told, ascending, beside the context and each other;
            empty where all are.
    """

    domains: tuple[Domain, ...]
    n_context: int
    order: tuple[int, ...]
    dims: tuple[int, ...]
    widths: tuple[int, ...]
    heard: tuple[tuple[int, ...], ...] = ()

    @classmethod
    def of(
        cls,
        domains: Sequence[Domain],
        n_context: int,
        counts: Sequence[NDArray[Any]],
        leading: Sequence[str],
    ) -> Layout:
        """A layout that follows the data.

        Columns of many codes come first: their marginals are then exact, and what goes with a diagnosis is drawn given
        the diagnosis. In the opposite order many coarse columns would have to anticipate it together; on Diabetes 130
        that doubles what a classifier sees. The column to be predicted comes last, with more room: how it follows from
        the others is what will be asked. Columns of one coding system share the size of their embeddings.

        Args:
            counts: how often each code occurs, per position.
            leading: names of the columns that come first of all, but for those whose domains say that they lead.
        """
        many = [i for i, domain in enumerate(domains) if domain.size > 1]
        place = {name: at for at, name in enumerate(leading)}
        own = sorted(
            (i for i in many if i >= n_context),
            key=lambda i: (
                not domains[i].leads,
                place.get(domains[i].owner, len(place)),
                domains[i].target,
                -domains[i].size,
                i,
            ),
        )
        own = _after_units(own, domains)
        order = (*(i for i in many if i < n_context), *own)
        given = order[: len(order) - len(own)]
        told = max(_LEAST_TOLD, _GRAIN * round(_TOLD * sum(numbers(domains, given)) / _GRAIN))
        dims = [*(told for _ in given), *numbers(domains, own)]
        rows = max((float(counts[i].sum()) for i in own), default=0.0)
        per_bit = _UNITS_PER_BIT * min(1.0, max(rows, 1.0) / _MANY_ROWS) ** 0.25
        widths = [0] * (len(order) - len(own))
        for run in runs([domains[i] for i in own]):
            bits = [_bits(counts[own[at]]) for at in run]
            most = per_bit * max(bits) * (_FOR_TARGET if domains[own[run.start]].target else 1)
            units = _GRAIN * round(most / _GRAIN)  # whole vectors of the processor
            widths += len(run) * [int(np.clip(units, _GRAIN, _MOST_UNITS))]
        return cls(tuple(domains), n_context, order, tuple(dims), tuple(widths))

    def __post_init__(self) -> None:
        given = [i for i in self.order if i < self.n_context]
        drawn = [i for i in self.order if i >= self.n_context]
        many = [i for i, domain in enumerate(self.domains) if domain.size > 1]
        if [*given, *drawn] != list(self.order) or sorted(self.order) != many:
            raise ValueError("the order does not fit the domains")
        if not len(self.dims) == len(self.widths) == len(self.order) or min(self.dims, default=1) < 1:
            raise ValueError("the sizes do not fit the order")
        if len(set(self.dims[: self.first_own])) > 1:
            raise ValueError("what is given is not told in one place")
        if any((width > 0) != (i >= self.n_context) for i, width in zip(self.order, self.widths, strict=True)):
            raise ValueError("the widths do not fit the order")
        before = [set(range(self.first_own, run.start)) for run in self.runs]
        if self.heard and not (
            len(self.heard) == len(before)
            and all(list(some) == sorted(set(some) & of) for some, of in zip(self.heard, before, strict=True))
        ):
            raise ValueError("what columns are told by does not fit the order")

    @cached_property
    def sizes(self) -> tuple[int, ...]:
        """The number of codes of each entry of ``order``."""
        return tuple(self.domains[i].size for i in self.order)

    @cached_property
    def starts(self) -> tuple[int, ...]:
        """Where the embedding of each entry of ``order`` begins among all numbers, and how many these are."""
        told = self.dims[: self.first_own][:1]
        return (0,) * self.first_own + tuple(np.cumsum([sum(told), *self.dims[self.first_own :]]).tolist())

    @cached_property
    def first_own(self) -> int:
        """The entry of ``order`` with which the model's own columns begin."""
        return sum(i < self.n_context for i in self.order)

    @cached_property
    def n_weights(self) -> int:
        """The products that one row takes, about as many as there are weights."""
        own = range(self.first_own, len(self.order))
        return sum(self.widths[e] * (self.n_told(e) + self.sizes[e]) for e in own)

    def column(self, entry: int) -> int:
        """The model's own column that an entry of ``order`` is."""
        return self.order[entry] - self.n_context

    def told(self, entry: int) -> NDArray[np.intp]:
        """Which of all numbers a column is told, in the same order for all of its run."""
        if not self.heard:
            return np.arange(self.starts[entry])
        others = self.before(entry)[self.first_own :]
        return np.concatenate(
            [np.arange(self.starts[self.first_own]), *(np.arange(self.starts[e], self.starts[e + 1]) for e in others)]
        )

    def before(self, entry: int) -> tuple[int, ...]:
        """The entries by which one is told, the context's included."""
        if not self.heard:
            return tuple(range(entry))
        at = self._run_of[entry - self.first_own]
        return (*range(self.first_own), *self.heard[at], *range(self.runs[at].start, entry))

    def run(self, entry: int) -> range:
        """The run that an entry of the model's own belongs to."""
        return self.runs[self._run_of[entry - self.first_own]]

    def n_told(self, entry: int) -> int:
        """How many numbers a column is told."""
        return len(self.told(entry)) if self.heard else self.starts[entry]

    @cached_property
    def _run_of(self) -> tuple[int, ...]:
        return tuple(at for at, run in enumerate(self.runs) for _ in run)

    @cached_property
    def runs(self) -> tuple[range, ...]:
        """The model's own entries in the runs that are computed together."""
        own = [self.domains[i] for i in self.order[self.first_own :]]
        return tuple(range(self.first_own + run.start, self.first_own + run.stop) for run in runs(own))

    def kin(self, entry: int) -> tuple[int, ...]:
        """The entries before ``entry`` that tell of its codes: columns of its coding system, and it in rows before."""
        return self._kin[entry]

    @cached_property
    def _kin(self) -> tuple[tuple[int, ...], ...]:
        found, of_system, of_earlier = [], defaultdict[str, list[int]](list), defaultdict[str, list[int]](list)
        for entry, own in enumerate(self.domains[i] for i in self.order):
            again = [e for e in of_earlier[own.name] if self.sizes[e] == own.size]
            found.append(tuple(sorted({*again, *of_system[own.system]})))
            if own.system:
                of_system[own.system].append(entry)
            if own.earlier:
                of_earlier[own.earlier].append(entry)
        return tuple(found)

    def echoes(self, entry: int) -> tuple[Echo, ...]:
        """What the context says about the unit that is drawn before ``entry``; nothing for most."""
        return self._echoes.get(entry, ())

    @cached_property
    def _echoes(self) -> dict[int, tuple[Echo, ...]]:
        of = [self.domains[i] for i in self.order]
        found = {}
        for entry in (e for e in range(self.first_own, len(of)) if of[e].unit):
            units = [e for e in range(self.first_own, entry) if of[e].owner == of[entry].unit]
            about: dict[str, dict[int, int]] = {}
            for e, domain in enumerate(of[: self.first_own]):
                if domain.about is not None and domain.about[0] == of[entry].unit:
                    about.setdefault(domain.owner, {})[domain.about[1]] = e
            if len(units) == 1:
                found[entry] = tuple(self._echo(units[0], by_code) for by_code in about.values())
        return found

    def _echo(self, unit: int, by_code: dict[int, int]) -> Echo:
        told = np.full(self.sizes[unit] + 1, -1, np.int64)
        told[list(by_code)] = list(by_code.values())
        return Echo(unit, told, max(self.sizes[e] for e in by_code.values()) + 1)

    def same(self, entry: int, other: int) -> NDArray[np.int64]:
        """Which code of a column each code of one of its kin is, shape ``(codes + 1,)``.

        -1 for none, and last, for what is unobserved.
        """
        own, of = self.domains[self.order[entry]], self.domains[self.order[other]]
        if not own.system:
            return np.array([*range(own.size), -1])
        mine = {group: code for code, group in enumerate(own.parents[-1])}
        return np.array([*(mine.get(group, -1) for group in of.parents[-1]), -1])


def numbers(domains: Sequence[Domain], positions: Sequence[int]) -> list[int]:
    """How many numbers the embedding of each column has by itself; as many in all columns of a coding system."""
    factor, power = _EMBEDDING
    dims = {i: min(_LARGEST_EMBEDDING, max(2, round(factor * domains[i].size ** power))) for i in positions}
    for system in {domains[i].system for i in positions} - {""}:
        members = [i for i in positions if domains[i].system == system]
        dims |= dict.fromkeys(members, max(dims[i] for i in members))
    return [dims[i] for i in positions]


def _after_units(order: Sequence[int], domains: Sequence[Domain]) -> list[int]:
    """The order in which what depends on a unit comes right behind it, where it would come before."""
    found = [i for i in order if not domains[i].unit]
    for i in (i for i in order if domains[i].unit):
        place = {domains[each].owner: at for at, each in enumerate(found)}
        before = sum(order.index(each) < order.index(i) for each in found)
        found.insert(max(place.get(domains[i].unit, -1) + 1, before), i)
    return found


def runs(domains: Sequence[Domain]) -> Iterator[range]:
    """Neighbours that are computed together as if all were as large as the largest.

    Those with a coding system or a unit and targets are by themselves.
    """
    first = 0
    for at in range(1, len(domains) + 1):
        run = domains[first:at]
        if at == len(domains) or len(run) == _TOGETHER or not _alike((*run, domains[at])):
            yield range(first, at)
            first = at


def _alike(domains: Sequence[Domain]) -> bool:
    sizes = [domain.size for domain in domains]
    alone = any(domain.system or domain.target or domain.unit for domain in domains)
    return not alone and max(sizes) <= max(_SMALL, _SIMILAR * min(sizes))


def _bits(counts: NDArray[Any]) -> float:
    """The entropy of a column."""
    seen = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(seen * np.log2(seen)).sum())
