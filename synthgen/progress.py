"""How long work tells what it is doing. The shell chooses what becomes of it; the core only reports."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeAlias

#: Called with the name of the step and the share of it that is done, from 0 to 1.
Progress: TypeAlias = Callable[[str, float], None]


def silent(step: str, done: float) -> None:
    """Report nothing: the default of every library call."""
