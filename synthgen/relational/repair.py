"""Changes of single values that may make a row obey a rule: exchange two, set one to what it is compared with, or none.

They are for the few rows for which drawing again found nothing. Which of them is right, the caller finds out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from synthgen.encoding.base import Encoder
from synthgen.encoding.leveled import LeveledEncoder
from synthgen.encoding.numeric import NumericEncoder
from synthgen.encoding.temporal import TemporalEncoder
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Operands, Values, values

Texts = Mapping[str, NDArray[np.object_]]


def repairs(
    rule: ex.Expression,
    texts: Texts,
    operands: Operands,
    encoders: Mapping[str, Encoder],
    rng: np.random.Generator,
) -> Iterator[dict[str, NDArray[np.object_]]]:
    """The changes of one row, by column, those that keep most first.

    Args:
        texts: what stands in the row, arrays of one entry.
        operands: the same, and the patient's, as values.
        encoders: of the columns that may be changed.
    """
    parts = [part for whole in ex.walk(rule) for part in _compared(whole)]
    for part in parts:
        yield from _exchanged(part, texts, operands, encoders)
    for part in parts:
        yield from _set(part.left, part.right, operands, encoders)
        yield from _set(part.right, part.left, operands, encoders)
    for choice in (part for part in ex.walk(rule) if isinstance(part, ex.OneOf)):
        yield from _chosen(choice, encoders, rng)
    for column in ex.columns_of(rule):
        if column.name in encoders and (tokens := _tokens(encoders[column.name])):
            yield {column.name: _text(tokens[0])}


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
        both = left.name in encoders and right.name in encoders
        if both and operands[left].quantity == operands[right].quantity and part.operator not in ("==", "!="):
            yield {left.name: texts[right.name], right.name: texts[left.name]}


def _set(
    column: ex.Expression, to: ex.Expression, operands: Operands, encoders: Mapping[str, Encoder]
) -> Iterator[dict[str, NDArray[np.object_]]]:
    if not isinstance(column, ex.Column) or column.name not in encoders:
        return
    encoder = encoders[column.name]
    if isinstance(to, ex.Text):
        if not isinstance(encoder, LeveledEncoder) or to.value in encoder.levels:
            yield {column.name: _text(to.value)}
        return
    meant = values(to, operands)
    if np.isnan(meant.numbers[0]):
        return
    if isinstance(encoder, NumericEncoder | TemporalEncoder):
        yield {column.name: np.asarray(encoder.written(meant.numbers).to_numpy(zero_copy_only=False), object)}
    elif isinstance(encoder, LeveledEncoder) and (text := _label(meant)) in encoder.levels:
        yield {column.name: _text(text)}


def _label(of: Values) -> str:
    labels = of.labels or of.quantity.levels
    return labels[int(of.numbers[0])] if labels else ""


def _chosen(
    choice: ex.OneOf, encoders: Mapping[str, Encoder], rng: np.random.Generator
) -> Iterator[dict[str, NDArray[np.object_]]]:
    """Combinations in a random order."""
    for at in rng.permutation(len(choice.combinations)).tolist():
        pairs = list(zip(choice.values, choice.combinations[at], strict=True))
        changed = {c.name: _text(t.value) for c, t in pairs if isinstance(c, ex.Column) and isinstance(t, ex.Text)}
        known = (
            isinstance(of := encoders.get(name), LeveledEncoder) and text[0] in of.levels
            for name, text in changed.items()
        )
        if len(changed) == len(pairs) and all(known):
            yield changed


def _tokens(encoder: Encoder) -> tuple[str, ...]:
    return encoder.tokens.kept if isinstance(encoder, LeveledEncoder | NumericEncoder | TemporalEncoder) else ()


def _text(text: str) -> NDArray[np.object_]:
    found = np.empty(1, object)
    found[0] = text
    return found
