"""Whether every quote of a text stands where one opens or closes a cell, told at the speed of reading."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


class QuoteWatch:
    """Watches the quotes of a text that comes in chunks.

    In a well-formed text the first, third, fifth ... quote opens a cell, so it follows a delimiter, a line end or
    the quote before it (a doubled quote closes and opens again); the others close one, so a delimiter, a line end
    or a quote follows them. Any other text is in doubt: perhaps a quote in the middle of a bare cell, which is
    harmless, perhaps one that is never closed, which swallows rows.
    """

    def __init__(self, delimiter: str, quote: str) -> None:
        self._quote = quote.encode()
        self._edges = np.zeros(256, dtype=bool)
        self._edges[list(f"{delimiter}{quote}\r\n".encode())] = True
        self._before = b"\n"  # the last byte so far
        self._count = 0
        self._doubtful = False

    @property
    def doubtful(self) -> bool:
        """Whether the chunks so far, taken as the whole text, leave a doubt."""
        return self._doubtful or self._count % 2 == 1

    def see(self, chunk: bytes) -> None:
        """Take the next chunk of the text."""
        # the last byte waits for its successor
        text = self._before + chunk
        self._before = text[-1:]
        if self._doubtful or self._quote not in text:
            return
        bytes_ = np.frombuffer(text, dtype=np.uint8)
        at = np.flatnonzero(bytes_ == self._quote[0])
        at, closes_last = at[at > 0], self._closes_at_start(bytes_)
        opening, closing = at[self._count % 2 :: 2], at[1 - self._count % 2 :: 2]
        self._count += len(at)
        self._doubtful = closes_last or not (
            self._edges[bytes_[opening - 1]].all() and self._edges[bytes_[closing[closing + 1 < len(bytes_)] + 1]].all()
        )

    def _closes_at_start(self, bytes_: npt.NDArray[np.uint8]) -> bool:
        """Whether the waiting byte closes a cell and what follows is no edge."""
        closes = bytes_[0] == self._quote[0] and self._count % 2 == 0
        return bool(closes and len(bytes_) > 1 and not self._edges[bytes_[1]])
