"""What the rows of a table have to obey, and how rules see rows that are codes as yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.base import N_STYLES, Encoder
from synthgen.relational.codec import Codec
from synthgen.relational.time.folding import unfolded
from synthgen.relational.time.moments import Hand, Moments
from synthgen.relational.time.timeline import Timeline
from synthgen.reshape.computed import writer_of
from synthgen.reshape.operands import Operand
from synthgen.schema.column import Column
from synthgen.schema.rules import expression as ex


@dataclass(frozen=True, eq=False)
class Obedience:
    """What makes the rows of one table obey.

    Attributes:
        rules: what rows are judged by.
        limits: the share of rows that may break each.
        operands: how to read the columns of the rows themselves that the rules speak of.
        identities: the columns that hold the key of an ancestor's row.
        codec: between the codes that are drawn and their texts.
        encoders: those of its encoders, and those of which the texts are told, that the rules see.
        timeline: how the rows' moments become steps; ``None`` without any.
    """

    rules: tuple[ex.Expression, ...]
    limits: tuple[float, ...]
    operands: Mapping[str, Operand]
    identities: frozenset[str]
    codec: Codec
    encoders: tuple[str, ...]
    timeline: Timeline | None

    @classmethod
    def of(
        cls,
        rules: Mapping[ex.Expression, float | None],
        operands: Mapping[str, Operand],
        identities: Collection[str],
        codec: Codec,
        timeline: Timeline | None = None,
    ) -> Obedience:
        """What rows have to obey whose codes a codec has.

        Args:
            rules: with the share of real rows that break each; ``None`` where it is too small to tell.
        """
        encoders = dict.fromkeys(name for column in operands for name in behind(codec, timeline, column))
        return cls(
            tuple(rules),
            tuple(rate or 0.0 for rate in rules.values()),
            operands,
            frozenset(identities),
            codec,
            tuple(encoders),
            timeline,
        )

    def drawing(self, names: Collection[str]) -> Obedience:
        """The same for rows of which only some encoders' codes are drawn; the texts of others are told."""
        encoders = {name: encoder for name, encoder in self.codec.encoders.items() if name in names}
        return replace(self, codec=replace(self.codec, encoders=encoders))

    @cached_property
    def on_rows(self) -> tuple[int, ...]:
        """The rules on single rows."""
        return tuple(i for i, rule in enumerate(self.rules) if not isinstance(rule, ex.BETWEEN_ROWS))

    @cached_property
    def between_rows(self) -> tuple[int, ...]:
        """The rules that compare rows."""
        return tuple(i for i, rule in enumerate(self.rules) if isinstance(rule, ex.BETWEEN_ROWS))

    @cached_property
    def equating(self) -> bool:
        """Whether a rule says of two columns that they are equal."""
        parts = (part for rule in self.rules for part in ex.walk(rule) if isinstance(part, ex.Compare))
        return any(p.operator == "==" and ex.columns_of(p.left) and ex.columns_of(p.right) for p in parts)

    @cached_property
    def of_all(self) -> tuple[int, ...]:
        """The rules that compare the rows of all patients, so that blocks are made one after the other."""
        unique = ((i, self.rules[i]) for i in self.between_rows)
        return tuple(
            i
            for i, rule in unique
            if isinstance(rule, ex.Unique) and not {column.name for column in rule.columns} & self.identities
        )

    @cached_property
    def hands(self) -> dict[str, Hand]:
        """The columns of moments that steps tell."""
        return _hands(self.timeline)

    @cached_property
    def free(self) -> dict[str, Encoder]:
        """What writes the columns that may be changed for a rule's sake."""
        plan = self.codec.plan
        chosen = [name for name in self.operands if name not in plan.computed and name not in plan.determined]
        writers: dict[str, Encoder] = {n: self.codec.encoders[n] for n in chosen if n in self.codec.encoders}
        for name in (name for name in chosen if name in self.hands):
            writers[name] = writer_of(self.hands[name].kind, (0,) * N_STYLES)
        return writers

    def columns(
        self, texts: Mapping[str, pa.Array], moments: Moments, changed: Mapping[str, NDArray[np.object_]]
    ) -> dict[str, pa.Array]:
        """The columns that the texts of encoders give, moments among them, with what was changed in these."""
        whole = self.codec.columns_of(texts)
        if self.timeline is None:
            return whole
        if set(self.timeline.columns) <= set(texts):
            if self.timeline.absolute:
                moments = self.timeline.order.read(whole[self.timeline.order.name])
            whole |= unfolded(self.timeline, whole, moments)
        return self.codec.completed(with_changes(whole, changed))


def with_changes(cells: Mapping[str, pa.Array], changed: Mapping[str, NDArray[np.object_]]) -> dict[str, pa.Array]:
    """Some columns with what was changed in them; ``None`` where nothing was."""
    found = dict(cells)
    for name, texts in changed.items():
        known = np.array([text is not None for text in texts], bool)
        found[name] = pa.array(np.where(known, texts, objects(cells[name])), pa.string())
    return found


def objects(cells: pa.Array) -> NDArray[np.object_]:
    """Cells as an array of Python's texts."""
    return np.asarray(cells.cast(pa.string()).to_numpy(zero_copy_only=False), object)


def behind(codec: Codec, timeline: Timeline | None, column: str) -> tuple[str, ...]:
    """The encoders whose texts give a column, those of moments that steps tell included."""
    plan = codec.plan
    if timeline is not None and column in _hands(timeline):
        return (*([timeline.order.name] if timeline.absolute else []), *timeline.columns)
    if column in plan.determined:
        return behind(codec, timeline, plan.determined[column].by)
    if column in plan.computed:
        return (column, *(name for each in plan.computed[column].operands for name in behind(codec, timeline, each)))
    if column in plan.after:
        return (*behind(codec, timeline, plan.after[column]), column)
    return codec.encoders_of(column)


def _hands(timeline: Timeline | None) -> dict[str, Hand]:
    if timeline is None:
        return {}
    own = () if timeline.absolute else (timeline.order,)
    return {hand.name: hand for hand in (*own, *timeline.others)}


def kept_by_construction(rule: ex.Expression, columns: Mapping[str, Column], identities: Collection[str]) -> bool:
    """Whether a rule asks that identifiers differ that are made up anew, each for one row."""
    made_up = (columns[column.name].kind == "id" and column.name not in identities for column in ex.columns_of(rule))
    return isinstance(rule, ex.Unique) and any(made_up)
