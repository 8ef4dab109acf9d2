"""An inference as the commented config that a person corrects."""

from __future__ import annotations

from typing import TextIO

from synthgen.inference.table import Inference
from synthgen.schema.load import dump

_ONE = "What synthgen guessed about the table. Correct what is wrong; lines with # say why a guess deserves a look."
_SEVERAL = (
    "What synthgen guessed about the tables. Correct what is wrong; lines with # say why a guess deserves a look."
)


def render(inference: Inference, stream: TextIO) -> None:
    """Write the config. It reads back as ``inference.schema``; each note is a comment above what it is about."""
    comments: dict[tuple[str | int, ...], str] = {(): _ONE if len(inference.schema.tables) == 1 else _SEVERAL}
    for note in inference.notes:
        place = ("tables", note.table) if note.column is None else ("tables", note.table, "columns", note.column)
        comments[place] = "\n".join(filter(None, (comments.get(place), note.text)))
    dump(inference.schema, stream, comments=comments)
