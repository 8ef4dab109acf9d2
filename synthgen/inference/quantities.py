"""Columns of numbers, dates and times."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from synthgen.inference.dates import DateFormat
from synthgen.inference.identity import FEW_LEVELS
from synthgen.inference.numbers import NEARLY_ALL
from synthgen.inference.subject import Guess, Subject
from synthgen.schema.column import Category, Date, Datetime, Integer, Number, Time

_KINDS: Final[dict[str, type[Date] | type[Datetime] | type[Time]]] = {"date": Date, "datetime": Datetime, "time": Time}
#: A column is a number with text results if at least this share of its rows are plain numbers.
_HALF = 0.5
#: Of numbers among the answers to questions there is at least this share.
_SOME = 0.1
#: More different text results than this are no results but texts.
_MOST_ATOMS = 20
#: What is written with more significant digits than floating point surely holds has them from arithmetic.
_MOST_DIGITS = 15
_FEW_CODES = 6
#: Grades and stages are numbers of one digit.
_HIGHEST_GRADE = 9
_UNKNOWN_CODES = (8, 9, 88, 99)


def guess_moment(subject: Subject) -> Guess | None:
    """Dates, datetimes and times; texts that stand among them must be shared by enough patients to be named."""
    found = subject.dates
    if found is None:
        return None
    others = ~found.is_date
    heaped = found.far & (subject.values.people >= subject.rare_below)
    if not _may_name(subject, others):
        return None
    atoms = _texts(subject, others | heaped)
    more = {"also": found.also} if found.also else {}
    column = _KINDS[found.kind](format=found.format, atoms=atoms, **more)
    return Guess(column, (*_about_format(found), *_about_atoms(atoms, "dates or times")))


def guess_number(subject: Subject) -> Guess | None:
    """Integers and numbers with decimals, text results among them included."""
    values, numbers = subject.values, subject.numbers
    plain = numbers.is_number & ~numbers.is_censored
    others = ~numbers.is_number
    # Most of a laboratory column may lie below what can be detected; bounds alone, such as <30 and >30, are labels.
    amounts = numbers.is_number if int(plain.sum()) > int(numbers.is_censored.sum()) else plain
    if values.share(amounts) < _HALF or values.share(numbers.zero_padded) > 1 - NEARLY_ALL:
        return None
    if int(others.sum()) > _MOST_ATOMS or not _may_name(subject, others) or not values.complete and others.any():
        return None
    if numbers.is_whole[numbers.is_number].all():
        labels = _guess_grades(subject) if others.any() else _guess_labels(subject)
        if labels is not None:
            return labels
    atoms = _texts(subject, others)
    return _amount(subject, _about_atoms(atoms, "numbers"), atoms=atoms)


def guess_mixed(subject: Subject) -> Guess | None:
    """Numbers among many words, or rare ones, as in a long table of measurements and answers; ``None`` of few numbers.

    Whether they are that is for another column to tell, which says what each row holds.
    """
    values, numbers = subject.values, subject.numbers
    plain = numbers.is_number & ~numbers.is_censored
    if values.share(plain) < _SOME or int(plain.sum()) <= FEW_LEVELS:
        return None
    if values.share(numbers.zero_padded) > 1 - NEARLY_ALL or subject.dates is not None:
        return None
    told = f"words stand among the numbers; those of fewer than {subject.rare_below} patients are never generated"
    return _amount(subject, (told,), words=True)


def _amount(subject: Subject, notes: tuple[str, ...], *, atoms: tuple[str, ...] = (), words: bool = False) -> Guess:
    """Integers where all numbers are whole, else numbers with decimals."""
    values, numbers = subject.values, subject.numbers
    low = 0 if values.complete and bool((numbers.value[numbers.is_number] >= 0).all()) else None
    if not values.complete:
        notes = (*notes, "has very many different values; judged by a sample of them")
    if numbers.is_whole[numbers.is_number].all():
        return Guess(Integer(min=low, atoms=atoms, words=words), notes)
    decimals, most = _decimals(subject), _most_decimals(subject)
    if decimals is not None and decimals > most:
        decimals = most
        notes = (*notes, f"has more digits than floating point holds; rounded to {most} decimals")
    return Guess(Number(decimals=decimals or None, min=low, atoms=atoms, words=words), notes)


def near_miss(subject: Subject) -> tuple[str, ...]:
    """Why a column that is nearly numbers or dates is proposed as something else."""
    values, numbers = subject.values, subject.numbers
    padded = values.share(numbers.zero_padded)
    if values.share(numbers.is_number) >= NEARLY_ALL and padded > 1 - NEARLY_ALL:
        return ("numbers with zeros in front are read as texts, so that the zeros stay",)
    if subject.dates is not None:
        return _stray(subject, ~subject.dates.is_date, f"dates or times ({subject.dates.format})")
    if values.share(numbers.is_number) >= 0.9:
        return _stray(subject, ~numbers.is_number, "numbers")
    return ()


def _stray(subject: Subject, others: NDArray[np.bool_], what: str) -> tuple[str, ...]:
    rows = int(subject.values.counts[others].sum())
    if not rows:
        return ()
    count = f"{rows} rows" if rows >= subject.rare_below else "a few rows"
    return (f"nearly all are {what}, but {count} hold texts too rare to be named; mend them, then set the kind",)


def _guess_labels(subject: Subject) -> Guess | None:
    """Whole numbers that only name something."""
    values = subject.values
    if subject.header.is_postal:
        return Guess(Category(), ("postal codes are labels, not amounts",))
    if values.distinct > FEW_LEVELS:
        return None
    if subject.header.is_coded or subject.header.is_sex:
        return Guess(
            Category(), ("whole numbers with few levels, named like labels; use kind: integer if they are amounts",)
        )
    number = np.sort(subject.numbers.value)
    unknown = np.isin(number, _UNKNOWN_CODES)
    gap = 2 < len(number) <= _FEW_CODES and number[0] >= 0 and unknown[-1] and not unknown.all()
    if gap and 2 * number[~unknown].max() <= number[unknown].min():
        return Guess(
            Category(), ("few whole numbers, the last far from the others like a code for unknown; read as labels",)
        )
    return None


def _guess_grades(subject: Subject) -> Guess | None:
    """A few small whole numbers beside single letters, such as the grades 1 to 4 and X of a tumour."""
    values, numbers = subject.values, subject.numbers
    small = numbers.is_number & ~numbers.is_censored & (numbers.value >= 0) & (numbers.value <= _HIGHEST_GRADE)
    if not bool((small | values.match(r"\pL")).all()):
        return None
    return Guess(Category(), ("few whole numbers and letters, as of grades; read as labels",))


def _decimals(subject: Subject) -> int | None:
    """The most decimals that enough rows have; ``None``, each value its own, where there are none.

    So it is where exponents reach from numbers too large to numbers too small for one count.
    """
    numbers, counts = subject.numbers, subject.values.counts
    too_many = (numbers.decimals > _most_decimals(subject)).any()
    if too_many and subject.values.match(r".*\d\.?[eE][+-]?\d+").any():
        return None
    rows = np.bincount(numbers.decimals[numbers.is_number], counts[numbers.is_number])
    common = np.flatnonzero(rows >= min(subject.rare_below, rows.max()))
    return int(common.max()) or None


def _most_decimals(subject: Subject) -> int:
    """How many decimals the largest number leaves of the digits that floating point holds."""
    largest = float(np.abs(subject.numbers.value[subject.numbers.is_number]).max())
    return int(max(_MOST_DIGITS - 1 - np.floor(np.log10(max(largest, 1.0))), 0))


def _may_name(subject: Subject, which: NDArray[np.bool_]) -> bool:
    return bool((subject.values.people[which] >= subject.rare_below).all())


def _texts(subject: Subject, which: NDArray[np.bool_]) -> tuple[str, ...]:
    return tuple(sorted(set(subject.values.take(which).stripped.to_pylist())))


def _about_atoms(atoms: tuple[str, ...], what: str) -> tuple[str, ...]:
    return (f"{len(atoms)} text(s) stand among the {what} and are kept as they are (atoms)",) if atoms else ()


def _about_format(found: DateFormat) -> tuple[str, ...]:
    notes = []
    if found.ambiguous:
        notes.append("day and month could be exchanged in every value; check the format")
    if "%y" in found.format:
        notes.append("years have two digits; check which century is meant")
    if found.also:
        notes.append("written in several formats; of a date that is known in part the rest is read as early as can be")
    if found.beyond_a_day:
        notes.append("hours go beyond a day, so they count from something, such as the admission")
    if found.unpadded:
        notes.append("days, months or hours without a leading zero are written with one")
    return tuple(notes)
