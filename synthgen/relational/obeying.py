"""Generated rows that obey rules: what breaks one is drawn again, a bounded number of times, then repaired.

Why drawing again is right. The model learned codes from rows of which at most the share ``rate`` breaks a rule.

1. As many rows as the real rate allows may break it, whichever do: they are kept in their order as long as no beginning
   of the block would hold more (``_Ledger``). So a rate that the model has right stays, and one above the real one is
   cut to it, in every beginning of the output.
2. The values of other rows are drawn again *within their codes*. Where a bin lies across the border of a rule, how
   often a code occurs was learned from rows that obey, and only the drawing within the bin does not know the rule:
   given the codes, the values that are kept have the right distribution, and the codes keep theirs.
   Of two columns that a rule says are equal one is set to the other, which drawing would hardly ever find.
3. Rows whose codes leave no room are drawn again whole, given their patient: by rejection, a draw from the model's
   distribution under the condition that the row obeys. The patients keep theirs. A patient is drawn again, given the
   number of rows, where the patient's own columns break a rule or no row was found.
4. The few that are left are repaired (``synthgen.relational.repair``).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.models.base import Codes
from synthgen.relational.codec import Codec
from synthgen.relational.repair import equalities, repairs
from synthgen.relational.rules import Rules, is_open
from synthgen.schema.column import Id
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import truth

#: How often values are drawn again within their codes, for rows that stand and for those that are tried.
_WITHIN: Final = 8
_WITHIN_TRIED: Final = 2
#: How often rows are drawn again, more of them each time, up to so many at once.
_ROUNDS: Final = 10
_AT_ONCE: Final = 8192
#: How often patients are drawn again whose rows found no room.
_PERSONS: Final = 4
#: How often rows that repeat others are drawn again, in blocks; and what a turn counts at least, however few they are.
_REDRAWN: Final = 5.0
_LEAST: Final = 0.05
#: How many equal columns a row may lack.
_EQUALS: Final = 3
_CONSTANT: Final = (ex.Number, ex.Text, ex.Negative)

Texts = dict[str, NDArray[np.object_]]


@dataclass(frozen=True, eq=False)
class Block:
    """The codes of a block, and how to draw some again. The arrays are changed in place.

    Attributes:
        codes: int32 ``(n_rows, n_code_columns)``.
        own: the codes of the patients, ``(n_patients, n_own_columns)``; ``None`` without a patient column.
        person: int64 ``(n_rows,)``, whose row each is; a patient's rows follow each other.
        again: codes of those columns that are not the patients' for some rows, drawn anew given ``own``.
        persons_again: codes for some patients, drawn anew given the numbers of their rows.
        asked: the code columns that conditions are set to.
    """

    codes: Codes
    own: Codes | None
    person: NDArray[np.int64]
    again: Callable[[NDArray[np.int64]], Codes]
    persons_again: Callable[[NDArray[np.int64]], Codes]
    asked: frozenset[int]


@dataclass(frozen=True, eq=False)
class Obeying:
    """What makes the rows of a flat table obey.

    Attributes:
        personal: the code columns that are the patients'.
        rates: by rule, the share of real rows that break it; ``None`` where it is too small to tell.
    """

    codec: Codec
    rules: Rules
    personal: tuple[int, ...]
    rates: tuple[float | None, ...]

    @cached_property
    def encoders(self) -> tuple[str, ...]:
        """Those whose texts the rules see."""
        names = (name for column in self.rules.columns for name in self.codec.encoders_of(column))
        return tuple(dict.fromkeys(names))

    @cached_property
    def of_persons(self) -> tuple[str, ...]:
        """Those of ``encoders`` that are the patients'."""
        return tuple(name for name in self.encoders if set(self.codec.places[name]) <= set(self.personal))

    @cached_property
    def of_rows(self) -> tuple[str, ...]:
        return tuple(name for name in self.encoders if name not in self.of_persons)

    @cached_property
    def on_persons(self) -> tuple[int, ...]:
        """The rules that the patients' own columns decide."""
        return tuple(i for i, rule in enumerate(self.rules.expressions) if self._parts(rule) <= set(self.of_persons))

    @cached_property
    def on_rows(self) -> tuple[int, ...]:
        """The other rules on single rows."""
        rules = enumerate(self.rules.expressions)
        return tuple(i for i, r in rules if not isinstance(r, ex.BETWEEN_ROWS) and i not in self.on_persons)

    @cached_property
    def between_rows(self) -> tuple[int, ...]:
        """The rules between rows that do not hold by construction: an identifier that is made up anew is unique."""
        return tuple(i for i, r in enumerate(self.rules.expressions) if self._can_repeat(r))

    @property
    def across_blocks(self) -> bool:
        """Whether a rule asks of all rows together, so that blocks must be made one after the other."""
        return any(self._whole_table(self.rules.expressions[i]) for i in self.between_rows)

    def _parts(self, rule: ex.Expression) -> set[str]:
        if isinstance(rule, ex.BETWEEN_ROWS) or not self.of_persons:
            return {""}
        return {name for column in ex.columns_of(rule) for name in self.codec.encoders_of(column.name)}

    def _whole_table(self, rule: ex.Expression) -> bool:
        patient = self.codec.plan.config.patient
        return isinstance(rule, ex.Unique) and all(column.name != patient for column in rule.columns)

    def _can_repeat(self, rule: ex.Expression) -> bool:
        columns, patient = self.codec.plan.config.columns, self.codec.plan.config.patient
        if isinstance(rule, ex.Unique):
            return not any(isinstance(columns[c.name], Id) and c.name != patient for c in rule.columns)
        return isinstance(rule, ex.AtMostOneOpen)

    def narrowed(self) -> Codec:
        """The codec, where a rule that no real row breaks bounds a column: then its bins end at the bound."""
        encoders = dict(self.codec.encoders)
        for rule, rate in zip(self.rules.expressions, self.rates, strict=True):
            for name, operator, text in _bounds(rule) if not rate else ():
                if name in encoders:
                    try:
                        encoders[name] = encoders[name].narrowed(operator, (text(self.codec.plan.format.decimal),))
                    except ValueError:
                        continue  # a bound between two values of the column
        return replace(self.codec, encoders=encoders)

    def obey(self, block: Block, rng: np.random.Generator, seen: dict[int, set[Any]]) -> dict[str, pa.Array]:
        """Change a block until it obeys, and give the texts that it was judged by, by encoder.

        Args:
            seen: by rule on all rows, what may not be repeated; the block's own is added.
        """
        return _Work(self, block, rng, seen).done()


def _bounds(rule: ex.Expression) -> Iterator[tuple[str, str, Callable[[str], str]]]:
    """The bounds that a rule sets to columns whatever else holds: column, operator, and the constant as written."""
    if isinstance(rule, ex.And):
        for part in rule.parts:
            yield from _bounds(part)
    elif isinstance(rule, ex.Between):
        yield from _bounds(ex.Compare(">=", rule.value, rule.low))
        yield from _bounds(ex.Compare("<=", rule.value, rule.high))
    elif isinstance(rule, ex.Compare) and rule.operator in ("<", "<=", ">", ">="):
        sides, operator = (rule.left, rule.right), rule.operator
        if isinstance(rule.right, ex.Column):
            sides, operator = (rule.right, rule.left), operator.translate(str.maketrans("<>", "><"))
        column, constant = sides
        if isinstance(column, ex.Column) and isinstance(constant, _CONSTANT) and not ex.columns_of(constant):
            yield column.name, operator, lambda decimal: _constant_text(constant, decimal)


def _constant_text(constant: ex.Expression, decimal: str) -> str:
    return constant.value if isinstance(constant, ex.Text) else str(constant).replace(".", decimal)


class _Ledger:
    """How many rows may still break each rule, so that no beginning of the block holds more than the real rate."""

    def __init__(self, rates: tuple[float | None, ...], n: int) -> None:
        self.slack = np.array([np.floor((rate or 0.0) * np.arange(1, n + 1) + 1e-9) for rate in rates], np.int64)

    def has_room(self, broken: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which rows of ``(n, n_rules)`` might be admitted."""
        full = self.slack[:, -1] < 1 if self.slack.size else np.ones(broken.shape[1], bool)
        return np.asarray(~(broken & full).any(axis=1))

    def admit(self, rows: NDArray[np.int64], broken: NDArray[np.bool_]) -> bool:
        """Let rows break rules, all of them or none. ``broken`` has one entry per rule."""
        first = int(rows[0])
        used = 1 if len(rows) == 1 else np.searchsorted(rows, np.arange(first, self.slack.shape[1]), side="right")
        for rule in np.flatnonzero(broken).tolist():
            if (self.slack[rule, first:] < used).any():
                return False
        self.slack[broken, first:] -= used
        return True


class _Work:
    """One block on its way."""

    def __init__(self, of: Obeying, block: Block, rng: np.random.Generator, seen: dict[int, set[Any]]) -> None:
        self.of, self.block, self.rng, self.seen = of, block, rng, seen
        self.n = len(block.codes)
        self.starts = np.flatnonzero(np.r_[True, block.person[1:] != block.person[:-1]])
        self.ledger = _Ledger(of.rates, self.n)
        self.columns_of_rows = [i for i in range(len(of.codec.domains)) if i not in set(of.personal)]
        self.whose = block.person
        self.own: Texts = {}
        if block.own is not None and of.of_persons:
            self.own = self._own_texts(block.own)
        self.texts = self._row_texts(block.codes)
        self.keys: dict[int, list[Any]] = {}

    def done(self) -> dict[str, pa.Array]:
        self._persons()
        left = self._rows(self._unsettled(np.arange(self.n)))
        for _ in range(0 if self.block.own is None else _PERSONS):
            if not len(left):
                break
            rows = self._other_persons(np.unique(self.whose[left]))
            left = self._rows(self._unsettled(rows))
        self._repair(left)
        self._apart()
        texts = self.texts | {name: own[self.whose] for name, own in self.own.items()}
        return {name: pa.array(text, pa.string()) for name, text in texts.items()}

    # --- texts and what they break ---------------------------------------------------------------------------------

    def _row_texts(self, codes: Codes) -> Texts:
        return {name: self._decoded(name, codes[:, self.of.codec.places[name]]) for name in self.of.of_rows}

    def _own_texts(self, own: Codes) -> Texts:
        place = {column: at for at, column in enumerate(self.of.personal)}
        return {
            name: self._decoded(name, own[:, [place[column] for column in self.of.codec.places[name]]])
            for name in self.of.of_persons
        }

    def _decoded(self, name: str, codes: Codes) -> NDArray[np.object_]:
        texts = self.of.codec.encoders[name].decode(codes, self.rng)
        return np.asarray(texts.cast(pa.string()).to_numpy(zero_copy_only=False), object)

    def _broken(self, texts: Mapping[str, NDArray[np.object_]], rules: tuple[int, ...], n: int) -> NDArray[np.bool_]:
        """Which of all rules each of ``n`` rows breaks, looking at some rules."""
        broken = np.zeros((n, len(self.of.rates)), bool)
        if rules and n:
            read = self.of.rules.read(self._columns(texts, rules))
            for i in rules:
                broken[:, i] = truth(self.of.rules.expressions[i], read).fails
        return broken

    def _columns(self, texts: Mapping[str, NDArray[np.object_]], rules: tuple[int, ...]) -> dict[str, pa.Array]:
        names = {column.name for i in rules for column in ex.columns_of(self.of.rules.expressions[i])}
        parts = {part for name in names for part in self.of.codec.encoders_of(name)}
        whole = self.of.codec.columns_of({n: pa.array(t, pa.string()) for n, t in texts.items() if n in parts})
        return {name: cells for name, cells in whole.items() if name in names}

    def _rows_broken(self, texts: Texts, rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        own = {name: of[self.whose[rows]] for name, of in self.own.items()}
        return self._broken(texts | own, self.of.on_rows, len(rows))

    def _unsettled(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Those of some rows that break rules on rows and may not, once the ledger has permitted what it can."""
        broken = self._rows_broken({name: text[rows] for name, text in self.texts.items()}, rows)
        return self._not_permitted(rows, broken)

    def _not_permitted(self, rows: NDArray[np.int64], broken: NDArray[np.bool_]) -> NDArray[np.int64]:
        pairs = zip(rows.tolist(), broken, strict=True)
        return np.array([row for row, of in pairs if of.any() and not self._permits(row, of)], np.int64)

    def _permits(self, row: int, broken: NDArray[np.bool_]) -> bool:
        return bool(self.ledger.has_room(broken[None])[0]) and self.ledger.admit(np.array([row]), broken)

    # --- rows ------------------------------------------------------------------------------------------------------

    def _rows(self, pending: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw rows again until they obey; those that do not after all."""
        for _ in range(_WITHIN):
            if len(pending):
                texts = self._row_texts(self.block.codes[pending])
                pending = self._taken(pending, texts, None)
        for _ in range(_EQUALS):
            if len(pending):
                self._repair(pending, only_equal=True)
                pending = self._unsettled(pending)
        for turn in range(_ROUNDS if self.columns_of_rows else 0):
            if len(pending):
                tries = np.repeat(pending, max(1, min(2**turn, _AT_ONCE // len(pending))))
                codes = self.block.codes[tries]
                codes[:, self.columns_of_rows] = self.block.again(tries)
                texts = self._row_texts(codes)
                for _ in range(_WITHIN_TRIED):
                    faulty = np.flatnonzero(self._rows_broken(texts, tries).any(axis=1))
                    if len(faulty):
                        for name, drawn in self._row_texts(codes[faulty]).items():
                            texts[name][faulty] = drawn
                pending = self._taken(tries, texts, codes)
        return pending

    def _taken(self, tries: NDArray[np.int64], texts: Texts, codes: Codes | None) -> NDArray[np.int64]:
        """Let each row take the first of its tries that obeys or is permitted; the rows left without one.

        Args:
            tries: the row of each try, those of a row together.
        """
        broken = self._rows_broken(texts, tries)
        good = ~np.logical_or.reduce(broken, axis=1)
        possible = self.ledger.has_room(broken) & ~good
        found: dict[int, int] = {}
        for at in np.flatnonzero(good | possible).tolist():
            row = int(tries[at])
            if row not in found and (good[at] or self._permits(row, broken[at])):
                found[row] = at
        rows, chosen = np.array([*found], np.int64), np.array([*found.values()], np.int64)
        for name, text in texts.items():
            self.texts[name][rows] = text[chosen]
        if codes is not None:
            self.block.codes[rows] = codes[chosen]
        return np.setdiff1d(tries, rows)

    def _fresh(self, rows: NDArray[np.int64]) -> None:
        """Draw rows again whatever they are."""
        if len(rows) and self.columns_of_rows:
            codes = self.block.codes[rows]
            codes[:, self.columns_of_rows] = self.block.again(rows)
            self.block.codes[rows] = codes
            for name, text in self._row_texts(codes).items():
                self.texts[name][rows] = text

    # --- patients --------------------------------------------------------------------------------------------------

    def _persons(self) -> None:
        """Let the patients' own columns obey."""
        if not self.of.on_persons or self.block.own is None:
            return
        broken = self._broken(self.own, self.of.on_persons, len(self.block.own))
        sizes = np.bincount(self.whose, minlength=len(self.block.own))
        refused = []
        for person in np.flatnonzero(broken.any(axis=1) & (sizes > 0)).tolist():
            first = int(np.searchsorted(self.whose, person))
            rows = np.arange(first, first + sizes[person])
            if not (self.ledger.has_room(broken[person][None])[0] and self.ledger.admit(rows, broken[person])):
                refused.append(person)
        pending = np.array(refused, np.int64)
        for _ in range(_WITHIN):
            if len(pending):
                pending = self._persons_taken(pending, self._own_texts(self.block.own[pending]), None)
        self._other_persons(pending)
        self._repair_persons(pending)

    def _other_persons(self, pending: NDArray[np.int64]) -> NDArray[np.int64]:
        """Draw patients again, and all their rows; those rows."""
        assert self.block.own is not None
        changed = pending
        for turn in range(_ROUNDS):
            if len(pending):
                tries = np.repeat(pending, max(1, min(2**turn, _AT_ONCE // len(pending))))
                own = self.block.persons_again(tries)
                pending = self._persons_taken(tries, self._own_texts(own), own)
        rows = np.flatnonzero(np.isin(self.whose, changed))
        codes = self.block.codes[rows]
        codes[:, self.of.personal] = self.block.own[self.whose[rows], :-1]
        self.block.codes[rows] = codes
        self._fresh(rows)
        return rows

    def _persons_taken(self, tries: NDArray[np.int64], texts: Texts, own: Codes | None) -> NDArray[np.int64]:
        good = ~self._broken(texts, self.of.on_persons, len(tries)).any(axis=1)
        persons, first = np.unique(tries[good], return_index=True)
        chosen = np.flatnonzero(good)[first]
        for name, text in texts.items():
            self.own[name][persons] = text[chosen]
        if own is not None:
            assert self.block.own is not None
            self.block.own[persons] = own[chosen]
        return np.setdiff1d(tries, persons)

    # --- rules between rows ----------------------------------------------------------------------------------------

    def _apart(self) -> None:
        """Let rows that may not be alike differ: they are drawn again, an open episode with all of its patient's."""
        if not self.of.between_rows:
            return
        self._note(np.arange(self.n))
        permitted: set[int] = set()
        spent = 0.0
        while True:
            repeating = np.zeros((self.n, len(self.of.rates)), bool)
            for i in self.of.between_rows:
                repeating[:, i] = self._repeating(i)
            rows = np.array([r for r in np.flatnonzero(repeating.any(axis=1)).tolist() if r not in permitted], np.int64)
            if not spent:
                left = self._not_permitted(rows, repeating[rows])
                permitted |= set(rows.tolist()) - set(left.tolist())
                rows = left
            if not len(rows):
                break
            if spent > _REDRAWN:
                self._repair(rows)
                self._note(rows)
                break
            if spent < _REDRAWN / 2 and self._are_open(repeating[rows]):
                rows = np.flatnonzero(np.isin(self.whose, self.whose[rows]))
            spent += max(len(rows) / self.n, _LEAST)
            self._fresh(rows)
            self._note(rows)
            self._repair(self._rows(self._unsettled(rows)))
            self._note(rows)
        for i in self.of.between_rows:
            if self.of._whole_table(self.of.rules.expressions[i]):
                self.seen.setdefault(i, set()).update(key for key in self.keys[i] if key is not None)

    def _are_open(self, repeating: NDArray[np.bool_]) -> bool:
        """Whether some of these rows are open episodes beyond the first."""
        rules = (self.of.rules.expressions[i] for i in np.flatnonzero(repeating.any(axis=0)).tolist())
        return any(isinstance(rule, ex.AtMostOneOpen) for rule in rules)

    def _repeating(self, i: int) -> NDArray[np.bool_]:
        """Which rows are like an earlier one."""
        earlier = set(self.seen.get(i, ()))
        repeats = np.zeros(self.n, bool)
        for row, key in enumerate(self.keys[i]):
            if key is not None:
                repeats[row] = key in earlier
                earlier.add(key)
        return repeats

    def _note(self, rows: NDArray[np.int64]) -> None:
        """Keep what has to be different in rows that were changed."""
        for i in self.of.between_rows:
            keys = self.keys.setdefault(i, [None] * self.n)
            for row, key in zip(rows.tolist(), self._key(i, rows), strict=True):
                keys[row] = key

    def _key(self, i: int, rows: NDArray[np.int64]) -> list[Any]:
        """What has to be different in each of some rows; ``None`` where a row is like no other."""
        rule, patient = self.of.rules.expressions[i], self.of.codec.plan.config.patient
        whose = self.whose[rows]
        texts = {name: text[rows] for name, text in self.texts.items()}
        read = self.of.rules.read(self._columns(texts | {n: own[whose] for n, own in self.own.items()}, (i,)))
        if isinstance(rule, ex.AtMostOneOpen):
            opened = is_open(rule, read)
            return [person if is_ else None for person, is_ in zip(whose.tolist(), opened.tolist(), strict=True)]
        assert isinstance(rule, ex.Unique)
        parts: list[list[Any]] = []
        for column in rule.columns:
            if column.name == patient:
                parts.append(whose.tolist())
            else:
                of, labels = read[column], read[column].labels
                known = (None if np.isnan(number) else number for number in of.numbers.tolist())
                parts.append([n if n is None or not labels else labels[int(n)] for n in known])
        return [None if None in key else key for key in zip(*parts, strict=True)]

    # --- what is left ----------------------------------------------------------------------------------------------

    def _repair(self, rows: NDArray[np.int64], *, only_equal: bool = False) -> None:
        """Change single values of rows that still break a rule, where that mends the row."""
        own = {name: text[self.whose[rows]] for name, text in self.own.items()}

        def broken(texts: Texts, at: NDArray[np.int64]) -> NDArray[np.bool_]:
            found = self._rows_broken(texts, at)
            for i in self.of.between_rows:
                before = {name: self.texts[name][at] for name in texts}
                self._put(self.texts, at, texts)
                self._note(at)
                found[:, i] = self._repeating(i)[at]
                self._put(self.texts, at, before)
                self._note(at)
            return found

        self._mend(self.texts, rows, own, broken, only_equal=only_equal)

    def _repair_persons(self, persons: NDArray[np.int64]) -> None:
        """The same for columns of patients."""
        self._mend(self.own, persons, {}, lambda texts, at: self._broken(texts, self.of.on_persons, len(at)))

    def _mend(
        self,
        texts: Texts,
        at: NDArray[np.int64],
        beside: Texts,
        broken: Callable[[Texts, NDArray[np.int64]], NDArray[np.bool_]],
        *,
        only_equal: bool = False,
    ) -> None:
        """Make changes in ``texts`` at some places, each where nothing is broken with it.

        Or, where columns are set equal only, where one rule less is broken and none that was not.
        """
        if not len(at):
            return
        before = {name: text[at] for name, text in texts.items()}
        whole = self._columns(before | beside, tuple(range(len(self.of.rates))))
        read = self.of.rules.read(whole)
        free = {name: self.of.codec.encoders[name] for name in texts if name in whole and self._free(name)}
        faults = broken(before, at)
        left = np.arange(len(at))
        for i in np.flatnonzero(faults.any(axis=0)).tolist():
            rule = self.of.rules.expressions[i]
            changes = (
                equalities(rule, before, read, free) if only_equal else repairs(rule, before, read, free, self.rng)
            )
            for change in changes:
                tried = {name: change.get(name, text)[left] for name, text in before.items()}
                after = broken(tried, at[left])
                good = ~np.logical_or.reduce(after, axis=1)
                if only_equal:
                    good = faults[left, i] & ~after[:, i] & ~(after & ~faults[left]).any(axis=1)
                self._put(texts, at[left[good]], {name: text[good] for name, text in tried.items()})
                left = left[~good]
                if not len(left):
                    return

    def _free(self, name: str) -> bool:
        """Whether a column is no computed one, and no condition is set to it."""
        return name not in self.of.codec.computed and not set(self.of.codec.places[name]) & self.block.asked

    @staticmethod
    def _put(texts: Texts, at: NDArray[np.int64], changed: Texts) -> None:
        for name, text in changed.items():
            texts[name][at] = text
