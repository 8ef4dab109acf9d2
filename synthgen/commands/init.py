"""``synthgen init``: guess the schema of an extract."""

from __future__ import annotations

from pathlib import Path

import click

from synthgen.commands.options import FORCE, PATH, require_file, require_free
from synthgen.commands.terminal import say
from synthgen.errors import InputError


@click.command("init")
@click.argument("data", type=PATH)
@click.option("-o", "--output", type=PATH, help="Where to write the config; standard output where left out.")
@FORCE
def command(data: Path, output: Path | None, force: bool) -> None:
    """Guess the schema of DATA and write it as a commented YAML config.

    DATA is a .csv, .csv.gz, .tsv or .parquet file. Look at the lines with comments: they say why a guess deserves it.
    """
    if output is not None:
        require_file(output)
        require_free(output, force=force, inputs=(data,))
    import io

    from synthgen import inference
    from synthgen.tables.read import read
    from synthgen.tables.write import write_text

    dataset = read(data)
    if len(dataset.tables) > 1:
        raise InputError(f"{data}: holds {len(dataset.tables)} tables; this version handles one table: name one file")
    (table,) = dataset.tables.values()
    inferred = inference.infer(table)
    text = io.StringIO()
    inference.render(inferred, text)
    if output is None:
        click.echo(text.getvalue().encode(), nl=False)  # configs are UTF-8, whatever the terminal writes
        return
    write_text(output, text.getvalue())
    say(f"{output}: {len(table.columns)} columns, {len(inferred.notes)} notes to look at")
