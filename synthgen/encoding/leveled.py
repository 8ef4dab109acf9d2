"""Texts from a list as codes: the levels first, then text results, then the tokens for missing."""

from __future__ import annotations

import operator as comparison
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cached_property
from typing import Any, ClassVar, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding import disclosure
from synthgen.encoding.base import ColumnSummary, Encoder, Kind, Reading, Shares, as_objects
from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.encoding.levels import LevelCounts

#: The comparisons of a condition, ``in`` apart.
COMPARE: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "=": comparison.eq,
    "!=": comparison.ne,
    "<": comparison.lt,
    "<=": comparison.le,
    ">": comparison.gt,
    ">=": comparison.ge,
}


#: A message names so many levels, and so many characters of each.
_MOST_NAMED: Final = 12
_MOST_BENEATH: Final = 40
_MOST_CHARACTERS: Final = 40


@dataclass(frozen=True)
class Tokens:
    """The missing tokens of a column.

    Attributes:
        declared: every token that means missing.
        kept: those that may be generated, the commonest first.
    """

    declared: tuple[str, ...]
    kept: tuple[str, ...]

    def read(self, text: str) -> str | None:
        """The declared token that a text is (white space around it does not matter), ``None`` if it is a value."""
        for candidate in (text, text.strip()):
            if candidate in self.declared:
                return candidate
        return None

    def generated(self, token: str) -> str | None:
        """What stands for a declared token in the output; ``None`` where nothing does."""
        return token if token in self.kept else next(iter(self.kept), None)


@dataclass(frozen=True)
class LeveledEncoder(Encoder):
    """Codes ``0 .. len(levels)-1`` are levels, then come missing tokens.

    Attributes:
        name: of the column.
        levels: what may be generated.
    """

    name: str
    levels: tuple[str, ...]
    tokens: Tokens

    scale: ClassVar[Scale] = Scale.NOMINAL

    @abstractmethod
    def nearest(self, text: str) -> str | None:
        """The level that stands for a text that is not a level itself; ``None`` where there is none."""

    def parents(self) -> tuple[tuple[int, ...], ...]:
        """Groups of the levels, one number per level, coarsest first; none where levels have no hierarchy."""
        return ()

    def beneath(self, text: str) -> tuple[str, ...]:
        """The levels that a text which is none stands above; none where levels have no hierarchy."""
        return ()

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        return (level_domain(self.name, self.name, self.scale, self.levels, self.tokens, self.parents()),)

    @cached_property
    def codes(self) -> dict[str, int]:
        """The code of every text that may be generated."""
        return {text: code for code, text in enumerate((*self.levels, *self.tokens.kept))}

    def code(self, text: str) -> int:
        """The code of one text, ``UNOBSERVED`` where it stands for nothing that may be generated."""
        if (known := self.codes.get(text)) is not None:
            return known
        token = self.tokens.read(text)
        stand_in = self.nearest(text) if token is None else self.tokens.generated(token)
        return UNOBSERVED if stand_in is None else self.codes[stand_in]

    def encode(self, texts: list[str]) -> NDArray[np.int32]:
        return np.array([self.code(text) for text in texts], np.int32).reshape(len(texts), 1)

    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> pa.Array:
        # The one code of a column of which nothing may be shown is the empty cell.
        texts = (*self.levels, *self.tokens.kept) or ("",)
        return pa.DictionaryArray.from_arrays(pa.array(codes[:, 0], pa.int32()), pa.array(texts, pa.string()))

    def allowed(self, operator: str, values: Sequence[str]) -> tuple[Shares, ...]:
        wanted = {text for value in values for text in self._meant(value)}
        texts = (*self.levels, *self.tokens.kept) or ("",)
        if operator in ("=", "in"):
            return (np.array([text in wanted for text in texts], bool),)
        if operator == "!=":
            return (np.array([text not in wanted for text in texts], bool),)
        if self.scale is Scale.NOMINAL:
            raise ValueError(f"its values have no order, so {operator} means nothing; use =, != or in")
        limits = [self.levels.index(text) for text in wanted if text in self.levels]
        if not limits:
            raise ValueError(f"the value is none of its levels; {self.offer(values)}")
        rank = np.arange(len(texts))
        return (COMPARE[operator](rank, limits[0]) & (rank < len(self.levels)),)

    def _meant(self, value: str) -> tuple[str, ...]:
        """The texts that a value of a condition stands for; an empty one that is no level means missing."""
        if value in self.levels:
            return (value,)
        if not value.strip():
            return self.tokens.kept
        token = self.tokens.read(value)
        stand_in = None if token is None else self.tokens.generated(token)
        return () if stand_in is None else (stand_in,)

    def offer(self, values: Sequence[str]) -> str:
        if not self.levels:
            return "no value of it is generated"
        if beneath := [*dict.fromkeys(text for value in values for text in self.beneath(value))]:
            more = ", ..." if len(beneath) > _MOST_BENEATH else ""
            listed = ", ".join(map(_shortened, beneath[:_MOST_BENEATH]))
            return f"a code does not stand for those beneath it; for these write in ({listed}{more})"
        if len(self.levels) <= _MOST_NAMED:
            return f"its levels are {', '.join(map(_shortened, self.levels))}"
        near = dict.fromkeys(each for value in values for each in get_close_matches(value, self.levels, 3, cutoff=0.6))
        named = ", ".join(map(_shortened, [*dict.fromkeys((*near, *self.levels))][:_MOST_NAMED]))
        return f"of its {len(self.levels)} levels, some are {named}; `inspect --json` shows all"

    def to_json(self) -> dict[str, Any]:
        return {"levels": list(self.levels), "tokens": list(self.tokens.kept)}


def _shortened(text: str) -> str:
    return text if len(text) <= _MOST_CHARACTERS else f"{text[: _MOST_CHARACTERS - 3]}..."


def level_domain(
    name: str,
    owner: str,
    scale: Scale,
    levels: Sequence[str],
    tokens: Tokens,
    parents: tuple[tuple[int, ...], ...] = (),
) -> Domain:
    """The domain of levels followed by missing tokens; a column of which nothing may be shown has one missing code."""
    size = len(levels) + len(tokens.kept)
    missing = tuple(range(len(levels), max(size, 1)))
    padded = tuple((*groups, *(max(groups, default=-1) + 1 for _ in missing)) for groups in parents)
    return Domain(name, owner, max(size, 1), scale, missing, missing, (), padded)


def read_labels(kind: Kind, texts: list[str]) -> Reading:
    """Every text is a label: a missing token without the white space around it, or the text itself."""
    tokens = Tokens(kind.missing, ())
    labels = [text if (token := tokens.read(text)) is None else token for text in texts]
    every, none = np.ones(len(texts), bool), np.zeros(len(texts), bool)
    return Reading(as_objects(labels), every, (), np.zeros(len(texts), np.int64), none)


def split_tokens(kind: Kind, summary: ColumnSummary, rare_below: int) -> tuple[LevelCounts, Tokens]:
    """The counted labels that are values, and the missing tokens that may be kept."""
    is_token = np.array([key in kind.missing for key in summary.labels.keys], bool)
    kept = disclosure.keep_common_tokens(summary.labels.take(is_token), rare_below)
    return summary.labels.take(~is_token), Tokens(kind.missing, tuple(kept))
