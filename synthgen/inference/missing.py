"""Which texts probably mean missing: everywhere in a table, or in one column."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from synthgen.inference.codes import find_codes
from synthgen.inference.dates import find_format
from synthgen.inference.header import Header
from synthgen.inference.numbers import NEARLY_ALL, Marks, find_marks, read_numbers
from synthgen.inference.values import Values

#: Texts that programs write for a missing value.
WORDS = (
    "?", "NA", "N/A", "n/a", "#N/A", "<NA>", "NULL", "null", "NaN", "nan", "NaT", "\\N", "(null)",
    # as German hospitals write that nothing is stated or was measured; "o.B.", without finding, is a result
    "k.A.", "k. A.", "K.A.", "n.b.", "n. b.", "o.A.", "o. A.",
)  # fmt: skip
#: Texts that mean missing among numbers, dates or codes; elsewhere they may be results.
_SIGNS = (
    ".", "-", "--", "None", "none", "keine Angabe", "keine Angaben", "ohne Angabe", "unbekannt", "Unbekannt",
    "entfällt", "Entfällt",
)  # fmt: skip
_EVERY = ("", *WORDS, *_SIGNS)
#: Numbers that stand for missing where all others are at least 0.
_NEGATIVE = (-1, -7, -8, -9, -77, -88, -98, -99, -999, -9999, -99999)
#: Numbers that stand for missing where all others are far smaller.
_LARGE = (999, 9999, 99999, 999999, 9999999)
_FAR = 3
#: Text results stand among numbers where this share are numbers.
_MOST = 0.5
#: Beyond a scale of at least so many answers these may be codes, which at most this share gives.
_BEYOND_SCALES = (7, 8, 9, 77, 88, 97, 98, 99)
_ANSWERS = 3
_FEW_GIVE = 0.2
#: A number that means missing in so many columns of a table does in all of them.
_SEVERAL = 3


@dataclass(frozen=True)
class Missing:
    """The texts that mean missing.

    Attributes:
        table: in every column that has no list of its own.
        columns: the lists of columns that have more, by name.
        numbers: the texts in ``columns`` that are numbers, by column.
        marks: the decimal and thousands marks of the numbers.
        kept: tokens that look like missing and are proposed as values, by column.
    """

    table: tuple[str, ...]
    columns: Mapping[str, tuple[str, ...]]
    numbers: Mapping[str, tuple[str, ...]]
    marks: Marks
    kept: Mapping[str, tuple[str, ...]]

    def tokens(self, column: str) -> tuple[str, ...]:
        """The texts that mean missing in a column."""
        return self.columns.get(column, self.table)


def find_missing(
    columns: Mapping[str, Values], headers: Mapping[str, Header], declared: Marks, rare_below: int
) -> Missing:
    """Propose missing tokens for a table; ``declared``: the marks that the file's format has.

    A word such as ``NA`` means missing everywhere when several columns hold it, or one that otherwise holds numbers,
    dates or clinical codes; in its column alone where most cells are numbers beside text results such as ``neg``; a
    lone sign or ``None`` only among those that hold nothing else; a number such as -999 only where it stands far
    from the others and ``rare_below`` patients share it, or where it does so in several columns. The empty cell always
    does.
    """
    bare = {name: column.take(~column.among(_EVERY)) for name, column in columns.items()}
    marks = find_marks(bare.values(), declared)
    quantities = {name for name, column in bare.items() if _is_quantity(column, marks)}
    held = {name: set(column.take(column.among(_EVERY)).stripped.to_pylist()) for name, column in columns.items()}
    holders = {token: [name for name in columns if token in held[name]] for token in _EVERY[1:]}
    exact = quantities | {
        name for name, tokens in held.items() if tokens - {""} and find_codes(bare[name], headers[name]) is not None
    }
    table = [""]
    for token in (*WORDS, *_SIGNS):
        among_exact = [name for name in holders[token] if name in exact]
        several = len(holders[token]) > 1 if token in WORDS else len(among_exact) == len(holders[token])
        if among_exact and (token in WORDS or several) or token in WORDS and several:
            table.append(token)
    own = {name: _own(name, exact, _has_results(bare[name], marks), holders, table) for name in columns}
    numbers = _sentinels_of({name: bare[name] for name in columns if name in quantities}, marks, rare_below)
    return Missing(
        table=tuple(table),
        columns={
            name: found for name in columns if (found := (*table, *own[name], *numbers.get(name, ()))) != tuple(table)
        },
        numbers=numbers,
        marks=marks,
        kept={name: kept for name in columns if (kept := _kept(name, holders, (*table, *own[name])))},
    )


def _own(
    name: str, exact: set[str], results: bool, holders: Mapping[str, list[str]], table: list[str]
) -> tuple[str, ...]:
    tokens = _SIGNS if name in exact else WORDS if results else ()
    return tuple(token for token in tokens if token not in table and name in holders[token])


def _kept(name: str, holders: Mapping[str, list[str]], tokens: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(token for token in _EVERY[1:] if token not in tokens and name in holders[token])


def _has_results(column: Values, marks: Marks) -> bool:
    """Whether most cells are numbers, as in a column of laboratory results of which some are texts."""
    return column.share(read_numbers(column, marks).is_number) >= _MOST


def _is_quantity(column: Values, marks: Marks) -> bool:
    if not column.rows:
        return False
    return column.share(read_numbers(column, marks).is_number) >= NEARLY_ALL or find_format(column) is not None


def _sentinels_of(columns: Mapping[str, Values], marks: Marks, rare_below: int) -> dict[str, tuple[str, ...]]:
    """By column the numbers that mean missing, where there are any.

    What means so in several columns does in the others, such as further items of a questionnaire, however few have it.
    """
    alone = {name: _sentinels(column, marks, rare_below) for name, column in columns.items()}
    held = Counter(token for tokens in alone.values() for token in tokens)
    scales = {name: _beyond_scale(column, marks) for name, column in columns.items()}
    coded = Counter(token for tokens in scales.values() for token in tokens)
    usual = [token for token, times in held.items() if times >= _SEVERAL]
    found = {
        name: (
            *(_sentinels(column, marks, rare_below, usual) if usual else alone[name]),
            *(token for token in scales[name] if coded[token] >= _SEVERAL),
        )
        for name, column in columns.items()
    }
    return {name: tokens for name, tokens in found.items() if tokens}


def _sentinels(column: Values, marks: Marks, rare_below: int, usual: Collection[str] = ()) -> tuple[str, ...]:
    """Heaped or ``usual`` numbers outside the range of the others, as they are written."""
    numbers = read_numbers(column, marks)
    if not column.complete or not numbers.is_number.any():
        return ()
    heaped = numbers.is_number & ~numbers.is_censored & ((column.people >= rare_below) | column.among(usual))
    suspects = heaped & np.isin(numbers.value, (*_NEGATIVE, *_LARGE))
    others = numbers.value[numbers.is_number & ~suspects]
    if not others.size or others.min() < 0 or others.max() <= 1:
        return ()  # -1, 0, 1 is a scale
    below = suspects & (numbers.value < 0)
    above = suspects & (numbers.value >= _FAR * others.max()) & (numbers.value > 0)
    return tuple(sorted(set(column.take(below | above).stripped.to_pylist())))


def _beyond_scale(column: Values, marks: Marks) -> tuple[str, ...]:
    """Codes such as 8 and 9 beyond the answers 1 to 5 of a question, which few give: refused, not known."""
    numbers = read_numbers(column, marks)
    if not column.complete or not numbers.is_number.all() or not numbers.is_whole.all() or numbers.is_censored.any():
        return ()
    codes = np.isin(numbers.value, _BEYOND_SCALES)
    scale = np.unique(numbers.value[~codes & (numbers.value >= 0)])
    if not codes.any() or len(scale) < _ANSWERS or scale[0] > 1 or len(scale) != scale[-1] - scale[0] + 1:
        return ()
    if scale[-1] + 1 >= numbers.value[codes].min() or column.share(codes) > _FEW_GIVE:
        return ()
    return tuple(sorted(column.take(codes).stripped.to_pylist()))
