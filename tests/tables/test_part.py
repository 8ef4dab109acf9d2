"""Some rows of a table."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from synthgen.tables.memory import MemoryTable
from synthgen.tables.part import Part


def test_a_part_has_the_chosen_rows_of_every_block_and_no_other() -> None:
    whole = pa.table({"a": ["x", "y", "z", "x", "w"]})
    blocks = pa.Table.from_batches([batch for k in (0, 2, 4) for batch in whole.slice(k, 2).to_batches()])
    table = MemoryTable.from_arrow(blocks, "t")
    part = Part(table, np.array([True, False, False, True, True]))
    assert (part.name, part.columns, part.format) == (table.name, table.columns, table.format)
    for _ in range(2):  # as often as it is asked for
        assert [cell for block in part for cell in block.column(0).to_pylist()] == ["x", "x", "w"]
    other = Part(table, np.array([True, True, False, True, True]))
    assert len({table.digest(), part.digest(), other.digest()}) == 3
