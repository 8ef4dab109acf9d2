"""Columns of texts: constants, yes and no, bands, clinical codes, categories and free text."""

from __future__ import annotations

import pyarrow.compute as pc

from synthgen.inference.bands import find_order
from synthgen.inference.codes import find_codes
from synthgen.inference.identity import FEW_LEVELS, is_known_by
from synthgen.inference.quantities import near_miss
from synthgen.inference.subject import Guess, Subject
from synthgen.schema.column import Boolean, Category, Code, Constant, Id, Ordinal, Text

_YES_NO = (
    ("yes", "no"), ("y", "n"), ("true", "false"), ("t", "f"), ("1", "0"), ("ja", "nei"), ("ja", "nein"), ("j", "n"),
    ("ja", "nej"), ("oui", "non"), ("o", "n"), ("si", "no"), ("s", "n"), ("sì", "no"), ("sí", "no"), ("pos", "neg"),
    ("positive", "negative"),
)  # fmt: skip
_MOST_BANDS = 60
#: The share of rows that must look like codes.
_MOST = 0.9
#: SNOMED CT and the like: far too long for an amount.
_LONG_NUMBER = r"\d{6,18}"
#: Free text: so many characters and words on average, and mostly different.
_LONG = 25
_WORDS = 4
#: ... and of columns that are named as notes, which may name persons however often a sentence repeats.
_NOTE_WORDS = 2


def guess_constant(subject: Subject) -> Guess | None:
    """One text in every row."""
    if subject.texts != 1:
        return None
    return Guess(Constant(), ("empty in every row" if not subject.values.rows else "the same value in every row",))


def guess_boolean(subject: Subject) -> Guess | None:
    """Two texts that mean yes and no."""
    texts = subject.values.texts.to_pylist()
    if len(texts) != 2 or not subject.values.complete:
        return None
    by_word = {text.lower(): text for text in texts}
    for true, false in _YES_NO:
        if by_word.keys() == {true, false}:
            if subject.all_shared:
                return Guess(Boolean(true=by_word[true], false=by_word[false]))
            return Guess(Category(), ("looks like yes and no, but one of them is too rare to be named here",))
    return None


def guess_ordinal(subject: Subject) -> Guess | None:
    """Bands of a scale, which sort."""
    values = subject.values
    if values.padded or not 2 < values.distinct <= _MOST_BANDS or not values.complete:
        return None
    order = find_order(values.texts.to_pylist())
    if order is None:
        return None
    if subject.all_shared:
        return Guess(Ordinal(order=order), ("levels look like bands of a scale; check their order",))
    rare = int((values.people < subject.rare_below).sum())
    told = (
        f"levels look like bands of a scale, but {rare} of them too rare to be named here; use kind: ordinal, with all"
    )
    return Guess(Category(), (f"{told} levels in order, if the bands are no secret",))


def guess_code(subject: Subject) -> Guess | None:
    """Clinical codes by their shape; other codes by the name of the column."""
    found = find_codes(subject.values, subject.header)
    if found is not None:
        told = [f"looks like {found.system.upper().replace('ICD', 'ICD-')} codes"]
        if found.separator is not None:
            told.append(f'several in a cell, between "{found.separator}"')
        return Guess(Code(system=found.system, separator=found.separator), ("; ".join(told),))
    many = (
        subject.header.is_code
        and subject.values.distinct > FEW_LEVELS
        and subject.values.matching(r"\S*\d\S*") >= _MOST
    )
    if many or (subject.header.is_clinical and subject.values.matching(_LONG_NUMBER) >= _MOST):
        return Guess(Code(), ("looks like codes of a system without known hierarchy",))
    return None


def guess_text(subject: Subject) -> Guess | None:
    """Free text, and texts that hardly anyone shares: as a category nearly all of them would be `other`."""
    values = subject.values
    if not values.rows:
        return None
    characters = float(values.counts @ pc.utf8_length(values.stripped).to_numpy()) / values.rows
    words = float(values.counts @ pc.count_substring(values.stripped, " ").to_numpy()) / values.rows + 1
    noted = subject.header.is_note and words >= _NOTE_WORDS
    differ = 2 * min(values.distinct, values.rows) > values.rows
    if noted or (characters >= _LONG and words >= _WORDS and differ):
        return Guess(Text(), ("free text; the column is kept and its cells come out empty",))
    if 2 * subject.shared < 1:
        if is_known_by(subject):
            shaped = "shaped like an identifier that some rows share; made up anew"
            return Guess(Id(), (f"{shaped}; if it says whose rows they are, add patient: {subject.header.name}",))
        told = near_miss(subject) or (f"most rows hold a text that fewer than {subject.rare_below} patients share",)
        return Guess(Text(), (*told, "never learned: its cells come out empty"))
    return None


def guess_category(subject: Subject) -> Guess:
    """What everything else is."""
    return Guess(Category(), near_miss(subject))
