"""Integers and numbers: quantised keys, text results such as ``<0.5`` or ``neg``, and the style they are written in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding import disclosure, quantiser
from synthgen.encoding.base import N_STYLES, ColumnSummary, Encoder, Kind, Reading, as_objects
from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.encoding.grid import DecimalGrid, FloatingGrid, Grid
from synthgen.encoding.leveled import COMPARE, Tokens, decode_levels, split_tokens
from synthgen.encoding.quantiser import Quantiser
from synthgen.schema.column import Integer, Number
from synthgen.schema.config import Format

_PLAIN_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_CENSORED = re.compile(r"^[<>≤≥]\s*=?\s*[+-]?\d[\d.,]*$")
_THOUSANDS_STYLE = N_STYLES - 1


@dataclass(frozen=True)
class NumericEncoder(Encoder):
    """Quantised numbers first, in ascending order, then text results, then missing tokens.

    Attributes:
        results: text results that may be generated.
        decimals: what numbers are written with; ``None`` where every number has its own.
        padded: whether trailing zeros are written.
        grouped: whether thousands marks are written.
    """

    kind: NumericKind
    quantiser: Quantiser
    results: tuple[str, ...]
    tokens: Tokens
    padded: bool
    grouped: bool

    @property
    def domains(self) -> tuple[Domain, ...]:
        positions = self.kind.grid.values(self.quantiser.positions)
        return (numeric_domain(self.kind.name, self.kind.name, positions, self.results, self.tokens),)

    def encode(self, texts: list[str]) -> NDArray[np.int32]:
        reading = self.kind.read(texts)
        codes = self.quantiser.encode(reading.keys[0])
        labels = special_codes(reading, self.quantiser.size, self.results, self.tokens)
        return np.where(reading.labelled, labels, codes).astype(np.int32).reshape(-1, 1)

    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> pa.Array:
        special = (*self.results, *self.tokens.kept)
        if len(self.quantiser.starts) == 0 and not isinstance(self.kind.grid, FloatingGrid):
            # Every number is an atom: the texts of the atoms serve all rows.
            atoms = self._written(self.quantiser.atoms, rng).to_pylist()
            return decode_levels(codes[:, 0], (*atoms, *special))
        regular = codes[:, 0] < self.quantiser.size
        keys = self.quantiser.decode(np.where(regular, codes[:, 0], 0), rng)
        if regular.all():
            return self._written(keys, rng)
        # Two dictionaries' worth of texts: special ones first, then one per regular row.
        texts = pa.concat_arrays([pa.array(special, pa.string()), self._written(keys[regular], rng)])
        place = np.where(regular, np.cumsum(regular) - 1 + len(special), codes[:, 0] - self.quantiser.size)
        return pc.take(texts, pa.array(place))

    def _written(self, keys: NDArray[np.int64], rng: np.random.Generator) -> pa.StringArray:
        text = self.kind.grid.texts(keys, rng, padded=self.padded)
        decimal, thousands = self.kind.format.decimal, self.kind.format.thousands
        if self.grouped and thousands:
            text = pa.array([_grouped(number, thousands, decimal) for number in text.to_pylist()], pa.string())
        elif decimal != ".":
            text = pc.replace_substring(text, ".", decimal)
        return text

    def allowed(self, operator: str, values: Sequence[str]) -> tuple[NDArray[np.bool_], ...]:
        mask = np.zeros(self.domains[0].size, bool)
        texts = (*self.results, *self.tokens.kept)
        reading = self.kind.read(list(values))
        if reading.bad.any():
            raise ValueError(f"the value is not {self.kind.expected}")
        labels = {str(label) for label in reading.labels[reading.labelled]}
        if labels and operator not in ("=", "!=", "in"):
            raise ValueError(f"a text result has no order, so {operator} means nothing; use =, != or in")
        mask[self.quantiser.size :] = [text in labels for text in texts]
        for key in reading.keys[0][~reading.labelled]:
            mask[: self.quantiser.size] |= self._touches(operator, int(key))
        return (~mask if operator == "!=" else mask,)

    def _touches(self, operator: str, key: int) -> NDArray[np.bool_]:
        """Which regular codes hold some key that compares so; for ``!=`` (negated later), only the key itself."""
        if operator in ("=", "in", "!="):
            mask = np.zeros(self.quantiser.size, bool)
            code = self.quantiser.encode(np.array([key]))[0]
            if code != UNOBSERVED:
                mask[code] = True
            return mask
        lowest, highest = self.quantiser.bounds()
        return np.asarray(COMPARE[operator](highest if operator in (">", ">=") else lowest, key), bool)

    def narrowed(self, operator: str, values: Sequence[str]) -> Encoder:
        reading = self.kind.read(list(values))
        keys = reading.keys[0][~reading.labelled]
        if len(keys) != 1 or operator in ("!=", "in"):
            return self
        key = int(keys[0])
        low = {"=": key, ">": key + 1, ">=": key}.get(operator)
        high = {"=": key, "<": key - 1, "<=": key}.get(operator)
        return NumericEncoder(
            self.kind, self.quantiser.within(low, high), self.results, self.tokens, self.padded, self.grouped
        )

    def to_json(self) -> dict[str, Any]:
        return {
            "quantiser": self.quantiser.to_json(),
            "results": list(self.results),
            "tokens": list(self.tokens.kept),
            "padded": self.padded,
            "grouped": self.grouped,
        }


@dataclass(frozen=True)
class NumericKind(Kind):
    """Numbers in the file's decimal and thousands marks, with or without text results among them."""

    column: Integer | Number

    @property
    def n_parts(self) -> int:
        return 1

    @property
    def grid(self) -> Grid:
        """Whole numbers for integers, the declared decimals, else the floating grid."""
        if isinstance(self.column, Integer):
            return DecimalGrid(0)
        return FloatingGrid() if self.column.decimals is None else DecimalGrid(self.column.decimals)

    @property
    def expected(self) -> str:
        return "an integer" if isinstance(self.column, Integer) else "a number"

    def read(self, texts: list[str]) -> Reading:
        plain, grouped = plain_numbers(texts, self.format)
        is_number = np.asarray(pc.match_substring_regex(plain, _PLAIN_NUMBER), bool)
        if isinstance(self.column, Integer):
            is_number &= np.asarray(pc.match_substring_regex(plain, r"^[+-]?\d+(\.0*)?$"), bool)
        labels, labelled = read_specials(self, texts, self.column.atoms)
        bad = ~labelled & ~is_number
        for i in np.flatnonzero(bad):
            if _CENSORED.match(texts[i].strip()):
                labels[i], labelled[i], bad[i] = texts[i].strip(), True, False
        number = is_number & ~labelled
        keys = np.zeros(len(texts), np.int64)
        keys[number] = self.grid.keys(plain.filter(pa.array(number)))
        style = np.minimum(np.asarray(pc.utf8_length(_decimals(plain)), np.int64), _THOUSANDS_STYLE - 1)
        return Reading(labels, labelled, (keys,), np.where(grouped, _THOUSANDS_STYLE, style), bad)

    def solve(self, summary: ColumnSummary, rare_below: int) -> NumericEncoder:
        values, tokens = split_tokens(self, summary, rare_below)
        results = disclosure.keep_common(values, rare_below, other="")
        column = self.column
        quantised = quantiser.solve(
            summary.parts[0], rare_below, lowest=self._key(column.min), highest=self._key(column.max)
        )
        styles = np.array(summary.styles)
        numbers = styles.sum()
        decimals = self.grid.decimals if isinstance(self.grid, DecimalGrid) else 0
        grouped = bool(styles[_THOUSANDS_STYLE] * 2 > numbers)
        # Trailing zeros are a habit of the source where nearly all numbers have all declared decimals.
        padded = bool(grouped or styles[decimals] >= 0.99 * numbers)
        return NumericEncoder(self, quantised, tuple(r for r in results if r), tokens, padded, grouped)

    def _key(self, bound: float | None) -> int | None:
        return None if bound is None else int(self.grid.keys(pa.array([repr(bound)]))[0])

    def restore(self, learned: dict[str, Any]) -> NumericEncoder:
        return NumericEncoder(
            self,
            Quantiser.from_json(learned["quantiser"]),
            tuple(learned["results"]),
            Tokens(self.missing, tuple(learned["tokens"])),
            bool(learned["padded"]),
            bool(learned["grouped"]),
        )


def plain_numbers(texts: list[str], marks: Format) -> tuple[pa.StringArray, NDArray[np.bool_]]:
    """Texts without white space and thousands marks, with a decimal point; and which had thousands marks."""
    plain = pc.utf8_trim_whitespace(pa.array(texts, pa.string()))
    grouped = np.zeros(len(texts), bool)
    if marks.thousands:
        groups = re.escape(marks.thousands)
        grouped = np.asarray(
            pc.match_substring_regex(plain, rf"^[+-]?\d{{1,3}}({groups}\d{{3}})+({re.escape(marks.decimal)}\d*)?$"),
            bool,
        )
        plain = pc.if_else(pa.array(grouped), pc.replace_substring(plain, marks.thousands, ""), plain)
    if marks.decimal != ".":
        # A point is no decimal mark in this file: a text with one must not pass for a number.
        plain = pc.replace_substring(pc.replace_substring(plain, ".", "?"), marks.decimal, ".")
    return plain, grouped


def _decimals(plain: pa.StringArray) -> pa.StringArray:
    return pc.struct_field(pc.extract_regex(pc.fill_null(plain, ""), r"^[^.]*\.?(?P<part>\d*)"), "part")


def _grouped(text: str, thousands: str, decimal: str) -> str:
    whole, point, part = text.partition(".")
    return f"{int(whole):,}".replace(",", thousands) + (decimal if point else "") + part


def read_specials(
    kind: Kind, texts: list[str], atoms: Sequence[str]
) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
    """Labels of missing tokens and declared text results, and which texts are such."""
    tokens = Tokens(kind.missing, ())
    known = set(atoms)
    labels = as_objects([""] * len(texts))
    labelled = np.zeros(len(texts), bool)
    for i, text in enumerate(texts):
        token = tokens.read(text)
        stripped = text.strip()
        if token is not None or stripped in known:
            labels[i], labelled[i] = stripped if token is None else token, True
    return labels, labelled


def special_codes(reading: Reading, first: int, results: Sequence[str], tokens: Tokens) -> NDArray[np.int32]:
    """Codes of labelled texts, from ``first`` on: results, then tokens; -1 for what may not be generated."""
    code_of = {text: first + i for i, text in enumerate((*results, *tokens.kept))}
    codes = np.full(len(reading.labels), UNOBSERVED, np.int32)
    for i in np.flatnonzero(reading.labelled):
        label = str(reading.labels[i])
        stand_in = label if label in code_of else tokens.generated(label) if label in tokens.declared else None
        codes[i] = UNOBSERVED if stand_in is None else code_of[stand_in]
    return codes


def numeric_domain(
    name: str, owner: str, positions: NDArray[np.float64], results: Sequence[str], tokens: Tokens
) -> Domain:
    """The domain of quantised numbers, text results and missing tokens."""
    n_regular = len(positions)
    size = max(n_regular + len(results) + len(tokens.kept), 1)
    special = tuple(range(n_regular, size))
    return Domain(
        name,
        owner,
        size,
        Scale.NUMERIC,
        special,
        special[len(results) :],
        (*positions.tolist(), *(0.0 for _ in special)),
    )
