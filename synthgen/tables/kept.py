"""Blocks that are kept after the first pass over a table where they fit in memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pyarrow as pa

#: Tables whose blocks take more bytes than this are read again on every pass.
KEEP_BYTES = 256 << 20


class Kept:
    """What a whole pass over one table has shown: its blocks where they fit in ``KEEP_BYTES``, and its soundness.

    Attributes:
        sound: set by the table once a slow check need not be repeated.
    """

    __slots__ = ("_blocks", "sound")

    def __init__(self) -> None:
        self.sound = False
        self._blocks: tuple[pa.RecordBatch, ...] | None = None

    def replay(self, read: Callable[[], Iterator[pa.RecordBatch]]) -> Iterator[pa.RecordBatch]:
        """The kept blocks, or those of ``read()``, kept on the way as long as they fit."""
        if self._blocks is not None:
            yield from self._blocks
            return
        room = KEEP_BYTES
        blocks: list[pa.RecordBatch] = []
        for block in read():
            room -= block.nbytes
            if room >= 0:
                blocks.append(block)
            else:
                blocks.clear()
            yield block
        if room >= 0:
            self._blocks = tuple(blocks)
