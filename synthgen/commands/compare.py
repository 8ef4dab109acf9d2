"""``synthgen compare``: several models on the same split, in one table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from synthgen.commands.options import FORCE, PATH, SEED, require_folder, require_free
from synthgen.commands.terminal import say, shown
from synthgen.errors import SynthgenError

if TYPE_CHECKING:
    from synthgen.metrics.result import Contest
    from synthgen.report.board import Line


@click.command("compare")
@click.argument("data", type=PATH)
@click.option("-c", "--config", type=PATH, help="The schema config; guessed as `init` would where left out.")
@click.option("--models", help="Names, with commas between them; all but SDV's and ctgan where left out.")
@SEED
@click.option("-o", "--output", type=PATH, required=True, help="The folder for compare.html and compare.json.")
@FORCE
def command(data: Path, config: Path | None, models: str | None, seed: int | None, output: Path, force: bool) -> int:
    """Fit several models on the same patients of DATA and judge each against the same others.

    Prints one table and writes it as compare.html and compare.json, which are personal data. Each model runs in a
    process of its own; one that fails is named with its reason, and the others go on. The exit status is 0 if at
    least one model has a result, else 3.
    """
    require_folder(output)
    require_free(output, force=force, inputs=(data, config))
    from synthgen import contest
    from synthgen.report.write import write_contest

    names = tuple(name.strip() for name in models.split(",")) if models is not None else ()
    with shown() as progress:
        result = contest.compare(data, config, models=names, seed=seed, progress=progress)
        write_contest(result, output)
    for note in result.notes:
        say(f"guessed: {note}")
    for line in told(result):
        click.echo(line)
    for contender in result.contenders:
        if contender.failure:
            say(f"{contender.model} has no result: {contender.failure}")
    say(f"seed {result.seed}")
    say(f"table: {output / 'compare.html'}")
    return 0 if any(not contender.failure for contender in result.contenders) else SynthgenError.exit_status


def told(result: Contest) -> list[str]:
    """The table as lines of plain text; none where no model has a result."""
    from synthgen.report import board

    table = board.of(result)
    if not table.models:
        return []
    head = ("", "floor", *table.models, "ceiling")
    rows = [head, *(_texts(line) for part in (table.figures, table.verdicts, table.costs) for line in part)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])]).rstrip() for row in rows]


def _texts(line: Line) -> tuple[str, ...]:
    return (
        line.name,
        line.floor,
        *(cell.word or cell.text.replace("\u00a0", " ") for cell in line.cells),
        line.ceiling,
    )
