"""What rows of a flat table are told of their place among their patient's."""

from __future__ import annotations

import numpy as np

from synthgen.encoding.domain import UNOBSERVED, Domain, Scale
from synthgen.relational.flat.past import Past
from synthgen.relational.told.history import Memory

DRUG = Domain("drug", "drug", 3, Scale.ORDERED)
PAST = Past(Memory((DRUG,), main=None, followed=(), value=None, told=(0,), recent=1, spans=(1, 2)))


def test_a_row_knows_how_many_come_before_and_after_and_what_the_last_one_was() -> None:
    """A patient of three rows and one of a single row."""
    told = PAST.told(np.array([[2], [0], [1], [1]], np.int32), np.array([0, 0, 0, 1]))
    names = [domain.name for domain in PAST.domains]
    assert names == ["rows before", "rows after", "drug before"]
    assert told.tolist() == [[0, 2, UNOBSERVED], [1, 1, 2], [2, 0, 0], [0, 0, UNOBSERVED]]


def test_first_rows_know_how_many_will_come() -> None:
    assert PAST.nothing(np.array([3, 1])).tolist() == [[0, 2, UNOBSERVED], [0, 0, UNOBSERVED]]
