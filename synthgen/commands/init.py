"""``synthgen init``: guess the schema of an extract."""

from __future__ import annotations

from pathlib import Path

import click

from synthgen import plugins
from synthgen.commands.options import FORCE, PATH, require_file, require_free
from synthgen.commands.terminal import say


@click.command("init")
@click.argument("data", type=PATH)
@click.option("-o", "--output", type=PATH, help="Where to write the config; standard output where left out.")
@click.option("--preset", type=click.Choice([*plugins.presets()]), help="The layout of DATA, or of some of its tables.")
@FORCE
def command(data: Path, output: Path | None, preset: str | None, force: bool) -> None:
    """Guess the schema of DATA and write it as a commented YAML config.

    DATA is a .csv, .csv.gz, .tsv or .parquet file, or a folder of them for several tables. Look at the lines with
    comments: they say why a guess deserves it.
    """
    if output is not None:
        require_file(output)
        require_free(output, force=force, inputs=(data,))
    import io

    from synthgen import inference
    from synthgen.tables.read import read

    dataset = read(data)
    known = None if preset is None else inference.load_preset(preset)
    if known is None and len(dataset.tables) == 1:
        inferred = inference.infer(next(iter(dataset.tables.values())))
    else:
        inferred = inference.infer_tables(dataset, preset=known)
    text = io.StringIO()
    inference.render(inferred, text)
    if output is None:
        click.echo(text.getvalue().encode(), nl=False)  # configs are UTF-8, whatever the terminal writes
        return
    from synthgen.tables.write import write_text

    write_text(output, text.getvalue())
    tables = f"{len(dataset.tables)} tables, " if len(dataset.tables) > 1 else ""
    columns = sum(len(table.columns) for table in dataset.tables.values())
    say(f"{output}: {tables}{columns} columns, {len(inferred.notes)} notes to look at")
