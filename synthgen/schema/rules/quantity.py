"""What a column is in a rule: what it may be compared with, and what a constant beside it means."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

#: ``level``: texts in an order. ``text``: texts without one. ``id``: identifiers, made up anew. ``list``: several codes
#: in a cell. ``none``: what a rule cannot speak of. ``unknown``: the declaration is wrong, which is told there.
Sort: TypeAlias = Literal["number", "date", "datetime", "time", "level", "text", "id", "list", "none", "unknown"]

_SORTS: Final[dict[str, Sort]] = {
    "integer": "number",
    "number": "number",
    "date": "date",
    "datetime": "datetime",
    "time": "time",
    "ordinal": "level",
    "boolean": "text",
    "category": "text",
    "code": "text",
    "constant": "text",
    "id": "id",
    "fake": "none",
    "text": "none",
    "drop": "none",
}
_EPOCH: Final = datetime(1970, 1, 1)


@dataclass(frozen=True)
class Quantity:
    """What the values of a column, or of an expression, are.

    Attributes:
        levels: in their order, of a ``level``; those that there are, of a boolean; else none, which means any text.
        formats: of a ``date``, ``datetime`` or ``time``.
        low, high: the declared bounds of a number.
        whole: whether a number is a whole one.
    """

    sort: Sort
    levels: tuple[str, ...] = ()
    formats: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    whole: bool = False

    @classmethod
    def declared(cls, kind: Any, told: dict[str, Any]) -> Quantity:
        """What a column is by its declaration, which may be raw and wrong.

        Args:
            told: the other keys of the declaration, those that there are.
        """
        sort = _SORTS.get(kind, "unknown") if isinstance(kind, str) else "unknown"
        if sort == "text" and told.get("separator") is not None:
            return cls("list")
        levels: Sequence[Any] = ()
        if sort == "level":
            levels = told["order"] if isinstance(told.get("order"), list | tuple) else ()
        elif kind == "boolean":
            levels = [told.get("true"), told.get("false")]
        low, high = (_bound(told.get(key)) if sort == "number" else None for key in ("min", "max"))
        also = told.get("also")
        layouts = (told.get("format"), *(also if isinstance(also, list | tuple) else ()))
        return cls(
            sort,
            tuple(level for level in levels if isinstance(level, str)),
            tuple(layout for layout in layouts if isinstance(layout, str)),
            low,
            high,
            kind == "integer",
        )

    @property
    def moment(self) -> bool:
        """Whether it has a place on the calendar."""
        return self.sort in ("date", "datetime")

    @property
    def ordered(self) -> bool:
        """Whether one value can be below another."""
        return self.sort in ("number", "date", "datetime", "time", "level")

    @property
    def words(self) -> str:
        """What it is, for messages."""
        return {
            "date": "a date",
            "datetime": "a date with time",
            "time": "a time",
            "level": "an ordinal",
            "id": "an identifier",
        }.get(self.sort, f"a {self.sort}")

    def constant(self, text: str) -> float | str:
        """What a text means beside a value of this quantity: a number on its scale, or the text where it has none.

        Moments are seconds since 1970, times seconds since midnight, levels their place in the order.

        Raises:
            ValueError: it can be no such value; the message says why.
        """
        if self.levels and text not in self.levels:
            raise ValueError(f"'{text}' is none of its levels {', '.join(self.levels)}")
        if self.sort == "level":
            return float(self.levels.index(text))
        if self.sort in ("date", "datetime", "time"):
            seconds = (self._moment(text) - _EPOCH).total_seconds()
            return seconds % 86_400 if self.sort == "time" else seconds
        return text

    def _moment(self, text: str) -> datetime:
        """What the first format says that can read a text."""
        for layout in self.formats:
            try:
                return datetime.strptime(text, layout)
            except ValueError:
                continue
        raise ValueError(f"'{text}' is not written as {' or '.join(self.formats)}")


NUMBER: Final = Quantity("number")


def _bound(raw: Any) -> float | None:
    try:
        return None if raw is None else float(raw)
    except (TypeError, ValueError):
        return None
