"""Coding systems as hierarchies: the chapter of a code, its category, and its coarser codes.

ICD-9 chapters follow the WHO's three-digit ranges, ICD-10 chapters its letter ranges, which national forms keep; ATC
levels are those of the WHO Collaborating Centre (1, 3, 4, 5 and 7 characters). OPS is Germany's system of procedures
(BfArM): 5 is its chapter of operations, 5-47 those on the appendix, 5-470 the appendectomy, 5-470.11 a way to do it.
SKS is Denmark's system (Sundhedsdatastyrelsen): its diagnoses are ICD-10 with a D before and no dot, DE119 for E11.9.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable
from typing import Final, NamedTuple

# The first three-digit category of each ICD-9 chapter; V and E codes have chapters of their own.
_ICD9_STARTS: Final = (1, 140, 240, 280, 290, 320, 390, 460, 520, 580, 630, 680, 710, 740, 760, 780, 800)
# The first category of each ICD-10 chapter, in alphabetical order.
_ICD10_STARTS: Final = (
    "A00", "C00", "D50", "E00", "F00", "G00", "H00", "H60", "I00", "J00", "K00", "L00", "M00", "N00", "O00",
    "P00", "Q00", "R00", "S00", "U00", "V00", "Z00",
)  # fmt: skip
_ATC_LENGTHS: Final = (1, 3, 4, 5, 7)
_CATEGORY_LENGTH: Final = 3
#: The codes of OPS begin with a chapter, a dash and two digits, which tell what is treated, and one for what is done.
_OPS_CATEGORY: Final = 4
_OPS_SHORTEST: Final = 5
_SKS_CATEGORY: Final = 4


def parent_icd9(code: str) -> str | None:
    """The next coarser ICD-9 code: 250.83, 250.8, 250; ``None`` above the category."""
    return _without_last(code, 4 if code[:1].upper() == "E" else _CATEGORY_LENGTH)


def parent_icd10(code: str) -> str | None:
    """The next coarser ICD-10 code: E11.65, E11.6, E11; ``None`` above the category."""
    return _without_last(code, _CATEGORY_LENGTH)


def parent_atc(code: str) -> str | None:
    """The next coarser ATC code: A10BA02, A10BA, A10B, A10; ``None`` above the therapeutic group."""
    coarser = [length for length in _ATC_LENGTHS[1:] if length < len(code)]
    return code[: coarser[-1]] if coarser else None


def parent_ops(code: str) -> str | None:
    """The next coarser OPS code: 5-470.11, 5-470.1, 5-470; ``None`` above the code of four digits."""
    return _without_last(code, _OPS_SHORTEST)


def parent_sks(code: str) -> str | None:
    """The next coarser SKS code: DE119B, DE119, DE11; ``None`` above the category."""
    return _without_last(code, _SKS_CATEGORY)


def no_parent(code: str) -> str | None:
    """A system that is not known has no hierarchy."""
    return None


def _without_last(code: str, shortest: int) -> str | None:
    stem = code[:-1].rstrip(".")
    return stem if len(stem) >= shortest else None


def chapter_icd9(code: str) -> str:
    """The chapter as the first category in it; ``V``, ``E`` or empty for what is no number."""
    letter = code[:1].upper()
    if letter in ("V", "E"):
        return letter
    digits = category(code.split(".", maxsplit=1)[0])  # without a dot, 25083 is 250.83
    return str(_ICD9_STARTS[bisect_right(_ICD9_STARTS, int(digits)) - 1]) if digits.isdecimal() and int(digits) else ""


def chapter_icd10(code: str) -> str:
    """The chapter as the first category in it; empty for what sorts before all chapters."""
    place = bisect_right(_ICD10_STARTS, code[:_CATEGORY_LENGTH].upper())
    return _ICD10_STARTS[place - 1] if place else ""


def chapter_atc(code: str) -> str:
    """The anatomical main group."""
    return code[:1].upper()


def category(code: str) -> str:
    """The first three characters: an ICD category, an ATC therapeutic group."""
    return code[:_CATEGORY_LENGTH]


class System(NamedTuple):
    """A coding system: what gives the next coarser code of a code, its chapter and its category."""

    parent: Callable[[str], str | None]
    chapter: Callable[[str], str]
    category: Callable[[str], str]


#: By the name that a config has for it.
SYSTEMS: Final = {
    "icd9": System(parent_icd9, chapter_icd9, category),
    "icd10": System(parent_icd10, chapter_icd10, category),
    "atc": System(parent_atc, chapter_atc, category),
    "ops": System(parent_ops, lambda code: code[:1], lambda code: code[:_OPS_CATEGORY]),
    "sks": System(parent_sks, lambda code: chapter_icd10(code[1:]), lambda code: code[:_SKS_CATEGORY]),
    "other": System(no_parent, lambda code: "", lambda code: ""),
}
