"""Identifiers that hold what another identifier of the same row holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pyarrow as pa
import pyarrow.compute as pc


def find_same_ids(batches: Iterable[pa.RecordBatch], columns: Sequence[str], ids: Sequence[str]) -> dict[str, str]:
    """For each column that equals one before it in every row the first such column.

    Args:
        batches: the rows, which are read no further than some two columns are equal in all so far.
        columns: of the batches, in order.
        ids: the columns that are compared.
    """
    equal = {(early, late) for place, late in enumerate(ids) for early in ids[:place]}
    for batch in batches if equal else ():
        cells = {name: batch.column(columns.index(name)).cast(pa.string()) for name in ids}
        equal = {(early, late) for early, late in equal if pc.all(pc.equal(cells[early], cells[late])).as_py()}
        if not equal:
            break
    return {late: early for early, late in sorted(equal, key=lambda pair: ids.index(pair[0]), reverse=True)}
