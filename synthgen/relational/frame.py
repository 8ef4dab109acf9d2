"""One table of an extract between text and codes, and what generates its rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from synthgen.encoding.domain import Domain
from synthgen.encoding.numeric import NumericEncoder
from synthgen.models.base import FittedModel
from synthgen.relational.belonging.sharing import Sharing
from synthgen.relational.codec import Codec
from synthgen.relational.fold import Additions, panel_of
from synthgen.relational.time.calendar import Calendar
from synthgen.relational.time.timeline import Timeline
from synthgen.relational.told.history import Memory
from synthgen.relational.told.surroundings import Surroundings


@dataclass(frozen=True, eq=False)
class Frame:
    """A table between text and codes, and what its rows are given.

    Attributes:
        codec: of the derived table (see ``synthgen.relational.fold``).
        added: what is derived beside the steps of time.
        timeline: how its moments become steps; ``None`` without any.
        surroundings: what its rows are given of other tables; ``None`` for patients and lookup tables.
        calendar: what they are given of time; ``None`` without a timeline.
        memory: what they are given of the rows before; ``None`` for patients and lookup tables.
    """

    codec: Codec
    added: Additions
    timeline: Timeline | None
    surroundings: Surroundings | None
    calendar: Calendar | None
    memory: Memory | None

    @cached_property
    def domains(self) -> tuple[Domain, ...]:
        """The domains of its own code columns, as the model takes them."""
        own = self.codec.domains if self.memory is None else self.memory.own_domains
        steps = () if self.timeline is None or self.timeline.absolute else (self.timeline.first, self.timeline.gap)
        leading = (*map(panel_of, self.added.panelled), *self.added.subject, *steps)
        return tuple(replace(domain, leads=domain.owner in leading) for domain in own)

    def column(self, owner: str) -> int:
        """The first code column of a derived column."""
        return [domain.owner for domain in self.codec.domains].index(owner)

    def numeric(self, name: str) -> NumericEncoder:
        """The encoder of a derived column of whole numbers."""
        encoder = self.codec.encoders[name]
        assert isinstance(encoder, NumericEncoder)
        return encoder


@dataclass(frozen=True, eq=False)
class FittedTable(Frame):
    """What generates the rows of one table: its columns, given all that the frame says.

    Attributes:
        rates: the share of real rows that break each rule of the table; ``None`` where it is too small to tell.
        sharing: how its rows share numbers; ``None`` where they share none.
    """

    model: FittedModel
    rates: tuple[float | None, ...] = ()
    sharing: Sharing | None = None


def subjects_of(tables: Mapping[str, Frame], lookups: Iterable[str]) -> dict[str, str]:
    """By lookup table the column that says what its rows are about."""
    return {name: tables[name].added.subject[0] for name in lookups if tables[name].added.subject}
