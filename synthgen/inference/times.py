"""Which columns say when a row was, and how long a person was followed."""

from __future__ import annotations

from collections.abc import Mapping

from synthgen.inference.header import Header
from synthgen.schema.column import Boolean, Column, Date, Datetime, Integer, Number, Time
from synthgen.schema.table import Survival

#: Words of the time column of a table, best first: what begins before what is only dated.
_BEGINS = (
    "start begin admitted admission admit from onset in taken charttime datetime time date day at "
    "aufnahmedatum aufnahme beginn aufnahmezeit datum zeitpunkt "
    "inddato indlagt indlæggelsesdato inndato innlagt innleggelsesdato inskriven inskrivningsdatum startdato "
    "startdatum entrée entree admission hospitalisation ingreso ingresso ricovero accettazione dato tidspunkt fecha "
    "data"
).split()
#: Words of days that say who a person is, or that end something, not when a row was.
_NOT_BEGINS = frozenset(
    "birth born birthdate dob death died dod end stop to out until discharge discharged valid geburtsdatum geburtstag "
    "gebdatum gebdat sterbedatum todesdatum tod entlassdatum entlassungsdatum entlassung ende bis "
    "født fødselsdato fødselsdag fødedato född födelsedatum død dødsdato död dödsdatum uddato udskrevet "
    "udskrivningsdato utdato utskrevet utskrivningsdato utskriven utskrivningsdatum slut slutt slutdato sluttdato "
    "slutdatum sortie fin naissance décès deces alta egreso nacimiento fallecimiento defunción defuncion exitus "
    "dimissione nascita decesso fine".split()
)
_DAYS = (Date, Datetime)

#: Names of follow-up times and of what ends them are made of these words alone: ``os_days``, ``death_event``.
_ENDPOINTS = frozenset("os pfs dfs efs rfs survival death event overall".split())
_FOLLOWED = _ENDPOINTS | frozenset(
    "time days months follow up followup fu futime survtime to in überlebenszeit beobachtungszeit uppföljning "
    "uppfoljning oppfølging oppfolging opfølgning opfolgning suivi seguimiento dgr dagar dager dage jours dias "
    "días mois".split()
)
_LENGTHS = _FOLLOWED - _ENDPOINTS - {"to", "in", "up"} | {"os", "pfs", "dfs", "efs", "rfs"}
_ENDED = _ENDPOINTS | frozenset(
    "status died dead deceased vital fustat verstorben tod ereignis dod död død décès deces décédé exitus "
    "fallecido".split()
)


def find_time(columns: Mapping[str, Column], headers: Mapping[str, Header]) -> str | None:
    """The time column of a table: the best named of those with days, else of times, else a number named as a time."""
    for timed in (_DAYS, (Time,), (Integer, Number)):
        ranked = _ranked(columns, headers, timed)
        if timed != _DAYS:
            ranked = [each for each in ranked if each[0] < len(_BEGINS)]
        if ranked:
            return min(ranked)[2]
    return None


def find_obvious_day(columns: Mapping[str, Column], headers: Mapping[str, Header]) -> str | None:
    """The only column of days that may say when a row was, or the best by its name; ``None`` where none stands out."""
    ranked = sorted(_ranked(columns, headers, _DAYS))
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][2]


def find_survival(columns: Mapping[str, Column], headers: Mapping[str, Header]) -> Survival | None:
    """A number named like a follow-up, and a yes or no named like what ends it; ``None`` where one of them lacks."""
    times = [
        name
        for name, column in columns.items()
        if isinstance(column, Integer | Number)
        and column.min == 0
        and _LENGTHS & set(headers[name].words)
        and set(headers[name].words) <= _FOLLOWED
    ]
    events = [
        name
        for name, column in columns.items()
        if isinstance(column, Boolean) and headers[name].words and set(headers[name].words) <= _ENDED
    ]
    return Survival(time=times[0], event=events[0]) if times and events else None


def _ranked(
    columns: Mapping[str, Column], headers: Mapping[str, Header], timed: tuple[type[Column], ...]
) -> list[tuple[int, int, str]]:
    """How well each column of these kinds is named like a time, 0 the best, its place and its name."""
    ranked = []
    for place, (name, column) in enumerate(columns.items()):
        words = headers[name].words
        if isinstance(column, timed) and not _NOT_BEGINS & set(words):
            rank = min((_BEGINS.index(word) for word in words if word in _BEGINS), default=len(_BEGINS))
            ranked.append((rank, place, name))
    return ranked
