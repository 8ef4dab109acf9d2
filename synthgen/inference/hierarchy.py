"""Which table has the patients, which belong to them and through what, and which are lookup tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from synthgen.inference.header import PERSON_WORDS, read_header
from synthgen.inference.links import Found, stem

#: A parent is named in at least so many rows; a link that fewer have is a foreign key.
_MOST_ROWS: Final = 0.5
#: Words that tables of public vocabulary are named with.
_VOCABULARY: Final = frozenset(
    "concept vocabulary vocab code codelist dictionary terminology icd atc loinc snomed reference lookup".split()
)


@dataclass(frozen=True)
class Place:
    """A table among the others, as it is guessed.

    Attributes:
        key: its key, empty for none.
        patient: the column that says whose row it is.
        parent: the link to its parent.
        foreign: its other links.
        reference: whether it looks like public vocabulary.
        owned: whether its rows belong to patients.
    """

    key: tuple[str, ...]
    patient: str | None
    parent: Found | None
    foreign: tuple[Found, ...]
    reference: bool
    owned: bool

    @property
    def links(self) -> tuple[Found, ...]:
        """All links, the parent's first."""
        return self.foreign if self.parent is None else (self.parent, *self.foreign)


def places(
    keys: Mapping[str, tuple[str, ...]],
    links: Mapping[str, list[Found]],
    persons: Mapping[str, str],
) -> dict[str, Place]:
    """The place of each table.

    The table of patients is the one named so; else the one whose key is named so and which others refer to. Tables
    with a link to it, or to such a table, belong to patients; the parent is the deepest of what they link to. Where
    no table has one row for each patient, the columns that name a patient tell whose row it is.

    Args:
        keys: of the tables that have one.
        links: of each table.
        persons: for each table that has one, the column that is named like a person and repeats.
    """
    patients = _patients(keys, links)
    owned = _owned(patients, links, persons)
    depths = {name: 0 if name == patients else _depth(name, links, owned, ()) for name in owned}
    found = {}
    for name, mine in links.items():
        parent = None if name == patients else _parent(name, mine, depths)
        patient = keys[name][0] if name == patients else _patient(mine, patients, persons.get(name))
        foreign = tuple(link for link in mine if _is_foreign(link, parent, patient, name, patients))
        reference = name in keys and name not in owned and _is_vocabulary(name)
        found[name] = Place(keys.get(name, ()), patient, parent, foreign, reference, name in owned)
    return {name: _without_lost(place, found) for name, place in found.items()}


def _patients(keys: Mapping[str, tuple[str, ...]], links: Mapping[str, list[Found]]) -> str | None:
    single = [name for name, key in keys.items() if len(key) == 1]
    referred = {name: sum(link.table == name for each in links.values() for link in each) for name in single}
    named = [name for name in single if stem(name)[-1:] and stem(name)[-1] in PERSON_WORDS]
    by_key = [
        name
        for name in single
        if referred[name] and (header := read_header(keys[name][0])).is_id and header.person_rank is not None
    ]
    for candidates in (named, by_key):
        if candidates:
            return max(candidates, key=lambda name: (referred[name], -single.index(name)))
    return None


def _owned(patients: str | None, links: Mapping[str, list[Found]], persons: Mapping[str, str]) -> set[str]:
    """The tables whose rows belong to patients."""
    owned = {patients} if patients is not None else set(persons)
    while more := {name for name in links if name not in owned and any(link.table in owned for link in links[name])}:
        owned |= more
    return owned


def _depth(name: str, links: Mapping[str, list[Found]], owned: set[str], above: tuple[str, ...]) -> int:
    """How far a table is from the patient, by the longest way that does not come back to itself."""
    targets = {link.table for link in links[name] if link.table in owned} - {name, *above}
    return max((1 + _depth(target, links, owned, (*above, name)) for target in targets), default=0)


def _parent(name: str, links: list[Found], depths: Mapping[str, int]) -> Found | None:
    candidates = [
        link
        for link in links
        if link.table in depths and link.table != name and depths[link.table] < depths[name] and link.held >= _MOST_ROWS
    ]
    return max(candidates, key=lambda link: (depths[link.table], link.score, link.held), default=None)


def _patient(links: list[Found], patients: str | None, person: str | None) -> str | None:
    """The column that names the patient: of several links to the table of patients the best named."""
    if patients is None:
        return person
    direct = [link for link in links if link.table == patients and len(link.columns) == 1 and link.score > 1]
    return max(direct, key=lambda link: (link.score, link.held)).columns[0] if direct else None


def _is_foreign(link: Found, parent: Found | None, patient: str | None, name: str, patients: str | None) -> bool:
    """Whether a link is stated as a foreign key: it is of one column, and neither the parent's nor the patient's."""
    to_patient = link.columns == (patient,) and patients in (name, link.table)
    return link is not parent and len(link.columns) == 1 and not to_patient


def _is_vocabulary(name: str) -> bool:
    words = stem(name)
    return bool(_VOCABULARY & set(words)) or words[:1] == ("d",)  # MIMIC's dictionaries begin with d_


def _without_lost(place: Place, others: Mapping[str, Place]) -> Place:
    """Without links that the schema has no place for: of vocabulary, to what is made up anew."""
    if not place.reference:
        return place
    kept = tuple(link for link in place.foreign if others[link.table].reference)
    return Place(place.key, None, None, kept, True, False)
