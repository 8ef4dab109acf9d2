"""What a patient's rows so far say about the next one, as codes that any model can be given.

The row before is there whole, of those before it the main code; for each common code it is told how long ago it stood
in a row, and with which value, then and usually. So a series of events of any length becomes a row of the same width,
and nothing that is told of a patient stays in a fitted model.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray
from scipy.special import xlogy

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.models.base import Codes
from synthgen.relational.rows import require_ascending
from synthgen.relational.time.moments import UNKNOWN

#: Main codes that are told, the last one included.
RECENT: Final = 4
#: Codes of the main column that are followed one by one.
MOST_FOLLOWED: Final = 48
#: Other things that are followed, such as what panels are made of.
MOST_MARKS: Final = 40
#: Columns of the row before that are told, those that say most.
MOST_TOLD: Final = 24
#: Rows per patient from which on series are followed.
_LONG: Final = 3
#: Nats that a column of the row before has to say of the same column, and how many standard errors above chance.
_LEAST_SAID: Final = 1e-3
_DEVIATIONS: Final = 4.0
#: Codes of a column that are told apart for that, the commonest; the others are one.
_TOLD_APART: Final = 15
#: Ranges of a value that is told of the past.
_VALUE_RANGES: Final = 16
#: Ranges of the mean of all values so far.
_USUAL_RANGES: Final = 24
#: Upper bounds of counts that are told apart, such as the place of a row among its siblings.
COUNTS: Final = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024, 1536, 2048)
#: Upper bounds of how often something was.
_TIMES: Final = (0, 1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 64, 128, 256)
#: Numbers of rows at one time that are told apart.
_MOST_TOGETHER: Final = 64
#: When nothing was ever seen.
_NEVER: Final = np.iinfo(np.int64).min


#: A code column, and codes of it that mean the same.
Mark: TypeAlias = tuple[int, tuple[int, ...]]


@dataclass(frozen=True)
class Memory:
    """What is remembered of the rows of one table.

    Attributes:
        domains: of the table's code columns.
        main: the code column that says what a row is about; ``None`` where there is none.
        followed: codes of it that are followed one by one.
        value: the code column whose last value is told for each of those; ``None`` for none.
        told: the code columns that are told of the row before.
        recent: how many main codes are told, that of the row before included.
        spans: upper bounds of how long ago something was, in the units of the table's time.
        marks: what else is followed: a code column, and the codes of it that mean the same.
        limits: how many rows of a patient at most have one of some codes of a column.
        same: the code of ``value`` that stands for the last one; ``None`` where there is none.
        together: how many rows of a patient there are at one time at most; 0 where that is not told.
    """

    domains: tuple[Domain, ...]
    main: int | None
    followed: tuple[int, ...]
    value: int | None
    told: tuple[int, ...]
    recent: int
    spans: tuple[int, ...]
    marks: tuple[Mark, ...] = ()
    limits: tuple[tuple[Mark, int], ...] = ()
    same: int | None = None
    together: int = 0

    @classmethod
    def of(
        cls,
        domains: tuple[Domain, ...],
        codes: Codes,
        *,
        before: NDArray[np.int64],
        left_out: Sequence[str],
        value: int | None,
        spans: Sequence[int],
        marks: Sequence[Mark] = (),
        limits: Sequence[tuple[Mark, int]] = (),
        same: int | None = None,
        together: int = 0,
    ) -> Memory:
        """What is worth remembering of rows.

        The main column is the nominal one of most entropy: what it says is what tells one row from another. Where
        patients have few rows there is little to follow, and the row before says all.

        Args:
            codes: int32 ``(n_rows, n_columns)``.
            before: the row before each row of the same patient, -1 for none.
            left_out: columns of the table that are not candidates, such as weekdays.
            value: the code column whose scale depends on the main column, if there is one.
            marks: what else could be followed; the commonest are.
            limits, same, together: as they are kept.
        """
        candidates = [
            i
            for i, domain in enumerate(domains)
            if domain.scale is Scale.NOMINAL and domain.size > 2 and domain.owner not in left_out
        ]
        counts = {i: np.bincount(codes[:, i] + 1, minlength=domains[i].size + 1)[1:] for i in candidates}
        main = max(candidates, key=lambda i: (entropy(counts[i]), -i), default=None)
        followed: tuple[int, ...] = ()
        is_long = len(before) >= _LONG * max((before < 0).sum(), 1)
        if main is not None and is_long:
            commonest = np.argsort(-counts[main], kind="stable")[:MOST_FOLLOWED]
            followed = tuple(sorted(int(code) for code in commonest if counts[main][code] > 0))
        said = {i: _said(codes[:, i], before) for i, domain in enumerate(domains) if domain.size > 1}
        weighty = sorted((i for i, nats in said.items() if nats > 0), key=lambda i: -said[i])
        told = tuple(sorted(weighty[:MOST_TOLD]))
        if main is not None and main not in told:
            told = tuple(sorted((*told, main)))
        seen = {mark: int(np.isin(codes[:, mark[0]], mark[1]).sum()) for mark in marks}
        kept = sorted(sorted(marks, key=lambda mark: (-seen[mark], mark))[:MOST_MARKS])
        recent = RECENT if is_long else 1
        value, same = (value, same) if followed else (None, None)
        return cls(
            domains, main, followed, value, told, recent, tuple(spans), tuple(kept), tuple(limits), same, together
        )

    def __post_init__(self) -> None:
        columns = range(len(self.domains))
        if self.main is None and (self.followed or self.value is not None):
            raise ValueError("codes are followed of no column")
        if self.main is not None and not set(self.followed) <= set(range(self.domains[self.main].size)):
            raise ValueError("codes are followed that are not there")
        if self.same is not None and (self.value is None or self.same not in self.domains[self.value].special):
            raise ValueError("what is the same stands among the values")
        if not {i for i in (self.main, self.value, *self.told) if i is not None} <= set(columns):
            raise ValueError("a column is remembered that is not there")
        followed = (*self.marks, *(mark for mark, _ in self.limits))
        if not all(0 <= i < len(self.domains) and {*of} <= {*range(self.domains[i].size)} for i, of in followed):
            raise ValueError("something is followed that is not there")
        if not all(type(most) is int and 0 < most <= np.iinfo(np.int32).max for _, most in self.limits):
            raise ValueError("a limit is no number of rows")
        if type(self.together) is not int or not 0 <= self.together <= np.iinfo(np.int32).max:
            raise ValueError("what comes at one time is no number of rows")
        if not 1 <= self.recent <= RECENT:
            raise ValueError("more is remembered than there is room for")
        require_ascending(self.followed)
        require_ascending(self.told)
        require_ascending(self.spans)

    @cached_property
    def own_domains(self) -> tuple[Domain, ...]:
        """The table's own domains; the codes of the main column are known again where the past tells of them."""
        if self.main is None:
            return self.domains
        main = self.domains[self.main]
        named = main if main.system else replace(main, parents=(tuple(range(main.size)),), system=f"own:{main.owner}")
        return tuple(named if i == self.main else domain for i, domain in enumerate(self.domains))

    @cached_property
    def context_domains(self) -> tuple[Domain, ...]:
        """The domains of ``History.context``."""
        before = [_renamed(self.own_domains[i], "before") for i in self.told]
        before += [
            Domain(
                f"{what} {self.domains[column].name} {at}", f"{what} {self.domains[column].name}", size, Scale.ORDERED
            )
            for what, size in (("since", len(self.spans) + 2), ("times", len(_TIMES) + 1))
            for at, (column, _) in enumerate(self.marks)
        ]
        if self.together > 1:
            most = min(self.together, _MOST_TOGETHER)
            before.append(Domain("rows then", "rows then", most + 1, Scale.ORDERED))
        if self.main is None:
            return tuple(before)
        main = self.own_domains[self.main]
        recent = [_renamed(main, f"{k} before") for k in range(2, self.recent + 1)]
        since = [
            Domain(f"since {main.name} {code}", f"since {main.name}", len(self.spans) + 2, Scale.ORDERED)
            for code in self.followed
        ]
        values = [
            Domain(
                f"{what} at {main.name} {code}", f"{what} at {main.name}", size, Scale.ORDERED, about=(main.owner, code)
            )
            for what, size in (("value", _VALUE_RANGES + 1), ("usual", _USUAL_RANGES + 1))
            for code in (self.followed if self.value is not None else ())
        ]
        return (*before, *recent, *since, *values)

    @cached_property
    def slots(self) -> NDArray[np.int64]:
        """Which of the followed codes each code of the main column is, -1 for none; and so for what is unobserved."""
        assert self.main is not None
        slots = np.full(self.domains[self.main].size + 1, -1, np.int64)
        slots[list(self.followed)] = np.arange(len(self.followed))
        return slots

    @cached_property
    def marking(self) -> tuple[Marking, ...]:
        """How it is seen which marks a row has."""
        return _marking(self.marks, self.domains)

    @cached_property
    def limiting(self) -> tuple[Marking, ...]:
        """How it is seen which limits a row comes nearer to."""
        return _marking([mark for mark, _ in self.limits], self.domains)

    @cached_property
    def ranges(self) -> NDArray[np.int32]:
        """The range of each code of the value column, from 1; 0 for what is unobserved or stands outside the scale."""
        assert self.value is not None
        domain = self.domains[self.value]
        ranges = 1 + np.arange(domain.size + 1) * _VALUE_RANGES // domain.size
        ranges[[*domain.special, domain.size]] = 0
        return np.minimum(ranges, _VALUE_RANGES).astype(np.int32)

    @cached_property
    def positions(self) -> NDArray[np.float64]:
        """Where each code of the value column lies on its scale, from 0 to 1."""
        assert self.value is not None
        size = self.domains[self.value].size
        return (np.arange(size + 1) + 0.5) / (size + 1)

    def to_json(self) -> dict[str, Any]:
        return {
            "main": self.main,
            "followed": list(self.followed),
            "value": self.value,
            "told": list(self.told),
            "recent": self.recent,
            "spans": list(self.spans),
            "marks": [[column, list(codes)] for column, codes in self.marks],
            "same": self.same,
            "limits": [[column, list(codes), most] for (column, codes), most in self.limits],
            "together": self.together,
        }

    @classmethod
    def from_json(cls, domains: tuple[Domain, ...], learned: Mapping[str, Any]) -> Memory:
        """The inverse of ``to_json``."""
        followed, told, spans = (tuple(learned[name]) for name in ("followed", "told", "spans"))
        marks = tuple((column, tuple(codes)) for column, codes in learned["marks"])
        limits = tuple(((column, tuple(codes)), most) for column, codes, most in learned["limits"])
        value, same, together = learned["value"], learned["same"], learned["together"]
        return cls(
            domains, learned["main"], followed, value, told, learned["recent"], spans, marks, limits, same, together
        )


#: By column: which marks are its own, and by code (and at last for what is unobserved) which of them it means.
Marking: TypeAlias = tuple[int, slice, NDArray[np.bool_]]


def _marking(marks: Sequence[Mark], domains: Sequence[Domain]) -> tuple[Marking, ...]:
    found = []
    for column in dict.fromkeys(column for column, _ in marks):
        own = [at for at, mark in enumerate(marks) if mark[0] == column]
        table = np.zeros((domains[column].size + 1, len(own)), bool)
        for k, at in enumerate(own):
            table[list(marks[at][1]), k] = True
        found.append((column, slice(own[0], own[-1] + 1), table))
    return tuple(found)


def limits(
    marks: Sequence[Mark], codes: Codes, patient: NDArray[np.int64], rare_below: int
) -> tuple[tuple[Mark, int], ...]:
    """How many rows with each mark a patient has at most: the number that ``rare_below`` patients reach or exceed.

    Args:
        patient: whose each row is, ascending from 0.
    """
    found = []
    for column, same in sorted(marks):
        numbers = np.sort(np.bincount(patient[np.isin(codes[:, column], same)]))[::-1]
        if len(numbers) >= rare_below and numbers[rare_below - 1] > 0:
            found.append(((column, same), int(numbers[rare_below - 1])))
    return tuple(found)


def most_together(patient: NDArray[np.int64], moments: NDArray[np.int64], rare_below: int) -> int:
    """How many rows of a patient come at one time at most: the number that ``rare_below`` patients reach or exceed.

    Args:
        patient: whose each row is, ascending from 0.
        moments: of the rows, ascending within a patient where they are known.
    """
    known = moments != UNKNOWN
    patient, moments = patient[known], moments[known]
    starts = np.flatnonzero(np.r_[True, (np.diff(patient) != 0) | (np.diff(moments) != 0)][: len(patient)])
    most = np.zeros(int(patient.max(initial=-1)) + 1, np.int64)
    np.maximum.at(most, patient[starts], np.diff(np.r_[starts, len(patient)]))
    return int(np.sort(most)[-rare_below]) if len(most) >= rare_below else 0


def entropy(counts: NDArray[np.int64]) -> float:
    """In bits, of what was counted."""
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log2(shares)).sum())


def _said(codes: NDArray[np.int32], before: NDArray[np.int64]) -> float:
    """What a column of the row before says of the same column: mutual information in nats, corrected for chance.

    0 where that may be chance. (How often both are the same would not do: what is counted up never is.)
    Bias and spread under independence are those of the likelihood-ratio test (Wilks 1938).
    """
    later = np.flatnonzero(before >= 0)
    if not len(later):
        return 0.0
    levels, counts = np.unique(codes, return_counts=True)
    slot = np.full(len(levels), _TOLD_APART)
    slot[np.argsort(-counts, kind="stable")[:_TOLD_APART]] = np.arange(min(len(levels), _TOLD_APART))
    each = slot[np.searchsorted(levels, codes)]
    size = _TOLD_APART + 1
    joint = np.bincount(each[before[later]] * size + each[later], minlength=size * size).reshape(size, size)
    expected = np.outer(joint.sum(axis=1), joint.sum(axis=0)) / len(later)
    found = float(xlogy(joint, joint / np.where(expected > 0, expected, 1)).sum())
    free = int(np.prod([(joint.sum(axis=axis) > 0).sum() - 1 for axis in (0, 1)]))
    nats = (found - free / 2) / len(later)
    return nats if nats >= max(_LEAST_SAID, _DEVIATIONS * np.sqrt(free / 2) / len(later)) else 0.0


def _renamed(domain: Domain, when: str) -> Domain:
    name, owner = (f"{of} {when}" for of in (domain.name, domain.owner))
    return replace(domain, name=name, owner=owner, target=False, leads=False, unit="", earlier=domain.name)


class History:
    """The past of some patients while their rows come one after another.

    Patients are sorted so that those with more rows come first: at every step the first so many take part.
    """

    def __init__(self, memory: Memory, n: int) -> None:
        self.memory = memory
        followed = len(memory.followed)
        self._before = np.full((n, len(memory.domains)), UNOBSERVED, np.int32, order="F")
        self._recent = np.full((n, memory.recent - 1), UNOBSERVED, np.int32, order="F")
        self._seen = np.full((n, followed), _NEVER, np.int64)
        self._value = np.zeros((n, followed if memory.value is not None else 0), np.int32, order="F")
        self._number = np.zeros_like(self._value)
        self._total = np.zeros(self._value.shape, order="F")
        self._place = np.zeros(self._value.shape, order="F")
        self._marked = np.full((n, len(memory.marks)), _NEVER, np.int64)
        self._times = np.zeros((n, len(memory.marks)), np.int32)
        self._moment = np.full(n, _NEVER, np.int64)
        self._together = np.zeros(n, np.int64)
        self._left = np.tile(np.array([most for _, most in memory.limits], np.int32), (n, 1))

    def context(self, active: int, now: NDArray[np.int64]) -> Codes:
        """The codes of ``Memory.context_domains`` for the first patients, shape ``(active, n)``.

        Args:
            now: the moment of each one's last row, in the units of the spans.
        """
        memory = self.memory
        parts: list[NDArray[Any]] = [self._before[:active, list(memory.told)]]
        if memory.marks:
            parts += [self._ago(self._marked[:active], now), np.searchsorted(_TIMES, self._times[:active])]
        if memory.together > 1:
            parts.append(np.minimum(self._together[:active], min(memory.together, _MOST_TOGETHER))[:, None])
        if memory.main is not None:
            parts += [self._recent[:active], self._ago(self._seen[:active], now), self._value[:active]]
            number = self._number[:active]
            usual = 1 + self._total[:active] / np.maximum(number, 1) * _USUAL_RANGES
            parts.append(np.where(number == 0, 0, usual).astype(np.int32))
        return np.asfortranarray(np.concatenate(parts, axis=1, dtype=np.int32))

    def allowed(self, active: int) -> dict[int, NDArray[np.bool_]]:
        """By code column which codes the limits leave to the next rows of the first patients."""
        found = {}
        for column, own, table in self.memory.limiting:
            gone = (self._left[:active, own] <= 0).astype(np.float32)
            allowed = gone @ table[:-1].T.astype(np.float32) == 0
            allowed[~allowed.any(axis=1)] = True
            found[column] = allowed
        return found

    def full(self, active: int) -> NDArray[np.bool_]:
        """Of which of the first patients no more rows come at the time of their last one."""
        return (self._together[:active] >= self.memory.together) & (self.memory.together > 0)

    def _ago(self, seen: NDArray[np.int64], now: NDArray[np.int64]) -> NDArray[np.int64]:
        """The range of how long ago something was; 0 for never."""
        spans = np.array(self.memory.spans)
        ago = np.searchsorted(spans, np.maximum(now[:, None] - np.maximum(seen, _NEVER // 2), 0))
        return np.where(seen == _NEVER, 0, 1 + ago)

    def advance(self, codes: Codes, now: NDArray[np.int64]) -> None:
        """Take the next row of the first patients into their past.

        Args:
            codes: ``(active, n_columns)``.
            now: the moment of each row.
        """
        memory, active = self.memory, len(codes)
        self._together[:active] = np.where(now == self._moment[:active], self._together[:active] + 1, 1)
        self._moment[:active] = now
        for column, own, table in memory.marking:
            there = table[codes[:, column]]
            self._marked[:active, own] = np.where(there, now[:, None], self._marked[:active, own])
            self._times[:active, own] += there
        for column, own, table in memory.limiting:
            self._left[:active, own] -= table[codes[:, column]]
        if memory.main is not None:
            if memory.recent > 1:
                self._recent[:active] = np.c_[self._before[:active, memory.main], self._recent[:active, :-1]]
            slots = memory.slots[codes[:, memory.main]]
            rows = np.flatnonzero(slots >= 0)
            self._seen[rows, slots[rows]] = now[rows]
            if memory.value is not None:
                value = memory.ranges[codes[rows, memory.value]]
                known = value > 0
                where = rows[known], slots[rows[known]]
                self._value[where] = value[known]
                self._place[where] = memory.positions[codes[rows[known], memory.value]]
                if memory.same is not None:
                    known |= codes[rows, memory.value] == memory.same
                    where = rows[known], slots[rows[known]]
                there = self._value[where] > 0
                self._number[where] += there
                self._total[where] += self._place[where] * there
        self._before[:active] = codes


def ever(memory: Memory, codes: Codes, patient: NDArray[np.int64], n: int, most: int) -> Codes:
    """Which of the commonest followed codes patients have in any row: 0 or 1, shape ``(n, min(most, followed))``."""
    kept = memory.followed[:most]
    found = np.zeros((n, len(kept)), np.int32, order="F")
    if memory.main is not None:
        for at, code in enumerate(kept):
            found[patient[codes[:, memory.main] == code], at] = 1
    return found


def counted(numbers: NDArray[np.int64]) -> NDArray[np.int32]:
    """Counts as codes of ``COUNTS``: the range that each lies in."""
    return np.minimum(np.searchsorted(COUNTS, numbers), len(COUNTS)).astype(np.int32)


def count_domain(name: str) -> Domain:
    """The domain of ``counted``."""
    return Domain(name, name, len(COUNTS) + 1, Scale.ORDERED)
