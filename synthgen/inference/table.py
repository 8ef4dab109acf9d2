"""What the schema of a table probably is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Final

import numpy as np
import pyarrow as pa

from synthgen.inference.dependencies import Dependency, find_dependencies
from synthgen.inference.doubts import doubts
from synthgen.inference.equations import Quantities, find_equations
from synthgen.inference.header import Header, read_header
from synthgen.inference.identity import doubt, find_patient, guess_id, guess_particulars
from synthgen.inference.labels import (
    guess_boolean,
    guess_category,
    guess_code,
    guess_constant,
    guess_ordinal,
    guess_text,
)
from synthgen.inference.language import find_locale
from synthgen.inference.missing import Missing, find_missing
from synthgen.inference.numbers import Marks
from synthgen.inference.obeyed import Obeyed, Seen, find_obeyed
from synthgen.inference.patients import Whose, count_patients, named_in
from synthgen.inference.profile import Profile, profile
from synthgen.inference.quantities import guess_mixed, guess_moment, guess_number
from synthgen.inference.same_ids import find_same_ids
from synthgen.inference.shapes import NONE_SIGNS
from synthgen.inference.subject import Guess, Subject
from synthgen.inference.times import find_obvious_day, find_survival
from synthgen.inference.units import find_questions, find_units
from synthgen.inference.values import Values, values
from synthgen.inference.wording import percent
from synthgen.reshape.operands import Operand
from synthgen.schema.column import (
    Boolean,
    Category,
    Code,
    Column,
    Computable,
    Constant,
    Fake,
    Id,
    Integer,
    Number,
    Ordinal,
    Text,
)
from synthgen.schema.config import Format, ModelConfig, Privacy, Schema
from synthgen.schema.table import TableConfig, quantities
from synthgen.tables.arrow import is_ordered
from synthgen.tables.dataset import Dataset, Leveled, Table

#: The first rule that knows the column decides. Names come before shapes, exact shapes before loose ones.
_RULES: Final[tuple[Callable[[Subject], Guess | None], ...]] = (
    guess_constant,
    guess_particulars,
    guess_id,
    guess_boolean,
    guess_ordinal,
    guess_moment,
    guess_code,
    guess_number,
    guess_text,
    guess_category,
)
_LABELS = (Category, Ordinal, Boolean, Code)
_OUTCOMES = (Category, Ordinal, Boolean, Integer)
#: What a column may be that holds values of a table which is kept as it is.
_VALUES = (Category, Code, Ordinal, Integer, Boolean, Constant)
#: Fewer patients than this are learned by the copula: of these the autoregressive model generates no likelier rows.
_FEW: Final = 1000
#: Tables named like this are not about persons: a column ``name`` in them is no person's.
_THINGS = frozenset("organization organizations payer payers hospital hospitals ward wards concept drug drugs".split())


@dataclass(frozen=True)
class Note:
    """Something that a person should look at; ``column`` is ``None`` for the table as a whole.

    The text never holds a value of the data that fewer than ``rare_below`` patients share.
    """

    table: str
    column: str | None
    text: str


@dataclass(frozen=True)
class Inference:
    """A guessed schema, and what to check in it."""

    schema: Schema
    notes: tuple[Note, ...]


def infer(table: Table, *, rare_below: int = 5) -> Inference:
    """Guess the schema of a table.

    One pass profiles the columns; a second, where there is a patient column, counts the patients of each text, and a
    third finds columns that determine others. Every text of the data in the schema is held by at least ``rare_below``
    patients (rows without a patient column), tokens that everyone uses for missing apart; no extreme is in it.

    Raises:
        InputError: the table cannot be read.
    """
    found = guess_table(table, rare_below)
    model, notes = ModelConfig(), found.notes
    if found.people < _FEW:
        model = ModelConfig(name="copula")
        told = f"copula is the model, as for any extract of fewer than {_FEW:,} patients"
        text = f"{told}, of whom {ModelConfig().name} learns hardly more: compare them"
        notes = (*notes, Note(table.name, None, text))
    privacy = Privacy(rare_below=rare_below)
    schema = Schema(format=found.format, tables={table.name: found.config}, privacy=privacy, model=model)
    return Inference(schema, (*notes, *doubtful(Dataset({table.name: table}), schema)))


def doubtful(dataset: Dataset, schema: Schema) -> list[Note]:
    """What of the data deserves a word, as notes."""
    return [Note(name, None, text) for name, texts in doubts(dataset, schema).items() for text in texts]


@dataclass(frozen=True)
class Known:
    """What is known of a table among others before its columns are looked at.

    Attributes:
        patient: the column that says whose row it is.
        whose: the patient of each row, found through links or not; ``None`` where the rows are no patients'.
        ids: columns that hold keys which are made up anew, each with what to tell of it.
        values: columns that hold values of vocabulary, each with what to tell of it.
        none: columns in which a text means that there is no link, with that text.
        kept: whether the table is kept as it is, so that nothing in it is learned.
        locale: where made-up names and addresses belong, told from all tables.
    """

    patient: str | None
    whose: Whose | None
    ids: Mapping[str, str]
    values: Mapping[str, str]
    none: Mapping[str, str]
    kept: bool
    locale: str


@dataclass(frozen=True)
class TableGuess:
    """What a table probably is; nothing of its cells but what the config and the notes say.

    Attributes:
        name: of the table.
        config: its part of the schema, without links.
        format: the dialect of its file, with the marks that its numbers need.
        typed: whether it comes from a typed source, which has no dialect.
        marked: whether a column has decimals or marks between thousands, so that the format's marks are evidence.
        plain: whether all that was seen is ASCII, so that the format's encoding is none.
        blank: columns with nothing in any row, or a sign for nothing.
        headers: the columns' names as words.
        notes: what a person should look at, the table first.
        people: how many patients there are; rows, where each is one.
    """

    name: str
    config: TableConfig
    format: Format
    typed: bool
    marked: bool
    plain: bool
    blank: frozenset[str]
    headers: Mapping[str, Header]
    notes: tuple[Note, ...]
    people: int


def guess_table(table: Table, rare_below: int, known: Known | None = None) -> TableGuess:
    """Guess what a table is, alone or with what is known of its place among others.

    Raises:
        InputError: the table cannot be read.
    """
    found = _Guessing(table, rare_below, known)
    return TableGuess(
        name=table.name,
        config=found.config,
        format=found.format(),
        typed=bool(table.types),
        marked=bool(found.format().thousands)
        or any(isinstance(each, Number) for each in found.config.columns.values()),
        plain=found.plain,
        blank=found.blank,
        headers=found.headers,
        notes=tuple(found.notes()),
        people=found.people,
    )


#: Rows per patient of a long table, on average.
_LONG: Final = 2


class _Guessing:
    """The steps of ``guess_table``, each with what the ones before it found."""

    def __init__(self, table: Table, rare_below: int, known: Known | None = None) -> None:
        self.table, self.rare_below, self.known = table, rare_below, known
        self.profiles: dict[str, Profile] = profile(table, table.columns)
        self.rows = next(iter(self.profiles.values())).rows
        self.headers = {name: read_header(name) for name in table.columns}
        everything = {name: values(column, None) for name, column in self.profiles.items()}
        if known is None:
            present = {name: column.take(~column.among([""])) for name, column in everything.items()}
            self.patient = find_patient(self.headers, present, self.rows)
            whose = None if self.patient is None else named_in(self.patient)
        else:
            self.patient, whose = known.patient, known.whose
        self.whose = whose
        if whose is not None:
            people = count_patients(table, self.profiles, whose)
            everything = {name: values(column, people[name]) for name, column in self.profiles.items()}
        self.everything: Mapping[str, Values] = everything
        declared = Marks(table.format.decimal, table.format.thousands)
        self.missing: Missing = find_missing(everything, self.headers, declared, rare_below)
        guesses = {name: self._guess(name, header) for name, header in self.headers.items()}
        if known is None or not known.kept:
            guesses = self._computed(self._determined(guesses, self._dependencies(guesses)))
            guesses = self._scaled(guesses)
        self.guesses: Mapping[str, Guess] = guesses
        columns = {name: self._finish(name, guesses) for name in guesses}
        self.config = TableConfig(
            key=self._key(columns) if known is None else None,
            patient=self.patient,
            missing=self.missing.table,
            columns=columns,
            target=None if known is not None and known.kept else self._target(columns),
        )
        self.obeyed: list[Obeyed] = []
        if known is None or not known.kept:
            seen = Seen(table, self.config, self.format(), self.headers, everything, self.missing, rare_below)
            self.obeyed = find_obeyed(seen, alone=known is None)
        rules = tuple(rule for each in self.obeyed for rule in each.rules)
        self.config = self.config.model_copy(update={"constraints": rules})
        linked = {} if known is None else known.ids
        ids = [name for name, column in self.config.columns.items() if isinstance(column, Id) and name not in linked]
        self.same_ids = find_same_ids(self.table, self.table.columns, ids)

    def _guess(self, name: str, header: Header) -> Guess:
        if self.known is not None and name in self.known.ids:
            return Guess(Id(), tuple(filter(None, (self.known.ids[name],))))
        if self.known is not None and name in self.known.values:
            guess = self._guess_freely(name, header)
            column = guess.column if isinstance(guess.column, _VALUES) else Code()
            return Guess(column, (self.known.values[name],))
        return self._guess_freely(name, header)

    def _guess_freely(self, name: str, header: Header) -> Guess:
        if name == self.patient:
            return Guess(Id(), ("looks like the patient: rows with the same value are one person's",))
        subject = self._subject(name, header)
        guess = next(guess for rule in _RULES if (guess := rule(subject)) is not None)
        guess = self._ordered(subject, guess)
        told = doubt(subject, guess.column)
        return Guess(guess.column, (*filter(None, [told]), *guess.notes))

    def _ordered(self, subject: Subject, guess: Guess) -> Guess:
        """The guess with what the column's type says of an order of its levels."""
        name = subject.header.name
        if not isinstance(guess.column, Category | Ordinal) or not is_ordered(self.table.types.get(name, pa.null())):
            return guess
        levels = self.table.levels.get(name, ()) if isinstance(self.table, Leveled) else ()
        held = set(subject.values.texts.to_pylist())
        if subject.all_shared and held and held <= set(levels):
            # Levels that no row has may be those of patients who were left out of the extract.
            order = tuple(level for level in levels if level in held)
            unused = "; those that no row has are left out" if len(levels) > len(order) else ""
            return Guess(Ordinal(order=order), (f"the order of its levels is that of its type{unused}",))
        why = "" if subject.all_shared else ", some too rare to be named here"
        told = f"its type says that the levels have an order{why}; use kind: ordinal, with all levels, lowest first"
        return Guess(guess.column, (*guess.notes, told))

    def _subject(self, name: str, header: Header) -> Subject:
        everything = self.everything[name]
        return Subject(
            header=header,
            values=everything.take(~everything.among(self.missing.tokens(name))),
            rows=self.rows,
            texts=len(everything.texts),
            patients=self._patients(),
            marks=self.missing.marks,
            rare_below=self.rare_below,
            of_people=self._of_people,
            beside_first_name=any(header.provider == "first_name" for header in self.headers.values()),
        )

    @property
    def _of_people(self) -> bool:
        """Whether the table may be about persons, told from its name."""
        return not _THINGS & set(read_header(self.table.name).words)

    @property
    def people(self) -> int:
        """How many patients there are; rows, where no column of the table tells."""
        return self._patients() or self.rows

    def _patients(self) -> int | None:
        """How many patients there are, as far as a column of the table tells; ``None`` where each row is one."""
        return None if self.patient is None else self.everything[self.patient].distinct

    def _dependencies(self, guesses: Mapping[str, Guess]) -> list[Dependency]:
        # A place that is made up would contradict a postal code that is kept.
        is_kept = any(self.headers[name].is_postal and isinstance(of.column, Category) for name, of in guesses.items())
        places = {name for name, of in guesses.items() if is_kept and _is_place(of.column)}
        levels = {
            name: self.everything[name]
            for name, guess in guesses.items()
            if isinstance(guess.column, (*_LABELS, Text)) or name in places
            if self.profiles[name].complete and not self.headers[name].is_personal
        }
        names = {
            name
            for name in levels
            if self.headers[name].is_of_others or (self._of_people and self.headers[name].is_bare_name)
        }
        tokens = {name: self.missing.tokens(name) for name in levels}
        return find_dependencies(self.table, self.table.columns, levels, names, tokens)

    def _determined(self, guesses: Mapping[str, Guess], found: list[Dependency]) -> dict[str, Guess]:
        """The guesses with the columns that others determine."""
        after = dict(guesses)
        for dependency in found:
            guess, by = guesses[dependency.determined], guesses[dependency.by].column
            if isinstance(by, Text | Fake) or (dependency.share < 1 and isinstance(guess.column, Text | Fake)):
                continue
            if isinstance(guess.column, Fake) and not self.headers[dependency.by].is_postal:
                continue
            if dependency.share < 1:
                told = f"nearly determined by `{dependency.by}` (in {percent(dependency.share)} of the rows); not used"
                after[dependency.determined] = Guess(guess.column, (*guess.notes, told))
                continue
            # A text that its code determines comes back with the code, however rare it is.
            column = Category() if isinstance(guess.column, Text | Fake) else guess.column
            notes = () if isinstance(guess.column, Text | Fake) else guess.notes
            told = f"determined by `{dependency.by}` in every row" + (
                ", and the other way round" if dependency.one_to_one else ""
            )
            after[dependency.determined] = Guess(
                column.model_copy(update={"determined_by": dependency.by}), (*notes, told)
            )
        return after

    def _scaled(self, guesses: Mapping[str, Guess]) -> dict[str, Guess]:
        """The guesses with the numbers whose scale depends on another column, as in long tables of results."""
        if not self._is_long():
            return dict(guesses)
        free = {name: guess for name, guess in guesses.items() if guess.column.determined_by is None}
        numbers = [
            name
            for name, guess in free.items()
            if isinstance(guess.column, Integer | Number) and guess.column.computed is None
        ]
        labels = [name for name, guess in free.items() if isinstance(guess.column, Category | Code)]
        after = dict(guesses)
        for name, by in find_units(self.table, numbers, labels, self.format()).items():
            told = f"each value of `{by}` has a scale of its own here"
            column = guesses[name].column.model_copy(update={"unit_of": by})
            after[name] = Guess(column, (*guesses[name].notes, told))
        determining = {guess.column.determined_by for guess in guesses.values()}
        mixed = {
            name: guess
            for name in free
            if isinstance(guesses[name].column, Category | Text)
            and name not in determining
            and (guess := guess_mixed(self._subject(name, self.headers[name]))) is not None
        }
        tokens = {name: self.missing.tokens(name) for name in mixed}
        others = [name for name in labels if name not in mixed]
        for name, by in find_questions(self.table, tokens, others, self.format()).items():
            told = f"each value of `{by}` has numbers or words of its own here"
            column = mixed[name].column.model_copy(update={"unit_of": by})
            after[name] = Guess(column, (told, *mixed[name].notes))
        return after

    def _is_long(self) -> bool:
        """Whether patients have several rows each."""
        if self.whose is None:
            return False
        block = next(iter(self.table), None)
        return block is not None and block.num_rows >= _LONG * len(np.unique(self.whose(block)))

    def _computed(self, guesses: Mapping[str, Guess]) -> dict[str, Guess]:
        """The guesses with the numbers and dates that follow from others."""
        after = dict(guesses)
        found = find_equations(self.table, self.table.columns, self._quantities(guesses), self.rows)
        for equation in found:
            guess = guesses[equation.column]
            column = guess.column if isinstance(guess.column, Computable) else Integer()
            notes = guess.notes if isinstance(guess.column, Computable) else ()
            told = f"follows from other columns in {percent(equation.share)} of the rows that have it; computed anew"
            after[equation.column] = Guess(column.model_copy(update={"computed": equation.expression}), (*notes, told))
        return after

    def _quantities(self, guesses: Mapping[str, Guess]) -> Quantities:
        """Numbers and dates, and whole numbers that were taken for labels, which may be parts of a date."""
        columns = {
            name: guess.column if isinstance(guess.column, Computable) else Integer()
            for name, guess in guesses.items()
            if guess.column.determined_by is None
            and (isinstance(guess.column, Computable) or self._is_whole(name, guess))
        }
        sorts = quantities(columns)
        halves = {
            name: 0.5 * 10.0 ** -(column.decimals or 0) if isinstance(column, Number) else 0.5
            for name, column in columns.items()
            if not isinstance(column, Number) or column.decimals is not None
        }
        operands = {
            name: Operand(sorts[name], self.missing.tokens(name), getattr(column, "atoms", ()), self.format())
            for name, column in columns.items()
        }
        labels = frozenset(name for name in columns if not isinstance(guesses[name].column, Computable))
        return Quantities(operands, halves, labels)

    def _is_whole(self, name: str, guess: Guess) -> bool:
        """Whether the labels of a column are plain whole numbers, without zeros in front."""
        if not isinstance(guess.column, Category):
            return False
        everything = self.everything[name]
        texts = everything.take(~everything.among(self.missing.tokens(name))).stripped.to_pylist()
        return everything.complete and all(text.isdecimal() and str(int(text)) == text for text in texts)

    def _finish(self, name: str, guesses: Mapping[str, Guess]) -> Column:
        """The column with its own missing tokens; of made-up values the locale, and the sex that a name agrees with."""
        column = guesses[name].column
        changes: dict[str, object] = {}
        tokens = self.missing.tokens(name)
        if self.known is not None and name in self.known.none and self.known.none[name] not in tokens:
            counts = self.profiles[name].levels
            # The first of them is what is written where a link is missing.
            changes["missing"] = tuple(sorted((*tokens, self.known.none[name]), key=lambda text: -counts.get(text, 0)))
        elif name in self.missing.columns:
            changes["missing"] = self.missing.columns[name]
        if isinstance(column, Fake):
            changes["locale"] = find_locale(self.headers.values()) if self.known is None else self.known.locale
        if isinstance(column, Fake) and column.provider in ("name", "first_name"):
            sexes = [
                each
                for each, header in self.headers.items()
                if header.is_sex and isinstance(guesses[each].column, _OUTCOMES)
            ]
            changes["sex"] = sexes[0] if sexes else None
        return column.model_copy(update=changes)

    def _key(self, columns: Mapping[str, Column]) -> str | None:
        """The first identifier that no two rows share, one named so before others."""
        unique = [
            name
            for name, column in columns.items()
            if isinstance(column, Id) and self.profiles[name].complete and self.profiles[name].distinct == self.rows
        ]
        named = [name for name in unique if self.headers[name].is_id and not self.headers[name].is_persons_number]
        return next(iter((*named, *unique)), None)

    def _target(self, columns: Mapping[str, Column]) -> str | None:
        ranked = [
            (rank, name)
            for name, header in self.headers.items()
            if (rank := header.target_rank) is not None and isinstance(columns[name], _OUTCOMES)
        ]
        return min(ranked, key=lambda pair: pair[0])[1] if ranked else None

    def format(self) -> Format:
        """The dialect of the file, with the marks that its numbers need."""
        marks = self.missing.marks
        return self.table.format.model_copy(update={"decimal": marks.decimal, "thousands": marks.thousands})

    @property
    def plain(self) -> bool:
        """Whether names and cells are ASCII, which UTF-8, cp1252 and others write alike."""
        if self.table.format.encoding != "utf-8":
            return False
        texts = (text for column in self.everything.values() for text in column.texts.to_pylist())
        return all(text.isascii() for text in chain(self.table.columns, texts))

    @property
    def blank(self) -> frozenset[str]:
        """Columns with nothing in any row, or a sign for nothing: an empty cell, 0."""
        return frozenset(
            name
            for name, column in self.everything.items()
            if column.complete and bool(column.among(("", *NONE_SIGNS)).all())
        )

    def notes(self) -> Iterator[Note]:
        """What a person should look at, the table first."""
        yield from self._about_table(self.config)
        yield from self._about_columns(self.guesses, self.config)

    def _about_table(self, config: TableConfig) -> list[Note]:
        told = self._about_rows(config) if self.known is None else []
        if config.target is not None:
            told.append(f"`{config.target}` is the target, by its name")
        if not config.reference and (found := find_survival(config.columns, self.headers)) is not None:
            told.append(
                f"`{found.time}` and `{found.event}` look like a follow-up and what ended it; if they are, add "
                f"survival: {{time: {found.time}, event: {found.event}}}"
            )
        told += [each.told for each in self.obeyed]
        tokens = [f'"{token}"' for token in config.missing if token]
        if tokens:
            told.append(f"missing: the empty cell and {', '.join(tokens)}")
        if (self.missing.marks.decimal, self.missing.marks.thousands) != (
            self.table.format.decimal,
            self.table.format.thousands,
        ):
            told.append("decimal and thousands marks are guessed from the columns; check `format`")
        if padded := [f"`{name}`" for name in self.headers if self.everything[name].padded]:
            told.append(f"values with spaces around them are read without, in {', '.join(padded)}")
        return [Note(self.table.name, None, text) for text in told]

    def _about_rows(self, config: TableConfig) -> list[str]:
        told = []
        if config.key is not None:
            told.append(f"`{config.key}` is the key: unique in every row, made up anew")
        if config.patient is not None:
            people = self.everything[config.patient].distinct
            told.append(f"`{config.patient}` is the patient: {people} of them in {self.rows} rows")
            if (day := find_obvious_day(config.columns, self.headers)) is not None:
                told.append(f"`{day}` probably says when a row was; if it does, add order: {day}")
        else:
            told.append("no patient column: each row counts as a person of its own")
        return told

    def _about_columns(self, guesses: Mapping[str, Guess], config: TableConfig) -> list[Note]:
        notes = []
        for name, guess in guesses.items():
            notes += [Note(self.table.name, name, text) for text in guess.notes]
            if name in self.same_ids:
                told = f"the same as `{self.same_ids[name]}` in every row, yet made up by itself; use kind: drop"
                notes.append(Note(self.table.name, name, told))
            if kept := [token for token in self.missing.kept.get(name, ()) if self._may_name(name, token)]:
                words = " and ".join(f'"{token}"' for token in kept)
                told = f"{words} counts as a value; add it to `missing` if it means missing"
                notes.append(Note(self.table.name, name, told))
            if numbers := self.missing.numbers.get(name):
                told = f"{', '.join(numbers)} stands apart from the other numbers; taken for missing"
                notes.append(Note(self.table.name, name, told))
        return notes

    def _may_name(self, name: str, token: str) -> bool:
        column = self.everything[name]
        return bool((column.people[column.among([token])] >= self.rare_below).any())


def _is_place(column: Column) -> bool:
    return isinstance(column, Fake) and column.provider == "city"
