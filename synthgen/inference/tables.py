"""What the schema of several tables probably is: their keys and links first, then each table given its place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.inference.ages import rules_of_ages
from synthgen.inference.borne_out import BorneOut
from synthgen.inference.copied import rules_of_copies
from synthgen.inference.deaths import rules_of_death
from synthgen.inference.hierarchy import Place, places
from synthgen.inference.language import find_locale
from synthgen.inference.links import BY_PRESET, Found, find_keys_and_links
from synthgen.inference.patients import Whose, named_in
from synthgen.inference.preset import Preset, constraints, kinds, placed
from synthgen.inference.shapes import Outline, outline
from synthgen.inference.stays import rules_of_stays
from synthgen.inference.table import Inference, Known, Note, TableGuess, doubtful, guess_table
from synthgen.inference.times import find_time
from synthgen.inference.wording import percent
from synthgen.schema.column import Code, Column, Date, Datetime, Drop, Fake, Id, Text
from synthgen.schema.config import Format, ModelConfig, Privacy, Schema
from synthgen.schema.table import Parent, TableConfig
from synthgen.tables.dataset import Dataset
from synthgen.tables.keys import KeyColumns, KeyIndex, concatenated

#: By trial on series of patients: as for few rows, however many there are, since those of a patient are much alike.
_PENALTY: Final = 0.1
#: What finds how rows go with those above, in the order in which it is written down.
_RULES: Final = (rules_of_copies, rules_of_ages, rules_of_stays, rules_of_death)


def infer_tables(dataset: Dataset, *, preset: Preset | None = None, rare_below: int = 5) -> Inference:
    """Guess the schema of several tables.

    Every table is profiled twice: for its keys and links, of which hashes alone are kept, and then, with what is
    known of its place, column by column as ``infer`` does.

    Args:
        dataset: the tables; one alone where it is of a preset.
        preset: the layout that some of the tables have, which is believed before names and values.
        rare_below: a text of fewer patients is never named.

    Raises:
        InputError: a table cannot be read, or none is of the preset.
    """
    outlines = {name: outline(table) for name, table in dataset.tables.items()}
    keys, links = find_keys_and_links(outlines)
    found = places(keys, links, _persons(outlines))
    misfits: Mapping[str, str] = {}
    if preset is not None:
        found, misfits = placed(preset, outlines, found)
    people = _People(dataset, found)
    locale = find_locale(shape.header for each in outlines.values() for shape in each.shapes.values())
    guesses = {
        name: guess_table(table, rare_below, _known(name, found, people, locale))
        for name, table in dataset.tables.items()
    }
    common, own = _formats(guesses)
    tables = {name: _config(guess, found[name], own.get(name), preset) for name, guess in guesses.items()}
    tables = _of_one_kind(tables)
    if len(tables) == 1:
        # of a single table no links are learned yet
        alone: Mapping[str, object] = {"order": None, "foreign_keys": {}, "reference": False}
        tables = {name: config.model_copy(update=alone) for name, config in tables.items()}
    if preset is not None:
        ruled = {name: constraints(preset, name, tables) for name in tables}
        tables = {name: config.model_copy(update={"constraints": ruled[name]}) for name, config in tables.items()}
    borne_out = _rules(dataset, tables, people, common)
    tables = {name: config.model_copy(update=_with(config, borne_out[name])) for name, config in tables.items()}
    model = ModelConfig.model_validate({"name": "autoregressive", "penalty": _PENALTY})
    schema = Schema(format=common, tables=tables, privacy=Privacy(rare_below=rare_below), model=model)
    notes: list[Note] = []
    for name, guess in guesses.items():
        notes += _about(name, tables[name], found, outlines)
        notes += [Note(name, None, misfits[name])] if name in misfits else []
        notes += [_about_rule(name, each) for each in borne_out[name]]
        notes += _told_still(guess, tables[name], preset)
    return Inference(schema, (*notes, *doubtful(dataset, schema)))


def _rules(
    dataset: Dataset, tables: Mapping[str, TableConfig], people: _People, marks: Format
) -> dict[str, list[BorneOut]]:
    """What the columns of each table are compared with in those above, as the rows bear out."""
    every = [rules(dataset, tables, people.of, marks) for rules in _RULES]
    return {name: [each for found in every for each in found.get(name, ())] for name in tables}


def _with(config: TableConfig, found: Sequence[BorneOut]) -> dict[str, object]:
    """The constraints of a table and more."""
    return {"constraints": tuple(dict.fromkeys((*config.constraints, *(str(each.rule) for each in found))))}


def _about_rule(name: str, found: BorneOut) -> Note:
    share = "all rows" if found.share == 1 else f"{percent(found.share)} of the rows"
    return Note(name, None, f"`{found.rule}` in {share} that have both; kept so by `constraints`")


def _told_still(guess: TableGuess, config: TableConfig, preset: Preset | None) -> list[Note]:
    """The notes of a guess, but for columns that are now of another kind, of which a preset's say so."""
    other = {name for name, column in config.columns.items() if column.kind != guess.config.columns[name].kind}
    notes = [note for note in guess.notes if note.column not in other]
    if preset is not None:
        known = [name for name in config.columns if name in other and preset.kind(guess.name, name) is not None]
        notes += [Note(guess.name, name, "of this kind by the preset") for name in known]
    return notes


def _persons(outlines: Mapping[str, Outline]) -> dict[str, str]:
    """In each table that has one, the column that is named like a person, is hardly ever missing, and repeats."""
    persons = {}
    for name, table in outlines.items():
        ranked = [
            (rank, column)
            for column, shape in table.shapes.items()
            if (rank := shape.header.person_rank) is not None
            and shape.may_link
            and not shape.constant
            and shape.held >= 0.99 * table.rows
            and not shape.unique
        ]
        if ranked:
            persons[name] = min(ranked, key=lambda pair: pair[0])[1]
    return persons


class _People:
    """The patient of each row of each table, found through the parents where no column names it."""

    def __init__(self, dataset: Dataset, found: Mapping[str, Place]) -> None:
        self.dataset, self.found = dataset, found
        self.of_keys: dict[str, tuple[KeyIndex, NDArray[np.uint64]]] = {}

    def of(self, name: str) -> Whose | None:
        """How to find the patients of a table's rows; ``None`` where they belong to none, or each is one."""
        place = self.found[name]
        if not place.owned or place.key == (place.patient,) and place.parent is None:
            return None
        if place.patient is not None:
            return named_in(place.patient)
        if place.parent is None:
            return None
        return self._through(place.parent)

    def _through(self, link: Found) -> Whose | None:
        above = self.of(link.table)
        place = self.found[link.table]
        if above is None and place.patient is None:
            return None
        reader = KeyColumns(link.columns, (("", *([] if link.none is None else [link.none])),) * len(link.columns))
        if above is None:  # the link names the patient itself
            return lambda block: reader.read(block)[0]
        index, patients = self._keys(link.table, link.key, above)

        def whose(block: pa.RecordBatch) -> NDArray[np.uint64]:
            rows = index.find(*reader.read(block))
            # Rows without a parent count as one patient's, which errs on the careful side.
            return np.where(rows >= 0, patients[np.maximum(rows, 0)], np.uint64(0))

        return whose

    def _keys(self, name: str, key: tuple[str, ...], whose: Whose) -> tuple[KeyIndex, NDArray[np.uint64]]:
        if name not in self.of_keys:
            reader = KeyColumns(key, ((),) * len(key))
            blocks = [(reader.read(block), whose(block)) for block in self.dataset.tables[name]]
            index = KeyIndex.of(*concatenated([keys for keys, _ in blocks]))
            self.of_keys[name] = index, np.concatenate([patients for _, patients in blocks])
        return self.of_keys[name]


def _known(name: str, found: Mapping[str, Place], people: _People, locale: str) -> Known:
    place = found[name]
    ids: dict[str, str] = {} if place.reference else {part: "" for part in place.key[:1] if len(place.key) == 1}
    values: dict[str, str] = {}
    for link in place.links:
        told = _told(link)
        if found[link.table].reference:
            values[link.columns[0]] = told
        elif len(link.columns) == 1:
            ids[link.columns[0]] = told
    if place.patient is not None:
        ids.setdefault(place.patient, "the patient: rows with the same value are one person's")
    none = {link.columns[0]: link.none for link in place.links if link.none is not None}
    return Known(place.patient, people.of(name), ids, values, none, place.reference, locale)


def _told(link: Found) -> str:
    """A link in words, with how sure it is."""
    sure = {
        BY_PRESET: "by the preset",
        3: "by its name",
        2: "by the end of its name",
        1: "by its values alone, so check it",
    }[link.score]
    named = (
        "every row that has one names a row there"
        if link.share == 1
        else f"{percent(link.share)} of those that have one name a row there"
    )
    held = "" if link.held == 1 else f"; {percent(1 - link.held)} of the rows have none"
    return f"links to `{link.table}` {sure}: {named}{held}"


def _config(guess: TableGuess, place: Place, dialect: Format | None, preset: Preset | None) -> TableConfig:
    name, columns = guess.name, dict(guess.config.columns)
    if preset is not None:
        own = {*place.key, *(column for link in place.links for column in link.columns)}
        known = kinds(preset, name, columns, guess.blank)
        columns |= {column: kind for column, kind in known.items() if column not in own}
    if place.reference:
        columns |= {part: _as_key(columns[part]) for part in place.key}
    elif len(place.key) > 1:
        columns |= {part: Id() for part in place.key if isinstance(columns[part], Text | Drop | Fake)}
    parent = place.parent
    return TableConfig(
        key=None if not place.key else place.key[0] if len(place.key) == 1 else place.key,
        patient=place.patient,
        parent=None if parent is None else Parent(table=parent.table, column=_one_or_more(parent.columns)),
        foreign_keys={link.columns[0]: link.table for link in place.foreign},
        order=_order(guess, preset) if place.owned and (parent or place.patient not in (None, *place.key)) else None,
        reference=place.reference,
        target=guess.config.target,
        format=dialect,
        missing=guess.config.missing,
        columns=columns,
        constraints=guess.config.constraints,
    )


def _of_one_kind(tables: Mapping[str, TableConfig]) -> dict[str, TableConfig]:
    """The columns of a link of several get the kinds of the key; all are identifiers where one of them is."""
    links = [
        (name, column, table.parent.table, part)
        for name, table in tables.items()
        if table.parent is not None and len(table.parent.columns) > 1
        for column, part in zip(table.parent.columns, tables[table.parent.table].key_columns, strict=True)
    ]
    columns = {name: dict(table.columns) for name, table in tables.items()}
    ids = {(name, column) for name in columns for column, kind in columns[name].items() if isinstance(kind, Id)}
    while more := {
        end
        for name, column, parent, part in links
        for end in ((name, column), (parent, part))
        if end not in ids and ids & {(name, column), (parent, part)}
    }:
        ids |= more
    for name, column, parent, part in links:
        for table, place in ((name, column), (parent, part)):
            if (table, place) in ids and not isinstance(columns[table][place], Id):
                columns[table][place] = Id(missing=columns[table][place].missing)
        if (name, column) not in ids:
            own = {"missing": columns[name][column].missing, "determined_by": None}
            columns[name][column] = columns[parent][part].model_copy(update=own)
    return {name: table.model_copy(update={"columns": columns[name]}) for name, table in tables.items()}


def _as_key(column: Column) -> Column:
    """A key of vocabulary is a value."""
    return Code() if isinstance(column, Text | Drop | Fake | Id) else column


def _one_or_more(names: tuple[str, ...]) -> str | tuple[str, ...]:
    return names[0] if len(names) == 1 else names


def _order(guess: TableGuess, preset: Preset | None) -> str | None:
    """The time column of a table: that of its preset, else the best by kind and name."""
    columns = guess.config.columns
    if preset is not None and (table := preset.tables.get(guess.name.lower())) is not None:
        dates = {name.lower(): name for name, column in columns.items() if isinstance(column, Date | Datetime)}
        if (known := next((dates[each.lower()] for each in table.order if each.lower() in dates), None)) is not None:
            return known
    return find_time(columns, guess.headers)


def _formats(guesses: Mapping[str, TableGuess]) -> tuple[Format, dict[str, Format]]:
    """The dialect of most tables, and those of tables that have another.

    What a file does not show goes with the others: the marks of one without decimals, the encoding of one in ASCII.
    Parquet files have no dialect.
    """
    texts = [guess for guess in guesses.values() if not guess.typed]
    if not texts:
        return Format(), {}
    encodings = Counter(guess.format.encoding for guess in texts if not guess.plain).most_common(1)
    formats = {
        guess.name: guess.format.model_copy(update={"encoding": encodings[0][0]})
        if guess.plain and encodings
        else guess.format
        for guess in texts
    }
    marked = [formats[guess.name] for guess in texts if guess.marked]
    common = Counter(marked or [*formats.values()]).most_common(1)[0][0]
    marks = {"decimal": common.decimal, "thousands": common.thousands}
    formats |= {guess.name: formats[guess.name].model_copy(update=marks) for guess in texts if not guess.marked}
    return common, {name: mine for name, mine in formats.items() if mine != common}


def _about(name: str, config: TableConfig, found: Mapping[str, Place], outlines: Mapping[str, Outline]) -> list[Note]:
    """What a person should know of a table's place among the others."""
    place, rows = found[name], outlines[name].rows
    told = []
    if place.key:
        key = ", ".join(f"`{part}`" for part in place.key)
        told.append(f"{key} {'is' if len(place.key) == 1 else 'are together'} the key: unique in all {rows} rows")
    if place.parent is not None:
        told.append(f"belongs to `{place.parent.table}`, the closest to it of what it links to")
    if config.patient is not None and place.parent is None and place.key == (config.patient,):
        told.append(f"the patients: {rows} of them")
    elif config.patient is None and not place.owned:
        told.append(
            "public vocabulary by its name, kept as it is; remove `reference` if it is not public"
            if place.reference
            else "belongs to no patient: its rows are made up anew; `reference: true` keeps them as they are"
        )
    if config.order is not None:
        told.append(f"`{config.order}` orders the rows in time")
    if config.format is not None:
        told.append("the file is not written as most others are: see `format`")
    if not any(each.patient for each in found.values()) and name == next(iter(found)):
        told.append("no table is named like persons; state `patient` in the one that has them")
    return [Note(name, None, text) for text in told]
