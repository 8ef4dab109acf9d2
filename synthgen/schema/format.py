"""How the text files of an extract are written."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from synthgen.schema.part import DataText, Part


class Format(Part):
    r"""The dialect of a text file.

    Attributes:
        decimal: the decimal mark.
        thousands: the mark between thousands; empty where there is none.
        encoding: a Python codec name.
        preamble: how many lines stand before the header (a ``sep=;`` line counts).
        newline: ``"\n"`` or ``"\r\n"``.
        quoted: whether every cell stands in quotes, or only those that would not be read back without.
    """

    delimiter: DataText = Field(",", min_length=1, max_length=1, description="What stands between cells.")
    decimal: Literal[".", ","] = Field(".", description="The decimal mark.")
    thousands: DataText = Field("", max_length=1, description="The mark between thousands; empty for none.")
    encoding: str = Field("utf-8", description="A Python codec name: utf-8, utf-8-sig, utf-16, cp1252 ...")
    quote: DataText = Field('"', min_length=1, max_length=1, description="What stands around a cell.")
    preamble: int = Field(0, ge=0, description="How many lines stand before the header.")
    newline: Literal["\n", "\r\n"] = Field("\n", description="How lines end.")
    quoted: bool = Field(False, description="Whether every cell stands in quotes.")

    @field_validator("encoding")
    @classmethod
    def _known_codec(cls, name: str) -> str:
        try:
            "".encode(name)  # codecs.lookup would also find codecs that are no encodings of text, such as hex
        except (LookupError, ValueError):
            raise ValueError(f'"{name}" is not an encoding; use utf-8, utf-8-sig, utf-16, cp1252 or latin-1') from None
        return name

    @model_validator(mode="after")
    def _marks_differ(self) -> Self:
        if self.decimal == self.delimiter:
            raise ValueError(f'decimal and delimiter are both "{self.decimal}"; correct one')
        if self.thousands == self.decimal:
            raise ValueError(f'thousands and decimal are both "{self.decimal}"; correct one')
        if self.quote == self.delimiter:
            raise ValueError(f"quote and delimiter are both {self.quote!r}; correct one")
        return self
