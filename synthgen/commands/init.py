"""``synthgen init``: guess the schema of an extract."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import click

from synthgen import inference
from synthgen.commands.options import FORCE, PATH, require_free
from synthgen.commands.terminal import errors
from synthgen.errors import InputError
from synthgen.tables.read import read
from synthgen.tables.write import write_text


@click.command("init")
@click.argument("data", type=PATH)
@click.option("-o", "--output", type=PATH, help="Where to write the config; standard output where left out.")
@FORCE
def command(data: Path, output: Path | None, force: bool) -> None:
    """Guess the schema of DATA and write it as a commented YAML config.

    DATA is a .csv, .csv.gz, .tsv or .parquet file. Look at the lines with comments: they say why a guess deserves it.
    """
    if output is not None:
        require_free(output, force=force)
    dataset = read(data)
    if len(dataset.tables) > 1:
        raise InputError(f"{data}: holds {len(dataset.tables)} tables; this version handles one table: name one file")
    (table,) = dataset.tables.values()
    inferred = inference.infer(table)
    text = io.StringIO()
    inference.render(inferred, text)
    if output is None:
        sys.stdout.write(text.getvalue())
        return
    write_text(output, text.getvalue())
    errors.print(f"{output}: {len(table.columns)} columns, {len(inferred.notes)} notes to look at")
