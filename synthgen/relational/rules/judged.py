"""Rows that obey rules: each is judged when it is drawn, before any that follows it.

Why drawing again is right. A row is drawn given its ancestors and its patient's rows before it; of a flat table, given
its patient, who was judged like a row before. One that breaks a rule is drawn again given the same: by rejection, a
draw from what the model says of the row under the condition that it obeys, and the rows after it see what it became.

1. As many rows as the real rate allows may break a rule all the same (``synthgen.relational.rules.ledger``).
2. The values of others are drawn again *within their codes*. Where a bin lies across the border of a rule, how often a
   code occurs was learned from rows that obey, and only the drawing within the bin does not know the rule: given the
   codes, the values that are kept have the right distribution, and the codes keep theirs.
3. Of two columns that a rule says are equal one is set to the other, which drawing would hardly ever find.
4. Rows whose codes leave no room are drawn again, a bounded number of times, and looked at so often that codes keep the
   margins of the model, where these are known (``synthgen.relational.rules.raking``).
5. What is left is repaired (``synthgen.relational.rules.repair``), and a row that even this does not help is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.errors import InputError
from synthgen.models.base import Codes
from synthgen.relational.rules.judge import Judge, Texts, Tries
from synthgen.relational.rules.ledger import Ledger
from synthgen.relational.rules.mending import mended
from synthgen.relational.rules.obedience import Obedience, objects, with_changes
from synthgen.relational.rules.raking import Raking
from synthgen.relational.rules.repair import equalities, repairs
from synthgen.relational.time.moments import UNKNOWN, Moments
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Values

#: How often values are drawn again within their codes.
_WITHIN: Final = 4
#: How often each row is drawn again, and in how many turns. A turn costs as much as some draws, so that it draws these
#: at least where few rows are left, and at most as many rows as there were, or so many.
_TRIES: Final = 400
_TURNS: Final = 24
_AT_LEAST: Final = 512
_AT_MOST: Final = 2048
#: In how many turns the last row of a patient ends where it is told.
_STRICT: Final = 2
#: Of so many rows one at least obeys, or something is wrong.
_TELLING: Final = 100


class Draw(Protocol):
    """Draws rows of one step, named by their place in it."""

    def rows(self, which: NDArray[np.int64], *, loose: bool = False) -> tuple[Codes, Moments]:
        """Codes and moments of some of them, given what each is given; ``loose`` frees them of a told last moment."""

    def moments(self, which: NDArray[np.int64], codes: Codes) -> Moments:
        """Moments within the codes of some of them."""


@dataclass(frozen=True, eq=False)
class Timeless:
    """Draws rows that have no moments beside their codes.

    Attributes:
        draw: gives codes of some rows, named by their place.
    """

    draw: Callable[[NDArray[np.int64]], Codes]

    def rows(self, which: NDArray[np.int64], *, loose: bool = False) -> tuple[Codes, Moments]:
        """See ``Draw``."""
        return self.draw(which), self.moments(which)

    def moments(self, which: NDArray[np.int64], codes: Codes | None = None) -> Moments:
        """See ``Draw``."""
        return np.full(len(which), UNKNOWN, np.int64)


@dataclass(frozen=True, eq=False)
class _Step:
    """Rows that are drawn together: which they are, and their codes and moments, which are changed in place."""

    at: NDArray[np.int64]
    codes: Codes
    moments: Moments


class Judged:
    """The rows of one table and one block on their way.

    Attributes:
        lost: which rows are left out.
    """

    def __init__(
        self,
        of: Obedience,
        patient: NDArray[np.int64],
        rng: np.random.Generator,
        *,
        place: NDArray[np.int64],
        sizes: NDArray[np.int64] | None = None,
        above: Mapping[ex.Column, Values] | None = None,
        told: Mapping[str, pa.Array] | None = None,
        identities: Mapping[str, NDArray[np.int64]] | None = None,
        asked: frozenset[str] = frozenset(),
        seen: dict[int, set[Any]] | None = None,
        raking: Raking | None = None,
    ) -> None:
        """Nothing is drawn yet.

        Args:
            patient: whose each row is.
            place: where each stands in the output, which may end at any place; see ``Ledger``.
            sizes: how many rows each counts for; one where ``None``.
            above: of the ancestors' columns that the rules speak of, the values of each row.
            told: the texts of encoders that are not drawn with the rows.
            identities: the row of an ancestor that each row names, by column; negative for none.
            asked: the columns that conditions are set to, which are not changed.
            seen: by rule, what may not be repeated in any block.
            raking: which codes are taken how often.
        """
        self._of, self._rng, self._told, self._raking = of, rng, told or {}, raking
        self.lost = np.zeros(len(patient), bool)
        self._free = {name: encoder for name, encoder in of.free.items() if name not in asked}
        self._drawn = tuple(name for name in of.encoders if name not in self._told)
        self._texts: Texts = {name: np.full(len(patient), "", object) for name in self._drawn}
        self._changed: Texts = {}
        self._judge = Judge(of, patient, above or {}, identities or {}, {} if seen is None else seen)
        sizes = np.ones(len(patient), np.int64) if sizes is None else sizes
        self._ledger = Ledger(np.array(of.limits), place, sizes)

    def settle(self, at: NDArray[np.int64], codes: Codes, moments: Moments, draw: Draw) -> None:
        """Change codes and moments of rows, drawn at once, until they obey.

        Args:
            at: the rows, those of a patient in their order.
            codes, moments: as drawn; changed in place.
            draw: gives others.
        """
        step = _Step(at, codes, moments)
        self._ledger.open(at)
        every = np.arange(len(at))
        kept = every[self._raked(codes)]
        left = self._taken(step, kept, self._tries(at[kept], codes[kept], moments[kept]))
        if len(left):
            tried = np.repeat(left, _WITHIN)
            again = self._tries(at[tried], codes[tried], draw.moments(tried, codes[tried]))
            left = self._taken(step, tried, again)
        left = self._drawn_again(step, np.union1d(left, np.setdiff1d(every, kept)), draw)
        if len(left):
            tries = self._tries(at[left], codes[left], moments[left])
            tries = mended(self._judge, tries, self._free, partial(repairs, rng=self._rng))
            left = self._taken(step, left, tries)
        self.lost[at[left]] = True

    def _drawn_again(self, step: _Step, left: NDArray[np.int64], draw: Draw) -> NDArray[np.int64]:
        """Draw codes until rows obey; those left without any that do."""
        spent, usual = 0, 1
        for turn in range(_TURNS):
            if not len(left) or spent == _TRIES:
                break
            most = min(max(_AT_MOST, len(step.at)) // len(left), 4 ** (turn + 1), _TRIES - spent)
            times = max(1, min(max(usual, _AT_LEAST // len(left)), most))
            tried, spent = np.repeat(left, times), spent + times
            codes, moments = draw.rows(tried, loose=turn >= _STRICT)
            kept = np.flatnonzero(self._raked(codes))
            tries = self._tries(step.at[tried[kept]], codes[kept], moments[kept])
            found = np.setdiff1d(tried[kept], self._taken(step, tried[kept], tries))
            usual *= 2 if 2 * len(found) < len(left) else 1
            left = np.setdiff1d(left, found)
        return left

    def left(self, name: str) -> NDArray[np.int64]:
        """The rows that are not left out. Raises ``InputError`` where of many rows of what is named none is left."""
        left = np.flatnonzero(~self.lost)
        if not len(left) and len(self.lost) > _TELLING:
            raise InputError(
                f"{name}: none of {len(self.lost)} obeys the rules and dates of the table; where --where asks for "
                "something rare, or unique() leaves nothing else, ask for less; else remove the rule"
            )
        return left

    def texts(self, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        """The texts that some rows were judged by, by encoder, but for those that are told."""
        return {name: pa.array(texts[rows], pa.string()) for name, texts in self._texts.items()}

    def mended(self, cells: Mapping[str, pa.Array], rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        """The columns of moments of some rows with what was changed in them."""
        return with_changes(cells, {name: text[rows] for name, text in self._changed.items()})

    def _raked(self, codes: Codes) -> NDArray[np.bool_]:
        """Which draws are looked at."""
        if self._raking is None:
            return np.ones(len(codes), bool)
        return np.asarray(self._rng.random(len(codes)) < self._raking.accepted(codes))

    def _tries(self, rows: NDArray[np.int64], codes: Codes, moments: Moments) -> Tries:
        """Rows as they would be with some codes; of columns that a rule makes equal one is set to the other."""
        told = {name: cells.take(pa.array(rows)) for name, cells in self._told.items()}
        texts = self._of.codec.texts_of(self._drawn, codes, self._rng, told)
        tries = Tries(rows, codes, moments, texts | told, {})
        return mended(self._judge, tries, self._free, equalities) if self._of.equating else tries

    def _taken(self, step: _Step, of: NDArray[np.int64], tries: Tries) -> NDArray[np.int64]:
        """Let each row take the first of its tries that obeys or is let through; those left without one.

        Args:
            of: the row of each try by its place in the step, those of a row together.
        """
        broken, keys = self._judge.broken(tries, self._judge.operands(tries))
        chosen = self._first(of, tries.rows, broken, keys)
        rows, places = tries.rows[chosen], of[chosen]
        step.codes[places], step.moments[places] = tries.codes[chosen], tries.moments[chosen]
        for name in self._drawn:
            self._texts[name][rows] = objects(tries.texts[name].take(pa.array(chosen)))
        for name, text in tries.changed.items():
            self._changed.setdefault(name, np.full(len(self.lost), None, object))[rows] = text[chosen]
        return np.setdiff1d(of, places)

    def _first(
        self, of: NDArray[np.int64], rows: NDArray[np.int64], broken: NDArray[np.bool_], keys: Mapping[int, list[Any]]
    ) -> NDArray[np.int64]:
        """The first try of each row that will do."""
        good = ~broken.any(axis=1)
        possible = self._ledger.has_room(broken)
        # One after the other only where what becomes of a row depends on others.
        slowly = np.ones(len(of), bool) if keys else np.isin(of, of[possible & ~good])
        _, first = np.unique(of[good & ~slowly], return_index=True)
        found: list[int] = np.flatnonzero(good & ~slowly)[first].tolist()
        taken: set[int] = set()
        for each in np.flatnonzero(possible & slowly).tolist():
            if (row := int(of[each])) in taken:
                continue
            faults = broken[each].copy()
            faults[self._judge.repeats(keys, each)] = True
            if not faults.any() or self._ledger.lets(int(rows[each]), faults):
                taken.add(row)
                found.append(each)
                self._judge.see(keys, each)
        return np.array(sorted(found), np.int64)
