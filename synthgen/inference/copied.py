"""Rules that a row repeats what the row above it holds: the sex of the patient, the main diagnosis of the stay.

Some codes repeat it in the rows of one level alone: of the diagnoses of a stay that which is marked as the main one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import product
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.inference.borne_out import FEWEST, BorneOut
from synthgen.inference.patients import Whose
from synthgen.inference.profile import translate
from synthgen.inference.sequences import OBEYED
from synthgen.schema.column import Boolean, Category, Code, Column, Date, Ordinal
from synthgen.schema.config import Format
from synthgen.schema.rules import expression as ex
from synthgen.schema.table import TableConfig
from synthgen.tables.dataset import Dataset
from synthgen.tables.keys import KeyColumns, KeyIndex, concatenated

#: A pair of columns is followed further where so many rows of the first block are alike.
_SOME: Final = 0.02
#: A column that says which rows repeat has so many levels at most.
_MARKS: Final = 12


def rules_of_copies(
    dataset: Dataset, tables: Mapping[str, TableConfig], whose: Callable[[str], Whose | None], marks: Format
) -> dict[str, list[BorneOut]]:
    """By table whose rows belong to those of another, which of its columns are what columns of that are.

    It must hold, too, where the column above is not what it mostly is.

    Args:
        whose: how to find the patients of a table's rows, ``None`` for tables that are of none.
        marks: of tables that have none of their own; texts alone are compared.
    """
    found = {}
    for name, table in tables.items():
        if table.parent is not None and (of := whose(name)) is not None:
            above = _Above.of(dataset, table, table.parent.table, tables[table.parent.table])
            found[name] = _of_table(dataset, name, table, above, of)
    return found


@dataclass(frozen=True, eq=False)
class _Above:
    """The rows that those of a table belong to.

    Attributes:
        texts: by column, a hash of what stands in each row, 0 for what is missing.
        usual: by column, the commonest of these.
    """

    name: str
    config: TableConfig
    index: KeyIndex
    link: KeyColumns
    texts: Mapping[str, NDArray[np.int64]]
    usual: Mapping[str, int]

    @classmethod
    def of(cls, dataset: Dataset, table: TableConfig, parent: str, config: TableConfig) -> _Above:
        assert table.parent is not None
        key, link = (
            KeyColumns(columns, tuple(of.missing_in(column) for column in columns))
            for of, columns in ((config, config.key_columns), (table, table.parent.columns))
        )
        blocks = list(dataset.tables[parent])
        index = KeyIndex.of(*concatenated([key.read(block) for block in blocks]))
        texts = {name: np.concatenate([_texts(block, config, name) for block in blocks]) for name in _repeated(config)}
        usual = {}
        for name, held in texts.items():
            values, counts = np.unique(held[held != 0], return_counts=True)
            usual[name] = int(values[counts.argmax()]) if len(values) else 0
        return cls(parent, config, index, link, texts, usual)


@dataclass
class _Told:
    """Rows in which both columns have a value, in which they are alike, and of which patients they are."""

    rows: int = 0
    alike: int = 0
    unusual: int = 0
    unusual_alike: int = 0
    patients: set[int] = field(default_factory=set)

    def add(self, alike: NDArray[np.bool_], unusual: NDArray[np.bool_], patients: NDArray[np.uint64]) -> None:
        self.rows += len(alike)
        self.alike += int(alike.sum())
        self.unusual += int(unusual.sum())
        self.unusual_alike += int((alike & unusual).sum())
        if len(self.patients) < FEWEST:
            self.patients |= set(np.unique(patients[unusual]).tolist())

    @property
    def share(self) -> float:
        return self.alike / max(self.rows, 1)

    @property
    def holds(self) -> bool:
        """Whether it holds in nearly all rows, and of those in which the column above is not what it mostly is."""
        enough = len(self.patients) >= FEWEST
        return enough and self.share >= OBEYED and self.unusual_alike >= OBEYED * self.unusual


def _of_table(dataset: Dataset, name: str, table: TableConfig, above: _Above, whose: Whose) -> list[BorneOut]:
    pairs = [
        (own, other)
        for own, other in product(_repeated(table), _repeated(above.config))
        if _alike_kinds(table.columns[own], above.config.columns[other])
    ]
    told: dict[tuple[str, str], _Told] = {pair: _Told() for pair in pairs}
    by_mark: dict[tuple[str, str], dict[tuple[str, str], _Told]] = {pair: {} for pair in pairs}
    for block in dataset.tables[name] if pairs else ():
        at, patients = above.index.find(*above.link.read(block)), whose(block)
        texts = {column: _texts(block, table, column) for column in {own for own, _ in pairs}}
        for pair in pairs:
            own, beside = texts[pair[0]], above.texts[pair[1]][np.maximum(at, 0)]
            rows = np.flatnonzero((at >= 0) & (own != 0) & (beside != 0))
            alike, unusual = own[rows] == beside[rows], beside[rows] != above.usual[pair[1]]
            told[pair].add(alike, unusual, patients[rows])
            some_alike = _SOME <= told[pair].share < OBEYED and isinstance(table.columns[pair[0]], Code)
            for column, level, where in _levels(block, table, pair[0]) if some_alike else ():
                some = where[rows]
                by_mark[pair].setdefault((column, level), _Told()).add(alike[some], unusual[some], patients[rows][some])
        pairs = [pair for pair in pairs if told[pair].share >= _SOME]
    return [*_first_of_each(_rules(pairs, told, by_mark, above.name))]


def _rules(
    pairs: list[tuple[str, str]],
    told: Mapping[tuple[str, str], _Told],
    by_mark: Mapping[tuple[str, str], Mapping[tuple[str, str], _Told]],
    above: str,
) -> Iterator[tuple[str, BorneOut]]:
    """The column that repeats, and the rule; what holds in all rows before what holds in some."""
    for own, other in pairs:
        if told[own, other].holds:
            rule: ex.Compare | ex.Implies = ex.Compare("==", ex.Column(own), ex.Column(other, above))
            yield own, BorneOut(rule, told[own, other].share)
    for own, other in pairs:
        for (column, level), some in by_mark[own, other].items():
            if some.holds and not told[own, other].holds:
                marked = ex.Compare("==", ex.Column(column), ex.Text(level))
                rule = ex.Implies(marked, ex.Compare("==", ex.Column(own), ex.Column(other, above)))
                yield own, BorneOut(rule, some.share)


def _first_of_each(found: Iterator[tuple[str, BorneOut]]) -> Iterator[BorneOut]:
    seen: set[str] = set()
    for own, rule in found:
        if own not in seen:
            seen.add(own)
            yield rule


def _repeated(config: TableConfig) -> list[str]:
    """Labels and days, which are learned by themselves."""
    return [
        name
        for name, column in config.columns.items()
        if isinstance(column, Category | Code | Boolean | Ordinal | Date)
        and column.determined_by is None
        and getattr(column, "computed", None) is None
        and name not in (*config.key_columns, *config.foreign_keys, config.order)
    ]


def _alike_kinds(one: Column, other: Column) -> bool:
    if isinstance(one, Date) and isinstance(other, Date):
        return one.format == other.format
    return one.kind == other.kind and getattr(one, "separator", None) is getattr(other, "separator", None) is None


def _texts(block: pa.RecordBatch, config: TableConfig, name: str) -> NDArray[np.int64]:
    missing = {*config.missing_in(name)}
    return translate(block.column(name), lambda text: 0 if (own := text.strip()) in missing else hash(own) or 1)


def _levels(block: pa.RecordBatch, config: TableConfig, but: str) -> Iterator[tuple[str, str, NDArray[np.bool_]]]:
    """The levels of columns of few, and in which rows each is."""
    for name, column in config.columns.items():
        cells = block.column(name)
        if name != but and isinstance(column, Category | Boolean | Ordinal) and len(cells.dictionary) <= _MARKS:
            for code, text in enumerate(cells.dictionary.to_pylist()):
                if text.strip() not in config.missing_in(name):
                    yield name, text.strip(), np.asarray(cells.indices) == code
