"""Columns that say who or which, not what: identifiers, and the personal particulars that Faker makes up."""

from __future__ import annotations

from collections.abc import Mapping

import pyarrow.compute as pc

from synthgen.inference.header import Header
from synthgen.inference.subject import Guess, Subject
from synthgen.inference.values import Values
from synthgen.schema.column import Category, Column, Constant, Drop, Fake, Id, Text

_UUID = r"[0-9a-fA-F]{8}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{4}-?[0-9a-fA-F]{12}"
#: One word with a digit in it: what identifiers look like, if they are no plain numbers.
_MARKED = r"[A-Za-z0-9._/-]*\d[A-Za-z0-9._/-]*"
#: Letters among them, or digits in groups: no number, and where many rows have one of their own no label.
_LETTERED = r".*[A-Za-z].*|\d+(?:[-/_]\d+)+"
_PERSONS_NAME = r"\pL[\pL\d'’.-]*(?:,? \pL[\pL\d'’.-]*){0,4}"
#: Words without a figure.
_NO_CODE = r"\PN*\pL{2}\PN*"
_SHAPES = {
    "email": r"\S+@\S+\.\S+",
    "phone_number": r"[+(]?\d[\d\s()./-]{4,}(?:x\d+)?",
    "street_address": r".*\pL.*",
    "building_number": r"\d{1,4} ?[a-zA-Z]?(?: ?[-/+] ?\d{1,4} ?[a-zA-Z]?)?",
    "city": r"[\pL .'’-]+",
    "first_name": _PERSONS_NAME,
    "last_name": _PERSONS_NAME,
    "name": _PERSONS_NAME,
}
_POSTCODE = r"[A-Za-z0-9]{2,5}[ -]?[A-Za-z0-9]{0,5}"
#: A column is taken for what its shape says from this share of rows.
_MOST = 0.95
#: Shape alone makes an identifier only in tables of at least this many rows: in small ones much is unique.
_ENOUGH_ROWS = 100
_LONG_NUMBER = 9
#: Up to this many levels a number named ``..._id`` is read as labels of something that many share.
FEW_LEVELS = 30
#: Numbers drawn one by one from the span of a column would be the same so often, if they were measured.
_TIES = 20
_COUNTERS = frozenset({"number", "no", "nr", "num", "index", "ref"})
_SMALL = 999
#: A column of so few levels only says whether there is a phone, a name, a number.
_YES_OR_NO = 2


def find_patient(columns: Mapping[str, Header], values: Mapping[str, Values], rows: int) -> str | None:
    """The column that probably says whose row it is; ``None`` if each row has a person of its own, or none is named.

    It is named like a person, looks like an identifier, repeats, and is hardly ever missing.
    """
    ranked = [(header.person_rank, name) for name, header in columns.items() if header.person_rank is not None]
    for _, name in sorted(ranked, key=lambda pair: pair[0]):
        column = values[name]
        if column.distinct > 2 and column.rows >= 0.99 * rows and column.matching(_MARKED) >= _MOST:
            return None if column.unique else name
    return None


def guess_particulars(subject: Subject) -> Guess | None:
    """Names, addresses and the like, by header and shape; where the shape is another, nothing is learned of them."""
    header, values = subject.header, subject.values
    provider = header.provider
    if header.is_postal and 2 * subject.shared < 1 and values.matching(_POSTCODE) >= _MOST:
        rare = f"most rows hold a postal code that fewer than {subject.rare_below} patients share"
        return Guess(Fake(provider="postcode"), (f"{rare}; replaced by Faker's `postcode`",))
    if header.is_bare_name and subject.beside_first_name:
        provider = "last_name"
    elif header.is_bare_name and not (subject.of_people and 10 * values.distinct >= (subject.patients or values.rows)):
        return None
    if provider is not None and values.matching(_SHAPES[provider]) >= 0.8:
        told = [f"looks like personal particulars; replaced by Faker's `{provider}`, which never depends on the data"]
        if provider == "city":
            told = ["replaced by Faker's `city`; use kind: category to keep the places and how common they are"]
        return Guess(Fake(provider=provider), tuple(told))
    if provider is not None and header.is_personal and values.distinct > _YES_OR_NO:
        told = ["named like personal particulars, but not shaped like them; never learned: its cells come out empty"]
        return Guess(Text(), tuple(told))
    return None


def doubt(subject: Subject, column: Column) -> str | None:
    """What to tell where a column is learned although its name is that of personal particulars; else ``None``."""
    if isinstance(column, Id | Fake | Text | Drop | Constant):
        return None
    header = subject.header
    names_others = header.is_of_others and subject.values.matching(_NO_CODE) >= _MOST
    if header.is_personal or names_others or (header.is_bare_name and subject.of_people):
        return (
            "PERSONAL? named like personal particulars, yet its values are learned and published; "
            "if they are persons', use kind: fake, id, text or drop"
        )
    if header.is_note and isinstance(column, Category):
        return (
            "PERSONAL? named like free text, yet its texts are learned and published; "
            "if they may name persons, use kind: text"
        )
    return None


def guess_id(subject: Subject) -> Guess | None:
    """Identifiers, by header, shape and how often they repeat. The patient column is none of its business."""
    header, values = subject.header, subject.values
    marked = values.matching(_MARKED) >= _MOST
    if header.is_persons_number and (marked and _plain(subject) or values.distinct > _YES_OR_NO):
        return Guess(Id(), ("looks like a number by which a person is known; made up anew",))
    if not marked or not _plain(subject):
        return None
    is_uuid = values.matching(_UUID) >= _MOST
    if values.unique:
        if is_uuid or header.is_id or (values.rows >= _ENOUGH_ROWS and _shaped_like_id(subject)):
            told = () if header.is_id else ("unique in every row and shaped like an identifier; made up anew",)
            return Guess(Id(), told)
        return None
    return _guess_reference(subject, is_uuid)


def _guess_reference(subject: Subject, is_uuid: bool) -> Guess | None:
    """An identifier that repeats: of a thing that many share, such as a ward, or of few rows, such as a stay."""
    header, values = subject.header, subject.values
    named = header.is_id or header.person_rank is not None
    if not (is_uuid or (named and values.distinct > FEW_LEVELS and not header.is_code)):
        return None
    if not is_uuid and header.words[-1:] and header.words[-1] in _COUNTERS and _is_small(subject):
        return None
    people = subject.patients or values.rows
    if subject.shared >= 0.5 and 2 * values.distinct < people:
        return Guess(Category(), ("an identifier of something that many rows share, read as a category",))
    told = "an identifier that repeats and is not the patient's; made up anew; only repeats within a patient stay"
    return Guess(Id(), (told,))


def is_known_by(subject: Subject) -> bool:
    """Whether texts that most rows share with few others are identifiers, by their shape: all of one length."""
    values = subject.values
    if subject.whole or values.matching(_MARKED) < _MOST or values.matching(_LETTERED) < _MOST or not _plain(subject):
        return False
    lengths = pc.utf8_length(values.stripped).to_numpy()
    return bool(values.distinct > FEW_LEVELS and lengths.min() == lengths.max())


def _plain(subject: Subject) -> bool:
    """Not a number with decimals, and not a moment."""
    return subject.whole or (subject.dates is None and not subject.numbers.is_number.all())


def _is_small(subject: Subject) -> bool:
    return subject.whole and float(subject.numbers.value.max()) <= _SMALL


def _shaped_like_id(subject: Subject) -> bool:
    """A running number, long numbers of one length, or texts with letters and digits, or digits in groups."""
    values = subject.values
    if not subject.whole:
        return values.matching(_LETTERED) >= _MOST
    number = subject.numbers.value
    lengths = pc.utf8_length(values.stripped).to_numpy()
    # That no two rows share a number says that it was given to them, where chance would bring many ties.
    span = float(number.max() - number.min()) + 1
    given = values.distinct * (values.distinct - 1) / (2 * span) >= _TIES
    return bool(given or (lengths.min() == lengths.max() and lengths.max() >= _LONG_NUMBER))
