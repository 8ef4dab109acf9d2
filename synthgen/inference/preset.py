"""What is known beforehand of widespread layouts: keys, parents and kinds, whatever subset of the tables is there."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import cached_property

from pydantic import Field

from synthgen import plugins
from synthgen.errors import InputError
from synthgen.inference.hierarchy import Place
from synthgen.inference.links import BY_PRESET, Found
from synthgen.inference.shapes import Outline, contained
from synthgen.schema.column import Boolean, Category, Code, Column, Constant, Drop, Fake, Id, Ordinal, Text
from synthgen.schema.document import parse
from synthgen.schema.part import Part
from synthgen.schema.rules.check import require_sense
from synthgen.schema.rules.expression import Column as RuleColumn
from synthgen.schema.rules.expression import renamed
from synthgen.schema.rules.grammar import RuleError
from synthgen.schema.rules.grammar import parse as parse_rule
from synthgen.schema.rules.quantity import Quantity
from synthgen.schema.table import Parent, TableConfig

_LABELS = (Category, Code, Ordinal, Boolean, Constant)
#: Of the rows that hold a link, so many must name a row, or the preset does not fit the data there.
_MOST = 0.5


class PresetColumn(Part):
    """What columns of some name are in every table.

    Attributes:
        foreign_key: the table whose key they hold, where it is there.
        column: their kind.
    """

    foreign_key: str | None = None
    column: Column | None = None


class PresetTable(Part):
    """One table of a layout.

    Attributes:
        parents: what its rows belong to, the closest first; the first that is there is the parent.
        order: its time columns, the best first.
        rules: what its rows obey, as far as the columns are there; those of ancestors stand with their tables.
    """

    key: str | None = None
    patient: str | None = None
    parents: tuple[Parent, ...] = ()
    foreign_keys: dict[str, str] = Field({})
    order: tuple[str, ...] = ()
    reference: bool = False
    rules: tuple[str, ...] = ()
    columns: dict[str, Column] = Field({})


class Preset(Part):
    """A layout. Names of tables and columns are compared without regard to case.

    Attributes:
        everywhere: by column name, in which ``*`` stands for anything; what a table says of its own counts more.
        rules: what the rows of every table obey, as far as it has the columns.
    """

    everywhere: dict[str, PresetColumn] = Field({})
    rules: tuple[str, ...] = ()
    tables: dict[str, PresetTable]

    def kind(self, table: str, column: str) -> Column | None:
        """What the layout says of a column; ``None`` where it says nothing."""
        own = next((kind for name, kind in self._table(table).columns.items() if name.lower() == column.lower()), None)
        if own is not None or table.lower() not in self.tables:
            return own
        return next((each.column for each in self.patterns(column) if each.column is not None), None)

    def patterns(self, column: str) -> Iterator[PresetColumn]:
        """What is said of the column in every table."""
        return (each for pattern, each in self.everywhere.items() if fnmatchcase(column.lower(), pattern.lower()))

    def rules_of(self, table: str) -> tuple[str, ...]:
        """What the rows of a table obey: what those of every table do, and its own."""
        return (*self.rules, *self._table(table).rules) if table.lower() in self.tables else ()

    def _table(self, name: str) -> PresetTable:
        return self.tables.get(name.lower(), PresetTable())


def load_preset(name: str) -> Preset:
    """Read a layout that synthgen ships.

    Raises:
        InputError: there is none of this name.
    """
    known = plugins.presets()
    if name not in known:
        raise InputError(f"--preset {name}: there is no such preset; presets are {', '.join(known)}")
    return Preset.model_validate(parse(known[name].read_text(encoding="utf-8"), str(known[name])).content)


def kinds(preset: Preset, table: str, columns: Mapping[str, Column], blank: Collection[str]) -> dict[str, Column]:
    """Guessed columns with what a layout knows better.

    Identifiers, invented values and free text are the layout's, except in columns that are ``blank``, with nothing or
    a sign for nothing in every row; codes where numbers or texts were guessed. What a cell must look like (a date's
    format, decimals) is the data's.
    """
    known = dict(columns)
    for name, guess in columns.items():
        told = preset.kind(table, name)
        if told is None or type(told) is type(guess) or name in blank:
            continue
        protects = isinstance(told, Id | Fake | Text | Drop)
        if protects or (isinstance(told, Code | Category) and not isinstance(guess, _LABELS)):
            by = None if protects else guess.determined_by
            known[name] = told.model_copy(update={"missing": guess.missing, "determined_by": by})
    sexes = {name.lower(): name for name in columns}
    for name, column in known.items():
        if isinstance(column, Fake) and column.sex is not None:
            sex = sexes.get(column.sex.lower())
            fits = sex is not None and isinstance(known[sex], Category)
            known[name] = column.model_copy(update={"sex": sex if fits else None})
        if column.determined_by is not None and isinstance(known[column.determined_by], Id | Fake | Text | Drop):
            known[name] = column.model_copy(update={"determined_by": None})
    return known


def constraints(preset: Preset, name: str, tables: Mapping[str, TableConfig]) -> tuple[str, ...]:
    """The rules of the layout for a table, in the data's names: those of which all columns are there and comparable.

    Args:
        tables: the declarations, this one's and its ancestors' among them.
    """
    if tables[name].reference:
        return ()
    above, at = [name], tables[name].parent
    while at is not None:
        above.append(at.table)
        at = tables[at.table].parent
    found = []
    for text in preset.rules_of(name):
        try:
            rule = renamed(parse_rule(text), lambda column: _in_data(column, above, tables))
            require_sense(rule, lambda column: _quantity(column, name, tables), patient=tables[name].patient)
        except RuleError:
            continue
        found.append(str(rule))
    return tuple(found)


def _in_data(column: RuleColumn, above: Sequence[str], tables: Mapping[str, TableConfig]) -> RuleColumn:
    """A column by its name in the data. Raises ``RuleError`` where it is not there."""
    table = (
        above[0] if column.table is None else next((n for n in above[1:] if n.lower() == column.table.lower()), None)
    )
    names = () if table is None else tables[table].columns
    known = next((each for each in names if each.lower() == column.name.lower()), None)
    if known is None:
        raise RuleError(f"there is no {column}")
    return RuleColumn(known, None if column.table is None else table)


def _quantity(column: RuleColumn, name: str, tables: Mapping[str, TableConfig]) -> Quantity:
    return tables[column.table or name].quantities[column.name]


def placed(
    preset: Preset, outlines: Mapping[str, Outline], guessed: Mapping[str, Place]
) -> tuple[dict[str, Place], dict[str, str]]:
    """The places of the tables, those of the layout as it says, and for each what does not fit it.

    Raises:
        InputError: no table is of the layout.
    """
    fitting = _Fitting(preset, outlines, guessed)
    if not fitting.names:
        raise InputError(f"none of the tables ({', '.join(outlines)}) is of this preset; leave --preset out")
    return fitting.places(), fitting.misfits


@dataclass(frozen=True)
class _Fitting:
    preset: Preset
    outlines: Mapping[str, Outline]
    guessed: Mapping[str, Place]

    @cached_property
    def names(self) -> dict[str, str]:
        """The tables of the layout that are there: by their name in it, that in the data."""
        return {name.lower(): name for name in self.outlines if name.lower() in self.preset.tables}

    @cached_property
    def misfits(self) -> dict[str, str]:
        """Tables whose key is not unique."""
        return {
            name: f"`{self._columns(name)[key.lower()]}` should be the key, and some rows share it or lack it"
            for lower, name in self.names.items()
            if (key := self.preset.tables[lower].key) and key.lower() in self._columns(name) and not self.key(name)
        }

    def key(self, name: str) -> tuple[str, ...]:
        """The key that the layout says, where the data bear it out."""
        stated = self.preset.tables[name.lower()].key
        column = None if stated is None else self._columns(name).get(stated.lower())
        if column is None:
            return ()
        shape = self.outlines[name].shapes[column]
        return (column,) if shape.unique or self.guessed[name].key == (column,) else ()

    def places(self) -> dict[str, Place]:
        found = {name: self._place(name) for name in self.names.values()}
        owned = {name for name, place in found.items() if place.patient is not None}
        while more := {
            name for name, place in found.items() if place.parent and place.parent.table in owned and name not in owned
        }:
            owned |= more
        found = {name: replace(place, owned=name in owned) for name, place in found.items()}
        patients = any(place.key == (place.patient,) and place.parent is None for place in found.values())
        return {name: found[name] if name in found else self._other(name, found, patients) for name in self.outlines}

    def _place(self, name: str) -> Place:
        table = self.preset.tables[name.lower()]
        columns = self._columns(name)
        patient = None if table.patient is None else columns.get(table.patient.lower())
        links = [link for parent in table.parents if (link := self._link(name, parent.columns[0], parent.table))]
        foreign = {column.lower(): target for column, target in table.foreign_keys.items()}
        for lower, column in columns.items():
            if table.reference or self.outlines[name].shapes[column].constant:
                continue
            for each in self.preset.patterns(column):
                if each.foreign_key is not None:
                    foreign.setdefault(lower, each.foreign_key)
        taken = {link.columns[0] for link in links}
        more = [
            link
            for lower, target in foreign.items()
            if columns.get(lower) not in (*taken, *self.key(name)) and (link := self._link(name, lower, target))
        ]
        parent = links[0] if links else None
        others = tuple(link for link in (*links[1:], *more) if link.columns != (patient,))
        return Place(self.key(name), patient, parent, others, table.reference, False)

    def _link(self, name: str, column: str, target: str) -> Found | None:
        """A link of the layout, if both ends are there and the data bear it out."""
        mine, other = self._columns(name).get(column.lower()), self.names.get(target.lower())
        if mine is None or other is None or not (key := self.key(other)):
            return None
        guessed = next((each for each in self.guessed[name].links if each.columns == (mine,)), None)
        if guessed is not None and (guessed.table, guessed.key) == (other, key):
            return replace(guessed, score=BY_PRESET)
        held, share = contained(self.outlines[name].table, (mine,), self.outlines[other].table, key)
        return Found((mine,), other, key, BY_PRESET, held, share) if share >= _MOST else None

    def _other(self, name: str, found: Mapping[str, Place], patients: bool) -> Place:
        """The guessed place of a table that is not of the layout, without what the layout overrules."""
        place = self.guessed[name]

        def holds(link: Found) -> bool:
            there = found.get(link.table, self.guessed[link.table])
            return there.key == link.key

        parent = place.parent
        if parent is not None and not (holds(parent) and found.get(parent.table, self.guessed[parent.table]).owned):
            parent = None
        person = place.patient if not (patients and place.parent is None) else None
        return replace(
            place, parent=parent, patient=person, foreign=tuple(link for link in place.foreign if holds(link))
        )

    def _columns(self, name: str) -> dict[str, str]:
        return {column.lower(): column for column in self.outlines[name].shapes}
