"""Rows of one table of an extract that obey its rules: each is judged when it is drawn, before any that follows it.

Why drawing again is right. A row is drawn given its ancestors and its patient's rows before it. One that breaks a rule
is drawn again given the same: by rejection, a draw from what the model says of the row under the condition that it
obeys, and the rows after it see what it became. As many rows as the real rate allows may break a rule all the same, as
long as no beginning of the patients would hold more at any step of their series; so a rate that the model has right
stays, and one above the real one is cut to it. First the values are drawn again within their codes, where a bin lies
across the border of a rule; then the codes. What is left is repaired, and a row of a child table that even this does
not help is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final, Protocol

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.base import N_STYLES, Encoder
from synthgen.models.base import Codes
from synthgen.relational.codec import Codec
from synthgen.relational.repair import repairs
from synthgen.relational.rows import Rows
from synthgen.relational.rules import is_open
from synthgen.relational.ruling import Ruling
from synthgen.relational.timeline import Hand, Moments, Timeline
from synthgen.reshape.computed import writer_of
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Values, truth

#: How often values are drawn again within their codes.
_WITHIN: Final = 4
#: How often each row is drawn again, turn by turn, up to so many draws at once: a turn costs more than its draws.
_TURNS: Final = (4, 16, 64, 64)
#: In how many turns the last row of a patient ends where it is told.
_STRICT: Final = 2
_AT_ONCE: Final = 2048

Texts = dict[str, NDArray[np.object_]]


class Draw(Protocol):
    """Draws rows of one step, named by their place in it."""

    def rows(self, which: NDArray[np.int64], *, loose: bool = False) -> tuple[Codes, Moments]:
        """Codes and moments of some of them, given what each is given; ``loose`` frees them of a told last moment."""

    def moments(self, which: NDArray[np.int64], codes: Codes) -> Moments:
        """Moments within the codes of some of them."""


@dataclass(frozen=True, eq=False)
class Obedience:
    """What makes the rows of one table obey.

    Attributes:
        ruling: the rules.
        rates: of the stated rules, the share of real rows that break each; ``None`` where it is too small to tell.
        codec: of the derived table.
        timeline: how its moments become steps.
        births: in a table of patients, the column of the moments from which ages count.
    """

    ruling: Ruling
    rates: tuple[float | None, ...]
    codec: Codec
    timeline: Timeline | None
    births: str | None

    @cached_property
    def limits(self) -> NDArray[np.float64]:
        """The share of rows that may break each rule; none may share a key."""
        known = [rate or 0.0 for rate in self.rates]
        return np.array([*known, *[0.0] * (len(self.ruling.rules) - len(known))])

    @cached_property
    def on_rows(self) -> tuple[int, ...]:
        """The rules on single rows."""
        return tuple(i for i, rule in enumerate(self.ruling.rules) if not isinstance(rule, ex.BETWEEN_ROWS))

    @cached_property
    def between_rows(self) -> tuple[int, ...]:
        """The rules between rows that do not hold by construction: an identifier that is made up anew is unique."""
        columns, identities = self.ruling.config.columns, self.ruling.identities

        def can_repeat(rule: ex.Expression) -> bool:
            made_up = (columns[c.name].kind == "id" and c.name not in identities for c in ex.columns_of(rule))
            return isinstance(rule, ex.BETWEEN_ROWS) and not any(made_up)

        return tuple(i for i, rule in enumerate(self.ruling.rules) if can_repeat(rule))

    @property
    def across_blocks(self) -> bool:
        """Whether a rule asks of the rows of all patients together, so that blocks are made one after the other."""
        return any(self._is_whole(i) for i in self.between_rows)

    def _is_whole(self, i: int) -> bool:
        rule = self.ruling.rules[i]
        return isinstance(rule, ex.Unique) and not {c.name for c in rule.columns} & set(self.ruling.identities)

    @cached_property
    def hands(self) -> dict[str, Hand]:
        """The columns of moments that steps tell."""
        if self.timeline is None:
            return {}
        own = () if self.timeline.absolute else (self.timeline.order,)
        return {hand.name: hand for hand in (*own, *self.timeline.others)}

    @cached_property
    def encoders(self) -> tuple[str, ...]:
        """Those whose texts the rules see."""
        return tuple(dict.fromkeys(name for column in self.ruling.own for name in self._behind(column)))

    def _behind(self, column: str) -> tuple[str, ...]:
        plan = self.codec.plan
        if column in self.hands:
            assert self.timeline is not None
            return (*([self.timeline.order.name] if self.timeline.absolute else []), *self.timeline.columns)
        if column in plan.determined:
            return self._behind(plan.determined[column].by)
        if column in plan.computed:
            return (column, *(name for each in plan.computed[column].operands for name in self._behind(each)))
        if column in plan.units:
            return (*self._behind(plan.units[column]), column)
        return self.codec.encoders_of(column)

    @cached_property
    def free(self) -> dict[str, Encoder]:
        """What writes the columns that may be changed for a rule's sake."""
        plan = self.codec.plan
        chosen = [name for name in self.ruling.own if name not in plan.computed and name not in plan.determined]
        writers: dict[str, Encoder] = {n: self.codec.encoders[n] for n in chosen if n in self.codec.encoders}
        for name in (name for name in chosen if name in self.hands):
            writers[name] = writer_of(self.hands[name].kind, (0,) * N_STYLES)
        return writers

    def columns(
        self, texts: Mapping[str, pa.Array], moments: Moments, changed: Mapping[str, NDArray[np.object_]]
    ) -> dict[str, pa.Array]:
        """The columns that the texts of encoders give, moments among them, with what was changed in these."""
        whole = self.codec.columns_of(texts)
        if self.timeline is not None and set(self.timeline.columns) <= set(texts):
            if self.timeline.absolute:
                moments = self.timeline.order.read(whole[self.timeline.order.name])
            whole |= self.timeline.unfolded(whole, moments)
        whole |= {name: pa.array(text, pa.string()) for name, text in changed.items()}
        return self.codec.completed(whole)


class Judged:
    """The rows of one table and one block on their way.

    Attributes:
        lost: which rows are left out.
    """

    def __init__(
        self,
        of: Obedience,
        rows: Rows,
        above: Mapping[ex.Column, Values],
        identities: Mapping[str, NDArray[np.int64]],
        rng: np.random.Generator,
        seen: dict[tuple[str, int], set[Any]],
    ) -> None:
        """Nothing is drawn yet.

        Args:
            rows: where they stand.
            above: of the ancestors' columns that the rules speak of, the values of each row.
            identities: the row of an ancestor that each row names, by column; negative for none.
            seen: by table and rule, what may not be repeated in any block.
        """
        self.of, self.rows, self.above, self.rng = of, rows, above, rng
        self.identities = identities
        self.texts: Texts = {name: np.full(len(rows), "", object) for name in of.encoders}
        self.changed: Texts = {}
        self.lost = np.zeros(len(rows), bool)
        name = of.ruling.name
        self._seen = {i: seen.setdefault((name, i), set()) if of._is_whole(i) else set() for i in of.between_rows}
        self._numbers = np.zeros(rows.n_patients, np.int64)
        self._admitted = np.zeros((len(of.limits), rows.n_patients), np.int64)
        self._slack = self._admitted.copy()

    def settle(self, at: NDArray[np.int64], draw: Draw) -> tuple[Codes, Moments]:
        """The codes and moments of rows of which each patient has one at most, drawn until they obey."""
        everyone = np.arange(len(at))
        np.add.at(self._numbers, self.rows.patient[at], 1)
        allowed = np.floor(self.of.limits[:, None] * np.cumsum(self._numbers) + 1e-9).astype(np.int64)
        self._slack = allowed - np.cumsum(self._admitted, axis=1)
        codes, moments = draw.rows(everyone)
        self._put(at, self._drawn(codes))
        left = self._accepted(at, everyone, codes, moments, (codes, moments), permitting=True)
        if len(left):
            tries = np.repeat(left, _WITHIN)
            left = self._accepted(at, tries, codes[tries], draw.moments(tries, codes[tries]), (codes, moments))
        for turn, times in enumerate(_TURNS):
            if len(left):
                tries = np.repeat(left, max(1, min(times, _AT_ONCE // len(left))))
                left = self._accepted(at, tries, *draw.rows(tries, loose=turn >= _STRICT), (codes, moments))
        if len(left):
            left = self._repaired(at, left, codes, moments)
        self.lost[at[left]] = True
        return codes, moments

    def kept(self, rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        """The texts that some rows were judged by, by encoder."""
        return {name: pa.array(texts[rows], pa.string()) for name, texts in self.texts.items()}

    def mended(self, cells: Mapping[str, pa.Array], rows: NDArray[np.int64]) -> dict[str, pa.Array]:
        """The columns of moments of some rows with what was changed in them."""
        found = dict(cells)
        for name, texts in self.changed.items():
            own = texts[rows]
            changed = np.array([text is not None for text in own], bool)
            found[name] = pa.array(np.where(changed, own, _objects(cells[name])), pa.string())
        return found

    # --- drawing -----------------------------------------------------------------------------------------------------

    def _drawn(self, codes: Codes) -> Texts:
        texts = self.of.codec.texts_of(self.of.encoders, codes, self.rng)
        return {name: _objects(cells) for name, cells in texts.items()}

    def _put(self, rows: NDArray[np.int64], texts: Texts) -> None:
        for name, text in texts.items():
            self.texts[name][rows] = text

    def _accepted(
        self,
        at: NDArray[np.int64],
        tries: NDArray[np.int64],
        codes: Codes,
        moments: Moments,
        into: tuple[Codes, Moments],
        *,
        permitting: bool = False,
    ) -> NDArray[np.int64]:
        """Let each row take the first of its tries that obeys or is permitted; those left without one.

        Args:
            tries: the row of each try by its place in the step, those of a row together.
            into: the codes and moments of the step, which are changed in place.
        """
        texts = self._drawn(codes)
        rows = at[tries]
        operands = self._operands(rows, texts, moments, {})
        broken = self._broken(operands, len(rows))
        keys = {i: self._keys(i, rows, operands) for i in self.of.between_rows}
        chosen = self._first(tries, rows, broken, keys, permitting=permitting)
        places = tries[chosen]
        self._put(at[places], {name: text[chosen] for name, text in texts.items()})
        into[0][places], into[1][places] = codes[chosen], moments[chosen]
        return np.setdiff1d(tries, places)

    def _first(
        self,
        tries: NDArray[np.int64],
        rows: NDArray[np.int64],
        broken: NDArray[np.bool_],
        keys: Mapping[int, list[Any]],
        *,
        permitting: bool,
    ) -> NDArray[np.int64]:
        """The first try of each row that will do."""
        good = ~broken.any(axis=1)
        if not keys:
            _, first = np.unique(tries[good], return_index=True)
            found = dict.fromkeys(np.flatnonzero(good)[first].tolist())
            candidates = np.flatnonzero(~good).tolist() if permitting else []
        else:
            found, candidates = {}, np.flatnonzero(good | permitting).tolist()
        taken: set[int] = set()
        for each in candidates:
            row = int(tries[each])
            if row in taken:
                continue
            faults = broken[each].copy()
            for i, own in keys.items():
                faults[i] |= own[each] is not None and own[each] in self._seen[i]
            if not faults.any() or (permitting and self._admits(int(self.rows.patient[rows[each]]), faults)):
                taken.add(row)
                found[each] = None
                for i, own in keys.items():
                    self._seen[i].add(own[each])
        return np.array(sorted(found), np.int64)

    def _admits(self, patient: int, faults: NDArray[np.bool_]) -> bool:
        """Let a row of a patient break rules, if the real rates leave room for it."""
        which = np.flatnonzero(faults)
        if (self._slack[which, patient:] < 1).any():
            return False
        self._slack[which, patient:] -= 1
        self._admitted[which, patient] += 1
        return True

    # --- judging -----------------------------------------------------------------------------------------------------

    def _operands(
        self, rows: NDArray[np.int64], texts: Texts, moments: Moments, changed: Texts
    ) -> dict[ex.Column, Values]:
        cells = self.of.columns({name: pa.array(text, pa.string()) for name, text in texts.items()}, moments, changed)
        return self.of.ruling.read(cells) | {column: values.at(rows) for column, values in self.above.items()}

    def _broken(self, operands: Mapping[ex.Column, Values], n: int) -> NDArray[np.bool_]:
        """Which of all rules each of ``n`` rows breaks, looking at those on single rows."""
        broken = np.zeros((n, len(self.of.limits)), bool)
        for i in self.of.on_rows:
            broken[:, i] = truth(self.of.ruling.rules[i], operands).fails
        return broken

    def _keys(self, i: int, rows: NDArray[np.int64], operands: Mapping[ex.Column, Values]) -> list[Any]:
        """What has to be different in each of some rows; ``None`` where a row is like no other."""
        rule, patient = self.of.ruling.rules[i], self.rows.patient[rows].tolist()
        if isinstance(rule, ex.AtMostOneOpen):
            opened = is_open(rule, operands).tolist()
            return [person if is_ else None for person, is_ in zip(patient, opened, strict=True)]
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

    # --- what is left ------------------------------------------------------------------------------------------------

    def _repaired(
        self, at: NDArray[np.int64], left: NDArray[np.int64], codes: Codes, moments: Moments
    ) -> NDArray[np.int64]:
        """Change single values of rows that still break a rule, where that mends the row; those that it does not."""
        rows = at[left]
        cells = self.of.columns(self.kept(rows), moments[left], {})
        before = {name: _objects(cells[name]) for name in self.of.free if name in cells}
        free = {name: encoder for name, encoder in self.of.free.items() if name in before}
        operands = self._operands(rows, {name: text[rows] for name, text in self.texts.items()}, moments[left], {})
        broken = self._broken(operands, len(left))
        for i in self.of.between_rows:
            broken[:, i] = [key in self._seen[i] for key in self._keys(i, rows, operands)]
        waiting = np.ones(len(left), bool)
        for i, rule in enumerate(self.of.ruling.rules):
            for change in repairs(rule, before, operands, free, self.rng):
                tried = np.flatnonzero(waiting & broken[:, i])
                if not len(tried):
                    break
                good = self._helps(at, left[tried], moments, {name: text[tried] for name, text in change.items()})
                waiting[tried[good]] = False
        return left[waiting]

    def _helps(
        self, at: NDArray[np.int64], which: NDArray[np.int64], moments: Moments, change: Texts
    ) -> NDArray[np.bool_]:
        """Change values of some rows, by column, where they then obey; which these are."""
        rows, own = at[which], moments[which]
        texts = {name: text[rows] for name, text in self.texts.items()}
        changed: Texts = {}
        for name, text in change.items():
            hand = self.of.hands.get(name)
            if hand is None:
                texts[name] = text
            elif self.of.timeline is not None and hand is self.of.timeline.order:
                own = hand.read(pa.array(text, pa.string()))
            else:
                changed[name] = text
        operands = self._operands(rows, texts, own, changed)
        good = np.asarray(~self._broken(operands, len(rows)).any(axis=1), bool)
        keys = {i: self._keys(i, rows, operands) for i in self.of.between_rows}
        for each in np.flatnonzero(good).tolist() if keys else ():
            if any(key[each] is not None and key[each] in self._seen[i] for i, key in keys.items()):
                good[each] = False
            else:
                for i, key in keys.items():
                    self._seen[i].add(key[each])
        self._put(rows[good], {name: text[good] for name, text in texts.items()})
        moments[which[good]] = own[good]
        for name, text in changed.items():
            kept = self.changed.setdefault(name, np.full(len(self.rows), None, object))
            kept[rows[good]] = text[good]
        return good


def _objects(cells: pa.Array) -> NDArray[np.object_]:
    return np.asarray(cells.cast(pa.string()).to_numpy(zero_copy_only=False), object)
