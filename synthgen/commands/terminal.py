"""How commands speak to people: on standard error, so that standard output holds results only."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

import click

from synthgen.progress import Progress, silent


def say(text: str) -> None:
    """Tell a person; that nobody listens changes nothing."""
    try:
        click.echo(text, err=True)
    except BrokenPipeError:
        nobody_reads(sys.stderr)


def nobody_reads(stream: TextIO) -> None:
    """Send what is still to come for a stream whose reader has gone to nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


@contextmanager
def shown() -> Iterator[Progress]:
    """A line for every step while the block runs, where standard error is a terminal."""
    if not sys.stderr.isatty():
        yield silent
        return
    from rich.console import Console
    from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<24}"), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
        lines: dict[str, TaskID] = {}

        def report(step: str, done: float) -> None:
            if step not in lines:
                for line in lines.values():
                    bars.update(line, completed=1.0)
                lines[step] = bars.add_task(step, total=1.0)
            bars.update(lines[step], completed=done)

        yield report
