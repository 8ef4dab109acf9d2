"""In which language columns are named, and so in which country made-up names and addresses probably belong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from synthgen.inference.header import Header

#: Faker's locale where nothing tells another, which is the default of a config.
_ELSE: Final = "en_US"
#: Of so few columns one word may be anybody's: ``dato`` in an English file.
_FEWEST: Final = 2
#: By locale, what columns are called there and hardly elsewhere, in plain letters. Words that two languages share stand
#: with both. Those of English only have to outweigh a loan.
_WORDS: Final = {
    _ELSE: "name first last birth sex gender age address street city zip phone admission discharge date weight height "
    "smoker ward department died outcome",
    "de_DE": "geburtsdatum geburtsname geschlecht nachname vorname familienname strasse anschrift plz postleitzahl ort "
    "wohnort telefon krankenkasse kostentraeger versichertennummer versichertennr patientennr patientennummer fallnr "
    "fallnummer alter aufnahme aufnahmedatum aufnahmegrund aufnahmeart entlassung entlassdatum entlassungsdatum "
    "entlassungsgrund verweildauer fachabteilung abteilung hauptdiagnose nebendiagnose nebendiagnosen diagnose "
    "prozedur prozeduren groesse gewicht befund laborwert raucher verstorben sterbedatum hausarzt bemerkung datum",
    "fr_FR": "nom prenom sexe naissance ville rue adresse codepostal age taille poids deces decede entree sortie "
    "sejour medecin courriel commentaire remarque fumeur diagnostic hospitalisation dossier",
    "nl_NL": "naam voornaam achternaam geslacht geboortedatum straat adres woonplaats plaats postcode telefoonnummer "
    "leeftijd lengte gewicht opname opnamedatum ontslag ontslagdatum overleden roker huisarts opmerking afdeling "
    "patientnummer bsn",
    "es_ES": "nombre apellido apellidos sexo nacimiento calle ciudad direccion domicilio telefono edad talla peso "
    "ingreso alta fecha fallecido fumador medico servicio comentario observaciones codigo diagnostico",
    "nb_NO": "navn fornavn etternavn kjonn fodselsdato fodselsnummer adresse gateadresse poststed postnr alder hoyde "
    "vekt innleggelse innlagt utskrivning utskrevet avdeling dod royker lege pasient pasientnr diagnose dato",
    "sv_SE": "namn fornamn efternamn kon fodelsedatum personnummer gatuadress adress postort postnummer alder langd "
    "vikt inskrivning inskriven utskrivning utskriven avdelning avliden rokare lakare anteckning diagnos datum",
    "da_DK": "navn fornavn efternavn koen foedselsdato adresse postnr by alder hoejde vaegt indlaeggelse indlagt "
    "udskrivelse udskrevet afdeling doed ryger laege bemaerkning diagnose dato",
}
_LANGUAGES: Final = {locale: frozenset(words.split()) for locale, words in _WORDS.items()}


def find_locale(headers: Iterable[Header]) -> str:
    """The locale whose language most columns are named in, of those that a Faker column may have."""
    every = list(headers)
    named = {locale: sum(bool(words & header.said) for header in every) for locale, words in _LANGUAGES.items()}
    best = max(named, key=lambda locale: named[locale])  # the first of equals
    return best if named[best] >= _FEWEST else _ELSE
