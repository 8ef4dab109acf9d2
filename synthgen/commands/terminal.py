"""How commands show progress and results: on a terminal only, and never on standard output."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from synthgen.progress import Progress as Report
from synthgen.progress import silent

#: For people; results that programs read go to files.
errors = Console(stderr=True, highlight=False, soft_wrap=True)


@contextmanager
def shown() -> Iterator[Report]:
    """A progress line while the block runs, where standard error is a terminal."""
    if not errors.is_terminal:
        yield silent
        return
    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=errors, transient=True) as bars:
        task = bars.add_task("starting", total=1.0)

        def report(step: str, done: float) -> None:
            bars.update(task, description=step, completed=done)

        yield report
