"""What synthgen raises, and the exit status each kind of failure has on the command line."""

from __future__ import annotations

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
