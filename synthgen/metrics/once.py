"""What is computed once for all who ask, also where several threads ask at the same time."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from threading import RLock
from typing import Any, TypeVar, cast

T = TypeVar("T")


class Once:
    """Values by name. Who asks for one that is being computed waits for it; others do not."""

    def __init__(self) -> None:
        self._found: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, RLock] = {}
        self._lock = RLock()

    def put(self, what: Hashable, value: Any) -> None:
        """Give what is to be found under a name."""
        self._found[what] = value

    def __call__(self, what: Hashable, compute: Callable[[], T]) -> T:
        """What ``compute`` gives, from the first call under this name."""
        with self._lock:
            own = self._locks.setdefault(what, RLock())
        with own:
            if what not in self._found:
                self._found[what] = compute()
            return cast(T, self._found[what])
