"""Which texts of a column are numbers, under which decimal and thousands marks."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.inference.values import Values

#: The share of a column's rows that must be numbers (or dates) before the column is taken for one.
NEARLY_ALL = 0.995
#: The share of its rows that must be of digits and marks before a column tells of marks.
_SOME = 0.1


@dataclass(frozen=True)
class Marks:
    """The decimal mark and the mark between thousands (empty for none)."""

    decimal: str
    thousands: str

    @property
    def pattern(self) -> str:
        """What a number looks like, without sign."""
        whole = r"\d+" if not self.thousands else rf"(?:\d+|\d{{1,3}}(?:{re.escape(self.thousands)}\d{{3}})+)"
        point = re.escape(self.decimal)
        return rf"(?:{whole}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"


#: The marks in use, the commonest first.
KNOWN_MARKS = (
    Marks(".", ""),
    Marks(",", ""),
    Marks(".", ","),
    Marks(",", "."),
    Marks(",", " "),
    Marks(".", " "),
    Marks(".", "'"),
)


@dataclass(frozen=True)
class Numbers:
    """The numbers among the values of a column; arrays run along its distinct texts.

    Attributes:
        is_number: which texts are numbers, censored ones (``<0.5``) included.
        is_whole: which are written without a decimal mark.
        is_censored: which carry ``<`` or ``>``.
        value: the number, NaN where there is none.
        decimals: digits after the decimal mark, of a number with an exponent as many as it has without; -1 where there
            is no number.
        zero_padded: which begin with a zero before another digit: ``007``.
    """

    is_number: NDArray[np.bool_]
    is_whole: NDArray[np.bool_]
    is_censored: NDArray[np.bool_]
    value: NDArray[np.float64]
    decimals: NDArray[np.int64]
    zero_padded: NDArray[np.bool_]


def read_numbers(column: Values, marks: Marks) -> Numbers:
    """Read the distinct texts of a column as numbers."""
    is_number = column.match(rf"(?:[<>]=?\s?)?[+-]?{marks.pattern}")
    texts = pc.if_else(pa.array(is_number), column.stripped, None)
    plain = pc.replace_substring_regex(texts, r"^[<>]=?\s?", "")
    plain = pc.replace_substring_regex(plain, r"^\+", "")
    if marks.thousands:
        plain = pc.replace_substring(plain, marks.thousands, "")
    if marks.decimal != ".":
        plain = pc.replace_substring(plain, marks.decimal, ".")
    value = np.asarray(pc.cast(plain, pa.float64()).fill_null(np.nan), dtype=np.float64)
    parts = pc.extract_regex(plain, r"^[^.eE]*\.?(?P<digits>\d*)(?:[eE]\+?(?P<exponent>-?\d+))?$")
    exponent = pc.struct_field(parts, "exponent")
    moved = pc.cast(pc.if_else(pc.equal(exponent, ""), "0", exponent), pa.int64()).fill_null(0)
    digits = np.asarray(pc.utf8_length(pc.struct_field(parts, "digits")).fill_null(-1), np.int64)
    decimals = np.where(digits < 0, -1, np.maximum(digits - np.asarray(moved), 0))
    pointed = np.asarray(pc.match_substring_regex(plain, "[.eE]").fill_null(True), dtype=bool)
    return Numbers(
        is_number=is_number,
        is_whole=~pointed,
        is_censored=column.match(r"[<>].*") & is_number,
        value=value,
        decimals=decimals,
        zero_padded=np.asarray(pc.match_substring_regex(plain, r"^-?0\d").fill_null(False), dtype=bool),
    )


def find_marks(columns: Iterable[Values], declared: Marks) -> Marks:
    """The marks under which most columns are numbers; ``declared`` where others do no better.

    Of a column of numbers and words, such as results of a laboratory, the numbers count. A mark between thousands is
    believed only if some column needs it.
    """
    marked = [numerals for column in columns if (numerals := _numerals(column)) is not None]
    candidates = (Marks(declared.decimal, ""), declared, *KNOWN_MARKS)
    shares = [[_share(column, marks) for column in marked] for marks in candidates]
    scores = [sum(share >= NEARLY_ALL for share in own) for own in shares]
    best = candidates[int(np.argmax(scores))]
    alike = [k for k, marks in enumerate(candidates) if (marks.decimal, scores[k]) == (best.decimal, max(scores))]
    return candidates[max(alike, key=lambda k: sum(share for share in shares[k] if share >= NEARLY_ALL))]


def _numerals(column: Values) -> Values | None:
    """The texts of digits and marks, where they are a good part of the column and have a mark between digits."""
    found = column.take(column.match(r"(?:[<>]=?\s?)?[+-]?[.,]?\d[\d., ']*(?:[eE][+-]?\d+)?"))
    return found if _has_marks(found) and found.rows >= _SOME * column.rows else None


def _has_marks(column: Values) -> bool:
    """Whether a good part of the column has a mark between digits; looks at a sample of the texts."""
    sample = column.texts[:: max(1, len(column.texts) // 50)]
    return bool(pc.any(pc.match_substring_regex(sample, r"\d[., ']\d")).as_py())


def _share(column: Values, marks: Marks) -> float:
    return column.share(column.match(rf"(?:[<>]=?\s?)?[+-]?{marks.pattern}"))
