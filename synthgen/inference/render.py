"""An inference as the commented config that a person corrects."""

from __future__ import annotations

from typing import TextIO

from synthgen.inference.table import Inference
from synthgen.schema.load import dump

_HEAD = "What synthgen guessed about the table. Correct what is wrong; lines with # say why a guess deserves a look."


def render(inference: Inference, stream: TextIO) -> None:
    """Write the config. It reads back as ``inference.schema``; each note is a comment above what it is about."""
    ((table, _),) = inference.schema.tables.items()
    comments: dict[tuple[str | int, ...], str] = {(): _HEAD}
    for note in inference.notes:
        place = ("tables", table) if note.column is None else ("tables", table, "columns", note.column)
        comments[place] = "\n".join(filter(None, (comments.get(place), note.text)))
    dump(inference.schema, stream, comments=comments)
