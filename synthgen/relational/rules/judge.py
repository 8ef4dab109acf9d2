"""Rows that are tried, as the rules see them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.models.base import Codes
from synthgen.relational.rules.obedience import Obedience
from synthgen.relational.rules.real import is_open
from synthgen.relational.time.moments import Moments
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Operands, Values, truth

Texts: TypeAlias = dict[str, NDArray[np.object_]]


@dataclass(frozen=True, eq=False)
class Tries:
    """What rows might become; a row may have several tries.

    Attributes:
        rows: which row each try is of.
        codes, moments: as drawn.
        texts: what the codes were decoded to, by encoder, and what is told.
        changed: by column of moments, what was changed in it beside the steps; ``None`` where nothing was.
    """

    rows: NDArray[np.int64]
    codes: Codes
    moments: Moments
    texts: Mapping[str, pa.Array]
    changed: Texts

    def at(self, some: NDArray[np.int64]) -> Tries:
        """Some of them."""
        return Tries(
            self.rows[some],
            self.codes[some],
            self.moments[some],
            {name: cells.take(pa.array(some)) for name, cells in self.texts.items()},
            {name: cells[some] for name, cells in self.changed.items()},
        )


class Judge:
    """Tells which rules rows break, among them those that compare a row with others that are there already."""

    def __init__(
        self,
        of: Obedience,
        patient: NDArray[np.int64],
        above: Mapping[ex.Column, Values],
        identities: Mapping[str, NDArray[np.int64]],
        seen: dict[int, set[Any]],
    ) -> None:
        """No row is there; see ``Judged`` for what is told."""
        self.of, self._patient, self._above, self._identities = of, patient, above, identities
        self._seen: dict[int, set[Any]] = {i: set() for i in of.between_rows}
        self._seen |= {i: seen.setdefault(i, set()) for i in of.of_all}

    def operands(self, tries: Tries) -> dict[ex.Column, Values]:
        """The values of what the rules speak of."""
        return self.read(tries, self.of.columns(tries.texts, tries.moments, tries.changed))

    def read(self, tries: Tries, cells: Mapping[str, pa.Array]) -> dict[ex.Column, Values]:
        """The same, given the columns of the rows."""
        own = {ex.Column(name): operand.read(cells[name]) for name, operand in self.of.operands.items()}
        return own | {column: values.at(tries.rows) for column, values in self._above.items()}

    def broken(self, tries: Tries, operands: Operands) -> tuple[NDArray[np.bool_], dict[int, list[Any]]]:
        """Which rules each breaks, ``(n, n_rules)``, and by which it has to differ: see ``repeats``."""
        broken = np.zeros((len(tries.rows), len(self.of.rules)), bool)
        for i in self.of.on_rows:
            broken[:, i] = truth(self.of.rules[i], operands).fails
        keys = {i: self._keys(i, tries.rows, operands) for i in self.of.between_rows}
        for i, own in keys.items():
            broken[:, i] = [key is not None and key in self._seen[i] for key in own]
        return broken, keys

    def repeats(self, keys: Mapping[int, list[Any]], each: int) -> list[int]:
        """The rules by which a try may not be as it is, since a row is by now."""
        return [i for i, own in keys.items() if own[each] is not None and own[each] in self._seen[i]]

    def see(self, keys: Mapping[int, list[Any]], each: int) -> None:
        """A try becomes a row."""
        for i, own in keys.items():
            self._seen[i].add(own[each])

    def _keys(self, i: int, rows: NDArray[np.int64], operands: Operands) -> list[Any]:
        """What has to be different in each of some rows; ``None`` where a row is like no other."""
        rule = self.of.rules[i]
        if isinstance(rule, ex.AtMostOneOpen):
            pairs = zip(self._patient[rows].tolist(), is_open(rule, operands).tolist(), strict=True)
            return [person if opened else None for person, opened in pairs]
        assert isinstance(rule, ex.Unique)
        parts: list[list[Any]] = []
        for column in rule.columns:
            if column.name in self._identities:
                parts.append([n if n >= 0 else None for n in self._identities[column.name][rows].tolist()])
            else:
                of, labels = operands[column], operands[column].labels
                known = (None if np.isnan(number) else number for number in of.numbers.tolist())
                parts.append([n if n is None or not labels else labels[int(n)] for n in known])
        return [None if None in key else key for key in zip(*parts, strict=True)]
