"""Changes of single values that may make rows obey a rule: exchange two, set one to what it is compared with, or none.

They are for the few rows for which drawing again found nothing. Which of them helps a row, the caller finds out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.base import Encoder
from synthgen.encoding.leveled import LeveledEncoder
from synthgen.encoding.numeric import NumericEncoder
from synthgen.encoding.since import SinceEncoder
from synthgen.encoding.temporal import TemporalEncoder
from synthgen.encoding.until import UntilEncoder
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Operands, values

Texts = Mapping[str, NDArray[np.object_]]


def repairs(
    rule: ex.Expression,
    texts: Texts,
    operands: Operands,
    encoders: Mapping[str, Encoder],
    rng: np.random.Generator,
) -> Iterator[dict[str, NDArray[np.object_]]]:
    """The changes of some rows, by column, those that keep most first; an entry that stays as it is has no change.

    Args:
        texts: what stands in the rows.
        operands: the same, and the patients', as values.
        encoders: of the columns that may be changed.
    """
    parts = [part for whole in ex.walk(rule) for part in _compared(whole)]
    for part in parts:
        yield from _exchanged(part, texts, operands, encoders)
    for part in parts:
        yield from _set_either(part, texts, operands, encoders)
    for choice in (part for part in ex.walk(rule) if isinstance(part, ex.OneOf)):
        yield from _chosen(choice, texts, encoders, rng)
    for column in ex.columns_of(rule):
        if _free(column, encoders) and (tokens := _tokens(encoders[column.name])):
            yield {column.name: _everywhere(tokens[0], texts[column.name])}


def equalities(
    rule: ex.Expression, texts: Texts, operands: Operands, encoders: Mapping[str, Encoder]
) -> Iterator[dict[str, NDArray[np.object_]]]:
    """Those changes that a rule asks for by name: of two columns that it says are equal, the one set to the other.

    Drawn again, such rows would hardly ever obey, and what stands in them would be lost for it: where a finding says
    that two days are the same, the finding stays and one of the days follows.
    """
    for part in (part for whole in ex.walk(rule) for part in _compared(whole) if part.operator == "=="):
        if ex.columns_of(part.left) and ex.columns_of(part.right):
            yield from _set_either(part, texts, operands, encoders)


def _compared(part: ex.Expression) -> Iterator[ex.Compare]:
    if isinstance(part, ex.Compare):
        yield part
    elif isinstance(part, ex.Between):
        yield ex.Compare("<=", part.low, part.value)
        yield ex.Compare("<=", part.value, part.high)


def _exchanged(
    part: ex.Compare, texts: Texts, operands: Operands, encoders: Mapping[str, Encoder]
) -> Iterator[dict[str, NDArray[np.object_]]]:
    left, right = part.left, part.right
    if isinstance(left, ex.Column) and isinstance(right, ex.Column):
        both = _free(left, encoders) and _free(right, encoders)
        if both and operands[left].quantity == operands[right].quantity and part.operator not in ("==", "!="):
            yield {left.name: texts[right.name], right.name: texts[left.name]}


def _set_either(
    part: ex.Compare, texts: Texts, operands: Operands, encoders: Mapping[str, Encoder]
) -> Iterator[dict[str, NDArray[np.object_]]]:
    yield from _set(part.left, part.right, texts, operands, encoders)
    yield from _set(part.right, part.left, texts, operands, encoders)


def _set(
    column: ex.Expression, to: ex.Expression, texts: Texts, operands: Operands, encoders: Mapping[str, Encoder]
) -> Iterator[dict[str, NDArray[np.object_]]]:
    if not isinstance(column, ex.Column) or not _free(column, encoders):
        return
    encoder, before = encoders[column.name], texts[column.name]
    if isinstance(to, ex.Text):
        if not isinstance(encoder, LeveledEncoder) or to.value in encoder.levels:
            yield {column.name: _everywhere(to.value, before)}
        return
    meant = values(to, operands)
    known = ~np.isnan(meant.numbers)
    changed = before.copy()
    if isinstance(encoder, NumericEncoder | TemporalEncoder | SinceEncoder | UntilEncoder):
        changed[known] = encoder.written(meant.numbers[known]).to_numpy(zero_copy_only=False)
        yield {column.name: changed}
    elif isinstance(encoder, LeveledEncoder) and (labels := meant.labels or meant.quantity.levels):
        places = np.where(known, meant.numbers, 0).astype(np.int64)
        for row in np.flatnonzero(known).tolist():
            if labels[places[row]] in encoder.levels:
                changed[row] = labels[places[row]]
        yield {column.name: changed}


def _chosen(
    choice: ex.OneOf, texts: Texts, encoders: Mapping[str, Encoder], rng: np.random.Generator
) -> Iterator[dict[str, NDArray[np.object_]]]:
    """Combinations in a random order."""
    for at in rng.permutation(len(choice.combinations)).tolist():
        pairs = list(zip(choice.values, choice.combinations[at], strict=True))
        changed = {
            c.name: t.value for c, t in pairs if isinstance(c, ex.Column) and c.table is None and isinstance(t, ex.Text)
        }
        known = (isinstance(of := encoders.get(n), LeveledEncoder) and text in of.levels for n, text in changed.items())
        if len(changed) == len(pairs) and all(known):
            yield {name: _everywhere(text, texts[name]) for name, text in changed.items()}


def _free(column: ex.Column, encoders: Mapping[str, Encoder]) -> bool:
    """Whether a column may be changed, which those of other rows may not."""
    return column.table is None and column.name in encoders


def _tokens(encoder: Encoder) -> tuple[str, ...]:
    encoder = encoder.wait if isinstance(encoder, SinceEncoder) else encoder
    encoder = encoder.length if isinstance(encoder, UntilEncoder) else encoder
    return encoder.tokens.kept if isinstance(encoder, LeveledEncoder | NumericEncoder | TemporalEncoder) else ()


def _everywhere(text: str, like: NDArray[np.object_]) -> NDArray[np.object_]:
    found = np.empty(len(like), object)
    found[:] = text
    return found
