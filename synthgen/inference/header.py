"""What the name of a column says about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORDS = re.compile(r"[A-Z]+(?![a-zæøåäö])|[A-ZÆØÅÄÖ]?[a-zæøåäö]+|[A-ZÆØÅÄÖ]+|\d+")

#: Words that make the last word of a header an identifier: ``patient_nbr``, ``lab no``, ``Record Number``.
_ID_WORDS = frozenset("id ids nbr nr no num number uuid guid key identifier oid uid sk sno index ref".split())
#: Words that are an identifier by themselves.
_ID_ALONE = frozenset("mrn ssn nhs fnr pid pnr fodselsnummer personnummer pasientnr journalnr passport drivers".split())
_PERSON_ID = frozenset("mrn ssn fnr pnr fodselsnummer personnummer passport drivers".split())
#: What stands before ``id`` in headers that are written without a mark between the words: ``PATIENTID``.
_GLUED = re.compile(
    r"[a-z]*?(patient|person|provider|claim|charge|appointment|member|encounter|subject|hadm|stay|record|department|visit|"
    r"organi[sz]ation|note|sample|specimen|transferout|schedule|insurance|pasient|case|order|episode|event|row|type|class|"
    r"group|status)(id|nr|nbr)"
)
#: Words for the person, best first.
_PERSON = (
    "patient pat pasient person subject pid participant mrn member individual client beneficiary bene fnr pnr "
    "fodselsnummer personnummer record"
).split()

#: What tables of persons, and columns that name one, are called.
PERSON_WORDS = frozenset(_PERSON) - {"record", "fnr", "pnr", "mrn", "pid"}
#: Words that make the last word of a header a number within something: the second diagnosis of a stay.
COUNTERS = frozenset("position pos seq sequence line number no nr num index rank ordinal item".split())

_NAME_OWNERS = frozenset("patient person pasient full member subject owner doctor physician provider contact".split())
_FIRST = frozenset("fornavn firstname forename givenname".split())
_LAST = frozenset("etternavn lastname surname familyname maiden".split())
_ADDRESS = frozenset("address adresse street gateadresse".split())
_CITY = frozenset("city poststed town".split())
_PHONE = frozenset("phone telephone telefon mobile mobil cellphone tlf fax".split())
_EMAIL = frozenset("email mail epost".split())
_POSTAL = frozenset("zip zipcode postal postcode postnr postnummer postalcode".split())
_NOTES = frozenset(["note", "notes", "comment", "comments", "remark", "narrative", "freetext", "notat", "kommentar"])
_SEX = frozenset("sex gender kjonn kjønn".split())
_CODED = frozenset("id code cd kode type cat category class group status flag".split())
_CLINICAL = frozenset(
    "diag diagnosis dx icd icd9 icd10 diagnose tilstandskode atc hoveddiagnose bidiagnose cause".split()
)
_CODES = frozenset("code codes kode koder cd".split())

#: Headers of what an extract is often made to predict, best first.
TARGETS = (
    "target outcome readmitted readmission died death mortality hospdead in_hospital_death hospital_expire_flag dead "
    "dod"
).split()


@dataclass(frozen=True)
class Header:
    """A column name, read as words.

    Attributes:
        name: as it stands in the file.
        words: in lower case, without marks; ``("patient", "nbr")`` for ``Patient_nbr`` and ``patientNbr``.
    """

    name: str
    words: tuple[str, ...]

    @property
    def is_id(self) -> bool:
        """It is named like an identifier."""
        if not self.words:
            return True  # a nameless first column is the row number that many tools write
        return (
            self.words[-1] in _ID_WORDS
            or bool(_ID_ALONE & set(self.words))
            or bool(_GLUED.fullmatch("".join(self.words)))
        )

    @property
    def without_id(self) -> str:
        """The words in one, without that which makes it an identifier.

        >>> [read_header(name).without_id for name in ("PATIENT", "patient_id", "PATIENTID", "Id", "visitOccurrenceNr")]
        ['patient', 'patient', 'patient', '', 'visitoccurrence']
        """
        words = self.words[:-1] if self.words and self.words[-1] in _ID_WORDS else self.words
        joined = "".join(words)
        glued = _GLUED.fullmatch(joined) if words == self.words else None
        return joined if glued is None else joined.removesuffix(glued[2])

    @property
    def is_counter(self) -> bool:
        """It is named like a number within something: ``position``, ``line_no``."""
        return bool(self.words) and self.words[-1] in COUNTERS

    @property
    def is_persons_number(self) -> bool:
        """It is named like a number by which authorities know a person."""
        return bool(_PERSON_ID & set(self.words)) or self.words[-2:] == ("social", "security")

    @property
    def person_rank(self) -> int | None:
        """How well it names the person, 0 the best; ``None`` if it does not."""
        words = [word for word in self.words if word not in _ID_WORDS]
        glued = _GLUED.fullmatch("".join(self.words))
        if glued and len(words) != 1:
            words = [glued[1]]
        elif len(words) == 1 and (inner := _GLUED.fullmatch(words[0])):
            words = [inner[1]]
        return _PERSON.index(words[0]) if len(words) == 1 and words[0] in _PERSON else None

    @property
    def provider(self) -> str | None:
        """The Faker provider for personal particulars of this name; whether the values fit is another question."""
        words = set(self.words)
        if words & _FIRST or self.words in (("first", "name"), ("given", "name"), ("first",), ("middle", "name")):
            return "first_name"
        if words & _LAST or self.words in (("last", "name"), ("family", "name"), ("last",), ("maiden", "name")):
            return "last_name"
        if (
            self.words in (("name",), ("navn",), ("ownername",))
            or self.words[-1:] == ("name",)
            and words & _NAME_OWNERS
        ):
            return "name"
        for named, provider in (
            (_EMAIL, "email"),
            (_PHONE, "phone_number"),
            (_ADDRESS, "street_address"),
            (_CITY, "city"),
        ):
            if words & named and not words & _CODED:
                return provider
        return None

    @property
    def is_postal(self) -> bool:
        """It names a postal code."""
        return bool(_POSTAL & set(self.words))

    @property
    def is_note(self) -> bool:
        """It names free text."""
        return bool(_NOTES & set(self.words))

    @property
    def is_sex(self) -> bool:
        """It names the sex of a person."""
        return bool(_SEX & set(self.words)) and len(self.words) <= 3

    @property
    def is_coded(self) -> bool:
        """It is named like numbers that stand for something: ``admission_type_id``, ``ICUType``."""
        last = self.words[-1] if self.words else ""
        return last in _CODED or last.endswith(("type", "code", "kode")) or bool(_GLUED.fullmatch(last))

    @property
    def is_clinical(self) -> bool:
        """It is named like a diagnosis or drug code."""
        return any(word in _CLINICAL or word.startswith(("diagnos", "icd")) for word in self.words)

    @property
    def is_code(self) -> bool:
        """It is named like codes of a large coding system."""
        if self.words[-2:] == ("concept", "id"):
            return True
        return bool(self.words) and (self.words[-1] in _CODES or self.words[-1].endswith(("code", "kode")))

    @property
    def target_rank(self) -> int | None:
        """How well it names an outcome, 0 the best; ``None`` if it does not."""
        name = "_".join(self.words)
        named = [rank for rank, target in enumerate(TARGETS) if f"{name}_".startswith(f"{target}_")]
        return None if not named else named[0] if name in TARGETS else len(TARGETS) + named[0]


def read_header(name: str) -> Header:
    """The words of a column name.

    >>> read_header("patientNbr").words
    ('patient', 'nbr')
    >>> read_header("In-hospital_death").words
    ('in', 'hospital', 'death')
    """
    return Header(name, tuple(word.lower() for word in _WORDS.findall(name) if not word.isdigit()))
