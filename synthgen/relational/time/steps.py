"""Steps between moments as cells, beside the labels that stand where there is no moment."""

from __future__ import annotations

import re
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from synthgen.relational.time.moments import UNKNOWN, Hand, Moments

#: Written where a column does not apply: the first row has no row before it, the others have one.
NOT_HERE: Final = "·"
#: Written instead of a step of days where a row comes in the very moment that it is told by.
AT_ONCE: Final = "·="
#: Written instead of a step to the last moment of the patient, where that is told to the tick.
AT_LAST: Final = "·>"
#: A step, and a label that would read as one.
_STEP: Final = r"^(-?\d+)$"
_APART: Final = rf"^{NOT_HERE}(-?\d+)$"


def cells_of(
    numbers: NDArray[np.int64],
    labels: pa.DictionaryArray,
    unknown: NDArray[np.bool_],
    elsewhere: NDArray[np.bool_] | None = None,
    at_once: NDArray[np.bool_] | None = None,
    at_last: NDArray[np.bool_] | None = None,
) -> pa.DictionaryArray:
    """Whole numbers as text; where they are unknown the label, and where they do not apply ``NOT_HERE``.

    Where it is said of some that they come ``AT_ONCE`` or ``AT_LAST``, that.
    """
    plain = pa.array(np.where(unknown, 0, numbers)).dictionary_encode()
    apart = pc.replace_substring_regex(
        pc.utf8_trim_whitespace(labels.dictionary), pattern=_STEP, replacement=NOT_HERE + r"\1"
    )
    texts = pa.concat_arrays([plain.dictionary.cast(pa.string()), apart])
    indices = np.asarray(plain.indices).astype(np.int64)
    indices = np.where(unknown, len(plain.dictionary) + np.asarray(labels.indices), indices)
    for mark, where in ((AT_ONCE, at_once), (AT_LAST, at_last), (NOT_HERE, elsewhere)):
        if where is not None:
            texts = pa.concat_arrays([texts, pa.array([mark])])
            indices = np.where(where, len(texts) - 1, indices)
    distinct = texts.dictionary_encode()
    return pa.DictionaryArray.from_arrays(pa.array(np.asarray(distinct.indices)[indices]), distinct.dictionary)


def unlike_steps(labels: tuple[str, ...]) -> tuple[str, ...]:
    """Labels as they stand among steps: ``0`` may mean missing, and a step of 0 does not."""
    return tuple(re.sub(_STEP, NOT_HERE + r"\1", label) for label in labels)


def texts_of(
    hand: Hand, moments: Moments, labels: pa.StringArray, forms: NDArray[np.int64] | None = None
) -> pa.StringArray:
    """Moments as text, in the formats that ``forms`` names; where there is none the label, as far as it means that."""
    known = moments != UNKNOWN
    texts = hand.texts(np.where(known, moments, 0), forms)
    if known.all():
        return texts
    allowed = {*hand.missing, *hand.column.atoms} if hand.dated or hand.clocked else {*hand.missing}
    stand_in = next(iter(hand.missing), "")
    labels = pc.replace_substring_regex(labels, pattern=_APART, replacement=r"\1")
    told = pc.if_else(pc.is_in(labels, pa.array(sorted(allowed), pa.string())), labels, stand_in)
    return pc.if_else(pa.array(known), texts, told)
