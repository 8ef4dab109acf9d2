"""What synthgen raises, and the exit status each kind of failure has on the command line."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar


class SynthgenError(Exception):
    """A failure that synthgen can explain in one line.

    The message says where, what was found and how to mend it, and never holds a value of a real record.
    """

    exit_status: ClassVar[int] = 3


class InputError(SynthgenError):
    """The user's file, config or argument is wrong; mending it is in the user's hands."""

    exit_status: ClassVar[int] = 2


class NotApplicable(Exception):
    """A model or measure cannot answer for these data; the reason is a visible result, not a failure."""


def require_version(path: Path, form: str, found: int, known: int, again: str) -> None:
    """Refuse a file that another version of synthgen wrote.

    Args:
        form: what has the version, such as ``file format``.
        found: that of the file, from 1.
        known: the one that is read.
        again: how to make the file anew.

    Raises:
        InputError: with the way out.
    """
    if found != known:
        age, mend = ("a newer", "upgrade synthgen") if found > known else ("an older", again)
        raise InputError(f"{path}: was made by {age} synthgen ({form} {found}, this one reads {known}); {mend}")
