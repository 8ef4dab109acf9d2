"""Whether a column holds clinical codes, of which system, and how several stand in one cell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

import pyarrow.compute as pc

from synthgen.inference.header import Header
from synthgen.inference.values import Values

#: The share of a column's codes that must have the shape of the system.
_MOST = 0.9
#: A column without a telling name needs this many different codes: wards and rooms have fewer.
_MANY = 20
#: So many initial letters are of several chapters of diagnoses.
_CHAPTERS = 8

# ICD-9-CM: three digits, or V and two, or E and three; decimals after. Zeros in front are often lost.
_ICD9 = r"\d{1,3}(?:\.\d{1,2})?|V\d{2}(?:\.\d{1,2})?|E\d{3}(?:\.\d)?"
_ICD9_UNDOTTED = r"\d{3,5}|V\d{2,4}|E\d{3,4}"
_ICD9_SUPPLEMENTARY = r"V\d{2}.*|E\d{3}.*"
# ICD-10 and its national forms: a letter, a digit, a digit or A or B; up to four more after, letters only there.
# A mark at the end says of what kind a code is: * † (also typed +) and, in ICD-10-GM, ! for one that adds to another.
_ICD10 = r"[A-Z]\d[0-9AB](?:\.?[0-9A-Z]{1,4})?[*†+!]?"
_ICD10_DOTTED = r"[A-Z]\d[0-9AB]\.[0-9A-Z]{1,4}"
# ATC: full codes of seven characters, or the levels above of three, four or five.
_ATC = r"[ABCDGHJLMNPRSV]\d{2}(?:[A-Z](?:[A-Z](?:\d{2})?)?)?"
_ATC_LONG = r"[ABCDGHJLMNPRSV]\d{2}[A-Z]{2}(?:\d{2})?"

# OPS, the German procedures: chapter, three digits (the third may be a letter), one or two more after the point.
_OPS = r"\d-\d{2}[0-9a-z](?:\.[0-9a-z]{1,2})?"

# SKS, the Danish diagnoses: ICD-10 after a D, without dots.
_SKS = r"D[A-Z]\d[0-9AB][0-9A-Z]{0,3}"

_SEPARATORS = (", ", ",", "; ", ";", "|", " | ", "/", " ")

System = Literal["icd9", "icd10", "atc", "ops", "sks"]


@dataclass(frozen=True)
class Codes:
    """The coding system of a column, and what stands between several codes in a cell (``None``: one each)."""

    system: System
    separator: str | None


def find_codes(column: Values, header: Header) -> Codes | None:
    """The coding system of a column; ``None`` where there is none.

    Judged by the shape of the codes, weighted by rows. Where the name of the column does not tell, the shape must
    tell more: V and E codes among the numbers of ICD-9, dots or many chapters in ICD-10, whole ATC codes.
    """
    if not len(column.texts) or (not header.is_clinical and column.distinct < _MANY):
        return None
    separator = _separator(column)
    cells = column if separator is None else _split(column, separator)
    system = _system(cells, header)
    return None if system is None else Codes(system, separator)


def _system(cells: Values, header: Header) -> System | None:
    hinted = header.is_clinical
    share = {
        name: cells.share(cells.match(pattern)) for name, pattern in (("atc", _ATC), ("icd10", _ICD10), ("icd9", _ICD9))
    }
    if share["atc"] >= _MOST and cells.share(cells.match(_ATC_LONG)) >= 0.5:
        return "atc"
    if share["icd10"] >= _MOST and not share["icd9"] >= share["icd10"]:
        dotted = cells.share(cells.match(_ICD10_DOTTED))
        return "icd10" if hinted or dotted >= 0.2 or len(_initials(cells, 0)) >= _CHAPTERS else None
    if cells.share(cells.match(_OPS)) >= _MOST:
        return "ops"
    if cells.share(cells.match(_SKS)) >= _MOST and (hinted or len(_initials(cells, 1)) >= _CHAPTERS):
        return "sks"
    supplementary = cells.share(cells.match(_ICD9_SUPPLEMENTARY))
    if share["icd9"] >= _MOST and (supplementary > 0.001 or hinted and cells.share(cells.match(r"\d{3}\..*")) > 0.05):
        return "icd9"
    undotted = cells.share(cells.match(_ICD9_UNDOTTED))
    return "icd9" if hinted and undotted >= _MOST and supplementary > 0.001 else None


def _initials(cells: Values, place: int) -> set[str]:
    """The letters that codes have at a place, which tell of chapters."""
    return set(pc.utf8_slice_codeunits(cells.stripped, place, place + 1).to_pylist())


def _separator(column: Values) -> str | None:
    """What stands between code-like pieces in at least one cell in a hundred."""
    piece = rf"(?:[A-Z]?\d[0-9A-Z.]{{1,6}}[*†+!]?|{_OPS}|{_SKS})"
    for separator in _SEPARATORS:
        several = column.match(rf"{piece}(?:{re.escape(separator)}{piece})+")
        if column.share(several) >= 0.01:
            return separator
    return None


def _split(column: Values, separator: str) -> Values:
    """The single codes, each with the rows of its cell."""
    lists = pc.split_pattern(column.stripped, separator)
    cells = pc.list_parent_indices(lists).to_numpy()
    return Values(pc.list_flatten(lists), column.counts[cells], column.people[cells], column.complete, column.distinct)
