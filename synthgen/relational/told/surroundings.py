"""What a row of a table is given that is known before any row of that table: its ancestors, and rows beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.models.base import Codes
from synthgen.relational.rows import Rows, places
from synthgen.relational.told.history import Memory, count_domain, counted, ever
from synthgen.relational.told.means import Levels

#: Main codes of a parent's rows in another table that are told.
_BESIDE: Final = 2
#: Codes of another table of which it is told whether the patient ever has them.
_EVER: Final = 24


class Known(Protocol):
    """What is known of a table whose rows are there already."""

    @property
    def domains(self) -> tuple[Domain, ...]: ...

    @property
    def memory(self) -> Memory | None: ...


@dataclass(frozen=True)
class Surroundings:
    """Which tables are told of, each before the one whose rows are to come.

    Attributes:
        above: the ancestors, the nearest first; the last one is that of the patients.
        single: tables with one row at most for each row of the parent.
        beside: other tables of the same parent.
        elsewhere: other tables of the patient, those of ``beside`` among them.
        levels: how the means of the table's own quantities are told; ``None`` where there are none.
    """

    above: tuple[str, ...]
    single: tuple[str, ...]
    beside: tuple[str, ...]
    elsewhere: tuple[str, ...]
    levels: Levels | None = None

    def domains(self, known: Mapping[str, Known]) -> tuple[Domain, ...]:
        """Of the codes that ``context`` gives."""
        found = [
            _foreign(domain, name) if self.levels is None else self.levels.told(_foreign(domain, name), domain.owner)
            for name in (*self.above, *self.single)
            for domain in known[name].domains
        ]
        for name in self.beside:
            if (memory := known[name].memory) is not None and memory.main is not None:
                main = memory.domains[memory.main]
                found += [replace(_foreign(main, name), name=f"{name}.{main.name} {k}") for k in range(_BESIDE)]
        for name in self.elsewhere:
            if (memory := known[name].memory) is not None:
                found += [
                    Domain(f"{name} has {code}", f"{name} has", 2, Scale.NOMINAL) for code in memory.followed[:_EVER]
                ]
        within = ["place", "left"] if len(self.above) > 1 else []
        return (*found, *map(count_domain, (*within, "place of all", "left of all")))

    def context(self, rows: Rows, others: Mapping[str, Rows], known: Mapping[str, Known]) -> Codes:
        """The codes of every row, int32 ``(n_rows, n)``; -1 where there is nothing to tell.

        Args:
            rows: of the table, of which codes and moments need not be there.
            others: the rows of all tables that are told of.
        """
        parts: list[Codes] = []
        at = rows.parent
        for depth, name in enumerate(self.above):
            codes = others[name].codes
            if depth == len(self.above) - 1:
                at = rows.patient
                codes = codes if self.levels is None else self.levels.codes(known[name].domains, codes)
            parts.append(_taken(codes, at))
            at = np.where(at >= 0, others[name].parent[np.maximum(at, 0)], -1) if len(others[name]) else at
        for name in self.single:
            parts.append(_taken(_by_parent(others[name], others[name].codes, 1), rows.parent))
        for name in self.beside:
            if (memory := known[name].memory) is not None and memory.main is not None:
                main = others[name].codes[:, memory.main : memory.main + 1]
                parts.append(_taken(_by_parent(others[name], main, _BESIDE), rows.parent))
        for name in self.elsewhere:
            if (memory := known[name].memory) is not None:
                theirs = others[name]
                parts.append(ever(memory, theirs.codes, theirs.patient, rows.n_patients, _EVER)[rows.patient])
        if len(self.above) > 1:
            parts += [counted(each)[:, None] for each in places(rows.first)]
        parts += [counted(each)[:, None] for each in places(np.r_[True, np.diff(rows.patient) != 0][: len(rows)])]
        return np.asfortranarray(np.concatenate(parts, axis=1, dtype=np.int32))

    def to_json(self) -> dict[str, Any]:
        return {
            "above": list(self.above),
            "single": list(self.single),
            "beside": list(self.beside),
            "elsewhere": list(self.elsewhere),
            "levels": None if self.levels is None else {"unit": self.levels.unit, "of": dict(self.levels.of)},
        }

    @classmethod
    def from_json(cls, learned: Mapping[str, Any]) -> Surroundings:
        """The inverse of ``to_json``."""
        above, single, beside, elsewhere = (tuple(learned[name]) for name in ("above", "single", "beside", "elsewhere"))
        told = learned["levels"]
        return cls(above, single, beside, elsewhere, None if told is None else Levels(told["unit"], told["of"]))


def _foreign(domain: Domain, table: str) -> Domain:
    """The domain of a column of another table, whose groups are numbered in another way."""
    return replace(
        domain,
        name=f"{table}.{domain.name}",
        owner=f"{table}.{domain.owner}",
        parents=(),
        system="",
        target=False,
        leads=False,
        unit="",
    )


def _taken(codes: Codes, at: NDArray[np.int64]) -> Codes:
    """The rows of a code array that are named; all unobserved where none is."""
    if not len(codes):
        return np.full((len(at), codes.shape[1]), UNOBSERVED, np.int32)
    return np.where((at >= 0)[:, None], codes[np.maximum(at, 0)], UNOBSERVED)


def _by_parent(rows: Rows, codes: Codes, n: int) -> Codes:
    """The codes of the first ``n`` rows of each parent beside each other, int32 ``(n_parents, n * n_columns)``."""
    width = codes.shape[1]
    found = np.full((rows.n_parents, n * width), UNOBSERVED, np.int32)
    place, _ = places(rows.first)
    for k in range(n):
        chosen = np.flatnonzero((place == k) & (rows.parent >= 0))
        found[rows.parent[chosen], k * width : (k + 1) * width] = codes[chosen]
    return found
