"""Rows that obey rules: each is judged when it is drawn, before any that follows it.

Why drawing again is right. A row is drawn given its ancestors and its patient's rows before it; of a flat table, given
its patient, who was judged like a row before. One that breaks a rule is drawn again given the same: by rejection, a
draw from what the model says of the row under the condition that it obeys, and the rows after it see what it became.

1. As many rows as the real rate allows may break a rule all the same (``synthgen.relational.ledger``).
2. The values of others are drawn again *within their codes*. Where a bin lies across the border of a rule, how often a
   code occurs was learned from rows that obey, and only the drawing within the bin does not know the rule: given the
   codes, the values that are kept have the right distribution, and the codes keep theirs.
3. Of two columns that a rule says are equal one is set to the other, which drawing would hardly ever find.
4. Rows whose codes leave no room are drawn again, a bounded number of times.
5. What is left is repaired (``synthgen.relational.repair``), and a row that even this does not help is left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.base import Encoder
from synthgen.errors import InputError
from synthgen.models.base import Codes
from synthgen.relational.ledger import Ledger
from synthgen.relational.obedience import Obedience, objects, with_changes
from synthgen.relational.repair import equalities, repairs
from synthgen.relational.rules import is_open
from synthgen.relational.timeline import UNKNOWN, Moments
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Operands, Values, truth

#: How often values are drawn again within their codes.
_WITHIN: Final = 4
#: How often each row is drawn again, turn by turn; at once as many as there are rows, or so many: a turn costs more
#: than its draws.
_TURNS: Final = (4, 16, 64, 64, 256)
_AT_ONCE: Final = 2048
#: In how many turns the last row of a patient ends where it is told.
_STRICT: Final = 2
#: How many values of a row are changed one after the other.
_CHANGES: Final = 3
#: Of so many rows one at least obeys, or something is wrong.
_TELLING: Final = 100

Texts: TypeAlias = dict[str, NDArray[np.object_]]
#: Gives changes of columns that may mend a rule: see ``synthgen.relational.repair``.
Propose: TypeAlias = Callable[[ex.Expression, Texts, Operands, Mapping[str, Encoder]], Iterator[Texts]]


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
    draw: Draw


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
        """
        self.of, self.patient, self.rng = of, patient, rng
        self.above, self.told, self.identities = above or {}, told or {}, identities or {}
        self.lost = np.zeros(len(patient), bool)
        self._free = {name: encoder for name, encoder in of.free.items() if name not in asked}
        self._drawn = tuple(name for name in of.encoders if name not in self.told)
        self._texts: Texts = {name: np.full(len(patient), "", object) for name in self._drawn}
        self._changed: Texts = {}
        self._seen: dict[int, set[Any]] = {i: set() for i in of.between_rows}
        self._seen |= {i: ({} if seen is None else seen).setdefault(i, set()) for i in of.of_all}
        sizes = np.ones(len(patient), np.int64) if sizes is None else sizes
        self._ledger = Ledger(np.array(of.limits), place, sizes)

    def settle(self, at: NDArray[np.int64], codes: Codes, moments: Moments, draw: Draw) -> None:
        """Change codes and moments of rows, drawn at once, until they obey.

        Args:
            at: the rows, those of a patient in their order.
            codes, moments: as drawn; changed in place.
            draw: gives others.
        """
        step, left = _Step(at, codes, moments, draw), np.arange(len(at))
        self._ledger.open(at)
        drawn = self._decoded(at, codes)
        self._put(at, drawn)
        left = self._accepted(step, left, codes, moments, drawn, letting=True)
        if len(left):
            tries = np.repeat(left, _WITHIN)
            left = self._tried(step, tries, codes[tries], draw.moments(tries, codes[tries]))
        left = self._mended(step, left, equalities)
        for turn, times in enumerate(_TURNS):
            if len(left):
                tries = np.repeat(left, max(1, min(times, max(_AT_ONCE, len(at)) // len(left))))
                left = self._tried(step, tries, *draw.rows(tries, loose=turn >= _STRICT))
        left = self._mended(step, left, lambda *known: repairs(*known, rng=self.rng))
        self.lost[at[left]] = True

    def left(self, name: str) -> NDArray[np.int64]:
        """The rows that are not left out. Raises ``InputError`` where of many rows of what is named none is left."""
        left = np.flatnonzero(~self.lost)
        if not len(left) and len(self.lost) > _TELLING:
            raise InputError(
                f"{name}: none of {len(self.lost)} rows obeys the table's rules and dates; where --where asks for "
                "something rare, or unique() leaves nothing else, ask for less; else remove the rule"
            )
        return left

    def texts(self, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        """The texts that some rows were judged by, by encoder, but for those that are told."""
        return {name: pa.array(texts[rows], pa.string()) for name, texts in self._texts.items()}

    def mended(self, cells: Mapping[str, pa.Array], rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        """The columns of moments of some rows with what was changed in them."""
        return with_changes(cells, self._changes(rows))

    # --- drawing -----------------------------------------------------------------------------------------------------

    def _decoded(self, rows: NDArray[np.int64], codes: Codes) -> dict[str, pa.Array]:
        """The texts of rows as they would be with some codes, and those that are told."""
        told = self._told(rows)
        return self.of.codec.texts_of(self._drawn, codes, self.rng, told) | told

    def _told(self, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        return {name: cells.take(pa.array(rows)) for name, cells in self.told.items()}

    def _put(self, rows: NDArray[np.int64], texts: Mapping[str, pa.Array]) -> None:
        for name in self._drawn:
            self._texts[name][rows] = objects(texts[name])

    def _tried(self, step: _Step, tries: NDArray[np.int64], codes: Codes, moments: Moments) -> NDArray[np.int64]:
        return self._accepted(step, tries, codes, moments, self._decoded(step.at[tries], codes))

    def _accepted(
        self,
        step: _Step,
        tries: NDArray[np.int64],
        codes: Codes,
        moments: Moments,
        texts: Mapping[str, pa.Array],
        *,
        letting: bool = False,
    ) -> NDArray[np.int64]:
        """Let each row take the first of its tries that obeys, or is let through; those left without one.

        Args:
            tries: the row of each try by its place in the step, those of a row together.
        """
        rows = step.at[tries]
        broken, keys = self._judged(rows, self.of.columns(texts, moments, {}))
        chosen = self._first(tries, rows, broken, keys, letting=letting)
        places = tries[chosen]
        step.codes[places], step.moments[places] = codes[chosen], moments[chosen]
        self._put(step.at[places], {name: texts[name].take(pa.array(chosen)) for name in self._drawn})
        for changed in self._changed.values():
            changed[step.at[places]] = None
        return np.setdiff1d(tries, places)

    def _first(
        self,
        tries: NDArray[np.int64],
        rows: NDArray[np.int64],
        broken: NDArray[np.bool_],
        keys: Mapping[int, list[Any]],
        *,
        letting: bool,
    ) -> NDArray[np.int64]:
        """The first try of each row that will do."""
        good = ~broken.any(axis=1)
        possible = good | self._ledger.has_room(broken) if letting else good
        found: list[int] = []
        if not keys:
            _, first = np.unique(tries[good], return_index=True)
            found, possible = np.flatnonzero(good)[first].tolist(), possible & ~good
        taken: set[int] = set()
        for each in np.flatnonzero(possible).tolist():
            if (row := int(tries[each])) in taken:
                continue
            faults = broken[each] | self._repeats(keys, each)
            if not faults.any() or (letting and self._ledger.lets(int(rows[each]), faults)):
                taken.add(row)
                found.append(each)
                self._see(keys, each)
        return np.array(sorted(found), np.int64)

    # --- judging -----------------------------------------------------------------------------------------------------

    def _judged(
        self, rows: NDArray[np.int64], cells: Mapping[str, pa.Array]
    ) -> tuple[NDArray[np.bool_], dict[int, list[Any]]]:
        """Which rules on single rows each row breaks, ``(n_rows, n_rules)``; and by which each may be like no other."""
        operands = self._operands(rows, cells)
        broken = np.zeros((len(rows), len(self.of.rules)), bool)
        for i in self.of.on_rows:
            broken[:, i] = truth(self.of.rules[i], operands).fails
        return broken, {i: self._keys(i, rows, operands) for i in self.of.between_rows}

    def _operands(self, rows: NDArray[np.int64], cells: Mapping[str, pa.Array]) -> dict[ex.Column, Values]:
        own = {ex.Column(name): operand.read(cells[name]) for name, operand in self.of.operands.items()}
        return own | {column: values.at(rows) for column, values in self.above.items()}

    def _keys(self, i: int, rows: NDArray[np.int64], operands: Operands) -> list[Any]:
        """What has to be different in each of some rows; ``None`` where a row is like no other."""
        rule = self.of.rules[i]
        if isinstance(rule, ex.AtMostOneOpen):
            pairs = zip(self.patient[rows].tolist(), is_open(rule, operands).tolist(), strict=True)
            return [person if opened else None for person, opened in pairs]
        assert isinstance(rule, ex.Unique)
        parts: list[list[Any]] = []
        for column in rule.columns:
            if column.name in self.identities:
                parts.append([n if n >= 0 else None for n in self.identities[column.name][rows].tolist()])
            else:
                of, labels = operands[column], operands[column].labels
                known = (None if np.isnan(number) else number for number in of.numbers.tolist())
                parts.append([n if n is None or not labels else labels[int(n)] for n in known])
        return [None if None in key else key for key in zip(*parts, strict=True)]

    def _repeats(self, keys: Mapping[int, list[Any]], each: int) -> NDArray[np.bool_]:
        """The rules by which a row may not be as it is, since another is."""
        repeats = np.zeros(len(self.of.rules), bool)
        for i, own in keys.items():
            repeats[i] = own[each] is not None and own[each] in self._seen[i]
        return repeats

    def _see(self, keys: Mapping[int, list[Any]], each: int) -> None:
        for i, own in keys.items():
            self._seen[i].add(own[each])

    # --- mending -----------------------------------------------------------------------------------------------------

    def _mended(self, step: _Step, left: NDArray[np.int64], propose: Propose) -> NDArray[np.int64]:
        """Change single values of rows that break a rule until none is broken; the rows where that does not help.

        A change stands where with it one rule less is broken and none that was not.
        """
        for _ in range(_CHANGES):
            if not len(left):
                break
            rows = step.at[left]
            cells = self.of.columns(self._as_it_is(rows), step.moments[left], self._changes(rows))
            broken, keys = self._judged(rows, cells)
            for each in range(len(rows)) if keys else ():
                broken[each] |= self._repeats(keys, each)
            operands, before = self._operands(rows, cells), {name: objects(cells[name]) for name in self._free}
            for i in np.flatnonzero(broken.any(axis=0)).tolist():
                for change in propose(self.of.rules[i], before, operands, self._free):
                    tried = np.flatnonzero(broken[:, i])
                    if not len(tried):
                        break
                    own = {name: text[tried] for name, text in change.items()}
                    broken[tried] = self._with_change(step, left[tried], broken[tried], i, own)
            left = left[broken.any(axis=1)]
        return left

    def _with_change(
        self, step: _Step, which: NDArray[np.int64], broken: NDArray[np.bool_], rule: int, change: Texts
    ) -> NDArray[np.bool_]:
        """Change values of some rows, by column, where that mends a rule; which of all rules each row breaks then."""
        rows, moments = step.at[which], step.moments[which]
        texts, changes = self._as_it_is(rows), self._changes(rows)
        for name, text in change.items():
            hand = self.of.hands.get(name)
            if hand is None:
                texts[name] = pa.array(text, pa.string())
            elif self.of.timeline is not None and hand is self.of.timeline.order:
                moments = hand.read(pa.array(text, pa.string()))
            else:
                changes[name] = text
        after, keys = self._judged(rows, self.of.columns(texts, moments, changes))
        for each in range(len(rows)) if keys else ():
            after[each] |= self._repeats(keys, each)
            if not after[each].any():
                self._see(keys, each)
        stands = ~after[:, rule] & ~(after & ~broken).any(axis=1)
        kept = pa.array(np.flatnonzero(stands))
        self._put(rows[stands], {name: texts[name].take(kept) for name in self._drawn})
        step.moments[which[stands]] = moments[stands]
        for name, text in changes.items():
            self._changed.setdefault(name, np.full(len(self.patient), None, object))[rows[stands]] = text[stands]
        return np.where(stands[:, None], after, broken)

    def _as_it_is(self, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        return self.texts(rows) | self._told(rows)

    def _changes(self, rows: NDArray[np.int64]) -> Texts:
        return {name: text[rows] for name, text in self._changed.items()}
