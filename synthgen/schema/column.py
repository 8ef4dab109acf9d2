"""The kinds that a column can have, and what each needs to be told."""

from __future__ import annotations

import re
from abc import ABC
from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import Discriminator, Field, field_validator, model_validator

from synthgen.schema.part import DataText, Part

_YEAR = frozenset("YyGcx")
_DATE_ONLY = frozenset("YyGmdbBjaAuUwWVcx")
_TIME_ONLY = frozenset("HIMSfpzZcX")
_LOCALE = re.compile(r"[a-z]{2,3}(_[A-Z][A-Za-z]{1,3})?")
_DIRECTIVE = re.compile(r"%(.)", re.DOTALL)


class ColumnBase(Part, ABC):
    """What a column of any kind may say.

    Attributes:
        missing: the texts that mean missing in this column; ``None`` means those of the table.
        determined_by: a column whose value fixes the value of this one.
    """

    missing: tuple[DataText, ...] | None = Field(None, description="Texts that mean missing, instead of the table's.")
    determined_by: str | None = Field(None, description="A column whose value fixes the value of this one.")


class Category(ColumnBase):
    """Named levels without an order. Levels of too few patients are merged into ``other``, or given up without it."""

    kind: Literal["category"] = "category"
    other: DataText | None = Field("other", description="What rare levels are merged into; empty: nothing.")


class Ordinal(ColumnBase):
    """Named levels in an order, all of them given, lowest first."""

    kind: Literal["ordinal"] = "ordinal"
    order: tuple[DataText, ...] = Field(min_length=1, description="All levels, lowest first.")

    @model_validator(mode="after")
    def _no_repeats(self) -> Self:
        _refuse_repeats("order", self.order)
        return self


class Code(ColumnBase):
    """Clinical codes; ``separator`` stands between several codes in one cell."""

    kind: Literal["code"] = "code"
    system: Literal["icd9", "icd10", "atc", "ops", "sks", "other"] = Field("other", description="The coding system.")
    separator: DataText | None = Field(None, min_length=1, description="What stands between codes in one cell.")
    other: DataText | None = Field("other", description="What rare codes of no parent are merged into; empty: nothing.")


class Boolean(ColumnBase):
    """Two texts, one for true and one for false."""

    kind: Literal["boolean"] = "boolean"
    true: DataText = Field(description="The text that means true.")
    false: DataText = Field(description="The text that means false.")

    @model_validator(mode="after")
    def _differ(self) -> Self:
        if self.true == self.false:
            raise ValueError(f'`true` and `false` are both "{self.true}"; give two different texts')
        return self


class Computable(ColumnBase, ABC):
    """What a column of numbers or moments may say.

    Attributes:
        computed: how it follows from other columns, in the language of ``synthgen.schema.rules``.
    """

    computed: str | None = Field(None, description="How it follows from other columns: weight / height ** 2.")


class Integer(Computable):
    """Whole numbers; ``atoms`` are text results such as ``neg``, kept as they are.

    Attributes:
        unit_of: the column that says in which unit each number is, or of what it is one: each has its own scale.
        words: whether any text may stand among the numbers; those of too few patients are never generated.
    """

    kind: Literal["integer"] = "integer"
    unit_of: str | None = Field(None, description="The column that says what, or in which unit, each number is.")
    min: int | None = Field(None, description="The smallest value that makes sense.")
    max: int | None = Field(None, description="The largest value that makes sense.")
    atoms: tuple[DataText, ...] = Field((), description="Text results that stand among the numbers.")
    words: bool = Field(False, description="Whether any text may stand among the numbers, undeclared.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _refuse_crossed(self.min, self.max)
        _refuse_repeats("atoms", self.atoms)
        return self


class Number(Computable):
    """Numbers written with ``decimals`` decimals; ``None`` means as each value has them.

    Attributes:
        unit_of: the column that says in which unit each number is, or of what it is one: each has its own scale.
        words: whether any text may stand among the numbers; those of too few patients are never generated.
    """

    kind: Literal["number"] = "number"
    unit_of: str | None = Field(None, description="The column that says what, or in which unit, each number is.")
    decimals: int | None = Field(None, ge=0, le=15, description="How many decimals are written.")
    min: float | None = Field(None, description="The smallest value that makes sense.")
    max: float | None = Field(None, description="The largest value that makes sense.")
    atoms: tuple[DataText, ...] = Field((), description="Text results that stand among the numbers.")
    words: bool = Field(False, description="Whether any text may stand among the numbers, undeclared.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        _refuse_crossed(self.min, self.max)
        _refuse_repeats("atoms", self.atoms)
        return self


class Moment(Computable, ABC):
    """What a column of days, with or without a time, may say.

    Attributes:
        format: as Python's strptime reads it.
        also: further formats, such as those of dates of which the month or the day is not known; what a format leaves
            open is read as early as it can be.
    """

    format: DataText
    also: tuple[DataText, ...] = Field((), description="Further formats that some cells have, such as %Y alone.")
    atoms: tuple[DataText, ...] = Field((), description="Texts that are not to be read as dates.")

    @property
    def formats(self) -> tuple[str, ...]:
        """All formats, the first before others."""
        return (self.format, *self.also)


class Date(Moment):
    """Days; ``atoms`` are dates that mean something else, such as ``9999-12-31``."""

    kind: Literal["date"] = "date"
    format: DataText = Field("%Y-%m-%d", description="As Python's strptime reads it.")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for layout in self.formats:
            _refuse_without_year(layout)
            if _directives(layout) & _TIME_ONLY:
                raise ValueError(f'format "{layout}" has a time of day; use kind: datetime')
        _refuse_repeats("also", self.formats)
        _refuse_repeats("atoms", self.atoms)
        return self


class Datetime(Moment):
    """Days with a time of day."""

    kind: Literal["datetime"] = "datetime"
    format: DataText = Field("%Y-%m-%d %H:%M:%S", description="As Python's strptime reads it.")

    @model_validator(mode="after")
    def _readable(self) -> Self:
        for layout in self.formats:
            _refuse_without_year(layout)
        if not any(_directives(layout) & _TIME_ONLY for layout in self.formats):
            raise ValueError(f'format "{self.format}" has no time of day; add one or use kind: date')
        _refuse_repeats("also", self.formats)
        _refuse_repeats("atoms", self.atoms)
        return self


class Time(ColumnBase):
    """Times of day without a date, or hours and minutes since something, which may go beyond a day."""

    kind: Literal["time"] = "time"
    format: DataText = Field("%H:%M", description="As Python's strptime reads it.")
    atoms: tuple[DataText, ...] = Field((), description="Texts that are not to be read as times.")

    @property
    def formats(self) -> tuple[str, ...]:
        """The one format, as a column of days has them."""
        return (self.format,)

    @model_validator(mode="after")
    def _readable(self) -> Self:
        directives = _directives(self.format)
        if directives & _DATE_ONLY:
            raise ValueError(f'format "{self.format}" has a date; use kind: datetime')
        if not directives & _TIME_ONLY:
            raise ValueError(f'format "{self.format}" has no time of day; write for example %H:%M')
        _refuse_unreadable(self.format)
        _refuse_repeats("atoms", self.atoms)
        return self


class Id(ColumnBase):
    """Identifiers: regenerated in the shape of the originals, never learned."""

    kind: Literal["id"] = "id"


class Fake(ColumnBase):
    """Made-up values of a Faker provider, which never depend on the data.

    Attributes:
        sex: the column that a made-up name agrees with.
    """

    kind: Literal["fake"] = "fake"
    provider: str = Field(description="A Faker provider, for example name.")
    locale: str = Field("en_US", description="A Faker locale, for example nb_NO.")
    sex: str | None = Field(None, description="The column that a made-up name agrees with.")

    @field_validator("provider")
    @classmethod
    def _a_method(cls, provider: str) -> str:
        if not provider.isidentifier():
            raise ValueError(f'"{provider}" is not a Faker provider; write for example name, first_name or city')
        return provider

    @field_validator("locale")
    @classmethod
    def _a_locale(cls, locale: str) -> str:
        if not _LOCALE.fullmatch(locale):
            raise ValueError(f'"{locale}" is not a locale; write it like nb_NO')
        return locale


class Constant(ColumnBase):
    """The same value in every row."""

    kind: Literal["constant"] = "constant"


class Text(ColumnBase):
    """Free text: the column is kept, its cells come out empty."""

    kind: Literal["text"] = "text"


class Drop(ColumnBase):
    """A column that is left out of the output."""

    kind: Literal["drop"] = "drop"


Column = Annotated[
    Category
    | Ordinal
    | Code
    | Boolean
    | Integer
    | Number
    | Date
    | Datetime
    | Time
    | Id
    | Fake
    | Constant
    | Text
    | Drop,
    Discriminator("kind"),
]
"""A column of any kind; ``kind`` says which."""


def _refuse_repeats(key: str, texts: tuple[str, ...]) -> None:
    repeated = sorted({text for text in texts if texts.count(text) > 1})
    if repeated:
        raise ValueError(f"{key} repeats {', '.join(repeated)}; name each once")


def _refuse_crossed(low: float | None, high: float | None) -> None:
    if low is not None and high is not None and low > high:
        raise ValueError(f"min {low} is above max {high}; exchange or correct them")


def _directives(pattern: str) -> set[str]:
    return set(_DIRECTIVE.findall(pattern))


def _refuse_without_year(pattern: str) -> None:
    if not _directives(pattern) & _YEAR:
        raise ValueError(f'format "{pattern}" has no year; add %Y')
    _refuse_unreadable(pattern)


def _refuse_unreadable(pattern: str) -> None:
    """Write a moment and read it back: what strptime cannot read is no format for reading."""
    try:
        datetime.strptime(datetime(2001, 12, 24, 18, 45, 56).strftime(pattern), pattern)
    except (ValueError, re.error):
        raise ValueError(f'format "{pattern}" is not one that strptime can read; use %Y %m %d %H %M %S') from None
