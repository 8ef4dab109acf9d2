"""How many generated rows may still break each rule, so that no beginning of them holds more than real rows do."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


class Ledger:
    """The rows that were let through though they break rules, by their place in the output.

    Rows come in any order, and at any time no beginning of the places that have come holds more rows that break a rule
    than its limit, as a share of them. So a rate that the model has right stays, and one above the limit is cut to it.
    """

    def __init__(self, limits: NDArray[np.float64], place: NDArray[np.int64], sizes: NDArray[np.int64]) -> None:
        """Nothing has come.

        Args:
            limits: of each rule, the share of rows that may break it.
            place: of each row, where it stands in the output, from 0; several may stand in one place.
            sizes: how many rows each counts for.
        """
        self._limits, self._place, self._sizes = limits, place, sizes
        n_places = int(place.max(initial=-1)) + 1
        self._come = np.zeros(n_places, np.int64)
        self._let = np.zeros((len(limits), n_places), np.int64)
        self._slack = self._let.copy()

    def open(self, rows: NDArray[np.int64]) -> None:
        """These rows come."""
        np.add.at(self._come, self._place[rows], self._sizes[rows])
        if self._limits.any():
            allowed = np.floor(self._limits[:, None] * np.cumsum(self._come) + 1e-9).astype(np.int64)
            self._slack = allowed - np.cumsum(self._let, axis=1)

    def has_room(self, broken: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Which rows, by the rules that each breaks ``(n, n_rules)``, might be let through."""
        full = self._slack[:, -1] < 1 if self._slack.size else np.ones(len(self._limits), bool)
        return np.asarray(~(broken & full).any(axis=1))

    def lets(self, row: int, broken: NDArray[np.bool_]) -> bool:
        """Let a row through, if there is room for it; ``broken`` has one entry per rule."""
        which, place, size = np.flatnonzero(broken), self._place[row], self._sizes[row]
        if (self._slack[which, place:] < size).any():
            return False
        self._slack[which, place:] -= size
        self._let[which, place] += size
        return True
