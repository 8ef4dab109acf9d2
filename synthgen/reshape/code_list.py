"""Several codes in one cell (``I10, E11.9``) become one column per position, and one cell again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

#: Positions that are kept apart; what stands behind them in a longer cell is not learned.
MOST_CODES = 8


@dataclass(frozen=True)
class CodeList:
    """A declaration: the cells of ``column`` hold codes between ``separator``.

    Attributes:
        missing: the texts that mean missing. One of them may only be the whole cell, and so stands in the first
            position alone; among codes it says nothing.
    """

    column: str
    separator: str
    missing: tuple[str, ...] = ()

    @property
    def _tokens(self) -> frozenset[str]:
        return frozenset(token.strip() for token in self.missing) - {""}

    @property
    def positions(self) -> tuple[str, ...]:
        """The names of the columns that the codes go to."""
        return tuple(f"{self.column}[{i + 1}]" for i in range(MOST_CODES))

    def split(self, cells: pa.DictionaryArray) -> list[pa.DictionaryArray]:
        """One column per position, empty where a cell has fewer codes."""
        parts = [self._codes(text.strip()) for text in cells.dictionary.to_pylist()]
        columns: list[pa.DictionaryArray] = []
        for position in range(MOST_CODES):
            texts = [codes[position] if position < len(codes) else "" for codes in parts]
            distinct = pa.array(texts, pa.string()).dictionary_encode()
            columns.append(pa.DictionaryArray.from_arrays(distinct.indices.take(cells.indices), distinct.dictionary))
        return columns

    def _codes(self, cell: str) -> list[str]:
        if cell in self._tokens:  # before it is cut: the separator may be part of it
            return [cell]
        codes = [part.strip() for part in cell.split(self.separator.strip() or self.separator)]
        return [code for code in codes if code not in self._tokens] or codes[:1]

    def join(self, columns: Sequence[pa.DictionaryArray]) -> pa.DictionaryArray:
        """One cell per row; empty positions and repeated codes are left out, and all behind what means missing."""
        lists = [pc.cast(column, pa.string()) for column in columns]
        missing = pc.is_in(pc.utf8_trim_whitespace(lists[0]), pa.array(sorted(self._tokens), pa.string()))
        joined = lists[0]
        for i, codes in enumerate(lists[1:], 1):
            superfluous = pc.or_(missing, pc.equal(codes, ""))
            for earlier in lists[:i]:
                superfluous = pc.or_(superfluous, pc.equal(codes, earlier))
            longer = pc.binary_join_element_wise(joined, codes, self.separator)
            longer = pc.if_else(pc.equal(joined, ""), codes, longer)
            joined = pc.if_else(superfluous, joined, longer)
        return joined.dictionary_encode()
