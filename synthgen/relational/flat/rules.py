"""The rules of a flat table: its patients are judged by their own columns, then their rows beside them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.domain import Domain
from synthgen.models.base import Codes
from synthgen.relational.codec import Codec
from synthgen.relational.rules.judged import Judged, Timeless
from synthgen.relational.rules.obedience import Obedience, behind, kept_by_construction
from synthgen.relational.rules.raking import Raking
from synthgen.relational.rules.real import Rules
from synthgen.schema.rules import expression as ex


@dataclass(frozen=True, eq=False)
class FlatRules:
    """What makes the patients and the rows of a flat table obey.

    Attributes:
        persons: the rules that the patients' own columns decide; it sees all of these that any rule speaks of.
        rows: the others.
        rakings: how often draws of patients and of rows are looked at; ``None`` where all are.
    """

    persons: Obedience
    rows: Obedience
    rakings: tuple[Raking | None, Raking | None] = (None, None)

    @classmethod
    def of(cls, codec: Codec, personal: Sequence[int], stated: Rules, rates: Sequence[float | None]) -> FlatRules:
        """The rules of a table.

        Args:
            personal: the code columns that are the patients'.
            rates: of each stated rule, the share of real rows that break it; ``None`` where it is too small to tell.
        """
        patient, columns = stated.config.patient, stated.config.columns
        identities = () if patient is None else (patient,)
        own = {name for name, places in codec.places.items() if set(places) <= set(personal)}

        def is_personal(rule: ex.Expression) -> bool:
            seen = {name for column in ex.columns_of(rule) for name in behind(codec, None, column.name)}
            return not isinstance(rule, ex.BETWEEN_ROWS) and bool(own) and seen <= own

        kept = {
            rule: rate
            for rule, rate in zip(stated.expressions, rates, strict=True)
            if not kept_by_construction(rule, columns, identities)
        }
        parts = []
        for wanted, drawn in ((True, own), (False, set(codec.encoders) - own)):
            some = {rule: rate for rule, rate in kept.items() if is_personal(rule) == wanted}
            named = dict.fromkeys(column.name for rule in some for column in ex.columns_of(rule))
            operands = {name: stated.operands[name] for name in named if columns[name].kind != "id"}
            parts.append(Obedience.of(some, operands, identities, codec).drawing(drawn))
        seen = (*parts[0].encoders, *(name for name in parts[1].encoders if name in own))
        return cls(replace(parts[0], encoders=tuple(dict.fromkeys(seen))), parts[1])

    def raked(
        self,
        own: Sequence[Domain],
        persons: tuple[Codes, Codes],
        rest: Sequence[Domain],
        rows: tuple[Codes, Codes],
    ) -> FlatRules:
        """The same, so that patients and rows that obey keep margins.

        Args:
            own: of the code columns of the patients.
            persons: these as the model draws them, and of patients who obey.
            rest: of the other code columns.
            rows: the same of rows.
        """
        rakings = []
        for of, domains, (wanted, found) in ((self.persons, own, persons), (self.rows, rest, rows)):
            seen = [at for at, domain in enumerate(domains) if domain.owner in of.encoders]
            rakings.append(Raking.of(wanted, found, domains, seen) if of.on_rows else None)
        return replace(self, rakings=(rakings[0], rakings[1]))

    def settle_persons(
        self,
        own: Codes,
        numbers: NDArray[np.int64],
        again: Callable[[NDArray[np.int64]], Codes],
        rng: np.random.Generator,
        *,
        asked: frozenset[str],
    ) -> tuple[dict[str, pa.Array], NDArray[np.bool_]]:
        """Change the codes of patients until they obey; the texts that they were judged by, and who is left out.

        Args:
            own: codes of their columns, and of the numbers of their rows; changed in place.
            numbers: of their rows.
            again: draws codes for some of them, given the numbers of their rows.
            asked: the columns that conditions are set to.

        Raises:
            InputError: no patient obeys.
        """
        everyone, draw = np.arange(len(own)), Timeless(again)
        judged = Judged(self.persons, everyone, rng, place=everyone, sizes=numbers, asked=asked, raking=self.rakings[0])
        judged.settle(everyone, own, draw.moments(everyone), draw)
        judged.left("the patients")
        return judged.texts(everyone), judged.lost

    def rows_of(
        self,
        whose: NDArray[np.int64],
        persons: dict[str, pa.Array],
        rng: np.random.Generator,
        *,
        asked: frozenset[str],
        seen: dict[int, set[Any]],
    ) -> Judged:
        """What judges the rows of patients, of whom each row is one's.

        Args:
            persons: the texts that the patients were judged by.
            asked: the columns that conditions are set to.
            seen: by rule, what may not be repeated in any block.
        """
        told = {name: persons[name].take(pa.array(whose)) for name in self.rows.encoders if name in persons}
        identities = dict.fromkeys(self.rows.identities, whose)
        place = np.arange(len(whose))
        return Judged(
            self.rows,
            whose,
            rng,
            place=place,
            told=told,
            identities=identities,
            asked=asked,
            seen=seen,
            raking=self.rakings[1],
        )
