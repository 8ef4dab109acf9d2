"""What the name of a column says about it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property
from unicodedata import normalize

# The letters of Latin-1: German, French, Dutch, Spanish and the Nordic languages.
_LOWER, _UPPER = "a-zß-öø-ÿ", "A-ZÀ-ÖØ-Þ"
_WORDS = re.compile(rf"[{_UPPER}]+(?![{_LOWER}])|[{_UPPER}]?[{_LOWER}]+|[{_UPPER}]+|\d+")

_NUMBER_SIGN = re.compile(r"\s*[Nn][°º]")

#: Words that make the last word of a header an identifier: ``patient_nbr``, ``lab no``, ``Record Number``.
_ID_WORDS = frozenset(
    "id ids nbr nr no num number nummer numero uuid guid key identifier oid uid sk sno index ref".split()
)
#: Words that are an identifier by themselves.
#: Those by which authorities and insurers know a person. (Not Danish ``cpr`` nor Spanish ``dni`` alone, which in
#: English files are resuscitation and an order not to intubate.)
_PERSON_ID = frozenset(
    "mrn ssn fnr pnr fodselsnummer personnummer passport drivers kvnr svnr ahv ahvnr ahvnummer reisepass bsn "
    "burgerservicenummer nif cprnr cprnummer personnr nir".split()
)
_ID_ALONE = _PERSON_ID | frozenset("nhs pid pasientnr journalnr ipp nhc".split())
#: The numbers of insured persons, in one word or several: ``Versicherten-Nr.``, ``Krankenversichertennummer``.
_INSURED = re.compile(r"[a-z]*versicher(?:ten|ungs)(?:nr|nummer|no|id)")
#: What stands before ``id`` in headers that are written without a mark between the words: ``PATIENTID``.
_GLUED = re.compile(
    r"[a-z]*?(patient|person|subj|l[oöø]pe?|provider|claim|charge|appointment|member|encounter|subject|hadm|stay|record|department|visit|"
    r"organi[sz]ation|note|sample|specimen|transferout|schedule|insurance|pasient|case|order|episode|event|row|type|class|"
    r"group|status|patienten|versicherten|fall|aufnahme|proben|auftrags)(id|nr|nbr|nummer)"
)
#: Words for the person, best first.
_PERSON = (
    "patient pat pasient person subject subj pid participant mrn member individual client beneficiary bene fnr pnr "
    "fodselsnummer personnummer personnr patienten paciente paziente versicherten kvnr ipp nhc lop löp lope løpe "
    "record mother mor moder madre mere mutter"
).split()
#: What mothers are called in the plural, where no *s* makes it.
_MOTHERS = frozenset("modre mødre modrar mödrar mutter mütter madri moedre moeder".split())

#: What tables of persons, and columns that name one, are called.
PERSON_WORDS = (frozenset(_PERSON) | _MOTHERS) - (
    {"record", "fnr", "pnr", "mrn", "pid", "kvnr", "ipp", "nhc", "lop", "löp", "lope", "løpe"}
)
#: Words that make the last word of a header a number within something: the second diagnosis of a stay.
COUNTERS = frozenset("position pos seq sequence line number no nr num index rank ordinal item".split())

# Particulars in English, German, French, Dutch, Spanish, Norwegian, Swedish and Danish, in plain letters: headers are
# held against them in every spelling that ``_spellings`` gives.
_NAME = frozenset("name navn nom naam nombre namn".split())
_NAME_OWNERS = frozenset(
    "patient person pasient full member subject owner doctor physician provider contact patienten paciente arzt medecin"
    " arts medico".split()
)
_FIRST = frozenset("fornavn firstname forename givenname vorname rufname prenom voornaam fornamn".split())
_LAST = frozenset(
    "etternavn lastname surname familyname maiden nachname familienname zuname geburtsname maedchenname apellido "
    "apellidos achternaam familienaam efternamn efternavn".split()
)
_FULL = frozenset("ownername patientenname patientname patientnavn patientnaam pasientnavn arztname".split())
#: Others than the patient whom a column may name: who treats, refers or cares.
_OTHERS = frozenset(
    "doctor physician surgeon hausarzt arzt aerztin einweiser zuweiser operateur medecin medico huisarts lege laege "
    "lakare angehoeriger angehoerige kontaktperson ansprechpartner betreuer arbeitgeber".split()
)
_ADDRESS = frozenset(
    "address adresse street gateadresse strasse anschrift rue straat adres calle domicilio direccion gata adress "
    "gatuadress".split()
)
_HOUSE = frozenset("hausnummer hausnr huisnummer husnummer".split())
_CITY = frozenset("city poststed town ort wohnort geburtsort stadt ville woonplaats plaats ciudad postort".split())
_PHONE = frozenset(
    "phone telephone telefon mobile mobil cellphone tlf fax tel telefonnummer telefonnr handy handynummer handynr "
    "mobilnummer mobiltelefon rufnummer faxnummer telefoon telefoonnummer telefono movil celular".split()
)
_EMAIL = frozenset("email mail epost emailadresse mailadresse courriel correo".split())
#: What ends a German word for a particular of a relative, an employer or a doctor: ``Mutterfamilienname``.
_COMPOUND = ("vorname", "nachname", "familienname", "geburtsname", "strasse", "hausnummer", "telefon", "telefonnummer")
_POSTAL = frozenset("zip zipcode postal postcode postnr postnummer postalcode plz postleitzahl".split())
_NOTES = frozenset(
    "note notes comment comments remark remarks narrative freetext notat kommentar kommentare bemerkung bemerkungen "
    "anmerkung anmerkungen notiz notizen freitext arztbrief befund befunde befundtext epikrise anamnese commentaire "
    "commentaires remarque remarques opmerking opmerkingen comentario comentarios observaciones anteckning "
    "anteckningar bemaerkning bemaerkninger".split()
)
_SEX = frozenset("sex gender kjonn geschlecht sexe geslacht sexo kon koen".split())
_WITH_E = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ø": "oe"})
_CODED = frozenset("id code cd kode type cat category class group status flag".split())
_CLINICAL = frozenset(
    "diag diagnosis dx icd icd9 icd10 diagnose tilstandskode atc hoveddiagnose bidiagnose aktionsdiag bidiag cause ops "
    "prozedur prozeduren todesursache dødsårsak dödsorsak".split()
)
#: Words that name a death, and how other such words begin.
_DEATH = frozenset("dod tod".split())
_DEATHS = (
    *"death died deceased sterbe verstorben gestorben todes".split(),
    *"deces décès overle overlij fallec defunc muerte død död".split(),
)
_CODES = frozenset("code codes kode koder cd".split())

#: Headers of what an extract is often made to predict, best first.
TARGETS = (
    "target outcome readmitted readmission died death mortality hospdead in_hospital_death hospital_expire_flag dead "
    "dod verstorben gestorben wiederaufnahme overleden décédé fallecido avliden"
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
            or self.is_persons_number
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
        """It is named like a number by which authorities or insurers know a person."""
        return (
            bool(_PERSON_ID & self.said)
            or self.words[-2:] == ("social", "security")
            or bool(_INSURED.fullmatch("".join(self.words)))
            or self.words[:2] in (("cpr", "nr"), ("cpr", "nummer"))
        )

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
        words, said = self.words, self.said
        first = bool(said & _FIRST) or words in (("first", "name"), ("given", "name"), ("first",), ("middle", "name"))
        last = bool(said & _LAST) or words in (("last", "name"), ("family", "name"), ("last",), ("maiden", "name"))
        if said & _FULL or (first and last) or (said & _FIRST and said & _NAME):
            return "name"
        if first:
            return "first_name"
        if last:
            return "last_name"
        if self.is_bare_name or (said & _NAME and said & _NAME_OWNERS):
            return "name"
        for named, provider in (
            (_EMAIL, "email"),
            (_PHONE, "phone_number"),
            (_HOUSE, "building_number"),
            (_ADDRESS, "street_address"),
            (_CITY, "city"),
        ):
            if said & named and not said & _CODED:
                return provider
        return None

    @property
    def is_bare_name(self) -> bool:
        """It is a name, and does not say of what."""
        return len(self.words) == 1 and bool(self.said & _NAME)

    @property
    def is_of_others(self) -> bool:
        """It may name a doctor, a relative or the like."""
        return bool(self.words) and bool(_OTHERS & _spellings(self.words[-1]))

    @property
    def is_personal(self) -> bool:
        """It names who somebody is or how to reach them; a bare name, a place and the words first and last may not."""
        if self.is_bare_name or self.words in (("first",), ("last",)):
            return False
        return self.is_persons_number or self.provider not in (None, "city")

    @cached_property
    def said(self) -> frozenset[str]:
        """The words in all spellings; of German compounds, what they end with as well."""
        said = {spelling for word in self.words for spelling in _spellings(word)}
        return frozenset(said | {end for end in _COMPOUND for word in said if word.endswith(end)})

    @property
    def is_postal(self) -> bool:
        """It names a postal code."""
        return bool(_POSTAL & self.said)

    @property
    def is_note(self) -> bool:
        """It names free text."""
        return bool(_NOTES & self.said)

    @property
    def is_sex(self) -> bool:
        """It names the sex of a person."""
        return bool(_SEX & self.said) and len(self.words) <= 3

    @property
    def is_death(self) -> bool:
        """It names a death."""
        return any(word in _DEATH or word.startswith(_DEATHS) for word in self.words)

    @property
    def is_coded(self) -> bool:
        """It is named like numbers that stand for something: ``admission_type_id``, ``ICUType``."""
        last = self.words[-1] if self.words else ""
        return last in _CODED or last.endswith(("type", "code", "kode")) or bool(_GLUED.fullmatch(last))

    @property
    def is_clinical(self) -> bool:
        """It is named like a diagnosis or drug code."""
        return any(word in _CLINICAL or "diagnos" in word or word.startswith("icd") for word in self.words)

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


def _spellings(word: str) -> set[str]:
    """A word in plain letters, its umlauts with and without an e.

    >>> sorted(_spellings("straße")), sorted(_spellings("prénom")), sorted(_spellings("kön"))
    (['strasse'], ['prenom'], ['koen', 'kon'])
    """
    written = word.replace("ß", "ss").replace("æ", "ae")
    plain = normalize("NFKD", written.replace("ø", "o")).encode("ascii", "ignore").decode()
    with_e = written.translate(_WITH_E)
    return {plain, normalize("NFKD", with_e).encode("ascii", "ignore").decode()}


def read_header(name: str) -> Header:
    """The words of a column name.

    >>> read_header("patientNbr").words
    ('patient', 'nbr')
    >>> read_header("In-hospital_death").words
    ('in', 'hospital', 'death')
    >>> read_header("N°_séjour").words  # the number comes first in French and Spanish
    ('séjour', 'no')
    """
    found = [word.lower() for word in _WORDS.findall(normalize("NFC", name)) if not word.isdigit()]
    if _NUMBER_SIGN.match(name) and found[1:]:
        found = [*found[1:], "no"]
    return Header(name, tuple(found))
