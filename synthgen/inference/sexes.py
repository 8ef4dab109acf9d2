"""Diagnoses that only one sex can have, where the rows bear it out: so that no generated man has cancer of the ovary.

Few patients have each of them, so that a model may not know; that a womb is a woman's is no finding of the data. Which
level of the column is which sex is told by who has the diagnoses, not by its name.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pyarrow as pa

from synthgen.encoding.clinical import SYSTEMS
from synthgen.inference.values import Values
from synthgen.schema.rules import expression as ex

#: Categories of ICD-10 by their first and last: of female and of male organs, of pregnancy and birth.
_FEMALE: Final = (("C51", "C58"), ("D25", "D28"), ("N70", "N98"), ("O00", "O99"))
_MALE: Final = (("C60", "C63"), ("D29", "D29"), ("N40", "N51"))
#: So many rows tell, and so many of them may be of the other sex, as mistakes are.
_TELLING: Final = 20
_MISTAKEN: Final = 0.005
#: Where nearly all are of one sex, its diagnoses show nothing.
_ONE_SEX: Final = 0.95


@dataclass(frozen=True)
class OfOneSex:
    """Diagnoses of a column that imply a sex, and the share of the rows with them that have it."""

    column: str
    implied: ex.Compare
    texts: tuple[str, ...]
    share: float

    @property
    def rule(self) -> str:
        """In the language of rules."""
        listed = ex.OneOf((ex.Column(self.column),), tuple((ex.Text(text),) for text in self.texts))
        return str(ex.Implies(listed, self.implied))


def rules_of_sexes(
    blocks: Iterable[pa.RecordBatch],
    columns: Sequence[str],
    sex: str,
    diagnoses: Mapping[str, str],
    held: Mapping[str, Values],
    rare_below: int,
) -> list[OfOneSex]:
    """The rules of a table, for each column of diagnoses one of women and one of men.

    Args:
        columns: of the blocks, in order.
        sex: the column that tells it.
        diagnoses: columns of one code in a cell, with their systems.
        held: the distinct texts of all these columns; those of fewer than ``rare_below`` patients are not named.
    """
    rows: dict[str, dict[tuple[str, str], int]] = {name: defaultdict(int) for name in diagnoses}
    of_sexes = dict(zip(held[sex].stripped.to_pylist(), held[sex].counts.tolist(), strict=True))
    for block in blocks:
        sexes = block.column(columns.index(sex))
        for name, counts in rows.items():
            _count(block.column(columns.index(name)), sexes, counts)
    found = []
    for name, system in diagnoses.items():
        for ranges in (_FEMALE, _MALE):
            texts = _named(held[name], system, ranges, rare_below)
            told = dict.fromkeys(of_sexes, 0)
            for (code, level), n in rows[name].items():
                if level in told and _is_within(code, system, ranges):
                    told[level] += n
            if texts and (rule := _ruled(name, texts, sex, told, of_sexes)) is not None:
                found.append(rule)
    return found


def _ruled(
    name: str, texts: Sequence[str], sex: str, told: Mapping[str, int], of_sexes: Mapping[str, int]
) -> OfOneSex | None:
    level, total = max(told, key=lambda each: told[each]), sum(told.values())
    one_sex = of_sexes[level] > _ONE_SEX * sum(of_sexes.values())
    if total < _TELLING or one_sex or told[level] < (1 - _MISTAKEN) * total:
        return None
    return OfOneSex(name, ex.Compare("==", ex.Column(sex), ex.Text(level)), tuple(texts), told[level] / total)


def _count(codes: pa.DictionaryArray, sexes: pa.DictionaryArray, counts: dict[tuple[str, str], int]) -> None:
    """Count the rows of a block by both texts."""
    width = max(len(sexes.dictionary), 1)
    pairs = np.asarray(codes.indices).astype(np.int64) * width + np.asarray(sexes.indices)
    names = [text.strip() for text in codes.dictionary.to_pylist()], [t.strip() for t in sexes.dictionary.to_pylist()]
    for pair, n in zip(*np.unique(pairs, return_counts=True), strict=True):
        counts[names[0][pair // width], names[1][pair % width]] += int(n)


def _named(held: Values, system: str, ranges: Sequence[tuple[str, str]], rare_below: int) -> list[str]:
    """Codes that enough patients have, and the coarser ones that rare ones may become."""
    people: dict[str, int] = defaultdict(int)
    for code, n in zip(held.stripped.to_pylist(), held.people.tolist(), strict=True):
        coarser: str | None = code if _is_within(code, system, ranges) else None
        while coarser is not None:
            # Some patients may have two codes beneath a coarser one, and count twice.
            people[coarser] += 2 * n if coarser == code else n
            coarser = SYSTEMS[system].parent(coarser)
    return sorted(code for code, n in people.items() if n >= 2 * rare_below)


def _is_within(code: str, system: str, ranges: Sequence[tuple[str, str]]) -> bool:
    category = SYSTEMS[system].category(code).upper()
    category = category[1:] if system == "sks" else category
    return any(first <= category <= last for first, last in ranges)
