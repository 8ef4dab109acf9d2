"""The domain of a code column: all that a model may know about the values behind the codes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: The code of a cell about which nothing is known. It may be learned from (as unobserved) but is never generated.
UNOBSERVED = -1


class Scale(StrEnum):
    """What arithmetic the codes of a column bear."""

    NOMINAL = "nominal"
    ORDERED = "ordered"
    NUMERIC = "numeric"


@dataclass(frozen=True, slots=True)
class Domain:
    """What the codes ``0 .. size-1`` of one code column mean.

    Attributes:
        name: unique among the code columns of a table, for example ``"admitted_at.week"``.
        owner: the column of the table that these codes encode.
        size: the number of codes.
        scale: whether the regular codes are nominal, ordered or numeric.
        special: codes that stand outside the scale, sorted: reasons for missing and text results such as ``neg``.
        missing: those of ``special`` that mean missing.
        positions: for numeric scales one position per code (the middle of its bin, in the column's unit;
            0 for special codes); empty otherwise.
        widths: how many values of a fixed grid each code stands for, 0 for special codes; empty where there is none.
        parents: for hierarchies, one group number per code and level, coarsest level first, the code itself last;
            empty otherwise.
        system: the coding system; columns of one system number their groups alike, so that the same code in two of
            them can be told. Empty where ``parents`` is.
        target: whether these codes are of the column that is to be predicted: where a model cannot keep everything,
            what goes together with them matters most.
        leads: whether these codes are drawn before all others where a model has an order, because which of them are
            possible is told row by row.
        unit: the column that says what the codes mean, one thing for each of its values; empty for most. A model with
            an order draws that one before.
        about: a column, and the code of it about which alone these codes say something, such as the last value of one
            quantity. What has that column for its unit is told by them directly.
        earlier: the code column of which these are the codes of a row before, each meaning the same; empty for most.
    """

    name: str
    owner: str
    size: int
    scale: Scale
    special: tuple[int, ...] = ()
    missing: tuple[int, ...] = ()
    positions: tuple[float, ...] = ()
    parents: tuple[tuple[int, ...], ...] = ()
    system: str = ""
    target: bool = False
    leads: bool = False
    unit: str = ""
    about: tuple[str, int] | None = None
    earlier: str = ""
    widths: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"domain {self.name}: needs at least one code")
        if not set(self.missing) <= set(self.special) <= set(range(self.size)):
            raise ValueError(f"domain {self.name}: missing codes must be special codes, special codes below size")
        if self.positions and len(self.positions) != self.size:
            raise ValueError(f"domain {self.name}: {len(self.positions)} positions for {self.size} codes")
        if self.widths and len(self.widths) != self.size:
            raise ValueError(f"domain {self.name}: {len(self.widths)} widths for {self.size} codes")
        if any(len(level) != self.size for level in self.parents):
            raise ValueError(f"domain {self.name}: every level of parents needs one group per code")
