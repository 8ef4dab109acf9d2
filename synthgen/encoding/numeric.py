"""Integers and numbers: quantised keys, text results such as ``<0.5`` or ``neg``, and the style they are written in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding import disclosure, quantiser
from synthgen.encoding.base import MOST_DECIMALS, ColumnSummary, Encoder, Kind, Reading, as_objects
from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.encoding.grid import DecimalGrid, FloatingGrid, Grid
from synthgen.encoding.leveled import Tokens, split_tokens
from synthgen.encoding.quantiser import Quantiser
from synthgen.schema.column import Integer, Number
from synthgen.schema.config import Format

_PLAIN_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_WHOLE_NUMBER = r"^[+-]?\d+(\.0*)?$"
_CENSORED = re.compile(r"^[<>≤≥]\s*=?\s*[+-]?\d[\d.,]*$")
_MARKED_DIGITS = 4  # the first thousands mark stands after the first of so many
#: A habit of the source is what nearly all of its numbers show.
_HABIT = 0.99


@dataclass(frozen=True)
class NumericEncoder(Encoder):
    """Quantised numbers first, in ascending order, then text results, then missing tokens.

    Attributes:
        results: text results that may be generated.
        decimals: how many are written at least, with zeros where there is nothing else.
        grouped: whether thousands marks are written.
    """

    kind: NumericKind
    quantiser: Quantiser
    results: tuple[str, ...]
    tokens: Tokens
    decimals: int
    grouped: bool

    @property
    def domains(self) -> tuple[Domain, ...]:
        positions = self.kind.grid.values(self.quantiser.positions)
        return (numeric_domain(self.kind.name, self.kind.name, positions, self.results, self.tokens),)

    def encode(self, texts: list[str]) -> NDArray[np.int32]:
        reading = self.kind.read(texts)
        codes = self.quantiser.encode(reading.keys[0])
        codes[reading.bad] = UNOBSERVED
        labels = special_codes(reading, self.quantiser.size, self.results, self.tokens)
        return np.where(reading.labelled, labels, codes).astype(np.int32).reshape(-1, 1)

    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> pa.Array:
        # What needs no drawing is written once: atoms, text results, tokens, and the empty cell of an empty domain.
        atoms = self._marked(self.kind.grid.texts(self.quantiser.atoms, decimals=self.decimals))
        fixed = pa.concat_arrays([atoms, pa.array([*self.results, *self.tokens.kept, ""], pa.string())])
        n_bins = len(self.quantiser.starts)
        pieces = np.r_[self.quantiser.pieces, np.arange(self.quantiser.size, n_bins + len(fixed))][codes[:, 0]]
        if n_bins == 0:
            return pa.DictionaryArray.from_arrays(pa.array(pieces, pa.int32()), fixed)
        n_atoms = len(atoms)
        in_bin = (pieces >= n_atoms) & (pieces < n_atoms + n_bins)
        keys = self.quantiser.decode(codes[in_bin, 0], rng)
        drawn = self._marked(self.kind.grid.drawn(keys, rng, decimals=self.decimals))
        places = np.where(pieces < n_atoms, pieces, pieces - n_bins)
        places[in_bin] = len(fixed) + np.arange(len(keys))
        return pc.take(pa.concat_arrays([fixed, drawn]), pa.array(places))

    def written(self, numbers: NDArray[np.float64]) -> pa.StringArray:
        """Numbers as this column writes them, rounded to what it keeps."""
        texts = pa.array([np.format_float_positional(number, trim="-") for number in numbers.tolist()], pa.string())
        return self._marked(self.kind.grid.texts(self.kind.grid.keys(texts), decimals=self.decimals))

    def _marked(self, text: pa.StringArray) -> pa.StringArray:
        """Numbers with the decimal and thousands marks of the file."""
        decimal, thousands = self.kind.format.decimal, self.kind.format.thousands
        if self.grouped:
            return pa.array([_grouped(number, thousands, decimal) for number in text.to_pylist()], pa.string())
        return text if decimal == "." else pc.replace_substring(text, ".", decimal)

    def allowed(self, operator: str, values: Sequence[str]) -> tuple[NDArray[np.bool_], ...]:
        reading = read_condition(self.kind, operator, values)
        keys = reading.keys[0][~reading.labelled].tolist()
        if operator not in ("=", "in", "!="):
            regular = self.quantiser.touching(*limits(operator, keys[0]))
        elif not self.kind.grid.exact and not np.isin(keys, self.quantiser.atoms).all():
            raise ValueError(f"its numbers have no fixed decimals, so {operator} is not offered; use >= and <=")
        else:
            regular = self.quantiser.holding(keys)
        mask = special_mask(regular, reading, self.results, self.tokens)
        return (~mask if operator == "!=" else mask,)

    def narrowed(self, operator: str, values: Sequence[str]) -> Encoder:
        reading = read_condition(self.kind, operator, values)
        keys = reading.keys[0][~reading.labelled].tolist()
        if operator == "!=":
            return self
        quantiser = self.quantiser
        quantiser = quantiser.at(keys) if operator in ("=", "in") else quantiser.within(*limits(operator, keys[0]))
        return replace(self, quantiser=quantiser)

    def to_json(self) -> dict[str, Any]:
        return {
            "quantiser": self.quantiser.to_json(),
            "results": list(self.results),
            "tokens": list(self.tokens.kept),
            "decimals": self.decimals,
            "grouped": self.grouped,
        }


def read_condition(kind: Kind, operator: str, values: Sequence[str]) -> Reading:
    """Read the values of a condition.

    Raises:
        ValueError: a value is not of the kind, or is a text result where the condition asks for an order.
    """
    reading = kind.read(list(values))
    if reading.bad.any():
        raise ValueError(f"the value is not {kind.expected}")
    if reading.labelled.any() and operator not in ("=", "!=", "in"):
        raise ValueError(f"a text result has no order, so {operator} means nothing; use =, != or in")
    return reading


def limits(operator: str, key: int) -> tuple[int | None, int | None]:
    """The lowest and the highest key that compare so with a key, ``None`` where there is no limit."""
    low = {">": key + 1, ">=": key}.get(operator)
    high = {"<": key - 1, "<=": key}.get(operator)
    return low, high


def special_mask(
    regular: NDArray[np.bool_], reading: Reading, results: Sequence[str], tokens: Tokens
) -> NDArray[np.bool_]:
    """The mask of a domain's codes: those of its numbers, then text results and tokens that are asked for."""
    texts = (*results, *tokens.kept)
    labels = {str(label) for label in reading.labels[reading.labelled]}
    asked = {tokens.generated(label) if label in tokens.declared else label for label in labels}
    mask = np.zeros(max(len(regular) + len(texts), 1), bool)
    mask[: len(regular)] = regular
    mask[len(regular) : len(regular) + len(texts)] = [text in asked for text in texts]
    return mask


@dataclass(frozen=True)
class NumericKind(Kind):
    """Numbers in the file's decimal and thousands marks, with or without text results among them."""

    column: Integer | Number

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
        pattern = _WHOLE_NUMBER if isinstance(self.column, Integer) else _PLAIN_NUMBER
        is_number = np.asarray(pc.match_substring_regex(plain, pattern), bool)
        labels, labelled = read_specials(self, texts, self.column.atoms)
        bad = ~labelled & ~is_number
        for i in np.flatnonzero(bad):
            if _CENSORED.match(texts[i].strip()):
                labels[i], labelled[i], bad[i] = texts[i].strip(), True, False
        number = is_number & ~labelled
        keys = np.zeros(len(texts), np.int64)
        keys[number] = self.grid.keys(plain.filter(pa.array(number)))
        return Reading(labels, labelled, (keys,), _styles(plain, grouped), bad)

    def solve(self, summary: ColumnSummary, rare_below: int) -> NumericEncoder:
        values, tokens = split_tokens(self, summary, rare_below)
        results = disclosure.keep_common(values, rare_below, other="")
        column = self.column
        quantised = quantiser.solve(
            summary.parts[0], rare_below, lowest=self._key(column.min), highest=self._key(column.max)
        )
        short, unmarked, marked = np.array(summary.styles).reshape(3, -1)
        with_decimals = short + unmarked + marked
        most = int(np.argmax(with_decimals))
        habit = self.grid.exact and with_decimals[most] >= _HABIT * with_decimals.sum()
        grouped = bool(marked.sum() > unmarked.sum())
        return NumericEncoder(self, quantised, tuple(r for r in results if r), tokens, most if habit else 0, grouped)

    def _key(self, bound: float | None) -> int | None:
        return None if bound is None else int(self.grid.keys(pa.array([repr(bound)]))[0])

    def restore(self, learned: dict[str, Any]) -> NumericEncoder:
        if not 0 <= int(learned["decimals"]) <= MOST_DECIMALS:
            raise ValueError("numbers of more decimals than are written")
        return NumericEncoder(
            self,
            Quantiser.from_json(learned["quantiser"]),
            tuple(learned["results"]),
            Tokens(self.missing, tuple(learned["tokens"])),
            int(learned["decimals"]),
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


def _styles(plain: pa.StringArray, grouped: NDArray[np.bool_]) -> NDArray[np.int64]:
    """How each number is written (see ``N_STYLES``); any number for what is none."""
    parts = pc.extract_regex(pc.fill_null(plain, ""), r"^[+-]?(?P<whole>[^.]*)\.?(?P<part>\d*)")
    decimals = np.minimum(np.asarray(pc.utf8_length(pc.struct_field(parts, "part")), np.int64), MOST_DECIMALS)
    long = np.asarray(pc.utf8_length(pc.struct_field(parts, "whole")), np.int64) >= _MARKED_DIGITS
    return (MOST_DECIMALS + 1) * np.where(grouped, 2, np.where(long, 1, 0)) + decimals


def _grouped(text: str, thousands: str, decimal: str) -> str:
    whole, point, part = text.partition(".")
    sign = "-" if whole.startswith("-") else ""
    return sign + f"{abs(int(whole)):,}".replace(",", thousands) + (decimal + part if point else "")


def read_specials(kind: Kind, texts: list[str], atoms: Sequence[str]) -> tuple[NDArray[np.object_], NDArray[np.bool_]]:
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
