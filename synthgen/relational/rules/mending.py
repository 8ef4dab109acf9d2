"""Rows that break a rule are mended by changes of single values, where that helps."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Final, TypeAlias

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from synthgen.encoding.base import Encoder
from synthgen.relational.rules.judge import Judge, Texts, Tries
from synthgen.relational.rules.obedience import objects
from synthgen.schema.rules import expression as ex
from synthgen.schema.rules.truth import Operands

#: Gives changes that may mend a rule: see ``synthgen.relational.rules.repair``.
Propose: TypeAlias = Callable[[ex.Expression, Texts, Operands, Mapping[str, Encoder]], Iterator[Texts]]
#: How many values of a row are changed one after the other for one rule's sake and another's.
_CHANGES: Final = 3


def mended(judge: Judge, tries: Tries, free: Mapping[str, Encoder], propose: Propose) -> Tries:
    """Change values, each where one rule less is broken with it and none that was not.

    Args:
        free: what writes the columns that may be changed.
    """
    for _ in range(_CHANGES):
        cells = judge.of.columns(tries.texts, tries.moments, tries.changed)
        operands = judge.read(tries, cells)
        broken, _ = judge.broken(tries, operands)
        before, still = {name: objects(cells[name]) for name in free}, broken.copy()
        for i in np.flatnonzero(broken.any(axis=0)).tolist():
            for change in propose(judge.of.rules[i], before, operands, free):
                tried = np.flatnonzero(broken[:, i])
                if not len(tried):
                    break
                changed = _changed(judge, tries.at(tried), {name: text[tried] for name, text in change.items()})
                after, _ = judge.broken(changed, judge.operands(changed))
                stands = ~after[:, i] & ~(after & ~broken[tried]).any(axis=1)
                tries = _with(tries, tried[stands], changed.at(np.flatnonzero(stands)), change)
                broken[tried[stands]] = after[stands]
        if not broken.any() or np.array_equal(broken, still):
            break
    return tries


def _changed(judge: Judge, tries: Tries, change: Texts) -> Tries:
    """Some rows with other values, by column."""
    texts, moments, changed = dict(tries.texts), tries.moments, dict(tries.changed)
    for name, text in change.items():
        hand = judge.of.hands.get(name)
        if hand is None:
            texts[name] = pa.array(text, pa.string())
        elif judge.of.timeline is not None and hand is judge.of.timeline.order:
            moments = hand.read(pa.array(text, pa.string()))
        else:
            changed[name] = text
    return replace(tries, texts=texts, moments=moments, changed=changed)


def _with(tries: Tries, which: NDArray[np.int64], changed: Tries, names: Mapping[str, object]) -> Tries:
    """Rows of which some were changed."""
    texts, moments, beside = dict(tries.texts), tries.moments.copy(), dict(tries.changed)
    for name in names:
        if name in texts:
            own = objects(texts[name]).copy()
            own[which] = objects(changed.texts[name])
            texts[name] = pa.array(own, pa.string())
        if name in changed.changed:
            beside[name] = beside.get(name, np.full(len(tries.rows), None, object)).copy()
            beside[name][which] = changed.changed[name]
    moments[which] = changed.moments
    return replace(tries, texts=texts, moments=moments, changed=beside)
