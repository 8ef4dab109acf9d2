"""Tables on one footing: the same variables, the same label codes, the same patients' numbering for every set."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.encoding.leveled import Tokens
from synthgen.encoding.numeric import plain_numbers
from synthgen.encoding.temporal import read_moments
from synthgen.errors import InputError
from synthgen.metrics.base import Comparison, FollowUp, Records, Rules, Variable
from synthgen.reshape.code_list import CodeList
from synthgen.schema.column import Boolean, Code, Column, Date, Datetime, Integer, Number, Ordinal, Time
from synthgen.schema.config import Format
from synthgen.schema.rules.check import reaches_beyond
from synthgen.schema.table import TableConfig
from synthgen.tables.arrow import is_text, plain
from synthgen.tables.dataset import Table
from synthgen.tables.keys import KeyColumns

_NOT_COMPARED = ("id", "fake", "text", "drop")
_NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"
_DAY = 86_400


@dataclass(frozen=True)
class Sheet:
    """The rows of one set.

    Attributes:
        source: where they came from, for messages.
        columns: one dictionary array per column.
        formats: how the numbers of each column are written.
    """

    source: str
    columns: Mapping[str, pa.DictionaryArray]
    formats: Mapping[str, Format]

    @classmethod
    def of(cls, table: Table, dialect: Format) -> Sheet:
        """A whole table.

        Args:
            dialect: how numbers are written in those columns of a typed table that hold text all the same.
        """
        blocks = list(table)
        columns = {
            name: pa.chunked_array([block.column(name) for block in blocks]).unify_dictionaries().combine_chunks()
            if blocks
            else pa.array([], pa.string()).dictionary_encode()
            for name in table.columns
        }
        formats = {n: dialect if n in table.types and is_text(plain(table.types[n])) else table.format for n in columns}
        return cls(table.source, {name: _one_chunk(column) for name, column in columns.items()}, formats)

    @property
    def n_rows(self) -> int:
        return len(next(iter(self.columns.values())))

    def rows(self, chosen: NDArray[np.bool_]) -> Sheet:
        """Some of the rows."""
        return Sheet(self.source, {n: c.filter(pa.array(chosen)) for n, c in self.columns.items()}, self.formats)


def _one_chunk(column: pa.Array | pa.ChunkedArray) -> pa.DictionaryArray:
    return column.chunk(0) if isinstance(column, pa.ChunkedArray) else column


def compare(
    config: TableConfig,
    *,
    table: str,
    train: Sheet,
    holdout: Sheet | None,
    synthetic: Sheet,
    rare_below: int,
    patients: Sequence[NDArray[np.int64]] | None = None,
) -> Comparison:
    """The comparison of three sets of one table.

    Args:
        patients: whose row each is, set by set, for a table that reaches the patient through others; where left out,
            the patient column says it.

    Raises:
        InputError: the synthetic or holdout set lacks columns.
    """
    compared = {name: column for name, column in config.columns.items() if column.kind not in _NOT_COMPARED}
    sheets = [sheet for sheet in (train, holdout, synthetic) if sheet is not None]
    for sheet in sheets:
        lacking = [name for name in compared if name not in sheet.columns]
        if lacking:
            raise InputError(
                f"{sheet.source}: lacks the columns {', '.join(lacking)}; add them, or evaluate with a config without"
            )
    variables: list[Variable] = []
    numbers: list[dict[str, NDArray[np.float64]]] = [{} for _ in sheets]
    codes: list[dict[str, NDArray[np.int32]]] = [{} for _ in sheets]
    clustered = patients is not None or config.patient is not None
    patients = patients or [_patients(sheet, config) for sheet in sheets]
    for name, column in compared.items():
        tokens = Tokens(config.missing_in(name), ())
        for part, cells in _parts(name, column, config, sheets):
            marks = tokens if part == name else Tokens((*tokens.declared, ""), ())
            read = [_read(column, cell, sheet.formats[name], marks) for cell, sheet in zip(cells, sheets, strict=True)]
            labels = _pooled(column, [reading.labels for reading in read])
            if part != name and not any(map(_reached, read, cells, patients)):
                continue
            kind = _variable(part, column, labels)
            variables.append(kind)
            place = {label: i for i, label in enumerate(labels)}
            for i, (reading, cell) in enumerate(zip(read, cells, strict=True)):
                if kind.kind == "numeric":
                    numbers[i][part] = reading.numbers[np.asarray(cell.indices)]
                codes[i][part] = reading.codes(place, numeric=kind.kind == "numeric")[np.asarray(cell.indices)]
            if kind.kind == "numeric":
                bounded = _bounded([own[part] for own in numbers], 1 if holdout is None else 2)
                for own, values in zip(numbers, bounded, strict=True):
                    own[part] = values
    records = [
        Records(whose, own_numbers, own_codes)
        for whose, own_numbers, own_codes in zip(patients, numbers, codes, strict=True)
    ]
    return Comparison(
        table,
        tuple(variables),
        records[0],
        None if holdout is None else records[1],
        records[-1],
        config.target,
        rare_below,
        clustered,
        config.groups,
        _survival(config),
        _constraints(config),
    )


def left_out(columns: Iterable[str], variables: Iterable[Variable]) -> list[str]:
    """The columns that no variable is, nor the first code of; a column's own name may have brackets: ``ER [%]``."""
    names = {variable.name for variable in variables}
    return [name for name in columns if name not in names and f"{name}[1]" not in names]


def _constraints(config: TableConfig) -> Rules | None:
    own = tuple(rule for rule in config.rules if not reaches_beyond(rule))
    return Rules(own, config.quantities, config.patient) if own else None


def _survival(config: TableConfig) -> FollowUp | None:
    if config.survival is None:
        return None
    event = config.columns[config.survival.event]
    happened = event.true if isinstance(event, Boolean) else ""
    return FollowUp(config.survival.time, config.survival.event, happened)


@dataclass(frozen=True)
class _Texts:
    """The distinct texts of a column, read: a number (NaN where none), a label (``None`` where none), or missing."""

    numbers: NDArray[np.float64]
    labels: list[str | None]

    def codes(self, place: Mapping[str, int], *, numeric: bool) -> NDArray[np.int32]:
        shift = 1 if numeric else 0
        return np.array(
            [
                (0 if numeric and not np.isnan(number) else -1) if label is None else place[label] + shift
                for number, label in zip(self.numbers, self.labels, strict=True)
            ],
            np.int32,
        )


def _parts(
    name: str, column: Column, config: TableConfig, sheets: Sequence[Sheet]
) -> list[tuple[str, list[pa.DictionaryArray]]]:
    """The column of every sheet; for code lists, position by position."""
    cells = [sheet.columns[name] for sheet in sheets]
    if not isinstance(column, Code) or not column.separator or column.determined_by:
        return [(name, cells)]
    lists = CodeList(name, column.separator, config.missing_in(name))
    split = [lists.split(cell) for cell in cells]
    return [(part, [columns[i] for columns in split]) for i, part in enumerate(lists.positions)]


#: Patients who must reach a position of a code list for it to be compared: else the report's list of columns would
#: tell that one patient has uncommonly many codes.
_FEWEST = 11


def _reached(reading: _Texts, cells: pa.DictionaryArray, patient: NDArray[np.int64]) -> bool:
    """Whether enough patients of a set have a code in this position."""
    filled = np.array([label is not None for label in reading.labels], bool)[np.asarray(cells.indices)]
    return len(np.unique(patient[filled])) >= _FEWEST


#: Beyond this, squares of numbers overflow.
_LARGEST = 1e100
#: A number further away than this many times the range of the real ones is as far as can be.
_FURTHEST = 1e6


def _bounded(sets: Sequence[NDArray[np.float64]], n_real: int) -> list[NDArray[np.float64]]:
    """The numbers of each set, where absurd ones are brought as near as any measure can tell from them.

    ``1e300`` among weights is a plain error, but its square is infinite, and the first ``n_real`` sets' scale is what
    distances are measured in.
    """
    sets = [np.clip(values, -_LARGEST, _LARGEST) for values in sets]
    real = np.concatenate(sets[:n_real])
    real = real[~np.isnan(real)]
    if not len(real):
        return sets
    low, high = float(real.min()), float(real.max())
    reach = _FURTHEST * (high - low or max(abs(low), 1.0))
    return [np.clip(values, low - reach, high + reach) for values in sets]


def _read(column: Column, cells: pa.DictionaryArray, marks: Format, tokens: Tokens) -> _Texts:
    texts: list[str] = cells.dictionary.to_pylist()
    missing = np.array([tokens.read(text) is not None for text in texts], bool)
    numbers = np.full(len(texts), np.nan)
    if isinstance(column, Integer | Number):
        plain, _ = plain_numbers(texts, marks)
        readable = np.asarray(pc.match_substring_regex(plain, _NUMBER), bool) & ~missing
        numbers[readable] = np.asarray(pc.cast(plain.filter(pa.array(readable)), pa.float64()))
    elif isinstance(column, Date | Datetime | Time) and column.determined_by is None:
        seconds, form = read_moments(pc.utf8_trim_whitespace(pa.array(texts, pa.string())), column.formats)
        atoms = np.array([text.strip() in column.atoms for text in texts], bool)
        readable = (form >= 0) & ~missing & ~atoms
        numbers[readable] = seconds[readable] / (_DAY if isinstance(column, Date) else 1)
    labels = [
        None if gone or not np.isnan(number) else text
        for text, gone, number in zip(texts, missing, numbers, strict=True)
    ]
    return _Texts(numbers, labels)


def _pooled(column: Column, labels: Sequence[Sequence[str | None]]) -> tuple[str, ...]:
    found = {label for some in labels for label in some if label is not None}
    declared = [label for label in column.order if label in found] if isinstance(column, Ordinal) else []
    return (*declared, *sorted(found - set(declared)))


def _variable(name: str, column: Column, labels: tuple[str, ...]) -> Variable:
    numeric = isinstance(column, Integer | Number | Date | Datetime | Time) and column.determined_by is None
    decimals = 0 if isinstance(column, Integer) else column.decimals if isinstance(column, Number) else None
    return Variable(
        name,
        "numeric" if numeric else "categorical",
        labels,
        ordered=isinstance(column, Ordinal),
        code=isinstance(column, Code),
        decimals=decimals,
        temporal=column.kind if numeric and isinstance(column, Date | Datetime | Time) else "",
    )


def _patients(sheet: Sheet, config: TableConfig) -> NDArray[np.int64]:
    """Whose row each is: spaces around an id do not matter, and a row without one is a patient of its own."""
    if config.patient is None or config.patient not in sheet.columns:
        return np.arange(sheet.n_rows, dtype=np.int64)
    keys, without = KeyColumns((config.patient,), (tuple(config.missing_in(config.patient)),)).read(
        pa.RecordBatch.from_arrays([sheet.columns[config.patient]], [config.patient])
    )
    known, dense = np.unique(keys, return_inverse=True)
    dense = np.where(without, len(known) + np.arange(sheet.n_rows), dense)
    return np.unique(dense, return_inverse=True)[1].astype(np.int64)
