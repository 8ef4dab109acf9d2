"""Numbers and dates that follow from others by arithmetic, found on a sample of the rows and checked on all of them.

Looked for are: the same quantity in two units (``a * x + b``), sums, differences and means of columns, products and
ratios such as a body mass index (``x * y``, ``x / y``, ``x / y ** 2``, each times a constant), parts of a date, and
the time between dates: days and completed years, and months, weeks, hours and other lengths with decimals or rounded,
or the date to which they lead. What is found holds within the rounding of the column, so it can be computed again from
the operands instead of being learned.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, permutations
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.reshape.computed import WHOLE, slack_of
from synthgen.reshape.operands import Operand
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.grammar import parse
from synthgen.schema.rules.truth import Values, values

#: An equation is proposed where it holds for this share of the rows that have the value.
OBEYED: Final = 0.995
#: So many rows are looked at first, and so many of those before.
_SAMPLE: Final = 4000
_GLANCE: Final = 64
#: An equation is found on no fewer rows, of which so many differ from the commonest value of each of its columns.
_FEWEST: Final = 100
_DIFFERENT: Final = 30
#: Columns with fewer different values are met by accident.
_LEVELS: Final = 10
#: Of more columns of numbers only the first are looked at.
_MOST_COLUMNS: Final = 80
#: Months, years and weeks as people reckon them in days.
_LENGTHS: Final = (30.4375, 30.44, 30.4, 30.42, 30.5, 30.0, 365.25, 365.0, 365.2425, 365.24, 7.0)
#: The digits of a constant that are tried, the fewest first.
_DIGITS: Final = range(1, 9)


#: Of so many columns at most are sums and means looked for, on so many rows, of three columns or more step by step.
_MOST_PARTS: Final = 8
_ROWS_FOR_PARTS: Final = 1000
#: A column that is one of several with the same name and another number, and so many of them at most.
_ITEM: Final = re.compile(r"(.*\D)\d+")
_MOST_ITEMS: Final = 60
#: Of the rows looked at, so many obey where an equation is tried on the others.
_MOSTLY: Final = 0.9

#: Two columns may give a third if so much of its variance is left at most.
_UNEXPLAINED: Final = 0.2


@dataclass(frozen=True)
class _Form:
    """Arithmetic of two columns.

    Attributes:
        weights: of ``x`` and ``y`` in the sum, or in the sum of their logarithms.
        logarithmic: whether it is a product, of which a constant may be a part.
    """

    text: str
    weights: tuple[float, float]
    symmetric: bool = False
    logarithmic: bool = False


_FORMS: Final = (
    _Form("{x} + {y}", (1, 1), symmetric=True),
    _Form("({x} + {y}) / 2", (0.5, 0.5), symmetric=True),
    _Form("{x} - {y}", (1, -1)),
    _Form("{x} * {y}", (1, 1), symmetric=True, logarithmic=True),
    _Form("{x} / {y}", (1, -1), logarithmic=True),
    _Form("{x} / {y} ** 2", (1, -2), logarithmic=True),
)


@dataclass(frozen=True)
class Equation:
    """``column`` is what ``expression`` gives, in ``share`` of the rows that have a value."""

    column: str
    expression: str
    share: float


@dataclass(frozen=True)
class Quantities:
    """The columns that take part.

    Attributes:
        operands: how each is read, in the order of the table.
        halves: by column that may be computed, half of what it is rounded to (of moments, half a second).
        labels: columns of whole numbers that were taken for labels, from which nothing is computed.
    """

    operands: Mapping[str, Operand]
    halves: Mapping[str, float]
    labels: frozenset[str] = frozenset()


def find_equations(
    batches: Iterable[pa.RecordBatch], columns: Sequence[str], of: Quantities, rows: int
) -> list[Equation]:
    """At most one equation for each column, none in a circle.

    Args:
        batches: the rows, which are read twice.
        columns: of the batches, in order.
        rows: how many there are.
    """
    if len(of.operands) < 2:
        return []
    sample = _Sample.of(batches, columns, of, rows)
    chosen: dict[str, ex.Expression] = {}
    for column, text in sample.candidates():
        expression = parse(text)
        names = {each.name for each in ex.columns_of(expression)}
        if column in chosen or any(column in _causes(name, chosen) for name in names):
            continue
        if sample.holds(column, expression):
            chosen[column] = expression
    shares = _shares(batches, columns, of, chosen)
    return [Equation(name, str(rule), shares[name]) for name, rule in chosen.items() if shares[name] >= OBEYED]


def _causes(name: str, chosen: Mapping[str, ex.Expression]) -> set[str]:
    """What a column is computed from, itself included."""
    if name not in chosen:
        return {name}
    return {name}.union(*(_causes(each.name, chosen) for each in ex.columns_of(chosen[name])))


def _read(batch: pa.RecordBatch, columns: Sequence[str], of: Mapping[str, Operand]) -> dict[ex.Column, Values]:
    return {ex.Column(name): operand.read(batch.column(columns.index(name))) for name, operand in of.items()}


def _shares(
    batches: Iterable[pa.RecordBatch], columns: Sequence[str], of: Quantities, chosen: Mapping[str, ex.Expression]
) -> dict[str, float]:
    """The share of rows with a value in which each equation holds."""
    obeying, present = dict.fromkeys(chosen, 0), dict.fromkeys(chosen, 0)
    needed = {*chosen, *(each.name for rule in chosen.values() for each in ex.columns_of(rule))}
    operands = {name: operand for name, operand in of.operands.items() if name in needed}
    for batch in batches if chosen else ():
        read = _read(batch, columns, operands)
        for name, rule in chosen.items():
            stated = read[ex.Column(name)]
            present[name] += int((~stated.missing).sum())
            obeying[name] += int(_follows(rule, stated, read, of.halves[name], of.halves).sum())
    return {name: obeying[name] / max(present[name], 1) for name in chosen}


def _follows(
    rule: ex.Expression, stated: Values, read: Mapping[ex.Column, Values], half: float, halves: Mapping[str, float]
) -> NDArray[np.bool_]:
    """Where a value is what a rule gives, as far as it is rounded and, of a date, what it is computed from."""
    if stated.quantity.sort == "date" and (slack := slack_of(rule, read, halves)) is not None:
        return np.asarray(np.abs(stated.numbers - values(rule, read).whole_days().numbers) <= half + slack)
    return _within(stated, values(rule, read), half)


def _within(stated: Values, found: Values, half: float) -> NDArray[np.bool_]:
    if stated.quantity.sort == "date" and found.quantity.moment:
        found = found.whole_days()
    with np.errstate(invalid="ignore"):
        return np.asarray(np.abs(stated.numbers - found.numbers) <= half * (1 + 1e-6) + 1e-12 * np.abs(found.numbers))


@dataclass(frozen=True, eq=False)
class _Sample:
    """Some rows, and what is asked of them.

    Attributes:
        every: all columns that take part.
        read: those of which any may follow from any others.
    """

    every: Mapping[ex.Column, Values]
    read: Mapping[ex.Column, Values]
    halves: Mapping[str, float]
    labels: frozenset[str]

    @classmethod
    def of(cls, batches: Iterable[pa.RecordBatch], columns: Sequence[str], of: Quantities, rows: int) -> _Sample:
        """Rows at equal distances."""
        step = max(1, rows // _SAMPLE)
        first, parts = 0, []
        for batch in batches:
            taken = np.arange(-first % step, batch.num_rows, step)
            parts.append(batch.take(pa.array(taken)))
            first += batch.num_rows
        whole = pa.Table.from_batches(parts).unify_dictionaries().combine_chunks().to_batches()
        read = _read(whole[0], columns, of.operands) if whole else {}
        numbers = [c for c, v in read.items() if v.quantity.sort == "number"]
        few = {c: v for c, v in read.items() if c not in numbers[_MOST_COLUMNS:]}
        return cls(read, few, of.halves, of.labels)

    def holds(self, name: str, rule: ex.Expression) -> bool:
        """Whether an equation holds, and not by accident: where each of its columns is not what it mostly is, too."""
        stated = self.every[ex.Column(name)]
        there = ~stated.missing
        good = _follows(rule, stated, self.every, self.halves[name], self.halves)
        if there.sum() < _FEWEST or good[there].mean() < OBEYED:
            return False
        for column in (ex.Column(name), *ex.columns_of(rule)):
            numbers = self.every[column].numbers
            known, counts = np.unique(numbers[there & ~np.isnan(numbers)], return_counts=True)
            other = there & ~np.isnan(numbers) & (numbers != known[np.argmax(counts)])
            if other.sum() < _DIFFERENT or good[other].mean() < OBEYED:
                return False
        return True

    # --- what is tried ---------------------------------------------------------------------------------------------

    def candidates(self) -> Iterator[tuple[str, str]]:
        """Column and expression, the simplest first; of columns that follow from each other the later one."""
        yield from self._of_one_moment()
        yield from self._of_one_number()
        yield from self._of_two_moments()
        yield from self._of_spans()
        yield from self._of_two_numbers()
        yield from self._of_items()
        yield from self._of_several_numbers()

    def _named(self, *sorts: str, varied: bool = False) -> list[ex.Column]:
        return [
            column
            for column, of in self.read.items()
            if of.quantity.sort in sorts
            and column.name not in self.labels
            and (not varied or self._levels(of) >= _LEVELS)
        ]

    @staticmethod
    def _levels(of: Values) -> int:
        return len(np.unique(of.numbers[~np.isnan(of.numbers)]))

    def _targets(self, *, varied: bool) -> list[ex.Column]:
        numbers = [column for column, of in self.read.items() if of.quantity.sort == "number"]
        varied_ones = (column for column in numbers if not varied or self._levels(self.read[column]) >= _LEVELS)
        return [column for column in varied_ones if column.name in self.halves]

    def _of_one_moment(self) -> Iterator[tuple[str, str]]:
        for moment in self._named("date", "datetime"):
            for part in ("year", "month", "day"):
                yield from self._glanced(f"{part}({moment})", self._targets(varied=False))

    def _of_two_moments(self) -> Iterator[tuple[str, str]]:
        moments = self._named("date", "datetime")
        for first, second in permutations(moments, 2):
            for days in self._named("number", varied=True):
                if second.name in self.halves and self.read[second].quantity.sort == "date":
                    yield from self._glanced(f"{first} + {days}", [second])
            texts = [f"years({first}, {second})", f"days({first}, {second})", f"{second} - {first}"]
            for text in texts:
                yield from self._glanced(text, self._targets(varied=False))

    def _of_spans(self) -> Iterator[tuple[str, str]]:
        """The time between two moments in another length than days, or the later one that it leads to.

        Of a follow-up in months the months are what is asked of the data, so the day of its end follows from them.
        """
        targets = self._targets(varied=True)
        for first, second in permutations(self._named("date", "datetime"), 2) if targets else ():
            span = f"({second} - {first})"
            for target, text in self._scaled(span, targets, _LENGTHS):
                unit = text.removeprefix(f"{span} / ")
                is_day = self.read[second].quantity.sort == "date" and second.name in self.halves
                if is_day and unit != text and self.halves[target] < WHOLE:
                    yield second.name, f"{first} + {ex.Column(target)} * {unit}"
                yield target, text

    def _of_one_number(self) -> Iterator[tuple[str, str]]:
        """The same quantity in two units."""
        targets = self._targets(varied=True)
        order = {column: place for place, column in enumerate(self.read)}
        pairs = permutations(self._named("number", varied=True), 2)
        for x, y in sorted(pairs, key=lambda pair: (order[pair[0]] > order[pair[1]], order[pair[1]])):
            if y in targets:
                yield from ((y.name, text) for text in self._line(x, y))

    def _line(self, x: ex.Column, y: ex.Column) -> Iterator[str]:
        """``a * x + b`` with the shortest constants that might do; nothing where the two are on no line."""
        a, b = self.read[x].numbers, self.read[y].numbers
        known = ~np.isnan(a + b)
        a, b, half = a[known], b[known], self.halves[y.name]
        if len(a) < _FEWEST or abs(np.corrcoef(a, b)[0, 1]) < 0.99:
            return
        slope, intercept = np.polyfit(a, b, 1)
        for slope_, intercept_ in _short_lines(float(slope), float(intercept), a, b):
            if np.mean(np.abs(slope_ * a + intercept_ - b) <= half * (1 + 1e-6)) >= OBEYED:
                yield _line_text(x, slope_, intercept_)
                return

    def _of_two_numbers(self) -> Iterator[tuple[str, str]]:
        targets, numbers = self._targets(varied=True), self._named("number")
        for form in _FORMS if targets and numbers else ():
            plausible = self._plausible(form, numbers, targets)
            for i, j in (
                combinations(range(len(numbers)), 2) if form.symmetric else permutations(range(len(numbers)), 2)
            ):
                likely = [targets[k] for k in np.flatnonzero(plausible[i, j]).tolist()]
                text = form.text.format(x=numbers[i], y=numbers[j])
                yield from self._scaled(text, likely) if form.logarithmic else self._glanced(text, likely)

    def _of_items(self) -> Iterator[tuple[str, str]]:
        """Sums and means of all columns that are numbered alike, such as the items of a questionnaire."""
        numbers = [column for column, of in self.every.items() if of.quantity.sort == "number"]
        varied = [c for c in numbers if c.name in self.halves and self._levels(self.every[c]) >= _LEVELS]
        items: dict[str, list[ex.Column]] = {}
        for column in numbers if varied else ():
            if (numbered := _ITEM.fullmatch(column.name)) is not None and column.name not in self.labels:
                items.setdefault(numbered[1], []).append(column)
        for alike in items.values():
            if 3 <= len(alike) <= _MOST_ITEMS:
                text = _sum_text([(column, 1) for column in alike])
                yield from self._glanced(text, varied)
                yield from self._glanced(f"({text}) / {len(alike)}", varied)

    def _of_several_numbers(self) -> Iterator[tuple[str, str]]:
        """Sums of three columns or more, their means, and last those in which some are subtracted."""
        targets, numbers = self._targets(varied=True), self._named("number")
        if len(numbers) < 3:
            return
        for signs in ((1,), (1, -1)):
            for target in targets:
                others = [column for column in numbers if column != target]
                if parts := self._parts(target, others, signs, times=1):
                    yield from self._glanced(_sum_text(parts), [target])
                for n in range(3, _MOST_PARTS + 1) if signs == (1,) else ():
                    if len(parts := self._parts(target, others, signs, times=n)) == n:
                        yield from self._glanced(f"({_sum_text(parts)}) / {n}", [target])

    def _parts(
        self, target: ex.Column, others: Sequence[ex.Column], signs: Sequence[int], *, times: int
    ) -> list[tuple[ex.Column, int]]:
        """Columns, each with its sign, that add up to a target so many times; none where these are not found.

        One after the other that column is taken which leaves the smallest variance.
        """
        table = np.array([self.read[column].numbers for column in (target, *others)])
        table = table[:, ~np.isnan(table[0])][:, :_ROWS_FOR_PARTS]
        rest, values_ = table[0] * times, table[1:]
        half = self.halves[target.name] * times
        parts: list[tuple[ex.Column, int]] = []
        left = np.ones(len(others), bool)
        while len(parts) < _MOST_PARTS:
            spread = np.full((len(signs), len(others)), np.inf)
            for row, sign in enumerate(signs):
                differences = rest - sign * values_
                known = ~np.isnan(differences)
                enough = left & (known.sum(axis=1) >= _FEWEST)
                spread[row, enough] = np.nanvar(differences[enough], axis=1)
            if not np.isfinite(spread).any() or spread.min() >= np.nanvar(rest):
                return []
            chosen, best = map(int, np.unravel_index(int(np.argmin(spread)), spread.shape))
            parts.append((others[best], signs[chosen]))
            rest, left[best] = rest - signs[chosen] * values_[best], False
            if np.nanmean(np.abs(rest) <= half * (1 + 1e-6)) > _MOSTLY:
                return parts if len(parts) > 2 else []
        return []

    def _plausible(self, form: _Form, numbers: Sequence[ex.Column], targets: Sequence[ex.Column]) -> NDArray[np.bool_]:
        """Whether a form of two columns may give a target, by variances alone, shape ``(x, y, target)``.

        Where z is a * x + b * y, the variance of the difference is nothing; of products, that of the logarithms'.
        """
        columns = [*numbers, *targets]
        table = np.array([self.read[column].numbers for column in columns]).reshape(len(columns), -1)
        if form.logarithmic:
            with np.errstate(divide="ignore"):
                table = np.log(np.abs(table))
        known = np.isfinite(table)
        table = np.where(known, table, 0)
        centred = np.where(known, table - (table.sum(axis=1) / np.maximum(known.sum(axis=1), 1))[:, None], 0)
        both = np.maximum(known.astype(np.float64) @ known.T, 1)
        shared = centred @ centred.T / both
        n, own = len(numbers), np.diag(shared)
        x, y, z = own[:n, None, None], own[None, :n, None], own[None, None, n:]
        with_x, with_y = shared[:n, None, n:], shared[None, :n, n:]
        a, b = form.weights
        left = z + a * a * x + b * b * y - 2 * a * with_x - 2 * b * with_y + 2 * a * b * shared[:n, :n, None]
        return np.asarray((left <= _UNEXPLAINED * z) & (z > 0), bool)

    def _glanced(self, text: str, targets: Sequence[ex.Column]) -> Iterator[tuple[str, str]]:
        """An expression for each of some columns that it may give, judged by the first rows that have all."""
        rule = parse(text)
        operands = set(ex.columns_of(rule))
        found = values(rule, {column: self.every[column] for column in operands})
        for target in targets:
            if target in operands:
                continue
            stated = self.every[target]
            both = np.flatnonzero(~np.isnan(stated.numbers + found.numbers))[:_GLANCE]
            if len(both) and _within(stated.at(both), found.at(both), self.halves[target.name]).mean() > _MOSTLY:
                yield target.name, text

    def _scaled(
        self, text: str, targets: Sequence[ex.Column], divisors: Sequence[float] = ()
    ) -> Iterator[tuple[str, str]]:
        """The same, times a constant; divided by one of the usual ``divisors`` where that will do."""
        rule = parse(text)
        operands = ex.columns_of(rule)
        found = values(rule, {column: self.read[column] for column in operands}).numbers
        for target in targets:
            if target in operands:
                continue
            stated, half = self.read[target].numbers, self.halves[target.name]
            both = np.flatnonzero(~np.isnan(stated + found) & (found != 0))
            few = both[:_GLANCE]
            if len(few) < _GLANCE:
                continue
            constant = float(np.median(stated[few] / found[few]))
            off = np.abs(stated[few] - constant * found[few])
            if constant == 0 or np.mean(off <= 2 * half + 0.01 * np.abs(stated[few])) <= 0.9:
                continue
            # The rows with the largest values know the constant best.
            best = both[np.argsort(-np.abs(stated[both]))][: max(len(both) // 4, 1)]
            constant = float(np.median(stated[best] / found[best]))
            factors = ((1 / divisor, f" / {_number(divisor)}") for divisor in divisors)
            shortened = ((short, "" if short == 1 else f" * {_number(short)}") for short in _shortened(constant))
            for factor, times in chain(factors, shortened):
                if np.mean(np.abs(stated[both] - factor * found[both]) <= half * (1 + 1e-6)) >= OBEYED:
                    yield target.name, text + times


def _sum_text(parts: Sequence[tuple[ex.Column, int]]) -> str:
    """Columns in the order of their signs: what is added first."""
    ordered = sorted(parts, key=lambda part: -part[1])
    return "".join(f"{' + ' if sign > 0 else ' - '}{column}" for column, sign in ordered).removeprefix(" + ")


def _shortened(number: float) -> Iterator[float]:
    """A number with few digits, then more."""
    for digits in _DIGITS:
        yield float(f"{number:.{digits}g}")


def _short_lines(
    slope: float, intercept: float, x: NDArray[np.float64], y: NDArray[np.float64]
) -> Iterator[tuple[float, float]]:
    for short in _shortened(slope):
        rest = float(np.median(y - short * x))
        for decimals in range(5):
            yield short, round(rest, decimals)
    yield slope, intercept


def _line_text(x: ex.Column, slope: float, intercept: float) -> str:
    text = str(x) if slope == 1 else f"{x} * {_number(slope)}"
    if intercept == 0:
        return text
    return f"{text} {'+' if intercept > 0 else '-'} {_number(abs(intercept))}"


def _number(number: float) -> str:
    return f"-{ex.Number(-number)}" if number < 0 else str(ex.Number(number))
