"""Integers and numbers: quantised keys, text results such as ``<0.5`` or ``neg``, and the style they are written in."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding import disclosure, quantiser
from synthgen.encoding.base import MOST_DECIMALS, ColumnSummary, Encoder, Kind, Reading, Shares, as_objects
from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.encoding.grid import EVERYWHERE, DecimalGrid, FloatingGrid, Grid, Reach
from synthgen.encoding.leveled import COMPARE, Tokens, split_tokens
from synthgen.encoding.quantiser import HIGHEST, LOWEST, Quantiser, Range
from synthgen.schema.column import Integer, Number
from synthgen.schema.config import Format

_PLAIN_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_WHOLE_NUMBER = r"^[+-]?\d+(\.0*)?$"
_CENSORED = re.compile(r"^[<>≤≥]\s*=?\s*[+-]?\d[\d.,]*$")
#: How often a key is drawn again that is nearly out of reach.
_MOST_DRAWN = 64
_MARKED_DIGITS = 4  # the first thousands mark stands after the first of so many
#: A habit of the source is what nearly all of its numbers show.
_HABIT = 0.99


@dataclass(frozen=True)
class NumericEncoder(Encoder):
    """Quantised numbers first, in ascending order, then text results, then missing tokens.

    Attributes:
        results: text results that may be generated.
        decimals: how many are written at least, with zeros where there is nothing else; with an exponent, exactly.
        grouped: whether thousands marks are written.
        exponent: whether numbers are written as ``2.50e-01``.
        reach: where conditions end among numbers without fixed decimals, of which a key stands for many.
    """

    kind: NumericKind
    quantiser: Quantiser
    results: tuple[str, ...]
    tokens: Tokens
    decimals: int
    grouped: bool
    exponent: bool = False
    reach: Reach = EVERYWHERE

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        positions = self.kind.grid.values(self.quantiser.positions)
        name, widths = self.kind.name, self.quantiser.n_keys
        return (numeric_domain(name, name, positions, widths, self.results, self.tokens),)

    def encode(self, texts: list[str]) -> NDArray[np.int32]:
        reading = self.kind.read(texts)
        codes = self.quantiser.encode(reading.keys[0])
        codes[reading.bad] = UNOBSERVED
        labels = special_codes(reading, self.quantiser.size, self.results, self.tokens)
        return np.where(reading.labelled, labels, codes).astype(np.int32).reshape(-1, 1)

    def decode(self, codes: NDArray[np.int32], rng: np.random.Generator) -> pa.DictionaryArray:
        quantiser, n_atoms, n_fixed = self.quantiser, len(self.quantiser.atoms), len(self._fixed)
        fixed = np.r_[quantiser.pieces, np.arange(n_atoms, n_fixed)].astype(np.int32)
        fixed[: quantiser.size][quantiser.pieces >= n_atoms] = -1
        places = fixed[codes[:, 0]]
        in_bin = places < 0
        if not in_bin.any():
            return pa.DictionaryArray.from_arrays(pa.array(places), self._fixed)
        drawn = self._drawn(self._keys(codes[in_bin, 0], rng), rng)
        places[in_bin] = n_fixed + np.asarray(drawn.indices)
        texts = pa.concat_arrays([self._fixed, self._marked(drawn.dictionary)])
        return pa.DictionaryArray.from_arrays(pa.array(places), texts)

    @cached_property
    def _fixed(self) -> pa.StringArray:
        """What needs no drawing: atoms, text results, tokens, and the empty cell of an empty domain."""
        atoms = self._marked(self.kind.grid.texts(self.quantiser.atoms, decimals=self._plain_decimals))
        return pa.concat_arrays([atoms, pa.array([*self.results, *self.tokens.kept, ""], pa.string())])

    def offer(self, values: Sequence[str]) -> str:
        if not self.quantiser.size:
            return "no number of it is generated"
        low, high = self.quantiser.bounds()
        ends = self.kind.grid.texts(np.array([low.min(), high.max()]), decimals=self._plain_decimals)
        lowest, highest = self._marked(ends).to_pylist()
        others = ", beside text results" if self.results else ""
        return f"its numbers lie between {lowest} and {highest}{others}"

    def _keys(self, codes: NDArray[np.int32], rng: np.random.Generator) -> NDArray[np.int64]:
        """A key of each code; one that is within reach in part, the less often."""
        keys = self.quantiser.decode(codes, rng)
        if self.reach == EVERYWHERE:
            return keys
        again = np.arange(len(keys))
        for _ in range(_MOST_DRAWN):
            cut = np.maximum(keys[again] + 0.5 - self.reach[1], 0) + np.maximum(self.reach[0] - keys[again] + 0.5, 0)
            again = again[rng.random(len(again)) < cut]
            keys[again] = self.quantiser.decode(codes[again], rng)
        return keys

    def _drawn(self, keys: NDArray[np.int64], rng: np.random.Generator) -> pa.DictionaryArray:
        """The numbers of drawn keys as text; where a key is one number, each is written once."""
        grid = self.kind.grid
        if not grid.exact:
            return grid.drawn(keys, rng, decimals=self._plain_decimals, reach=self.reach).dictionary_encode()
        distinct = pa.array(keys).dictionary_encode()
        texts = grid.texts(np.asarray(distinct.dictionary), decimals=self._plain_decimals)
        return pa.DictionaryArray.from_arrays(distinct.indices, texts)

    def written(self, numbers: NDArray[np.float64]) -> pa.StringArray:
        """Numbers as this column writes them, rounded to what it keeps."""
        texts = pa.array([np.format_float_positional(number, trim="-") for number in numbers.tolist()], pa.string())
        return self._marked(self.kind.grid.texts(self.kind.grid.keys(texts), decimals=self._plain_decimals))

    @property
    def _plain_decimals(self) -> int:
        return 0 if self.exponent else self.decimals

    def _marked(self, text: pa.StringArray) -> pa.StringArray:
        """Numbers with the decimal and thousands marks of the file."""
        decimal, thousands = self.kind.format.decimal, self.kind.format.thousands
        if self.exponent:
            text = pa.array([f"{float(number):.{self.decimals}e}" for number in text.to_pylist()], pa.string())
        elif self.grouped:
            return pa.array([_grouped(number, thousands, decimal) for number in text.to_pylist()], pa.string())
        return text if decimal == "." else pc.replace_substring(text, ".", decimal)

    def allowed(self, operator: str, values: Sequence[str]) -> tuple[Shares, ...]:
        reading = read_condition(self.kind, operator, values)
        keys = reading.keys[0][~reading.labelled]
        single = operator in ("=", "in", "!=")
        if single and not self.kind.grid.exact and not np.isin(keys, self.quantiser.atoms).all():
            raise ValueError(f"its numbers have no fixed decimals, so {operator} is not offered; use >= and <=")
        if single or self.kind.grid.exact:
            regular = self.quantiser.shares(ranges(operator, keys.tolist()))
        else:
            regular = self._shares_beyond(operator, values[0])
        return (np.r_[regular, special_mask(operator, reading, self.results, self.tokens, self.quantiser.size)],)

    def asked(self, operator: str, values: Sequence[str]) -> Encoder:
        is_bound = operator not in ("=", "in", "!=")
        return (
            self._beyond(operator, values[0])
            if is_bound and not self.kind.grid.exact
            else self.narrowed(operator, values)
        )

    def _beyond(self, operator: str, bound: str) -> NumericEncoder:
        """Of numbers without fixed decimals, those beyond a bound; it may lie within what a key stands for."""
        plain, _ = plain_numbers([bound], self.kind.format)
        key, place = int(self.kind.grid.keys(plain)[0]), float(FloatingGrid().places(plain)[0])
        (low, high), above = self.reach, operator.startswith(">")
        if len(operator) == 1:
            place = float(np.nextafter(place, np.inf if above else -np.inf))
        within = self.quantiser.within([(key, HIGHEST) if above else (LOWEST, key)])
        return replace(self, quantiser=within, reach=(max(low, place), high) if above else (low, min(high, place)))

    def _shares_beyond(self, operator: str, bound: str) -> NDArray[np.float64]:
        """The share of each code's numbers beyond a bound."""
        plain, _ = plain_numbers([bound], self.kind.format)
        key = int(self.kind.grid.keys(plain)[0])
        touched = self.quantiser.shares([(key, HIGHEST) if operator.startswith(">") else (LOWEST, key)]) > 0
        before, after = self._room(), self._beyond(operator, bound)._room()
        shares = np.divide(after, before, out=np.zeros(len(before)), where=touched & (before > 0))
        is_atom = self.quantiser.pieces < len(self.quantiser.atoms)
        atoms = np.asarray(pc.cast(self.kind.grid.texts(self.quantiser.atoms, decimals=0), pa.float64()))
        met = COMPARE[operator](atoms, float(plain[0].as_py()))
        shares[is_atom] = met[self.quantiser.pieces[is_atom]]
        return shares

    def _room(self) -> NDArray[np.float64]:
        """How many keys each code has, what is out of reach of the outermost ones taken off."""
        room = self.quantiser.n_keys
        for edge, side in zip(self.reach, (1, -1), strict=True):
            if np.isfinite(edge):
                key = np.array([np.floor(edge + 0.5)]).astype(np.int64)
                code = self.quantiser.encode(key)
                if code[0] >= 0 and self.quantiser.reaches(code, key)[0] and key[0] not in self.quantiser.atoms:
                    room[code[0]] -= 0.5 + side * (edge - key[0])
        return np.maximum(room, 0.0)

    def narrowed(self, operator: str, values: Sequence[str]) -> Encoder:
        reading = read_condition(self.kind, operator, values)
        asked = ranges(operator, reading.keys[0][~reading.labelled].tolist())
        return replace(self, quantiser=self.quantiser.within(asked))

    def to_json(self) -> dict[str, Any]:
        return {
            "quantiser": self.quantiser.to_json(),
            "results": list(self.results),
            "tokens": list(self.tokens.kept),
            "decimals": self.decimals,
            "grouped": self.grouped,
        } | ({"exponent": True} if self.exponent else {})


def read_condition(kind: Kind, operator: str, values: Sequence[str]) -> Reading:
    """Read the values of a condition; an empty one means missing, for whatever reason.

    Raises:
        ValueError: a value is not of the kind, or is a text result where the condition asks for an order.
    """
    reading = kind.read([text for value in values for text in ((value,) if value.strip() else kind.missing)])
    if reading.bad.any():
        raise ValueError(f"the value is not {kind.expected}")
    if operator not in ("=", "!=", "in") and (reading.labelled.any() or not len(reading.labels)):
        raise ValueError(f"what is no number or date has no order, so {operator} means nothing; use =, != or in")
    return reading


def ranges(operator: str, keys: Sequence[int]) -> list[Range]:
    """The ranges of keys that compare so with one key, or with some in a list where the operator takes one."""
    distinct = sorted(set(keys))
    if operator == "!=":
        return [*zip([LOWEST, *(key + 1 for key in distinct)], [*(key - 1 for key in distinct), HIGHEST], strict=True)]
    if operator in ("=", "in"):
        return [(key, key) for key in distinct]
    (key,) = distinct
    return [{">": (key + 1, HIGHEST), ">=": (key, HIGHEST), "<": (LOWEST, key - 1), "<=": (LOWEST, key)}[operator]]


def special_mask(
    operator: str, reading: Reading, results: Sequence[str], tokens: Tokens, first: int
) -> NDArray[np.bool_]:
    """Which codes from ``first`` on, text results and then tokens, a condition allows."""
    texts = (*results, *tokens.kept)
    labels = {str(label) for label in reading.labels[reading.labelled]}
    asked = {tokens.generated(label) if label in tokens.declared else label for label in labels}
    mask = np.zeros(max(len(texts), 1 - first), bool)
    mask[: len(texts)] = [text in asked for text in texts]
    return ~mask if operator == "!=" else mask


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
        if isinstance(self.column, Integer):
            return "an integer"
        mark = self.format.decimal
        return "a number" if mark == "." else f'a number with "{mark}" as its decimal mark'

    def read(self, texts: list[str]) -> Reading:
        plain, grouped = plain_numbers(texts, self.format)
        pattern = _WHOLE_NUMBER if isinstance(self.column, Integer) else _PLAIN_NUMBER
        is_number = np.asarray(pc.match_substring_regex(plain, pattern), bool)
        labels, labelled = read_specials(self, texts, self.column.atoms)
        bad = ~labelled & ~is_number
        for i in np.flatnonzero(bad):
            if self.column.words or _CENSORED.match(texts[i].strip()):
                labels[i], labelled[i], bad[i] = texts[i].strip(), True, False
        number = is_number & ~labelled
        keys = np.zeros(len(texts), np.int64)
        keys[number] = self.grid.keys(plain.filter(pa.array(number)))
        return Reading(labels, labelled, (keys,), _styles(plain, grouped), bad)

    def solve(self, summary: ColumnSummary, rare_below: int) -> NumericEncoder:
        values, tokens = split_tokens(self, summary, rare_below)
        results = tuple(disclosure.keep_common(values, rare_below, other=""))
        column = self.column
        quantised = quantiser.solve(
            summary.parts[0], rare_below, lowest=self._key(column.min), highest=self._key(column.max)
        )
        short, unmarked, marked, with_exponent = np.array(summary.styles).reshape(4, -1)
        total = max(sum(summary.styles), 1)
        exponent = bool(with_exponent.max() >= _HABIT * total)
        with_decimals = with_exponent if exponent else short + unmarked + marked
        most = int(np.argmax(with_decimals))
        habit = exponent or (self.grid.exact and with_decimals[most] >= _HABIT * total)
        grouped = bool(marked.sum() > unmarked.sum())
        results = tuple(result for result in results if result)
        return NumericEncoder(self, quantised, results, tokens, most if habit else 0, grouped, exponent)

    def _key(self, bound: float | None) -> int | None:
        return None if bound is None else int(self.grid.keys(pa.array([repr(bound)]))[0])

    def restore(self, learned: dict[str, Any]) -> NumericEncoder:
        if not 0 <= int(learned["decimals"]) <= MOST_DECIMALS:
            raise ValueError("absurdly many decimals")
        return NumericEncoder(
            self,
            Quantiser.from_json(learned["quantiser"]),
            tuple(learned["results"]),
            Tokens(self.missing, tuple(learned["tokens"])),
            int(learned["decimals"]),
            bool(learned["grouped"]),
            bool(learned.get("exponent", False)),
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
    parts = pc.extract_regex(pc.fill_null(plain, ""), r"^[+-]?(?P<whole>[^.eE]*)\.?(?P<part>\d*)(?P<exponent>[eE])?")
    decimals = np.minimum(np.asarray(pc.utf8_length(pc.struct_field(parts, "part")), np.int64), MOST_DECIMALS)
    long = np.asarray(pc.utf8_length(pc.struct_field(parts, "whole")), np.int64) >= _MARKED_DIGITS
    exponent = np.asarray(pc.greater(pc.utf8_length(pc.struct_field(parts, "exponent")), 0), bool)
    return (MOST_DECIMALS + 1) * np.select([exponent, grouped, long], [3, 2, 1], 0) + decimals


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
    name: str,
    owner: str,
    positions: NDArray[np.float64],
    widths: NDArray[np.float64],
    results: Sequence[str],
    tokens: Tokens,
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
        widths=(*widths.tolist(), *(0.0 for _ in special)),
    )
