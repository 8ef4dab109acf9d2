"""Fake columns: values that Faker invents for a person and that never depend on the data."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.keyed import mix
from synthgen.errors import InputError

if TYPE_CHECKING:
    from faker import Faker

#: How many values are drawn per sex; beyond so many persons, values repeat (as names do).
POOL = 4096

_SEXES = ("", "male", "female")
_SPELLINGS = {
    "male": "m male man boy mann männlich maennlich mannlig gutt mand mannen homme masculin hombre masculino maschio "
    "mies mężczyzna",
    "female": "f k w v female woman girl frau weiblich kvinne kvinnelig jente kvinde kvinna femme féminin feminin "
    "mujer femenino femmina vrouw nainen kobieta",
}
_SEX_OF = {spelling: _SEXES.index(sex) for sex, spellings in _SPELLINGS.items() for spelling in spellings.split()}

# Faker knows Norwegian under the language's older, common code.
_LOCALES = {"nb_NO": "no_NO", "nn_NO": "no_NO"}


@dataclass(frozen=True, slots=True)
class FakeColumn:
    """Draws one value per person from a pool of up to ``POOL`` Faker values per sex.

    The pool depends on the key alone (and, for the few providers that count from today, on the date).

    Attributes:
        provider: the name of a Faker provider that gives text without arguments, such as ``name`` or ``address``.
        locale: a Faker locale such as ``nb_NO``.
        sex: the column whose value the fake value agrees with, where the provider has ``_male`` and ``_female`` forms.

    Raises:
        InputError: on construction, when Faker has no such provider or locale.
    """

    provider: str
    locale: str = "en_US"
    sex: str | None = None

    def __post_init__(self) -> None:
        if self.provider.startswith("_") or not _has(_faker(self.locale, 0), self.provider):
            raise InputError(
                f"provider {self.provider!r}: Faker has none of this name for locale {self.locale!r}; "
                "choose one from faker.readthedocs.io, such as name, address or phone_number"
            )
        try:
            drawn = _drawer(_faker(self.locale, 0), self.provider, "")()
        except Exception as error:  # whatever a third-party provider raises, the config's choice of it is at fault
            raise InputError(
                f"provider {self.provider!r}: cannot be used without arguments ({type(error).__name__}); choose another"
            ) from error
        if not isinstance(drawn, str | int):
            raise InputError(f"provider {self.provider!r}: gives {type(drawn).__name__}, not text; choose another")

    def generate(
        self, persons: NDArray[np.int64], key: bytes, sex: Sequence[str] | pa.Array | None = None
    ) -> pa.DictionaryArray:
        """Draw the value of each row.

        Args:
            persons: the ordinal of each row's person; equal ordinals get equal values if their sex agrees.
            key: what the pool and the draw are keyed by.
            sex: the text of the sex column in each row. ``M``, ``F``, ``male``, ``kvinne``, ``weiblich`` and the like
                are understood, in any case; anything else, ``1`` and ``2`` included, gets the form without sex.

        Returns:
            ``dictionary<values=string, indices=int32>``, one entry per row.
        """
        sexes = np.zeros(len(persons), dtype=np.int64) if sex is None else _classify(sex)
        if len(sexes) != len(persons):
            raise ValueError(f"{len(sexes)} sexes for {len(persons)} persons")
        pools = {number: _pool(self.provider, self.locale, _SEXES[number], key) for number in np.unique(sexes).tolist()}
        values = {value: code for code, value in enumerate(dict.fromkeys(v for pool in pools.values() for v in pool))}
        draws = (_hash(persons, key) % np.uint64(POOL)).astype(np.int64)
        codes = np.empty(len(persons), dtype=np.int32)
        for number, pool in pools.items():
            rows = sexes == number
            codes[rows] = np.array([values[value] for value in pool], dtype=np.int32)[draws[rows]]
        return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(values), pa.string()))


def sex_class(text: str) -> str:
    """``male``, ``female``, or the empty string for a text that does not clearly say either."""
    return _SEXES[_SEX_OF.get(text.strip().casefold(), 0)]


def _classify(sex: Sequence[str] | pa.Array) -> NDArray[np.int64]:
    encoded = sex if isinstance(sex, pa.Array) else pa.array(sex, pa.string())
    if not isinstance(encoded, pa.DictionaryArray):
        encoded = encoded.dictionary_encode()
    classes = [_SEXES.index(sex_class(text or "")) for text in encoded.dictionary.to_pylist()] + [0]
    indices: NDArray[np.int32] = encoded.indices.fill_null(len(classes) - 1).to_numpy(zero_copy_only=False)
    of_text: NDArray[np.int64] = np.array(classes, dtype=np.int64)
    return of_text[indices]


# Drawing a pool costs tenths of a second and every block of a sample needs the same one.
@lru_cache(maxsize=64)
def _pool(provider: str, locale: str, sex: str, key: bytes) -> tuple[str, ...]:
    label = "\0".join((provider, locale, sex)).encode()
    seed = int.from_bytes(hashlib.blake2b(label, key=_short(key), digest_size=8, person=b"synthgen pool").digest())
    draw = _drawer(_faker(locale, seed), provider, sex)
    return tuple(str(draw()) for _ in range(POOL))


def _faker(locale: str, seed: int) -> Faker:
    """A Faker with a random state of its own; the global ones of ``random`` and ``Faker`` stay untouched."""
    from faker import Faker  # takes a quarter of a second, and few schemas have a fake column

    try:
        fake = Faker(_LOCALES.get(locale, locale or "none"))
    except (AttributeError, ValueError, TypeError, ImportError) as error:
        raise InputError(
            f"locale {locale!r}: Faker has no such locale; choose one like en_GB, de_DE or nb_NO"
        ) from error
    fake.seed_instance(seed)
    return fake


def _drawer(fake: Faker, provider: str, sex: str) -> Callable[[], Any]:
    """The function that draws one value, in the form that agrees with the sex where there is one."""
    if sex and _has(fake, f"{provider}_{sex}"):
        # Some locales build names from a list without sexes; their first names do have one.
        if provider == "name" and not _has(fake, f"formats_{sex}"):
            first, last = getattr(fake, f"first_name_{sex}"), getattr(fake, f"last_name_{sex}")
            return lambda: f"{first()} {last()}"
        return getattr(fake, f"{provider}_{sex}")  # type: ignore[no-any-return]
    return getattr(fake, provider)  # type: ignore[no-any-return]


def _has(fake: Faker, name: str) -> bool:
    """Whether a provider, and not the machinery around the providers, has this attribute."""
    return any(hasattr(provider, name) for provider in fake.get_providers())


def _hash(persons: NDArray[np.int64], key: bytes) -> NDArray[np.uint64]:
    """64 well-mixed bits per person, from a keyed start."""
    start = hashlib.blake2b(key=_short(key), digest_size=8, person=b"synthgen fake").digest()
    return mix(persons.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15) + np.uint64(int.from_bytes(start)))


def _short(key: bytes) -> bytes:
    """A key that blake2b accepts (64 bytes at most), different for different keys."""
    return hashlib.blake2b(key).digest()
